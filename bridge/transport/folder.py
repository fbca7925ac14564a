"""The outbox and the inbox: folders beside bridge.toml.

A file appears under its name whole or not at all (temp file, fsync, rename, fsync of the folder). ``manifest.jsonl`` remembers
outside the database which files ever left: append-only and fsync'd, so that a restored backup can notice that it is too old.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from bridge.errors import IntegrityError, Unavailable

MANIFEST = "manifest.jsonl"
VOID = "void"
USES = {"inbox": "drop the bank's files in", "outbox": "put files for the bank in"}


@dataclass(frozen=True, slots=True)
class ManifestLine:
    """One exported file: its place in the row (1, 2, 3 ...), ids and hashes; no name, no IBAN, no amount."""

    sequence: int
    message_id: str
    sha256: str
    end_to_end_digest: str


def there(folder: Path) -> None:
    """Raise Unavailable for an inbox or outbox that is not there (a share that is not mounted), or that cannot be read."""
    if not folder.is_dir():
        raise Unavailable(f"{folder} is not there; bring it back or mount it, or make it to {USES[folder.name]}")
    _allowed(folder, os.R_OK | os.X_OK, "read")


def usable(folder: Path) -> None:
    """As ``there``; Unavailable also where we cannot write."""
    there(folder)
    _allowed(folder, os.W_OK, "write to")


def _allowed(folder: Path, what: int, words: str) -> None:
    if not os.access(folder, what):
        raise Unavailable(f"this user may not {words} {folder}; correct its rights")


def write(folder: Path, name: str, body: bytes, *, before_rename: Callable[[], None] = lambda: None) -> Path:
    """Put ``body`` under ``folder/name``; a file that stands there must have the same bytes.

    ``before_rename`` is called when the bytes are safe under another name. Raises IntegrityError or Unavailable.
    """
    target = folder / name
    if target.exists():
        if target.read_bytes() != body:
            raise IntegrityError(f"{target} was changed after it was written; move it away and export again")
        return target
    temporary = folder / f".{name}.{os.getpid()}.tmp"  # two processes may export at once
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        before_rename()
        temporary.replace(target)
        sync(folder)
    except OSError as problem:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise Unavailable(f"{target} could not be written: {problem.strerror}") from problem
    return target


def set_aside(folder: Path, name: str) -> None:
    """Move a discarded file to ``folder/void/``; may be repeated after a crash, also where it was never written.

    Raises IntegrityError where other bytes lie there under this name, Unavailable where it cannot be moved.
    """
    source, target = folder / name, folder / VOID / name
    try:
        target.parent.mkdir(exist_ok=True)
        if source.exists() and target.exists() and target.read_bytes() != source.read_bytes():
            raise IntegrityError(f"{target} has other bytes than {source}; move it away and look which one was sealed")
        with suppress(FileNotFoundError):  # it was never written, or another process moved it
            source.replace(target)
        sync(target.parent)
        sync(folder)
    except OSError as problem:
        raise Unavailable(f"{source} could not be moved to {target.parent}: {problem.strerror}") from problem


def remove(path: Path) -> None:
    """Delete a file for good; may be repeated after a crash. Raises Unavailable."""
    try:
        path.unlink(missing_ok=True)
        sync(path.parent)
    except OSError as problem:
        raise Unavailable(f"{path} could not be deleted: {problem.strerror}") from problem


def find(folder: Path, name: str) -> Path | None:
    """Where a file that left lies: in the folder, or else in ``void/``; None where it is in neither."""
    return next((path for path in (folder / name, folder / VOID / name) if path.is_file()), None)


def manifest(folder: Path) -> list[ManifestLine]:
    """Every line of the manifest. A torn last line (a crash while appending) is left out; any other is an IntegrityError.

    Raises Unavailable where it may not be read.
    """
    path = folder / MANIFEST
    try:
        if not path.exists():
            return []
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except OSError as problem:
        raise Unavailable(f"{path} cannot be read by this user: {problem.strerror}") from problem
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(ManifestLine(**json.loads(line)))
        except (ValueError, TypeError) as problem:
            if number == len(lines) and not line.endswith("\n"):
                break
            raise IntegrityError(f"{path} line {number} cannot be read; restore the file from your backup") from problem
    return found


def remember(folder: Path, line: ManifestLine) -> None:
    """Append a line unless the manifest already has it; one process at a time.

    Raises IntegrityError where the same file stands there otherwise, Unavailable where the line cannot be written.
    """
    path = folder / MANIFEST
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not _stands_there(path, line):
                _append(file, line)
        sync(folder)
    except OSError as problem:
        raise Unavailable(f"{path} could not be written: {problem.strerror}") from problem


def _stands_there(path: Path, line: ManifestLine) -> bool:
    for other in manifest(path.parent):
        if other.message_id == line.message_id or other.sequence == line.sequence:
            if other != line:
                raise IntegrityError(f"{path} already remembers {other.message_id} as number {other.sequence} with other bytes")
            return True
    return False


def _append(file: BinaryIO, line: ManifestLine) -> None:
    """Write one line at the end. What a crash left of a torn one goes first: its export repeats and writes it again."""
    file.seek(0)
    whole = file.read()
    if not whole.endswith(b"\n"):
        torn = whole.rpartition(b"\n")[2]
        if _reads(torn):
            file.write(b"\n")
        else:
            file.truncate(len(whole) - len(torn))
    file.write((json.dumps(asdict(line)) + "\n").encode())
    file.flush()
    os.fsync(file.fileno())


def _reads(line: bytes) -> bool:
    try:
        ManifestLine(**json.loads(line))
    except (ValueError, TypeError):
        return False
    return True


def sync(folder: Path) -> None:
    """Have the disk know which files a folder holds: without it a renamed file may be gone after a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
