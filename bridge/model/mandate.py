"""A debtor's permission to debit: the SEPA mandate."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from bridge.model.base import Base, one_of

MANDATE_STATES = ("draft", "signature_pending", "active", "paused", "revoked", "expired", "replaced")
ALIVE_STATES = ("active", "paused")  # under these a debit may be formed, or waits
AMENDED = ("mandate_id", "creditor_id", "creditor_name", "account", "debtor", "contact", "terms")
SCHEMES = ("CORE", "B2B")
KINDS = ("recurrent", "one-off")


class Mandate(Base):
    """A mandate, known by (creditor, mandate id). ``mandate_key`` is the id in upper case: case must not distinguish."""

    __tablename__ = "mandate"
    id: Mapped[int] = mapped_column(primary_key=True)
    creditor_id: Mapped[int] = mapped_column(ForeignKey("creditor.id"))
    mandate_id: Mapped[str]
    mandate_key: Mapped[str]
    debtor_ref: Mapped[str]
    agreement: Mapped[str] = mapped_column(default="")
    scheme: Mapped[str]
    kind: Mapped[str]
    signed_on: Mapped[date | None]  # a draft has none
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    bank_account_id: Mapped[int] = mapped_column(ForeignKey("bank_account.id"))
    b2b_confirmed_on: Mapped[date | None]
    prenotification_days: Mapped[int | None]
    last_presented_on: Mapped[date | None]
    warning: Mapped[str] = mapped_column(default="")
    warning_accepted_by: Mapped[str | None]
    final_wanted: Mapped[bool] = mapped_column(default=False, server_default=false())  # the next debit is its last (FNAL)
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("mandate.id"))
    edited_by: Mapped[str]
    recorded_at: Mapped[datetime]
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    version: Mapped[int]
    __table_args__ = (
        UniqueConstraint("creditor_id", "mandate_key"),
        Index("ix_mandate_debtor", "creditor_id", "debtor_ref"),
        one_of("state", MANDATE_STATES),
        one_of("scheme", SCHEMES),
        one_of("kind", KINDS),
    )


class Amendment(Base):
    """Something about a mandate that changed: ``was`` is the value before, or the account or person of before.

    What the debtor's bank must be told (EPC130-08, AmdmntInfDtls) stands in each debit after it until one has settled.
    """

    __tablename__ = "amendment"
    id: Mapped[int] = mapped_column(primary_key=True)
    mandate_id: Mapped[int] = mapped_column(ForeignKey("mandate.id", ondelete="RESTRICT"), index=True)
    kind: Mapped[str]
    was: Mapped[str | None]
    was_account_id: Mapped[int | None] = mapped_column(ForeignKey("bank_account.id"))
    was_person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    actor: Mapped[str]
    booked_on: Mapped[date]
    recorded_at: Mapped[datetime]
    __table_args__ = (one_of("kind", AMENDED),)


class LegalHold(Base):
    """A hold on a mandate's debtor begins or ends; the last one counts. While it is on, nobody erases him."""

    __tablename__ = "legal_hold"
    id: Mapped[int] = mapped_column(primary_key=True)
    mandate_id: Mapped[int] = mapped_column(ForeignKey("mandate.id"), index=True)
    news: Mapped[str]
    reason: Mapped[str]
    actor: Mapped[str]
    recorded_at: Mapped[datetime]
    __table_args__ = (one_of("news", ("begun", "ended")),)
