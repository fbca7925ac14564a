"""One screen: what needs a person, what is due, at the bank and unmatched, the next cut-off, how far the chain was read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import balances
from bridge.model import Account, Batch, Collection, Cursor, Entry, Invoice, Source, Statement
from bridge.reports.reconciliation import BreakLine, breaks
from bridge.rules import calendar
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
        """How many things wait for somebody: open Breaks, held invoices and collections, files between two hands."""
        held = self.invoices.get("held", Amount(0, 0)).count + self.collections.get("held", Amount(0, 0)).count
        return len(self.breaks) + held + len(self.to_approve) + len(self.to_export) + len(self.to_upload)


def build(session: Session, runtime: Runtime) -> Status:
    """Read the screen."""
    now = runtime.clock().astimezone(runtime.zone)
    profiles = [runtime.profile(bank) for bank in session.scalars(select(Account.bank).order_by(Account.id))]
    dues = [calendar.earliest_due(now, profile) for profile in profiles]
    open_lines = session.execute(
        select(func.count(), func.sum(func.abs(Entry.open_cents)))
        .join(Statement, Statement.id == Entry.statement_id)
        .where(Entry.open_cents != 0, Statement.posting == "posted")
    ).one()
    return Status(
        today=runtime.today(),
        invoices=_by_state(session, Invoice),
        collections=_by_state(session, Collection),
        unmatched=Amount(open_lines[0], int(open_lines[1] or 0)),
        parked_statements=session.scalar(select(func.count()).select_from(Statement).where(Statement.posting == "parked")) or 0,
        to_approve=_batches(session, "sealed"),
        to_export=_batches(session, "approved"),
        to_upload=_batches(session, "exported"),
        cut_off=min(
            (calendar.presentation_window(due, profile)[1] for due, profile in zip(dues, profiles, strict=True)), default=None
        ),
        earliest_due=min(dues, default=None),
        last_statement_on=session.scalar(select(func.max(Statement.closing_on)).where(Statement.posting == "posted")),
        sources=_sources(session),
        breaks=breaks(session, balances.NOW, runtime.today()),
    )


def _by_state(session: Session, noun: type[Invoice | Collection]) -> dict[str, Amount]:
    rows = session.execute(
        select(noun.state, func.count(), func.sum(noun.amount_cents)).group_by(noun.state).order_by(noun.state)
    )
    return {state: Amount(count, int(cents)) for state, count, cents in rows}


def _batches(session: Session, state: str) -> list[str]:
    return list(session.scalars(select(Batch.message_id).where(Batch.state == state).order_by(Batch.id)))


def _sources(session: Session) -> list[SourceLine]:
    """Every source; one that was never read has no cursor, so its columns are empty."""
    rows = session.execute(
        select(Source.name, Cursor.block_number, Cursor.moved_at, Cursor.invoice_count)
        .outerjoin(Cursor, Cursor.source_id == Source.id)
        .order_by(Source.id)
    )
    return [SourceLine(name, block, read_at, count or 0) for name, block, read_at, count in rows]
