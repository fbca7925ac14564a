"""Whether something was recorded later than it is now: then a clock jumped, and nobody can tell what was known in between."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge.model import Audit, Move, Voucher

TOLERATED = timedelta(minutes=5)  # by so much the clocks of several machines may differ


def recorded_ahead(session: Session, now: datetime) -> datetime | None:
    """The latest instant at which anything was recorded, where that lies in the future; None where it does not."""
    latest = [session.scalar(select(func.max(noun.recorded_at))) for noun in (Audit, Move, Voucher)]
    found = max((one for one in latest if one is not None), default=now)
    return found if found > now + TOLERATED else None
