"""A person says that a bank line is not ours, or that nobody ever claimed it; it may be taken back when somebody does."""

from __future__ import annotations

from sqlalchemy.orm import Session

from bridge import audit_trail
from bridge.errors import BadInput
from bridge.explaining import by_hand
from bridge.explaining.by_hand import Outcome
from bridge.runtime import Runtime


def run(runtime: Runtime, actor: str, entry_id: int, reason: str) -> Outcome:
    """Move what is open of a line to NotOurs. Raises UnknownName, IllegalMove, BadInput without a reason."""
    if not reason.strip():
        raise BadInput(f"say why line {entry_id} is not ours (--reason)")
    return runtime.work(lambda session: _ignore(session, runtime, actor, entry_id, reason))


def _ignore(session: Session, runtime: Runtime, actor: str, entry_id: int, reason: str) -> Outcome:
    outcome = by_hand.ignore(session, runtime, actor, entry_id, reason)
    audit_trail.note(session, at=runtime.clock(), actor=actor, act="reconcile ignore", object=f"entry:{entry_id}", detail=reason)
    return outcome
