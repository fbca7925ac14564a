"""A person says what the parts of a bank line are: several names, each with its amount, and what the bank kept."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from bridge import audit_trail
from bridge.errors import BadInput
from bridge.explaining import by_hand
from bridge.explaining.by_hand import Named, Outcome
from bridge.runtime import Runtime


def run(runtime: Runtime, actor: str, entry_id: int, named: Sequence[Named], *, fee_cents: int = 0) -> Outcome:
    """Explain a line by its parts, all or none; what they leave of it stays open. Raises what ``acts.accept`` raises."""
    if not named and not fee_cents:
        raise BadInput("name at least one part: NAME=12.34, or --fee 3.00")
    return runtime.work(lambda session: _split(session, runtime, actor, entry_id, named, fee_cents))


def _split(session: Session, runtime: Runtime, actor: str, entry_id: int, named: Sequence[Named], fee_cents: int) -> Outcome:
    outcome = by_hand.say(session, runtime, actor, entry_id, named, fee_cents=fee_cents)
    detail = ", ".join(f"{part.fact} {part.name} {part.cents}" for part in outcome.parts)
    audit_trail.note(session, at=runtime.clock(), actor=actor, act="reconcile split", object=f"entry:{entry_id}", detail=detail)
    return outcome
