"""What became of a bank file. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file: ``result`` is "stored" or "known"; ``entries`` are its lines, ``new`` those booked now."""

    file: str
    sha256: str
    kind: str
    result: str
    entries: int = 0
    new: int = 0
    message: str = ""
