"""``python -m tests.shells.dying_worker FOLDER POINT``: a worker whose child dies by SIGKILL, once, at a named fault point."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from bridge import tasks
from bridge.runtime import Runtime
from bridge.settings import load
from tests.steps.place import LATER, Place


def main() -> None:
    folder, point = Path(sys.argv[1]), sys.argv[2]

    def fault(name: str) -> None:
        died = folder / "died"
        if name == point and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def opened() -> Runtime:
        return replace(Place(folder, now=LATER).runtime, fault=fault)

    sys.exit(tasks.work(load(folder / "bridge.toml"), opened))


if __name__ == "__main__":
    main()
