"""Give a bank line that a person had in hand back to the rules: the next run explains it, if it can."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bridge import audit_trail, books
from bridge.books import Recorder
from bridge.errors import IllegalMove, NotAllowed, UnknownName
from bridge.explaining.standing import stands
from bridge.model import Entry, Match
from bridge.rules.by_hand import RULE
from bridge.runtime import Runtime

KINDS = ("UNDONE", "PARTLY_EXPLAINED")


def run(runtime: Runtime, actor: str, entry_id: int) -> None:
    """Raises UnknownName, IllegalMove for a line that no person has in hand, NotAllowed while a person's word stands on it."""
    runtime.work(lambda session: _release(session, runtime, actor, entry_id))


def _release(session: Session, runtime: Runtime, actor: str, entry_id: int) -> None:
    found = session.scalar(select(Entry).where(Entry.id == entry_id).with_for_update())
    if found is None:
        raise UnknownName(f"line {entry_id} is none that is known; 'bridge reconcile queue' lists those that are open")
    if not found.by_hand or found.open_cents == 0:
        raise IllegalMove(f"line {entry_id} is in no person's hands; there is nothing to give back")
    word = select(Match.id).where(Match.entry_id == entry_id, Match.rule == RULE, stands())
    if session.scalar(word.limit(1)) is not None:
        raise NotAllowed(f"a person explained a part of line {entry_id}; take that back first: bridge reconcile undo {entry_id}")
    session.execute(update(Entry).where(Entry.id == entry_id).values(by_hand=False))
    by = Recorder(actor, runtime.clock())
    books.close_breaks(session, [f"entry:{entry_id}"], by, "it was given back to the rules", kinds=KINDS)
    audit_trail.note(session, at=runtime.clock(), actor=actor, act="reconcile release", object=f"entry:{entry_id}")
