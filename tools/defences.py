"""Switch off each defence of tests/defences.toml in a copy of the tree: the test that guards it must turn red.

    python tools/defences.py [--green] [WORD]     all of them, or those whose test, file or reason has the word

``--green`` says that every test is known to pass as it is, so that only the changed tree is tried: CI has just run them all. An
entry is {test, file, find, replace, why}: ``find`` stands exactly once in ``file``. Exit 4 if a test stays green (nothing
guards it), if it is red without the change (it proves nothing), or if ``find`` is not there any more.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
ENTRIES = ROOT / "tests" / "defences.toml"
KEYS = {"test", "file", "find", "replace", "why"}
COPIED = ("bridge", "tests", "templates", "migrations", "contracts", "docs", "pyproject.toml")
LINKED = (".venv", ".node")
SECONDS = 120


class Defence(NamedTuple):
    """One line of code that protects something, and the test that would miss it."""

    test: str
    file: str
    find: str
    replace: str
    why: str


def main() -> int:
    """Print one line per defence; 0 if every test turned red."""
    word = next((argument for argument in sys.argv[1:] if argument != "--green"), "")
    known_green = "--green" in sys.argv[1:]
    wanted = [d for d in load() if any(word in text for text in (d.test, d.file, d.why))]
    started = time.monotonic()
    width = max((len(d.test) for d in wanted), default=0)
    held = 0
    with ThreadPoolExecutor(max_workers=2) as workers:
        for defence, verdict in zip(wanted, workers.map(partial(judge, known_green=known_green), wanted), strict=True):
            print(f"{verdict:<28} {defence.test:<{width}}  {defence.why}", flush=True)
            held += verdict == "red"
    print(f"{held} of {len(wanted)} defences are guarded by a test ({time.monotonic() - started:.0f} s)")
    return 0 if held == len(wanted) and wanted else 4


def load() -> list[Defence]:
    """The entries of tests/defences.toml, each with exactly its five keys."""
    entries = tomllib.loads(ENTRIES.read_text(encoding="utf-8"))["defence"]
    wrong = [str(entry.get("test", entry)) for entry in entries if set(entry) != KEYS]
    if wrong:
        raise SystemExit(f"{ENTRIES.name}: an entry has {sorted(KEYS)}; not so: {', '.join(wrong)}")
    return [Defence(**entry) for entry in entries]


def judge(defence: Defence, *, known_green: bool) -> str:
    """``red`` if the test passes as it is and fails without the defence; otherwise what is wrong, in a word or two."""
    with tempfile.TemporaryDirectory(prefix="defence-") as folder:
        tree = Path(folder) / "project"
        copy_tree(tree)
        file = tree / defence.file
        text = file.read_text(encoding="utf-8")
        if text.count(defence.find) != 1:
            return f"NOT THERE ({text.count(defence.find)} times)"
        if not known_green and run(tree, defence.test) != 0:
            return "RED WITHOUT THE CHANGE"
        file.write_text(text.replace(defence.find, defence.replace), encoding="utf-8")
        return {0: "GREEN: NOTHING GUARDS IT", 1: "red"}.get(run(tree, defence.test), "TEST DID NOT RUN")


def copy_tree(target: Path) -> None:
    """A copy that can be changed; packages are linked."""
    target.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, target / name)
    for name in LINKED:
        if (ROOT / name).exists():
            (target / name).symlink_to(ROOT / name)


def run(tree: Path, test: str) -> int:
    """pytest's exit code for one test in that tree: 0 passed, 1 failed, anything else did not run."""
    vectors = (ROOT / os.environ.get("BRIDGE_TESTDATA", "../shared")).resolve()
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "BRIDGE_TESTDATA": str(vectors)}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test]
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return 1  # a defence against something endless is missed by never coming back
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
