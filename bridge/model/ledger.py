"""Money and its history: Move (a state changed), Voucher (a dated set of postings with its cause), Posting (debit, credit,
cents).

Rows of money are never updated or deleted; triggers on both engines refuse it (migrations/triggers). A Posting names a debit and
a credit account, so it is balanced by construction; a Voucher knows how many postings it has and takes no later one.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bridge.model.base import Base, one_of

#: ledger account -> the noun whose id is the posting's subject on that side
SUBJECTS = {
    "Bank": "account",
    "Billed": "invoice",
    "Charges": "entry",
    "Clearing": "collection",
    "Interchange": "entry",
    "Loss": "invoice",
    "NotOurs": "entry",
    "Opening": "account",
    "Receivable": "invoice",
    "Suspense": "entry",
    "Token": "invoice",
}
NOUNS = ("invoice", "collection", "batch", "mandate")


class Move(Base):
    """One state change of one noun, with what caused it. The unique (noun, id, version) lets exactly one mover win."""

    __tablename__ = "move"
    id: Mapped[int] = mapped_column(primary_key=True)
    noun: Mapped[str] = mapped_column(String(10))
    noun_id: Mapped[int]
    version: Mapped[int]
    news: Mapped[str]
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    evidence: Mapped[str]  # "invoice:12", "entry:40", "status_report_line:7", "person", "config:<sha256>"
    reason: Mapped[str]
    actor: Mapped[str]
    booked_on: Mapped[date]
    recorded_at: Mapped[datetime]
    voucher_id: Mapped[int | None] = mapped_column(ForeignKey("voucher.id"))
    __table_args__ = (
        UniqueConstraint("noun", "noun_id", "version"),
        one_of("noun", NOUNS),
        CheckConstraint("version > 0", name="version_positive"),
    )


class Voucher(Base):
    """A dated set of postings with one cause. ``idem_key`` is the business fact: the same fact is booked once, for ever."""

    __tablename__ = "voucher"
    id: Mapped[int] = mapped_column(primary_key=True)
    idem_key: Mapped[str] = mapped_column(unique=True)
    payload_sha256: Mapped[str] = mapped_column(String(64))
    fact: Mapped[str]
    evidence: Mapped[str]
    posting_count: Mapped[int]
    amount_cents: Mapped[int]
    actor: Mapped[str]
    booked_on: Mapped[date] = mapped_column(index=True)
    recorded_at: Mapped[datetime]
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("voucher.id"), unique=True)
    __table_args__ = (
        CheckConstraint("posting_count > 0", name="has_postings"),
        CheckConstraint("amount_cents > 0", name="amount_positive"),
    )


class Posting(Base):
    """``amount_cents`` from the credit account to the debit account, each with the subject it concerns."""

    __tablename__ = "posting"
    voucher_id: Mapped[int] = mapped_column(ForeignKey("voucher.id"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    debit_account: Mapped[str] = mapped_column(String(12))
    debit_subject: Mapped[int]
    credit_account: Mapped[str] = mapped_column(String(12))
    credit_subject: Mapped[int]
    amount_cents: Mapped[int]
    __table_args__ = (
        CheckConstraint("amount_cents > 0", name="amount_positive"),
        CheckConstraint("ordinal >= 0", name="ordinal_counts"),
        one_of("debit_account", SUBJECTS, "debit_account_known"),
        one_of("credit_account", SUBJECTS, "credit_account_known"),
        Index("ix_posting_debit", "debit_account", "debit_subject"),
        Index("ix_posting_credit", "credit_account", "credit_subject"),
    )


class VoucherSeal(Base):
    """A link of the chain over all vouchers and acts: ``hash`` covers the link before, and a voucher with its postings or an act.

    One sealer appends links afterwards, in its own order: numbers drawn inside the commits would serialise every worker.
    """

    __tablename__ = "voucher_seal"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    voucher_id: Mapped[int | None] = mapped_column(ForeignKey("voucher.id"), unique=True)
    audit_id: Mapped[int | None] = mapped_column(ForeignKey("audit.id"), unique=True)
    prev_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    recorded_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint("number > 0", name="number_counts"),
        CheckConstraint("(voucher_id IS NULL) <> (audit_id IS NULL)", name="covers_one"),
    )
