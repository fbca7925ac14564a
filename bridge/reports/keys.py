"""Which keys there are and what is sealed under each; never a key itself."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge.model import DataKey, WrappingKey
from bridge.runtime import Runtime


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A wrapping key by name. ``data_keys``: how many persons', accounts' and documents' keys are sealed under it."""

    name: str
    current: bool
    in_file: bool
    data_keys: int


def status(session: Session, runtime: Runtime) -> list[KeyUse]:
    """Every key that the file holds, the database knows or something is sealed under, the oldest first."""
    ring = runtime.keys.newest()
    under = {
        name: count for name, count in session.execute(select(DataKey.wrapped_by, func.count()).group_by(DataKey.wrapped_by))
    }
    names = {*ring.wrapping, *under, *session.scalars(select(WrappingKey.name))}
    ordered = sorted(names, key=lambda name: (len(name), name))
    return [KeyUse(name, name == ring.current, name in ring.wrapping, under.get(name, 0)) for name in ordered]


def lost(found: list[KeyUse]) -> str:
    """Which keys are missing although something is sealed under them, in a sentence; empty where none is."""
    names = [one.name for one in found if one.data_keys and not one.in_file]
    if not names:
        return ""
    return f"data is sealed under {', '.join(names)}, which the key file does not hold: bring back the file that does"


def unfinished(found: list[KeyUse]) -> str:
    """What is missing, or is left of a rotation, in a sentence; empty where nothing is."""
    if missing := lost(found):
        return missing
    old = sum(one.data_keys for one in found if not one.current)
    return f"{old} data key(s) are sealed under an older key: run 'bridge keys rotate' to finish" if old else ""
