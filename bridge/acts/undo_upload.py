"""A hand-over that did not happen is undone: two people, the whole file, and only while the bank has said nothing about it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from bridge import audit_trail, consent, custody
from bridge.errors import BadInput, IllegalMove, NotAllowed
from bridge.model import Batch
from bridge.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Undone:
    """``back``: how many collections are batched again; ``missing``: how many more people must say so first."""

    message_id: str
    back: int
    missing: int
    said_by: tuple[str, ...]


def run(runtime: Runtime, actor: str, message_id: str, reason: str) -> Undone:
    """Undo the hand-over of a file; it is exported again, and may be uploaded or discarded.

    Raises UnknownName, BadInput without a reason, IllegalMove for a file that was not handed over, NotAllowed where the bank has
    answered in any way, or for a machine.
    """
    if not reason.strip():
        raise BadInput(f"say why the upload of {message_id} is undone (--reason)")
    return runtime.work(lambda session: _undo(session, runtime, actor, message_id, reason))


def _undo(session: Session, runtime: Runtime, actor: str, message_id: str, reason: str) -> Undone:
    batch = custody.named(session, message_id, among=("submitted",))
    _refuse_answered(session, batch)
    agreed = consent.give(
        session,
        act="batch undo-upload",
        object=f"batch:{message_id}",
        said={"sha256": batch.sha256, "version": batch.version},
        actor=actor,
        at=runtime.clock(),
    )
    back = 0 if agreed.missing else custody.undo(session, runtime, batch, actor=actor, reason=reason)
    audit_trail.note(
        session, at=runtime.clock(), actor=actor, act="batch undo-upload", object=f"batch:{message_id}", detail=reason
    )
    runtime.fault("undo upload: before commit")
    return Undone(message_id, back, agreed.missing, agreed.by)


def _refuse_answered(session: Session, batch: Batch) -> None:
    """Raise where the bank has the file: it said so, or a member has moved on."""
    if batch.state in ("answered", "booked"):
        raise NotAllowed(f"{batch.message_id} is {batch.state}: the bank has it; what went wrong is taken up with the bank")
    if batch.state != "submitted":
        raise IllegalMove(f"{batch.message_id} is {batch.state}; only a hand-over that was recorded can be undone")
    found = custody.evidence_for(session, batch)
    if found is not None:
        raise NotAllowed(f"{batch.message_id} is at the bank: {found.words} names it or a debit in it")
    moved = next((c for c in custody.members(session, batch) if c.state != "submitted" or c.batch_id != batch.id), None)
    if moved is not None:
        raise NotAllowed(f"{moved.end_to_end_id} is {moved.state}; only a file of which nothing has moved on is taken back")
