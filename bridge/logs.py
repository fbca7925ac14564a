"""What is written to stderr: lines for people, or one JSON object a line. The only door for structlog.

Through the standard logging, so that what Celery says looks alike. An exception is said by type and place, never by its values:
they may be a name or an IBAN. As a last net every valid IBAN is cut down to its ends, wherever it came from.
"""

from __future__ import annotations

import logging
import re
import secrets
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import structlog
from structlog.typing import EventDict

from bridge.errors import place_of

#: who may say more than warnings
TALK = ("bridge", "celery.apps.worker", "celery.beat", "celery.worker.consumer.connection")
#: the logger of Celery's pool: a killed process of a worker is told by it
POOL = "multiprocessing"
#: what a line of JSON has beside timestamp, level, logger, event, step and run
EXTRA = ("counts", "seconds")
IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}\b")


def set_up(form: str, level: int = logging.INFO) -> None:
    """Write to stderr from now on, as "text" or as "json"."""
    handler = logging.StreamHandler()
    handler.setFormatter(json_lines() if form == "json" else Discreet("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in TALK:
        logging.getLogger(name).setLevel(level)
    pool = logging.getLogger(POOL)  # it hands nothing on; without a handler of its own Python would print its words bare
    pool.handlers, pool.propagate = [handler], False
    logging.captureWarnings(form == "json")  # a warning of Python would be a line that is no JSON


def turn(step: str) -> AbstractContextManager[object]:
    """Around a turn of a step: every line said in it names the step and the turn."""
    return structlog.contextvars.bound_contextvars(step=step, run=secrets.token_hex(6))


class Discreet(logging.Formatter):
    """Lines for people: type and place of an exception, never its values."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and one more for an exception."""
        own = logging.makeLogRecord(
            record.__dict__
        )  # what another formatter left in it is forgotten, and it gets nothing of ours
        own.msg, own.args, own.exc_text = _without_values(record.getMessage(), _exception(record.exc_info)), (), None
        return masked(super().format(own))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging prescribes the name
        return f"  {_said(ei[1])}"

    def formatStack(self, stack_info: str) -> str:  # noqa: N802, ARG002
        return ""


def json_lines() -> logging.Formatter:
    """The formatter for machines."""
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.ExtraAdder(allow=EXTRA),
            _shaped,
            structlog.processors.JSONRenderer(ensure_ascii=False),
            _masked,
        ]
    )


def masked(words: str) -> str:
    """The words, each valid IBAN in them cut down to its ends: DE89…3000."""
    return IBAN.sub(lambda found: f"{found[0][:4]}…{found[0][-4:]}" if _is_iban(found[0]) else found[0], words)


def _is_iban(word: str) -> bool:
    """Whether its check digits are right (ISO 7064, MOD 97-10); an id of ours that only looks like one stays readable."""
    return int("".join(str(int(letter, 36)) for letter in word[4:] + word[:4])) % 97 == 1


def _shaped(_: object, __: str, told: EventDict) -> EventDict:
    """The fields in their order; of an exception type and place."""
    record, problem = told.pop("_record"), _exception(told.pop("exc_info", None))
    del told["_from_structlog"]
    told.pop("stack_info", None)
    line: EventDict = {
        "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": _without_values(str(told.pop("event")), problem),
        **told,
    }
    return line if problem is None else {**line, "exception": _said(problem)}


def _masked(_: object, __: str, line: Any) -> str:
    return masked(line)


def _exception(exc_info: Any) -> BaseException | None:
    return exc_info[1] if isinstance(exc_info, tuple) else None


def _said(problem: BaseException | None) -> str:
    return f"{type(problem).__name__} at {place_of(problem)}" if problem is not None else "nothing"


def _without_values(message: str, problem: BaseException | None) -> str:
    """A message that quotes the exception it is about (Celery's do), with its type instead."""
    for words in filter(None, (repr(problem), str(problem))) if problem is not None else ():
        message = message.replace(words, type(problem).__name__)
    return message
