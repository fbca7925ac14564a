"""A person says what a bank line is: a debit's credit or return, a customer's own transfer, a refund, or what another line
takes off.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from bridge import audit_trail
from bridge.explaining import by_hand
from bridge.explaining.by_hand import Named, Outcome
from bridge.runtime import Runtime


def run(runtime: Runtime, actor: str, entry_id: int, named: Named) -> Outcome:
    """Explain what is open of a line, or the given part of it, by one name.

    Raises UnknownName, BadInput where the amount does not fit, IllegalMove where the state of the debit does not allow it,
    NotAllowed for a refund of more than the customer's credit.
    """
    return runtime.work(lambda session: _accept(session, runtime, actor, entry_id, named))


def _accept(session: Session, runtime: Runtime, actor: str, entry_id: int, named: Named) -> Outcome:
    outcome = by_hand.say(session, runtime, actor, entry_id, [named])
    detail = ", ".join(f"{part.fact} {part.name} {part.cents}" for part in outcome.parts)
    audit_trail.note(session, at=runtime.clock(), actor=actor, act="reconcile accept", object=f"entry:{entry_id}", detail=detail)
    return outcome
