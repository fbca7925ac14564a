"""A legal hold: nobody erases a debtor while a dispute, an audit or a court needs him. Begun and ended by a sentence."""

from __future__ import annotations

from sqlalchemy.orm import Session

from bridge import audit_trail
from bridge.errors import BadInput
from bridge.model import LegalHold
from bridge.register import erasure, store
from bridge.runtime import Runtime

ACT = "mandate legal-hold"


def run(runtime: Runtime, actor: str, mandate_id: str, news: str, reason: str) -> bool:
    """Begin or end ("begun", "ended") a hold on a mandate's debtor; returns False where it stands so already.

    Raises UnknownName, and BadInput without a reason.
    """
    if not reason.strip():
        raise BadInput(f"say why the hold on mandate {mandate_id} is {news} (--reason)")
    return runtime.work(lambda session: _hold(session, runtime, actor, mandate_id, news, reason.strip()))


def _hold(session: Session, runtime: Runtime, actor: str, mandate_id: str, news: str, reason: str) -> bool:
    mandate = store.known(session, mandate_id)
    if (erasure.held(session, mandate) is not None) == (news == "begun"):
        return False
    session.add(LegalHold(mandate_id=mandate.id, news=news, reason=reason, actor=actor, recorded_at=runtime.clock()))
    what = f"mandate:{mandate.mandate_id}"
    audit_trail.note(session, at=runtime.clock(), actor=actor, act=ACT, object=what, detail=f"{news}: {reason}")
    return True
