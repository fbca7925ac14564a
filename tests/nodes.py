"""Real servers for tests: anvil on a free port, and a small HTTP server that answers what a test says."""

from __future__ import annotations

import json
import platform
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
ANVIL_CHAIN_ID = 31337
START_SECONDS = 20
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@contextmanager
def anvil(*options: str, slots_in_an_epoch: int = 1, chain_id: int = ANVIL_CHAIN_ID) -> Iterator[str]:
    """A fresh anvil; gives its URL and ends it afterwards. ``finalized`` is the head less two epochs, ``safe`` less one.

    It mines a block for every call unless the options say ``--no-mining``.
    """
    command = [str(_program()), "--host", "127.0.0.1", "--port", "0"]
    command += ["--chain-id", str(chain_id), "--slots-in-an-epoch", str(slots_in_an_epoch)]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([*command, *options], stdout=output, stderr=subprocess.STDOUT)
        try:
            yield f"http://{_listening(process, output)}"
        finally:
            process.terminate()
            process.wait(START_SECONDS)


@contextmanager
def answering(reply: Callable[[Any], bytes], *, status: int = 200, headers: Mapping[str, str] | None = None) -> Iterator[str]:
    """An HTTP server in a thread that gives each JSON-RPC request to ``reply`` and sends back its bytes as they are."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = reply(request)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def results(by_method: Mapping[str, Any]) -> Callable[[dict[str, Any]], bytes]:
    """A ``reply`` with the right JSON-RPC id: a result by method; a callable gets the params; an exception's text is an error."""

    def reply(request: dict[str, Any]) -> bytes:
        result = by_method[request["method"]]
        if callable(result):
            result = result(request["params"])
        if isinstance(result, Exception):
            return json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32000, "message": str(result)}}).encode()
        return json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}).encode()

    return reply


@contextmanager
def lying(url: str, lie: Callable[[str, Any], Any]) -> Iterator[str]:
    """A proxy in front of a node: ``lie(method, result)`` takes the place of each result; takes batches as the node does."""

    def reply(request: Any) -> bytes:
        body = json.dumps(request).encode()
        asked = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked) as answer:
            answers = json.load(answer)
        many = isinstance(request, list)
        methods = {one["id"]: one["method"] for one in (request if many else [request])}
        for one in answers if many else [answers]:
            if "result" in one:
                one["result"] = lie(methods[one["id"]], one["result"])
        return json.dumps(answers).encode()

    with answering(reply) as address:
        yield address


def _program() -> Path:
    system, machine = platform.system().lower(), ARCHITECTURES[platform.machine().lower()]
    program = ROOT / ".node" / "node_modules" / "@foundry-rs" / f"anvil-{system}-{machine}" / "bin" / "anvil"
    if not program.exists():
        raise FileNotFoundError("anvil is not installed; run: python contracts/build.py --install")
    return program


def _listening(process: subprocess.Popen[bytes], output: IO[bytes]) -> str:
    deadline = time.monotonic() + START_SECONDS
    said = ""
    while time.monotonic() < deadline and process.poll() is None:
        output.seek(0)
        said = output.read().decode(errors="replace")
        _, found, rest = said.partition("Listening on ")
        if found and "\n" in rest:
            return rest.split("\n", 1)[0].strip()
        time.sleep(0.02)
    raise RuntimeError(f"anvil did not start: {said}")
