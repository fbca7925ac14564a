"""Runs steps in processes of their own, to be killed or to race: ``python -m tests.steps.child``, jobs as JSON on stdin.

The first process imports everything and opens nothing; each job is a fork of it, those of one group at the same time. A job that
names a fault point, or a number of statements, ends there by SIGKILL, as a power cut would.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.testdata import ROOT

SECONDS_MAX = 120


def run_jobs(*groups: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Run the groups one after the other, the jobs of a group at once; returns {"code", "said"} for each; code -9: killed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.steps.child"],
        input=json.dumps(groups),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[list[dict[str, Any]]] = json.loads(done.stdout)
    return found


def job(folder: Path, action: str, now: datetime, **more: Any) -> dict[str, Any]:
    """One job: a step of the pipeline, "run" for all of them, "count" for the number of statements of a run, "export ID",
    "discard ID" (Ben's statement that it was not uploaded)."""
    return {"folder": str(folder), "action": action, "now": now.isoformat(), **more}


def main() -> None:
    from bridge.steps import PIPELINE  # noqa: F401 - imported before the forks, once

    answers = []
    for group in json.load(sys.stdin):
        start = time.monotonic() + (0.05 if len(group) > 1 else 0)
        running = [_fork(one, start) for one in group]
        answers.append([_result(pid, pipe) for pid, pipe in running])
    json.dump(answers, sys.stdout)


def _fork(one: dict[str, Any], start: float) -> tuple[int, int]:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    os.close(reader)
    try:
        said = _work(one, start)
        code = 0
    except Exception as problem:  # noqa: BLE001 - the parent judges it
        said, code = f"{type(problem).__name__}: {problem}", 1
    os.write(writer, json.dumps(said).encode())
    os._exit(code)


def _result(pid: int, reader: int) -> dict[str, Any]:
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    return {"code": os.waitstatus_to_exitcode(status), "said": json.loads(said) if said else None}


def _work(one: dict[str, Any], start: float) -> Any:
    from tests.steps.place import Place

    place = Place(Path(one["folder"]), now=datetime.fromisoformat(one["now"]))
    if "file_bytes_max" in one:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (one["file_bytes_max"], one["file_bytes_max"]))
    counted = _count_statements(place.runtime.engine, one.get("statement"))
    runtime = replace(place.runtime, fault=lambda name: _die() if name == one.get("fault") else None)
    time.sleep(max(0.0, start - time.monotonic()))
    return _act(runtime, one["action"]) if one["action"] != "count" else (_act(runtime, "run"), counted[0])[1]


def _act(runtime: Any, action: str) -> Any:
    from bridge.acts import discard
    from bridge.steps import PIPELINE, handover

    if action.startswith("discard "):
        return discard.run(runtime, "ben", action.split()[1], "no portal", not_uploaded=True).missing
    if action.startswith("export "):
        return str(handover.export(runtime, actor="anna", message_id=action.split()[1]))
    names = list(PIPELINE) if action == "run" else [action]
    return {name: PIPELINE[name][0](runtime) for name in names}


def _count_statements(engine: Any, fatal: int | None) -> list[int]:
    """Counts statements and commits; the ``fatal``-th is never sent."""
    from sqlalchemy import event

    counted = [0]

    def before(*_: Any) -> None:
        counted[0] += 1
        if counted[0] == fatal:
            _die()

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "commit", before)
    return counted


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
