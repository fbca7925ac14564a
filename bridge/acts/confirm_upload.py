"""A person says: the file is at the bank. Only then the ledger moves (Clearing / Receivable)."""

from __future__ import annotations

from sqlalchemy.orm import Session

from bridge import audit_trail, books, custody
from bridge.books import Recorder
from bridge.custody import Word
from bridge.errors import BadInput
from bridge.model import Batch
from bridge.runtime import Runtime

SHOWN_MIN = 8  # fewer digits stand in nearly every hash


def run(runtime: Runtime, actor: str, message_id: str, *, reference: str = "", sha256: str | None = None) -> bool:
    """Record the upload; returns False where it was recorded before. ``sha256``, if given, are digits of the file's hash.

    An upload is a fact: it is recorded even if a member would not be judged fit any more, and also of a file that two people had
    discarded as not uploaded. Raises UnknownName, IllegalMove, BadInput.
    """
    custody.check_manifest(runtime)
    custody.remember(runtime, message_id)
    return runtime.work(lambda session: _confirm(session, runtime, actor, message_id, reference, sha256))


def _confirm(session: Session, runtime: Runtime, actor: str, message_id: str, reference: str, sha256: str | None) -> bool:
    batch = custody.named(session, message_id, among=("exported",))
    if sha256 is not None and (len(sha256) < SHOWN_MIN or sha256.lower() not in batch.sha256):
        raise BadInput(f"{message_id} has the SHA-256 {batch.sha256[:16]}...; the digits you gave are of another file")
    word = Word(_news(batch), "person", runtime.today(), reference)
    done = custody.submit(session, runtime, batch, word, actor=actor)
    by = Recorder(actor, runtime.clock())
    closed = books.close_breaks(session, [f"batch:{message_id}"], by, "the upload is confirmed", kinds=["UPLOAD_NOT_CONFIRMED"])
    if done or closed:
        audit_trail.note(
            session, at=runtime.clock(), actor=actor, act="batch mark-uploaded", object=f"batch:{message_id}", detail=reference
        )
    runtime.fault("mark uploaded: before commit")
    return done


def _news(batch: Batch) -> str:
    """A file that left and was discarded as not uploaded is proven to be there; only a person's word stands for the bank's."""
    return "proven" if batch.state == "discarded" and batch.manifest_no is not None else "submitted"
