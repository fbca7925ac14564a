"""A statement, and each line of it, is booked once, under whatever name it comes again; what cannot be is refused and kept."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from bridge import intake
from bridge.errors import BadInput
from bridge.intake import Taken
from bridge.model import Break, Document, Statement
from tests.intake.papers import Line, Paper, camt, details, line_xml
from tests.steps.place import Place

FIRST = Paper((Line(5_000, "R-1"), Line(-2_000, "R-2")))  # 1,000.00 to 1,030.00


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def take(place: Place, *papers: Paper) -> list[Taken]:
    """Each in a file of its own, whose bytes no other file has."""
    stored = len(place.rows(Document))
    bodies = [camt(paper, message=f"M-{stored + n}") for n, paper in enumerate(papers)]
    return [intake.take(place.runtime, "a.xml", body, actor="anna") for body in bodies]


def refusals(place: Place) -> list[str]:
    """What the open Breaks say, each of which must be a refusal."""
    found = [row for row in place.rows(Break) if row.closed_at is None]
    assert {row.kind for row in found} <= {"STATEMENT_REFUSED"}
    return [row.what.partition("not booked: ")[2] for row in found]


@pytest.mark.parametrize("again", [replace(FIRST, id="S-2"), replace(FIRST, sequence=7), replace(FIRST, id="S-2", sequence=None)])
def test_the_same_statement_under_another_name_is_known(place: Place, again: Paper) -> None:
    """Another Stmt/Id or sequence number around the same day, balances and lines books nothing and is no Break."""
    _, second = take(place, FIRST, again)

    assert (second.result, second.new) == ("known", 0)
    assert place.ledger("Bank") == 103_000
    assert place.breaks() == []


def test_lines_that_cancel_out_are_not_booked_twice(place: Place) -> None:
    """Lines of +50 and -50 leave the balance where it was, so the chain alone would take them a second time."""
    paper = Paper((Line(5_000), Line(-5_000)))
    _, second = take(place, paper, replace(paper, id="S-2", sequence=2))

    assert (second.result, second.new) == ("known", 0)
    assert place.ledger("Bank") == 100_000


def test_two_empty_statements_of_a_day_are_two(place: Place) -> None:
    """A statement without lines says too little to be the same as another; under the same name it is."""
    empty = Paper(())
    _, other, again = take(place, empty, replace(empty, id="S-2", sequence=2), empty)

    assert (other.result, again.result) == ("stored", "known")
    assert [row.posting for row in place.rows(Statement)] == ["posted", "posted", "refused"]
    assert place.breaks() == []


def test_a_line_that_was_booked_before_refuses_its_statement(place: Place) -> None:
    """The bank's reference, amount and day of a line are booked already: nothing of the second statement is."""
    second = Paper((Line(700, "R-3"), Line(5_000, "R-1")), id="S-2", sequence=2, opening=103_000)
    take(place, FIRST, second)

    assert refusals(place) == ["line 2 was booked before, from another statement"]
    assert place.ledger("Bank") == 103_000


@pytest.mark.parametrize("line", [Line(5_001, "R-1"), Line(5_000, "R-1", on="2026-11-21"), Line(5_000), Line(5_000, "NONREF")])
def test_a_line_that_differs_is_another(place: Place, line: Line) -> None:
    """Another amount, another day, or no reference at all: a line of its own."""
    first = Paper((Line(5_000, line.ref if line.ref in ("", "NONREF") else "R-1"),))
    take(place, first, Paper((line, Line(1, "R-9")), id="S-2", sequence=2, opening=105_000, on="2026-11-21"))

    assert refusals(place) == []
    assert place.ledger("Bank") == 105_000 + line.cents + 1


@pytest.mark.parametrize("mark", ["COPY", "DUPL", "CODU"])
def test_what_the_bank_marks_as_a_copy_is_not_booked(place: Place, mark: str) -> None:
    """Each of ISO's three words for one (CpyDplctInd): refused with a Break; the original is booked when it comes."""
    lines = (Line(5_000, "R-1"),)
    take(place, Paper(lines, head=f"<CpyDplctInd>{mark}</CpyDplctInd>"))
    assert (place.ledger("Bank"), len(refusals(place))) == (0, 1)
    take(place, Paper(lines, id="S-2"))

    assert place.ledger("Bank") == 105_000


def test_two_lines_alike_in_one_statement_are_two(place: Place) -> None:
    """Within one statement the bank means what it writes: the same line twice is booked twice."""
    [taken] = take(place, Paper((Line(5_000, "R-1"), Line(5_000, "R-1"))))

    assert taken.new == 2
    assert place.ledger("Bank") == 110_000
    assert place.breaks() == []


def test_a_line_booked_while_its_statement_waited_is_not_booked_again(place: Place) -> None:
    """A statement waits for a gap; what closes the gap holds one of its lines: it is refused then, and no longer waits."""
    waits = Paper((Line(5_000, "R-8"),), id="S-3", sequence=3, opening=108_000, on="2026-11-22")
    take(place, FIRST, waits)
    assert place.breaks() == [("STATEMENT_GAP", "statement:2")]
    take(place, Paper((Line(5_000, "R-8"),), id="S-2", sequence=2, opening=103_000, on="2026-11-21"))

    assert refusals(place) == ["line 1 was booked before, from another statement"]
    assert place.ledger("Bank") == 108_000
    assert [row.posting for row in place.rows(Statement)] == ["posted", "refused", "posted"]


def test_a_number_is_given_once_a_day(place: Place) -> None:
    """Number 1 of the same day with other content is refused; a bank that numbers every day 1 is booked day by day."""
    other = Paper((Line(100, "R-5"),), id="S-2", opening=103_000)
    take(place, FIRST, other)
    assert refusals(place) == ["the bank sent statement 1 of 2026 before with other content"]
    assert place.ledger("Bank") == 103_000
    take(place, Paper((Line(100, "R-5"),), id="S-3", opening=103_000, on="2026-11-21"))

    assert place.ledger("Bank") == 103_100


@pytest.mark.parametrize("name", ["the same", "another"])
def test_a_correction_that_only_adds_details_is_seen(place: Place, name: str) -> None:
    """The same lines, now with details: not silently known, but refused for a person to look at."""
    told = Line(5_000, "R-1", more=details(("INV-1", "30.00"), ("INV-2", "20.00")))
    other = {"id": "S-2", "sequence": 2} if name == "another" else {}
    paper = Paper((Line(5_000, "R-1"), Line(-5_000, "R-2")))
    _, again = take(place, paper, replace(paper, lines=(told, paper.lines[1]), **other))

    assert (again.result, again.new) == ("stored", 0)
    said = (
        "line 1 was booked before, from another statement" if other else "the bank sent this statement before with other content"
    )
    assert refusals(place) == [said]


def test_a_correction_that_only_adds_a_return_reason_is_seen(place: Place) -> None:
    """Why a debit came back is content too."""
    returned = "<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>"
    papers = [Paper((Line(-5_000, "R-1", more=details(("INV-1", "50.00"), more=more)),)) for more in ("", returned)]
    take(place, *papers)

    assert refusals(place) == ["the bank sent this statement before with other content"]


def page(number: int, last: str, opening: int, *lines: Line, kinds: tuple[str, str]) -> Paper:
    """A page of statement S-1, from one balance to the next."""
    paging = f"<StmtPgntn><PgNb>{number}</PgNb><LastPgInd>{last}</LastPgInd></StmtPgntn>"
    return Paper(lines, opening=opening, head=paging, kinds=kinds)


PAGES = (
    page(1, "false", 100_000, Line(5_000, "R-1"), kinds=("OPBD", "ITBD")),
    page(2, "false", 105_000, Line(-2_000, "R-2"), kinds=("ITBD", "ITBD")),
    page(3, "true", 103_000, Line(1_000, "R-3"), kinds=("ITBD", "CLBD")),
)


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_the_pages_of_a_statement_are_booked_once(place: Place, order: tuple[int, ...]) -> None:
    """In whatever order they come, and however often: each continues the one before it."""
    take(place, *(PAGES[number] for number in order), PAGES[1], PAGES[0])

    assert [row.posting for row in place.rows(Statement)].count("posted") == 3
    assert (place.ledger("Bank"), place.breaks()) == (104_000, [])


def test_a_page_that_is_missing_is_missed(place: Place) -> None:
    """The last page does not continue the first: it waits, and a Break says so."""
    take(place, PAGES[0], PAGES[2])

    assert place.ledger("Bank") == 105_000
    assert [row.kind for row in place.rows(Break) if row.closed_at is None] == ["STATEMENT_GAP"]


def test_a_page_without_a_balance_at_its_end_is_refused(place: Place) -> None:
    """Nobody could tell whether all of its lines are there."""
    take(place, replace(PAGES[0], kinds=("PRCD", "OPBD")))

    assert refusals(place) == ["page 1 of several has no balances of its own: ask the bank for the statement in one piece"]
    assert place.ledger("Bank") == 0


def test_the_only_page_is_booked(place: Place) -> None:
    """Page 1, which is the last, is the whole statement."""
    take(place, replace(FIRST, head="<StmtPgntn><PgNb>1</PgNb><LastPgInd>true</LastPgInd></StmtPgntn>"))

    assert place.ledger("Bank") == 103_000


@pytest.mark.parametrize(
    ("paper", "said"),
    [
        (replace(FIRST, on="2026-12-04"), "a balance is dated 2026-12-04, which cannot be"),
        (replace(FIRST, on="0001-01-01"), "a balance is dated 0001-01-01, which cannot be"),
        (replace(FIRST, opened_on="1999-12-31"), "a balance is dated 1999-12-31, which cannot be"),
        (replace(FIRST, opened_on="9999-12-31"), "a balance is dated 9999-12-31, which cannot be"),
        (Paper((Line(1), Line(1, on="2026-12-04"))), "line 2 is dated 2026-12-04, which cannot be"),
        (Paper((Line(1, on="1999-12-31"),)), "line 1 is dated 1999-12-31, which cannot be"),
        (Paper((Line(1, value="2027-01-23"),)), "line 1 is dated 2027-01-23, which cannot be"),
    ],
)
def test_a_day_that_cannot_be_refuses_the_statement(place: Place, paper: Paper, said: str) -> None:
    """Today is 23 November 2026: balances and bookings up to 3 December, values up to 22 January, and nothing before 2000."""
    take(place, paper)

    assert refusals(place) == [said]
    assert place.ledger("Bank") == 0


def test_the_last_days_that_can_be_are_booked(place: Place) -> None:
    """Ten days ahead for a balance and a booking, sixty for a value; the first day of 2000 at the other end."""
    take(
        place,
        Paper((Line(1, on="2026-12-03", value="2027-01-22"), Line(2, on="2000-01-01")), on="2026-12-03", opened_on="2000-01-01"),
    )

    assert refusals(place) == []
    assert place.ledger("Bank") == 100_003


def test_the_largest_amounts_are_added_up(place: Place) -> None:
    """999,999,999,999.99 euros is the largest amount that is read; a cent more is no amount, and nothing of the file is kept."""
    largest = 99_999_999_999_999
    take(place, Paper((Line(largest), Line(-largest)), opening=largest))
    with pytest.raises(BadInput, match="12 digits"):
        take(place, Paper((), opening=largest + 1, id="S-2", sequence=2))

    assert place.ledger("Bank") == largest
    assert len(place.rows(Document)) == 1


def test_days_that_cancel_out_find_their_place(place: Place) -> None:
    """Two days that cancel out come after the statement behind them: they are booked between, in the order of the days."""
    up = Paper((Line(700, "R-5"),), id="S-2", sequence=2, opening=103_000, on="2026-11-21")
    down = Paper((Line(-700, "R-6"),), id="S-3", sequence=3, opening=103_700, on="2026-11-22")
    behind = Paper((Line(50, "R-7"),), id="S-4", sequence=4, opening=103_000, on="2026-11-23")
    take(place, FIRST, behind, down, up)

    rows = sorted(place.rows(Statement), key=lambda row: row.posted_no or 0)
    assert [(row.statement_id, row.posted_no) for row in rows] == [("S-1", 0), ("S-2", 1), ("S-3", 2), ("S-4", 3)]
    assert place.ledger("Bank") == 103_050
    assert [kind for kind, _ in place.breaks()] == []


@pytest.mark.parametrize("status", ["PDNG", "INFO"])
def test_what_is_pending_is_booked_when_it_is_booked(place: Place, status: str) -> None:
    """A line that the bank only announces books nothing, and once, from the statement that books it."""
    day = Paper((Line(5_000, "R-1"),))
    announced = line_xml(Line(700, "R-2")).replace("<Cd>BOOK</Cd>", f"<Cd>{status}</Cd>")
    body = camt(day).replace(b"</Stmt>", announced.encode() + b"</Stmt>")
    assert intake.take(place.runtime, "a.xml", body, actor="anna").new == 1
    assert place.ledger("Bank") == 105_000
    take(place, Paper((Line(700, "R-2"),), id="S-2", sequence=2, opening=105_000))

    assert place.ledger("Bank") == 105_700
    assert place.breaks() == []
