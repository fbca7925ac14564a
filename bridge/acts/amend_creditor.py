"""A creditor gets another identifier or name: all his mandates are amended, and the debtors' banks are told with the next debits.

bridge.toml must say the same from then on: until it does, every command says so and does nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bridge import audit_trail
from bridge.books import Recorder
from bridge.errors import BadInput, UnknownName
from bridge.model import Creditor, Mandate
from bridge.model.identifiers import check_creditor_id, creditor_key
from bridge.model.mandate import ALIVE_STATES
from bridge.register import amendments
from bridge.runtime import Runtime


@dataclass(frozen=True, slots=True)
class AmendedCreditor:
    creditor_id: str
    name: str
    mandates: int


def run(runtime: Runtime, actor: str, creditor_id: str, *, new_id: str = "", name: str = "") -> AmendedCreditor:
    """Give a creditor another identifier, another name, or both. Raises UnknownName, and BadInput where nothing would change."""
    return runtime.work(lambda session: _amend(session, runtime, actor, creditor_id, new_id, name.strip()))


def _amend(session: Session, runtime: Runtime, actor: str, creditor_id: str, new_id: str, name: str) -> AmendedCreditor:
    named = select(Creditor).where(Creditor.key == creditor_key(creditor_id))
    creditor = session.scalar(named.with_for_update())  # before the clock: a file that is being made is older than the change
    if creditor is None:
        raise UnknownName(f"creditor {creditor_id!r} is not one that is stored; 'bridge creditor list' shows them")
    identifier = check_creditor_id(new_id) if new_id else creditor.creditor_id
    name = name or creditor.name
    if len(name) > 70:
        raise BadInput("a creditor's name has at most 70 characters")
    if (identifier, name) == (creditor.creditor_id, creditor.name):
        raise BadInput(f"creditor {creditor.creditor_id} is called that already; nothing was changed")
    taken = session.scalar(select(Creditor.id).where(Creditor.key == creditor_key(identifier), Creditor.id != creditor.id))
    if taken is not None:
        raise BadInput(f"creditor identifier {identifier} is another creditor's")
    by, today = Recorder(actor, runtime.clock()), runtime.today()
    theirs = list(session.scalars(select(Mandate.id).where(Mandate.creditor_id == creditor.id, Mandate.state.in_(ALIVE_STATES))))
    for kind, was, now in (("creditor_id", creditor.creditor_id, identifier), ("creditor_name", creditor.name, name)):
        if was != now:
            amendments.note(session, theirs, kind, by, today, was=was)
    said = f"{creditor.creditor_id} {creditor.name} -> {identifier} {name}"
    values = {"creditor_id": identifier, "key": creditor_key(identifier), "name": name}
    session.execute(update(Creditor).where(Creditor.id == creditor.id).values(values))
    audit_trail.note(session, at=by.at, actor=actor, act="creditor amend", object=f"creditor:{identifier}", detail=said)
    return AmendedCreditor(identifier, name, len(theirs))
