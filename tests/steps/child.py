"""Runs steps in processes of their own, to be killed or to race: ``python -m tests.steps.child``, a line of JSON each.

One process imports everything and opens nothing; it stays as long as the tests do, and learns only what SQLAlchemy compiled on
the way of a job that was to ``warm`` it. Each question is answered by a fork of it, in the environment of the test that asks.
Each job is a fork of that one, those of one group at the same time. A job that names a fault point, or a number of statements,
ends there by SIGKILL, as a power cut would. One that names a point to ``meet`` at waits there for the others of its group, at
most MEET_SECONDS: who holds the whole database waits in vain.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from threading import Timer
from typing import Any

from tests.testdata import ROOT

SECONDS_MAX = 300
MEET_SECONDS = {"sqlite": 0.3, "postgresql": 20.0}


def run_jobs(*groups: list[dict[str, Any]], warm: dict[str, Any] | None = None) -> list[list[dict[str, Any]]]:
    """Run the groups one after the other, the jobs of a group at once; returns {"code", "said"} for each; code -9: killed.

    ``warm`` is a job that the first process does itself, so that what is loaded and compiled on the way is there in each fork.
    """
    process = _first()
    assert process.stdin is not None
    assert process.stdout is not None
    late = Timer(SECONDS_MAX, process.kill)
    late.start()
    try:
        process.stdin.write(json.dumps({"environment": dict(os.environ), "warm": warm, "groups": groups}) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline() or "{}")
    finally:
        late.cancel()
    assert answer.get("code") == 0, (answer, process.poll())
    found: list[list[dict[str, Any]]] = answer["said"]
    return found


@cache
def _first() -> subprocess.Popen[str]:
    """The process that all jobs are forks of; it ends with its input, so with us, however we end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.steps.child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    atexit.register(process.communicate)
    return process


def job(folder: Path, action: str, now: datetime, **more: Any) -> dict[str, Any]:
    """One job: "run", or steps as "batch+handover", or an act: "export ID", "approve ID NAME", "take PATH", "discard ID"
    (Ben's statement that it was not uploaded), "people" (all that tests/chaos/people.py says they do), "rotate", "forget".

    ``fault=point`` ends it there by SIGKILL, or with ``victim=pid`` another process; the file ``kills`` says that it was done.
    ``isolation=level``: units of work see each other as PostgreSQL's weaker levels let them.

    ``meet=(point, how many)`` lets it wait there, without claims, which spare others the way; it then says {"did": ..., "met":
    whether all came}. ``count=True``: it says
    for each statement it sent, in their order, whether that was a commit.
    """
    return {"folder": str(folder), "action": action, "now": now.isoformat(), **more}


def main() -> None:
    from bridge import runtime
    from tests import engines
    from tests.steps import place  # noqa: F401 - imported before the forks, once

    runtime.create_engine = engines.open_alike
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["warm"]:
            _work(asked["warm"], 0)
        gc.collect()
        gc.freeze()
        json.dump(_result(*_fork(partial(_answers, asked))), sys.stdout)
        sys.stdout.write("\n")
        sys.stdout.flush()


def _answers(asked: dict[str, Any]) -> list[list[dict[str, Any]]]:
    os.environ.clear()
    os.environ.update(asked["environment"])
    answers = []
    for group in asked["groups"]:
        start = time.monotonic() + (0.05 if len(group) > 1 else 0)
        running = [_fork(partial(_work, one, start)) for one in group]
        answers.append([_result(pid, pipe) for pid, pipe in running])
    return answers


def _fork(work: Callable[[], Any]) -> tuple[int, int]:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    os.close(reader)
    try:
        said = work()
        code = 0
    except Exception as problem:  # noqa: BLE001 - the parent judges it
        said, code = f"{type(problem).__name__}: {problem}", 1
    with os.fdopen(writer, "w") as pipe:
        json.dump(said, pipe)
    os._exit(code)


def _result(pid: int, reader: int) -> dict[str, Any]:
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    return {"code": os.waitstatus_to_exitcode(status), "said": json.loads(said) if said else None}


def _work(one: dict[str, Any], start: float) -> Any:
    from bridge import runtime, shards
    from tests.steps.place import Place

    place = Place(Path(one["folder"]), now=datetime.fromisoformat(one["now"]))
    if "file_bytes_max" in one:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (one["file_bytes_max"], one["file_bytes_max"]))
    sent = _watch(place.runtime.engine, one.get("statement"))
    met: list[bool] = []

    def fault(name: str) -> None:
        if name == one.get("fault"):
            _strike(place.folder / "kills", name, one.get("victim") or os.getpid())
        if "meet" in one and name == one["meet"][0] and not met:
            met.append(_meet(place.folder / "meeting", one["meet"][1], MEET_SECONDS[place.runtime.engine.dialect.name]))

    if "meet" in one:
        shards.claimed = lambda *_: nullcontext(True)  # type: ignore[assignment]  # who finds a part claimed comes nowhere
    time.sleep(max(0.0, start - time.monotonic()))
    if "isolation" in one:
        runtime.LEVELS.update(dict.fromkeys(runtime.LEVELS, one["isolation"]))
    engine = place.runtime.engine.execution_options(**({"isolation_level": one["isolation"]} if "isolation" in one else {}))
    did = _act(replace(place.runtime, fault=fault, engine=engine), one["action"])
    place.runtime.engine.dispose()
    if "count" in one:
        return sent
    return {"did": did, "met": met == [True]} if "meet" in one else did


def _strike(note: Path, point: str, victim: int) -> None:
    """Kill it, once in a place; the note says that it happened, and where."""
    if not note.exists():
        note.write_text(f"{point}: kill -9\n", encoding="utf-8")
        os.kill(victim, signal.SIGKILL)


def _meet(folder: Path, count: int, seconds: float) -> bool:
    """Wait until so many are here; False where they did not come in time."""
    folder.mkdir(exist_ok=True)
    (folder / str(os.getpid())).touch()
    deadline = time.monotonic() + seconds
    while len(list(folder.iterdir())) < count:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def _act(runtime: Any, action: str) -> Any:
    from bridge import intake
    from bridge.acts import approve, discard, keys
    from bridge.steps import PIPELINE, handover

    what, *words = action.split()
    if what == "export":
        return str(handover.export(runtime, actor="anna", message_id=words[0]))
    if what == "approve":
        return approve.run(runtime, words[1], words[0]).missing
    if what == "discard":
        return discard.run(runtime, "ben", words[0], "no portal", not_uploaded=True).missing
    if what == "people":
        from tests.chaos import people

        return people.think_again(runtime)
    if what == "rotate":
        return keys.rotate(runtime, "olga").resealed
    if what == "forget":
        return keys.forget(runtime, "olga")
    if what == "take":
        return intake.take(runtime, Path(words[0]).name, Path(words[0]).read_bytes(), actor="anna").message
    names = list(PIPELINE) if what == "run" else what.split("+")
    return {name: PIPELINE[name][0](runtime) for name in names}


def _watch(engine: Any, fatal: int | None) -> list[bool]:
    """Notes statements and commits as they are sent, a commit as True; the ``fatal``-th, from 1 on, is never sent."""
    from sqlalchemy import event

    sent: list[bool] = []

    def before(commit: bool) -> None:
        sent.append(commit)
        if len(sent) == fatal:
            _die()

    event.listen(engine, "before_cursor_execute", lambda *_: before(commit=False))
    event.listen(engine, "commit", lambda _: before(commit=True))
    return sent


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
