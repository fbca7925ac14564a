"""A file is given up; its collections go back to pending and keep their EndToEndIds.

Before its first export one person does it. After that it may be at the bank whatever we believe: two people state that it was not
uploaded, and it is refused where anything that the bank said names it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from bridge import audit_trail, consent, custody
from bridge.errors import BadInput, IllegalMove, NotAllowed
from bridge.model import Batch
from bridge.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Discarded:
    """``freed``: how many collections are free again; ``missing``: how many more people must state it first."""

    message_id: str
    freed: int
    missing: int
    stated_by: tuple[str, ...] = ()


def run(runtime: Runtime, actor: str, message_id: str, reason: str, *, not_uploaded: bool = False) -> Discarded:
    """Discard a file. ``not_uploaded``: the actor states that an exported file never reached the bank; a second one must too.

    Raises UnknownName, BadInput without a reason, IllegalMove for a file that is at the bank or was exported (without the
    statement), NotAllowed where the bank names it, or for a machine.
    """
    if not reason.strip():
        raise BadInput(f"say why {message_id} is discarded (--reason)")
    if not_uploaded:
        custody.check_manifest(runtime)
        custody.remember(runtime, message_id)
    runtime.fault("discard: before the database")
    done = runtime.work(lambda session: _discard(session, runtime, actor, message_id, reason, not_uploaded=not_uploaded))
    runtime.fault("discard: before the file")
    custody.tidy(runtime)
    return done


def _discard(session: Session, runtime: Runtime, actor: str, message_id: str, reason: str, *, not_uploaded: bool) -> Discarded:
    batch = custody.named(session, message_id, among=(*custody.NOT_LEFT, "exported"))
    stated_by: tuple[str, ...] = ()
    if batch.state == "exported":
        if not not_uploaded:
            raise IllegalMove(
                f"{message_id} is exported and may be at the bank; if it is not, two people say so: "
                f"bridge batch discard {message_id} --not-uploaded"
            )
        agreed = _state(session, runtime, batch, actor, reason)
        if agreed.missing:
            return Discarded(message_id, 0, agreed.missing, agreed.by)
        stated_by = agreed.by
    why = f"{reason} (not uploaded, state {', '.join(stated_by)})" if stated_by else reason
    freed = custody.discard(session, runtime, batch, actor=actor, evidence="person", reason=why)
    audit_trail.note(session, at=runtime.clock(), actor=actor, act="batch discard", object=f"batch:{message_id}", detail=reason)
    return Discarded(message_id, freed, 0, stated_by)


def _state(session: Session, runtime: Runtime, batch: Batch, actor: str, reason: str) -> consent.Agreed:
    """One person's statement that the file never reached the bank. Raises NotAllowed where the bank says otherwise."""
    found = custody.evidence_of_upload(session, batch)
    if found is not None:
        raise NotAllowed(f"{batch.message_id} is at the bank: {found.words} names it; run 'bridge run'")
    agreed = consent.give(
        session,
        act="batch discard",
        object=f"batch:{batch.message_id}",
        said={"not uploaded": batch.sha256, "version": batch.version},
        actor=actor,
        at=runtime.clock(),
    )
    if agreed.missing:
        audit_trail.note(
            session,
            at=runtime.clock(),
            actor=actor,
            act="batch discard",
            object=f"batch:{batch.message_id}",
            detail=f"states that it was not uploaded: {reason}",
        )
    return agreed
