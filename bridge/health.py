"""What a monitoring system is told over HTTP: is the process alive, can the bridge work, and the metrics. The only door for
prometheus_client.

Nothing here migrates, declares or changes anything, and every answer is made anew from the database.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from bridge import custody, privileges, tasks
from bridge.errors import BridgeError, Unavailable, unforeseen
from bridge.reports import metrics
from bridge.runtime import Runtime, migrated
from bridge.transport import folder

PREFIX = "bridge_"
TEXT = "text/plain; charset=utf-8"
CLIENT_SECONDS = 10  # whoever is slower is hung up on

log = logging.getLogger("bridge")


def ready(runtime: Runtime) -> dict[str, str]:
    """What the bridge needs to work -> "ok", or a sentence that says what is wrong with it."""
    found = {"database": _asked(lambda: _workable(runtime))}
    if runtime.settings.broker.url:
        found["broker"] = _asked(lambda: tasks.reach(runtime.settings.broker))
    found["manifest"] = (
        _asked(lambda: custody.check_manifest(runtime)) if found["database"] == "ok" else "not looked at: see database"
    )
    for name in folder.USES:
        found[name] = _asked(partial(folder.there, runtime.settings.folder(name)))  # it may see the plant read-only
    return found


def exposition(runtime: Runtime) -> bytes:
    """The metrics in the text format of Prometheus. Raises ConfigError where the database is not migrated, or Unavailable."""
    migrated(runtime.engine)
    with runtime.reading() as session:
        gauges = metrics.build(session, runtime)
    registry = CollectorRegistry()
    registry.register(_Given(gauges))
    return generate_latest(registry)


def ask(host: str, port: int) -> dict[str, str]:
    """What the server there says of /readyz: part -> "ok". Raises Unavailable where it is not ready, or nobody answers."""
    connection = HTTPConnection(host, port, timeout=CLIENT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        status, body = answer.status, answer.read().decode()
    except (OSError, HTTPException, UnicodeDecodeError) as problem:
        raise Unavailable(f"nobody answers on port {port} of {host}; start it: bridge health --port {port}") from problem
    finally:
        connection.close()
    if status != HTTPStatus.OK:
        raise Unavailable("; ".join(line for line in body.splitlines() if not line.endswith(": ok")))
    return {part: said for part, _, said in (line.partition(": ") for line in body.splitlines())}


class Server(ThreadingHTTPServer):
    """Answers /healthz, /readyz and /metrics. Raises Unavailable where the port cannot be listened on."""

    def __init__(self, runtime: Runtime, host: str, port: int) -> None:
        self.runtime = runtime
        try:
            super().__init__((host, port), _Handler)
        except OSError as problem:
            raise Unavailable(f"port {port} of {host} cannot be listened on: {problem.strerror}; name another") from problem


class _Handler(BaseHTTPRequestHandler):
    server: Server
    server_version, sys_version = "bridge", ""
    timeout = CLIENT_SECONDS

    def do_GET(self) -> None:
        page = PAGES.get(urlsplit(self.path).path)
        status, kind, body = _page(page, self.server.runtime) if page else (HTTPStatus.NOT_FOUND, TEXT, _listed())
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Who asks is no news, and what he writes into a request belongs into no log."""


Answer = tuple[HTTPStatus, str, bytes]


def _healthz(_: Runtime) -> Answer:
    return HTTPStatus.OK, TEXT, b"alive\n"


def _readyz(runtime: Runtime) -> Answer:
    found = ready(runtime)
    status = HTTPStatus.OK if set(found.values()) == {"ok"} else HTTPStatus.SERVICE_UNAVAILABLE
    return status, TEXT, "".join(f"{part}: {said}\n" for part, said in found.items()).encode()


def _metrics(runtime: Runtime) -> Answer:
    return HTTPStatus.OK, CONTENT_TYPE_PLAIN_0_0_4, exposition(runtime)


PAGES: dict[str, Callable[[Runtime], Answer]] = {"/healthz": _healthz, "/readyz": _readyz, "/metrics": _metrics}


def _page(page: Callable[[Runtime], Answer], runtime: Runtime) -> Answer:
    """What a page answers; a refusal is 503 with its sentence, a bug 500 without any value."""
    try:
        return page(runtime)
    except BridgeError as refusal:
        return HTTPStatus.SERVICE_UNAVAILABLE, TEXT, f"{refusal}\n".encode()
    except Exception as problem:  # noqa: BLE001 - the last door: its message may quote a name or an IBAN
        log.error("health: %s", unforeseen(problem))  # noqa: TRY400 - a traceback would show values
        return HTTPStatus.INTERNAL_SERVER_ERROR, TEXT, f"{unforeseen(problem)}\n".encode()


def _listed() -> bytes:
    return f"there is {', '.join(PAGES)}\n".encode()


def _workable(runtime: Runtime) -> None:
    """As ``migrated``; ConfigError also where our role lacks a right, as after an upgrade without a grant."""
    migrated(runtime.engine)
    with runtime.engine.connect() as connection:
        privileges.require(connection)


def _asked(look: Callable[[], object]) -> str:
    try:
        look()
    except BridgeError as refusal:
        return str(refusal)
    return "ok"


class _Given(Collector):
    """Gauges as prometheus_client wants to be given them."""

    def __init__(self, gauges: list[metrics.Gauge]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for gauge in self._gauges:
            family = GaugeMetricFamily(PREFIX + gauge.name, gauge.what, labels=gauge.labels)
            for labels, value in sorted(gauge.samples.items()):
                family.add_metric(labels, value)
            yield family
