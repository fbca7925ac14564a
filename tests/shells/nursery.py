"""Commands that are forks of a process which has imported everything: what a start costs is paid once for all of them.

``python -m tests.shells.nursery`` takes orders as lines of JSON. ``{"words": [...], "output": path, "errors": path, "dies_at":
"", "held_at": "", "cwd": path, "environment": {...}}`` starts ``bridge WORDS`` and answers its process id; where ``dies_at``
names a fault point: a worker whose child is killed there, once; where ``held_at`` does: one that waits there, once, from a file
``held`` on until there is a file ``go``. ``{"ended": pid}`` answers its exit code, or null while it runs, and with
``wait`` when it has ended. It ends with whoever gave the orders, and everybody with it.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.testdata import ROOT


@dataclass(slots=True)
class Child:
    """A command that the nursery started; it leads a process group of its own."""

    pid: int
    code: int | None = None

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        if self.code is None:
            self.code = _order(ended=self.pid)
        return self.code

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


def start(words: list[str], output: Path, *, dies_at: str = "", held_at: str = "") -> Child:
    return Child(_order(words=words, output=str(output), errors=str(output), dies_at=dies_at, held_at=held_at))


def run(words: list[str], *, cwd: Path, environment: dict[str, str]) -> tuple[int, str, str]:
    """Run a command in this folder, told by exactly this environment; its exit code and what it said on stdout and stderr."""
    with TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        pid = _order(words=words, output=str(output), errors=str(errors), cwd=str(cwd), environment=environment)
        return _order(ended=pid, wait=True), output.read_text("utf-8"), errors.read_text("utf-8")


@cache
def _nursery() -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.shells.nursery"],
        cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    atexit.register(process.communicate)
    return process


def _order(**order: Any) -> Any:
    process = _nursery()
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


# --- the nursery itself


def main() -> None:
    from bridge import tasks  # noqa: F401 - imported before the forks, once
    from bridge.acts import declare  # noqa: F401
    from bridge.cli import main as commands  # noqa: F401

    alive: set[int] = set()
    try:
        for line in sys.stdin:
            order = json.loads(line)
            sys.stdout.write(json.dumps(_ended(alive, **order) if "ended" in order else _born(alive, order)) + "\n")
            sys.stdout.flush()
    finally:
        for pid in alive:
            os.killpg(pid, signal.SIGKILL)


def _ended(alive: set[int], ended: int, *, wait: bool = False) -> int | None:
    found, status = os.waitpid(ended, 0 if wait else os.WNOHANG)
    if not found:
        return None
    alive.remove(ended)
    return os.waitstatus_to_exitcode(status)


def _born(alive: set[int], order: dict[str, Any]) -> int:
    if pid := os.fork():
        os.setpgid(pid, pid)  # here and there: whoever comes first
        alive.add(pid)
        return pid
    code = 70
    try:
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for stream, path in ((1, order["output"]), (2, order["errors"])):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
        if "environment" in order:
            os.environ.clear()
            os.environ.update(order["environment"])
            os.chdir(order["cwd"])
        code = _run(order["words"], order.get("dies_at", ""), order.get("held_at", ""))
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 - nothing of the child may go on as the nursery
        traceback.print_exc()
    finally:
        os._exit(code)


def _run(words: list[str], dies_at: str, held_at: str) -> int:
    from bridge.cli.main import run

    if not dies_at and not held_at:
        return run(words)
    return _faulty_worker(Path(words[words.index("--config") + 1]).parent, dies_at, held_at)


def _faulty_worker(folder: Path, dies_at: str, held_at: str) -> int:
    """A worker as ``bridge worker`` starts it, but for one kill -9 of its child, or one halt, at a fault point of the product."""
    from bridge import tasks
    from bridge.runtime import Runtime
    from bridge.settings import load
    from tests.steps.place import LATER, Place

    def fault(name: str) -> None:
        died, held = folder / "died", folder / "held"
        if name == dies_at and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if name == held_at and not held.exists():
            held.touch()
            while not (folder / "go").exists():
                time.sleep(0.01)

    def opened() -> Runtime:
        return replace(Place(folder, now=LATER).runtime, fault=fault)

    return tasks.work(load(folder / "bridge.toml"), opened)


if __name__ == "__main__":
    main()
