"""Ages of invoices and mandates, and the arithmetic of a rate."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rules import ages
from bridge.rules.ages import Rate

DUE = date(2026, 10, 15)


@pytest.mark.parametrize(
    ("days", "bucket"),
    [
        (-400, "not_due"),
        (0, "not_due"),
        (1, "days_1_30"),
        (30, "days_1_30"),
        (31, "days_31_60"),
        (60, "days_31_60"),
        (61, "days_61_90"),
        (90, "days_61_90"),
        (91, "over_90"),
        (4000, "over_90"),
    ],
)
def test_an_invoice_is_overdue_from_the_day_after_its_due_date(days: int, bucket: str) -> None:
    """Both ends of every bucket."""
    assert ages.overdue(DUE, DUE + timedelta(days=days)) == bucket


@pytest.mark.parametrize(
    ("days", "bucket"),
    [
        (0, "days_0_5"),
        (5, "days_0_5"),
        (6, "days_6_30"),
        (30, "days_6_30"),
        (31, "days_31_90"),
        (90, "days_31_90"),
        (91, "over_90"),
    ],
)
def test_how_long_a_break_is_open(days: int, bucket: str) -> None:
    """Both ends of every bucket."""
    assert ages.waiting(days) == bucket


@pytest.mark.parametrize(
    ("signed_on", "presented_on", "age"),
    [
        (date(2026, 1, 31), date(2026, 4, 29), "under_3_months"),
        (date(2026, 1, 31), date(2026, 4, 30), "under_1_year"),
        (date(2025, 11, 30), date(2026, 2, 27), "under_3_months"),
        (date(2025, 11, 30), date(2026, 2, 28), "under_1_year"),
        (date(2024, 2, 29), date(2025, 2, 27), "under_1_year"),
        (date(2024, 2, 29), date(2025, 2, 28), "older"),
        (date(2026, 6, 1), date(2027, 6, 1), "older"),
        (None, date(2026, 1, 1), "older"),
    ],
)
def test_a_mandate_ages_by_the_months_of_the_calendar(signed_on: date | None, presented_on: date, age: str) -> None:
    """The day that is three or twelve months after the signature begins the next age; a short month ends it early."""
    assert ages.mandate_age(signed_on, presented_on, first=False) == age


def test_the_first_debit_is_an_age_of_its_own() -> None:
    """However old the signature."""
    assert ages.mandate_age(date(2019, 1, 1), date(2026, 1, 1), first=True) == "first_debit"


@given(st.integers(0, 10**12), st.integers(1, 10**12), st.integers(0, 10**13))
def test_a_rate_is_exact(part: int, whole: int, cents: int) -> None:
    """Against fractions: basis points are the nearest, half goes up; a share of cents is the least whole cent not below it."""
    part = min(part, whole)
    exact = Fraction(part, whole)

    assert Rate(part, whole).basis_points == int(exact * 10_000 + Fraction(1, 2))
    assert 0 <= Rate(part, whole).of(cents) - exact * cents < 1


def test_of_nothing_nothing_fails() -> None:
    """Where the bank has decided nothing there is no rate, and no division by zero."""
    assert (Rate(0, 0).basis_points, Rate(0, 0).of(100)) == (0, 0)
