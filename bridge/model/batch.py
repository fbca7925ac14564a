"""A file for the bank: Batch (one pain.008), its Blocks (PmtInf), the members of each, who approved which bytes, ends of cuts."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bridge.model.base import Base, one_of

AT_THE_BANK_STATES = ("submitted", "answered", "booked")
BATCH_STATES = ("sealed", "approved", "exported", "submitted", "answered", "booked", "discarded")


class Batch(Base):
    """One pain.008 file. Its bytes and their SHA-256 are stored in the commit that seals it and never change."""

    __tablename__ = "batch"
    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(String(35), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    creditor_id: Mapped[int] = mapped_column(ForeignKey("creditor.id"))
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"), unique=True)
    scheme: Mapped[str]
    cut_on: Mapped[date]
    cut_no: Mapped[int]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    profile: Mapped[str]
    collections: Mapped[int]
    control_sum_cents: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    file_name: Mapped[str]
    bytes: Mapped[int]
    manifest_no: Mapped[int | None] = mapped_column(unique=True)
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    version: Mapped[int]
    __table_args__ = (
        UniqueConstraint("account_id", "cut_on", "cut_no"),
        one_of("state", BATCH_STATES),
        CheckConstraint("collections > 0", name="not_empty"),
        CheckConstraint("control_sum_cents > 0", name="sum_positive"),
    )


class Cut(Base):
    """That the cut of a day came to its end, with this file as its last. Without it the next run goes on with the cut."""

    __tablename__ = "cut"
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), primary_key=True, autoincrement=False)
    finished_at: Mapped[datetime]


class Block(Base):
    """One PmtInf of a batch."""

    __tablename__ = "block"
    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    pmt_inf_id: Mapped[str] = mapped_column(String(35), unique=True)
    sequence: Mapped[str] = mapped_column(String(4))
    due_on: Mapped[date]
    collections: Mapped[int]
    control_sum_cents: Mapped[int]


class Member(Base):
    """A collection that stands in a block. It stays when the batch is discarded: the file named it."""

    __tablename__ = "member"
    block_id: Mapped[int] = mapped_column(ForeignKey("block.id"), primary_key=True)
    collection_id: Mapped[int] = mapped_column(ForeignKey("collection.id"), primary_key=True, index=True)
    ordinal: Mapped[int]


class Approval(Base):
    """One person's signature under one SHA-256."""

    __tablename__ = "approval"
    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"))
    sha256: Mapped[str] = mapped_column(String(64))
    actor: Mapped[str]
    recorded_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("batch_id", "actor"),)
