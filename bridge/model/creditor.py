"""Who collects: the creditor, its own bank accounts, and the versions in which bridge.toml declared them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bridge.model.base import Base


class Creditor(Base):
    """A creditor. ``key`` is its identifier without the business code (AT-E005), which is what mandates hang on."""

    __tablename__ = "creditor"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    creditor_id: Mapped[str]
    name: Mapped[str]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))


class Account(Base):
    """A bank account of ours, by its name in bridge.toml; its IBAN stands in ``bank_account``."""

    __tablename__ = "account"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    bank_account_id: Mapped[int] = mapped_column(ForeignKey("bank_account.id"))
    bank: Mapped[str]


class Declaration(Base):
    """A version of something that bridge.toml declares: recorded when it first appears and whenever it changes."""

    __tablename__ = "declaration"
    id: Mapped[int] = mapped_column(primary_key=True)
    noun: Mapped[str]
    name: Mapped[str]
    version: Mapped[int]
    digest: Mapped[str]
    config_sha256: Mapped[str]
    recorded_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("noun", "name", "version"),)
