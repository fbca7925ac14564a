"""From when on a debtor may be erased; the dates are worked out by hand."""

from __future__ import annotations

from datetime import date

import pytest

from bridge.rules.retention import free_from


@pytest.mark.parametrize(
    ("booked_on", "mandate_until", "day"),
    [
        (None, None, date.min),  # a draft that nobody signed, and nothing was billed
        (None, date(2026, 12, 31), date(2028, 3, 1)),  # 14 months later is 29 February 2028; the day after
        (None, date(2027, 12, 31), date(2029, 3, 1)),
        (date(2026, 1, 1), None, date(2037, 1, 1)),  # ten whole years after 2026
        (date(2026, 12, 31), date(2026, 6, 1), date(2037, 1, 1)),
        (date(2015, 5, 5), date(2026, 6, 1), date(2027, 8, 2)),  # the mandate outlives the books
    ],
)
def test_the_later_of_both_counts(booked_on: date | None, mandate_until: date | None, day: date) -> None:
    """Books: whole years after the year of the last booking; the mandate: months after its end or last debit, and a day."""
    assert free_from(booked_on=booked_on, mandate_until=mandate_until, booked_years=10, mandate_months=14)[0] == day


def test_what_keeps_him_is_said() -> None:
    """The reason belongs to the later of the two dates."""
    _, why = free_from(booked_on=date(2026, 10, 1), mandate_until=date(2026, 11, 1), booked_years=10, mandate_months=14)
    assert why == "2026-10-01 was the last day on which something was booked"
