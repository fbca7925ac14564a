"""Which explanations stand: a match that takes another one back stands as little as the one it takes back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, aliased

from bridge import rows
from bridge.model import Match, Voucher


def stands() -> ColumnElement[bool]:
    """The condition that a Match stands."""
    taker = aliased(Match)
    return Match.undoes_id.is_(None) & ~select(taker.id).where(taker.undoes_id == Match.id).exists()


def voucher_stands() -> ColumnElement[bool]:
    """The condition that a Voucher stands."""
    taker = aliased(Voucher)
    return Voucher.reverses_id.is_(None) & ~select(taker.id).where(taker.reverses_id == Voucher.id).exists()


def reopened_on(session: Session, entry_ids: Iterable[int]) -> dict[int, date]:
    """When an explanation of each of these lines was last taken back; a line of which none was is not in the answer."""
    last = select(Match.entry_id, func.max(Match.booked_on)).where(Match.undoes_id.is_not(None)).group_by(Match.entry_id)
    return {entry_id: on for entry_id, on in rows.sought(session, last, Match.entry_id, entry_ids)}
