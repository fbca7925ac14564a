"""What is left in the outbox of files that went long ago: only copies, whose sealed originals stay in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Row, func, select

from bridge.custody import files
from bridge.model import Batch, Move
from bridge.runtime import Runtime
from bridge.transport import folder


def purge(runtime: Runtime) -> int:
    """Delete each file ``outbox_days`` after it was handed over or given up; returns how many. The manifest keeps every line.

    A file that waits for its upload stays, and so does one whose bytes are not those that were sealed: somebody must look at it.
    """
    days = runtime.settings.retention.outbox_days
    outbox = runtime.settings.folder("outbox")
    if not days or not (there := sorted({path.name for place in (outbox, outbox / folder.VOID) for path in place.glob("*.xml")})):
        return 0
    before = runtime.today() - timedelta(days=days)
    gone = 0
    for row in (row for some in files.slices(there) for row in _settled(runtime, some, before)):
        places = [place for place in (outbox / row.file_name, outbox / folder.VOID / row.file_name) if _holds(place, row.sha256)]
        for path in places:
            folder.remove(path)
        gone += bool(places)
    return gone


def _settled(runtime: Runtime, names: Sequence[str], before: date) -> Sequence[Row[str, str]]:
    """Names and hashes of those that are at the bank, or given up, and did not move since that day."""
    last = select(func.max(Move.booked_on)).where(Move.noun == "batch", Move.noun_id == Batch.id, Move.to_state.in_(_GONE))
    found = select(Batch.file_name, Batch.sha256).where(Batch.file_name.in_(names), Batch.state.in_((*files.AT_THE_BANK, *_GONE)))
    with runtime.reading() as session:
        return session.execute(found.where(last.scalar_subquery() < before).order_by(Batch.id)).all()


def _holds(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(path.read_bytes()).hexdigest() == digest


_GONE = ("submitted", "discarded")
