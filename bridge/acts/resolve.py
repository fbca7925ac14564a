"""Close a Break with a sentence. What the Break is about stays as it is: a line that is open stays open."""

from __future__ import annotations

from sqlalchemy.orm import Session

from bridge import audit_trail, books
from bridge.books import Recorder
from bridge.errors import BadInput, NotAllowed, UnknownName
from bridge.explaining import beyond
from bridge.model import Break
from bridge.runtime import Runtime

#: kinds whose cause must go first: closing these by hand would hide an open line, or release a frozen source, file or debit
BY_CAUSE_ONLY = (
    "UNKNOWN_CREDIT", "UNKNOWN_DEBIT", "UNKNOWN_DETAIL", "UNDONE", "PARTLY_EXPLAINED", "STATEMENT_GAP", "REORG_BELOW_FINAL",
    "SOURCE_INCOMPLETE", "PROOF_LOST", "CONTRACT_CHANGED", "CODE_CHANGED", "LOG_NOT_ON_CHAIN", "FINALITY_WENT_BACK",
    "FINALITY_STALLED", "CLEARING_NOT_ZERO", "FILE_FROZEN", "UPLOAD_UNCLEAR", "DO_NOT_UPLOAD", *beyond.KINDS,
)  # fmt: skip


def run(runtime: Runtime, actor: str, break_id: int, resolution: str) -> None:
    """Close an open Break. Raises UnknownName, BadInput without a sentence, NotAllowed for one that only its cause can close."""
    if not resolution.strip():
        raise BadInput("say how it was resolved (--resolution)")
    runtime.work(lambda session: _close(session, runtime, actor, break_id, resolution))


def _close(session: Session, runtime: Runtime, actor: str, break_id: int, resolution: str) -> None:
    found = session.get(Break, break_id)
    if found is None or found.closed_at is not None:
        raise UnknownName(f"break {break_id} is not an open one; 'bridge status' lists them")
    if found.kind in BY_CAUSE_ONLY or (found.kind == "CLAIM_CONFLICT" and found.subject.startswith("source:")):
        raise NotAllowed(f"{found.kind} closes by itself once its cause is gone: {found.next}")
    by = Recorder(actor, runtime.clock())
    books.close_breaks(session, [found.subject], by, resolution, kinds=[found.kind])
    if found.kind == "LATE_CREDIT":  # what of it is still the customer's stays in sight
        beyond.look(session, [int(found.subject.removeprefix("invoice:"))], by, runtime.today())
    audit_trail.note(
        session, at=runtime.clock(), actor=actor, act="resolve", object=found.subject, detail=f"{found.kind}: {resolution}"
    )
