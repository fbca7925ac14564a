"""What the postings say: the balance of a ledger account, for each of its subjects, as of a date and as known at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from bridge import rows
from bridge.model import Posting, Voucher

#: account, subject and sign of the two sides of a posting
SIDES = ((Posting.debit_account, Posting.debit_subject, 1), (Posting.credit_account, Posting.credit_subject, -1))


@dataclass(frozen=True, slots=True)
class View:
    """Which vouchers count: booked until ``as_of`` (a date), recorded until ``known_at`` (an instant); None: all."""

    as_of: date | None = None
    known_at: datetime | None = None

    def conditions(self, booked_on: Any = Voucher.booked_on, recorded_at: Any = Voucher.recorded_at) -> list[ColumnElement[bool]]:
        wanted: list[ColumnElement[bool]] = []
        if self.as_of is not None:
            wanted.append(booked_on <= self.as_of)
        if self.known_at is not None:
            wanted.append(recorded_at <= self.known_at)
        return wanted


NOW = View()


def by_subject(session: Session, account: str, view: View = NOW) -> dict[int, int]:
    """Debits less credits of an account, for each subject whose balance is not zero."""
    balance: dict[int, int] = defaultdict(int)
    for own, subject, sign in SIDES:
        statement = (
            select(subject, func.sum(Posting.amount_cents))
            .join(Voucher, Voucher.id == Posting.voucher_id)
            .where(own == account, *view.conditions())
            .group_by(subject)
        )
        for found, cents in session.execute(statement):
            balance[found] += sign * int(cents)
    return {subject: cents for subject, cents in balance.items() if cents}


def of_subjects(session: Session, account: str, subjects: Iterable[int]) -> dict[int, int]:
    """Debits less credits of an account for these subjects; every one asked for is in the answer."""
    wanted = set(subjects)
    balance = dict.fromkeys(sorted(wanted), 0)
    for own, subject, sign in SIDES:
        summed = select(subject, func.sum(Posting.amount_cents)).where(own == account).group_by(subject)
        for found, cents in rows.sought(session, summed, subject, wanted):
            balance[found] += sign * int(cents)
    return balance


def total(session: Session, account: str, view: View = NOW) -> int:
    """Debits less credits of an account, over all subjects."""
    return sum(by_subject(session, account, view).values())
