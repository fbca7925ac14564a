"""Who acts: the user whose token it is or, in rehearsal, the name that was given; and what the users table says of a name.

A token is looked up by its SHA-256, is compared in constant time, and never stands in a message, a log or a row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from bridge.errors import NotAllowed
from bridge.model import Declaration, Token, User
from bridge.rules import permissions
from bridge.rules.people import person
from bridge.rules.signatures import Standing


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts. ``role`` is None for a name that is no user, which only a rehearsal takes."""

    name: str
    role: str | None


def by_token(session: Session, token: str, at: datetime) -> Actor:
    """The user whose token this is. Raises NotAllowed for an unknown, revoked or expired one, or a disabled user."""
    digest = digest_of(token)
    found = session.execute(select(Token, User).join(User, User.id == Token.user_id).where(Token.digest == digest)).first()
    if found is None or not compare_digest(found[0].digest, digest):
        raise NotAllowed("the token is none that is known here; an admin makes one with 'bridge user token NAME'")
    row, user = found
    if row.revoked_at is not None:
        raise NotAllowed(f"token {row.id} of {user.name} was revoked; an admin makes a new one with 'bridge user token'")
    if row.expires_at is not None and row.expires_at <= at:
        raise NotAllowed(f"token {row.id} of {user.name} expired; make a new one with 'bridge user token'")
    return _enabled(user)


def by_name(session: Session, name: str) -> Actor:
    """The user of this name, or somebody without a role where no user has it. Raises NotAllowed for a disabled user."""
    user = session.scalar(select(User).where(User.name_key == person(name)))
    return Actor(name, None) if user is None else _enabled(user)


def permit(session: Session, actor: Actor, act: str) -> None:
    """Raise NotAllowed where the actor's role does not permit the act, saying which role does and who has it."""
    if actor.role is None:
        _ = permissions.ACTS[act]
        return
    if permissions.allowed(actor.role, act):
        return
    fitting = (User.role.in_(permissions.ACTS[act]), User.disabled_at.is_(None))
    others = list(session.scalars(select(User.name).where(*fitting).order_by(User.name_key)))
    who = f": {', '.join(others)}" if others else "; nobody has it yet"
    raise NotAllowed(f"{actor.name} is {actor.role}; '{act}' needs the role {permissions.who_may(act)}{who}")


def standing(session: Session, names: Iterable[str]) -> dict[str, Standing]:
    """What is known of each of these names, by the name as it counts. Their rows are locked until the unit of work ends.

    A name that is no user counts as anybody in a rehearsal, and as nobody in a database that was ever in production.
    """
    wanted = sorted({person(name) for name in names})
    rows = session.scalars(select(User).where(User.name_key.in_(wanted)).order_by(User.id).with_for_update(read=True))
    stranger = Standing(prepares=False, decides=False) if ever_in_production(session) else Standing()
    return dict.fromkeys(wanted, stranger) | {user.name_key: _standing(user) for user in rows}


def an_admin_can_act(session: Session, at: datetime) -> bool:
    """Whether some admin has a token that works: until then whoever has the key file and the database makes one."""
    usable = (Token.revoked_at.is_(None), or_(Token.expires_at.is_(None), Token.expires_at > at))
    found = select(User.id).join(Token, Token.user_id == User.id).where(User.role == "admin", User.disabled_at.is_(None), *usable)
    return session.scalar(found.limit(1)) is not None


def ever_in_production(session: Session) -> bool:
    """Whether this database was used in production: then a name alone is nobody, whatever the environment says now."""
    return session.scalar(select(Declaration.id).where(Declaration.noun == "environment").limit(1)) is not None


def digest_of(token: str) -> str:
    """What is stored of a token."""
    return sha256(token.encode()).hexdigest()


def _standing(user: User) -> Standing:
    return Standing(
        machine=user.role == "service",
        disabled=user.disabled_at is not None,
        prepares=user.role in permissions.HANDS,
        decides=user.role == permissions.DECIDES,
    )


def _enabled(user: User) -> Actor:
    if user.disabled_at is not None:
        raise NotAllowed(f"{user.name} was disabled on {user.disabled_at:%Y-%m-%d} and does not act any more")
    return Actor(user.name, user.role)
