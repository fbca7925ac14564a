"""A real SMTP server (aiosmtpd) on a port of its own, that keeps what it takes and refuses whom it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller

from tests.servers.valkey import free_port


@dataclass
class Server:
    """What came in, and what the server says to a recipient: "550 no such user", "451 later"."""

    port: int = 0
    mails: list[tuple[str, EmailMessage]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    says: dict[str, str] = field(default_factory=dict)

    async def handle_RCPT(self, _: Any, __: Any, envelope: Any, address: str, ___: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if address in self.says:
            return self.says[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: Any, __: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        message = message_from_bytes(envelope.content, _class=EmailMessage, policy=default)
        self.raw.append(envelope.original_content)
        self.mails += [(address, message) for address in envelope.rcpt_tos]
        return "250 OK"


@contextmanager
def running() -> Iterator[Server]:
    """A server that is stopped afterwards."""
    server = Server(free_port())
    controller = Controller(server, hostname="127.0.0.1", port=server.port)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
