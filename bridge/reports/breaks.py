"""What a person must look at: each Break with what it is about, its evidence, age and owner, and how it ended.

Who took a Break stands in the audit trail, which is only written on; so a report of the past names the owner of then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import rows
from bridge.balances import View
from bridge.errors import UnknownName
from bridge.model import (
    Audit,
    Batch,
    Break,
    ChainLog,
    Collection,
    Document,
    Entry,
    Invoice,
    Source,
    Statement,
    StatusReport,
    StatusReportLine,
)
from bridge.reports.asked import Asked
from bridge.reports.tables import Row, Table, table
from bridge.reports.words import word
from bridge.rules import ages
from bridge.rules.breaks import OWNERS, TAKEN, ended, said

Named = tuple[str, str]  # about, evidence
COLUMNS = "id:count kind about days:count bucket owner what next"


@dataclass(frozen=True, slots=True)
class BreakLine:
    """A Break in a view. ``owner`` is the role that acts on its kind until somebody took it; what came later is None."""

    id: int
    kind: str
    subject: str
    about: str
    evidence: str  # hash or place of what shows it; empty where ``about`` is all
    opened_on: date
    age_days: int  # until the day of the view, or until it was closed
    bucket: str  # one of ages.WAITING
    owner: str
    taken_by: str | None
    what: str
    next: str
    closed_at: datetime | None = None
    closed_by: str | None = None
    resolution: str | None = None


def listed(session: Session, asked: Asked, *, closed: bool = False) -> list[BreakLine]:
    """Every Break that was open in view, oldest first; ``closed``: those that were closed in it, too."""
    view = asked.view
    wanted = view.conditions(Break.opened_on, Break.opened_at)
    if not closed:
        still = Break.closed_at.is_(None)
        wanted.append(still if view.known_at is None else still | (Break.closed_at > view.known_at))
    found = session.scalars(select(Break).where(*wanted).order_by(Break.opened_on, Break.id)).all()
    return _lines(session, found, asked)


def shown(session: Session, asked: Asked, break_id: int) -> BreakLine:
    """One of them, open or closed. Raises UnknownName."""
    wanted = asked.view.conditions(Break.opened_on, Break.opened_at)
    found = session.scalars(select(Break).where(Break.id == break_id, *wanted)).all()
    if not found:
        raise UnknownName(f"break {break_id} is not one; 'bridge break list --closed' shows all")
    return _lines(session, found, asked)[0]


def in_words(one: BreakLine, lang: str) -> BreakLine:
    """The same with its sentences in the reader's language."""
    resolution = ended(one.resolution, lang) if one.resolution else one.resolution
    return replace(one, what=said(one.kind, one.what, lang), next=said(one.kind, one.next, lang), resolution=resolution)


def owner(one: BreakLine, lang: str) -> str:
    """Who acts on it: a person's name, or a role in the reader's words."""
    return one.taken_by or word(one.owner, lang)


def tabled(found: Sequence[BreakLine], lang: str) -> Table:
    """The Breaks as a table of a report."""
    lines: list[Row] = [
        (one.id, one.kind, one.about, one.age_days, word(one.bucket, lang), owner(one, lang), one.what, one.next)
        for one in (in_words(row, lang) for row in found)
    ]
    return table("breaks", COLUMNS, lines, lang)


def _lines(session: Session, found: Sequence[Break], asked: Asked) -> list[BreakLine]:
    named, taken = _named(session, {row.subject for row in found}), _taken(session, asked.view)
    return [_line(row, named[row.subject], taken.get(row.id), asked) for row in found]


def _line(row: Break, named: Named, taken_by: str | None, asked: Asked) -> BreakLine:
    known_at = asked.view.known_at
    over = row.closed_at is not None and (known_at is None or row.closed_at <= known_at)
    until = asked.day(row.closed_at) if over and row.closed_at is not None else asked.on
    days = max(0, (until - row.opened_on).days)
    return BreakLine(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        about=named[0],
        evidence=named[1],
        opened_on=row.opened_on,
        age_days=days,
        bucket=ages.waiting(days),
        owner=OWNERS[row.kind],
        taken_by=taken_by,
        what=row.what,
        next=row.next,
        closed_at=row.closed_at if over else None,
        closed_by=row.closed_by if over else None,
        resolution=row.resolution if over else None,
    )


def _taken(session: Session, view: View) -> dict[int, str]:
    """Who took which Break last, by what was known in view."""
    told = select(Audit.object, Audit.detail).where(Audit.act == TAKEN).order_by(Audit.id)
    if view.known_at is not None:
        told = told.where(Audit.recorded_at <= view.known_at)
    return {int(about.removeprefix("break:")): name.removeprefix("user:") for about, name in session.execute(told)}


def _named(session: Session, subjects: Iterable[str]) -> dict[str, Named]:
    """What each subject is called by people, and the evidence behind it."""
    of_kind: dict[str, list[str]] = defaultdict(list)
    for subject in subjects:
        kind, _, rest = subject.partition(":")
        of_kind[kind].append(rest)
    return {
        f"{kind}:{rest}": found
        for kind, some in of_kind.items()
        for rest, found in _SEEKERS.get(kind, _as_they_are)(session, some).items()
    }


def _as_they_are(_: Session, some: list[str]) -> dict[str, Named]:
    return {rest: (rest, "") for rest in some}


def _ids(some: Iterable[str]) -> list[int]:
    return [int(rest) for rest in some if rest.isascii() and rest.isdigit()]


def _sought(session: Session, told: Any, column: Any, values: Iterable[Any], some: list[str]) -> dict[str, Named]:
    """``told`` selects key, about, evidence; what is not found keeps its own words."""
    found = {str(key): (about, evidence) for key, about, evidence in rows.sought(session, told, column, values)}
    return _as_they_are(session, some) | found


def _entries(session: Session, some: list[str]) -> dict[str, Named]:
    told = (
        select(Entry.id, Statement.statement_id, Document.sha256)
        .join(Statement, Statement.id == Entry.statement_id)
        .join(Document, Document.id == Statement.document_id)
    )
    found = _sought(session, told, Entry.id, _ids(some), some)
    return {rest: (f"line:{rest}", sha256) for rest, (_, sha256) in found.items()}


def _invoices(session: Session, some: list[str]) -> dict[str, Named]:
    told = select(Invoice.id, Invoice.number, Invoice.claim_id)
    return _sought(session, told, Invoice.id, _ids(some), some)


def _collections(session: Session, some: list[str]) -> dict[str, Named]:
    told = select(Collection.id, Collection.end_to_end_id, Invoice.number).join(Invoice, Invoice.id == Collection.invoice_id)
    found = _sought(session, told, Collection.id, _ids(some), some)
    return {rest: (name, "") for rest, (name, _) in found.items()}


def _batches(session: Session, some: list[str]) -> dict[str, Named]:
    return _sought(session, select(Batch.message_id, Batch.message_id, Batch.sha256), Batch.message_id, some, some)


def _documents(_: Session, some: list[str]) -> dict[str, Named]:
    return {sha256: (sha256[:12], sha256) for sha256 in some}


def _statements(session: Session, some: list[str]) -> dict[str, Named]:
    told = select(Statement.id, Statement.statement_id, Document.sha256).join(Document, Document.id == Statement.document_id)
    return _sought(session, told, Statement.id, _ids(some), some)


def _status_lines(session: Session, some: list[str]) -> dict[str, Named]:
    told = (
        select(StatusReportLine.id, StatusReport.original_message_id, Document.sha256)
        .join(StatusReport, StatusReport.id == StatusReportLine.report_id)
        .join(Document, Document.id == StatusReport.document_id)
    )
    return _sought(session, told, StatusReportLine.id, _ids(some), some)


def _sources(session: Session, some: list[str]) -> dict[str, Named]:
    return _sought(session, select(Source.id, Source.name, Source.contract), Source.id, _ids(some), some)


def _logs(session: Session, some: list[str]) -> dict[str, Named]:
    told = select(ChainLog, Source.name).join(Source, Source.id == ChainLog.source_id)
    found = rows.sought(session, told, ChainLog.id, _ids(some))
    return _as_they_are(session, some) | {str(log.id): (name, f"0x{log.tx_hash.hex()}/{log.log_index}") for log, name in found}


_SEEKERS: dict[str, Callable[[Session, list[str]], dict[str, Named]]] = {
    "entry": _entries,
    "charge": _entries,
    "invoice": _invoices,
    "collection": _collections,
    "batch": _batches,
    "document": _documents,
    "statement": _statements,
    "status_report_line": _status_lines,
    "source": _sources,
    "finality": _sources,
    "chain_log": _logs,
}
