"""Whom an auditor looks at is drawn by a seed, and everybody can draw the same."""

from __future__ import annotations

from hashlib import sha256

from bridge.rules.sampling import draw

NAMES = [f"plant-1-{number:06d}" for number in range(1, 101)]


def test_a_draw_can_be_made_again() -> None:
    """The lowest hashes of seed and name, in the order of the names; another seed draws others."""
    first = draw(NAMES, 10, "4711")

    assert first == [name for name in NAMES if sha256(f"4711:{name}".encode()).hexdigest() in _lowest(10)]
    assert first != draw(NAMES, 10, "4712")
    assert (draw(NAMES, 0, "4711"), draw(NAMES, 1000, "4711"), draw([], 5, "4711")) == ([], NAMES, [])


def test_a_name_more_moves_at_most_one() -> None:
    """An invoice that is billed later takes one place at most; who adds names cannot push out what he likes."""
    before, after = draw(NAMES, 10, "1"), draw([*NAMES, "late"], 10, "1")

    assert len(set(before) - set(after)) <= 1
    assert draw([*NAMES, *NAMES], 10, "1") == before


def _lowest(count: int) -> list[str]:
    return sorted(sha256(f"4711:{name}".encode()).hexdigest() for name in NAMES)[:count]
