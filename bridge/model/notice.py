"""A pre-notification: what a debtor was told about one debit, when, and in which words."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from bridge.model.base import Base, one_of

#: planned: written, not sent; printed: a letter that waits for the post; overtaken: its date could not be kept
NOTICE_STATES = ("planned", "printed", "sent", "failed", "overtaken")
CHANNELS = ("email", "letter")
_OPEN = text("state IN ('planned', 'printed', 'sent')")


class Notice(Base):
    """One notice of one amount and due date (EPC016-06, AT-T014). Its exact text and recipient stand in the document."""

    __tablename__ = "notice"
    id: Mapped[int] = mapped_column(primary_key=True)
    collection_id: Mapped[int] = mapped_column(ForeignKey("collection.id"), index=True)
    amount_cents: Mapped[int]
    due_on: Mapped[date]
    channel: Mapped[str]
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"))
    shown: Mapped[str]  # the recipient as people see it: a…@example.com
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    sent_on: Mapped[date | None]  # the business date from which the days count
    sent_at: Mapped[datetime | None]
    actor: Mapped[str]
    recorded_at: Mapped[datetime]
    __table_args__ = (
        Index(
            "uq_notice_open", "collection_id", "amount_cents", "due_on", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
        ),
        Index("ix_notice_state", "state"),
        one_of("state", NOTICE_STATES),
        one_of("channel", CHANNELS),
        CheckConstraint("amount_cents > 0", name="amount_positive"),
    )
