"""One debit attempt for one invoice."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from bridge.model.base import Base, one_of

FINAL_STATES = ("cancelled", "rejected", "returned", "reversed", "withdrawn")
LIVE_STATES = ("pending", "held", "batched", "submitted", "accepted", "settled")
IN_FLIGHT_STATES = ("submitted", "accepted")
_LIVE = text("state NOT IN ({})".format(", ".join(f"'{state}'" for state in FINAL_STATES)))


class Collection(Base):
    """A debit attempt. At most one of an invoice's attempts is live (not final), and the database sees to it."""

    __tablename__ = "collection"
    id: Mapped[int] = mapped_column(primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    mandate_id: Mapped[int] = mapped_column(ForeignKey("mandate.id", ondelete="RESTRICT"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    attempt: Mapped[int]
    end_to_end_id: Mapped[str] = mapped_column(String(35))
    end_to_end_key: Mapped[str] = mapped_column(String(35), unique=True)
    amount_cents: Mapped[int]
    scheme: Mapped[str]
    sequence: Mapped[str] = mapped_column(String(4))
    due_on: Mapped[date]
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("batch.id"), index=True)
    recorded_at: Mapped[datetime]
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    version: Mapped[int]
    __table_args__ = (
        UniqueConstraint("invoice_id", "attempt"),
        Index("uq_collection_live", "invoice_id", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_collection_work", "state", "due_on"),
        one_of("state", LIVE_STATES + FINAL_STATES),
        CheckConstraint("amount_cents > 0", name="amount_positive"),
        CheckConstraint("attempt BETWEEN 1 AND 99", name="attempt_range"),
    )
