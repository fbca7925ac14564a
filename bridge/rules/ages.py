"""Ages in the words of a report: of an overdue invoice, an open Break, a mandate when its debit was presented. Pure."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

#: name of a bucket -> the last day after the due date that is in it; the last bucket has no end
OVERDUE: dict[str, int | None] = {"not_due": 0, "days_1_30": 30, "days_31_60": 60, "days_61_90": 90, "over_90": None}
#: the same of a Break, by days since it was opened; the first ends with what a bank owes an answer for (lifecycle.PATIENCE_DAYS)
WAITING: dict[str, int | None] = {"days_0_5": 5, "days_6_30": 30, "days_31_90": 90, "over_90": None}
MANDATE_AGES = ("first_debit", "under_3_months", "under_1_year", "older")


def overdue(due_on: date, on: date) -> str:
    """The bucket of an invoice: on its due date it is not overdue yet, the day after it is one day overdue."""
    days = (on - due_on).days
    return next(name for name, last in OVERDUE.items() if last is None or days <= last)


def waiting(days: int) -> str:
    """The bucket of a Break that was opened so many days ago."""
    return next(name for name, last in WAITING.items() if last is None or days <= last)


def mandate_age(signed_on: date | None, presented_on: date, *, first: bool) -> str:
    """How old a mandate was when a debit was presented; its first debit is an age of its own, however old the signature.

    Months are those of the calendar: signed on 31 January, a mandate is under 3 months old until 29 April.
    """
    if first:
        return "first_debit"
    if signed_on is None or presented_on >= months_later(signed_on, 12):
        return "older"
    return "under_3_months" if presented_on < months_later(signed_on, 3) else "under_1_year"


def months_later(day: date, months: int) -> date:
    year, month = day.year + (day.month - 1 + months) // 12, (day.month - 1 + months) % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


@dataclass(frozen=True, slots=True)
class Rate:
    """So much of so much, in cents or as a count; ``basis_points`` is rounded half up, and 0 of nothing is 0."""

    part: int
    whole: int

    @property
    def basis_points(self) -> int:
        return (20_000 * self.part + self.whole) // (2 * self.whole) if self.whole else 0

    def of(self, cents: int) -> int:
        """The same share of other cents (not below zero), rounded up to the cent: who plans his cash rather expects less."""
        return -(-cents * self.part // self.whole) if self.whole else 0
