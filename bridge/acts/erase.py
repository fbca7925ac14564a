"""Erase a debtor, by two people: his key is destroyed, so name, address, e-mail and IBAN are unreadable for ever.

The books, amounts, references, files and hashes stay as they are, and every check holds as before. Files hold him until their own
retention ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from bridge import audit_trail, consent
from bridge.errors import BadInput, NotAllowed
from bridge.model import BankAccount, Collection, DataKey, Mandate, Notice
from bridge.register import erasure, store
from bridge.rules import retention
from bridge.runtime import Runtime

ACT = "mandate erase"
ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Erased:
    """Who agreed, and how many people are still missing; he is erased once none is."""

    mandate_id: str
    agreed: tuple[str, ...]
    missing: int


def run(runtime: Runtime, actor: str, mandate_id: str, reason: str) -> Erased:
    """Agree to erase the debtor of a mandate; the second person's word does it.

    Raises UnknownName; BadInput without a reason, for one who is erased, and where his mandate or a debit of it goes on;
    NotAllowed under a legal hold, before his retention has ended (with the date), and for a machine.
    """
    if not reason.strip():
        raise BadInput(f"say why the debtor of mandate {mandate_id} is erased (--reason)")
    return runtime.work(lambda session: _erase(session, runtime, actor, mandate_id, reason.strip()))


def _erase(session: Session, runtime: Runtime, actor: str, mandate_id: str, reason: str) -> Erased:
    mandate = store.known(session, mandate_id)
    keys = erasure.keys_of(session, mandate)
    if not session.scalars(select(DataKey.uid).where(DataKey.uid.in_(keys))).all():
        raise BadInput(f"the debtor of mandate {mandate.mandate_id} was erased before")
    _may(session, runtime, mandate)
    what = f"mandate:{mandate.mandate_id}"
    agreed = consent.give(session, act=ACT, object=what, said=[mandate.version], actor=actor, at=runtime.clock())
    audit_trail.note(session, at=runtime.clock(), actor=actor, act=ACT, object=what, detail=reason)
    if not agreed.missing:
        if session.get_bind().dialect.name == "sqlite":  # what is deleted is overwritten, not only given up
            session.execute(text("PRAGMA secure_delete = ON"))
        session.execute(delete(DataKey).where(DataKey.uid.in_(keys)))
        of_him = update(BankAccount).where(BankAccount.key_uid.in_(keys))
        session.execute(of_him.values(iban_digest=b"", shown=ERASED, bic=None))
        debits = select(Collection.id).where(Collection.mandate_id == mandate.id)
        session.execute(update(Notice).where(Notice.collection_id.in_(debits)).values(shown=ERASED))
    return Erased(mandate.mandate_id, agreed.by, agreed.missing)


def _may(session: Session, runtime: Runtime, mandate: Mandate) -> None:
    if going_on := erasure.going_on(session, mandate):
        raise BadInput(f"{going_on}; the debtor of mandate {mandate.mandate_id} is erased only after that")
    if why := erasure.held(session, mandate):
        raise NotAllowed(f"mandate {mandate.mandate_id} is under a legal hold ({why}); 'bridge mandate legal-hold --end' ends it")
    rules = runtime.settings.retention
    day, why = retention.free_from(
        booked_on=erasure.booked_on(session, mandate),
        mandate_until=erasure.mandate_until(session, mandate),
        booked_years=rules.booked_years,
        mandate_months=rules.mandate_months,
    )
    if runtime.today() < day:
        raise NotAllowed(
            f"the debtor of mandate {mandate.mandate_id} must be kept until then; he may be erased from {day} on: {why}"
        )
