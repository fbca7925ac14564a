"""Pure: how long before a debit its debtor must know of it, and whether a notice is old enough.

The scheme asks for 14 calendar days unless creditor and debtor agreed on another period (EPC016-06 2025, AT-T014); amount and due
date are what is announced, so another amount or another date needs another notice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

ELSEWHERE = "elsewhere"  # the invoice itself announces the debit


@dataclass(frozen=True, slots=True)
class Told:
    """A notice that went out on ``sent_on``."""

    amount_cents: int
    due_on: date
    sent_on: date


def days(mandate_days: int | None, creditor_days: int) -> int:
    """Calendar days between notice and due date: what the mandate says, else the creditor's rule."""
    return creditor_days if mandate_days is None else mandate_days


def earliest_due(told_on: date, days_before: int) -> date:
    """The first day that a debit may be due whose notice goes out today; a bank's calendar comes on top."""
    return told_on + timedelta(days=days_before)


def why_not(amount_cents: int, due_on: date, days_before: int, told: Iterable[Told]) -> str:
    """Why a debit of this amount and date is not announced; "" where it is."""
    fitting = [one for one in told if (one.amount_cents, one.due_on) == (amount_cents, due_on)]
    if any(earliest_due(one.sent_on, days_before) <= due_on for one in fitting):
        return ""
    if fitting:
        latest = max(one.sent_on for one in fitting)
        return f"its notice of {latest} is less than {days_before} days before {due_on}"
    return f"nobody was told of this amount on {due_on}"
