"""Mail by SMTP: one connection for many messages, the server's word on each."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from bridge.errors import BadInput, Unavailable
from bridge.settings import Smtp

TIMEOUT_SECONDS = 30
AWAY = "the mail server went away; the next run sends what is left"


class Mailer:
    """An open connection. After a crash a message may be sent twice, with the same Message-ID: mail readers show it once."""

    def __init__(self, connection: smtplib.SMTP) -> None:
        self._connection = connection

    def send(self, sender: str, recipient: str, message: bytes) -> None:
        """Hand over one message. Raises BadInput where the server refuses it for good, Unavailable where it may take it later."""
        try:
            self._connection.sendmail(sender, [recipient], message)
        except smtplib.SMTPRecipientsRefused as problem:
            [(code, _)] = problem.recipients.values()
            self._refused(code, "the recipient")
        except smtplib.SMTPResponseException as problem:
            self._refused(problem.smtp_code, "the message")
        except (OSError, smtplib.SMTPException) as problem:
            raise Unavailable(
                f"the mail server went away ({type(problem).__name__}); the next run sends what is left"
            ) from problem

    def _refused(self, code: int, what: str) -> None:
        """A server's words may hold the address; its code says enough (RFC 5321: 4xx later, 5xx never)."""
        try:
            self._connection.rset()
        except (OSError, smtplib.SMTPException) as problem:
            raise Unavailable(AWAY) from problem
        if 400 <= code < 500:
            raise Unavailable(f"the mail server takes {what} later (code {code})")
        raise BadInput(f"the mail server refused {what} (code {code})")


@contextmanager
def connected(settings: Smtp) -> Iterator[Mailer]:
    """A connection to the server of [smtp]. Raises Unavailable where there is none, or it does not let us in."""
    kind = smtplib.SMTP_SSL if settings.security == "tls" else smtplib.SMTP
    try:
        connection = kind(settings.host, settings.port, timeout=TIMEOUT_SECONDS)
        if settings.security == "starttls":
            connection.starttls(context=ssl.create_default_context())
        if settings.user:
            connection.login(settings.user, settings.password)
    except (OSError, smtplib.SMTPException) as problem:
        # without a cause: what a server says to a login may repeat it
        said = type(problem).__name__
        raise Unavailable(
            f"the mail server {settings.host}:{settings.port} does not let us in ({said}); nothing was sent"
        ) from None
    try:
        yield Mailer(connection)
    finally:
        try:
            connection.quit()
        except (OSError, smtplib.SMTPException):
            connection.close()
