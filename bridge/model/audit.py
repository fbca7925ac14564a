"""Who did what when: every act of a person, also those that changed nothing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from bridge.model.base import Base


class Audit(Base):
    """One act. ``detail`` holds ids, counts and hashes, never a name or an IBAN."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True)
    recorded_at: Mapped[datetime]
    actor: Mapped[str]
    act: Mapped[str]
    object: Mapped[str]
    detail: Mapped[str]
