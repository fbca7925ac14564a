"""Whether something was recorded later than it is now, or a statement is dated later: a clock jumped, ours or the bank's."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge.model import Account, Audit, Move, Statement, Voucher

TOLERATED = timedelta(minutes=5)  # by so much the clocks of several machines may differ


def recorded_ahead(session: Session, now: datetime) -> datetime | None:
    """The latest instant at which anything was recorded, where that lies in the future; None where it does not."""
    latest = [session.scalar(select(func.max(noun.recorded_at))) for noun in (Audit, Move, Voucher)]
    found = max((one for one in latest if one is not None), default=now)
    return found if found > now + TOLERATED else None


def statements_ahead(session: Session, today: date) -> dict[str, date]:
    """account -> the date of its last booked statement, where that lies after today: a bank dates by its booking day."""
    last = select(Account.name, func.max(Statement.closing_on)).join(Statement, Statement.account_id == Account.id)
    ahead = last.where(Statement.posting == "posted", Statement.closing_on > today).group_by(Account.name).order_by(Account.name)
    return {name: on for name, on in session.execute(ahead) if on is not None}
