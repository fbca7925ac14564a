"""A worker of Celery is halted at a point of its step; one of the crew, or its broker, gets kill -9, and is replaced."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.servers.valkey import free_port, valkey
from tests.shells.crew import CLOCK, Crew, crew
from tests.steps.place import Place

LAST = "plant-1-000004-1"  # its file is the last one that a whole pass hands over


@dataclass(slots=True)
class Broker:
    """A Valkey that writes down what it is told, to be killed and started again on the same port."""

    folder: Path
    port: int
    running: ExitStack

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        where = ("--port", str(self.port), "--dir", str(self.folder))
        self.running.enter_context(valkey(*where, "--appendonly", "yes", "--appendfsync", "always"))

    def kill(self) -> None:
        with closing(redis.Redis.from_url(self.url)) as client:
            pid = client.info("server")["process_id"]
        os.kill(int(pid), signal.SIGKILL)


def strike(place: Place, point: str, victim: str) -> None:
    """Let beat ring and a worker work; who dies while the worker is at that point is replaced, and the pass is finished."""
    with ExitStack() as running, _crew(place, running) as (people, broker):
        worker, beat = people.bridge("worker", *CLOCK, held_at=point), people.bridge("beat")
        people.wait_until((place.folder / "held").exists, f"a worker comes to {point!r}")
        if victim == "a worker":
            people.kill(worker)
            people.bridge("worker", *CLOCK)
        elif victim == "beat":
            people.kill(beat)
            people.bridge("beat")
        else:
            broker.kill()
            if victim == "Redis with what it kept":
                shutil.rmtree(broker.folder)
            broker.start()
        (place.folder / "kills").write_text(f"{point}: kill -9\n", "utf-8")
        (place.folder / "go").touch()
        people.wait_until(lambda: _through(place), "what waited is done")
    place.runtime.engine.dispose()


@contextmanager
def _crew(place: Place, running: ExitStack) -> Iterator[tuple[Crew, Broker]]:
    broker = Broker(place.folder / "valkey", free_port(), running)
    broker.start()
    with crew(place.folder, broker.url, ring_seconds=1, step_seconds_max=20) as people:
        yield people, broker


def _through(place: Place) -> bool:
    """Whether the inbox is empty and the last file handed over."""
    return not list((place.folder / "inbox").glob("*.xml")) and place.states().get(LAST) == "submitted"
