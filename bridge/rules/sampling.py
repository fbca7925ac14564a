"""Which of many an auditor looks at: a draw that he can make again by himself. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256


def draw(names: Iterable[str], count: int, seed: str) -> list[str]:
    """At most ``count`` of these names, in their order: those with the lowest SHA-256 of seed, colon, name.

    Whoever chooses the seed cannot choose what is drawn, and whoever chose the names did not know the seed. A name more or less
    changes nothing about the places of the others.
    """
    given = list(dict.fromkeys(names))
    drawn = set(sorted(given, key=lambda name: sha256(f"{seed}:{name}".encode()).hexdigest())[: max(0, count)])
    return [name for name in given if name in drawn]
