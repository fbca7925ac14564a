"""The keeper of bytes: stores every file that crossed the border once, sealed in chunks, and gives it back byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import date, datetime
from hashlib import sha256
from io import BytesIO
from itertools import groupby
from typing import BinaryIO

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from bridge import rows
from bridge.errors import BridgeError, IntegrityError, NotAllowed
from bridge.model import Audit, DataKey, Document, DocumentChunk
from bridge.model.sealed import Key, Keyring, chunk_place, seal_bytes, unseal_bytes

#: the act that a line of the audit trail names for each file whose key we deleted
DESTRUCTION = "document destroy"
CHUNK_BYTES = 1 << 20
DOCUMENTS_AT_ONCE, CHUNKS_AT_ONCE = 200, 8


def known(session: Session, sha256_hex: str) -> Document | None:
    """The document with this hash, if it was ever stored."""
    return session.scalar(select(Document).where(Document.sha256 == sha256_hex))


def keep(
    session: Session,
    keys: Keyring,
    body: bytes | BinaryIO,
    *,
    direction: str,
    kind: str,
    name: str,
    actor: str,
    at: datetime,
    refused: str | None = None,
) -> Document:
    """Store a file that is not known yet; returns its row. The bytes are read back and hashed before this returns.

    ``body`` may be an open file: then no more than a chunk of it is in memory at a time.
    """
    file = BytesIO(body) if isinstance(body, bytes) else body
    digest, size = hash_of(file)
    count = max(1, -(-size // CHUNK_BYTES))
    key, key_row = keys.new_key()
    session.add(key_row)
    document = Document(
        sha256=digest,
        direction=direction,
        kind=kind,
        name=name,
        bytes=size,
        chunks=count,
        key_uid=key.uid,
        refused=refused,
        actor=actor,
        recorded_at=at,
    )
    session.add(document)
    session.flush()
    file.seek(0)
    for ordinal in range(count):
        sealed = seal_bytes(key, chunk_place(digest, ordinal, last=ordinal == count - 1), file.read(CHUNK_BYTES))
        session.execute(insert(DocumentChunk), {"document_id": document.id, "ordinal": ordinal, "body": sealed})
    _verify(document, _chunks(session, keys, document))
    return document


def hash_of(file: BinaryIO) -> tuple[str, int]:
    """SHA-256 and size of an open file, read from its beginning."""
    file.seek(0)
    digest, size = sha256(), 0
    while piece := file.read(CHUNK_BYTES):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


def fetch(session: Session, keys: Keyring, document: Document) -> bytes:
    """The bytes of a document. Raises IntegrityError where they are not those that were stored."""
    pieces = list(_chunks(session, keys, document))
    _verify(document, pieces)
    return b"".join(pieces)


def named(document: Document) -> str:
    """How the audit trail and Breaks name a file."""
    return f"document:{document.sha256}"


def destroyed(session: Session) -> dict[str, date]:
    """The files that were destroyed, as ``named``, and when (UTC)."""
    noted = select(Audit.object, Audit.recorded_at).where(Audit.act == DESTRUCTION, Audit.object.startswith("document:"))
    return {name: at.date() for name, at in session.execute(noted)}


def faults(session: Session, keys: Keyring) -> Iterator[str]:
    """What is wrong with the stored bytes of each document, all of them read; some chunks are in memory at a time.

    Of one that was destroyed nothing can be read, and that is right; a key that is there all the same is not.
    """
    last, gone = 0, destroyed(session)
    while some := session.scalars(
        select(Document).where(Document.id > last).order_by(Document.id).limit(DOCUMENTS_AT_ONCE)
    ).all():
        chunks = select(DocumentChunk).where(DocumentChunk.document_id.between(some[0].id, some[-1].id))
        in_order = chunks.order_by(DocumentChunk.document_id, DocumentChunk.ordinal).execution_options(yield_per=CHUNKS_AT_ONCE)
        known_keys = rows.sought(session, select(DataKey), DataKey.uid, [document.key_uid for document in some])
        wrapped = {row.uid: row for (row,) in known_keys}
        with closing(session.scalars(in_order)) as found:
            for document, own in _beside(some, found):
                if (on := gone.get(named(document))) is not None:
                    if document.key_uid in wrapped:
                        yield f"document {document.sha256[:12]} was destroyed on {on}, but its key is there"
                    continue
                try:
                    _verify(document, _opened(_unwrapped(keys, document, wrapped.get(document.key_uid)), document, own))
                except BridgeError as problem:
                    yield str(problem)
        last = some[-1].id


def _beside(documents: Iterable[Document], chunks: Iterable[DocumentChunk]) -> Iterator[tuple[Document, Iterable[DocumentChunk]]]:
    """Each document with its chunks; both come in the order of documents, and a document may have lost all of its own."""
    groups = groupby(chunks, key=lambda chunk: chunk.document_id)
    nothing: tuple[int, Iterator[DocumentChunk]] = (0, iter(()))
    number, own = next(groups, nothing)
    for document in documents:
        if number == document.id:
            yield document, own
            number, own = next(groups, nothing)
        else:
            yield document, ()


def _verify(document: Document, pieces: Iterable[bytes]) -> None:
    digest, size = sha256(), 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
    if digest.hexdigest() != document.sha256 or size != document.bytes:
        raise IntegrityError(f"document {document.sha256[:12]} does not hash to what was stored; restore it from your backup")


def stream(session: Session, keys: Keyring, document: Document) -> BytesIO:
    return BytesIO(fetch(session, keys, document))


def key_of(session: Session, keys: Keyring, document: Document) -> Key:
    """The key a document and the texts read from it are sealed under.

    Raises NotAllowed where it was destroyed, with the date, and IntegrityError where it was deleted otherwise.
    """
    row = session.get(DataKey, document.key_uid)
    if row is None:
        noted = select(Audit.recorded_at).where(Audit.act == DESTRUCTION, Audit.object == named(document)).limit(1)
        if (at := session.scalar(noted)) is not None:
            raise NotAllowed(f"document {document.sha256[:12]} was destroyed on {at.date()}: its retention was over")
    return _unwrapped(keys, document, row)


def _unwrapped(keys: Keyring, document: Document, row: DataKey | None) -> Key:
    if row is None:
        raise IntegrityError(f"the key of document {document.sha256[:12]} was deleted; its bytes cannot be read any more")
    return keys.unwrap(row)


def _chunks(session: Session, keys: Keyring, document: Document) -> Iterator[bytes]:
    chunks = select(DocumentChunk).where(DocumentChunk.document_id == document.id).order_by(DocumentChunk.ordinal)
    return _opened(key_of(session, keys, document), document, session.scalars(chunks))


def _opened(key: Key, document: Document, chunks: Iterable[DocumentChunk]) -> Iterator[bytes]:
    """The bytes of each chunk. Raises IntegrityError where some are missing or are not those that were sealed."""
    count = 0
    for chunk in chunks:
        yield unseal_bytes(
            key, chunk_place(document.sha256, chunk.ordinal, last=chunk.ordinal == document.chunks - 1), chunk.body
        )
        count += 1
    if count != document.chunks:
        raise IntegrityError(f"document {document.sha256[:12]} has {count} of {document.chunks} chunks")
