"""Enter one mandate by hand: signed, or as a draft that is printed, signed and then comes into force.

A reference, and the opaque name of the debtor for the operator of the contract, are made where none is given.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import audit_trail
from bridge.errors import BadInput
from bridge.model import Creditor, Mandate
from bridge.register import lines, store
from bridge.register.lines import Row
from bridge.rules.batching import short_name
from bridge.runtime import Runtime

LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that is taken for another one
REFERENCE_LETTERS = 8


@dataclass(frozen=True, slots=True)
class Added:
    """The mandate's reference and state, and the debtor's opaque name as the contract's operator must enter it."""

    mandate_id: str
    debtor_ref: str
    state: str
    warning: str
    replaces: str | None


def run(runtime: Runtime, actor: str, values: Mapping[str, str], *, replaces: str = "") -> Added:
    """Store one mandate; without ``signed_on`` it is a draft. ``replaces``: the mandate of the same debtor that it ends.

    Raises BadInput for a wrong value or a reference that is taken, UnknownName for a mandate to be replaced that is not stored.
    """
    return runtime.work(lambda session: _add(session, runtime, actor, values, replaces))


def _add(session: Session, runtime: Runtime, actor: str, values: Mapping[str, str], replaces: str) -> Added:
    old = store.known(session, replaces) if replaces else None
    unknown = [name for name in values if name not in lines.COLUMNS]
    if unknown:
        raise BadInput(f"{', '.join(unknown)} is no column of a mandate file; known are {', '.join(lines.COLUMNS)}")
    given = {name: value.strip() for name, value in values.items() if value.strip()}
    if old is not None:
        given.setdefault("debtor_ref", old.debtor_ref)
    given.setdefault("debtor_ref", "0x" + secrets.token_hex(32))
    creditors = {row.key: row for row in session.scalars(select(Creditor))}
    given.setdefault("mandate_id", _reference(runtime, list(creditors.values()), given.get("creditor_id", "")))
    ids = {key: row.id for key, row in creditors.items()}
    row = lines.checked(0, given, ids, runtime.today(), draft="signed_on" not in given)
    _refuse_taken(session, row)
    if old is not None and (old.creditor_id, old.debtor_ref) != (row.creditor_id, row.debtor_ref):
        raise BadInput(f"mandate {old.mandate_id} is of another debtor or creditor; it is not replaced by this one")
    [mandate_id] = store.store(session, runtime, actor, [row], news="added", replaces_id=old.id if old else None)
    mandate = session.get_one(Mandate, mandate_id)
    if mandate.state != "draft":
        store.replace_old(session, runtime, mandate, actor)
    audit_trail.note(
        session, at=runtime.clock(), actor=actor, act="mandate add", object=f"mandate:{row.mandate_id}", detail=mandate.state
    )
    return Added(row.mandate_id, row.debtor_ref, mandate.state, row.warning, old.mandate_id if old else None)


def _reference(runtime: Runtime, creditors: list[Creditor], creditor_id: str) -> str:
    """A reference that nobody guesses or mistypes: who collects, when it was made, eight letters."""
    named = [one for one in creditors if one.creditor_id == creditor_id] or creditors[:1]
    drawn = "".join(secrets.choice(LETTERS) for _ in range(REFERENCE_LETTERS))
    today: date = runtime.today()
    return f"{short_name(named[0].name) if named else 'SDD'}-{today:%y%m}-{drawn}"


def _refuse_taken(session: Session, row: Row) -> None:
    taken = select(Mandate.id).where(Mandate.creditor_id == row.creditor_id, Mandate.mandate_key == row.mandate_id.upper())
    former = store.former_references(session, [row.creditor_id])
    if session.scalar(taken) is not None or (row.creditor_id, row.mandate_id.upper()) in former:
        raise BadInput(
            f"mandate {row.mandate_id} is stored already, or was another one's reference; 'bridge mandate amend' changes it"
        )
