"""An invoice that its contract cancels is taken back as a whole, wherever it was; what was paid is the customer's."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert

from bridge.acts import approve, undo, write_off
from bridge.errors import NotAllowed
from bridge.model import Break, ChainLog, Collection, Entry, Invoice, Member
from bridge.sim.fake_chain import FakeLog
from tests.steps.contract import SIGNED, Contract, billed, cancellation
from tests.steps.place import CONTRACT


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    made = Contract(tmp_path)
    made.mine(billed(1))
    return made


@pytest.mark.parametrize("steps", [("ingest",), ("ingest", "collect")])
def test_before_it_was_sent(contract: Contract, steps: tuple[str, ...]) -> None:
    """An open invoice, and one whose debit waits for a file: both are cancelled, nothing is collected, nothing is owed."""
    contract.run(*steps)
    contract.cancel()
    assert contract.state() == ("cancelled", 0)

    contract.run("collect", "batch", "handover")
    assert [row.state for row in contract.place.rows(Collection)] in ([], ["cancelled"])
    assert (contract.place.rows(Member), contract.place.breaks(), contract.holds()) == ([], [], [])


def test_finalized_and_cancelled_before_anybody_read(contract: Contract) -> None:
    """Both logs come in one range: the invoice is booked and taken back, its number stays used."""
    contract.mine(cancellation(1), billed(2))
    contract.run("ingest", "collect")
    assert [(row.number, row.state) for row in contract.place.rows(Invoice)] == [
        ("plant-1-000001", "cancelled"),
        ("plant-1-000002", "collecting"),
    ]
    assert (contract.place.ledger("Receivable"), contract.place.ledger("Billed")) == (119_00, -119_00)
    assert contract.holds() == []


def test_in_a_file_that_nobody_has_signed(tmp_path: Path) -> None:
    """The file is discarded by rule when somebody wants to sign it, and the next one leaves the invoice out."""
    contract = Contract(tmp_path, SIGNED)
    contract.mine(billed(1), billed(2))
    contract.run("ingest", "collect", "batch")
    contract.cancel()
    [sealed] = contract.place.batches()
    with pytest.raises(NotAllowed, match="may not leave"):
        approve.run(contract.place.runtime, "anna", sealed.message_id)

    contract.run("batch")
    assert [row.state for row in contract.place.batches()] == ["discarded", "sealed"]
    assert [row.state for row in contract.place.rows(Collection)] == ["cancelled", "batched"]
    assert (contract.state()[0], contract.place.ledger("Receivable"), contract.holds()) == ("cancelled", 119_00, [])


def test_after_it_was_handed_over(contract: Contract) -> None:
    """The debit is on its way: it is told at once, and once it is credited the money is the customer's."""
    contract.run("ingest", "collect", "batch", "handover")
    contract.cancel()
    assert contract.place.breaks() == [("PAID_TWICE", "invoice:1")]
    assert "was cancelled, and its debit plant-1-000001-1 is submitted" in contract.place.rows(Break)[0].what

    contract.bank()
    assert contract.place.breaks() == [("CUSTOMER_CREDIT", "invoice:1")]
    assert contract.state() == ("cancelled", -119_00)
    assert contract.holds() == []


def test_after_it_was_paid(contract: Contract) -> None:
    """What was collected is the customer's: nobody owes it any more."""
    contract.run("ingest", "collect", "batch", "handover")
    contract.bank()
    assert contract.state() == ("paid", 0)
    contract.cancel()

    assert contract.state() == ("cancelled", -119_00)
    assert (contract.place.breaks(), contract.holds()) == ([("CUSTOMER_CREDIT", "invoice:1")], [])


def test_a_settlement_that_is_taken_back_does_not_revive_it(contract: Contract) -> None:
    """The debit is on its way again, but the invoice stays cancelled: it was that before the bank line was looked at again."""
    contract.run("ingest", "collect", "batch", "handover")
    contract.bank()
    contract.cancel()
    [line] = [row for row in contract.place.rows(Entry) if row.amount_cents == 119_00]
    undo.run(contract.place.runtime, "anna", line.id, "looked at again")

    assert contract.state()[0] == "cancelled"
    assert contract.holds() == []
    contract.run("collect", "batch")
    assert len(contract.place.rows(Collection)) == 1


def test_after_it_came_back(contract: Contract) -> None:
    """A returned debit that is cancelled owes nothing and is not tried again."""
    contract.run("ingest", "collect", "batch", "handover")
    contract.bank({"plant-1-000001-1": "return:AM04"})
    contract.cancel()
    assert contract.state()[0] == "cancelled"
    assert ("CUSTOMER_CREDIT", "invoice:1") not in contract.place.breaks()
    assert contract.holds() == []


def test_after_it_was_written_off(contract: Contract) -> None:
    """The loss was none: nothing was owed."""
    contract.run("ingest")
    for person in ("anna", "ben"):
        write_off.run(contract.place.runtime, person, "plant-1-000001", "insolvent")
    contract.cancel()

    assert (contract.state(), contract.place.ledger("Loss")) == (("cancelled", 0), 0)
    assert contract.holds() == []


def test_an_invoice_that_nobody_knows(contract: Contract) -> None:
    """It is told, and the good logs around it are read."""
    contract.mine(cancellation(77), billed(2))
    contract.run("ingest")
    [log] = [row for row in contract.place.rows(ChainLog) if row.topics.startswith(cancellation(77).topics[0])]
    assert contract.place.breaks() == [("CANCELLED_UNKNOWN", f"chain_log:{log.id}")]
    assert len(contract.place.rows(Invoice)) == 2


def test_twice_is_once(contract: Contract) -> None:
    """The same log read again, or a second one of the same invoice, takes nothing back a second time."""
    contract.run("ingest")
    contract.cancel()
    contract.cancel()
    contract.run("ingest")
    assert contract.state() == ("cancelled", 0)
    assert contract.holds() == []


def test_twice_in_one_range_is_once(contract: Contract) -> None:
    """Two logs cancel one invoice before anybody read: it is taken back once, and what came with them is read."""
    contract.mine(cancellation(1), cancellation(1), billed(2))
    contract.run("ingest")
    assert [(row.invoice_no, row.state) for row in contract.place.rows(Invoice)] == [(1, "cancelled"), (2, "open")]
    assert contract.holds() == []


def test_a_cancellation_that_nobody_booked_is_noticed(contract: Contract) -> None:
    """A log put beside the others by hand says that the invoice was taken back; the books do not."""
    contract.run("ingest")
    first = contract.place.rows(ChainLog)[0]
    row = {column.name: getattr(first, column.name) for column in ChainLog.__table__.c if column.name != "id"}
    row |= {"topics": b"".join(cancellation(1).topics), "data": cancellation(1).data, "log_index": 7}
    with contract.place.runtime.session() as session:
        session.execute(insert(ChainLog), [row])
    assert "cancelled" in contract.holds()


@pytest.mark.parametrize(
    "log",
    [
        FakeLog((cancellation(1).topics[0],), bytes(32)),
        FakeLog(cancellation(1).topics, bytes(31)),
        FakeLog(cancellation(1).topics, bytes(64)),
        FakeLog((*cancellation(1).topics, bytes(32)), bytes(32)),
    ],
)
def test_a_cancellation_that_is_not_exactly_one_is_refused(contract: Contract, log: FakeLog) -> None:
    """A topic or a byte too many or too few: it is no cancellation, it is shown, and the invoice stands."""
    contract.mine(FakeLog(log.topics, log.data, CONTRACT))
    contract.run("ingest")
    assert contract.state()[0] == "open"
    assert [kind for kind, _ in contract.place.breaks()] == ["MALFORMED_LOG"]
