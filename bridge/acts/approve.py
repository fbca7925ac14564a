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
from bridge.model import Approval, Batch, Block, Collection, Creditor, Mandate, Member
from bridge.rules import lifecycle
from bridge.rules.people import is_machine, person
from bridge.runtime import Runtime

SIGNATURES = {"four-eyes": 2, "single": 1, "none": 0}


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
    involved = _involved(session, batch) if needed > 1 else {}
    if person(actor) not in {person(one) for one in signed}:
        if batch.state != "sealed":
            raise IllegalMove(f"{message_id} is {batch.state}; only a sealed file is approved")
        if is_machine(actor):
            raise NotAllowed(f"{actor} is a machine and counts as nobody; named people approve {message_id}")
        if person(actor) in involved:
            raise NotAllowed(f"{actor} {involved[person(actor)]} and cannot be one of the two who approve it")
        custody.judge_again(session, runtime, batch)
        session.execute(insert(Approval).values(batch_id=batch.id, sha256=batch.sha256, actor=actor, recorded_at=runtime.clock()))
        signed.append(actor)
        audit_trail.note(
            session, at=runtime.clock(), actor=actor, act="batch approve", object=f"batch:{message_id}", detail=batch.sha256
        )
    # who edited a mandate after signing is not one of the two any more: whoever signs then is looked at again
    counting = [one for one in signed if person(one) not in involved]
    if batch.state == "sealed" and len(counting) >= needed:
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
            f"signed by {', '.join(counting)}",
        )
        books.apply_all(session, [Unit(moves=(move,))], Recorder(actor, runtime.clock()))
    return Signed(message_id, batch.sha256, tuple(signed), max(0, needed - len(counting)))


def _involved(session: Session, batch: Batch) -> dict[str, str]:
    """Who made the file what it is, and by what: these do not approve it."""
    editors = (
        select(Mandate.edited_by)
        .join(Collection, Collection.mandate_id == Mandate.id)
        .join(Member, Member.collection_id == Collection.id)
        .join(Block, Block.id == Member.block_id)
        .where(Block.batch_id == batch.id)
        .distinct()
    )
    found = {person(editor): f"was the last to edit a mandate in {batch.message_id}" for editor in session.scalars(editors)}
    return found | {person(batch.created_by): f"cut {batch.message_id}"}
