"""Tells Sentry of bugs and OpenTelemetry of turns, where bridge.toml names them. The only door for sentry_sdk and opentelemetry.

What is told is written down here word by word: types of exceptions, places in code, the step, its outcome and counts. No message
of an exception and no value of a variable is ever looked at: either may be a name or an IBAN. Nothing of either library is set up
for the whole process, so that neither listens to logs, requests, queries or Celery.
"""

from __future__ import annotations

import logging
import os
import secrets
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from bridge.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from sentry_sdk import Client
    from sentry_sdk.types import Event

SECONDS_MAX = 3  # a turn waits so long at most for who listens
BILLION = 1_000_000_000
#: all that leaves of an event; the library adds a machine's name, its packages and more
EVENT = ("event_id", "timestamp", "platform", "level", "release", "exception", "tags")
#: nothing is collected; send_default_pii is off by itself, and to say so is deprecated
OFF: dict[str, Any] = {
    "default_integrations": False,
    "auto_enabling_integrations": False,
    "auto_session_tracking": False,
    "send_client_reports": False,
    "include_local_variables": False,
    "include_source_context": False,
    "max_breadcrumbs": 0,
    "max_request_body_size": "never",
}

log = logging.getLogger("bridge")


@dataclass(frozen=True, slots=True)
class Turn:
    """How a turn of a step ended; ``problem`` is what nobody foresaw, None where it ended otherwise."""

    step: str
    outcome: str
    started_at: datetime
    finished_at: datetime
    counts: Mapping[str, int]
    problem: BaseException | None


def teller(*, sentry_dsn: str, otlp_endpoint: str) -> Callable[[Turn], None]:
    """What is to be called at the end of each turn; it never raises. Raises ConfigError where a library is missing."""
    for wanted, module, extra in ((sentry_dsn, "sentry_sdk", "sentry"), (otlp_endpoint, "opentelemetry.sdk", "telemetry")):
        if wanted and not _installed(module):
            raise ConfigError(f"[telemetry] needs a library that is missing: pip install 'sdd-bridge[{extra}]'")

    def tell(turn: Turn) -> None:
        try:
            if sentry_dsn and turn.problem is not None:
                _report(sentry_dsn, turn.step, turn.problem)
            if otlp_endpoint:
                _trace(otlp_endpoint, turn)
        except Exception as problem:  # noqa: BLE001 - who listens is no part of the work
            log.warning("%s: how its turn ended could not be told (%s)", turn.step, type(problem).__name__)

    return tell


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package that it is in
        return False


def _report(dsn: str, step: str, problem: BaseException) -> None:
    client = _sentry(dsn, os.getpid())
    client.capture_event(
        {
            "level": "error",
            "release": _release(),
            "tags": {"step": step},
            "exception": {"values": [_discreet(one) for one in reversed(list(_causes(problem)))]},
        }
    )
    client.flush(SECONDS_MAX)


def _causes(problem: BaseException) -> Iterator[BaseException]:
    """The exception, what caused it, and so on; each once."""
    seen: set[int] = set()
    one: BaseException | None = problem
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


def _discreet(problem: BaseException) -> dict[str, Any]:
    """Type and places of an exception."""
    frames = [
        {"module": frame.f_globals.get("__name__", ""), "function": frame.f_code.co_name, "lineno": line}
        for frame, line in traceback.walk_tb(problem.__traceback__)
    ]
    return {"type": type(problem).__name__, "module": type(problem).__module__, "stacktrace": {"frames": frames}}


@cache
def _sentry(dsn: str, process: int) -> Client:  # noqa: ARG001 - a forked process opens its own
    from sentry_sdk import Client

    return Client(dsn=dsn, release=_release(), before_send=_only, shutdown_timeout=SECONDS_MAX, **OFF)


def _only(event: Event, _: Any) -> Event:
    return {name: value for name, value in event.items() if name in EVENT}  # type: ignore[return-value]


def _trace(endpoint: str, turn: Turn) -> None:
    """One span, at once: a process of a worker may be gone before anything that waits is sent. Raises OSError."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExportResult
    from opentelemetry.trace import SpanContext

    counts = {f"bridge.counts.{name}": count for name, count in turn.counts.items()}
    span = ReadableSpan(
        name=turn.step,
        context=SpanContext(1 + secrets.randbits(127), 1 + secrets.randbits(63), is_remote=False),
        resource=Resource({"service.name": "bridge", "service.version": _release()}),
        attributes={"bridge.outcome": turn.outcome, **counts},
        start_time=_nanoseconds(turn.started_at),
        end_time=_nanoseconds(turn.finished_at),
    )
    if _exporter(endpoint, os.getpid()).export([span]) is not SpanExportResult.SUCCESS:
        raise ConnectionError


@cache
def _exporter(endpoint: str, process: int) -> OTLPSpanExporter:  # noqa: ARG001 - a forked process opens its own
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # its failures are said in one line of ours
    return OTLPSpanExporter(endpoint=endpoint, timeout=SECONDS_MAX)


def _nanoseconds(at: datetime) -> int:
    return int(at.replace(microsecond=0).timestamp()) * BILLION + at.microsecond * 1_000


def _release() -> str:
    return version("sdd-bridge")
