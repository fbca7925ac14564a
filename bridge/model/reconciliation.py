"""What explains a bank line (Match), and what a person must look at (Break)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from bridge.model.base import Base


class Match(Base):
    """A signed part of an entry, explained: by which rule, with what evidence, booked by which voucher."""

    __tablename__ = "match"
    id: Mapped[int] = mapped_column(primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("entry.id"), index=True)
    detail_id: Mapped[int | None] = mapped_column(ForeignKey("detail.id"))
    collection_id: Mapped[int | None] = mapped_column(ForeignKey("collection.id"), index=True)
    other_entry_id: Mapped[int | None] = mapped_column(ForeignKey("entry.id"))
    amount_cents: Mapped[int]
    rule: Mapped[str]
    evidence: Mapped[str]
    voucher_id: Mapped[int] = mapped_column(ForeignKey("voucher.id"))
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("match.id"), unique=True)  # the match that this one takes back
    actor: Mapped[str]
    booked_on: Mapped[date]
    recorded_at: Mapped[datetime]


class Break(Base):
    """Something that a person must look at. At most one of a kind is open for a subject."""

    __tablename__ = "break"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]  # "entry:40", "invoice:12", "batch:3", "document:<sha256>"
    what: Mapped[str]
    next: Mapped[str]
    opened_on: Mapped[date]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    resolution: Mapped[str | None]
    ordinal: Mapped[int] = mapped_column(default=1)
    __table_args__ = (
        UniqueConstraint("kind", "subject", "ordinal"),
        Index(
            "uq_break_open",
            "kind",
            "subject",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )
