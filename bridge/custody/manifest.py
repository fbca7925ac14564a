"""The manifest: which files ever left, remembered outside the database.

Nothing is sent while it knows more than the database: then the database is a restored backup.
"""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge.custody import files
from bridge.errors import IntegrityError
from bridge.model import Batch
from bridge.runtime import Runtime
from bridge.transport import folder
from bridge.transport.folder import ManifestLine


def check_manifest(runtime: Runtime) -> None:
    """Raise IntegrityError where the outbox remembers a file that the database does not: then this is a restored backup."""
    lines = folder.manifest(runtime.settings.folder("outbox"))
    if not lines:
        return
    with runtime.reading() as session:
        known = {
            found: digest
            for found, digest in session.execute(select(Batch.message_id, Batch.sha256).where(Batch.manifest_no.is_not(None)))
        }
    ahead = [line.message_id for line in lines if known.get(line.message_id) != line.sha256]
    if ahead:
        raise IntegrityError(
            f"the outbox remembers {len(ahead)} file(s) that this database does not know as sent ({ahead[0]}); "
            "it is probably a restored backup: nothing is sent until the newer one is back"
        )


def manifest_line(session: Session, batch: Batch) -> ManifestLine:
    """The line that the manifest keeps of a file: ids and hashes only."""
    ids = sorted(collection.end_to_end_key for collection in files.members(session, batch))
    assert batch.manifest_no is not None
    return ManifestLine(batch.manifest_no, batch.message_id, batch.sha256, sha256("\n".join(ids).encode()).hexdigest())


def remember(runtime: Runtime, message_id: str) -> None:
    """Write a file that left into the manifest, where a crash kept its export from doing so. Raises UnknownName, Unavailable."""
    with runtime.reading() as session:
        batch = files.named(session, message_id)
        line = manifest_line(session, batch) if batch.manifest_no is not None else None
    if line is not None:
        folder.remember(runtime.settings.folder("outbox"), line)


def next_manifest_no(session: Session) -> int:
    return 1 + (session.scalar(select(func.max(Batch.manifest_no))) or 0)
