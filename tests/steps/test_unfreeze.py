"""A block that was final is another one now, or the contract was changed: nothing goes on until two people looked."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import delete

from bridge.acts import approve, resolve, unfreeze
from bridge.errors import BadInput, IllegalMove, NotAllowed, UnknownName
from bridge.model import Audit, Break, ChainLog, Collection, Cursor, Invoice, Observation, Orphan
from bridge.sim.fake_chain import FakeLog
from bridge.sim.fake_chain import administration as administered
from bridge.steps.ingest import replay
from tests.steps.contract import SIGNED, Contract, billed, cancellation, payment
from tests.steps.place import CONTRACT

WHOLE = 119_00 * 10**4
administration = partial(administered, address=CONTRACT)


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    """Block 1 has invoice 1, block 2 invoice 2; both were read, and are final."""
    made = Contract(tmp_path)
    made.mine(billed(1))
    made.mine(billed(2))
    made.run("ingest")
    return made


def frozen(contract: Contract) -> list[str]:
    """The kinds of Break on the source, after another look at the chain."""
    contract.run("ingest")
    return [kind for kind, subject in contract.place.breaks() if subject == "source:1"]


def go_on(contract: Contract, *people: str, from_block: int | None = None) -> unfreeze.Unfrozen:
    found = unfreeze.plan(contract.place.runtime, "plant-1", from_block=from_block)
    for one in people or ("anna", "ben"):
        done = unfreeze.run(
            contract.place.runtime, one, "plant-1", block_hash=found.now[:12], reason="a bad node", from_block=from_block
        )
    contract.run("ingest")
    return done


def files(contract: Contract) -> list[bytes]:
    """The debit files that left."""
    return [body for name, body in contract.place.outbox().items() if name.endswith(".xml")]


def states(contract: Contract) -> list[tuple[int, str]]:
    return [(row.invoice_no, row.state) for row in contract.place.rows(Invoice)]


# ---- the same again ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [(), ("collect",), ("collect", "batch"), ("collect", "batch", "handover")])
def test_an_invoice_that_is_on_the_new_chain_is_collected_once(contract: Contract, steps: tuple[str, ...]) -> None:
    """T2, T6: the same claims in other blocks: two observations, one invoice, one debit, and no money moves."""
    contract.run(*steps)
    before = contract.place.dump("chain_log", "cursor", "break")["voucher"]
    contract.reorg(2, billed(1), billed(2))
    assert frozen(contract) == ["REORG_BELOW_FINAL"]
    done = go_on(contract)

    assert (done.plan.again, done.plan.gone, done.plan.changed) == (("plant-1-000001", "plant-1-000002"), (), ())
    assert frozen(contract) == []
    assert [row.invoice_id for row in contract.place.rows(Observation)] == [1, 2]
    assert (len(contract.place.rows(Orphan)), len(contract.place.rows(ChainLog))) == (2, 4)
    assert contract.place.dump("chain_log", "cursor", "break")["voucher"] == before
    contract.run("collect", "batch", "handover")
    assert [row.end_to_end_id for row in contract.place.rows(Collection)] == ["plant-1-000001-1", "plant-1-000002-1"]
    assert contract.holds() == []


def test_only_what_was_replaced_is_read_again(contract: Contract) -> None:
    """The last block that both chains share is kept: the log in it is no orphan."""
    contract.reorg(1, billed(2))
    frozen(contract)
    done = go_on(contract)

    assert (done.plan.block, done.plan.again) == (1, ("plant-1-000002",))
    assert [row.log_id for row in contract.place.rows(Orphan)] == [2]


# ---- gone --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [(), ("collect",)])
def test_an_invoice_that_is_gone_is_owed_no_more(contract: Contract, steps: tuple[str, ...]) -> None:
    """T1, T4: not sent yet: the invoice is orphaned, its debit goes with it; the other one is collected."""
    contract.run(*steps)
    contract.reorg(1)
    frozen(contract)
    contract.run("collect", "batch", "handover")
    assert contract.place.outbox() == {}  # frozen: nothing of the source goes out
    done = go_on(contract)

    assert done.plan.gone == ("plant-1-000002",)
    assert states(contract)[1] == (2, "orphaned")
    contract.run("collect", "batch", "handover")
    [body] = files(contract)
    assert (b"plant-1-000001-1" in body, b"plant-1-000002-1" in body) == (True, False)
    assert contract.holds() == []


def test_a_sealed_file_with_it_does_not_leave(tmp_path: Path) -> None:
    """T5: while the source is frozen nobody signs; afterwards the file is given up by rule, and the next leaves it out."""
    contract = Contract(tmp_path, SIGNED)
    contract.mine(billed(1))
    contract.mine(billed(2))
    contract.run("ingest", "collect", "batch")
    [sealed] = contract.place.batches()
    contract.reorg(1)
    frozen(contract)
    with pytest.raises(NotAllowed, match="REORG_BELOW_FINAL"):
        approve.run(contract.place.runtime, "anna", sealed.message_id)
    go_on(contract)
    contract.run("batch")

    assert [row.state for row in contract.place.batches()] == ["discarded", "sealed"]
    assert [row.state for row in contract.place.rows(Collection)] == ["batched", "cancelled"]
    assert contract.holds() == []


def test_a_debit_that_left_is_a_case_for_people(contract: Contract) -> None:
    """T6: the debit stays where it is, is told at once, and what it brings is the customer's."""
    contract.run("collect", "batch", "handover")
    contract.reorg(1)
    frozen(contract)
    go_on(contract)
    assert contract.place.breaks() == [("PAID_TWICE", "invoice:2")]
    assert (
        "is on the chain no more, and its debit plant-1-000002-1 is submitted"
        in contract.place.rows(Break, Break.kind == "PAID_TWICE")[0].what
    )

    contract.bank()
    assert contract.place.breaks() == [("CUSTOMER_CREDIT", "invoice:2")]
    assert (states(contract)[1], contract.holds()) == ((2, "orphaned"), [])


@pytest.mark.parametrize("steps", [(), ("collect",), ("collect", "batch", "handover")])
def test_one_that_comes_back_later_is_owed_again(contract: Contract, steps: tuple[str, ...]) -> None:
    """Its call is mined again after the source went on: the same invoice, its first debit or a new one, never two at once."""
    contract.run(*steps)
    contract.reorg(1)
    frozen(contract)
    go_on(contract)
    contract.mine(billed(2))
    contract.run("ingest", "collect", "batch", "handover")

    assert states(contract) == [(1, "collecting"), (2, "collecting")]
    alive = [row for row in contract.place.rows(Collection, Collection.invoice_id == 2) if row.state != "cancelled"]
    assert [row.state for row in alive] == ["submitted"]
    assert (contract.place.breaks(), contract.holds()) == ([], [])
    assert contract.place.rows(Cursor)[0].invoice_count == 2


# ---- changed -----------------------------------------------------------------------------------------------------------------


def test_another_amount_is_a_conflict_and_no_debit(contract: Contract) -> None:
    """T3: the same claim with other content: the old one is owed no more, the new one is not collected, a person decides."""
    contract.reorg(1, billed(2, cents=500_00))
    frozen(contract)
    done = go_on(contract)

    assert done.plan.changed == ("plant-1-000002",)
    assert states(contract) == [(1, "open"), (2, "orphaned")]
    assert [kind for kind, _ in contract.place.breaks()] == ["CLAIM_CONFLICT"]
    contract.run("collect", "batch", "handover")
    assert [row.end_to_end_id for row in contract.place.rows(Collection)] == ["plant-1-000001-1"]
    assert contract.holds() == []


def test_the_same_claim_twice_on_one_chain_freezes(contract: Contract) -> None:
    """T3: a contract that finalizes an invoice twice is not the one we know: nothing of it is collected."""
    contract.mine(billed(2, cents=500_00))
    assert "CLAIM_CONFLICT" in frozen(contract)
    contract.run("collect", "batch", "handover")
    assert contract.place.outbox() == {}
    [conflict] = contract.place.rows(Break, Break.kind == "CLAIM_CONFLICT")
    with pytest.raises(NotAllowed):
        resolve.run(contract.place.runtime, "anna", conflict.id, "fine")


# ---- payments and cancellations ----------------------------------------------------------------------------------------------


def test_a_payment_that_is_gone_is_undone(contract: Contract) -> None:
    """The token never came: the invoice is open again, and is collected."""
    contract.mine(payment(1, WHOLE))
    contract.run("ingest")
    assert states(contract)[0] == (1, "paid")
    contract.reorg(1)
    frozen(contract)
    go_on(contract)

    assert (states(contract)[0], contract.place.ledger("Token"), contract.holds()) == ((1, "open"), 0, [])
    contract.run("collect", "batch", "handover")
    assert len(contract.place.rows(Collection)) == 2


def test_a_payment_that_is_there_again_is_booked_once(contract: Contract) -> None:
    """The same payment in another block."""
    contract.mine(payment(1, WHOLE))
    contract.run("ingest")
    contract.reorg(1, payment(1, WHOLE))
    frozen(contract)
    go_on(contract)

    assert (states(contract)[0], contract.place.ledger("Token"), contract.holds()) == ((1, "paid"), 119_00, [])


@pytest.mark.parametrize(("again", "state"), [((), "open"), ((cancellation(1),), "cancelled")])
def test_a_cancellation_follows_the_chain(contract: Contract, again: tuple[FakeLog, ...], state: str) -> None:
    """Gone: the invoice is owed again. There again: it stays cancelled, and is not open for a moment."""
    contract.cancel()
    contract.reorg(1, *again)
    frozen(contract)
    go_on(contract)

    assert (states(contract)[0], contract.holds()) == ((1, state), [])


# ---- two people --------------------------------------------------------------------------------------------------------------


def test_it_takes_two_who_saw_the_same(contract: Contract) -> None:
    """T11: one word is not enough, nor two of one person; a word about another chain than it is now counts for nothing."""
    contract.reorg(1)
    frozen(contract)
    assert go_on(contract, "anna", "anna").missing == 1
    assert frozen(contract) == ["REORG_BELOW_FINAL"]
    contract.reorg(2, billed(2, cents=1_00))
    assert go_on(contract, "ben").missing == 1
    assert frozen(contract) == ["REORG_BELOW_FINAL"]
    assert go_on(contract, "anna").missing == 0
    assert [row.act for row in contract.place.rows(Audit) if row.act == "chain unfreeze"] == ["chain unfreeze"] * 4


def test_the_block_is_named(contract: Contract) -> None:
    """Another hash, too few digits of it, no reason, an unknown source, blocks that are not final yet: refused, unchanged."""
    contract.reorg(1)
    frozen(contract)
    now = unfreeze.plan(contract.place.runtime, "plant-1").now
    for wrong, name, reason, error in (
        ("0x" + "00" * 32, "plant-1", "why", BadInput),
        (now[:9], "plant-1", "why", BadInput),
        (now, "plant-1", " ", BadInput),
        (now, "plant-9", "why", UnknownName),
    ):
        with pytest.raises(error):
            unfreeze.run(contract.place.runtime, "anna", name, block_hash=wrong, reason=reason)
    contract.chain.finalized = 1
    with pytest.raises(IllegalMove, match="final again"):
        unfreeze.plan(contract.place.runtime, "plant-1")
    assert frozen(contract) == ["REORG_BELOW_FINAL"]


def test_nobody_closes_it_alone(contract: Contract) -> None:
    """A Break that freezes is not closed with a sentence."""
    contract.mine(administration("Upgraded(address)"))
    frozen(contract)
    [found] = contract.place.rows(Break)
    with pytest.raises(NotAllowed, match="unfreeze"):
        resolve.run(contract.place.runtime, "anna", found.id, "we know")


# ---- the contract was changed ------------------------------------------------------------------------------------------------

EVENTS = ("Upgraded(address)", "RoleGranted(bytes32,address,address)", "Paused(address)", "PayeeChanged(address)")


@pytest.mark.parametrize("event", EVENTS)
def test_a_change_of_the_contract_halts_until_two_people_looked(contract: Contract, event: str) -> None:
    """T41: logs go on being read, nothing is collected; then it goes on, and the same change is not told twice."""
    contract.mine(administration(event))
    contract.mine(billed(3))
    assert frozen(contract) == ["CONTRACT_CHANGED"]
    contract.run("collect", "batch", "handover")
    assert (len(states(contract)), contract.place.outbox()) == (3, {})
    go_on(contract)

    assert frozen(contract) == []
    contract.run("collect", "batch", "handover")
    assert len(files(contract)) == 1


def test_how_it_was_set_up_is_no_change(tmp_path: Path) -> None:
    """Roles that were given before the first invoice are what whoever declared the source has seen."""
    contract = Contract(tmp_path)
    contract.mine(administration("RoleGranted(bytes32,address,address)"))
    contract.mine(billed(1))
    assert frozen(contract) == []
    assert contract.place.rows(ChainLog)[0].refused is None


def test_other_code_halts_until_two_people_looked(contract: Contract) -> None:
    """T41: the code at the address is another one, without any event: nothing is read on, and the file waits."""
    contract.chain.code = b"\x00"
    contract.mine(billed(3))
    assert frozen(contract) == ["CODE_CHANGED"]
    contract.run("collect", "batch", "handover")
    assert (len(states(contract)), contract.place.outbox()) == (2, {})
    go_on(contract)

    assert (frozen(contract), len(states(contract))) == ([], 3)
    contract.chain.code = b""  # destroyed
    assert frozen(contract) == ["CODE_CHANGED"]


# ---- reading again -----------------------------------------------------------------------------------------------------------


def test_reading_again_takes_in_what_was_missed(contract: Contract) -> None:
    """A log that a weaker source had missed is found, becomes an invoice, and the count fits again."""
    lost = contract.place.runtime.settings.sources[0]
    with contract.place.runtime.session() as session:
        row = contract.place.rows(Cursor)[0]
        session.execute(delete(Cursor))
        session.add(
            Cursor(**{c.name: getattr(row, c.name) for c in Cursor.__table__.c} | {"block_number": 4, "block_hash": bytes(32)})
        )
    contract.mine(billed(3))
    contract.mine(billed(4))
    with contract.place.runtime.session() as session:
        cursor = session.get_one(Cursor, 1)
        cursor.block_hash = bytes.fromhex(contract.chain.blocks[4].header["hash"][2:])
    found = replay.run(contract.place.runtime, lost, 0)

    assert found == {"blocks": 5, "logs": 4, "missed": 2, "not_on_chain": 0}
    assert [number for number, _ in states(contract)] == [1, 2, 3, 4]
    assert (frozen(contract), contract.holds()) == ([], [])
    assert replay.run(contract.place.runtime, lost, 2) == {"blocks": 3, "logs": 3, "missed": 0, "not_on_chain": 0}


def test_reading_again_finds_what_was_forged(tmp_path: Path) -> None:
    """A log that the chain does not have freezes the source; two people set it aside, from a block they name."""
    contract = Contract(tmp_path)
    contract.mine(billed(1))
    contract.run("ingest")
    first = contract.place.rows(ChainLog)[0]
    forged = {c.name: getattr(first, c.name) for c in ChainLog.__table__.c if c.name != "id"} | {"log_index": 9}
    forged |= {"topics": b"".join(billed(9).topics), "data": billed(9).data, "recorded_at": datetime.now(UTC)}
    with contract.place.runtime.session() as session:
        session.add(ChainLog(**forged))
    found = replay.run(contract.place.runtime, contract.place.runtime.settings.sources[0], 0)

    assert (found["missed"], found["not_on_chain"]) == (0, 1)
    assert "LOG_NOT_ON_CHAIN" in frozen(contract)
    done = go_on(contract, from_block=1)
    assert (done.plan.logs, frozen(contract)) == ((2,), [])
    assert contract.place.rows(Cursor)[0].invoice_count == 1
    with pytest.raises(BadInput, match="was read from block 0 to 1"):
        replay.run(contract.place.runtime, contract.place.runtime.settings.sources[0], 2)
