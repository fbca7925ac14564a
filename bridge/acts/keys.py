"""Rotate the keys that data keys are sealed under, while everybody else goes on reading and writing; forget the old ones.

First the database knows the new key's name, then the key file holds it, then row by row is sealed under it anew. Killed anywhere,
nothing is lost, and the same command goes on. The names, IBANs and files themselves are not touched: their own data keys stay.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from sqlalchemy import CursorResult, delete, exists, func, select, update
from sqlalchemy.orm import Session

from bridge import audit_trail
from bridge.errors import BadInput, ConfigError, IntegrityError, Unavailable
from bridge.model import DataKey, WrappingKey
from bridge.model.sealed import Keyring, number_of
from bridge.runtime import Runtime
from bridge.transport.folder import sync

AT_ONCE = 500  # data keys in one unit of work
_NOT_HERE = (
    "{path} cannot be replaced here: it is a link, mounted by itself or in a folder that is read only; "
    "rotate where the file itself lies, and bring the new one to all who use it"
)


@dataclass(frozen=True, slots=True)
class Rotated:
    """``added``: the key is new; otherwise a rotation that was stopped has been finished. ``resealed`` counts data keys."""

    current: str
    added: bool
    resealed: int


def rotate(runtime: Runtime, actor: str) -> Rotated:
    """Seal every data key under a new key; where an earlier rotation was stopped, finish that one and make no new key.

    Raises ConfigError for a key file that cannot be written or lacks a key, IntegrityError for a data key that was changed,
    Unavailable while another rotation is at work.
    """
    path = runtime.settings.path(runtime.settings.keys.path)
    with _alone(path):
        ring = runtime.keys.newest()
        added = not _sealed_otherwise(runtime, ring.current)
        if added:
            ring = _new_key(runtime, actor, path, ring)
        resealed = sum(_resealed(runtime, ring))
        runtime.work(
            lambda session: audit_trail.note(
                session,
                at=runtime.clock(),
                actor=actor,
                act="keys rotate",
                object=f"key:{ring.current}",
                detail=f"{resealed} sealed",
            )
        )
    return Rotated(ring.current, added, resealed)


def forget(runtime: Runtime, actor: str) -> list[str]:
    """Give up every key but the current one; returns their names. Raises BadInput while anything is sealed under one of them."""
    path = runtime.settings.path(runtime.settings.keys.path)
    with _alone(path):
        ring = runtime.keys.newest()
        waiting = _sealed_otherwise(runtime, ring.current)
        if waiting:
            raise BadInput(
                f"{waiting} data key(s) are sealed under an older key than {ring.current}; run 'bridge keys rotate' first"
            )
        gone = sorted(set(ring.wrapping) - {ring.current}, key=number_of)
        runtime.work(lambda session: _forgotten(session, runtime, actor, ring.current, gone))
        runtime.fault("keys: forgotten by the database")
        if gone:
            _replace(path, ring.without(gone))
    return gone


def _new_key(runtime: Runtime, actor: str, path: Path, ring: Keyring) -> Keyring:
    """A key under a name that no key ever had. The database knows it first: what is sealed under an unknown key is refused."""

    def known(session: Session) -> str:
        numbers = [number_of(name) for name in (*ring.wrapping, *session.scalars(select(WrappingKey.name)))]
        name = f"k{1 + max(numbers)}"
        session.add(WrappingKey(name=name, recorded_at=runtime.clock()))
        session.flush()
        audit_trail.note(session, at=runtime.clock(), actor=actor, act="keys rotate", object=f"key:{name}", detail="new key")
        return name

    _writable(path)
    turned = ring.turned(runtime.work(known))
    runtime.fault("keys: known to the database")
    _replace(path, turned)
    runtime.fault("keys: in the file")
    return turned


def _resealed(runtime: Runtime, ring: Keyring) -> Iterator[int]:
    """How many data keys each unit of work sealed under the current key, until there are no others."""
    while True:
        last, swept = "", 0
        while (done := runtime.work(partial(_some, ring=ring, after=last))) is not None:
            last, count = done
            swept += count
            yield count
            runtime.fault("keys: some are resealed")
        if not swept:
            return


def _some(session: Session, *, ring: Keyring, after: str) -> tuple[str, int] | None:
    """Seal some data keys anew, in the order of their uids; gives the last uid and how many. None where there are no more."""
    old = select(DataKey).where(DataKey.wrapped_by != ring.current, DataKey.uid > after).order_by(DataKey.uid).limit(AT_ONCE)
    rows = session.scalars(old.with_for_update()).all()
    if not rows:
        return None
    resealed = [(row.uid, *ring.wrap(ring.unwrap(row))) for row in rows]
    session.execute(update(DataKey), [{"uid": uid, "wrapped_by": by, "wrapped": wrapped} for uid, by, wrapped in resealed])
    return rows[-1].uid, len(rows)


def _forgotten(session: Session, runtime: Runtime, actor: str, current: str, gone: list[str]) -> None:
    """The database forgets all other names; who seals under one of them at this moment is refused, or refuses this."""
    unused = ~exists().where(DataKey.wrapped_by == WrappingKey.name)
    names = set(session.scalars(select(WrappingKey.name).where(WrappingKey.name != current)))
    taken = cast("CursorResult[None]", session.execute(delete(WrappingKey).where(WrappingKey.name.in_(names), unused)))
    if taken.rowcount != len(names):
        raise BadInput("something was sealed under an older key meanwhile; run 'bridge keys rotate' first")
    if gone:
        what = ", ".join(gone)
        audit_trail.note(
            session, at=runtime.clock(), actor=actor, act="keys rotate", object=f"key:{current}", detail=f"forgot {what}"
        )


def _sealed_otherwise(runtime: Runtime, current: str) -> int:
    with runtime.reading() as session:
        return session.scalar(select(func.count(DataKey.uid)).where(DataKey.wrapped_by != current)) or 0


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody else changes the key file meanwhile: the lock is on its folder, because the file itself is replaced."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Unavailable("another 'bridge keys rotate' is at work; wait until it has finished") from None
    finally:
        os.close(folder)


def _writable(path: Path) -> None:
    """Raise ConfigError where the file cannot be replaced, before anything was changed."""
    if path.is_symlink() or not os.access(path.parent, os.W_OK):
        raise ConfigError(_NOT_HERE.format(path=path))


def _replace(path: Path, ring: Keyring) -> None:
    """Put the key file in its place whole or not at all, on the disk when this returns, mode 0600."""
    _writable(path)
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(ring.dump())
        file.flush()
        os.fsync(file.fileno())
    if Keyring.parse(temporary.read_text(encoding="utf-8")) != ring:
        raise IntegrityError(f"{temporary} does not hold what was written to it; the key file is as it was")
    try:
        temporary.replace(path)
    except OSError as problem:  # busy: a file that is mounted by itself
        temporary.unlink()
        raise ConfigError(_NOT_HERE.format(path=path)) from problem
    sync(path.parent)
