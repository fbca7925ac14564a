"""What the chain says somebody owes."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bridge.model.base import Base, one_of

INVOICE_STATES = ("open", "collecting", "paid", "held", "cancelled", "orphaned", "written_off")


class Invoice(Base):
    """An invoice, known by its claim key (chain id, contract, invoice id). ``number`` is what the debtor reads."""

    __tablename__ = "invoice"
    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    creditor_id: Mapped[int] = mapped_column(ForeignKey("creditor.id"))
    chain_log_id: Mapped[int] = mapped_column(ForeignKey("chain_log.id"), unique=True)
    chain_id: Mapped[int]
    contract: Mapped[str]
    claim_id: Mapped[str]  # the 32-byte invoice id in hex, with 0x
    number: Mapped[str] = mapped_column(String(35))
    number_key: Mapped[str] = mapped_column(String(35))
    invoice_no: Mapped[int]
    amount_cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    debtor_ref: Mapped[str]
    agreement: Mapped[str]
    period_start: Mapped[datetime]
    period_end: Mapped[datetime]
    due_on: Mapped[date]
    usage_root: Mapped[str]
    document_hash: Mapped[str]
    tax_code: Mapped[str | None]
    eligible_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    version: Mapped[int]
    __table_args__ = (
        UniqueConstraint("chain_id", "contract", "claim_id"),
        UniqueConstraint("creditor_id", "number_key"),
        Index("ix_invoice_work", "state", "id"),
        Index("ix_invoice_period", "agreement", "period_start"),  # finds invoices that say the same
        one_of("state", INVOICE_STATES),
        CheckConstraint("amount_cents > 0", name="amount_positive"),
    )
