"""Who may act: add a user, change his role, disable him, make and revoke his tokens.

A user is never deleted and, once disabled, stays so: his name stands under what he did, and must not become somebody else's.
Nobody changes his own role, and the last admin stays one.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bridge import audit_trail, identity
from bridge.errors import BadInput, NotAllowed, UnknownName
from bridge.model import Token, User
from bridge.rules import people, permissions
from bridge.runtime import Runtime

#: begins every token, so that one that leaked is recognised by whoever finds it
TOKEN_PREFIX = "sdd_"  # noqa: S105 - a mark, not a secret
#: letters, digits and . _ @ - in words: a name stands in sentences, where a comma separates people
NAME = re.compile(r"[\w.@-]+(?: [\w.@-]+)*")
NAME_MAX = 60


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made: this is the only time it is known."""

    id: int
    user: str
    token: str = field(repr=False)
    label: str
    expires_at: datetime | None


def add(runtime: Runtime, actor: str, name: str, role: str) -> str:
    """Add a user; returns his name as it is written down.

    Raises BadInput for a name that is none, is taken (also in other letters) or, for a person, is a machine's; UnknownName for a
    role.
    """
    written = " ".join(name.split())
    if len(written) > NAME_MAX or not NAME.fullmatch(written):
        raise BadInput(f"a name is 1 to {NAME_MAX} letters, digits, '.', '_', '@', '-' and single blanks")
    _known_role(role)
    if role != "service" and people.is_machine(written):
        raise BadInput(f"{written} is the name of a machine, which counts as nobody; a person needs another one")

    def unit(session: Session) -> None:
        if session.scalar(select(User.name).where(User.name_key == people.person(written))):
            raise BadInput(f"there is a user {written} already; capitals distinguish nobody, and a disabled user keeps his name")
        key = people.person(written)
        session.add(User(name=written, name_key=key, role=role, recorded_at=runtime.clock(), created_by=actor))
        _note(session, runtime, actor, "user add", written, role)

    runtime.work(unit)
    return written


def set_role(runtime: Runtime, actor: str, name: str, role: str) -> bool:
    """Change a user's role; returns False where he has it. Raises NotAllowed for oneself, a machine, and the last admin."""
    _known_role(role)

    def unit(session: Session) -> bool:
        user = _user(session, name)
        if user.role == role:
            return False
        _not_oneself(actor, user, "changes his own role")
        if "service" in (user.role, role):
            raise NotAllowed(f"{user.name}: a machine does not become a person, nor a person a machine; add another user")
        _another_admin(session, user)
        _note(session, runtime, actor, "user role", user.name, f"{user.role} to {role}")
        session.execute(update(User).where(User.id == user.id).values(role=role))
        return True

    return runtime.work(unit)


def disable(runtime: Runtime, actor: str, name: str) -> bool:
    """End what a user may do, for good; returns False where that was done before.

    Raises NotAllowed for oneself and the last admin.
    """

    def unit(session: Session) -> bool:
        user = _user(session, name)
        if user.disabled_at is not None:
            return False
        _not_oneself(actor, user, "disables himself")
        _another_admin(session, user)
        values = {"disabled_at": runtime.clock(), "disabled_by": actor}
        session.execute(update(User).where(User.id == user.id).values(values))
        _note(session, runtime, actor, "user disable", user.name)
        return True

    return runtime.work(unit)


def make_token(runtime: Runtime, actor: str, name: str, *, label: str = "", expires_at: datetime | None = None) -> NewToken:
    """Make a token for a user; only its hash is stored.

    Raises NotAllowed for a disabled user, BadInput for a time that is past.
    """
    if expires_at is not None and expires_at <= runtime.clock():
        raise BadInput("the token would have expired already")
    if len(label) > NAME_MAX or not label.isprintable():
        raise BadInput(f"a label is up to {NAME_MAX} printable characters")
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)

    def unit(session: Session) -> NewToken:
        user = _user(session, name)
        if user.disabled_at is not None:
            raise NotAllowed(f"{user.name} is disabled and gets no token")
        row = Token(
            user_id=user.id,
            digest=identity.digest_of(token),
            label=label,
            recorded_at=runtime.clock(),
            created_by=actor,
            expires_at=expires_at,
        )
        session.add(row)
        session.flush()
        _note(session, runtime, actor, "user token", user.name, f"made {row.id}")
        return NewToken(row.id, user.name, token, label, expires_at)

    return runtime.work(unit)


def revoke_token(runtime: Runtime, actor: str, name: str, token_id: int) -> bool:
    """End a token of a user; returns False where that was done before. Raises UnknownName for one that is not his."""

    def unit(session: Session) -> bool:
        user = _user(session, name)
        row = session.scalar(select(Token).where(Token.id == token_id, Token.user_id == user.id))
        if row is None:
            known = session.scalars(select(Token.id).where(Token.user_id == user.id))
            raise UnknownName.among(f"token of {user.name}", str(token_id), known)
        if row.revoked_at is not None:
            return False
        row.revoked_at, row.revoked_by = runtime.clock(), actor
        _note(session, runtime, actor, "user token", user.name, f"revoked {row.id}")
        return True

    return runtime.work(unit)


def _known_role(role: str) -> None:
    if role not in permissions.ROLES:
        raise UnknownName.among("role", role, permissions.ROLES)


def _user(session: Session, name: str) -> User:
    """The user of this name, locked: whoever counts his signature now is done first, and the clock is read after."""
    user = session.scalar(select(User).where(User.name_key == people.person(name)).with_for_update())
    if user is None:
        raise UnknownName.among("user", name, session.scalars(select(User.name)))
    return user


def _not_oneself(actor: str, user: User, what: str) -> None:
    if people.person(actor) == user.name_key:
        raise NotAllowed(f"nobody {what}; another admin does it")


def _another_admin(session: Session, user: User) -> None:
    """Raise NotAllowed where this is the last admin. The rows are locked: of two who demote each other, the second waits."""
    admins = select(User.id).where(User.role == "admin", User.disabled_at.is_(None)).order_by(User.id).with_for_update()
    if list(session.scalars(admins)) == [user.id]:
        raise NotAllowed(f"{user.name} is the last admin and stays one; add another first")


def _note(session: Session, runtime: Runtime, actor: str, act: str, name: str, detail: str = "") -> None:
    audit_trail.note(session, at=runtime.clock(), actor=actor, act=act, object=f"user:{name}", detail=detail)
