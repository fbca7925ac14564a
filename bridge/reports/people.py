"""Who may act: users with their tokens, as people see them; never a token, never its hash."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge.model import Token, User


@dataclass(frozen=True, slots=True)
class TokenLine:
    """A token by its number: what it is for, and until when it works."""

    id: int
    label: str
    recorded_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class UserLine:
    name: str
    role: str
    recorded_at: datetime
    created_by: str
    disabled_at: datetime | None
    disabled_by: str | None
    tokens: list[TokenLine]


def users(session: Session) -> list[UserLine]:
    """Everybody who was ever added, by name, disabled ones too."""
    tokens: dict[int, list[TokenLine]] = defaultdict(list)
    for row in session.scalars(select(Token).order_by(Token.id)):
        line = TokenLine(row.id, row.label, row.recorded_at, row.created_by, row.expires_at, row.revoked_at)
        tokens[row.user_id].append(line)
    return [
        UserLine(row.name, row.role, row.recorded_at, row.created_by, row.disabled_at, row.disabled_by, tokens[row.id])
        for row in session.scalars(select(User).order_by(User.name_key))
    ]
