"""Pages of a statement that give only the balances of the day: which belong together, what is missing, whether they add up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from bridge.rules import pages
from bridge.rules.pages import StatementPage

ONE = StatementPage(1, False, 100_000, 104_000, date(2026, 11, 20), 5_000)
TWO = replace(ONE, number=2, lines_cents=-2_000)
THREE = replace(ONE, number=3, last=True, lines_cents=1_000)


@pytest.mark.parametrize(
    ("numbers", "last", "said"),
    [
        ((1, 2, 3), True, ""),
        ((1, 3), True, "page 2 is missing"),
        ((4,), True, "pages 1 to 3 are missing"),
        ((2, 4, 99_999), True, "pages 1, 3 and 5 to 99998 are missing"),
        ((1, 2), False, "what follows page 2 is missing"),
        ((1, 3), False, "pages 2 and the last one are missing"),
    ],
)
def test_what_is_missing(numbers: tuple[int, ...], last: bool, said: str) -> None:
    """Numbers from 1 without a gap, and one that says that it is the last."""
    assert pages.missing(numbers, last=last) == said


@pytest.mark.parametrize(
    ("page", "others", "said"),
    [
        (ONE, (), ""),
        (TWO, (ONE, THREE), ""),
        (replace(TWO, lines_cents=7), (TWO,), "page 2 of this statement came before with other content"),
        (replace(TWO, last=True), (THREE,), "page 2 says that it is the last one, and so does page 3"),
        (replace(ONE, number=4), (ONE, THREE), "page 3 says that it is the last one, and there is a page 4"),
        (replace(TWO, last=True), (replace(THREE, last=False),), "page 2 says that it is the last one, and there is a page 3"),
        (replace(TWO, opening_cents=1), (ONE,), "its opening and closing balance are not those of page 1 of this statement"),
        (replace(TWO, closing_cents=1), (ONE,), "its opening and closing balance are not those of page 1 of this statement"),
        (
            replace(TWO, closing_on=date(2026, 11, 21)),
            (ONE,),
            "its opening and closing balance are not those of page 1 of this statement",
        ),
    ],
)
def test_what_cannot_stand_beside_the_others(page: StatementPage, others: tuple[StatementPage, ...], said: str) -> None:
    """A number twice, two ends, a page behind the end, other balances of the day."""
    assert pages.fault(page, others) == said


def test_balances_of_their_own() -> None:
    """A bank may call the balances between two pages OPBD and CLBD: all pages add up by themselves then, and differ."""
    first, second = replace(ONE, closing_cents=105_000), replace(TWO, opening_cents=105_000, closing_cents=103_000)

    assert (pages.apart([first, second]), pages.fault(second, [first])) == (True, "")
    assert not pages.apart([ONE, second])
    assert not pages.apart([replace(first, lines_cents=0, closing_cents=100_000)])


def test_how_much_is_off() -> None:
    """1,000.00 + 50.00 - 20.00 + 10.00 are 1,040.00; without page 3 10.00 are too little."""
    assert pages.off_cents([ONE, TWO, THREE]) == 0
    assert pages.off_cents([ONE, TWO]) == 1_000
