"""What makes a debit wait for a look, each alone; the numbers are on both sides of each limit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from bridge.rules import doubts
from bridge.rules.doubts import Debit, Limits

FIRST, LAST = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
THIS = Debit(10, 10, "INV-10", 100_00, date(2026, 12, 8), "0xaa", FIRST, LAST)


def paid(number: int, cents: int, **changed: object) -> Debit:
    """An earlier debit of another period, credited."""
    other = replace(
        THIS, invoice_id=number, formed=number, number=f"INV-{number}", amount_cents=cents, first=LAST, live=True, credited=True
    )
    return replace(other, **changed)  # type: ignore[arg-type]


def test_the_same_invoice_again_waits() -> None:
    """Same debtor, machine, period and amount under another number: one of the two, the later, is looked at."""
    again = replace(THIS, invoice_id=3, formed=3, number="INV-3")
    assert doubts.doubt(THIS, [again], Limits()) == (
        "invoice INV-3 says the same debtor, machine, period and amount; release it if both are owed"
    )
    assert doubts.doubt(again, [THIS], Limits()) == ""
    assert doubts.doubt(THIS, [again], Limits(duplicates="collect")) == ""


@pytest.mark.parametrize("other", [{"amount_cents": 1}, {"agreement": "0xbb"}, {"first": LAST}, {"last": FIRST}, {"live": False}])
def test_what_differs_is_another_invoice(other: dict[str, object]) -> None:
    """Another amount, machine or period; or the earlier one was never collected."""
    assert doubts.doubt(THIS, [replace(THIS, invoice_id=3, formed=3, **other)], Limits()) == ""  # type: ignore[arg-type]


def test_where_no_period_is_known_nothing_is_the_same() -> None:
    """An event of a customer's own says none; equal amounts are his usual rent."""
    own = replace(THIS, last=FIRST)
    assert doubts.doubt(own, [replace(own, invoice_id=3, formed=3)], Limits()) == ""


@pytest.mark.parametrize(("cents", "waits"), [(1_000_00, False), (1_000_01, True)])
def test_many_times_the_usual_waits(cents: int, waits: bool) -> None:
    """More than ten times the median of five or more credited debits; ten times is not more."""
    history = [paid(number, amount) for number, amount in enumerate([1_00, 100_00, 100_00, 100_00, 900_00], 1)]
    said = doubts.doubt(replace(THIS, amount_cents=cents), history, Limits(unusual_factor=10))

    assert bool(said) == waits
    assert not waits or said == "1,000.01 EUR is more than 10 times this debtor's usual 100.00 EUR"


def test_four_debits_are_no_habit() -> None:
    """Nor are debits that were not credited, nor is anything where the factor is 0."""
    four = [paid(number, 1_00) for number in range(1, 5)]
    assert doubts.doubt(THIS, four, Limits(unusual_factor=10)) == ""
    assert doubts.doubt(THIS, [*four, paid(5, 1_00, credited=False)], Limits(unusual_factor=10)) == ""
    assert doubts.doubt(THIS, [*four, paid(5, 1_00)], Limits()) == ""
    assert doubts.doubt(THIS, [*four, paid(5, 1_00)], Limits(unusual_factor=10)) != ""


def test_the_usual_is_of_the_last_twelve() -> None:
    """A debtor whose amounts grew over the years is measured by the last of them."""
    grown = [paid(number, 1_00 if number <= 8 else 50_00, first=FIRST) for number in range(-12, 9)]
    grown += [paid(9, 50_00, invoice_id=9)]
    assert doubts.doubt(THIS, grown, Limits(unusual_factor=10)) != ""
    recent = [paid(number, 1_00) for number in range(-30, -12)] + [paid(number, 50_00) for number in range(-12, 0)]
    assert doubts.doubt(THIS, recent, Limits(unusual_factor=10)) == ""


@pytest.mark.parametrize(("limit", "waits"), [(250_00, False), (249_99, True)])
def test_a_debtors_month_has_a_limit(limit: int, waits: bool) -> None:
    """What is live and due in the same month is added up; another month, and what failed, is not."""
    others = [
        paid(1, 100_00),
        paid(2, 50_00, credited=False),
        paid(3, 500_00, due_on=date(2026, 11, 30)),
        paid(4, 500_00, live=False, credited=False),
    ]
    said = doubts.doubt(THIS, others, Limits(debtor_month_max_cents=limit))

    assert bool(said) == waits
    assert not waits or said == "250.00 EUR would be due of this debtor in 2026-12; the limit is 249.99 EUR"


@pytest.mark.parametrize(("invoice_id", "formed", "waits"), [(11, 9, True), (9, 11, False), (10, 9, False)])
def test_what_was_formed_earlier_counts(invoice_id: int, formed: int, waits: bool) -> None:
    """Whichever invoice is older; an earlier attempt of the same invoice is no other debit."""
    other = replace(paid(invoice_id, 200_00), formed=formed)
    assert bool(doubts.doubt(THIS, [other], Limits(debtor_month_max_cents=250_00))) == waits
    twin = replace(THIS, invoice_id=invoice_id, formed=formed)
    assert bool(doubts.doubt(THIS, [twin], Limits())) == waits


def test_the_block_list() -> None:
    """A debtor on it is not collected from; the name is shortened."""
    limits = Limits(blocked=frozenset({"0x" + "ab" * 32}))

    assert doubts.blocked("0x" + "ab" * 32, limits) == "debtor 0xabababab... is on the block list"
    assert doubts.blocked("0x" + "cd" * 32, limits) == ""
