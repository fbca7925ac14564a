"""Take bank files from the inbox, keep every byte, book every line of a statement.

A file is removed from the inbox only after its bytes were stored and re-hashed; one that cannot be stored moves to inbox/failed/
with the reason beside it.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bridge import intake
from bridge.errors import BadInput
from bridge.runtime import Runtime

ACTOR = "receive"
BYTES_MAX = 200_000_000


def run(runtime: Runtime) -> dict[str, int]:
    """Empty the inbox, by name; a bad file never stops the good ones."""
    counts: Counter[str] = Counter()
    inbox = runtime.settings.folder("inbox")
    for path in sorted(inbox.iterdir()) if inbox.is_dir() else ():
        if path.is_symlink() or not path.is_file() or path.name.startswith(".") or path.name.endswith(".part"):
            continue
        counts[_take(runtime, path)] += 1
    return {name: counts[name] for name in ("stored", "known", "failed")}


def _take(runtime: Runtime, path: Path) -> str:
    """Take one file; "gone" where another process took it first."""
    try:
        taken = intake.take(runtime, path.name, _read(path), actor=ACTOR)
    except FileNotFoundError:
        return "gone"
    except BadInput as problem:
        return _set_aside(path, str(problem))
    path.unlink(missing_ok=True)
    return taken.result


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > BYTES_MAX:
            raise BadInput(f"{path.name} is larger than {BYTES_MAX:,} bytes")
        return path.read_bytes()
    except PermissionError as problem:
        raise BadInput(
            f"{path.name} may not be read by this user; correct its rights and put it into the inbox again"
        ) from problem


def _set_aside(path: Path, why: str) -> str:
    failed = path.parent / "failed"
    failed.mkdir(exist_ok=True)
    target, number = failed / path.name, 1
    while target.exists():
        number += 1
        target = failed / f"{path.stem}-{number}{path.suffix}"
    try:
        path.replace(target)
    except FileNotFoundError:
        return "gone"
    (failed / f"{target.name}.error.txt").write_text(why + "\n", encoding="utf-8")
    return "failed"
