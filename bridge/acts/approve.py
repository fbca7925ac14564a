"""Sign a file's SHA-256. With "four-eyes" two different named people sign the same bytes; who counts: ``rules.signatures``."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert
from sqlalchemy.orm import Session

from bridge import audit_trail, books, custody, signing
from bridge.books import PlannedMove, Recorder, Unit
from bridge.errors import IllegalMove, NotAllowed
from bridge.model import Approval, Batch
from bridge.rules import lifecycle
from bridge.rules.people import person
from bridge.runtime import Runtime
from bridge.signing import Signatures


@dataclass(frozen=True, slots=True)
class Signed:
    message_id: str
    sha256: str
    signed_by: tuple[str, ...]
    missing: int


def run(runtime: Runtime, actor: str, message_id: str, *, sha256: str | None = None) -> Signed:
    """Sign a file; ``sha256``, if given, must be the file's (or its first digits, 8 at least). Signing twice changes nothing.

    Raises UnknownName, NotAllowed (the same person, an editor, a machine), IllegalMove; NotAllowed too where a member may not go
    out any more: the file is discarded then, and its signatures with it.
    """
    signed = runtime.work(lambda session: _sign(session, runtime, actor, message_id, sha256))
    if isinstance(signed, str):
        raise NotAllowed(signed)
    return signed


def _sign(session: Session, runtime: Runtime, actor: str, message_id: str, sha256: str | None) -> Signed | str:
    batch = custody.named(session, message_id, among=("sealed",))
    if sha256 is not None and (len(sha256) < 8 or not batch.sha256.startswith(sha256.lower())):
        raise NotAllowed(f"{message_id} has the SHA-256 {batch.sha256[:16]}..., not the one you looked at")
    found = signing.under(session, runtime, batch)
    if person(actor) not in map(person, found.given):
        if batch.state != "sealed":
            raise IllegalMove(f"{message_id} is {batch.state}; only a sealed file is approved")
        why = signing.why_not(session, runtime, batch, actor)
        if why:
            raise NotAllowed(f"{message_id}: {actor} {why}")
        refused = custody.judge_again(session, runtime, batch, actor=actor)
        if refused:
            return refused
        session.execute(insert(Approval).values(batch_id=batch.id, sha256=batch.sha256, actor=actor, recorded_at=runtime.clock()))
        audit_trail.note(
            session, at=runtime.clock(), actor=actor, act="batch approve", object=f"batch:{message_id}", detail=batch.sha256
        )
        found = signing.under(session, runtime, batch)
    # who was disabled or edited a mandate after signing is not one of the two any more: whoever signs then is looked at again
    if batch.state == "sealed" and not found.missing:
        _approve(session, runtime, actor, batch, found)
    runtime.fault("approve: before commit")
    return Signed(message_id, batch.sha256, found.given, found.missing)


def _approve(session: Session, runtime: Runtime, actor: str, batch: Batch, found: Signatures) -> None:
    state = lifecycle.step("batch", batch.message_id, batch.state, "approved")
    move = PlannedMove(
        "batch", batch.id, batch.version, "approved", batch.state, state, "person", runtime.today(), found.sentence
    )
    books.apply_all(session, [Unit(moves=(move,))], Recorder(actor, runtime.clock()))
