"""Two people for one act: each runs the same command, and the second one's word lets it happen.

What they agree on is hashed together with the state of the thing, so that a word given about an earlier state counts for nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from bridge.errors import NotAllowed
from bridge.model import Consent, User
from bridge.rules import people

NEEDED = 2


@dataclass(frozen=True, slots=True)
class Agreed:
    """Who gave his word so far, in that order, and how many more are needed."""

    by: tuple[str, ...]
    missing: int


def give(session: Session, *, act: str, object: str, said: object, actor: str, at: datetime) -> Agreed:
    """Take a person's word for ``act`` on ``object``; giving it twice changes nothing.

    ``said`` is all that the two must agree on, also the version of the thing: plain values that JSON knows. Raises NotAllowed for
    a machine, which counts as nobody.
    """
    if people.is_machine(actor) or _is_service(session, actor):
        raise NotAllowed(f"{actor} is a machine and counts as nobody; two named people are needed to {act} {object}")
    digest = sha256(json.dumps([act, object, said], sort_keys=True).encode()).hexdigest()
    same = (Consent.act == act, Consent.object == object, Consent.digest == digest)
    given = list(session.scalars(select(Consent.actor).where(*same).order_by(Consent.id)))
    if people.person(actor) not in {people.person(one) for one in given}:
        session.execute(insert(Consent).values(act=act, object=object, digest=digest, actor=actor, recorded_at=at))
        given.append(actor)
    return Agreed(tuple(given), max(0, NEEDED - len(given)))


def _is_service(session: Session, actor: str) -> bool:
    known = select(User.id).where(User.name_key == people.person(actor), User.role == "service")
    return session.scalar(known) is not None
