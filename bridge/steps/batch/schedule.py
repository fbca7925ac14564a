"""When an account is cut by itself: once a bank day, after ``batch_at``, and again where that cut did not come to its end."""

from __future__ import annotations

from datetime import time

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from bridge.model import Batch, Creditor, Cut
from bridge.rules import calendar
from bridge.runtime import Runtime

ACTOR = "batch"


def time_to_cut(session: Session, runtime: Runtime, creditor: Creditor) -> bool:
    """Whether the schedule cuts now: a bank day, after ``batch_at``, and no finished cut of today that still stands."""
    batch_at = runtime.settings.rules_for(creditor.creditor_id).batch_at
    now = runtime.clock().astimezone(runtime.zone)
    if not batch_at:
        return True
    if not calendar.is_target_day(now.date()) or now.time() < time.fromisoformat(batch_at):
        return False
    newest = _newest(session, runtime, creditor)
    if newest is None:
        return True
    of_today = select(Cut.batch_id).join(Batch, Batch.id == Cut.batch_id).where(*_of_today(runtime, creditor))
    return session.scalar(of_today.where(Cut.batch_id >= newest).limit(1)) is None


def finish(session: Session, runtime: Runtime, creditor: Creditor) -> None:
    """Note that today's cut came to its end, where it made a file; what becomes due later today waits for the next one."""
    newest = _newest(session, runtime, creditor)
    if newest is not None and runtime.settings.rules_for(creditor.creditor_id).batch_at:
        session.add(Cut(batch_id=newest, finished_at=runtime.clock()))


def next_cut_no(session: Session, runtime: Runtime, account_id: int) -> int:
    """The number of the next file of today for this account."""
    of_today = select(func.max(Batch.cut_no)).where(Batch.account_id == account_id, Batch.cut_on == runtime.today())
    return 1 + (session.scalar(of_today) or 0)


def _newest(session: Session, runtime: Runtime, creditor: Creditor) -> int | None:
    """The last file that the schedule cut today, of those that were not discarded."""
    return session.scalar(select(func.max(Batch.id)).where(*_of_today(runtime, creditor), Batch.state != "discarded"))


def _of_today(runtime: Runtime, creditor: Creditor) -> tuple[ColumnElement[bool], ...]:
    return (
        Batch.account_id == creditor.account_id,
        Batch.creditor_id == creditor.id,
        Batch.cut_on == runtime.today(),
        Batch.created_by == ACTOR,
    )
