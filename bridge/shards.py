"""Divides the work of a step among workers: who begins with a part of it claims it, and whoever comes second goes on to another.

A part is what moves by itself: a source, a creditor, an account, a file. Nothing hangs on a claim but time, and that nobody is
told of his debit twice: two who work on the same part are kept apart by versions, keys and SERIALIZABLE, and one of them works in
vain. A claim is gone with the process that held it.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from bridge.errors import Unavailable
from bridge.runtime import Runtime

ALL = 0  # the part of a step whose work is not divided
HELD_AT_MOST = "1h"  # by a process that fell asleep: then the server closes its connection, and others go on
_FILES: dict[Path, int] = {}


@contextmanager
def claimed(runtime: Runtime, step: str, part: int | str = ALL) -> Iterator[bool]:
    """Whether this part of a step is ours until the end of the block; False where another process works on it."""
    of_engine = _on_postgresql if runtime.engine.dialect.name == "postgresql" else _beside_sqlite
    with of_engine(runtime.engine, crc32(step.encode()), crc32(str(part).encode())) as ours:
        yield ours


@contextmanager
def _on_postgresql(engine: Engine, step: int, part: int) -> Iterator[bool]:
    """An advisory lock of a connection of its own, which is in no transaction meanwhile."""
    key = {"step": step - 2**31, "part": part - 2**31}  # the server's integers have a sign
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(text("SELECT pg_try_advisory_lock(:step, :part)"), key):
            yield False
            return
        connection.exec_driver_sql(f"SET idle_session_timeout = '{HELD_AT_MOST}'")
        try:
            yield True
        finally:
            _give_back(connection, key)


def _give_back(connection: Connection, key: dict[str, int]) -> None:
    """A connection that died meanwhile has given it back already."""
    try:
        connection.execute(text("SELECT pg_advisory_unlock(:step, :part)"), key)
        connection.exec_driver_sql("RESET idle_session_timeout")
    except (DBAPIError, Unavailable):
        connection.invalidate()


@contextmanager
def _beside_sqlite(engine: Engine, step: int, part: int) -> Iterator[bool]:
    """One byte of a file beside the database, locked; in memory there is nobody else."""
    if not engine.url.database:
        yield True
        return
    file, byte = _opened(Path(engine.url.database)), step << 31 ^ part
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
    except BlockingIOError:
        yield False
        return
    try:
        yield True
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN, 1, byte)


def _opened(database: Path) -> int:
    """Opened once and never closed: closing it would give back whatever this process has claimed. Raises Unavailable."""
    path = database.with_name(f"{database.name}-claims")
    if path not in _FILES or not path.exists():
        try:
            _FILES[path] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if os.fstat(_FILES[path]).st_uid == os.geteuid():  # whoever may write the database may claim
                os.fchmod(_FILES[path], stat.S_IMODE(database.stat().st_mode))
        except OSError as problem:
            raise Unavailable(f"{path} could not be opened: {problem.strerror}") from problem
    return _FILES[path]
