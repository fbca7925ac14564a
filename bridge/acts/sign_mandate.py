"""A draft was signed: from its date on debits may be formed under it, and the mandate that it replaces ends."""

from __future__ import annotations

from datetime import date

from sqlalchemy import update
from sqlalchemy.orm import Session

from bridge import audit_trail, books
from bridge.books import PlannedMove, Recorder, Unit
from bridge.errors import BadInput
from bridge.model import Mandate
from bridge.register import store
from bridge.rules import lifecycle
from bridge.runtime import Runtime


def run(runtime: Runtime, actor: str, mandate_id: str, signed_on: date) -> str:
    """Put a draft into force; returns its state: "active", or "paused" where its account is doubtful.

    Raises UnknownName, IllegalMove for one that is in force or ended, BadInput for a date to come.
    """
    if signed_on > runtime.today():
        raise BadInput(f"{signed_on} lies in the future; a signature has a date that has been")
    return runtime.work(lambda session: _sign(session, runtime, actor, mandate_id, signed_on))


def _sign(session: Session, runtime: Runtime, actor: str, mandate_id: str, signed_on: date) -> str:
    mandate = store.known(session, mandate_id)
    name, by = f"mandate {mandate.mandate_id}", Recorder(actor, runtime.clock())
    state = lifecycle.step("mandate", name, mandate.state, "signed")
    news = [("signed", mandate.state, state, "person", "")]
    if mandate.warning and mandate.warning_accepted_by is None:
        news.append(("paused", state, lifecycle.step("mandate", name, state, "paused"), "rule", mandate.warning))
    session.execute(update(Mandate).where(Mandate.id == mandate.id).values(signed_on=signed_on, edited_by=actor))
    for number, (what, before, after, evidence, why) in enumerate(news):
        move = PlannedMove("mandate", mandate.id, mandate.version + number, what, before, after, evidence, runtime.today(), why)
        books.apply_all(session, [Unit(moves=(move,))], by)
    store.replace_old(session, runtime, mandate, actor)
    audit_trail.note(
        session, at=by.at, actor=actor, act="mandate sign", object=f"mandate:{mandate.mandate_id}", detail=str(signed_on)
    )
    return news[-1][2]
