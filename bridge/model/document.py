"""Every byte that crossed the border: files sent and received, sealed in chunks, known by the hash of their plain bytes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from bridge.model.base import Base, one_of
from bridge.model.sealed import Sealed


class Document(Base):
    """A file. ``kind`` is pain.008, pain.002 or camt.05x; ``refused`` says why nothing of it was used, None if it was."""

    __tablename__ = "document"
    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    direction: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str]
    bytes: Mapped[int]
    chunks: Mapped[int]
    key_uid: Mapped[str]  # no foreign key: erasing a person is deleting the key, and the row stays
    refused: Mapped[str | None]
    actor: Mapped[str]
    recorded_at: Mapped[datetime]
    __table_args__ = (one_of("direction", ("sent", "received")),)


class DocumentChunk(Base):
    """At most 1 MiB of a document, sealed and bound to its hash, index and last flag."""

    __tablename__ = "document_chunk"
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[bytes] = mapped_column(Sealed)
