"""What became of a bank file, and what it is called in our words. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

NAME_MAX = 200


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


def plain_name(name: str) -> str:
    """A file's name in printable ASCII, at most 200 characters: a name can hold bytes that are no text in any encoding."""
    letters = "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
    folded = letters.encode("ascii", "replace").decode("ascii")
    return "".join(letter if letter.isprintable() else "?" for letter in folded)[:NAME_MAX]
