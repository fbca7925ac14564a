"""The manifest: which files ever left, remembered outside the database.

Nothing is cut or sent while it knows more than the database: then the database is a restored backup. Nor while it has lost lines:
then it could not notice the next one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge.custody import files
from bridge.errors import IntegrityError
from bridge.model import Batch
from bridge.runtime import Runtime
from bridge.transport import folder
from bridge.transport.folder import ManifestLine


@dataclass(frozen=True, slots=True)
class Compared:
    """``ahead``: what the manifest knows and the database does not. ``lost``: MsgIds of files of which it has lost the line."""

    ahead: tuple[ManifestLine, ...]
    lost: tuple[str, ...]


def compare(runtime: Runtime) -> Compared:
    """Hold the manifest against the database. Raises IntegrityError for a manifest that cannot be read.

    A file that is exported and not in it yet is no lost line: a crash came in between, and the hand-over step writes it.
    """
    lines = folder.manifest(runtime.settings.folder("outbox"))
    with runtime.reading() as session:
        left = select(Batch.message_id, Batch.sha256, Batch.state).where(Batch.manifest_no.is_not(None))
        known = {name: (digest, state) for name, digest, state in session.execute(left.order_by(Batch.manifest_no))}
    remembered = {line.message_id for line in lines}
    ahead = tuple(line for line in lines if known.get(line.message_id, ("", ""))[0] != line.sha256)
    lost = tuple(name for name, (_, state) in known.items() if name not in remembered and state != "exported")
    return Compared(ahead, lost)


def check_manifest(runtime: Runtime) -> None:
    """Raise IntegrityError where the outbox remembers a file that the database does not, or has lost one that it knows."""
    found = compare(runtime)
    if found.ahead:
        raise IntegrityError(
            f"the outbox remembers {len(found.ahead)} file(s) that this database does not know as sent "
            f"({found.ahead[0].message_id}); it is probably a restored backup: nothing is cut or sent until the newer one is "
            "back, or it has learned them again: bridge doctor --relearn"
        )
    if found.lost:
        raise IntegrityError(
            f"the manifest in the outbox has lost {len(found.lost)} file(s) that left ({found.lost[0]}); restore it from your "
            "backup, or write its lines anew from the database: bridge doctor --relearn"
        )


def manifest_line(session: Session, batch: Batch) -> ManifestLine:
    """The line that the manifest keeps of a file: ids and hashes only."""
    assert batch.manifest_no is not None
    ids = [collection.end_to_end_key for collection in files.members(session, batch)]
    return ManifestLine(batch.manifest_no, batch.message_id, batch.sha256, digest(ids))


def digest(end_to_end_keys: Iterable[str]) -> str:
    """The hash over the EndToEndIds of a file, in upper case and sorted."""
    return sha256("\n".join(sorted(end_to_end_keys)).encode()).hexdigest()


def remember(runtime: Runtime, message_id: str) -> None:
    """Write a file that left into the manifest, where a crash kept its export from doing so. Raises UnknownName, Unavailable."""
    with runtime.reading() as session:
        batch = files.named(session, message_id)
        line = manifest_line(session, batch) if batch.manifest_no is not None else None
    if line is not None:
        folder.remember(runtime.settings.folder("outbox"), line)


def next_manifest_no(session: Session) -> int:
    return 1 + (session.scalar(select(func.max(Batch.manifest_no))) or 0)
