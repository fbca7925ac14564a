"""How far a backfill is, and how long it will take: for the eyes of whoever waits."""

from __future__ import annotations

import time

MINUTE, HOUR = 60, 3_600


class Pace:
    """Blocks ``first`` to ``last`` are read from now on. The clock of the computer: nothing hangs on it."""

    def __init__(self, first: int, last: int) -> None:
        self._first, self._last = first, last
        self._started = time.monotonic()

    def said(self, block: int) -> str:
        """Once ``block`` is read: "block 1,200 of 9,000, 13 %, about 2 minutes left"."""
        done, whole = block - self._first + 1, self._last - self._first + 1
        told = f"block {block:,} of {self._last:,}"
        if done >= whole:
            return told
        return f"{told}, {done * 100 // whole} %, {left(done, whole, time.monotonic() - self._started)}"


def left(done: int, whole: int, seconds: float) -> str:
    """How long the rest takes if it goes on like this, in words that do not pretend to know better."""
    rest = seconds * (whole - done) / done
    if rest < MINUTE:
        return "less than a minute left"
    if rest < 2 * HOUR:
        return f"about {round(rest / MINUTE)} minute{'s' if round(rest / MINUTE) > 1 else ''} left"
    return f"about {round(rest / HOUR)} hours left"
