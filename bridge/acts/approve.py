"""Sign a file's SHA-256. With "four-eyes" two different named people sign the same bytes; a machine counts as nobody.

Who cut the file by hand, or last edited a mandate in it, is not one of the two.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from bridge import audit_trail, books, custody
from bridge.books import PlannedMove, Recorder, Unit
from bridge.errors import IllegalMove, NotAllowed, UnknownName
from bridge.model import Approval, Batch, Creditor, Mandate
from bridge.rules import lifecycle
from bridge.runtime import Runtime

SIGNATURES = {"four-eyes": 2, "single": 1, "none": 0}
MACHINES = frozenset(
    {"batch", "beat", "collect", "config", "cron", "handover", "ingest", "receive", "reconcile", "service", "worker"}
)


@dataclass(frozen=True, slots=True)
class Signed:
    message_id: str
    sha256: str
    signed_by: tuple[str, ...]
    missing: int


def run(runtime: Runtime, actor: str, message_id: str, *, sha256: str | None = None) -> Signed:
    """Sign a file; ``sha256``, if given, must be the file's (or its first digits, 8 at least). Signing twice changes nothing.

    Raises UnknownName, NotAllowed (the same person, an editor, a machine, a member that may not go out), IllegalMove.
    """
    return runtime.work(lambda session: _sign(session, runtime, actor, message_id, sha256))


def _sign(session: Session, runtime: Runtime, actor: str, message_id: str, sha256: str | None) -> Signed:
    batch = session.scalar(select(Batch).where(Batch.message_id == message_id))
    if batch is None:
        raise UnknownName.among("batch", message_id, session.scalars(select(Batch.message_id).where(Batch.state == "sealed")))
    if sha256 is not None and (len(sha256) < 8 or not batch.sha256.startswith(sha256.lower())):
        raise NotAllowed(f"{message_id} has the SHA-256 {batch.sha256[:16]}..., not the one you looked at")
    signed = list(session.scalars(select(Approval.actor).where(Approval.batch_id == batch.id).order_by(Approval.id)))
    creditor = session.get_one(Creditor, batch.creditor_id)
    needed = SIGNATURES[runtime.settings.rules_for(creditor.creditor_id).approval]
    if actor not in signed:
        if batch.state != "sealed":
            raise IllegalMove(f"{message_id} is {batch.state}; only a sealed file is approved")
        if needed > 1:
            _refuse_involved(session, batch, actor)
        custody.judge_again(session, runtime, batch)
        session.execute(insert(Approval).values(batch_id=batch.id, sha256=batch.sha256, actor=actor, recorded_at=runtime.clock()))
        signed.append(actor)
        audit_trail.note(
            session, at=runtime.clock(), actor=actor, act="batch approve", object=f"batch:{message_id}", detail=batch.sha256
        )
    if batch.state == "sealed" and len(signed) >= needed:
        state = lifecycle.step("batch", message_id, batch.state, "approved")
        move = PlannedMove(
            "batch",
            batch.id,
            batch.version,
            "approved",
            batch.state,
            state,
            "person",
            runtime.today(),
            f"signed by {', '.join(signed)}",
        )
        books.apply(session, [Unit(moves=(move,))], Recorder(actor, runtime.clock()))
    return Signed(message_id, batch.sha256, tuple(signed), max(0, needed - len(signed)))


def _refuse_involved(session: Session, batch: Batch, actor: str) -> None:
    if actor.lower() in MACHINES:
        raise NotAllowed(f"{actor} is a machine and counts as nobody; two named people approve {batch.message_id}")
    if batch.created_by == actor:
        raise NotAllowed(f"{actor} cut {batch.message_id} and cannot be one of the two who approve it")
    mandates = {collection.mandate_id for collection in custody.members(session, batch)}
    editors = (
        set(session.scalars(select(Mandate.edited_by).where(Mandate.id.in_(mandates)).distinct()))
        if len(mandates) <= 500
        else set()
    )
    if len(mandates) > 500:
        editors = {mandate.edited_by for mandate_id in mandates if (mandate := session.get(Mandate, mandate_id))}
    if actor in editors:
        raise NotAllowed(
            f"{actor} was the last to edit a mandate in {batch.message_id} and cannot be one of the two who approve it"
        )
