"""What keeps a debtor: what still goes on under his mandate, a legal hold, and the days from which his retention counts."""

from __future__ import annotations

from datetime import date

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from bridge.model import Amendment, BankAccount, Collection, Invoice, LegalHold, Mandate, Move, Person
from bridge.model.collection import FINAL_STATES
from bridge.model.mandate import ALIVE_STATES

PENDING = ("draft", "signature_pending", *ALIVE_STATES)


def keys_of(session: Session, mandate: Mandate) -> set[str]:
    """The uids of all keys that what we know of him is sealed under: as he is, and as he was before an amendment."""
    was = select(Amendment.was_person_id, Amendment.was_account_id).where(Amendment.mandate_id == mandate.id)
    before = session.execute(was).all()
    people = {mandate.person_id, *(person for person, _ in before if person)}
    accounts = {mandate.bank_account_id, *(account for _, account in before if account)}
    found = session.scalars(select(Person.key_uid).where(Person.id.in_(people))).all()
    return {*found, *session.scalars(select(BankAccount.key_uid).where(BankAccount.id.in_(accounts)))}


def going_on(session: Session, mandate: Mandate) -> str:
    """What is not finished under a mandate, in words; empty where all is. Settled debits are finished: their retention waits."""
    if mandate.state in PENDING:
        return f"mandate {mandate.mandate_id} is {mandate.state}"
    over = (*FINAL_STATES, "settled")
    open_ = select(Collection.end_to_end_id).where(Collection.mandate_id == mandate.id, Collection.state.not_in(over))
    debit = session.scalar(open_.order_by(Collection.id).limit(1))
    return f"debit {debit} is not finished" if debit else ""


def held(session: Session, mandate: Mandate) -> str | None:
    """Why he is under a legal hold; None where he is not."""
    last = select(LegalHold).where(LegalHold.mandate_id == mandate.id).order_by(LegalHold.id.desc()).limit(1)
    found = session.scalar(last)
    return found.reason if found is not None and found.news == "begun" else None


def booked_on(session: Session, mandate: Mandate) -> date | None:
    """The last day on which an invoice of his, or a debit under this mandate, moved; None where there was never one."""
    debits = select(Collection.id).where(Collection.mandate_id == mandate.id)
    invoices = select(Invoice.id).where(Invoice.creditor_id == mandate.creditor_id, Invoice.debtor_ref == mandate.debtor_ref)
    of_him = or_(
        and_(Move.noun == "collection", Move.noun_id.in_(debits)), and_(Move.noun == "invoice", Move.noun_id.in_(invoices))
    )
    return session.scalar(select(func.max(Move.booked_on)).where(of_him))


def mandate_until(session: Session, mandate: Mandate) -> date | None:
    """The day on which it ended, or its last debit was presented, whichever is later; None where it was never signed."""
    if mandate.signed_on is None:
        return None
    ended = session.scalar(select(func.max(Move.booked_on)).where(Move.noun == "mandate", Move.noun_id == mandate.id))
    return max(filter(None, (ended, mandate.last_presented_on, mandate.signed_on)))
