"""Pause, resume and revoke a mandate. Resuming one that a warning paused is accepting the warning, and says who did."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from bridge import audit_trail, books
from bridge.books import PlannedMove, Recorder, Unit
from bridge.errors import BadInput
from bridge.model import Collection, Mandate
from bridge.register import store
from bridge.rules import lifecycle
from bridge.runtime import Runtime

#: news -> the act, as people and the audit trail call it
ACTS = {"paused": "mandate pause", "resumed": "mandate resume", "revoked": "mandate revoke"}
AT_THE_BANK = ("submitted", "accepted")


def run(runtime: Runtime, actor: str, mandate_id: str, news: str, reason: str) -> int:
    """Move a mandate by ``news`` (paused, resumed, revoked); returns how many of its debits are already at the bank.

    Raises UnknownName, IllegalMove, and BadInput where a pause or revocation gives no reason.
    """
    if news != "resumed" and not reason.strip():
        raise BadInput(f"say why mandate {mandate_id} is {news} (--reason)")
    return runtime.work(lambda session: _move(session, runtime, actor, mandate_id, news, reason))


def _move(session: Session, runtime: Runtime, actor: str, mandate_id: str, news: str, reason: str) -> int:
    mandate = store.known(session, mandate_id)
    state = lifecycle.step("mandate", f"mandate {mandate.mandate_id}", mandate.state, news)
    move = PlannedMove("mandate", mandate.id, mandate.version, news, mandate.state, state, "person", runtime.today(), reason)
    books.apply_all(session, [Unit(moves=(move,))], Recorder(actor, runtime.clock()))
    values = {"edited_by": actor} | ({"warning_accepted_by": actor} if news == "resumed" and mandate.warning else {})
    session.execute(update(Mandate).where(Mandate.id == mandate.id).values(values))
    audit_trail.note(
        session, at=runtime.clock(), actor=actor, act=ACTS[news], object=f"mandate:{mandate.mandate_id}", detail=reason
    )
    at_the_bank = select(func.count(Collection.id)).where(Collection.mandate_id == mandate.id, Collection.state.in_(AT_THE_BANK))
    return session.scalar(at_the_bank) or 0
