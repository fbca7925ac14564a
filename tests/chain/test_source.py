from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from bridge.chain import ChainSource, open_source
from bridge.chain.decoders import CHAIN_START, decode, fold, invoice_of
from bridge.errors import ConfigError, Unavailable
from bridge.records.invoice_log import CancelledLog, Completeness, Head, InvoiceLog
from bridge.sim.chain import artefact, ask, bill, cancel, deploy, node
from bridge.sim.machines import usage
from tests.chain.invoices import CHAIN_ID, CONTRACT, OCTOBER, line, raw_log
from tests.nodes import ANVIL_CHAIN_ID, answering, anvil, results

INVOICES = usage("source", until=date(2026, 11, 16), count=6)
CLOSED = [5, 9, 13, 17, 21, 25]  # a machine and its agreement take two blocks, its readings one, closing the period the fourth
HASH = "0x" + "aa" * 32


@pytest.fixture(scope="module")
def chain() -> Iterator[tuple[str, str]]:
    """URL and contract of an anvil whose blocks CLOSED hold one invoice each, block 26 a cancellation."""
    with anvil(slots_in_an_epoch=2) as url:
        contract = deploy(node(url), artefact())
        ids = bill(node(url), artefact(), contract, INVOICES)
        cancel(node(url), artefact(), contract, ids[0], bytes(32))
        yield url, contract


def source(chain: tuple[str, str], finality: str | int = "finalized") -> ChainSource:
    url, contract = chain
    return open_source(name="plant-1", chain_id=ANVIL_CHAIN_ID, contract=contract, rpc=[url], finality=finality)


@pytest.mark.parametrize(("finality", "number"), [("finalized", 22), ("safe", 24), (0, 26), (3, 23), (26, 0)])
def test_the_final_head_follows_the_finality(chain: tuple[str, str], finality: str | int, number: int) -> None:
    """With the head at block 26 and epochs of 2: safe is 24, finalized is 22; confirmations are counted from the head."""
    head = source(chain, finality).final_head()

    assert head is not None
    assert head.number == number
    assert head == source(chain).head_at(number)


def test_fewer_blocks_than_confirmations_is_nothing_final(chain: tuple[str, str]) -> None:
    """Nothing is final while the chain is shorter than the confirmations asked for."""
    assert source(chain, 27).final_head() is None


def test_a_block_that_does_not_exist_is_none(chain: tuple[str, str]) -> None:
    """A number beyond the node's head is None, so a stored cursor can be compared."""
    assert source(chain).head_at(27) is None


def test_logs_are_the_contracts_invoices_in_order(chain: tuple[str, str]) -> None:
    """Every invoice comes once with its block's time, and the cancellation after them; other contracts' logs stay out."""
    other = deploy(node(chain[0]), artefact())
    bill(node(chain[0]), artefact(), other, INVOICES[:1])
    logs = source(chain).logs(0, 30)

    decoded = [decode(log) for log in logs]
    assert [log.block_number for log in logs if invoice_of(log)] == CLOSED
    assert [one.amount_minor for one in decoded if isinstance(one, InvoiceLog)] == [invoice.amount_cents for invoice in INVOICES]
    assert isinstance(decoded[-1], CancelledLog)
    for log in logs:
        head = source(chain).head_at(log.block_number)
        assert head == Head(number=log.block_number, hash=log.block_hash, timestamp=log.block_timestamp)
    assert [log.block_number for log in source(chain).logs(6, 13) if invoice_of(log)] == [9, 13]
    assert source(chain).logs(6, 5) == []


def test_completeness_is_read_at_the_block_asked_for(chain: tuple[str, str]) -> None:
    """At block 13 the contract has three invoices, at the head six, and their fold; before it was deployed there is no proof."""
    reader = source(chain)
    folded = [CHAIN_START]
    for log in reader.logs(0, 26):
        if (one := invoice_of(log)) is not None:
            folded.append(fold(folded[-1], one))
    at_third, at_last, at_zero = reader.head_at(13), reader.head_at(26), reader.head_at(0)
    assert at_third is not None
    assert at_last is not None
    assert at_zero is not None

    assert reader.completeness(at_third) == Completeness(invoice_count=3, invoice_chain=folded[3])
    assert reader.completeness(at_last) == Completeness(invoice_count=6, invoice_chain=folded[6])
    assert reader.completeness(at_zero) is None


def test_a_contract_without_the_functions_has_no_proof(chain: tuple[str, str]) -> None:
    """A contract that reverts on invoiceCount, and an address without code, have no proof; that is no error."""
    reverting = ask(node(chain[0]), "eth_accounts", [])[9]
    code = "0x60006000fd"  # PUSH1 0 PUSH1 0 REVERT
    ask(node(chain[0]), "anvil_setCode", [reverting, code])
    for contract in (reverting, "0x" + "77" * 20):
        reader = source((chain[0], contract), 0)
        head = reader.final_head()
        assert head is not None
        assert reader.completeness(head) is None


@pytest.mark.parametrize("call", ["final_head", "head_at", "logs"])
def test_a_node_of_another_chain_is_refused(chain: tuple[str, str], call: str) -> None:
    """Whatever is asked first, a node whose chain id is not the configured one is refused, naming both, every time."""
    url, contract = chain
    reader = open_source(name="plant-1", chain_id=1, contract=contract, rpc=[url])
    arguments: dict[str, tuple[int, ...]] = {"final_head": (), "head_at": (1,), "logs": (0, 1)}
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"is on chain 31337, but bridge\.toml says chain_id = 1;"):
            getattr(reader, call)(*arguments[call])


def test_a_node_that_changes_its_chain_is_noticed() -> None:
    """The chain id is asked again with every final head."""
    with anvil() as url:
        reader = source((url, CONTRACT))
        assert reader.final_head() is not None
        ask(node(url), "anvil_setChainId", [5])

        with pytest.raises(ConfigError, match="is on chain 5"):
            reader.final_head()


def test_a_reorganised_block_has_another_hash() -> None:
    """After a reorganisation the same number has another hash: a stored cursor sees it."""
    with anvil() as url:
        ask(node(url), "anvil_mine", ["0x5"])
        reader = source((url, CONTRACT))
        before = reader.head_at(4)
        ask(node(url), "anvil_reorg", [3, []])

        assert reader.head_at(4) != before
        assert reader.head_at(1) is not None


BLOCK = {"number": "0x64", "hash": HASH, "timestamp": hex(OCTOBER + 60)}


def scripted(**methods: Any) -> dict[str, Any]:
    """What a well-behaved node says, some methods replaced: ``eth_getLogs`` is ``getLogs`` here."""
    answers = {"chainId": hex(CHAIN_ID), "getBlockByNumber": BLOCK, "blockNumber": "0x64", "getLogs": [line()], "call": "0x"}
    return {f"eth_{name}": answer for name, answer in {**answers, **methods}.items()}


def asked(url: str, finality: str | int = "finalized") -> ChainSource:
    return open_source(name="plant-1", chain_id=CHAIN_ID, contract=CONTRACT, rpc=[url], finality=finality)


def test_the_scripted_node_is_read_like_a_real_one() -> None:
    """The same answers without a lie pass; so what is refused below is refused for its lie."""
    with answering(results(scripted())) as url:
        assert asked(url).logs(100, 100) == [raw_log()]
        assert asked(url).final_head() == Head(number=100, hash=bytes.fromhex("aa" * 32), timestamp=OCTOBER + 60)


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([line(removed=True)], "removed by a reorganisation"),
        ([line(address="0x" + "c1" * 20)], "a log of contract 0xc1c1"),
        ([line(blockNumber="0x65")], "a log of block 101 when 100 to 100"),
        ([line(topics=["0x" + "66" * 32])], "an event that was not asked for"),
        ([line(topics=[])], "an event that was not asked for"),
        ([line(blockNumber=None)], "no blockNumber"),
        ([line(blockHash=None)], "no blockHash"),
        ([line(data="0x1")], "data is '0x1'"),
        ([line(logIndex="0x10000000000000000")], "outside 0"),
        ([line(), line(data="0x")], "two different logs of index 5"),
        ([line(), line(logIndex="0x6", blockHash="0x" + "bb" * 32)], "two hashes"),
        ([line(blockTimestamp=None, blockHash="0x" + "bb" * 32)], "another hash for block 100"),
        (["0x"], "the log has no address"),
        ({}, "not a list"),
        (None, "not a list"),
        ("0x", "not a list"),
    ],
)
def test_logs_that_were_not_asked_for_are_refused(entries: Any, why: str) -> None:
    """A log that is removed, foreign, out of range, malformed or contradictory makes the node inconsistent: nothing is used."""
    with answering(results(scripted(getLogs=entries))) as url, pytest.raises(Unavailable, match=f"inconsistent: .*{why}"):
        asked(url).logs(100, 100)


def test_repeated_and_shuffled_logs_are_put_in_order() -> None:
    """Exact repeats count once and order is ours; addresses come in any case; ``removed`` may be missing."""
    mixed = [line(logIndex="0x9", removed=None), line(address=CONTRACT.replace("c0", "C0")), line(logIndex="0x9", removed=None)]
    with answering(results(scripted(getLogs=mixed))) as url:
        assert [log.log_index for log in asked(url).logs(100, 100)] == [5, 9]


def test_a_log_without_a_time_takes_its_blocks_once() -> None:
    """Where the node gives no blockTimestamp, the block is asked for once, however many logs it has."""
    numbers: list[str] = []

    def block(params: list[Any]) -> Any:
        numbers.append(params[0])
        return BLOCK

    entries = [line(blockTimestamp=None), line(blockTimestamp=None, logIndex="0x6")]
    with answering(results(scripted(getLogs=entries, getBlockByNumber=block))) as url:
        logs = asked(url).logs(100, 100)

    assert [log.block_timestamp for log in logs] == [OCTOBER + 60, OCTOBER + 60]
    assert numbers == ["0x64", "0x64"]  # once to see that the node has the range's last block, once for the time


def test_a_node_that_is_behind_is_no_empty_range() -> None:
    """A node without the range's last block answers [] without an error; that is never taken for "no invoices"."""
    with answering(results(scripted(getBlockByNumber=None, getLogs=[]))) as url, pytest.raises(Unavailable, match="no block 200"):
        asked(url).logs(100, 200)


def test_a_refused_range_is_asked_for_in_halves() -> None:
    """Any JSON-RPC error on several blocks halves the range, whatever its text; the union of what was read is the range."""
    read: list[tuple[int, int]] = []

    def get_logs(params: list[Any]) -> Any:
        first, last = int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16)
        if last - first >= 10:
            return ValueError("Try with this block range [0x99, 0x01]")
        read.append((first, last))
        return [line()] if first <= 100 <= last else []

    def block(params: list[Any]) -> Any:
        return {**BLOCK, "number": params[0]}

    with answering(results(scripted(getLogs=get_logs, getBlockByNumber=block))) as url:
        assert asked(url).logs(60, 139) == [raw_log()]

    assert [at for first, last in read for at in range(first, last + 1)] == list(range(60, 140))


def test_a_single_block_that_is_refused_is_unavailable() -> None:
    """A block that the node refuses to read stops everything, and the message carries the node's words."""
    refused = scripted(getLogs=ValueError("pruned history unavailable"))
    with answering(results(refused)) as url, pytest.raises(Unavailable, match="refused eth_getLogs: 'pruned history"):
        asked(url).logs(100, 100)


@pytest.mark.parametrize(
    ("block", "why"),
    [
        ({**BLOCK, "number": "0x63"}, "gave block 99 when block 100"),
        ({**BLOCK, "hash": "0xaa"}, "hash has 1 bytes"),
        ({**BLOCK, "hash": None}, "hash is None"),
        ({**BLOCK, "timestamp": "soon"}, "timestamp is 'soon'"),
        ([], r"block 0x64 is \[\]"),
    ],
)
def test_a_block_that_was_not_asked_for_is_refused(block: Any, why: str) -> None:
    """A block of another number, or without a whole hash or time, is refused."""
    with answering(results(scripted(getBlockByNumber=block))) as url, pytest.raises(Unavailable, match=why):
        asked(url).head_at(100)


def test_nothing_final_yet_is_none() -> None:
    """A node without a finalized block says null, or error -39001 (geth); both mean: nothing yet."""
    with answering(results(scripted(getBlockByNumber=None))) as url:
        assert asked(url).final_head() is None

    def geth(request: dict[str, Any]) -> bytes:
        if request["method"] == "eth_chainId":
            return results(scripted())(request)
        error = {"code": -39001, "message": "finalized block not found"}
        return json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}).encode()

    with answering(geth) as url:
        assert asked(url).final_head() is None


def test_a_tag_the_node_does_not_know_is_not_replaced() -> None:
    """An error about the tag is an error; confirmations are never counted instead."""
    refused = scripted(getBlockByNumber=ValueError("invalid argument: tag finalized"))
    with answering(results(refused)) as url, pytest.raises(Unavailable, match="refused eth_getBlockByNumber"):
        asked(url).final_head()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (ValueError("rate limit exceeded"), "refused eth_call: 'rate limit"),
        ("0x" + "00" * 31, "31 bytes instead of 32"),
        ("0x" + "00" * 64, "64 bytes instead of 32"),
        (None, "not bytes"),
        (7, "not bytes"),
    ],
)
def test_a_failed_question_for_the_proof_is_not_no_proof(answer: Any, why: str) -> None:
    """Only a revert or an empty answer means that there is no proof; anything else may be the node and is tried again."""
    head = Head(number=100, hash=bytes.fromhex("aa" * 32), timestamp=OCTOBER + 60)
    with answering(results(scripted(call=answer))) as url, pytest.raises(Unavailable, match=why):
        asked(url).completeness(head)


@pytest.mark.parametrize("finality", ["latest", "", "64", -1, True, 1.5, None])
def test_other_finalities_are_refused(finality: Any) -> None:
    """Finality is "finalized", "safe" or a number of confirmations."""
    with pytest.raises(ConfigError, match="is not one of: finalized, safe, a number of confirmations"):
        open_source(name="plant-1", chain_id=1, contract=CONTRACT, rpc=["http://127.0.0.1:1"], finality=finality)


def test_a_source_is_one_node_or_one_file() -> None:
    """Neither, both, several nodes, an address that is none, or a URL that is none are refused when the source is opened."""
    good: dict[str, Any] = {"name": "plant-1", "chain_id": 1, "contract": CONTRACT}
    for wrong, why in (
        ({}, "neither rpc nor recorded"),
        ({"rpc": ["http://a"], "recorded": "logs.jsonl"}, "both rpc and recorded"),
        ({"rpc": ["http://a", "http://b"]}, "2 rpc endpoints"),
        ({"rpc": ["http://a"], "contract": "0x12"}, "contract '0x12' is no address"),
        ({"rpc": ["ftp://user:secret@a"]}, "no http:// or https:// address"),
        ({"rpc": ["http://"]}, "no http:// or https:// address"),
        ({"rpc": ["http://a:port"]}, "no http:// or https:// address"),
    ):
        with pytest.raises(ConfigError, match=why) as refusal:
            open_source(**{**good, **wrong})
        assert "secret" not in str(refusal.value)
