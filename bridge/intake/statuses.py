"""Keeps what a status report (pain.002) says, line by line; reconcile reads it later."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from bridge import books
from bridge.books import Recorder
from bridge.errors import BadInput
from bridge.intake.taken import Taken
from bridge.model import Batch, Document, StatusReport, StatusReportLine
from bridge.records.pain002 import StatusLine, StatusReportHead
from bridge.rules.answers import COPY_REASONS
from bridge.runtime import Runtime

OURS = "pain.008"
UNKNOWN_FILE = "a status report names file"  # how a Break begins that ends when the file is learned again
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=10)


def keep(
    session: Session, runtime: Runtime, document: Document, messages: Iterable[StatusReportHead | StatusLine], by: Recorder
) -> Taken:
    """Store a report and its lines; one that is not about a file of ours is a Break. Raises BadInput, also for its date."""
    head: StatusReportHead | None = None
    lines: list[StatusLine] = []
    for message in messages:
        if isinstance(message, StatusReportHead):
            head = message
        else:
            lines.append(message)
    if head is None:
        raise BadInput("the status report names no original message")
    created_at = _created_at(head, runtime)
    not_ours = _not_ours(session, head)
    report = StatusReport(
        document_id=document.id,
        message_id=head.message_id,
        original_message_id=head.original_message_id,
        dated_on=created_at.astimezone(runtime.zone).date(),
    )
    session.add(report)
    session.flush()
    rows = [
        {
            "report_id": report.id,
            "ordinal": n,
            "level": line.level,
            "pmt_inf_id": line.pmt_inf_id,
            "end_to_end_id": line.end_to_end_id,
            "status": line.status,
            "reason": _reason(line, head),
            "outcome": "break" if not_ours else "new",
        }
        for n, line in enumerate(lines)
    ]
    if rows:
        session.execute(insert(StatusReportLine), rows)
    if not_ours:
        found = ("NOT_OUR_FILE", f"document:{document.sha256}", not_ours, "ask the bank, or close it")
        books.open_breaks(session, [found], by, runtime.today())
    return Taken("", "", "", "stored", len(rows), 0 if not_ours else len(rows))


def _created_at(head: StatusReportHead, runtime: Runtime) -> datetime:
    """When the bank says it wrote the report; BadInput where that cannot be."""
    now = runtime.clock()
    created_at = head.created_at or now
    if not EARLIEST <= created_at <= now + AHEAD:
        raise BadInput(f"the status report is dated {created_at.isoformat()}, which cannot be; ask the bank for the right one")
    return created_at


def _not_ours(session: Session, head: StatusReportHead) -> str:
    """Why a report is not about a file of ours; empty where it is. The message name may lack its version, or be empty."""
    name = head.original_message_name
    if name and not name.lower().startswith(OURS):
        return f"a status report is about a {name[:35]}, and we send only {OURS}"
    if session.scalar(select(Batch.id).where(func.upper(Batch.message_id) == head.original_message_id.upper())) is None:
        return f"{UNKNOWN_FILE} {head.original_message_id[:35]}, which is not ours"
    return ""


def _reason(line: StatusLine, head: StatusReportHead) -> str | None:
    """The code that explains a status. One that calls it a copy wins over others: a copy moves nothing."""
    reasons = line.reasons or (head.reasons if line.level == "group" else ())
    codes = [reason.code.upper() for reason in reasons if reason.code]
    return next((code for code in codes if code in COPY_REASONS), codes[0] if codes else None)
