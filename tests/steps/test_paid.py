"""A payment in e-money tokens is money for its invoice, wherever its debit is; what is paid twice goes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.acts import approve
from bridge.balances import NOW
from bridge.errors import NotAllowed
from bridge.model import Break, Collection, Invoice
from bridge.reports import reconciliation
from bridge.sim.fake_chain import FakeLog
from tests.steps.contract import EURC, SIGNED, Contract, billed, cancellation, payment

WHOLE = 119_00 * 10**4  # base units of a token with six decimals


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    made = Contract(tmp_path)
    made.mine(billed(1))
    return made


def pay(contract: Contract, *logs: FakeLog) -> None:
    contract.mine(*(logs or (payment(1, WHOLE),)))
    contract.run("ingest")


@pytest.mark.parametrize("steps", [(), ("ingest",), ("ingest", "collect")])
def test_before_it_was_sent(contract: Contract, steps: tuple[str, ...]) -> None:
    """The invoice is paid, its debit goes, the token is an asset; no file is cut."""
    contract.run(*steps)
    pay(contract)
    contract.run("collect", "batch")

    assert (contract.state(), contract.place.ledger("Token")) == (("paid", 0), 119_00)
    assert [row.state for row in contract.place.rows(Collection)] in ([], ["cancelled"])
    assert (contract.place.batches(), contract.place.breaks(), contract.holds()) == ([], [], [])


def test_in_a_file_that_nobody_has_signed(tmp_path: Path) -> None:
    """T46: final before the file leaves: the file is discarded by rule, and the next one leaves the invoice out."""
    contract = Contract(tmp_path, SIGNED)
    contract.mine(billed(1), billed(2))
    contract.run("ingest", "collect", "batch")
    pay(contract)
    [sealed] = contract.place.batches()
    with pytest.raises(NotAllowed, match="may not leave"):
        approve.run(contract.place.runtime, "anna", sealed.message_id)
    contract.run("batch")

    assert [row.state for row in contract.place.batches()] == ["discarded", "sealed"]
    assert [row.state for row in contract.place.rows(Collection)] == ["cancelled", "batched"]
    assert contract.holds() == []


def test_after_it_was_handed_over(contract: Contract) -> None:
    """T46, the other order: both rails pay; it is told at once, and once the bank credits it the money is the customer's."""
    contract.run("ingest", "collect", "batch", "handover")
    pay(contract)
    assert contract.place.breaks() == [("PAID_TWICE", "invoice:1")]
    assert "was paid otherwise, and its debit plant-1-000001-1 is submitted" in contract.place.rows(Break)[0].what

    contract.bank()
    assert contract.place.breaks() == [("CUSTOMER_CREDIT", "invoice:1")]
    assert (contract.state(), contract.holds()) == (("paid", -119_00), [])


def test_after_the_debit_was_returned(contract: Contract) -> None:
    """The debtor pays with tokens what his bank had given back: nothing is open, and nothing is tried again."""
    contract.run("ingest", "collect", "batch", "handover")
    contract.bank({"plant-1-000001-1": "return:AM04"})
    pay(contract)
    contract.run("collect", "batch")

    assert (contract.state(), contract.place.ledger("Token"), contract.holds()) == (("paid", 0), 119_00, [])
    assert len(contract.place.rows(Collection)) == 1


def test_the_report_says_how_it_was_paid(contract: Contract) -> None:
    """Paid on chain is a part of the proof of its own, and the token stands beside it."""
    pay(contract)
    with contract.place.runtime.reading() as session:
        found = reconciliation.build(session, contract.place.runtime, NOW)

    assert (found.parts["paid_on_chain"], found.token_cents, found.difference_cents) == (119_00, 119_00, 0)


@pytest.mark.parametrize(("units", "state", "receivable"), [(WHOLE // 2, "collecting", 59_50), (WHOLE * 2, "paid", -119_00)])
def test_another_amount_than_billed(contract: Contract, units: int, state: str, receivable: int) -> None:
    """Half of it leaves the rest open, and the debit for the whole waits; twice of it is the customer's credit."""
    pay(contract, payment(1, units))
    contract.run("collect", "batch")

    assert contract.state() == (state, receivable)
    assert (contract.place.batches(), contract.holds()) == ([], [])
    assert contract.place.breaks() == ([("CUSTOMER_CREDIT", "invoice:1")] if receivable < 0 else [])


def test_a_token_of_another_size(contract: Contract) -> None:
    """T45: EURe counts in 18 decimals; the same invoice, the same cents."""
    eure = "0x" + "ee" * 20
    contract.place.rewrite(f'"{EURC}" = 6', f'"{EURC}" = 6, "{eure}" = 18')
    contract.reopen()
    pay(contract, payment(1, 119_00 * 10**16, token=eure))

    assert (contract.state(), contract.place.ledger("Token")) == (("paid", 0), 119_00)


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (payment(1, WHOLE, token="0x" + "fa" * 20), "is not in [sources.tokens]"),  # T47
        (payment(1, WHOLE + 1), "is no amount in whole cents"),
        (payment(1, 0), "is no amount in whole cents"),
        (payment(1, 2**256 - 1), "is no amount in whole cents"),
        (payment(77, WHOLE), "is not an invoice here"),
    ],
)
def test_what_cannot_be_booked_is_told(contract: Contract, log: FakeLog, words: str) -> None:
    """T47: a token nobody listed, a part of a cent, nothing, too much, an unknown invoice: a Break; the invoice stays open."""
    pay(contract, log)
    [found] = contract.place.rows(Break)

    assert (found.kind, words in found.what) == ("TOKEN_PAYMENT", True)
    assert (contract.state()[0], contract.place.ledger("Token"), contract.holds()) == ("open", 0, [])


def test_two_payments_are_two(contract: Contract) -> None:
    """T45: two logs are two payments, each booked once however often they are read."""
    pay(contract, payment(1, WHOLE), payment(1, WHOLE))
    contract.run("ingest", "ingest")

    assert (contract.state(), contract.place.ledger("Token")) == (("paid", -119_00), 238_00)
    assert contract.holds() == []


def test_paid_and_cancelled(contract: Contract) -> None:
    """What was paid for an invoice that its issuer takes back is the customer's."""
    pay(contract)
    pay(contract, cancellation(1))

    assert contract.state() == ("cancelled", -119_00)
    assert (contract.place.breaks(), contract.holds()) == ([("CUSTOMER_CREDIT", "invoice:1")], [])
    assert [row.state for row in contract.place.rows(Invoice)] == ["cancelled"]
