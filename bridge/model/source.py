"""Where invoices come from: a contract on a chain, how far it was read, and every raw log as evidence."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
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
    mapping: Mapped[str | None]  # how the event of a customer's own contract is read (chain.mapping); None: ours
    code_hash: Mapped[str | None]  # keccak of the code at its address, as it was when it was first read or last approved
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
    final_number: Mapped[int | None]  # the final head when it last moved: how far behind it is


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


class Orphan(Base):
    """A stored log that is on the chain no more: two people said so, after a block that had been final was replaced."""

    __tablename__ = "orphan"
    log_id: Mapped[int] = mapped_column(ForeignKey("chain_log.id"), primary_key=True, autoincrement=False)
    recorded_at: Mapped[datetime]


class Observation(Base):
    """Another log that says the same of an invoice as the one it was made from: the chain was reorganised, the claim is not."""

    __tablename__ = "observation"
    log_id: Mapped[int] = mapped_column(ForeignKey("chain_log.id"), primary_key=True, autoincrement=False)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"), index=True)
    recorded_at: Mapped[datetime]


class Attestation(Base):
    """An outcome that is written back on chain; ``evidence_hash`` is keccak of ``salt`` and what rules.outcomes states.

    planned -> sent (the signed call, its nonce, fee and hash are stored before it is broadcast) -> final (its log was read);
    overtaken: a later outcome took its place before it was sent. Not money: ``steps.attest`` moves it, the books do not.
    """

    __tablename__ = "attestation"
    id: Mapped[int] = mapped_column(primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    move_id: Mapped[int] = mapped_column(ForeignKey("move.id"))
    outcome: Mapped[str]
    salt: Mapped[bytes]
    evidence_hash: Mapped[bytes]
    state: Mapped[str]
    nonce: Mapped[int | None]
    fee_wei: Mapped[int | None]
    tx_hash: Mapped[bytes | None]
    raw_call: Mapped[bytes | None]  # as it is broadcast, and broadcast again
    sent_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("invoice_id", "move_id"),
        Index("ix_attestation_state", "state"),
        CheckConstraint("outcome IN ('settled', 'returned', 'cancelled')", name="outcome_known"),
        CheckConstraint("state IN ('planned', 'sent', 'final', 'overtaken')", name="state_known"),
    )
