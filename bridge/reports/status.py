"""One screen: what needs a person, what is due, at the bank and unmatched, the next cut-off, how far the chain was read."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import balances
from bridge.balances import View
from bridge.model import Account, Batch, Collection, Cursor, Invoice, Source, Statement
from bridge.reports import breaks, evidence
from bridge.reports.asked import ask
from bridge.reports.breaks import BreakLine
from bridge.rules import calendar
from bridge.rules.proof import FAILED
from bridge.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Amount:
    count: int
    cents: int


@dataclass(frozen=True, slots=True)
class SourceLine:
    name: str
    block: int | None
    read_at: datetime | None
    invoices: int


@dataclass(frozen=True, slots=True)
class Status:
    """The screen. ``next`` says which file waits for whom; ``cut_off`` is the next one of any account."""

    today: date
    invoices: dict[str, Amount]
    collections: dict[str, Amount]
    returned: Amount
    unmatched: Amount
    parked_statements: int
    to_approve: list[str]
    to_export: list[str]
    to_upload: list[str]
    cut_off: datetime | None
    earliest_due: date | None
    last_statement_on: date | None
    sources: list[SourceLine]
    breaks: list[BreakLine]

    @property
    def needs_a_person(self) -> int:
        """How many things wait for somebody: open Breaks, what is held or came back, files between two hands."""
        held = self.invoices.get("held", Amount(0, 0)).count + self.collections.get("held", Amount(0, 0)).count
        return len(self.breaks) + held + self.returned.count + len(self.to_approve) + len(self.to_export) + len(self.to_upload)


def build(session: Session, runtime: Runtime, view: View = balances.NOW) -> Status:
    """Read the screen; for a view of the past by its Moves and vouchers, with the cut-off of the clock and no chain cursor."""
    now = runtime.clock().astimezone(runtime.zone)
    profiles = [runtime.profile(bank) for bank in session.scalars(select(Account.bank).order_by(Account.id))]
    dues = [calendar.earliest_due(now, profile) for profile in profiles]
    suspense = balances.by_subject(session, "Suspense", view)
    batches = _batches(session, view)
    posted = [Statement.posting == "posted", *view.conditions(Statement.closing_on, Statement.posted_at)]
    return Status(
        today=runtime.today(),
        invoices=_by_state(session, view, Invoice),
        collections=_by_state(session, view, Collection),
        returned=_returned(session, view),
        unmatched=Amount(len(suspense), sum(map(abs, suspense.values()))),
        parked_statements=_parked(session, view),
        to_approve=batches["sealed"],
        to_export=batches["approved"],
        to_upload=batches["exported"],
        cut_off=None
        if view != balances.NOW
        else min(
            (calendar.presentation_window(due, profile)[1] for due, profile in zip(dues, profiles, strict=True)), default=None
        ),
        earliest_due=None if view != balances.NOW else min(dues, default=None),
        last_statement_on=session.scalar(select(func.max(Statement.closing_on)).where(*posted)),
        sources=_sources(session) if view == balances.NOW else [],
        breaks=breaks.listed(session, ask(runtime, view)),
    )


def _by_state(session: Session, view: View, noun: type[Invoice | Collection]) -> dict[str, Amount]:
    if view == balances.NOW:
        rows = select(noun.state, func.count(), func.sum(noun.amount_cents)).group_by(noun.state).order_by(noun.state)
        return {state: Amount(count, int(cents)) for state, count, cents in session.execute(rows)}
    state = evidence.states(session, view, noun.__tablename__)
    found: dict[str, list[int]] = defaultdict(list)
    for row_id, cents in session.execute(select(noun.id, noun.amount_cents)):
        if row_id in state:
            found[state[row_id]].append(cents)
    return {name: Amount(len(found[name]), sum(found[name])) for name in sorted(found)}


def _returned(session: Session, view: View) -> Amount:
    """Invoices that are open again because their last attempt failed."""
    invoices, last = evidence.last_states(session, view)
    ids = [row_id for row_id, state in invoices.items() if state == "open" and last.get(row_id) in FAILED]
    amounts = {row_id: cents for row_id, cents in session.execute(select(Invoice.id, Invoice.amount_cents))} if ids else {}
    return Amount(len(ids), sum(amounts[row_id] for row_id in ids))


def _batches(session: Session, view: View) -> dict[str, list[str]]:
    """The message ids of the batches by the state they are in, or were in."""
    state = evidence.states(session, view, "batch")
    found: dict[str, list[str]] = defaultdict(list)
    for row_id, message_id in session.execute(select(Batch.id, Batch.message_id).order_by(Batch.id)):
        if row_id in state:
            found[state[row_id]].append(message_id)
    return found


def _parked(session: Session, view: View) -> int:
    """Statements that wait for their predecessor, or waited at that time."""
    waiting = Statement.posting == "parked"
    if view.known_at is not None:
        waiting |= (Statement.posting == "posted") & (Statement.posted_at > view.known_at)
        return (
            session.scalar(select(func.count()).select_from(Statement).where(waiting, Statement.recorded_at <= view.known_at))
            or 0
        )
    return session.scalar(select(func.count()).select_from(Statement).where(waiting)) or 0


def _sources(session: Session) -> list[SourceLine]:
    """Every source; one that was never read has no cursor, so its columns are empty."""
    rows = session.execute(
        select(Source.name, Cursor.block_number, Cursor.moved_at, Cursor.invoice_count)
        .outerjoin(Cursor, Cursor.source_id == Source.id)
        .order_by(Source.id)
    )
    return [SourceLine(name, block, read_at, count or 0) for name, block, read_at, count in rows]
