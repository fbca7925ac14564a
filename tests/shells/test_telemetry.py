"""What Sentry and OpenTelemetry are told, as it arrives at a real HTTP server: where it went wrong and how much, never who."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bridge import tasks
from bridge.errors import ConfigError
from bridge.runtime import Runtime, TurnOver, build
from bridge.settings import load
from tests.servers.valkey import free_port
from tests.steps.place import DEBTOR_IBAN, Bill, Place, mandate_line

NAME = "Debtor 1 GmbH"


@dataclass
class Listener:
    """A server on a port of this machine, and the bodies that came, by path."""

    port: int = 0
    came: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def section(self) -> str:
        """What bridge.toml says of it."""
        here = f"127.0.0.1:{self.port}"
        return f'[telemetry]\nsentry_dsn = "http://public@{here}/1"\notlp_endpoint = "http://{here}/v1/traces"\n'

    def events(self) -> list[dict[str, Any]]:
        """What Sentry was told: the last line of each envelope."""
        return [json.loads(body.splitlines()[-1]) for path, body in self.came if path == "/api/1/envelope/"]

    def spans(self) -> list[dict[str, Any]]:
        """What OpenTelemetry was told: names and attributes."""
        found = [ExportTraceServiceRequest.FromString(body) for path, body in self.came if path == "/v1/traces"]
        spans = [
            span for one in found for resource in one.resource_spans for scope in resource.scope_spans for span in scope.spans
        ]
        return [
            {"name": one.name, **{said.key: said.value.string_value or said.value.int_value for said in one.attributes}}
            for one in spans
        ]


@contextmanager
def listening() -> Iterator[Listener]:
    """A listener that is gone afterwards."""
    found = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.came.append((self.path, gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.port = server.server_port
        Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


def told(folder: Path, section: str) -> Runtime:
    """A place with a debtor and an invoice of his, whose bridge.toml names who listens."""
    place = Place(folder)
    place.mandates(mandate_line(1))
    place.bill(Bill(1))
    with (folder / "bridge.toml").open("a") as file:
        file.write(section)
    return place.open()


def broken(_: str) -> None:
    """A step that stumbles over a debtor: in its message, in what caused it, and in a variable."""
    who = f"{NAME} {DEBTOR_IBAN}"
    try:
        raise KeyError(who)
    except KeyError as problem:
        raise ValueError(f"cannot debit {who}") from problem


def test_a_bug_is_told_without_its_words(tmp_path: Path) -> None:
    """Types, functions and lines, the step and the release; no message, variable, machine or person in any byte that arrived."""
    with listening() as listener:
        runtime = told(tmp_path, listener.section)
        tasks.run("ingest", lambda: replace(runtime, progress=broken, fault=broken), lambda: None)

    assert [path for path, _ in listener.came] == ["/api/1/envelope/", "/v1/traces"]
    [event] = listener.events()
    assert set(event) <= {"event_id", "timestamp", "platform", "level", "release", "exception", "tags"}
    assert (event["tags"], event["release"]) == ({"step": "ingest"}, version("sdd-bridge"))
    cause, problem = event["exception"]["values"]
    assert (cause["type"], problem["type"]) == ("KeyError", "ValueError")
    frames = problem["stacktrace"]["frames"]
    assert {tuple(sorted(one)) for one in frames} == {("function", "lineno", "module")}
    assert (frames[-1]["module"], frames[-1]["function"]) == (__name__, "broken")
    assert listener.spans() == [{"name": "ingest", "bridge.outcome": "bug"}]
    raw = b" ".join(body for _, body in listener.came)
    words = (NAME, DEBTOR_IBAN, DEBTOR_IBAN[-10:], "cannot debit", "GmbH", str(tmp_path))
    assert [word for word in words if word.encode() in raw] == []


def test_a_turn_is_one_span(tmp_path: Path) -> None:
    """With its outcome and counts and nothing else; a refusal and a turn that gives way are no bug."""

    def giving_way(_: str) -> None:
        raise TurnOver

    def refusing(_: str) -> None:
        raise ConfigError(f"{NAME} has a wrong {DEBTOR_IBAN}")

    with listening() as listener:
        runtime = told(tmp_path, listener.section)
        for stumbles in (giving_way, refusing):
            tasks.run("ingest", lambda stumbles=stumbles: replace(runtime, progress=stumbles, fault=stumbles), lambda: None)
        tasks.run("ingest", lambda: runtime, lambda: None)

    more, refused, done = listener.spans()
    assert (more, refused) == ({"name": "ingest", "bridge.outcome": "more"}, {"name": "ingest", "bridge.outcome": "refused"})
    assert (done["bridge.outcome"], done["bridge.counts.logs"], done["bridge.counts.invoices"]) == ("done", 1, 1)
    assert listener.events() == []
    assert [one for _, one in listener.came if NAME.encode() in one or DEBTOR_IBAN.encode() in one] == []


def test_who_does_not_listen_costs_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A turn is what it is, whoever listens; one sentence says that nobody did."""
    runtime = told(tmp_path, f'[telemetry]\notlp_endpoint = "http://127.0.0.1:{free_port()}/v1/traces"\n')
    tasks.run("ingest", lambda: runtime, lambda: None)

    assert [one.message for one in caplog.records if one.levelname == "WARNING"] == [
        "ingest: how its turn ended could not be told (ConnectionError)"
    ]


def test_nothing_is_loaded_where_nobody_listens(tmp_path: Path) -> None:
    """Without [telemetry] neither library is asked for."""
    place = Place(tmp_path)

    assert place.runtime.tell is None


@pytest.mark.parametrize(
    ("module", "name", "extra"), [("sentry_sdk", "sentry_dsn", "sentry"), ("opentelemetry.sdk", "otlp_endpoint", "telemetry")]
)
def test_a_missing_library_is_named(module: str, name: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start is refused with what to install."""
    Place(tmp_path)
    monkeypatch.setenv(f"BRIDGE_TELEMETRY__{name.upper()}", "https://public@sentry.example/1")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=rf"pip install 'sdd-bridge\[{extra}\]'"):
        build(tmp_path / "bridge.toml")


def test_its_addresses_are_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read from a file, shown by no repr, and not repeated by a refusal."""
    Place(tmp_path)
    (tmp_path / "dsn").write_text("https://topsecret@sentry.example/1\n")
    monkeypatch.setenv("BRIDGE_TELEMETRY__SENTRY_DSN_FILE", str(tmp_path / "dsn"))
    found = load(tmp_path / "bridge.toml")
    (tmp_path / "dsn").write_text("topsecret@sentry\n")
    with pytest.raises(ConfigError, match="this is no address") as refused:
        load(tmp_path / "bridge.toml")

    assert found.telemetry.sentry_dsn == "https://topsecret@sentry.example/1"
    assert "topsecret" not in f"{found!r} {refused.value}"
