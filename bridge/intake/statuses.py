"""Keeps what a status report (pain.002) says, line by line; reconcile reads it later."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from bridge import books
from bridge.books import Recorder
from bridge.errors import BadInput
from bridge.intake.taken import Taken
from bridge.model import Batch, Block, Collection, Document, Mandate, Member, StatusReport, StatusReportLine
from bridge.records.pain002 import StatusLine, StatusReportHead
from bridge.rules import naming
from bridge.rules.answers import COPY_REASONS
from bridge.rules.naming import InFile
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
    if head.group_status is None and head.reasons:  # why a file or its blocks are refused may stand where no status does
        lines.insert(0, StatusLine("group", head.original_message_id, None, None, None, head.reasons))
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
        for n, line in enumerate(_named(session, lines))
    ]
    if rows:
        session.execute(insert(StatusReportLine), rows)
    if not_ours:
        found = ("NOT_OUR_FILE", f"document:{document.sha256}", not_ours, "ask the bank, or close it")
        books.open_breaks(session, [found], by, runtime.today())
    return Taken("", "", "", "stored", len(rows), 0 if not_ours else len(rows))


def _named(session: Session, lines: Sequence[StatusLine]) -> list[StatusLine]:
    """The lines, those of debits without an EndToEndId with that of the one debit which they mean; the others go to a person."""
    nameless = [line for line in lines if _is_nameless(line)]
    if not nameless:
        return list(lines)
    of_file = (
        select(Collection.end_to_end_key, Block.pmt_inf_id, Mandate.mandate_key, Collection.amount_cents, Block.due_on)
        .join(Member, Member.collection_id == Collection.id)
        .join(Block, Block.id == Member.block_id)
        .join(Batch, Batch.id == Block.batch_id)
        .join(Mandate, Mandate.id == Collection.mandate_id)
        .where(func.upper(Batch.message_id) == nameless[0].original_message_id.upper())
    )
    debits: dict[str, list[InFile]] = defaultdict(list)
    for key, block, mandate, cents, due_on in session.execute(of_file):
        debit = InFile(key, block.upper(), mandate, cents, due_on)
        debits[key].append(debit)
        debits[mandate].append(debit)
    return [replace(line, end_to_end_id=_meant(line, debits) or None) if _is_nameless(line) else line for line in lines]


def _is_nameless(line: StatusLine) -> bool:
    return line.level == "debit" and line.end_to_end_id is None


def _meant(line: StatusLine, debits: Mapping[str, Sequence[InFile]]) -> str:
    """``debits`` by EndToEndId and by mandate, both in upper case: whoever one of the line's two words may mean."""
    instruction, block, mandate = ((id or "").upper() for id in (line.instruction_id, line.pmt_inf_id, line.mandate_id))
    said = InFile(instruction, block, mandate, line.amount_cents, line.due_on)
    return naming.in_file(said, [*debits.get(instruction, ()), *debits.get(mandate, ())])


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
