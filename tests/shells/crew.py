"""Workers and beats of a plant as processes of their own, as an operator starts them; and what stands in the broker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from bridge import tasks
from bridge.settings import load
from bridge.steps import PIPELINE
from tests.shells.nursery import Child, start
from tests.steps.place import LATER
from tests.testdata import ROOT

PATIENCE_SECONDS = 40
SILENT_SECONDS = 0.3
CLOCK = ("--clock", LATER.isoformat())
UNACKED = "unacked"  # where kombu keeps what a worker took and has not finished


@dataclass(slots=True)
class Crew:
    """Everybody who works on the plant in ``folder``, whose bridge.toml names the broker ``url``."""

    folder: Path
    url: str
    started: list[tuple[Child | subprocess.Popen[bytes], Path]] = field(default_factory=list)

    def bridge(self, *words: str, dies_at: str = "", held_at: str = "") -> Child:
        """Start ``bridge WORDS`` for this plant; ``dies_at`` is where its child is killed, ``held_at`` where it waits, once."""
        output = self._output()
        child = start([*words, "--config", str(self.folder / "bridge.toml")], output, dies_at=dies_at, held_at=held_at)
        self.started.append((child, output))
        return child

    def service(self, *words: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start ``python -m bridge WORDS`` as a container would: in the plant's folder, told by its environment."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
        environment |= {"PYTHONPATH": str(ROOT), **variables}
        output = self._output()
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "bridge", *words],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append((process, output))
        return process

    def working(self) -> Child:
        """Start a worker at LATER and wait until it listens."""
        worker = self.bridge("worker", *CLOCK)
        self.wait_until_ready(worker)
        return worker

    def wait_until_ready(self, *workers: Child) -> None:
        self.wait_until(lambda: all(" ready." in self.said(one) for one in workers), "the workers listen")

    def said(self, process: Child | subprocess.Popen[bytes]) -> str:
        """What it printed so far."""
        return next(output for one, output in self.started if one is process).read_text(encoding="utf-8")

    def everything_said(self) -> str:
        return "\n".join(self.said(process) for process, _ in self.started)

    def code_of(self, process: Child | subprocess.Popen[bytes]) -> int:
        """The code it ends with."""
        self.wait_until(lambda: process.poll() is not None, "it ends")
        return int(process.poll() or 0)

    def kill(self, process: Child | subprocess.Popen[bytes]) -> None:
        """SIGKILL to the process and all its children, as a power cut would."""
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            self.code_of(process)

    def go_home(self) -> None:
        for process, _ in self.started:
            self.kill(process)

    def ring(self, *steps: str) -> None:
        """Ring these steps, or all, in the order of the pipeline."""
        app = tasks.client(load(self.folder / "bridge.toml"))
        for name in steps or PIPELINE:
            app.send_task(f"bridge.{name}")
        app.close()

    def _output(self) -> Path:
        path = self.folder / f"output-{len(self.started)}.txt"
        path.touch()
        return path

    @contextmanager
    def inside_a_step(self) -> Iterator[None]:
        """Ring ``ingest``; while this is open a worker is in the midst of it: its logs come through a pipe, at the end."""
        logs = self.folder / "plant-1.jsonl"
        body = logs.read_bytes()
        logs.unlink()
        os.mkfifo(logs)
        self.ring("ingest")
        with suppress(BrokenPipeError), os.fdopen(self._once_read(logs), "wb") as pipe:
            logs.unlink()
            logs.write_bytes(body)  # what is read after this step is a file again
            yield
            pipe.write(body)

    def _once_read(self, pipe: Path) -> int:
        """The writing end of a pipe, once somebody reads the other one."""
        found: list[int] = []

        def is_read() -> bool:
            with suppress(OSError):
                found.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
            return bool(found)

        self.wait_until(is_read, "a worker reads the logs")
        os.set_blocking(found[0], True)
        return found[0]

    def waiting(self) -> dict[str, int]:
        """Step -> messages that nobody has taken yet, where there are any."""
        with closing(redis.Redis.from_url(self.url)) as client:
            found = {name: client.llen(f"bridge.{name}") for name in PIPELINE}
        return {name: count for name, count in found.items() if count}

    def taken(self) -> int:
        """How many messages are being worked on."""
        with closing(redis.Redis.from_url(self.url)) as client:
            return int(client.hlen(UNACKED))

    def messages(self) -> list[dict[str, Any]]:
        """The messages that wait, as they are stored; the body decoded."""
        with closing(redis.Redis.from_url(self.url)) as client:
            raw = [one for name in PIPELINE for one in client.lrange(f"bridge.{name}", 0, -1)]
        found = [json.loads(one) for one in raw]
        return [{**one, "body": json.loads(b64decode(one["body"]))} for one in found]

    def wait_until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for something that the processes bring about."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s: {what}\n{self.everything_said()}"
            time.sleep(0.05)

    def wait_for_silence(self) -> None:
        """Until no message waits and none is worked on, for a while: on its way from the one to the other it is in neither."""
        busy_at = time.monotonic()

        def silent() -> bool:
            nonlocal busy_at
            if self.waiting() or self.taken():
                busy_at = time.monotonic()
            return time.monotonic() - busy_at > SILENT_SECONDS

        self.wait_until(silent, "the broker is empty")


@contextmanager
def crew(folder: Path, url: str, **broker: int) -> Iterator[Crew]:
    """A crew on the plant in ``folder``; nobody of it is left afterwards."""
    values = {"processes": 1, **broker}
    with (folder / "bridge.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[broker]\nurl = "{url}"\n' + "".join(f"{name} = {value}\n" for name, value in values.items()))
    found = Crew(folder, url)
    try:
        yield found
    finally:
        found.go_home()
