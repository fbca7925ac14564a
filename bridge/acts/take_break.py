"""Say who looks after an open Break. It moves nothing; the last word counts, and each stands in the audit trail."""

from __future__ import annotations

from sqlalchemy.orm import Session

from bridge import audit_trail, identity
from bridge.errors import NotAllowed, UnknownName
from bridge.model import Break
from bridge.rules.breaks import TAKEN
from bridge.runtime import Runtime


def run(runtime: Runtime, actor: str, break_id: int, name: str = "") -> str:
    """Note who takes it, by default the one who says so; returns his name.

    Raises UnknownName for a Break that is not open, NotAllowed for a name that may not take one.
    """
    return runtime.work(lambda session: _take(session, runtime, actor, break_id, name.strip() or actor))


def _take(session: Session, runtime: Runtime, actor: str, break_id: int, name: str) -> str:
    found = session.get(Break, break_id)
    if found is None or found.closed_at is not None:
        raise UnknownName(f"break {break_id} is not an open one; 'bridge break list' shows them")
    who = identity.by_name(session, name)
    if who.role is None and identity.ever_in_production(session):
        raise NotAllowed(f"{name!r} is no user; 'bridge user list' shows them")
    identity.permit(session, who, TAKEN)
    audit_trail.note(session, at=runtime.clock(), actor=actor, act=TAKEN, object=f"break:{break_id}", detail=f"user:{who.name}")
    return who.name
