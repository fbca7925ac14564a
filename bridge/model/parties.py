"""People and bank accounts: the only rows with names, addresses and IBANs, and all of these sealed."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from bridge.model.base import Base
from bridge.model.sealed import Sealed


class Person(Base):
    """A debtor, natural or legal. ``address`` is a sealed JSON object of street, building, postcode, town, country."""

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
