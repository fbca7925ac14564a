"""Do these pages of a statement, which give only the balances of the day, belong together, are all here, do they add up? Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class StatementPage:
    """One page. The balances are what the bank gives on it; ``lines_cents`` is what its own booked lines add up to."""

    number: int
    last: bool
    opening_cents: int
    closing_cents: int
    closing_on: date
    lines_cents: int

    @property
    def balances(self) -> tuple[int, int, date]:
        """What all pages of a statement must agree about. The opening one is of the day before where it is a PRCD."""
        return self.opening_cents, self.closing_cents, self.closing_on

    @property
    def adds_up(self) -> bool:
        """Whether its balances may be its own: a bank may call the balances between two pages those of the day."""
        return self.opening_cents + self.lines_cents == self.closing_cents


def apart(pages: Iterable[StatementPage]) -> bool:
    """Whether each has balances of its own, whatever the bank calls them: then each is booked by itself."""
    found = list(pages)
    return len({one.balances for one in found}) > 1 and all(one.adds_up for one in found)


def fault(page: StatementPage, others: Sequence[StatementPage]) -> str:
    """Why a page cannot stand beside the others of its statement, which are here; empty where it can.

    ISO 20022 Pagination: pages are numbered from 1, and exactly one says LastPgInd.
    """
    for other in others:
        if other.number == page.number:
            return f"page {page.number} of this statement came before with other content"
        if page.last and other.last:
            return f"page {page.number} says that it is the last one, and so does page {other.number}"
        first, after = sorted((page, other), key=lambda one: one.number)
        if first.last:
            return f"page {first.number} says that it is the last one, and there is a page {after.number}"
    if apart([page, *others]):
        return ""
    for other in others:
        if other.balances != page.balances:
            return f"its opening and closing balance are not those of page {other.number} of this statement"
    return ""


def missing(numbers: Collection[int], *, last: bool) -> str:
    """Which pages are not here, in words; empty where all are. Without the ``last`` one nobody knows how many there are."""
    gaps = _gaps(numbers)
    if not gaps:
        return "" if last else f"what follows page {max(numbers)} is missing"
    if not last:
        gaps.append("the last one")
    named = " and ".join(filter(None, (", ".join(gaps[:-1]), gaps[-1])))
    return f"page {named} is missing" if named.isdecimal() else f"pages {named} are missing"


def _gaps(here: Collection[int]) -> list[str]:
    """The runs of numbers below the highest that are not there; a bank may number a page 99999."""
    runs: list[str] = []
    expected = 1
    for number in sorted(here):
        if number > expected:
            runs.append(str(expected) if number == expected + 1 else f"{expected} to {number - 1}")
        expected = number + 1
    return runs


def off_cents(pages: Sequence[StatementPage]) -> int:
    """By how much the opening balance and the lines of all pages miss the closing balance."""
    return pages[0].closing_cents - pages[0].opening_cents - sum(one.lines_cents for one in pages)
