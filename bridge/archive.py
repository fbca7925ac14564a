"""The keeper of bytes: stores every file that crossed the border once, sealed in chunks, and gives it back byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import BinaryIO

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from bridge.errors import IntegrityError
from bridge.model import DataKey, Document, DocumentChunk
from bridge.model.sealed import Key, Keyring, chunk_place, seal_bytes, unseal_bytes

CHUNK_BYTES = 1 << 20


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
    """The key a document and the texts read from it are sealed under. Raises IntegrityError where it was deleted."""
    row = session.get(DataKey, document.key_uid)
    if row is None:
        raise IntegrityError(f"the key of document {document.sha256[:12]} was deleted; its bytes cannot be read any more")
    return keys.unwrap(row)


def _chunks(session: Session, keys: Keyring, document: Document) -> Iterator[bytes]:
    key = key_of(session, keys, document)
    chunks = session.scalars(
        select(DocumentChunk).where(DocumentChunk.document_id == document.id).order_by(DocumentChunk.ordinal)
    )
    count = 0
    for chunk in chunks:
        yield unseal_bytes(
            key, chunk_place(document.sha256, chunk.ordinal, last=chunk.ordinal == document.chunks - 1), chunk.body
        )
        count += 1
    if count != document.chunks:
        raise IntegrityError(f"document {document.sha256[:12]} has {count} of {document.chunks} chunks")
