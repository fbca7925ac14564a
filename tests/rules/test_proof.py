"""The proof: the parts of an invoice's amount, and the difference that shows what is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rules import proof
from bridge.rules.proof import PARTS, InvoiceBalances

CENTS = st.integers(0, 1_000_000)


@st.composite
def consistent(draw: st.DrawFn) -> InvoiceBalances:
    """Balances of an invoice whose every posting is there: Receivable is what the other accounts leave of it."""
    billed = draw(st.integers(1, 1_000_000))
    taken_back = draw(st.sampled_from((0, 0, billed)))
    direct, transfer, on_chain = (
        draw(st.integers(-5_000, 2_000_000)),
        draw(st.integers(-5_000, 5_000)),
        draw(st.integers(0, 5_000)),
    )
    clearing = draw(st.sampled_from((0, billed)))
    money = direct + transfer + on_chain
    receivable = billed - taken_back - money - clearing
    last = draw(st.sampled_from((None, "pending", "rejected", "returned", "held", "cancelled")))
    # paid is one of which nothing is open
    states = ("open", "collecting", "held", "paid") if receivable <= 0 else ("open", "collecting", "held")
    state = "cancelled" if taken_back else draw(st.sampled_from(states))
    return InvoiceBalances(
        billed, taken_back, direct, transfer, on_chain, clearing, 0, receivable, state, "submitted" if clearing else last
    )


@given(consistent())
def test_the_parts_add_up(one: InvoiceBalances) -> None:
    """Where every posting is there, the parts are exactly what was billed, none is negative, and nothing differs."""
    found = proof.split(one)

    assert found.difference_cents == 0
    assert sum(found.parts.values()) == one.billed_cents
    assert set(found.parts) <= set(PARTS)
    assert min(found.parts.values()) >= 0


#: each posting as what it adds to the balances when it is booked once more; its opposite is when it is missing
POSTINGS = (
    ("receivable_cents", "billed_cents"),
    ("clearing_cents", "-receivable_cents"),
    ("direct_debit_cents", "-clearing_cents"),
    ("direct_debit_cents", "-receivable_cents"),
    ("transfer_cents", "-receivable_cents"),
    ("taken_back_cents", "-receivable_cents"),
)


def booked(one: InvoiceBalances, posting: tuple[str, str], cents: int) -> InvoiceBalances:
    """The balances after a posting; billed is decoded from the log, so no posting changes it."""
    changed: dict[str, int] = {}
    for side in posting:
        name = side.removeprefix("-")
        if name != "billed_cents":
            changed[name] = getattr(one, name) + (-cents if side.startswith("-") else cents)
    return replace(one, **changed)  # type: ignore[arg-type]


HISTORIES = (
    ("open", None, ()),
    ("collecting", "submitted", (1,)),
    ("paid", "settled", (1, 2)),
)


@given(CENTS.filter(bool), st.sampled_from(HISTORIES), st.data())
def test_a_doubled_or_missing_posting_shows(
    cents: int, history: tuple[str, str | None, tuple[int, ...]], data: st.DataObject
) -> None:
    """A posting of an invoice's life that is booked twice, or is gone, shows: in the split, or in Clearing.

    The report adds the second: Clearing is the debit's amount while it is in flight, else zero.
    """
    state, last, steps = history
    one = InvoiceBalances(billed_cents=cents, receivable_cents=cents, state=state, last_collection=last)
    for number in steps:
        one = booked(one, POSTINGS[number], cents)
    assert proof.split(one).difference_cents == 0

    number = data.draw(st.sampled_from((0, *steps)))
    wrong = booked(one, POSTINGS[number], data.draw(st.sampled_from((cents, -cents))))

    found = proof.split(wrong)
    in_flight = cents if last in ("submitted", "accepted") else 0
    assert found.difference_cents or wrong.clearing_cents != in_flight


@given(CENTS.filter(bool))
def test_a_lost_log_shows(cents: int) -> None:
    """An invoice whose log is gone was billed nothing: its Receivable has no place."""
    assert proof.split(InvoiceBalances(0, receivable_cents=cents, state="open")).difference_cents == cents


@given(CENTS.filter(bool))
def test_a_log_without_an_invoice_shows(cents: int) -> None:
    """A log that no invoice was made of is billed and nowhere."""
    assert proof.split(InvoiceBalances(cents)).difference_cents == cents


#: what happened -> balances, parts, then: customer credit, in flight not owed, reclaim, reclaim written off, difference
SPLITS: dict[str, tuple[InvoiceBalances, dict[str, int], tuple[int, int, int, int, int]]] = {
    "nothing is known": (InvoiceBalances(), {}, (0, 0, 0, 0, 0)),
    "cancelled": (InvoiceBalances(100, 100, state="cancelled"), {"cancelled": 100}, (0, 0, 0, 0, 0)),
    "orphaned": (InvoiceBalances(100, 100, state="orphaned"), {"orphaned": 100}, (0, 0, 0, 0, 0)),
    "held": (InvoiceBalances(100, receivable_cents=100, state="held"), {"held": 100}, (0, 0, 0, 0, 0)),
    "paid in three ways, and not all": (
        InvoiceBalances(100, 0, 40, 30, 20, 0, 0, 10, "open"),
        {"paid_direct_debit": 40, "paid_transfer": 30, "paid_on_chain": 20, "open": 10},
        (0, 0, 0, 0, 0),
    ),
    "paid by transfer while it is held": (
        InvoiceBalances(100, 0, 0, 100, 0, 0, 0, 0, "held"), {"paid_transfer": 100}, (0, 0, 0, 0, 0)
    ),
    "paid by debit, then by transfer in part": (
        InvoiceBalances(100, 0, 80, 50, 0, 0, 0, -30, "paid", "settled"),
        {"paid_direct_debit": 80, "paid_transfer": 20},
        (30, 0, 0, 0, 0),
    ),
    "paid, then cancelled": (
        InvoiceBalances(100, 100, 100, 0, 0, 0, 0, -100, "cancelled"), {"cancelled": 100}, (100, 0, 0, 0, 0)
    ),
    "paid in part while the whole is in flight": (
        InvoiceBalances(100, 0, 0, 60, 0, 100, 0, -60, "collecting", "submitted"),
        {"paid_transfer": 60, "in_flight": 40},
        (0, 60, 0, 0, 0),
    ),
    "written off after a part was paid": (
        InvoiceBalances(100, 0, 0, 30, 0, 0, 70, 0, "written_off"), {"paid_transfer": 30, "written_off": 70}, (0, 0, 0, 0, 0)
    ),
    "written off for more than was left beside what is in flight": (
        InvoiceBalances(100, 0, 0, 0, 0, 60, 60, -20, "written_off", "submitted"),
        {"in_flight": 60, "written_off": 40},
        (0, 0, 0, 0, 20),
    ),
    "went back without having come; all of it written off": (
        InvoiceBalances(100, 0, -100, 0, 0, 0, 200, 0, "written_off", "returned"), {"written_off": 100}, (0, 0, 0, 100, 0)
    ),
    "went back without having come; some of it written off": (
        InvoiceBalances(100, 0, -100, 0, 0, 0, 130, 70, "written_off", "returned"), {"written_off": 100}, (0, 0, 70, 30, 0)
    ),
}  # fmt: skip


@pytest.mark.parametrize("history", SPLITS)
def test_how_an_amount_is_split(history: str) -> None:
    """Each part takes at most what those before it left; what lies beyond the amount stands beside the parts."""
    one, parts, beyond = SPLITS[history]

    found = proof.split(one)

    assert dict(+found.parts) == parts
    assert (
        found.customer_credit_cents,
        found.in_flight_not_owed_cents,
        found.reclaim_cents,
        found.reclaim_written_off_cents,
        found.difference_cents,
    ) == beyond


def test_the_parts_have_an_order() -> None:
    """The report names every part, in the order in which an amount is split over them."""
    money = ("paid_direct_debit", "paid_transfer", "paid_on_chain")
    assert ("cancelled", "orphaned", *money, "in_flight", "written_off", "held", "returned_open", "open") == PARTS


@pytest.mark.parametrize("last", ["rejected", "returned", "reversed", "withdrawn"])
def test_what_failed_is_open_again(last: str) -> None:
    """After a failed attempt an open invoice is owed as returned and open."""
    assert proof.owed_as("open", last) == "returned_open"


@pytest.mark.parametrize(
    ("state", "last"),
    [("collecting", "submitted"), ("collecting", "accepted"), ("collecting", "settled"), ("written_off", None)],
)
def test_where_nothing_may_be_open(state: str, last: str | None) -> None:
    """While a debit is at the bank, and once an invoice is written off, an open Receivable has no place."""
    assert proof.owed_as(state, last) is None


def test_where_an_open_receivable_belongs() -> None:
    """Held, returned and open, or open: by the invoice's state and its last attempt; nowhere while it is at the bank."""
    assert proof.owed_as("open", None) == "open"
    assert proof.owed_as("open", "cancelled") == "open"
    assert proof.owed_as("open", "returned") == "returned_open"
    assert proof.owed_as("held", None) == "held"
    # as of a day on which its return is booked, and the transfer that pays it all the same not yet
    assert proof.owed_as("paid", "returned") == "returned_open"
    assert proof.owed_as("collecting", "held") == "held"
    assert proof.owed_as("collecting", "submitted") is None
    assert proof.owed_as(None, None) is None


def test_paid_twice() -> None:
    """What came above the invoice is customer credit, beyond its amount: 100 billed, 200 came, 100 too much."""
    found = proof.split(
        InvoiceBalances(100, direct_debit_cents=200, receivable_cents=-100, state="paid", last_collection="settled")
    )
    assert (found.parts["paid_direct_debit"], found.customer_credit_cents, found.difference_cents) == (100, 100, 0)


def test_returned_too_often() -> None:
    """Money below zero is to be reclaimed: 100 billed, 100 went back that never came."""
    found = proof.split(
        InvoiceBalances(100, direct_debit_cents=-100, receivable_cents=200, state="open", last_collection="returned")
    )
    assert (found.parts["returned_open"], found.reclaim_cents, found.difference_cents) == (100, 100, 0)


def test_a_refund_takes_back_what_a_debit_brought() -> None:
    """Money is one sum: 100 by direct debit less 100 refunded is nothing paid, and the whole amount is open."""
    one = InvoiceBalances(100, direct_debit_cents=100, transfer_cents=-100, receivable_cents=100, state="open")
    found = proof.split(one)
    assert (found.parts["paid_direct_debit"], found.parts["open"], found.difference_cents) == (0, 100, 0)
