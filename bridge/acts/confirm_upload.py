"""A person says: the file is at the bank. Only then the ledger moves (Clearing / Receivable)."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import audit_trail, books, custody
from bridge.books import Recorder
from bridge.errors import BadInput, UnknownName
from bridge.model import Batch
from bridge.runtime import Runtime

SHOWN_MIN = 8  # fewer digits stand in nearly every hash


def run(runtime: Runtime, actor: str, message_id: str, *, reference: str = "", sha256: str | None = None) -> bool:
    """Record the upload; returns False where it was recorded before. ``sha256``, if given, are digits of the file's hash.

    An upload is a fact: it is recorded even if a member would not be judged fit any more. Raises UnknownName, IllegalMove,
    BadInput.
    """
    custody.check_manifest(runtime)
    return runtime.work(lambda session: _confirm(session, runtime, actor, message_id, reference, sha256))


def _confirm(session: Session, runtime: Runtime, actor: str, message_id: str, reference: str, sha256: str | None) -> bool:
    batch = session.scalar(select(Batch).where(Batch.message_id == message_id))
    if batch is None:
        raise UnknownName.among("batch", message_id, session.scalars(select(Batch.message_id).where(Batch.state == "exported")))
    if sha256 is not None and (len(sha256) < SHOWN_MIN or sha256.lower() not in batch.sha256):
        raise BadInput(f"{message_id} has the SHA-256 {batch.sha256[:16]}...; the digits you gave are of another file")
    done = custody.submit(session, runtime, message_id, actor=actor, evidence="person", reason=reference)
    if done:
        by = Recorder(actor, runtime.clock())
        books.close_breaks(session, [f"batch:{message_id}"], by, "the upload is confirmed", kinds=["UPLOAD_NOT_CONFIRMED"])
        audit_trail.note(
            session, at=runtime.clock(), actor=actor, act="batch mark-uploaded", object=f"batch:{message_id}", detail=reference
        )
    return bool(done)
