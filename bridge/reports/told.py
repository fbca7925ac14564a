"""Notices for a screen: what was sent to whom and when, what must be sent, and the exact words of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import archive
from bridge.errors import UnknownName
from bridge.model import Collection, Document, Notice
from bridge.runtime import Runtime


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """A notice; the recipient is masked, the words stand in the document of this SHA-256."""

    end_to_end_id: str
    amount_cents: int
    due_on: date
    channel: str
    recipient: str
    state: str
    sent_at: datetime | None
    reason: str
    sha256: str


def notices(session: Session) -> list[NoticeLine]:
    """All notices, oldest first."""
    rows = session.execute(
        select(Notice, Collection.end_to_end_id, Document.sha256)
        .join(Collection, Collection.id == Notice.collection_id)
        .join(Document, Document.id == Notice.document_id)
        .order_by(Notice.id)
    )
    return [
        NoticeLine(name, row.amount_cents, row.due_on, row.channel, row.shown, row.state, row.sent_at, row.reason, sha256)
        for row, name, sha256 in rows
    ]


def words(session: Session, runtime: Runtime, name: str) -> str:
    """The newest notice of a debit, word for word. Raises UnknownName."""
    document = session.scalar(
        select(Document)
        .join(Notice, Notice.document_id == Document.id)
        .join(Collection, Collection.id == Notice.collection_id)
        .where(Collection.end_to_end_key == name.upper())
        .order_by(Notice.id.desc())
        .limit(1)
    )
    if document is None:
        raise UnknownName(f"no notice of {name!r} is written; 'bridge notify list' shows them")
    body = archive.fetch(session, runtime.keys, document)
    if not body.startswith(b"From: "):
        return body.decode()
    mail = message_from_bytes(body, _class=EmailMessage, policy=default)
    words = str(mail.get_content()).replace("\r\n", "\n")
    return f"To: {mail['To']}\nDate: {mail['Date']}\nSubject: {mail['Subject']}\n\n{words}"
