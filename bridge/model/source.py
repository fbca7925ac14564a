"""Where invoices come from: a contract on a chain, how far it was read, and every raw log as evidence."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bridge.model.base import Base


class Source(Base):
    """A contract that finalizes invoices, by its name in bridge.toml. A redeployed contract is a new source."""

    __tablename__ = "source"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    chain_id: Mapped[int]
    contract: Mapped[str]
    creditor_id: Mapped[int] = mapped_column(ForeignKey("creditor.id"))
    verification: Mapped[str]
    __table_args__ = (UniqueConstraint("chain_id", "contract"),)


class Cursor(Base):
    """How far a source was read: the last final block, and the fold of all its invoices beside the contract's own word.

    ``stated_count`` and ``stated_chain`` are what the contract said at that block, None for a source without that proof.
    """

    __tablename__ = "cursor"
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True)
    block_number: Mapped[int]
    block_hash: Mapped[bytes]
    invoice_count: Mapped[int]
    invoice_chain: Mapped[bytes]
    stated_count: Mapped[int | None]
    stated_chain: Mapped[bytes | None]
    version: Mapped[int]
    moved_at: Mapped[datetime]


class ChainLog(Base):
    """A raw log exactly as it was read: the evidence of an invoice. Never changed, never deleted."""

    __tablename__ = "chain_log"
    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    block_number: Mapped[int]
    block_hash: Mapped[bytes]
    block_timestamp: Mapped[int]
    tx_hash: Mapped[bytes]
    tx_index: Mapped[int]
    log_index: Mapped[int]
    address: Mapped[str]
    topics: Mapped[bytes]  # the 32-byte topics, one after the other
    data: Mapped[bytes]
    booked_on: Mapped[date]
    recorded_at: Mapped[datetime]
    refused: Mapped[str | None]  # why it is no invoice, in words; None: it is one
    __table_args__ = (
        UniqueConstraint("source_id", "block_hash", "log_index"),
        Index("ix_chain_log_order", "source_id", "block_number", "log_index"),
    )
