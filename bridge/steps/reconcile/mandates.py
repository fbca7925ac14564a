"""Pause a mandate whose debit came back for a reason that a second debit would not cure.

Only the pause is a rule: resuming is a person's act, and a person's word stands: the same failed debit never pauses it again.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import books
from bridge.books import PlannedMove, Recorder, Unit
from bridge.model import Collection, Mandate, Move
from bridge.rules.proof import FAILED
from bridge.rules.reasons import PAUSING, meaning
from bridge.runtime import Runtime


def pause(session: Session, runtime: Runtime, actor: str) -> int:
    """Pause each active mandate with a failed debit that asks for it and did not pause it before; returns how many."""
    done = select(Move.evidence).where(Move.noun == "mandate", Move.noun_id == Mandate.id, Move.news == "paused")
    rows = session.execute(
        select(Mandate, Collection.end_to_end_id, Collection.reason)
        .join(Collection, Collection.mandate_id == Mandate.id)
        .where(Mandate.state == "active", Collection.state.in_(FAILED), Collection.reason.in_(sorted(PAUSING)))
        .where(("collection:" + Collection.end_to_end_id).not_in(done))
        .order_by(Collection.id)
    )
    moves: dict[int, PlannedMove] = {}
    for mandate, name, reason in rows:
        why = f"{name} came back: {meaning(reason)}"
        moves[mandate.id] = PlannedMove(
            "mandate", mandate.id, mandate.version, "paused", "active", "paused", f"collection:{name}", runtime.today(), why
        )
    books.apply(session, [Unit(moves=(move,)) for move in moves.values()], Recorder(actor, runtime.clock()))
    return len(moves)
