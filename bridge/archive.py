"""The keeper of bytes: stores every file that crossed the border once, sealed in chunks, and gives it back byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from io import BytesIO

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
    body: bytes,
    *,
    direction: str,
    kind: str,
    name: str,
    actor: str,
    at: datetime,
    refused: str | None = None,
) -> Document:
    """Store a file that is not known yet; returns its row. The bytes are read back and hashed before this returns."""
    digest = sha256(body).hexdigest()
    key, key_row = keys.new_key()
    session.add(key_row)
    pieces = [body[start : start + CHUNK_BYTES] for start in range(0, len(body), CHUNK_BYTES)] or [b""]
    document = Document(
        sha256=digest,
        direction=direction,
        kind=kind,
        name=name,
        bytes=len(body),
        chunks=len(pieces),
        key_uid=key.uid,
        refused=refused,
        actor=actor,
        recorded_at=at,
    )
    session.add(document)
    session.flush()
    last = len(pieces) - 1
    session.execute(
        insert(DocumentChunk),
        [
            {"document_id": document.id, "ordinal": n, "body": seal_bytes(key, chunk_place(digest, n, last=n == last), piece)}
            for n, piece in enumerate(pieces)
        ],
    )
    fetch(session, keys, document)
    return document


def fetch(session: Session, keys: Keyring, document: Document) -> bytes:
    """The bytes of a document. Raises IntegrityError where they are not those that were stored."""
    body = b"".join(_chunks(session, keys, document))
    if sha256(body).hexdigest() != document.sha256 or len(body) != document.bytes:
        raise IntegrityError(f"document {document.sha256[:12]} does not hash to what was stored; restore it from your backup")
    return body


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
