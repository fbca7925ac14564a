"""What an invoice owes, and what an amount does to it: its state, its loss, its attempt, what lies beyond it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rules.debts import Attempt, Debt, Effect, attempt_over, credited, made_good, state_after, taken_back

CENTS = st.integers(0, 300_00)


def debt(state: str = "open", receivable: int = 100_00, **changed: Any) -> Debt:
    """An invoice over 100.00."""
    values: dict[str, Any] = {
        "id": 1,
        "number": "P-1",
        "creditor_id": 1,
        "debtor_ref": "0x01",
        "version": 3,
        "state": state,
        "billed_cents": 100_00,
        "receivable_cents": receivable,
        "clearing_cents": 0,
        "loss_cents": 0,
        "closes_on": date(2026, 11, 20),
    }
    return Debt(**{**values, **changed})


def attempt(state: str) -> Attempt:
    return Attempt(7, 2, "P-1-1", state, 100_00)


@pytest.mark.parametrize(
    ("before", "live", "receivable", "loss", "after"),
    [
        ("open", None, 0, 0, "paid"),
        ("open", None, -1, 0, "paid"),
        ("open", None, 1, 0, "open"),
        ("paid", None, 1, 0, "open"),
        ("held", None, 1, 0, "held"),
        ("held", None, 0, 0, "paid"),
        ("collecting", None, 1, 0, "open"),
        ("open", None, 0, 1, "written_off"),
        ("written_off", None, 0, 1, "written_off"),
        ("written_off", None, 0, 0, "paid"),
        ("written_off", None, 1, 1, "open"),
        ("paid", "submitted", 0, 0, "collecting"),
        ("collecting", "held", 1, 0, "collecting"),
        ("collecting", "settled", 0, 0, "paid"),
        ("cancelled", None, -1, 0, "cancelled"),
        ("orphaned", "settled", -1, 0, "orphaned"),
    ],
)
def test_the_state_follows(before: str, live: str | None, receivable: int, loss: int, after: str) -> None:
    """From what is on the invoice alone; a hold, a cancellation and a lost block are kept."""
    assert state_after(before, live, receivable, loss) == after


@pytest.mark.parametrize(
    ("one", "cents", "effect"),
    [
        (debt(), 100_00, Effect("paid")),
        (debt(), 40_00, Effect("open")),
        (debt(), 130_00, Effect("paid")),
        (debt("paid", 0), -100_00, Effect("open")),
        (debt("collecting", live=attempt("pending")), 1, Effect("open", cancels=attempt("pending"))),
        (debt("collecting", live=attempt("held")), 100_00, Effect("paid", cancels=attempt("held"))),
        (debt("collecting", live=attempt("batched")), 100_00, Effect("collecting")),
        (debt("collecting", 0, clearing_cents=100_00, live=attempt("submitted")), 100_00, Effect("collecting")),
        (debt("paid", 0, live=attempt("settled")), 100_00, Effect("paid")),
        (debt("written_off", 0, loss_cents=100_00), 40_00, Effect("written_off", 40_00)),
        (debt("written_off", 0, loss_cents=100_00), 100_00, Effect("paid", 100_00)),
        (debt("written_off", 0, loss_cents=100_00), 130_00, Effect("paid", 100_00)),
        # a part was written off, the rest is open again: what comes pays that first
        (debt("open", 60_00, loss_cents=40_00), 60_00, Effect("written_off")),
        (debt("open", 60_00, loss_cents=40_00), 70_00, Effect("written_off", 10_00)),
        # written off, but its debit is at the bank: of the loss only what comes beyond that debit is made good
        (
            debt("collecting", -100_00, clearing_cents=100_00, loss_cents=100_00, live=attempt("submitted")),
            40_00,
            Effect("collecting", 40_00),
        ),
        # above its amount, something must be reclaimed: a debit of the whole amount is owed all the same
        (debt("collecting", 150_00, live=attempt("pending")), 50_00, Effect("collecting")),
    ],
)
def test_what_a_credit_does(one: Debt, cents: int, effect: Effect) -> None:
    """It pays, cancels what was not sent, and makes a loss good from zero on, up to what was written off."""
    assert credited(one, cents) == effect


@pytest.mark.parametrize(
    ("one", "effect"),
    [
        (debt(), Effect("cancelled")),
        (debt("collecting", live=attempt("pending")), Effect("cancelled", cancels=attempt("pending"))),
        (debt("collecting", 0, clearing_cents=100_00, live=attempt("submitted")), Effect("cancelled")),
        (debt("paid", 0), Effect("cancelled")),
        (debt("written_off", 0, loss_cents=100_00), Effect("cancelled", 100_00)),
    ],
)
def test_what_a_cancellation_does(one: Debt, effect: Effect) -> None:
    """The invoice is cancelled wherever it was; what was not sent goes with it, and a loss of it was none."""
    assert taken_back(one) == effect


@pytest.mark.parametrize(("receivable", "state"), [(0, "open"), (-100_00, "paid"), (-99_99, "open")])
def test_what_a_failed_attempt_leaves(receivable: int, state: str) -> None:
    """Open, unless it was paid otherwise while the attempt was on its way."""
    assert attempt_over(debt("collecting", receivable, live=attempt("submitted")), 100_00) == Effect(state)


@given(CENTS, CENTS, st.integers(-300_00, 300_00))
def test_no_credit_stands_beside_a_loss(loss: int, cents: int, receivable: int) -> None:
    """Whatever comes: afterwards the invoice is below zero only where nothing is written off any more."""
    one = debt("written_off", receivable if loss == 0 else max(0, receivable), loss_cents=loss)
    good = credited(one, cents).made_good_cents
    after = one.receivable_cents - cents + good

    assert 0 <= good <= loss
    assert after >= 0 or loss == good


@given(st.integers(-100, 100), st.integers(0, 100))
def test_a_loss_is_made_good_from_zero_on(owed: int, loss: int) -> None:
    """Not a cent while something is still owed, and never more than was written off."""
    assert made_good(owed, loss) == (0 if owed >= 0 else min(-owed, loss))


def test_a_debit_of_what_was_written_off_is_paid_twice() -> None:
    """Nothing is owed any more, so the whole debit at the bank is one that must be given back."""
    one = debt("collecting", -100_00, clearing_cents=100_00, loss_cents=100_00, live=attempt("submitted"))
    assert (one.paid_twice_cents, one.spent_cents) == (100_00, 0)


def test_what_lies_beyond() -> None:
    """Paid 150 of 100: 50 is the customer's. Given back 30 more than came: 30 to reclaim. Written off: 100 of neither."""
    paid = debt("paid", -50_00)
    assert (paid.money_cents, paid.credit_cents, paid.beyond.customer_credit_cents) == (150_00, 50_00, 50_00)
    reclaim = debt("open", 130_00)
    assert (reclaim.credit_cents, reclaim.beyond.reclaim_cents) == (0, 30_00)
    lost = debt("written_off", 0, loss_cents=100_00)
    assert (lost.money_cents, lost.credit_cents, lost.beyond.reclaim_cents) == (0, 0, 0)


@pytest.mark.parametrize(
    ("state", "receivable", "clearing", "twice"),
    [
        ("submitted", 0, 100_00, 0),
        ("submitted", -40_00, 100_00, 40_00),
        ("accepted", -120_00, 100_00, 100_00),
        ("batched", 100_00, 0, 0),
        ("batched", 60_00, 0, 40_00),
        ("settled", -100_00, 0, 0),
        ("pending", 60_00, 0, 0),
    ],
)
def test_what_is_paid_twice(state: str, receivable: int, clearing: int, twice: int) -> None:
    """What of a debit in a file or at the bank is not owed any more; one that was not sent, or is done, is no double payment."""
    one = debt("collecting", receivable, clearing_cents=clearing)
    assert replace(one, live=attempt(state)).paid_twice_cents == twice
    assert one.paid_twice_cents == 0
