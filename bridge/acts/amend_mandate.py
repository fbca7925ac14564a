"""Change a mandate. What was before is kept; what the debtor's bank must know is told with the next debits (EPC130-08).

Creditor, debtor's reference, scheme and kind do not change: that is another mandate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bridge import audit_trail, books
from bridge.books import PlannedMove, Recorder, Unit
from bridge.errors import BadInput
from bridge.model import Creditor, Mandate
from bridge.model.mandate import ALIVE_STATES
from bridge.register import amendments, lines, store
from bridge.register.lines import Row
from bridge.rules import lifecycle
from bridge.runtime import Runtime

#: what may be changed, by the columns of a mandate file
CHANGEABLE = (
    "mandate_id", "debtor_name", "iban", "bic", "email", "language", "street", "building", "postcode", "town", "country",
    "address_line_1", "address_line_2", "ultimate_debtor", "agreement", "b2b_confirmed_on", "prenotification_days",
)  # fmt: skip
DEBTOR, CONTACT = ("debtor_name", "address", "ultimate_debtor"), ("email", "language")
TERMS = ("agreement", "b2b_confirmed_on", "prenotification_days")


@dataclass(frozen=True, slots=True)
class Amended:
    """What was changed, by kind; ``paused`` where the new account is doubtful."""

    mandate_id: str
    changed: list[str]
    paused: bool


def run(runtime: Runtime, actor: str, mandate_id: str, changes: Mapping[str, str], *, final: bool | None = None) -> Amended:
    """Change what is named; "" empties a field that may be empty. ``final``: the next debit is the last, or is not any more.

    Raises UnknownName, and BadInput for a mandate that has ended, for a wrong value, and where nothing would change.
    """
    unknown = [name for name in changes if name not in CHANGEABLE]
    if unknown:
        raise BadInput(f"{', '.join(unknown)} cannot be amended; that is another mandate")
    return runtime.work(lambda session: _amend(session, runtime, actor, mandate_id, changes, final=final))


def _amend(
    session: Session, runtime: Runtime, actor: str, mandate_id: str, changes: Mapping[str, str], *, final: bool | None
) -> Amended:
    mandate = store.known(session, mandate_id)
    session.refresh(mandate, with_for_update=True)  # before the clock: a file that is being made of it is older than the change
    if mandate.state not in ("draft", "signature_pending", *ALIVE_STATES):
        raise BadInput(f"mandate {mandate.mandate_id} is {mandate.state}; what has ended is not amended")
    before = _checked(session, runtime, mandate, {})
    after = _checked(session, runtime, mandate, changes)
    by = Recorder(actor, runtime.clock())
    changed = [name for name in lines.FIELDS if getattr(before, name) != getattr(after, name)]
    if final is not None and final != mandate.final_wanted:
        changed.append("final_wanted")
    if not changed:
        raise BadInput(f"mandate {mandate.mandate_id} says all that already; nothing was changed")
    values = {**_new_values(session, runtime, mandate, before, after, changed, by), "edited_by": actor}
    if "final_wanted" in changed:
        values["final_wanted"] = final
    session.execute(update(Mandate).where(Mandate.id == mandate.id).values(values))
    paused = "iban" in changed and bool(after.warning) and mandate.state == "active"
    if paused:
        state = lifecycle.step("mandate", f"mandate {mandate.mandate_id}", mandate.state, "paused")
        move = PlannedMove(
            "mandate", mandate.id, mandate.version, "paused", mandate.state, state, "rule", runtime.today(), after.warning
        )
        books.apply_all(session, [Unit(moves=(move,))], by)
    audit_trail.note(
        session, at=by.at, actor=actor, act="mandate amend", object=f"mandate:{after.mandate_id}", detail=", ".join(changed)
    )
    return Amended(after.mandate_id, changed, paused)


def _checked(session: Session, runtime: Runtime, mandate: Mandate, changes: Mapping[str, str]) -> Row:
    """The mandate as a line, with the changes, under the same rules as a line of a file."""
    creditors = {row.key: row.id for row in session.scalars(select(Creditor))}
    line = {**store.as_line(session, runtime, mandate), **changes}
    row = lines.checked(0, line, creditors, runtime.today(), draft=mandate.signed_on is None)
    return replace(row, warning=row.warning if "iban" in changes else mandate.warning)


def _new_values(
    session: Session, runtime: Runtime, mandate: Mandate, before: Row, after: Row, changed: list[str], by: Recorder
) -> dict[str, Any]:
    """The columns that change; each change is noted with the value before."""
    today, one = runtime.today(), [mandate.id]
    values: dict[str, Any] = {}
    if "mandate_id" in changed:
        _refuse_taken(session, mandate, after.mandate_id)
        amendments.note(session, one, "mandate_id", by, today, was=before.mandate_id)
        values |= {"mandate_id": after.mandate_id, "mandate_key": after.mandate_id.upper()}
    if "iban" in changed or "bic" in changed:
        amendments.note(session, one, "account", by, today, account_id=mandate.bank_account_id)
        account = store.new_account(session, runtime, mandate, after)
        values |= {"bank_account_id": account.id, "warning": after.warning, "warning_accepted_by": None}
    if any(name in changed for name in (*DEBTOR, *CONTACT)):
        kind = "debtor" if any(name in changed for name in DEBTOR) else "contact"  # how he is reached stands in no file
        amendments.note(session, one, kind, by, today, person_id=mandate.person_id)
        values["person_id"] = store.new_person(session, runtime, after).id
    terms = [name for name in TERMS if name in changed]
    for name in terms:
        amendments.note(session, one, "terms", by, today, was=f"{name}={getattr(before, name)}")
        values[name] = getattr(after, name)
    return values


def _refuse_taken(session: Session, mandate: Mandate, mandate_id: str) -> None:
    """A reference names one mandate of a creditor for ever, also one that was amended away."""
    own = select(Mandate.id).where(Mandate.creditor_id == mandate.creditor_id)
    there = session.scalar(own.where(Mandate.mandate_key == mandate_id.upper(), Mandate.id != mandate.id))
    former = store.former_references(session, [mandate.creditor_id]).get((mandate.creditor_id, mandate_id.upper()), mandate.id)
    if there is not None or former != mandate.id:
        raise BadInput(f"mandate reference {mandate_id} is or was another mandate's; choose a new one")
