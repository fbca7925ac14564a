"""Statements that are kept, not booked: what each waits for, or why it was refused, and what to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bridge import intake
from bridge.reports.parked import ParkedLine, parked
from tests.intake.papers import Line, Paper, camt
from tests.steps.place import Place

FIRST = Paper((Line(5_000, "R-1"),), opened_on="2026-11-19")  # of 20 November: 1,000.00 to 1,050.00
FOURTH = Paper((Line(100, "R-4"),), id="S-4", sequence=4, opening=111_000, on="2026-11-25")
FIFTH = Paper((Line(200, "R-5"),), id="S-5", sequence=5, opening=111_100, on="2026-11-26")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def shown(place: Place, *papers: Paper) -> list[ParkedLine]:
    """Each taken in a file of its own, in this order."""
    for number, paper in enumerate(papers):
        intake.take(place.runtime, f"{number}.xml", camt(paper, message=f"M-{number}"), actor="anna")
    with place.runtime.reading() as session:
        return parked(session)


def test_a_gap_says_how_much_and_which_numbers(place: Place) -> None:
    """What is missing moves the account by 60.00 and has the numbers 2 and 3; what follows the waiting one waits for the same."""
    fourth, fifth = shown(place, FIRST, FOURTH, FIFTH)

    assert (fourth.statement, fourth.state, fourth.account, fourth.missing_cents) == ("S-4", "parked", "main", 60_00)
    assert fourth.why == "between it and statement S-1 of 2026-11-20 something moved the account by 60.00 EUR"
    assert fourth.next == "import the statements between the two (numbers 2 to 3)"
    assert (fifth.why, fifth.next) == ("it follows statement S-4, which waits too", "import what that one waits for")


def test_one_missing_number(place: Place) -> None:
    """A single one is named alone; a bank that does not count is not asked for numbers."""
    [one] = shown(place, FIRST, replace(FOURTH, sequence=3))
    assert one.next == "import the statements between the two (number 2)"
    assert shown(place, replace(FIFTH, sequence=None, opening=1))[1].next == "import the statements between the two"


def test_older_than_the_first(place: Place) -> None:
    """It does not end where the first one begins: those between are missing."""
    [one] = shown(place, FOURTH, replace(FIRST, opened_on="2026-11-18", on="2026-11-19"))
    assert (one.missing_cents, one.next) == (None, "import those between the two")


def test_what_is_refused_or_known(place: Place) -> None:
    """A refused one says why; the same statement in other bytes is no problem and is left out; once booked nothing is left."""
    [one] = shown(place, FIRST, replace(FIRST, lines=(Line(7_000, "R-9"),)), FIRST, FIRST)
    assert (one.state, one.why) == ("refused", "the bank sent this statement before with other content")
    assert one.next == "ask the bank for the right one"


def test_the_gap_closes(place: Place) -> None:
    """With the missing ones everything is booked, and nothing is parked any more."""
    missing = Paper((Line(6_000, "R-2"),), id="S-2", sequence=2, opening=105_000, on="2026-11-23")
    assert shown(place, FIRST, FIFTH, FOURTH, missing) == []
