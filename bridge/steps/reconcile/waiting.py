"""What waits too long becomes a Break; a batch of which nothing is in flight any more is booked."""

from __future__ import annotations

from datetime import date

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from bridge import books
from bridge.books import BreakRow, PlannedMove, Recorder, Unit
from bridge.model import Batch, Break, Collection, Entry, Statement, StatusReport, StatusReportLine
from bridge.model.collection import IN_FLIGHT_STATES
from bridge.rules import calendar
from bridge.runtime import Runtime

PATIENCE_DAYS = 5  # TARGET days: the longest time a return takes between banks (EPC016-06, Core: D+5)


def age(session: Session, runtime: Runtime, actor: str) -> int:
    """Open a Break for every line, noted rejection and debit in flight that has waited longer than PATIENCE_DAYS."""
    today = runtime.today()
    since = calendar.add_target_days(today, -PATIENCE_DAYS)
    by = Recorder(actor, runtime.clock())
    has_break = select(Break.subject).where(Break.closed_at.is_(None), Break.subject.like("entry:%"))
    known = set(session.scalars(has_break))
    lines = session.execute(
        select(Entry.id, Entry.open_cents, Entry.booked_on)
        .join(Statement, Statement.id == Entry.statement_id)
        .where(Entry.open_cents != 0, Entry.booked_on < since, Statement.posting == "posted")
        .order_by(Entry.id)
    )
    wanted = [
        (
            "LINE_WAITING",
            f"entry:{entry_id}",
            f"{abs(cents) // 100}.{abs(cents) % 100:02d} EUR of {booked_on} waits for its counterpart",
            "ask the bank for it",
        )
        for entry_id, cents, booked_on in lines
        if f"entry:{entry_id}" not in known
    ]
    late = session.execute(
        select(Collection.end_to_end_id, Collection.due_on)
        .where(Collection.state.in_(IN_FLIGHT_STATES), Collection.due_on < since)
        .order_by(Collection.id)
    )
    wanted += [
        (
            "NO_ANSWER",
            f"collection:{name}",
            f"{name} was due on {due_on} and the bank has booked nothing",
            "import the missing statements, or ask the bank",
        )
        for name, due_on in late
    ]
    wanted += _rejected_but_paid(session, since)
    _answered(session, by)
    return books.open_breaks(session, wanted, by, today)


def close_batches(session: Session, runtime: Runtime, actor: str) -> None:
    """A batch that is at the bank and has no member in flight moves to booked."""
    in_flight = select(Collection.id).where(Collection.batch_id == Batch.id, Collection.state.in_(IN_FLIGHT_STATES)).exists()
    done = list(session.scalars(select(Batch).where(Batch.state.in_(("submitted", "answered")), ~in_flight).order_by(Batch.id)))
    moves = [PlannedMove("batch", b.id, b.version, "booked", b.state, "booked", "rule", runtime.today()) for b in done]
    books.apply(session, [Unit(moves=(move,)) for move in moves], Recorder(actor, runtime.clock()))


def _rejected_but_paid(session: Session, since: date) -> list[BreakRow]:
    """A rejection noted in ``settled``: its debit must follow, or a person asks."""
    rows = session.execute(
        select(StatusReportLine.id, StatusReportLine.end_to_end_id, Collection.state)
        .join(StatusReport, StatusReport.id == StatusReportLine.report_id)
        .join(Collection, Collection.end_to_end_key == func.upper(StatusReportLine.end_to_end_id))
        .where(StatusReportLine.outcome == "noted", StatusReport.dated_on < since)
    ).all()
    wanted: list[BreakRow] = []
    for line_id, name, state in rows:
        if state == "settled":
            what = f"the bank rejected {name}, which it had credited, and no debit followed"
            wanted.append(("REJECT_AFTER_SETTLE", f"status_report_line:{line_id}", what, "ask the bank whether the money stays"))
        session.execute(
            update(StatusReportLine)
            .where(StatusReportLine.id == line_id)
            .values(outcome="break" if state == "settled" else "ignored")
        )
    return wanted


def _answered(session: Session, by: Recorder) -> None:
    """A debit that was booked after all is no Break any more."""
    rows = session.execute(select(Break.subject).where(Break.kind == "NO_ANSWER", Break.closed_at.is_(None))).all()
    names = [subject.removeprefix("collection:") for (subject,) in rows]
    done = session.scalars(
        select(Collection.end_to_end_id).where(Collection.end_to_end_id.in_(names), Collection.state.not_in(IN_FLIGHT_STATES))
    )
    books.close_breaks(session, [f"collection:{name}" for name in done], by, "the bank has answered", kinds=["NO_ANSWER"])
