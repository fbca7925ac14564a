"""Take bank files from the inbox, keep every byte, book every line of a statement.

A file is removed from the inbox only after its bytes were stored and re-hashed; one that cannot be taken opens a Break and moves
to inbox/failed/ with the reason beside it. Whatever a file does, the others are read.
"""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from hashlib import sha256
from itertools import count
from pathlib import Path

from bridge import books, intake, shards
from bridge.books import BreakRow, Recorder
from bridge.errors import BadInput, BridgeError, IntegrityError, Unavailable
from bridge.model.identifiers import mask
from bridge.runtime import Runtime
from bridge.transport import folder

ACTOR = "receive"
BYTES_MAX = 200_000_000
NAME_BYTES_MAX = 200  # with "-99" and ".error.txt" it stays within the 255 of a file system
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30}", re.IGNORECASE)


def run(runtime: Runtime) -> dict[str, int]:
    """Empty the inbox, by name; a bad file never stops the good ones. Raises Unavailable (no inbox) and IntegrityError (ours).

    One worker at a time: of two who take files at once each must see the other's, and one reads his again; that took longer.
    """
    with shards.claimed(runtime, ACTOR) as ours:
        counts = _empty(runtime) if ours else Counter()
    return {name: counts[name] for name in ("stored", "known", "failed")}


def _empty(runtime: Runtime) -> Counter[str]:
    counts: Counter[str] = Counter()
    inbox = runtime.settings.folder("inbox")
    folder.usable(inbox)
    for path in sorted(inbox.iterdir()):
        if path.is_symlink() or not path.is_file() or path.name.startswith(".") or path.name.endswith(".part"):
            continue
        counts += _take(runtime, path)
    return counts


def _take(runtime: Runtime, path: Path) -> Counter[str]:
    """Take one file, and count its documents; "gone" where another process took it first."""
    body: bytes | None = b""
    counts: Counter[str] = Counter()
    try:
        body = _read(path)
        if body is None:
            return Counter(gone=1)
        for taken in intake.take_each(runtime, path.name, body, actor=ACTOR):
            counts[taken.result] += 1
        path.unlink(missing_ok=True)
    except (Unavailable, IntegrityError):  # it is not the file that is bad
        raise
    except Exception as problem:  # noqa: BLE001 - nobody knows all that a file can do, and one must not stop the others
        counts[_fail(runtime, path, body or b"", _reason(problem))] += 1
    return counts


def _read(path: Path) -> bytes | None:
    """The bytes of a file; None where it is there no more."""
    try:
        if path.stat().st_size > BYTES_MAX:
            raise BadInput(f"it is larger than {BYTES_MAX:,} bytes")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except PermissionError as problem:
        raise BadInput("it may not be read by this user; correct its rights and put it into the inbox again") from problem


def _reason(problem: Exception) -> str:
    """What a person is told. The words of an error that is not ours stay out: they may quote what stands in the file."""
    if isinstance(problem, BridgeError):
        return _masked(str(problem))
    if isinstance(problem, OSError) and problem.strerror:
        return f"it cannot be read or removed: {problem.strerror}"
    return f"it cannot be read ({type(problem).__name__})"


def _fail(runtime: Runtime, path: Path, body: bytes, why: str) -> str:
    """Open a Break for a file and set it aside; "failed", or "gone" where another process did."""
    name = _masked(intake.plain_name(path.name))
    subject = f"document:{sha256(body).hexdigest()}" if body else f"file:{name}"  # an empty one, or one never read
    found: BreakRow = ("BAD_FILE", subject, f"{name}: {why}", "look at inbox/failed")
    by = Recorder(ACTOR, runtime.clock())
    runtime.work(lambda session: books.open_breaks(session, [found], by, runtime.today()))
    return _set_aside(path, f"{name}: {why}")


def _set_aside(path: Path, why: str) -> str:
    """Move a file to failed/, beside it the reason. Where that is not possible it stays in the inbox and fails again."""
    failed = path.parent / "failed"
    try:
        failed.mkdir(exist_ok=True)
        if not stat.S_ISDIR(failed.lstat().st_mode):  # a link would lead out of the inbox
            return "failed"
        target, note = _free(failed, path.name, why)
    except OSError:
        return "failed"
    try:
        path.replace(target)
    except OSError as problem:
        note.unlink(missing_ok=True)
        return "gone" if isinstance(problem, FileNotFoundError) else "failed"
    return "failed"


def _free(failed: Path, name: str, why: str) -> tuple[Path, Path]:
    """Write the reason under a name that nothing has, not even a link; returns the path for the file, and that of the reason."""
    named = Path(name if len(os.fsencode(name)) <= NAME_BYTES_MAX else intake.plain_name(name)[:NAME_BYTES_MAX])
    for number in count(1):
        target = failed / (named.name if number == 1 else f"{named.stem}-{number}{named.suffix}")
        note = failed / f"{target.name}.error.txt"
        if os.path.lexists(target):
            continue
        try:
            opened = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(opened, "w", encoding="utf-8") as file:
            file.write(why + "\n")
        return target, note
    raise AssertionError("count has no end")


def _masked(words: str) -> str:
    return _IBAN.sub(lambda found: mask(found[0]), words)
