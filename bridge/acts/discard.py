"""A file that never left is given up; its collections go back to pending and keep their EndToEndIds."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import audit_trail, books, custody
from bridge.books import PlannedMove, Recorder, Unit
from bridge.errors import BadInput, IllegalMove, UnknownName
from bridge.model import Batch
from bridge.rules import lifecycle
from bridge.runtime import Runtime


def run(runtime: Runtime, actor: str, message_id: str, reason: str) -> int:
    """Discard a file before its first export; returns how many collections are free again.

    Raises UnknownName, BadInput without a reason, IllegalMove once it was exported: then it may be at the bank whatever we
    believe.
    """
    if not reason.strip():
        raise BadInput(f"say why {message_id} is discarded (--reason)")
    return runtime.work(lambda session: _discard(session, runtime, actor, message_id, reason))


def _discard(session: Session, runtime: Runtime, actor: str, message_id: str, reason: str) -> int:
    batch = session.scalar(select(Batch).where(Batch.message_id == message_id))
    if batch is None:
        raise UnknownName.among(
            "batch", message_id, session.scalars(select(Batch.message_id).where(Batch.state.in_(("sealed", "approved"))))
        )
    if batch.state == "exported":
        raise IllegalMove(f"{message_id} is exported and may be at the bank; it is not discarded by one person")
    state = lifecycle.step("batch", message_id, batch.state, "discarded")
    today, cause = runtime.today(), f"batch:{message_id}"
    moves = [PlannedMove("batch", batch.id, batch.version, "discarded", batch.state, state, "person", today, reason)]
    inside = custody.members(session, batch)
    moves += [
        PlannedMove(
            "collection",
            c.id,
            c.version,
            "unbatched",
            c.state,
            lifecycle.step("collection", c.end_to_end_id, c.state, "unbatched"),
            cause,
            today,
            sets=(("batch_id", None),),
        )
        for c in inside
    ]
    books.apply_all(session, [Unit(moves=tuple(moves))], Recorder(actor, runtime.clock()))
    audit_trail.note(session, at=runtime.clock(), actor=actor, act="batch discard", object=cause, detail=reason)
    return len(inside)
