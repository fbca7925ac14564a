"""A copy of the database in one file, while everybody goes on working: whole under its name, or not there.

SQLite by its online backup, PostgreSQL by pg_dump. Names and IBANs in it stay sealed; the keys and the outbox are not in it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from bridge.errors import ConfigError, IntegrityError, Unavailable
from bridge.transport.folder import sync

ENDINGS = {"sqlite": ".db", "postgresql": ".dump"}
DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
IS_DAMAGED = (
    "the copy of the database is damaged, and so is probably the database: run 'bridge db check', restore an older backup"
)


@dataclass(frozen=True, slots=True)
class Written:
    """The file, its size and SHA-256."""

    path: Path
    bytes: int
    sha256: str


def write(engine: Engine, target: Path, at: datetime) -> Written:
    """Copy the database to the file ``target``, or into the folder ``target`` under the name of the moment ``at`` (UTC).

    Raises ConfigError, IntegrityError for a copy that is damaged, or Unavailable; then there is no file of that name.
    """
    kind = engine.dialect.name
    path = target / f"bridge-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}{ENDINGS[kind]}" if target.is_dir() else target
    if path.suffix != ENDINGS[kind]:  # a folder that is not mounted: of its name there would be one file, and the next night none
        raise ConfigError(
            f"{path} is no folder that is there, nor does it end in {ENDINGS[kind]} as the name of a file would; "
            "make or mount the folder, or name a file"
        )
    if path.exists():
        raise ConfigError(f"{path} exists; a backup never takes the place of another: name a folder, or a file that is not there")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        _COPIES[kind](engine, temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        temporary.rename(path)
        sync(path.parent)
    except OSError as problem:
        raise Unavailable(f"{path} could not be written: {problem.strerror}") from problem
    finally:
        temporary.unlink(missing_ok=True)
    return Written(path, path.stat().st_size, digest)


def _copy_sqlite(engine: Engine, temporary: Path) -> None:
    """Page by page on one snapshot; then the copy is read through."""
    try:
        with closing(engine.raw_connection()) as pooled, closing(sqlite3.connect(temporary)) as copy:
            connection: Any = pooled.driver_connection
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a write-ahead log beside it
            found = copy.execute("PRAGMA integrity_check").fetchall()
    except sqlite3.Error as problem:
        if problem.sqlite_errorname in DAMAGED:
            raise IntegrityError(IS_DAMAGED) from problem
        raise Unavailable(
            f"the database could not be copied ({problem.sqlite_errorname}); see that its disk has room"
        ) from problem
    if found != [("ok",)]:
        raise IntegrityError(IS_DAMAGED)


def _copy_postgresql(engine: Engine, temporary: Path) -> None:
    """By pg_dump in its own format; where and as whom it connects stands in its environment, for anybody sees its words."""
    program = shutil.which("pg_dump")
    if program is None:
        raise ConfigError("pg_dump is not on PATH; install the client programs of PostgreSQL, of the server's version or later")
    with closing(engine.raw_connection()) as pooled:
        driver: Any = pooled.driver_connection
        settings = {one.envvar.decode(): one.val.decode() for one in driver.pgconn.info if one.envvar and one.val}
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("BRIDGE_", "PG"))}
    done = subprocess.run(
        [program, "--format=custom", "--no-password", "--file", temporary],
        env={**ours, **settings}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing"]
        detail = next((line for line in said[1:] if "detail:" in line), "")
        raise Unavailable(f"pg_dump ended with {done.returncode}, and said: {f'{said[0]} {detail}'.strip()[:300]}")


_COPIES = {"sqlite": _copy_sqlite, "postgresql": _copy_postgresql}
