"""What the bank said: status reports and their lines, statements, entries and details. Names and texts stay in the document."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from bridge.model.base import Base, one_of
from bridge.model.sealed import Sealed

STATEMENT_STATES = ("posted", "parked", "refused", "advice")
OUTCOMES = ("new", "waiting", "moved", "ignored", "noted", "break")


class StatusReport(Base):
    """One pain.002 about one of our files."""

    __tablename__ = "status_report"
    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"), unique=True)
    message_id: Mapped[str]
    original_message_id: Mapped[str]
    dated_on: Mapped[date]


class StatusReportLine(Base):
    """One status at one level (group, block, debit). ``outcome`` is "new" until reconcile has read it."""

    __tablename__ = "status_report_line"
    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("status_report.id"))
    ordinal: Mapped[int]
    level: Mapped[str]
    pmt_inf_id: Mapped[str | None]
    end_to_end_id: Mapped[str | None]
    status: Mapped[str | None]
    reason: Mapped[str | None]
    outcome: Mapped[str]
    __table_args__ = (
        UniqueConstraint("report_id", "ordinal"),
        Index("ix_status_report_line_outcome", "outcome"),
        one_of("level", ("group", "block", "debit")),
        one_of("outcome", OUTCOMES),
    )


_PAGE = text("page IS NOT NULL")


class Statement(Base):
    """One account statement. Posted only where it continues the ledger's balance; else parked, or refused with a reason.

    An advice (camt.052, camt.054) stands beside them: it tells what booked lines are about, and is never posted.
    """

    __tablename__ = "statement"
    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"))
    ordinal: Mapped[int]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    kind: Mapped[str]
    statement_id: Mapped[str]
    sequence: Mapped[int | None]
    currency: Mapped[str | None] = mapped_column(String(3))
    opening_cents: Mapped[int | None]
    closing_cents: Mapped[int | None]
    opening_on: Mapped[date | None]
    closing_on: Mapped[date | None]
    posted_no: Mapped[int | None]  # the place in the account's chain of statements; an older one that came later goes below zero
    posted_at: Mapped[datetime | None]
    posting: Mapped[str]  # STATEMENT_STATES
    reason: Mapped[str] = mapped_column(default="")
    page: Mapped[int | None]  # of a page that gives only the balances of the day: it is booked with all others of its statement
    last_page: Mapped[bool | None]
    recorded_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("document_id", "ordinal"),
        UniqueConstraint("account_id", "posted_no"),
        Index("ix_statement_posting", "posting"),
        Index("ix_statement_page", "account_id", "posting", "closing_on", postgresql_where=_PAGE, sqlite_where=_PAGE),
        one_of("posting", STATEMENT_STATES),
    )


class Entry(Base):
    """One booked line. ``open_cents`` is the signed part not yet explained; it equals the entry's balance in Suspense."""

    __tablename__ = "entry"
    id: Mapped[int] = mapped_column(primary_key=True)
    statement_id: Mapped[int] = mapped_column(ForeignKey("statement.id"))
    ordinal: Mapped[int]
    amount_cents: Mapped[int]
    open_cents: Mapped[int]
    status: Mapped[str]
    reversal: Mapped[bool]
    booked_on: Mapped[date]
    value_on: Mapped[date | None]
    bank_ref: Mapped[str | None]
    bank_code: Mapped[str | None]
    bank_code_own: Mapped[str | None]
    batch_message_id: Mapped[str | None]
    batch_pmt_inf_id: Mapped[str | None]
    batch_count: Mapped[int | None]
    batch_total_cents: Mapped[int | None]
    charges_cents: Mapped[int]  # signed: what the bank states to have kept is negative
    interchange_cents: Mapped[int] = mapped_column(server_default=text("0"))  # of the charges: what the debtor's bank takes
    by_hand: Mapped[bool] = mapped_column(server_default=false())  # a person undid its explanation: no rule explains it again
    told_by_id: Mapped[int | None] = mapped_column(ForeignKey("entry.id"))  # the advice that says what it is about
    text: Mapped[bytes | None] = mapped_column(Sealed)
    __table_args__ = (
        UniqueConstraint("statement_id", "ordinal"),
        Index("ix_entry_told_by_id", "told_by_id", unique=True),
        Index("ix_entry_open", "open_cents"),
        Index("ix_entry_bank_ref", "bank_ref"),  # was this line booked before, from another statement?
    )


class Detail(Base):
    """One TxDtls of an entry: what explains it. Amounts as in records.camt."""

    __tablename__ = "detail"
    id: Mapped[int] = mapped_column(primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("entry.id"))
    ordinal: Mapped[int]
    amount_cents: Mapped[int | None]
    original_cents: Mapped[int | None]
    end_to_end_id: Mapped[str | None]
    mandate_id: Mapped[str | None]
    message_id: Mapped[str | None]
    pmt_inf_id: Mapped[str | None]
    bank_ref: Mapped[str | None]
    return_reason: Mapped[str | None]
    is_return: Mapped[bool]
    by_debtor: Mapped[bool]  # the originator is named, not a bank: a refund, not a return
    charges_cents: Mapped[int]
    interchange_cents: Mapped[int] = mapped_column(server_default=text("0"))
    text: Mapped[bytes | None] = mapped_column(Sealed)  # names and remittance, for the queue
    __table_args__ = (UniqueConstraint("entry_id", "ordinal"),)
