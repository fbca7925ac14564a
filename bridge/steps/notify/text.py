"""What a debtor reads: a template of templates/notices/ in his language, filled in. One beside bridge.toml replaces it."""

from __future__ import annotations

from datetime import date
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import format_datetime
from hashlib import sha256
from string import Template
from typing import NamedTuple

from bridge import resources
from bridge.errors import ConfigError
from bridge.runtime import Runtime

FIRST_LINES = ("Betreff:", "Subject:")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip


class Facts(NamedTuple):
    """What a notice says, by the names of the template; money and dates as numbers, because each language writes them its way."""

    number: str
    amount_cents: int
    due_on: date
    first: date
    last: date
    account: str
    mandate_id: str
    creditor_id: str
    creditor: str
    language: str


def written(runtime: Runtime, facts: Facts) -> tuple[str, str]:
    """Subject and text. Raises ConfigError for a template that names what is not there, or has no subject."""
    name = f"templates/notices/{facts.language}.txt"
    own = runtime.settings.home / name
    path = own if own.exists() else resources.path(name)
    words = {
        **facts._asdict(),
        "amount": money(facts.amount_cents, facts.language),
        **{field: day(getattr(facts, field), facts.language) for field in ("due_on", "first", "last")},
    }
    try:
        filled = Template(path.read_text(encoding="utf-8")).substitute(words)
    except (KeyError, ValueError) as problem:
        raise ConfigError(f"{path}: {problem} is no field of a notice; known are {', '.join(sorted(words))}") from None
    head, _, body = filled.partition("\n")
    subject = next((head.removeprefix(word).strip() for word in FIRST_LINES if head.startswith(word)), "")
    if not subject:
        raise ConfigError(f"{path}: the first line must be the subject: 'Subject: ...'")
    return subject, body.strip() + "\n"


def mail(runtime: Runtime, facts: Facts, *, name: str, recipient: str, sender: str) -> bytes:
    """The exact bytes of the mail. ``name`` and the text make its Message-ID, so that a second sending is the same mail."""
    subject, body = written(runtime, facts)
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, recipient, subject
    message["Date"] = format_datetime(runtime.clock().astimezone(runtime.zone))
    message["Message-ID"] = f"<{name}.{sha256(body.encode()).hexdigest()[:16]}@{sender.rpartition('@')[2].rstrip('>')}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body, cte="quoted-printable")  # every server takes ASCII
    return message.as_bytes(policy=SMTP)


def recipient(mail: bytes) -> str:
    """To whom a stored mail goes."""
    return str(message_from_bytes(mail, policy=default)["To"])


def letter(runtime: Runtime, facts: Facts, *, address: str) -> bytes:
    """A letter to be printed: the address for the window of the envelope, the subject, the text."""
    subject, body = written(runtime, facts)
    return f"{facts.creditor}\n\n\n{address}\n\n\n{day(runtime.today(), facts.language)}\n\n{subject}\n\n{body}".encode()


def money(cents: int, language: str) -> str:
    """1.284,30 EUR in German, EUR 1,284.30 in English."""
    plain = f"{cents // 100:,}.{cents % 100:02d}"
    return f"{plain.translate(str.maketrans(',.', '.,'))} EUR" if language == "de" else f"EUR {plain}"


def day(value: date, language: str) -> str:
    """1.12.2026 in German; 1 December 2026 in English, which nobody takes for January."""
    if language == "de":
        return f"{value.day}.{value.month}.{value.year}"
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def shown(recipient: str) -> str:
    """A recipient as people see it in lists: a…@example.com."""
    name, at, host = recipient.rpartition("@")
    return f"{name[:1]}…@{host}" if at else "…"
