"""Every exception a caller may catch, and when.

A refusal says what, which one, and what to do next, in the words of a finance person; IBANs are masked. Problems in *data* that
arrived from outside are not exceptions but Breaks: rows that somebody works off. What nobody foresaw is a bug, and said as one.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from pathlib import Path


class BridgeError(Exception):
    """A refusal that a person can act on; the root of all others."""

    exit_code = 1


class ConfigError(BridgeError):
    """bridge.toml, the environment or the key file cannot be used as it is."""


class BadInput(BridgeError):
    """A file, line or value from outside is malformed; nothing of it was stored."""


class UnknownName(BridgeError):
    """A name is not in its registry; the message lists the known ones."""

    @classmethod
    def among(cls, what: str, name: str, known: Iterable[object]) -> UnknownName:
        """Say which name was asked for and which exist: ``bank profile 'dkb' is not one of: default``."""
        listed = ", ".join(sorted(str(one) for one in known)) or "none yet"
        return cls(f"{what} {name!r} is not one of: {listed}")


class IllegalMove(BridgeError):
    """The life cycle does not know this step from this state."""


class NotAllowed(BridgeError):
    """This actor may not do this: a second person is needed, or the role does not permit it."""


class SealRefused(BridgeError):
    """A batch failed a check between rendering and sealing; nothing was stored."""


class IntegrityError(BridgeError):
    """Stored bytes or rows are not what they were when they were written."""

    exit_code = 4


class LostRace(BridgeError):
    """Another worker moved the same row first; the unit of work is repeated, nothing was written."""

    exit_code = 5


class Unavailable(BridgeError):
    """A node, database or broker did not answer; the same call may work later."""

    exit_code = 5


def unforeseen(problem: BaseException) -> str:
    """Where something nobody foresaw happened; its message is left out, because it may quote a name or an IBAN."""
    where = f"{type(problem).__name__} at {place_of(problem)}"
    return f"a bug: {where}; the unit of work was undone, nothing half-done stays; please report it"


def place_of(problem: BaseException) -> str:
    """File and line of our own code where it went wrong."""
    frames = [frame for frame in traceback.extract_tb(problem.__traceback__) if "bridge" in Path(frame.filename).parts]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"
