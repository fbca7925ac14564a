"""Mandates that end by rule: 36 months without a debit presented, or their last debit (FNAL) was credited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import books, judging
from bridge.books import PlannedMove, Recorder, Unit
from bridge.model import Collection, Mandate
from bridge.model.mandate import ALIVE_STATES
from bridge.register.amendments import CREDITED
from bridge.rules import lifecycle, mandates
from bridge.runtime import Runtime

SIEVE = timedelta(days=3 * 365)  # three years have at least so many days


def run(session: Session, runtime: Runtime, actor: str) -> int:
    """End those whose time has come; returns how many."""
    today = runtime.today()
    old = func.coalesce(Mandate.last_presented_on, Mandate.signed_on) <= today - SIEVE
    suspects = list(session.scalars(select(Mandate).where(Mandate.state.in_(ALIVE_STATES), old)))
    last = judging.last_presented(session, [mandate.id for mandate in suspects])
    lapsed = []
    for mandate in suspects:
        assert mandate.signed_on is not None  # only drafts have none
        days = [day for day in (mandate.last_presented_on, last.get(mandate.id)) if day is not None]
        end = mandates.lapses_on(mandate.signed_on, max(days, default=None))
        if end < today:
            lapsed.append((mandate, f"lapsed on {end}: {mandates.LAPSE_MONTHS} months without a debit presented"))
    spent = [(mandate, "its last debit (FNAL) was credited") for mandate in _spent(session)]
    return _end(session, runtime, actor, "expired", lapsed) + _end(session, runtime, actor, "spent", spent)


def _spent(session: Session) -> Sequence[Mandate]:
    final = select(Collection.mandate_id).where(Collection.sequence == "FNAL", Collection.state.in_(CREDITED))
    alive = Mandate.state.in_(ALIVE_STATES)
    return session.scalars(select(Mandate).where(Mandate.final_wanted, alive, Mandate.id.in_(final))).all()


def _end(session: Session, runtime: Runtime, actor: str, news: str, ended: Sequence[tuple[Mandate, str]]) -> int:
    moves = []
    for mandate, why in ended:
        state = lifecycle.step("mandate", f"mandate {mandate.mandate_id}", mandate.state, news)
        moves.append(
            PlannedMove("mandate", mandate.id, mandate.version, news, mandate.state, state, "rule", runtime.today(), why)
        )
    books.apply(session, [Unit(moves=(move,)) for move in moves], Recorder(actor, runtime.clock()))
    return len(moves)
