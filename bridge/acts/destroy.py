"""Destroy files that need not be kept any longer, by two people: their keys are deleted, so their bytes are unreadable for ever.

Rows, amounts, hashes and the books stay as they are, and every check holds as before. Each file has a line of its own in the
audit trail, which the voucher chain covers: a key that is gone without one was not destroyed by us.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from bridge import archive, audit_trail, consent, rows
from bridge.custody import outlived
from bridge.errors import BadInput
from bridge.model import DataKey, Document
from bridge.rules import retention
from bridge.runtime import Runtime

ACT = archive.DESTRUCTION


@dataclass(frozen=True, slots=True)
class Found:
    """Which files may be destroyed: the last year on whose bookings they rest, how many of a kind, one hash over all of theirs.

    ``kept``: why how many others of that age stay.
    """

    last_year: int
    kinds: dict[str, int]
    digest: str
    kept: dict[str, int]


@dataclass(frozen=True, slots=True)
class Destroyed:
    """What was found, who agreed, and how many people are still missing; the files are destroyed once none is."""

    found: Found
    agreed: tuple[str, ...]
    missing: int


def look(runtime: Runtime) -> Found:
    """What would be destroyed; nothing is changed."""
    with runtime.reading() as session:
        return _found(session, runtime)[0]


def run(runtime: Runtime, actor: str, reason: str) -> Destroyed:
    """Agree to destroy the files that need not be kept; the second person's word about the very same files does it.

    Raises BadInput without a reason or where there is none, and NotAllowed for a machine.
    """
    if not reason.strip():
        raise BadInput("say why these files are destroyed (--reason)")
    return runtime.work(lambda session: _destroy(session, runtime, actor, reason.strip()))


def _destroy(session: Session, runtime: Runtime, actor: str, reason: str) -> Destroyed:
    found, documents = _found(session, runtime)
    if not documents:
        raise BadInput(f"no stored file rests on bookings of {found.last_year} and before alone; nothing is to be destroyed")
    what, at = f"documents:{found.last_year}", runtime.clock()
    agreed = consent.give(session, act=ACT, object=what, said=[found.digest], actor=actor, at=at)
    detail = f"{len(documents)} files, SHA-256 over theirs {found.digest}: {reason}"
    audit_trail.note(session, at=at, actor=actor, act=ACT, object=what, detail=detail)
    if not agreed.missing:
        if session.get_bind().dialect.name == "sqlite":  # what is deleted is overwritten, not only given up
            session.execute(text("PRAGMA secure_delete = ON"))
        for some in rows.among(session, DataKey.uid, [one.key_uid for one in documents]):
            session.execute(delete(DataKey).where(some))
        for one in documents:
            audit_trail.note(session, at=at, actor=actor, act=ACT, object=archive.named(one), detail=what)
    return Destroyed(found, agreed.by, agreed.missing)


def _found(session: Session, runtime: Runtime) -> tuple[Found, Sequence[Document]]:
    day = retention.kept_from(runtime.today(), runtime.settings.retention.booked_years)
    documents, kept = outlived.outlived(session, runtime, day)
    digest = sha256("\n".join(sorted(one.sha256 for one in documents)).encode()).hexdigest()
    kinds = dict(sorted(Counter(f"{one.kind} {one.direction}" for one in documents).items()))
    return Found(day.year - 1, kinds, digest, kept), documents
