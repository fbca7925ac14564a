"""A source of several nodes: what lies, lags or fails among them changes nothing that is read.

The names T1 to T50 are those of the catalogue of failures that indexers of real chains had; docs/chain.md lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest

from bridge.chain import open_source, source
from bridge.chain.decoders import CHAIN_START, fold, invoice_of
from bridge.chain.verified import VerifiedSource
from bridge.errors import ConfigError, Unavailable
from bridge.records.invoice_log import InvoiceLog, RawLog
from bridge.sim import chain as sim
from bridge.sim.fake_chain import CHAIN_ID, CONTRACT, FakeChain, FakeLog, FakeNode, invoice
from bridge.sim.machines import usage
from tests.nodes import ANVIL_CHAIN_ID, anvil

EVIL = "0x" + "ee" * 20
PROFILES = ("full", "bloom", "quorum-only")


def chain(blocks: int = 30) -> FakeChain:
    """Every third block has two invoices and a stranger's log, every other one is empty."""
    made = FakeChain()
    for number in range(1, blocks + 1):
        invoices = [[invoice(2 * number, 100 + number)], [invoice(2 * number + 1, 7), stranger()]] if number % 3 == 0 else []
        made.mine(*invoices)
    return made


def stranger() -> FakeLog:
    """The same event, from a contract that is not ours."""
    return invoice(9_999, 99_999_999, address=EVIL)


def opened(*nodes: FakeNode, profile: str = "full", finality: str | int = "finalized") -> VerifiedSource:
    made = open_source(name="plant-1", chain_id=CHAIN_ID, contract=CONTRACT, rpc=nodes, verification=profile, finality=finality)
    assert isinstance(made, VerifiedSource)
    return made


def honest(of: FakeChain, count: int = 2) -> list[FakeNode]:
    return [FakeNode(of, host=f"node-{number}") for number in range(1, count + 1)]


def read(of: VerifiedSource) -> list[RawLog]:
    head = of.final_head()
    assert head is not None
    return of.logs(0, head.number)


def invoice_in(log: RawLog) -> InvoiceLog:
    found = invoice_of(log)
    assert found is not None
    return found


def numbers(logs: Sequence[RawLog]) -> list[int]:
    return [invoice_in(log).invoice_no for log in logs]


TRUE = numbers(read(opened(*honest(chain()))))


# ---- an honest chain -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_reads_the_same(profile: str) -> None:
    """Of an honest chain each profile gives the contract's own logs, in order; their fold is the contract's own (T33, T40)."""
    of = opened(*honest(chain()), profile=profile)
    logs = read(of)
    head = of.final_head()
    assert head is not None
    of.self_test(head)
    said = of.completeness(head)
    folded = CHAIN_START
    for log in logs:
        folded = fold(folded, invoice_in(log))

    assert numbers(logs) == [number for block in range(3, 31, 3) for number in (2 * block, 2 * block + 1)]
    assert said is not None
    assert (said.invoice_count, said.invoice_chain) == (len(logs), folded)
    assert of.disputes == []


def test_only_blocks_whose_bloom_matches_are_read() -> None:
    """Of thirty blocks the ten with our logs cost receipts; an empty one never does."""
    [node, other] = honest(chain())
    of = opened(node, other)
    read(of)
    node.asked.clear()
    read(of)
    assert node.asked.count("eth_getBlockReceipts") == 10


@pytest.mark.parametrize("profile", PROFILES)
def test_no_filter_is_kept_at_a_server(profile: str) -> None:
    """T25: filters expire and lose what happened between two questions; none is ever made."""
    nodes = honest(chain())
    read(opened(*nodes, profile=profile))
    assert not [method for node in nodes for method in node.asked if "ilter" in method]


# ---- lies about logs -----------------------------------------------------------------------------------------------------------

LIES: dict[str, Callable[[FakeNode], None]] = {
    "drops a log": lambda node: _set(node, drop=0, also_in_receipts=True),
    "drops every log": lambda node: _set(node, drop="all", also_in_receipts=True),
    "adds a forged log": lambda node: _set(node, forged=invoice(500, 1), also_in_receipts=True),
    "tells every log twice": lambda node: _set(node, doubled=True, also_in_receipts=True),
    "tells them in another order": lambda node: _set(node, shuffled=True, also_in_receipts=True),
    "says they were removed": lambda node: _set(node, removed=True, also_in_receipts=True),
    "has no receipts": lambda node: _answers(node, eth_getBlockReceipts=None, eth_getLogs=None),
    "has other receipts": lambda node: _answers(node, eth_getBlockReceipts=[], eth_getLogs=[]),
    "has receipts that are none": lambda node: _answers(node, eth_getBlockReceipts=[None], eth_getLogs=[None]),
    "changes an amount": lambda node: _answers(node, eth_getBlockReceipts=_richer, eth_getLogs=_richer_logs),
    "changes a parent": lambda node: _answers(node, eth_getBlockByNumber=_with(parentHash="0x" + "11" * 32)),
    "changes a bloom": lambda node: _answers(node, eth_getBlockByNumber=_with(logsBloom="0x" + "00" * 256)),
    "gives another block": lambda node: _answers(node, eth_getBlockByNumber=_with(number="0x1")),
}  # fmt: skip


def _set(node: FakeNode, **changed: Any) -> None:
    for name, value in changed.items():
        setattr(node, name, value)


def _answers(node: FakeNode, **instead: Any) -> None:
    node.answer.update(instead)


def _with(**changed: str) -> Callable[[Any], Any]:
    return lambda block: block and block | changed


def _richer(receipts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [receipt | {"logs": _richer_logs(receipt["logs"])} for receipt in receipts]


def _richer_logs(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [log | {"data": log["data"][:127] + "f" + log["data"][128:]} for log in logs]


#: what a bloom cannot see: the same addresses and topics are there
BLOOM_IS_BLIND = "changes an amount"
SEEN = [(lie, profile) for lie in LIES for profile in ("full", "bloom") if (lie, profile) != (BLOOM_IS_BLIND, "bloom")]


@pytest.mark.parametrize(("lie", "profile"), SEEN)
def test_a_node_that_lies_is_found_out(lie: str, profile: str) -> None:
    """T14, T15, T17, T19, T23: what does not hash to the agreed block is not believed, and the next node is asked."""
    liar, *others = honest(chain(), 3)
    source = opened(liar, *others, profile=profile)
    assert source.final_head() is not None
    LIES[lie](liar)

    assert numbers(read(source)) == TRUE
    assert {dispute.host for dispute in source.disputes} <= {"node-1 (1)"}


def test_an_amount_that_a_bloom_cannot_see_is_seen_by_the_contract() -> None:
    """Under profile bloom a changed amount is read; the fold of what was read is then not the contract's own."""
    liar, *others = honest(chain(), 3)
    of = opened(liar, *others, profile="bloom")
    LIES[BLOOM_IS_BLIND](liar)
    head = of.final_head()
    assert head is not None
    folded = CHAIN_START
    for log in of.logs(0, head.number):
        folded = fold(folded, invoice_in(log))
    said = of.completeness(head)

    assert said is not None
    assert (said.invoice_count, said.invoice_chain == folded) == (len(TRUE), False)


@pytest.mark.parametrize("lie", ["drops a log", "adds a forged log", "changes an amount", "drops every log"])
def test_among_equals_the_odd_one_is_found_out(lie: str) -> None:
    """Where nothing can be computed, what two of three nodes say counts, and the third is named."""
    liar, *others = honest(chain(), 3)
    LIES[lie](liar)
    of = opened(liar, *others, profile="quorum-only")

    assert numbers(read(of)) == TRUE
    assert {dispute.host for dispute in of.disputes} == {"node-1 (1)"}


@pytest.mark.parametrize("profile", PROFILES)
def test_where_every_node_lies_nothing_is_read(profile: str) -> None:
    """T14: two nodes drop different logs; neither proves what it says, so nothing advances."""
    first, second = honest(chain())
    of = opened(first, second, profile=profile)
    head = of.final_head()
    assert head is not None
    for place, node in enumerate((first, second)):
        _set(node, drop=place, also_in_receipts=True)

    with pytest.raises(Unavailable):
        of.logs(0, head.number)


# ---- who says which block is final ---------------------------------------------------------------------------------------------


def test_a_forged_chain_is_no_quorum() -> None:
    """T15, T16: one node has a chain of its own, consistent in itself; the other does not agree, and nothing advances."""
    mine, theirs = chain(), chain()
    theirs.reorg(5)
    for number in range(26, 31):
        theirs.mine([invoice(2 * number, 9_999_999)])
    forger = FakeNode(theirs, host="forger")

    with pytest.raises(Unavailable, match="the nodes do not agree on block 30"):
        opened(forger, FakeNode(mine, host="honest")).final_head()
    of = opened(forger, *honest(mine))
    assert numbers(read(of)) == TRUE
    assert [dispute.host for dispute in of.disputes][:1] == ["forger (1)"]


@pytest.mark.parametrize("quiet", [0, 1, 2])
def test_one_of_three_may_be_silent(quiet: int) -> None:
    """T16: failover changes who answers, never how many must agree: with one gone two are enough, with two gone none is."""
    nodes = honest(chain(), 3)
    nodes[quiet].silent = True
    of = opened(*nodes)
    assert numbers(read(of)) == TRUE

    nodes[(quiet + 1) % 3].silent = True
    with pytest.raises(Unavailable, match="1 of 3 nodes answered, but 2 must agree"):
        of.final_head()


def test_a_lagging_node_does_not_hold_the_others_up() -> None:
    """T13: the highest block that two call final counts; a node that is behind answers for what it has and proves no more."""
    of = chain()
    late, *others = honest(of, 3)
    late.lag = 10
    assert numbers(read(opened(late, *others))) == TRUE

    assert opened(late, others[0]).final_head() is None  # it does not have the block that the other calls final


def test_a_block_of_which_nobody_says_that_it_is_final() -> None:
    """T7: finalized is null: nothing is final, and no number of confirmations is put in its place."""
    of = chain()
    of.finalized = None
    assert opened(*honest(of)).final_head() is None


def test_confirmations_only_where_they_are_asked_for() -> None:
    """A number of blocks on top of it makes a block final only by an explicit setting."""
    of = chain()
    of.finalized = None
    head = opened(*honest(of), finality=4).final_head()
    assert head is not None
    assert head.number == 26


def test_one_node_that_goes_back_is_outvoted() -> None:
    """T8: finality moves backwards on one of three providers: the two others count."""
    of = chain()
    behind = FakeChain(blocks=[])
    behind.blocks[:] = of.blocks
    behind.finalized = 12
    head = opened(FakeNode(behind), *honest(of)).final_head()
    assert head is not None
    assert head.number == 30


@pytest.mark.parametrize("wrong", [0, 2])
def test_a_node_on_another_chain_is_none_of_them(wrong: int) -> None:
    """T20: with another chain id it is left out and named; where all are on another chain, the setting is wrong."""
    nodes = honest(chain(), 3)
    nodes[wrong].chain_id = 1
    of = opened(*nodes)
    assert numbers(read(of)) == TRUE
    assert "is on chain 1" in of.disputes[0].what

    for node in nodes:
        node.chain_id = 1
    with pytest.raises(ConfigError, match="is on chain 1"):
        opened(*nodes).final_head()


def test_blocks_must_follow_the_one_that_was_read_last() -> None:
    """T10: after a reorganisation during downtime the first new block has another parent than the one the cursor stands on."""
    of = opened(*honest(chain()))
    first, parent = 10, of.head_at(9)
    assert parent is not None
    assert of.logs(first, 12, parent=parent.hash) == of.logs(first, 12)
    with pytest.raises(Unavailable, match="block 10 does not follow the block before it"):
        of.logs(first, 12, parent=b"\1" * 32)


# ---- the self-test -------------------------------------------------------------------------------------------------------------


def test_a_chain_whose_headers_nobody_can_compute() -> None:
    """T24: a field that is not known, or a bloom of zeros: the strong profile refuses to start, and says what to do."""
    of = chain()
    for block in of.blocks:
        block.header["hash"] = "0x" + block.number.to_bytes(32, "big").hex()
        for log in block.logs:
            log["blockHash"] = block.header["hash"]
    strong = opened(*honest(of))
    head = strong.final_head()
    assert head is not None
    with pytest.raises(ConfigError, match=r"cannot be verified as 'full' .* after reading docs/chain.md"):
        strong.self_test(head)
    assert numbers(read(opened(*honest(of), profile="quorum-only"))) == TRUE


def test_a_node_without_all_receipts_at_once() -> None:
    """Where eth_getBlockReceipts is not known each receipt is asked for alone, and proves the same."""
    nodes = honest(chain())
    real = FakeNode.make_request
    for node in nodes:
        node.answer["eth_getBlockReceipts"] = None

    def asked(self: FakeNode, method: Any, params: Any, /) -> Any:
        if method == "eth_getBlockReceipts":
            return {"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "unknown method"}}
        return real(self, method, params)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeNode, "make_request", asked)
        assert numbers(read(opened(*nodes))) == TRUE


# ---- ranges and patience -------------------------------------------------------------------------------------------------------

#: what real providers say of a range that is too large, and what none has said yet
REFUSALS = (
    "requested too many blocks from 1 to 31, maximum is set to 10",
    "Max range: 10",
    "Maximum allowed number of requested blocks is 10",
    "query returned more than 10000 results. Try [0x1, 0xa].",
    "block range is too wide",
    "maximum [from, to] blocks distance: 10",
    "Log response size exceeded",
    "eth_getLogs is limited to a 10 range",
    "limited to 10 block",
    "Block range limit exceeded.",
    "exceeds the range allowed for your plan (5000 > 3000)",
    "please limit the query to at most 10 blocks",
    "maximum block range: 10",
    "query exceeds max block range 10",
    "exceed max block range: 10",
    "query exceeds max results 20000, retry with the range 9000000-6000509",
    "block range greater than 10 max",
    "eth_getLogs range is too large, max is 10 blocks",
    "block range too large (31), maximum allowed is 10 blocks",
    "block range is larger than max block range, block range = 31, max block range = 10",
    "block range too large",
    "no backend is currently healthy to serve traffic",
    "backend response too large",
    "logs matched by query exceeds limit of 10000",
    "response size should not greater than 10000000 bytes",
    "ranges over 10 blocks are not supported on freetier",
    "range threshold exceeded",
    "exceed maximum block range: 10",
    "More than 50000 logs returned",
    "computer says no",
)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal[:40])
def test_a_range_is_asked_for_in_smaller_parts(refusal: str) -> None:
    """T12, T21: whatever a provider says of a range that is too large, hints included, all of it is read, in parts."""
    nodes = honest(chain())
    for node in nodes:
        _set(node, range_max=10, refusal=(-32005, refusal))
    assert numbers(read(opened(*nodes, profile="quorum-only"))) == TRUE


BUSY = (
    (429, "Too Many Requests"),
    (-32005, "daily request count exceeded"),
    (-32000, "call rate limit exhausted"),
    (-32005, "quota"),
)


@pytest.mark.parametrize("words", BUSY, ids=lambda words: words[1])
def test_a_busy_node_is_given_time(words: tuple[int, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """T22: it is asked again after pauses that grow, with the same question; and at some time it is given up."""
    waited: list[float] = []
    monkeypatch.setattr(source, "PATIENCE", (1, 2, 4))
    node = FakeNode(chain(), busy_words=words)
    asked = source.RpcSource("plant-1", node, CHAIN_ID, CONTRACT, pause=waited.append)
    asked.final_head()
    node.asked.clear()

    node.busy = 3
    assert len(asked.logs(0, 30)) == 20
    assert (waited, node.asked.count("eth_getLogs")) == ([1, 2, 4], 1)
    node.busy = 4
    with pytest.raises(Unavailable, match=words[1]):
        asked.logs(0, 30)
    assert waited == [1, 2, 4, 1, 2, 4]


def test_a_real_node_by_two_names() -> None:
    """A node over HTTP, many questions in one message: each profile reads what the contract counts."""
    with anvil() as url:
        node, compiled = sim.node(url), sim.artefact()
        contract = sim.deploy(node, compiled)
        sim.bill(node, compiled, contract, usage("verified", until=date(2026, 11, 16), count=12))
        for _ in range(3):
            sim.ask(node, "evm_mine", [])
        for profile in PROFILES:
            urls = (url, url.replace("127.0.0.1", "localhost"))
            of = open_source(name="p", chain_id=ANVIL_CHAIN_ID, contract=contract, rpc=urls, verification=profile)
            head = of.final_head()
            assert head is not None
            of.self_test(head)
            said = of.completeness(head)
            assert said is not None
            assert len([one for one in of.logs(0, head.number) if invoice_of(one)]) == said.invoice_count == 12
