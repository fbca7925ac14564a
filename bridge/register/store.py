"""A checked line becomes rows: the mandate, its debtor and his account, each person under a key of his own."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import books
from bridge.books import PlannedMove, Recorder, Unit
from bridge.errors import BadInput, UnknownName
from bridge.model import Amendment, BankAccount, Creditor, DataKey, Mandate, Person
from bridge.model.identifiers import mask
from bridge.model.mandate import ALIVE_STATES
from bridge.model.parties import open_address, open_email, open_iban, open_name, open_ultimate_debtor, seal_account, seal_person
from bridge.model.sealed import Key
from bridge.records.pain008 import Address
from bridge.register.lines import Row, columns_of
from bridge.rules import lifecycle
from bridge.runtime import Runtime

#: columns of a line that a mandate's own row holds
OWN = (
    "mandate_id", "debtor_ref", "agreement", "scheme", "kind", "signed_on", "b2b_confirmed_on", "prenotification_days",
    "last_presented_on",
)  # fmt: skip


def differences(
    runtime: Runtime, row: Row, mandate: Mandate, person: Person, account: BankAccount, key_row: DataKey, account_key: DataKey
) -> list[str]:
    """The columns in which a line says something else than what is stored. An amended debtor and his account have two keys."""
    key = runtime.keys.unwrap(key_row)
    pairs: dict[str, tuple[Any, Any]] = {
        "debtor_ref": (row.debtor_ref, mandate.debtor_ref),
        "agreement": (row.agreement, mandate.agreement),
        "scheme": (row.scheme, mandate.scheme),
        "kind": (row.kind, mandate.kind),
        "signed_on": (row.signed_on, mandate.signed_on),
        "debtor_name": (row.debtor_name, open_name(key, person)),
        "iban": (row.iban, open_iban(runtime.keys.unwrap(account_key), account)),
        "bic": (row.bic, account.bic),
        "address": (row.address, open_address(key, person)),
        "ultimate_debtor": (row.ultimate_debtor, open_ultimate_debtor(key, person)),
        "b2b_confirmed_on": (row.b2b_confirmed_on, mandate.b2b_confirmed_on),
    }
    return [name for name, (ours, theirs) in pairs.items() if ours != theirs]


def store(
    session: Session, runtime: Runtime, actor: str, rows: Sequence[Row], *, news: str = "imported", replaces_id: int | None = None
) -> list[int]:
    """New mandates, one for each line; returns their row ids. A warning pauses one, and one that is not signed is a draft."""
    people = [_people(session, runtime, row) for row in rows]
    session.flush()
    by = Recorder(actor, runtime.clock())
    mandates = [
        {
            "creditor_id": row.creditor_id,
            "mandate_id": row.mandate_id,
            "mandate_key": row.mandate_id.upper(),
            "debtor_ref": row.debtor_ref,
            "agreement": row.agreement,
            "scheme": row.scheme,
            "kind": row.kind,
            "signed_on": row.signed_on,
            "person_id": person.id,
            "bank_account_id": account.id,
            "b2b_confirmed_on": row.b2b_confirmed_on,
            "prenotification_days": row.prenotification_days,
            "last_presented_on": row.last_presented_on,
            "warning": row.warning,
            "warning_accepted_by": None,
            "replaces_id": replaces_id,
            "edited_by": actor,
            "recorded_at": runtime.clock(),
            "state": "draft" if row.signed_on is None else "paused" if row.warning else "active",
            "reason": row.warning,
            "booked_on": runtime.today(),
        }
        for row, (person, account) in zip(rows, people, strict=True)
    ]
    return books.admit(session, "mandate", mandates, by, news=news, evidence="person")


def known(session: Session, mandate_id: str) -> Mandate:
    """The one mandate of this reference, in whatever case. Raises UnknownName."""
    key = mandate_id.strip().upper()
    found = list(session.scalars(select(Mandate).where(Mandate.mandate_key == key)))
    if not found and (former := formerly(session, key)):
        now = session.scalars(select(Mandate.mandate_id).where(Mandate.id.in_(former)).order_by(Mandate.id))
        raise UnknownName(f"mandate {mandate_id!r} was amended; its reference is {', '.join(now)} now")
    if len(found) != 1:
        raise UnknownName(f"mandate {mandate_id!r} is not one that is stored; 'bridge mandate list' shows them")
    return found[0]


def former_references(session: Session, creditor_ids: Iterable[int]) -> dict[tuple[int, str], int]:
    """(creditor's row id, reference in upper case) that a mandate had before it was amended -> the mandate's row id.

    A reference names one mandate of a creditor for ever: a late return may still name it.
    """
    gone = select(Mandate.creditor_id, Amendment.was, Mandate.id).join(Mandate, Mandate.id == Amendment.mandate_id)
    found = session.execute(gone.where(Amendment.kind == "mandate_id", Mandate.creditor_id.in_(set(creditor_ids))))
    return {(creditor_id, str(was).upper()): mandate_id for creditor_id, was, mandate_id in found}


def formerly(session: Session, key: str) -> set[int]:
    """The row ids of mandates that had this reference (in upper case) before they were amended."""
    former = former_references(session, session.scalars(select(Creditor.id)))
    return {mandate_id for (_, was), mandate_id in former.items() if was == key}


def replace_old(session: Session, runtime: Runtime, mandate: Mandate, actor: str) -> None:
    """End the mandate that this one replaces, where it still lives."""
    old = session.get(Mandate, mandate.replaces_id) if mandate.replaces_id is not None else None
    if old is None or old.state not in ALIVE_STATES:
        return
    state = lifecycle.step("mandate", f"mandate {old.mandate_id}", old.state, "replaced")
    why = f"by {mandate.mandate_id}"
    move = PlannedMove("mandate", old.id, old.version, "replaced", old.state, state, "person", runtime.today(), why)
    books.apply_all(session, [Unit(moves=(move,))], Recorder(actor, runtime.clock()))


def as_line(session: Session, runtime: Runtime, mandate: Mandate) -> dict[str, str]:
    """A stored mandate as the line of a file that would say it."""
    person = session.get_one(Person, mandate.person_id)
    account = session.get_one(BankAccount, mandate.bank_account_id)
    key, account_key = (_key(session, runtime, uid) for uid in (person.key_uid, account.key_uid))
    address = open_address(key, person) or Address()
    values: dict[str, Any] = {
        **{name: getattr(mandate, name) for name in OWN},
        "creditor_id": session.get_one(Creditor, mandate.creditor_id).creditor_id,
        "debtor_name": open_name(key, person),
        "iban": open_iban(account_key, account),
        "bic": account.bic,
        "email": open_email(key, person),
        "language": person.language,
        "ultimate_debtor": open_ultimate_debtor(key, person),
        **columns_of(address),
    }
    return {name: "" if value is None else str(value) for name, value in values.items()}


def new_account(session: Session, runtime: Runtime, mandate: Mandate, row: Row) -> BankAccount:
    """Another account of the same debtor, under his key."""
    person = session.get_one(Person, mandate.person_id)
    key = _key(session, runtime, person.key_uid)
    account = seal_account(runtime.keys, key, uid=secrets.token_hex(16), iban=row.iban, shown=mask(row.iban), bic=row.bic)
    session.add(account)
    session.flush()
    return account


def new_person(session: Session, runtime: Runtime, row: Row) -> Person:
    """What the debtor is called now, as a row and a key of its own; the one before stays."""
    key, key_row = runtime.keys.new_key()
    person = _sealed(key, row)
    session.add_all([key_row, person])
    session.flush()
    return person


def _key(session: Session, runtime: Runtime, uid: str) -> Key:
    row = session.get(DataKey, uid)
    if row is None:
        raise BadInput("this debtor was erased; there is nothing left to print or to change")
    return runtime.keys.unwrap(row)


def _people(session: Session, runtime: Runtime, row: Row) -> tuple[Person, BankAccount]:
    key, key_row = runtime.keys.new_key()
    person = _sealed(key, row)
    account = seal_account(runtime.keys, key, uid=secrets.token_hex(16), iban=row.iban, shown=mask(row.iban), bic=row.bic)
    session.add_all([key_row, person, account])
    return person, account


def _sealed(key: Key, row: Row) -> Person:
    return seal_person(
        key,
        name=row.debtor_name,
        email=row.email,
        address=row.address,
        ultimate_debtor=row.ultimate_debtor,
        language=row.language,
    )
