"""Who may act: User, the Tokens by which a command knows him, and Consent, one person's word where two are needed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bridge.model.base import Base, one_of

ROLES = ("viewer", "clerk", "approver", "admin", "auditor", "service")


class User(Base):
    """A named person, or a machine (role "service"). ``name_key`` is the name as it counts: case must not distinguish people."""

    __tablename__ = "bridge_user"  # "user" is a reserved word of PostgreSQL
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    recorded_at: Mapped[datetime]
    created_by: Mapped[str]
    disabled_at: Mapped[datetime | None]
    disabled_by: Mapped[str | None]
    __table_args__ = (one_of("role", ROLES),)


class Token(Base):
    """A secret that says who acts. Only its SHA-256 is stored: the token itself is shown once, when it is made."""

    __tablename__ = "token"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("bridge_user.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    label: Mapped[str]
    recorded_at: Mapped[datetime]
    created_by: Mapped[str]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None]


class Consent(Base):
    """One person's word for one act on one thing. ``digest`` covers all that he was asked, also the state of the thing."""

    __tablename__ = "consent"
    id: Mapped[int] = mapped_column(primary_key=True)
    act: Mapped[str]
    object: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64))
    actor: Mapped[str]
    recorded_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("act", "object", "digest", "actor"),)
