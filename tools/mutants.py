"""Change the rules, the books and the formats in one small place at a time: a test must turn red each time.

    python tools/mutants.py [FILE...] [--survivors] [--fresh]

All of bridge/rules, bridge/formats and bridge/books.py, or only these files. A run that was stopped goes on where it was;
``--survivors`` runs only what survived last time, after tests were added; ``--fresh`` forgets what was found before. Works on a
copy of the tree, with the lowest priority. A mutant that survives needs a line with its reason in docs/mutants.md. Exit 4 if one
has none, or if a line names a mutant that is dead or is none. Writes build/mutants.json.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import mutations
from defences import ROOT, copy_tree

RESULT = ROOT / "build" / "mutants.json"
REASONS = ROOT / "docs" / "mutants.md"
WORKER = Path(__file__).with_name("mutants_worker.py")
TARGETS = ("bridge/rules/*.py", "bridge/formats/*.py", "bridge/books.py")
#: the tests that must notice; what only a longer journey would notice counts as survived, because a rule is proved beside itself
TESTS: dict[str, tuple[str, ...]] = {
    "bridge/books.py": ("tests/books", "tests/bank_news/test_stories.py"),
    "bridge/formats/": ("tests/formats",),
    "bridge/rules/": ("tests/rules",),
}
KEPT_EVERY = 20
ALIVE = ("survived", "no test")

Found = dict[str, str]  # mutant -> verdict


def main() -> int:
    asked = arguments()
    os.nice(19)
    files = asked.files or sorted(str(path.relative_to(ROOT)) for pattern in TARGETS for path in ROOT.glob(pattern))
    known = {} if asked.fresh else read()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder) / "project"
        copy_tree(tree)
        for file in files:
            known[file] = hunt(tree, file, known, survivors=asked.survivors)
            write(known)
    return report({file: known[file]["found"] for file in files}, reasons(REASONS.read_text("utf-8")))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Mutants of the rules, the books and the formats, and which tests miss them.")
    parser.add_argument("files", nargs="*", help="only these, such as bridge/rules/calendar.py")
    parser.add_argument("--survivors", action="store_true", help="run again only what survived last time")
    parser.add_argument("--fresh", action="store_true", help="forget what was found before")
    return parser.parse_args()


def called(file: str) -> str:
    return file.removeprefix("bridge/")


def tests_of(file: str) -> tuple[str, ...]:
    return next(tests for start, tests in TESTS.items() if file.startswith(start))


# ---- running -------------------------------------------------------------------------------------------------------------------


def hunt(tree: Path, file: str, known: dict[str, Any], *, survivors: bool) -> dict[str, Any]:
    """The verdict of every mutant of a file; what is known of the same code and the same tests is not run again."""
    names = [mutant.name for mutant in mutations.of(called(file), (tree / file).read_text("utf-8"))]
    key = fingerprint(tree, file)
    before: Found = known.get(file, {}).get("found", {})
    if survivors:
        found = {name: verdict for name, verdict in before.items() if verdict not in ALIVE and name in names}
    else:
        found = dict(before) if known.get(file, {}).get("key") == key else {}
    missing = [name for name in names if name not in found]
    started = time.monotonic()
    for at, (name, verdict) in enumerate(verdicts(tree, file, missing), 1):
        found[name] = verdict
        if at % KEPT_EVERY == 0:
            print(f"  {file}: {at} of {len(missing)}, {time.monotonic() - started:.0f} s", file=sys.stderr)
            write({**known, file: {"key": key, "found": found}})
    return {"key": key, "found": {name: found[name] for name in names}}


def verdicts(tree: Path, file: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """One worker for one file, and its answers as they come."""
    if not names:
        return
    vectors = (ROOT / os.environ.get("BRIDGE_TESTDATA", "../shared")).resolve()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
    environment |= {"BRIDGE_TESTDATA": str(vectors), "HYPOTHESIS_PROFILE": "mutants"}
    worker = subprocess.Popen(
        [sys.executable, str(WORKER)], cwd=tree, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    json.dump({"file": file, "called": called(file), "tests": tests_of(file), "names": names}, worker.stdin)
    worker.stdin.close()
    for line in worker.stdout:
        answer = json.loads(line)
        yield answer["name"], answer["verdict"]
    if worker.wait() != 0:
        raise SystemExit(f"mutants: the worker for {file} failed")


def fingerprint(tree: Path, file: str) -> str:
    """The code that is changed, the tests that look, and how it is done."""
    sources = [tree / file, WORKER, Path(mutations.__file__)]
    for test in tests_of(file):
        sources += sorted((tree / test).rglob("*.py")) if (tree / test).is_dir() else [tree / test]
    return sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def read() -> dict[str, Any]:
    if not RESULT.exists():
        return {}
    found: dict[str, Any] = json.loads(RESULT.read_text("utf-8"))
    return found


def write(known: dict[str, Any]) -> None:
    RESULT.parent.mkdir(exist_ok=True)
    fresh = RESULT.with_suffix(".new")
    fresh.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
    fresh.replace(RESULT)


# ---- judging -------------------------------------------------------------------------------------------------------------------


def report(found: dict[str, Found], judged: dict[str, str]) -> int:
    """Print the score of each file and what nobody judged; 0 where every survivor has its reason and no reason is stale."""
    alive = {name for verdicts_of in found.values() for name, verdict in verdicts_of.items() if verdict in ALIVE}
    print(f"{'file':<36} {'mutants':>7} {'killed':>7} {'judged':>7} {'not judged':>10}")
    for file, verdicts_of in found.items():
        names = set(verdicts_of)
        survived = names & alive
        counts = len(names), len(names - alive), len(survived & set(judged)), len(survived - set(judged))
        print(f"{file:<36} {counts[0]:>7} {counts[1]:>7} {counts[2]:>7} {counts[3]:>10}")
    total, killed = sum(map(len, found.values())), sum(len(set(names) - alive) for names in found.values())
    print(f"{killed} of {total} mutants are killed ({100 * killed // max(1, total)} of 100)")
    open_ones = [name for verdicts_of in found.values() for name in verdicts_of if name in alive and name not in judged]
    for name in open_ones:
        print(f"NOT JUDGED: {name}")
    stale = [name for name in judged if name.partition(" ")[0] in map(called, found) and name not in alive]
    for name in stale:
        print(f"STALE, {'it is dead' if any(name in names for names in found.values()) else 'there is none'}: {name}")
    return 4 if open_ones or stale else 0


def reasons(page: str) -> dict[str, str]:
    """Mutant -> why it may live, from the lines of docs/mutants.md: "* `name`, `name`: reason" below "## rules/calendar.py"."""
    found: dict[str, str] = {}
    section = ""
    for number, line in enumerate(page.splitlines(), 1):
        if line.startswith("## "):
            section = line[3:].strip()
        elif line.startswith("* "):
            listed = re.fullmatch(r"\* ((?:`[^`]+`(?:, )?)+): (\S.*)", line)
            if listed is None:
                raise SystemExit(f"{REASONS.name}, line {number}: not of the form * `name`, `name`: reason")
            found |= {f"{section} {name}": listed[2] for name in re.findall(r"`([^`]+)`", listed[1])}
    return found


if __name__ == "__main__":
    sys.exit(main())
