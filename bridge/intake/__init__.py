"""Takes one bank file in: keeps every byte, reads it whole or not at all, and books the lines of a statement that fits.

A file is one commit: Document, records, and for statements (camt.053) whose opening continues the ledger's balance the vouchers
Bank / Suspense. The same bytes twice are known; the same statement in other bytes is known too; one that leaves a gap is parked
until the gap closes. Advices (camt.052, camt.054) are kept and tell what booked lines are about; they book nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from io import BytesIO

from sqlalchemy.orm import Session

from bridge import archive, books
from bridge.books import Recorder
from bridge.errors import BadInput
from bridge.formats import camt, detect, pain002, unpack
from bridge.intake import statements, statuses
from bridge.intake.taken import Taken, plain_name
from bridge.runtime import Runtime

READ = ("pain.002", "camt.052", "camt.053", "camt.054")
READ_NOW = "it could be read now"  # why a Break over a file is closed
BAD_SHOWN = 5

__all__ = ["READ", "Taken", "plain_name", "take", "take_each"]


def take(runtime: Runtime, name: str, body: bytes, *, actor: str) -> Taken:
    """Take one file. Raises BadInput for one that is malformed or of a kind that is not read; nothing of it is stored then."""
    return runtime.work(lambda session: _take(session, runtime, plain_name(name), body, actor))


def take_each(runtime: Runtime, name: str, body: bytes, *, actor: str) -> Iterator[Taken]:
    """Take every document in a file, which may be a ZIP, a gzip, or several documents behind one another; each is its own commit.

    Raises BadInput before the first for a container that is not read, and after the last where some document was not taken: the
    others are. The same container again finds them known.
    """
    found = unpack.members(name, body)
    if found == [(name, body)]:
        yield take(runtime, name, body, actor=actor)
        return
    bad = []
    for part, inside in found:
        try:
            yield take(runtime, part, inside, actor=actor)
        except BadInput as problem:
            bad.append(f"{plain_name(part)}: {problem}")
    if bad:
        raise BadInput(f"of {len(found)} documents in it {len(bad)} could not be taken: {'; '.join(bad[:BAD_SHOWN])}")
    digest, by = sha256(body).hexdigest(), Recorder(actor, runtime.clock())
    runtime.work(lambda session: books.close_breaks(session, [f"document:{digest}"], by, READ_NOW, kinds=["BAD_FILE"]))


def _take(session: Session, runtime: Runtime, name: str, body: bytes, actor: str) -> Taken:
    digest = sha256(body).hexdigest()
    found = archive.known(session, digest)
    if found is not None:
        return Taken(name, digest, found.kind, "known", message="these bytes were stored before")
    kind = detect.detect(BytesIO(body))
    if kind not in READ:
        raise BadInput(f"{name} is a {kind}, which is not read yet; {' and '.join(READ)} are. Keep the file")
    runtime.fault("receive: read")
    document = archive.keep(
        session, runtime.keys, body, direction="received", kind=kind, name=name, actor=actor, at=runtime.clock()
    )
    runtime.fault("receive: stored")
    by = Recorder(actor, runtime.clock())
    if kind == "pain.002":
        taken = statuses.keep(session, runtime, document, pain002.read(BytesIO(body), zone=runtime.zone), by)
    else:
        taken = statements.keep(session, runtime, document, camt.read(BytesIO(body), zone=runtime.zone), by)
    books.close_breaks(session, [f"document:{digest}"], by, READ_NOW, kinds=["BAD_FILE"])
    runtime.fault("receive: before commit")
    return replace(taken, file=name, sha256=digest, kind=kind)
