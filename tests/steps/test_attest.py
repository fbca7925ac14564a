"""Outcomes are written back on a real node: once, whatever happens to the calls on their way, and never with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from eth_hash.auto import keccak

from bridge import shards
from bridge.acts import unfreeze
from bridge.errors import ConfigError
from bridge.model import Attestation, Break, ChainLog, Document, Invoice
from bridge.sim.chain import ask, call, encoded
from bridge.steps import PIPELINE, attest
from tests import engines
from tests.nodes import ANVIL_CHAIN_ID, anvil
from tests.steps.on_anvil import ACCOUNT, BILLED, KEY, OnAnvil
from tests.steps.place import NOW, Bill, Place

NOTHING = {"planned": 0, "sent": 0, "again": 0}
FIRST, SECOND = "plant-1-000001-1", "plant-1-000002-1"
about_the_node = pytest.mark.only_on("sqlite", "about what a node does with a call; the database has no part in it")


@pytest.fixture
def on_anvil(tmp_path: Path) -> Iterator[OnAnvil]:
    with anvil("--timestamp", str(int(NOW.timestamp()) - 3_600)) as url:
        yield OnAnvil(tmp_path / "plant", url)


def outcome_of(contract: OnAnvil, number: int) -> int:
    asked = {"to": contract.address, "data": encoded(contract.compiled, "invoices", [contract.ids[number - 1]])}
    return bytes.fromhex(ask(contract.node, "eth_call", [asked, "latest"])[2:])[63]


def test_what_became_of_each_invoice_is_written_once(on_anvil: OnAnvil) -> None:
    """T49, T50: planned, sent, final when its log was read; what changed before it was sent is overtaken; a rerun is idle."""
    on_anvil.collected({SECOND: "return:MD07"})
    assert on_anvil.write() == {"planned": 2, "sent": 2, "again": 0}
    on_anvil.wait_mined(2)
    assert on_anvil.write() == NOTHING
    on_anvil.read()

    assert [(number, outcome) for number, outcome, _ in on_anvil.on_chain()] == [(1, 1), (2, 2)]
    assert on_anvil.states() == [("settled", "final"), ("settled", "overtaken"), ("returned", "final")]
    before = on_anvil.nonces()
    assert on_anvil.write() == NOTHING
    assert (on_anvil.nonces(), before, on_anvil.place.breaks(), on_anvil.holds()) == (2, 2, [], [])


@about_the_node
def test_the_hash_is_of_the_bank_file_and_the_call_holds_no_reason(on_anvil: OnAnvil) -> None:
    """T50: whoever gets salt and statement can check the hash; the call is function, id, outcome and hash, and nothing else."""
    on_anvil.collected({FIRST: "return:MD07"})
    on_anvil.write()
    rows = {row.invoice_id: row for row in on_anvil.place.rows(Attestation) if row.state == "sent"}
    returned = on_anvil.place.rows(Invoice)[0]
    row = rows[returned.id]
    document = on_anvil.place.rows(Document)[-1]
    said = (
        f"bridge outcome 1\nchain {ANVIL_CHAIN_ID}\ncontract {on_anvil.address}\ninvoice 0x{on_anvil.ids[0].hex()}\n"
        f"outcome returned\nbooked on 2026-12-03\namount in cents {BILLED[0].amount_cents}\ndocument {document.sha256}\n"
    )
    assert row.evidence_hash == keccak(row.salt + said.encode())

    assert row.tx_hash is not None
    sent = ask(on_anvil.node, "eth_getTransactionByHash", ["0x" + row.tx_hash.hex()])
    selector = keccak(b"attest(bytes32,uint8,bytes32)")[:4]
    assert bytes.fromhex(sent["input"][2:]) == selector + on_anvil.ids[0] + (2).to_bytes(32, "big") + row.evidence_hash
    assert (sent["from"], sent["chainId"]) == (ACCOUNT, hex(ANVIL_CHAIN_ID))


@about_the_node
def test_a_later_outcome_waits_for_the_one_before_it(on_anvil: OnAnvil) -> None:
    """T50: settled is on its way when the debit comes back; returned is sent once settled is final: in their order."""
    on_anvil.run("ingest", "collect", "batch", "handover")
    bank = on_anvil.opened({FIRST: "return:AC04"})
    on_anvil.books(bank, 1)
    on_anvil.write()
    on_anvil.books(bank, 3)
    assert on_anvil.write() == {"planned": 1, "sent": 0, "again": 0}
    on_anvil.read()
    assert on_anvil.write() == {"planned": 0, "sent": 1, "again": 0}
    on_anvil.read()

    assert [(number, outcome) for number, outcome, _ in on_anvil.on_chain()] == [(1, 1), (2, 1), (1, 2)]
    assert (outcome_of(on_anvil, 1), on_anvil.place.breaks()) == (2, [])


@about_the_node
def test_a_call_that_the_node_dropped_is_broadcast_again(on_anvil: OnAnvil) -> None:
    """T49, dropped: the very same bytes, so that it can never be two."""
    on_anvil.stuck()
    before = on_anvil.hashes()
    ask(on_anvil.node, "anvil_removePoolTransactions", [ACCOUNT])
    assert on_anvil.write() == NOTHING
    on_anvil.automine(on=True)
    on_anvil.read()

    assert (on_anvil.hashes(), on_anvil.nonces()) == (before, 2)
    assert [(number, outcome) for number, outcome, _ in on_anvil.on_chain()] == [(1, 1), (2, 1)]
    assert [state for _, state in on_anvil.states()] == ["final", "final"]


@about_the_node
def test_a_call_that_waits_too_long_is_sent_for_more(on_anvil: OnAnvil) -> None:
    """T49, underpriced: the first in line is signed again with its own nonce; the others wait behind it."""
    on_anvil.stuck()
    before = on_anvil.place.rows(Attestation)
    on_anvil.wait(9)
    assert on_anvil.write() == NOTHING
    on_anvil.wait(1)
    assert on_anvil.write() == {"planned": 0, "sent": 0, "again": 1}
    after = on_anvil.place.rows(Attestation)

    assert [row.nonce for row in after] == [row.nonce for row in before] == [0, 1]
    assert [one.fee_wei > 1.1 * other.fee_wei for one, other in zip(after, before, strict=True)] == [True, False]
    on_anvil.automine(on=True)
    on_anvil.read()
    assert ([state for _, state in on_anvil.states()], on_anvil.nonces()) == (["final", "final"], 2)


@about_the_node
def test_the_cheaper_call_may_be_the_one_that_is_mined(on_anvil: OnAnvil) -> None:
    """T49, replaced by itself: killed before the dearer one was broadcast; the contract says that it is written."""
    on_anvil.stuck()
    on_anvil.wait(10)
    on_anvil.killed_at("attest: signed for more")
    ask(on_anvil.node, "evm_mine", [])
    assert on_anvil.write() == NOTHING
    on_anvil.read()

    assert ([state for _, state in on_anvil.states()], on_anvil.nonces()) == (["final", "final"], 2)


@about_the_node
def test_a_nonce_that_something_else_used_costs_nothing(on_anvil: OnAnvil) -> None:
    """T49, replaced: another call of the account took the nonce; the outcome gets the next one."""
    on_anvil.stuck()
    ask(on_anvil.node, "anvil_removePoolTransactions", [ACCOUNT])
    ask(on_anvil.node, "eth_sendTransaction", [{"from": ACCOUNT, "to": ACCOUNT, "nonce": "0x0", "gas": hex(30_000)}])
    ask(on_anvil.node, "evm_mine", [])
    on_anvil.automine(on=True)
    assert on_anvil.write() == {"planned": 0, "sent": 1, "again": 1}
    on_anvil.read()

    assert sorted((number, outcome) for number, outcome, _ in on_anvil.on_chain()) == [(1, 1), (2, 1)]
    assert ([state for _, state in on_anvil.states()], on_anvil.nonces()) == (["final", "final"], 3)


@about_the_node
def test_what_must_be_sent_again_is_the_last_outcome(on_anvil: OnAnvil) -> None:
    """T49: settled was never mined, and the debit came back meanwhile: only returned is written."""
    on_anvil.run("ingest", "collect", "batch", "handover")
    bank = on_anvil.opened({FIRST: "return:AC04"})
    on_anvil.books(bank, 1)
    on_anvil.automine(on=False)
    on_anvil.write()
    on_anvil.books(bank, 3)
    on_anvil.write()
    ask(on_anvil.node, "anvil_removePoolTransactions", [ACCOUNT])
    for nonce in ("0x0", "0x1"):
        ask(on_anvil.node, "eth_sendTransaction", [{"from": ACCOUNT, "to": ACCOUNT, "nonce": nonce, "gas": hex(30_000)}])
    ask(on_anvil.node, "evm_mine", [])
    on_anvil.automine(on=True)
    assert on_anvil.write() == {"planned": 0, "sent": 2, "again": 2}
    on_anvil.read()

    assert sorted((number, outcome) for number, outcome, _ in on_anvil.on_chain()) == [(1, 2), (2, 1)]
    assert on_anvil.states() == [("settled", "overtaken"), ("settled", "final"), ("returned", "final")]


@about_the_node
def test_a_reorganisation_takes_the_call_away(on_anvil: OnAnvil) -> None:
    """T49, reorged: mined, gone, broadcast again as it was; on the chain that counts it stands once."""
    on_anvil.collected()
    on_anvil.write()
    on_anvil.wait_mined(2)
    assert len(on_anvil.on_chain()) == 2
    ask(on_anvil.node, "anvil_reorg", [2, []])
    ask(on_anvil.node, "anvil_removePoolTransactions", [ACCOUNT])
    assert on_anvil.on_chain() == []
    assert on_anvil.write() == NOTHING
    on_anvil.read()

    assert [(number, outcome) for number, outcome, _ in on_anvil.on_chain()] == [(1, 1), (2, 1)]
    assert ([state for _, state in on_anvil.states()], on_anvil.nonces()) == (["final", "final"], 2)


@about_the_node
def test_what_had_been_final_and_is_gone_is_written_again(on_anvil: OnAnvil) -> None:
    """T9 with an outcome: two people unfreeze the source; its log is on the chain no more, and the outcome is sent again."""
    on_anvil.collected()
    on_anvil.write()
    on_anvil.wait_mined(2)
    on_anvil.read()
    ask(on_anvil.node, "anvil_rollback", [4])
    on_anvil.make_final(8)
    on_anvil.run("ingest")
    assert on_anvil.place.breaks() == [("REORG_BELOW_FINAL", "source:1")]
    assert on_anvil.write() == NOTHING  # nobody knows what stands on its chain
    now = unfreeze.plan(on_anvil.place.runtime, "plant-1").now
    for name in ("anna", "ben"):
        unfreeze.run(on_anvil.place.runtime, name, "plant-1", block_hash=now, reason="a bad node")
    gone = sum(state == "planned" for _, state in on_anvil.states())
    on_anvil.run("ingest")
    on_anvil.write()
    on_anvil.read()

    assert (gone > 0, [state for _, state in on_anvil.states()]) == (True, ["final", "final"])
    assert (outcome_of(on_anvil, 1), outcome_of(on_anvil, 2), on_anvil.place.breaks()) == (1, 1, [])


@about_the_node
def test_it_waits_while_gas_is_too_dear(on_anvil: OnAnvil) -> None:
    """Nothing is signed above the limit; people are told, and the Break ends by itself."""
    on_anvil.collected()
    on_anvil.price(200)
    assert on_anvil.write() == {"planned": 2, "sent": 0, "again": 0}
    [found] = on_anvil.place.rows(Break)
    assert (found.kind, "source plant-1 pays 100 at most" in found.what, on_anvil.nonces()) == ("ATTEST_TOO_DEAR", True, 0)
    on_anvil.price(1)
    assert on_anvil.write()["sent"] == 2
    assert on_anvil.place.breaks() == []


@about_the_node
def test_without_the_role_nothing_is_sent(on_anvil: OnAnvil) -> None:
    """The contract would refuse the call, so it costs no gas; with the role it goes."""
    on_anvil.collected()
    role = keccak(b"SETTLEMENT_ROLE")
    call(on_anvil.node, on_anvil.address, encoded(on_anvil.compiled, "revokeRole", [role, ACCOUNT]))
    assert on_anvil.write() == {"planned": 2, "sent": 0, "again": 0}
    assert (on_anvil.place.breaks(), on_anvil.nonces()) == ([("ATTEST_REFUSED", "attest:1")], 0)
    call(on_anvil.node, on_anvil.address, encoded(on_anvil.compiled, "grantRole", [role, ACCOUNT]))
    assert on_anvil.write()["sent"] == 2
    assert on_anvil.place.breaks() == []


@about_the_node
def test_an_account_without_means_is_told(on_anvil: OnAnvil) -> None:
    """The call is stored and broadcast by each run until the node takes it."""
    on_anvil.collected()
    ask(on_anvil.node, "anvil_setBalance", [ACCOUNT, "0x0"])
    on_anvil.write()
    assert on_anvil.place.breaks() == [("ATTEST_NOT_TAKEN", "attest:1")]
    ask(on_anvil.node, "anvil_setBalance", [ACCOUNT, hex(10**18)])
    assert on_anvil.write() == NOTHING
    on_anvil.wait_mined(2)
    assert on_anvil.place.breaks() == []


@about_the_node
def test_a_node_of_another_chain_gets_no_call(on_anvil: OnAnvil) -> None:
    """T49, chain id wrong: refused before anything is signed; a signature is worth nothing on another chain anyway."""
    on_anvil.collected()
    ask(on_anvil.node, "anvil_setChainId", [5])
    with pytest.raises(ConfigError, match="is on chain 5"):
        on_anvil.write()
    assert [row.raw_call for row in on_anvil.place.rows(Attestation)] == [None, None]


@pytest.mark.parametrize("point", ["attest: signed", "attest: stored"])
def test_killed_in_the_middle(on_anvil: OnAnvil, point: str) -> None:
    """What was signed and not stored is signed again with the same nonce; what was stored and not broadcast is broadcast."""
    on_anvil.collected()
    on_anvil.killed_at(point)
    on_anvil.write()
    on_anvil.write()
    on_anvil.read()

    assert [(number, outcome) for number, outcome, _ in on_anvil.on_chain()] == [(1, 1), (2, 1)]
    assert ([state for _, state in on_anvil.states()], on_anvil.nonces()) == (["final", "final"], 2)


def test_two_workers_write_once(on_anvil: OnAnvil, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second worker signs and stores while the first holds its own signature: the first loses, and no nonce is used twice.

    Claims would keep the second away; nothing may hang on them.
    """
    monkeypatch.setattr(shards, "claimed", lambda *_: nullcontext(True))
    on_anvil.collected()
    runtime, met = on_anvil.place.runtime, []

    def other(point: str) -> None:
        if point == "attest: signed" and not met:
            met.append(point)
            assert attest.run(runtime)["sent"] == 2

    assert attest.run(replace(runtime, fault=other)) == {"planned": 2, "sent": 0, "again": 0}
    on_anvil.read()
    assert ([state for _, state in on_anvil.states()], on_anvil.nonces()) == (["final", "final"], 2)


@about_the_node
def test_an_outcome_that_is_not_ours_is_told(on_anvil: OnAnvil) -> None:
    """Somebody else has the role, or the key: his log is evidence, and a person looks."""
    on_anvil.run("ingest")
    call(on_anvil.node, on_anvil.address, encoded(on_anvil.compiled, "attest", [on_anvil.ids[0], 1, bytes(32)]), sender=ACCOUNT)
    on_anvil.read()
    [found] = on_anvil.place.rows(Break)
    assert (found.kind, found.subject) == ("ATTESTED_BY_OTHERS", f"chain_log:{on_anvil.place.rows(ChainLog)[-1].id}")


def test_a_restored_database_writes_nothing_twice(on_anvil: OnAnvil, tmp_path: Path) -> None:
    """The salt comes from the key and the statement: the same outcome has the same hash, and the contract says that it has it."""
    on_anvil.collected()
    engines.copy(on_anvil.place.folder, tmp_path / "backup")
    on_anvil.write()
    on_anvil.read()
    on_anvil.place = Place(tmp_path / "backup")
    on_anvil.wait(14_400)
    assert on_anvil.write() == {"planned": 2, "sent": 0, "again": 0}
    on_anvil.run("ingest")

    assert ([state for _, state in on_anvil.states()], on_anvil.nonces()) == (["final", "final"], 2)
    assert len(on_anvil.on_chain()) == 2


@pytest.mark.only_on("sqlite", "about a file")
@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [(None, 0o600, "is missing; make one"), (KEY, 0o644, "can be read by others"), ("0x1234", 0o600, "is none: 32 bytes in hex")],
)
def test_the_key_file_must_be_one(on_anvil: OnAnvil, text: str | None, mode: int, words: str) -> None:
    """A key that is missing, open to others or none stops the step by name; its text is never quoted."""
    path = on_anvil.place.folder / "attest.key"
    path.unlink()
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    with pytest.raises(ConfigError, match=words) as refused:
        on_anvil.write()
    assert text is None or text not in str(refused.value)


def test_it_is_off_by_default(tmp_path: Path) -> None:
    """Without [sources.attest] the step plans nothing and opens no source."""
    place = Place(tmp_path)
    place.bill(Bill(1))
    PIPELINE["ingest"][0](place.runtime)
    assert attest.run(replace(place.runtime, source=None)) == NOTHING  # type: ignore[arg-type]
    assert place.rows(Attestation) == []
