"""What is due when, and until when its file must be at the bank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge.model import Account, Collection
from bridge.rules import calendar
from bridge.runtime import Runtime

NOT_SENT = ("pending", "held", "batched")
DAYS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class DueDay:
    """The debits of one account that are due on one TARGET day and not at the bank yet, and when their file is taken (UTC)."""

    due_on: date
    account: str
    pending: int
    batched: int
    held: int
    amount_cents: int
    first_day: date
    cut_off: datetime
    window: str  # "opens", "open" or "missed"


@dataclass(frozen=True, slots=True)
class BankDay:
    """A TARGET day of the next weeks and, for a file handed in before its cut-off, the first due date (of one account)."""

    day: date
    account: str
    cut_off: datetime
    due_first: date


def due_days(session: Session, runtime: Runtime) -> list[DueDay]:
    """Every due date with debits that did not leave, by date and account; a date that passed is missed, never forgotten."""
    accounts = {account.id: account for account in session.scalars(select(Account))}
    counted = (
        select(Collection.due_on, Collection.account_id, Collection.state, func.count(), func.sum(Collection.amount_cents))
        .where(Collection.state.in_(NOT_SENT))
        .group_by(Collection.due_on, Collection.account_id, Collection.state)
    )
    found: dict[tuple[date, int], dict[str, tuple[int, int]]] = {}
    for due_on, account_id, state, count, cents in session.execute(counted):
        found.setdefault((due_on, account_id), {})[state] = (count, int(cents))
    return [_day(runtime, due_on, accounts[account_id], states) for (due_on, account_id), states in sorted(found.items())]


def bank_days(session: Session, runtime: Runtime) -> list[BankDay]:
    """The next TARGET days with the cut-off of each account; today's only while it has not passed."""
    days: list[date] = []
    day = calendar.next_target_day(runtime.today())
    while len(days) < DAYS_SHOWN:
        days.append(day)
        day = calendar.add_target_days(day, 1)
    accounts: Sequence[Account] = session.scalars(select(Account).order_by(Account.name)).all()
    found = [_bank_day(runtime, day, account) for day in days for account in accounts]
    return [one for one in found if one.cut_off >= runtime.clock()]


def _day(runtime: Runtime, due_on: date, account: Account, states: dict[str, tuple[int, int]]) -> DueDay:
    first, last = calendar.presentation_window(due_on, runtime.profile(account.bank))
    now = runtime.clock()
    window = "missed" if now > last else "opens" if runtime.today() < first else "open"
    pending, batched, held = (states.get(state, (0, 0))[0] for state in NOT_SENT[:1] + NOT_SENT[2:] + NOT_SENT[1:2])
    return DueDay(due_on, account.name, pending, batched, held, sum(cents for _, cents in states.values()), first, last, window)


def _bank_day(runtime: Runtime, day: date, account: Account) -> BankDay:
    profile = runtime.profile(account.bank)
    cut_off = calendar.cut_off(day, profile)
    return BankDay(day, account.name, cut_off, calendar.earliest_due(cut_off, profile))
