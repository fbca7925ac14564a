"""What waits too long becomes a Break; a batch of which nothing is in flight any more is booked."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bridge import books
from bridge.books import BreakRow, PlannedMove, Recorder, Unit
from bridge.model import Batch, Block, Break, Collection, Entry, Member, Statement, StatusReport, StatusReportLine
from bridge.model.collection import IN_FLIGHT_STATES
from bridge.rules import calendar, lifecycle
from bridge.runtime import Runtime
from bridge.steps.reconcile import statuses


def age(session: Session, runtime: Runtime, actor: str) -> int:
    """Open a Break for every line, noted rejection and debit in flight that has waited longer than PATIENCE_DAYS."""
    today = runtime.today()
    since = calendar.add_target_days(today, -lifecycle.PATIENCE_DAYS)
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
    """A batch that is at the bank and has no member in flight, nor one that is batched elsewhere, moves to booked."""
    in_flight = select(Collection.id).where(Collection.batch_id == Batch.id, Collection.state.in_(IN_FLIGHT_STATES)).exists()
    elsewhere = (
        select(Member.collection_id)
        .join(Block, Block.id == Member.block_id)
        .join(Collection, Collection.id == Member.collection_id)
        .where(Block.batch_id == Batch.id, Collection.state == "batched")
        .exists()
    )
    there = select(Batch).where(Batch.state.in_(("submitted", "answered")))
    done = list(session.scalars(there.where(~in_flight, ~elsewhere).order_by(Batch.id)))
    moves = [PlannedMove("batch", b.id, b.version, "booked", b.state, "booked", "rule", runtime.today()) for b in done]
    books.apply(session, [Unit(moves=(move,)) for move in moves], Recorder(actor, runtime.clock()))


def _rejected_but_paid(session: Session, since: date) -> list[BreakRow]:
    """A rejection noted in ``settled``, of a debit, a block or a file: its debit must follow, or a person asks."""
    reports = session.scalars(
        select(StatusReport.id)
        .join(StatusReportLine, StatusReportLine.report_id == StatusReport.id)
        .where(StatusReportLine.outcome == "noted", StatusReport.dated_on < since)
        .distinct()
        .order_by(StatusReport.id)
    ).all()
    wanted: list[BreakRow] = []
    for report_id in reports:
        outcomes: dict[int, str] = {}
        for line_id, collection in statuses.rejected_after_credit(session, report_id):
            outcomes.setdefault(line_id, "ignored")
            if collection.state == "settled":
                outcomes[line_id] = "break"
                name = collection.end_to_end_id
                what = f"the bank rejected {name}, which it had credited, and no debit followed"
                wanted.append(("REJECT_AFTER_SETTLE", f"collection:{name}", what, "ask the bank whether the money stays"))
        for line_id, outcome in outcomes.items():
            session.execute(update(StatusReportLine).where(StatusReportLine.id == line_id).values(outcome=outcome))
    return wanted


def _answered(session: Session, by: Recorder) -> None:
    """A debit that was booked after all, or taken back after all, is no Break any more."""
    for kind, waiting in (("NO_ANSWER", IN_FLIGHT_STATES), ("REJECT_AFTER_SETTLE", ("settled",))):
        subjects = session.scalars(select(Break.subject).where(Break.kind == kind, Break.closed_at.is_(None))).all()
        names = [subject.removeprefix("collection:") for subject in subjects]
        for start in range(0, len(names), 500):
            done = session.scalars(
                select(Collection.end_to_end_id).where(
                    Collection.end_to_end_id.in_(names[start : start + 500]), Collection.state.not_in(waiting)
                )
            )
            books.close_breaks(session, [f"collection:{name}" for name in done], by, "the bank has answered", kinds=[kind])
