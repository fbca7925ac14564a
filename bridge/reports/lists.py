"""Lists for screens and scripts: invoices, mandates, batches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge.errors import BadInput, UnknownName
from bridge.model import (
    Account,
    Amendment,
    Approval,
    BankAccount,
    Batch,
    Block,
    Collection,
    Creditor,
    DataKey,
    Invoice,
    Mandate,
    Person,
    Source,
)
from bridge.model.mandate import ALIVE_STATES
from bridge.model.parties import open_address, open_email, open_name, open_ultimate_debtor
from bridge.register import store
from bridge.register.lines import columns_of
from bridge.rules.scheme import NAME_MAX
from bridge.rules.text import sepa_text
from bridge.runtime import Runtime


@dataclass(frozen=True, slots=True)
class CollectionLine:
    end_to_end_id: str
    attempt: int
    state: str
    due_on: date
    reason: str


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """An invoice with its attempts; ``reason`` of a failed attempt is the bank's code."""

    invoice_id: str
    number: str
    source: str
    state: str
    amount_cents: int
    debtor_ref: str
    mandate_id: str | None
    hold_reason: str
    collections: list[CollectionLine]


@dataclass(frozen=True, slots=True)
class BatchLine:
    message_id: str
    state: str
    scheme: str
    collections: int
    control_sum_cents: int
    due_on: list[date]
    sha256: str
    file_name: str
    bytes: int
    created_by: str
    approved_by: list[str]
    reason: str  # of its last move: why it was discarded, above all


@dataclass(frozen=True, slots=True)
class CreditorLine:
    """A creditor with the account it collects to (masked) and its mandates in force."""

    creditor_id: str
    name: str
    account: str
    iban: str
    mandates: int


@dataclass(frozen=True, slots=True)
class MandateLine:
    """A mandate as people see it: the IBAN masked; name, address and e-mail only where they were asked for."""

    mandate_id: str
    state: str
    scheme: str
    kind: str
    signed_on: date | None
    debtor_ref: str
    agreement: str
    account: str
    reason: str
    changes: list[str]  # what was amended, when and by whom, oldest first
    printed_name: str | None  # as banks print it, where that is not the name
    debtor_name: str | None
    last_debit_wanted: bool  # its next debit says FNAL, and ends it
    language: str
    prenotification_days: int | None  # None: the creditor's general rule
    b2b_confirmed_on: date | None
    last_presented_on: date | None
    address: dict[str, str | None] | None  # by the columns of a mandate file
    email: str | None
    ultimate_debtor: str | None
    formerly: list[str]  # references it had before


def invoices(session: Session, *, state: str | None = None) -> list[InvoiceLine]:
    """All invoices by number of row, or those in one state."""
    attempts: dict[int, list[tuple[Collection, str]]] = defaultdict(list)
    for collection, mandate_id in session.execute(
        select(Collection, Mandate.mandate_id)
        .join(Mandate, Mandate.id == Collection.mandate_id)
        .order_by(Collection.invoice_id, Collection.attempt)
    ):
        attempts[collection.invoice_id].append((collection, mandate_id))
    rows = select(Invoice, Source.name).join(Source, Source.id == Invoice.source_id).order_by(Invoice.id)
    if state:
        rows = rows.where(Invoice.state == state)
    return [
        InvoiceLine(
            invoice_id=invoice.claim_id,
            number=invoice.number,
            source=source,
            state=invoice.state,
            amount_cents=invoice.amount_cents,
            debtor_ref=invoice.debtor_ref,
            mandate_id=attempts[invoice.id][-1][1] if attempts[invoice.id] else None,
            hold_reason=_hold_reason(invoice, attempts[invoice.id]),
            collections=[
                CollectionLine(c.end_to_end_id, c.attempt, c.state, c.due_on, c.reason) for c, _ in attempts[invoice.id]
            ],
        )
        for invoice, source in session.execute(rows)
    ]


def _hold_reason(invoice: Invoice, attempts: list[tuple[Collection, str]]) -> str:
    if invoice.state == "held":
        return invoice.reason
    return next((collection.reason for collection, _ in reversed(attempts) if collection.state == "held"), "")


def batches(session: Session) -> list[BatchLine]:
    """All batches, oldest first."""
    due: dict[int, set[date]] = defaultdict(set)
    for batch_id, due_on in session.execute(select(Block.batch_id, Block.due_on)):
        due[batch_id].add(due_on)
    signed: dict[int, list[str]] = defaultdict(list)
    for batch_id, actor in session.execute(select(Approval.batch_id, Approval.actor).order_by(Approval.id)):
        signed[batch_id].append(actor)
    return [
        BatchLine(
            message_id=row.message_id,
            state=row.state,
            scheme=row.scheme,
            collections=row.collections,
            control_sum_cents=row.control_sum_cents,
            due_on=sorted(due[row.id]),
            sha256=row.sha256,
            file_name=row.file_name,
            bytes=row.bytes,
            created_by=row.created_by,
            approved_by=signed[row.id],
            reason=row.reason,
        )
        for row in session.scalars(select(Batch).order_by(Batch.id))
    ]


def mandates(session: Session, runtime: Runtime, *, names: bool = False, ids: Iterable[int] | None = None) -> list[MandateLine]:
    """All mandates, or those with these row ids; ``names`` opens who and where the debtors are, where a person asked for it."""
    wanted = select(Mandate.id) if ids is None else select(Mandate.id).where(Mandate.id.in_(ids))
    rows = session.execute(
        select(Mandate, Person, BankAccount.shown, DataKey)
        .join(Person, Person.id == Mandate.person_id)
        .join(BankAccount, BankAccount.id == Mandate.bank_account_id)
        .outerjoin(DataKey, DataKey.uid == Person.key_uid)
        .where(Mandate.id.in_(wanted))
        .order_by(Mandate.id)
    )
    changed: dict[int, list[str]] = defaultdict(list)
    former: dict[int, list[str]] = defaultdict(list)
    for one in session.scalars(select(Amendment).where(Amendment.mandate_id.in_(wanted)).order_by(Amendment.id)):
        if one.kind == "mandate_id":
            former[one.mandate_id].append(str(one.was))
        changed[one.mandate_id].append(f"{one.booked_on} {one.kind.replace('_', ' ')} by {one.actor}")
    found = []
    for row, person, shown, key in rows:
        opened = runtime.keys.unwrap(key) if names and key is not None else None  # None: not asked for, or the key was erased
        name = open_name(opened, person) if opened else None
        address = open_address(opened, person) if opened else None
        printed = sepa_text(name, limit=NAME_MAX) if name else None
        found.append(
            MandateLine(
                mandate_id=row.mandate_id,
                state=row.state,
                scheme=row.scheme,
                kind=row.kind,
                signed_on=row.signed_on,
                debtor_ref=row.debtor_ref,
                agreement=row.agreement,
                account=shown,
                reason=row.reason,
                changes=changed[row.id],
                printed_name=printed if printed != name else None,
                debtor_name=name,
                last_debit_wanted=row.final_wanted,
                language=person.language,
                prenotification_days=row.prenotification_days,
                b2b_confirmed_on=row.b2b_confirmed_on,
                last_presented_on=row.last_presented_on,
                address=columns_of(address) if address else None,
                email=open_email(opened, person) if opened else None,
                ultimate_debtor=open_ultimate_debtor(opened, person) if opened else None,
                formerly=former[row.id],
            )
        )
    return found


def mandate(session: Session, runtime: Runtime, reference: str) -> MandateLine:
    """The mandate that has this reference, in whatever case, or had it before it was amended, with who and where its debtor is.

    Raises UnknownName, and BadInput where mandates of two creditors have the same.
    """
    key = reference.strip().upper()
    ids = set(session.scalars(select(Mandate.id).where(Mandate.mandate_key == key))) or store.formerly(session, key)
    if not ids:
        raise UnknownName(f"mandate {reference!r} is not one that is stored; 'bridge mandate list' shows them")
    found = mandates(session, runtime, names=True, ids=ids)
    if len(found) > 1:
        raise BadInput(f"{len(found)} mandates of different creditors have the reference {reference!r}; 'bridge mandate list'")
    return found[0]


def creditors(session: Session) -> list[CreditorLine]:
    """All creditors, by name."""
    alive = dict(
        session.execute(
            select(Mandate.creditor_id, func.count()).where(Mandate.state.in_(ALIVE_STATES)).group_by(Mandate.creditor_id)
        ).all()
    )
    rows = session.execute(
        select(Creditor, Account.name, BankAccount.shown)
        .join(Account, Account.id == Creditor.account_id)
        .join(BankAccount, BankAccount.id == Account.bank_account_id)
        .order_by(Creditor.name, Creditor.id)
    )
    return [CreditorLine(row.creditor_id, row.name, account, shown, alive.get(row.id, 0)) for row, account, shown in rows]
