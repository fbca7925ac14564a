"""People and bank accounts: the only rows with names, addresses and IBANs, and all of these sealed."""

from __future__ import annotations

import json
from dataclasses import asdict

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from bridge.model.base import Base
from bridge.model.sealed import Key, Keyring, Sealed, seal, unseal
from bridge.records.pain008 import Address


class Person(Base):
    """A debtor, natural or legal. ``address`` is a sealed JSON object of street, building, postcode, town, country, lines."""

    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(unique=True)
    key_uid: Mapped[str]  # no foreign key: erasing a person is deleting the key, and the row stays
    name: Mapped[bytes] = mapped_column(Sealed)
    email: Mapped[bytes | None] = mapped_column(Sealed)
    address: Mapped[bytes | None] = mapped_column(Sealed)
    ultimate_debtor: Mapped[bytes | None] = mapped_column(Sealed)
    language: Mapped[str] = mapped_column(default="en")


class BankAccount(Base):
    """An IBAN, sealed; ``iban_digest`` finds it, ``shown`` is what people see of it (DE89...3000)."""

    __tablename__ = "bank_account"
    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(unique=True)
    key_uid: Mapped[str]  # no foreign key: erasing a person is deleting the key, and the row stays
    iban: Mapped[bytes] = mapped_column(Sealed)
    iban_digest: Mapped[bytes] = mapped_column(index=True)
    shown: Mapped[str]
    country: Mapped[str] = mapped_column(String(2))
    bic: Mapped[str | None]


def seal_person(
    key: Key, *, name: str, email: str | None, address: Address | None, ultimate_debtor: str | None, language: str
) -> Person:
    """A person's row, every personal field sealed under the person's own key. ``uid`` is the key's, one key a person."""
    body = json.dumps(asdict(address), sort_keys=True) if address else None
    return Person(
        uid=key.uid,
        key_uid=key.uid,
        name=seal(key, f"person:{key.uid}:name", name),
        email=seal(key, f"person:{key.uid}:email", email),
        address=seal(key, f"person:{key.uid}:address", body),
        ultimate_debtor=seal(key, f"person:{key.uid}:ultimate_debtor", ultimate_debtor),
        language=language,
    )


def open_name(key: Key, person: Person) -> str:
    """The person's name. Raises IntegrityError where the row was changed or moved."""
    return unseal(key, f"person:{person.uid}:name", person.name) or ""


def open_email(key: Key, person: Person) -> str | None:
    return unseal(key, f"person:{person.uid}:email", person.email)


def open_address(key: Key, person: Person) -> Address | None:
    body = unseal(key, f"person:{person.uid}:address", person.address)
    if not body:
        return None
    parts = json.loads(body)
    return Address(**{**parts, "lines": tuple(parts.get("lines", ()))})


def open_ultimate_debtor(key: Key, person: Person) -> str | None:
    return unseal(key, f"person:{person.uid}:ultimate_debtor", person.ultimate_debtor)


def seal_account(keys: Keyring, key: Key, *, uid: str, iban: str, shown: str, bic: str | None) -> BankAccount:
    """An account's row; ``iban`` is normalised, ``shown`` its masked form, ``uid`` new for every account."""
    return BankAccount(
        uid=uid,
        key_uid=key.uid,
        iban=seal(key, f"bank_account:{uid}:iban", iban),
        iban_digest=keys.digest("iban", iban),
        shown=shown,
        country=iban[:2],
        bic=bic,
    )


def open_iban(key: Key, account: BankAccount) -> str:
    """The IBAN in clear. Raises IntegrityError where the row was changed or moved."""
    return unseal(key, f"bank_account:{account.uid}:iban", account.iban) or ""
