"""The proof: the parts of an invoice's amount, and the difference that shows what is wrong."""

from __future__ import annotations

from dataclasses import replace

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
    state = "cancelled" if taken_back else draw(st.sampled_from(("open", "collecting", "paid", "held")))
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


def test_where_an_open_receivable_belongs() -> None:
    """Held, returned and open, or open: by the invoice's state and its last attempt; nowhere while it is at the bank."""
    assert proof.owed_as("open", None) == "open"
    assert proof.owed_as("open", "cancelled") == "open"
    assert proof.owed_as("open", "returned") == "returned_open"
    assert proof.owed_as("held", None) == "held"
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
