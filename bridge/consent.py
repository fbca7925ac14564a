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

from bridge import identity
from bridge.errors import NotAllowed
from bridge.model import Consent
from bridge.rules import people, signatures
from bridge.rules.people import person


@dataclass(frozen=True, slots=True)
class Agreed:
    """Who gave his word so far, in that order, how many more are needed, and who: "another person" or "an approver"."""

    by: tuple[str, ...]
    missing: int
    wanted: str = ""


def give(session: Session, *, act: str, object: str, said: object, actor: str, at: datetime) -> Agreed:
    """Take a person's word for ``act`` on ``object``; giving it twice changes nothing. One of the two must be an approver.

    ``said`` is all that the two must agree on, also the version of the thing: plain values that JSON knows. The word of somebody
    who was disabled since, or has no role for it any more, does not count. Raises NotAllowed for a machine, which counts as
    nobody.
    """
    if people.is_machine(actor) or identity.standing(session, [actor])[person(actor)].machine:
        raise NotAllowed(f"{actor} is a machine and counts as nobody; two named people are needed to {act} {object}")
    digest = sha256(json.dumps([act, object, said], sort_keys=True).encode()).hexdigest()
    same = (Consent.act == act, Consent.object == object, Consent.digest == digest)
    given = list(session.scalars(select(Consent.actor).where(*same).order_by(Consent.id)))
    if person(actor) not in map(person, given):
        session.execute(insert(Consent).values(act=act, object=object, digest=digest, actor=actor, recorded_at=at))
        given.append(actor)
    missing, wanted = signatures.missing_words(given, identity.standing(session, given))
    return Agreed(tuple(given), missing, wanted)
