"""Pages that give only the balances of the day wait for one another, and are booked together or not at all."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from io import BytesIO
from itertools import permutations
from pathlib import Path

import pytest
from sqlalchemy import event

from bridge import intake
from bridge.books import Recorder
from bridge.intake import pages
from bridge.model import Break, Entry, Statement
from bridge.reports.check import run as check
from bridge.reports.parked import parked
from tests.intake.papers import Line, Paper, camt
from tests.intake.test_statements import take
from tests.steps.place import Place

BEFORE = Paper((Line(99_000, "R-0"),), id="S-0", sequence=4, opening=1_000, on="2026-11-19", opened_on="2026-11-19")
AFTER = Paper((Line(70, "R-9"),), id="S-2", sequence=6, opening=104_000, on="2026-11-23", opened_on="2026-11-23")
WHOLE = Paper((Line(5_000, "R-1"), Line(-2_000, "R-2"), Line(1_000, "R-3")), sequence=5)  # 1,000.00 to 1,040.00


def page(number: int, *lines: Line, last: bool = False, **said: object) -> Paper:
    """A page of statement S-1 of 20 November, with the balances of the whole day."""
    paging = f"<StmtPgntn><PgNb>{number}</PgNb><LastPgInd>{str(last).lower()}</LastPgInd></StmtPgntn>"
    return replace(Paper(lines, sequence=5, head=paging, closes=104_000), **said)  # type: ignore[arg-type]


PAGES = (page(1, WHOLE.lines[0]), page(2, WHOLE.lines[1]), page(3, WHOLE.lines[2], last=True))
TWO_IN_ALL = (page(1, *WHOLE.lines[:2]), page(2, WHOLE.lines[2], last=True))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def said(place: Place) -> list[tuple[str, str, str]]:
    """(statement, state, why) of what is not booked."""
    with place.runtime.reading() as session:
        return [(one.statement, one.state, one.why) for one in parked(session)]


def booked(place: Place) -> list[str]:
    """The bank references of the booked lines, in the order of the account's chain."""
    place_of = {row.id: row.posted_no for row in place.rows(Statement) if row.posting == "posted"}
    lines = [row for row in place.rows(Entry) if row.statement_id in place_of]
    return [row.bank_ref for row in sorted(lines, key=lambda row: (place_of[row.statement_id], row.ordinal))]


def holds(place: Place) -> bool:
    """Whether ``bridge check`` finds nothing about statements and balances, and no Break is open."""
    with place.runtime.reading() as session:
        failed = [one.id for one in check(session, place.runtime) if not one.ok]
    return failed == [] and place.breaks() == []


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_the_pages_of_a_day_are_booked_together(place: Place, order: tuple[int, ...]) -> None:
    """In whatever order they come: not a line before the last of them, then all in the order of the pages."""
    *some, last = (PAGES[number] for number in order)
    take(place, *some)
    assert (place.ledger("Bank"), {state for _, state, _ in said(place)}) == (0, {"parked"})
    [taken] = take(place, last)

    assert (taken.new, taken.message) == (3, "")
    assert (place.ledger("Bank"), booked(place)) == (104_000, ["R-1", "R-2", "R-3"])
    assert holds(place)


def test_booked_pages_of_other_days_are_not_read_again(place: Place) -> None:
    """However many pages were booked, those that wait are found without them; those of the same day are looked at."""
    later = {"opening": 104_000, "closes": 108_000, "on": "2026-11-23", "opened_on": "2026-11-23", "sequence": 6}
    take(place, *PAGES, page(2, Line(-2_000, "R-8"), id="S-2", **later))
    waiting = place.rows(Statement, Statement.posting == "parked")
    loaded: set[int] = set()

    def note(statement: Statement, _: object) -> None:
        loaded.add(statement.id)

    event.listen(Statement, "load", note)
    with place.runtime.reading() as session:
        assert pages.settle(session, waiting[0].account_id, Recorder("receive", place.now)) == []
    event.remove(Statement, "load", note)

    assert loaded == {row.id for row in waiting}
    assert len(place.rows(Statement, Statement.posting == "posted")) == 3


@pytest.mark.parametrize(
    ("here", "why"),
    [
        ((0,), "what follows page 1 is missing"),
        ((0, 1), "what follows page 2 is missing"),
        ((0, 2), "page 2 is missing"),
        ((2,), "pages 1 to 2 are missing"),
        ((1,), "pages 1 and the last one are missing"),
    ],
)
def test_a_waiting_page_says_which_are_missing(place: Place, here: tuple[int, ...], why: str) -> None:
    """When it is taken, in the list of what is not booked, and in words that a Break keeps; nothing is booked."""
    *_, taken = take(place, *(PAGES[number] for number in here))

    assert (taken.result, taken.new, taken.message) == ("stored", 0, why)
    assert said(place) == [(f"S-1 page {number + 1}", "parked", why) for number in here]
    assert {row.what.partition(" waits ")[2] for row in place.rows(Break)} == {"for the other pages of its statement"}
    assert place.ledger("Bank") == 0


def test_pages_in_one_file_and_in_a_zip(place: Place) -> None:
    """Two in one file, out of order; the third in a ZIP, beside a page that is here already."""
    intake.take(place.runtime, "a.xml", camt(PAGES[2], PAGES[0]), actor="anna")
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("1.xml", camt(PAGES[0], message="M-8"))
        archive.writestr("2.xml", camt(PAGES[1], message="M-9"))
    taken = list(intake.take_each(place.runtime, "a.zip", packed.getvalue(), actor="anna"))

    assert [(one.result, one.new) for one in taken] == [("known", 0), ("stored", 3)]
    assert booked(place) == ["R-1", "R-2", "R-3"]
    assert holds(place)


def test_all_pages_in_one_file(place: Place) -> None:
    """Stored and booked in one unit of work."""
    taken = intake.take(place.runtime, "a.xml", camt(*reversed(PAGES)), actor="anna")

    assert (taken.entries, taken.new, booked(place)) == (3, 3, ["R-1", "R-2", "R-3"])
    assert holds(place)


@pytest.mark.parametrize("again", [1, 3])
def test_a_page_that_comes_again_is_known(place: Place, again: int) -> None:
    """While the others are missing, and after all were booked; under another id too."""
    take(place, *PAGES[:again])
    repeated = take(place, PAGES[0], replace(PAGES[0], id="S-1/1"))

    assert [(one.result, one.new) for one in repeated] == [("known", 0), ("known", 0)]
    assert place.ledger("Bank") == (104_000 if again == 3 else 0)
    assert len(said(place)) == (0 if again == 3 else 1)


def test_two_pages_may_say_the_same(place: Place) -> None:
    """A page with the very lines of another is another page."""
    pages = [page(number, Line(2_000), last=number == 2) for number in (1, 2)]
    take(place, *pages)

    assert (place.ledger("Bank"), said(place)) == (104_000, [])


@pytest.mark.parametrize("number", [1, 3])
def test_two_pages_with_one_number(place: Place, number: int) -> None:
    """What came second is refused, before and after the pages are booked; the first is none the worse."""
    take(place, *PAGES[:number])
    take(place, page(1, Line(4_999, "R-7")))

    assert said(place)[-1] == ("S-1 page 1", "refused", "page 1 of this statement came before with other content")
    take(place, *PAGES[number:])
    assert booked(place) == ["R-1", "R-2", "R-3"]


def test_a_page_that_disagrees_about_the_balances(place: Place) -> None:
    """It is refused, and named; the right one completes the statement."""
    other = page(2, WHOLE.lines[1], closes=104_001)
    *_, taken = take(place, PAGES[0], PAGES[2], other)

    assert taken.message == "its opening and closing balance are not those of page 1 of this statement"
    assert place.ledger("Bank") == 0
    take(place, PAGES[1])
    assert booked(place) == ["R-1", "R-2", "R-3"]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_pages_that_do_not_add_up(place: Place, order: tuple[int, ...]) -> None:
    """All are here and 10.00 are missing: nothing is booked, each page is refused in these words, and none waits any more."""
    pages = (*PAGES[:2], page(3, last=True))
    *_, taken = take(place, *(pages[number] for number in order))

    why = "its opening balance and the lines of all its 3 pages do not add up to its closing balance: 10.00 EUR too little"
    assert (taken.new, taken.message) == (0, why)
    assert {(state, reason) for _, state, reason in said(place)} == {("refused", why)}
    assert sorted(place.breaks()) == [("STATEMENT_REFUSED", f"statement:{number}") for number in (1, 2, 3)]
    assert place.ledger("Bank") == 0


@pytest.mark.parametrize("right", [PAGES, PAGES[::-1], (WHOLE,)], ids=["pages", "pages, backwards", "one piece"])
def test_after_a_refusal_the_right_ones_are_booked(place: Place, right: tuple[Paper, ...]) -> None:
    """All pages in new files, or the statement in one piece; what was refused takes no part in it."""
    take(place, *PAGES[:2], page(3, last=True), *right)

    assert booked(place) == ["R-1", "R-2", "R-3"]
    assert {state for _, state, _ in said(place)} == {"refused"}


@pytest.mark.parametrize("rest", [(Line(500, "R-2"), Line(-500, "R-3")), ()], ids=["cancels out", "is empty"])
def test_a_page_that_adds_up_by_itself_waits_too(place: Place, rest: tuple[Line, ...]) -> None:
    """Where the lines of the other pages cancel out, or there are none, one page alone already makes the day's balances."""
    first = page(1, Line(4_000, "R-1"))
    take(place, first)
    assert place.ledger("Bank") == 0
    take(place, page(2, *rest, last=True))

    assert place.ledger("Bank") == 104_000
    assert holds(place)


def test_pages_wait_for_the_statement_before_them(place: Place) -> None:
    """Complete, they wait as any statement does, and what follows them waits too; then all are booked in their order."""
    take(place, replace(BEFORE, lines=(), sequence=3, id="S-9", on="2026-11-18", opened_on="2026-11-18"))
    take(place, PAGES[2], AFTER, PAGES[0])
    assert [row.kind for row in place.rows(Break) if row.closed_at is None] == ["STATEMENT_GAP"] * 3
    take(place, PAGES[1])
    why = "between it and statement S-9 of 2026-11-18 something moved the account by 990.00 EUR"
    follows = "it follows statement S-1 page 3, which waits too"
    assert [reason for _, _, reason in said(place)] == [why, why, why, follows]
    assert sorted(place.breaks()) == [("STATEMENT_GAP", f"statement:{number}") for number in (2, 3, 4, 5)]
    take(place, BEFORE)

    assert booked(place) == ["R-0", "R-1", "R-2", "R-3", "R-9"]
    assert holds(place)


def test_older_pages_come_before_the_first_statement(place: Place) -> None:
    """They end where the first statement begins: Opening takes their lines back, once."""
    take(place, AFTER, *PAGES)

    assert booked(place) == ["R-1", "R-2", "R-3", "R-9"]
    assert (place.ledger("Bank"), place.ledger("Opening")) == (104_070, -100_000)
    assert holds(place)


def test_pages_of_a_day_that_cancels_out_find_their_place(place: Place) -> None:
    """The statement behind them was booked before they came: they are put between, and their numbers are made free."""
    up, down = Line(700, "R-1"), Line(-700, "R-2")
    behind = replace(AFTER, opening=100_000)
    take(place, BEFORE, behind, page(2, down, last=True, closes=100_000), page(1, up, closes=100_000))

    assert booked(place) == ["R-0", "R-1", "R-2", "R-9"]
    assert holds(place)


def test_a_line_that_was_booked_before_refuses_all_pages(place: Place) -> None:
    """The bank's reference, amount and day of a line of page 3 are booked while the pages wait: none of them is booked."""
    stolen = Paper((Line(1_000, "R-3"),), id="S-X", sequence=9, opening=99_000, on="2026-11-19", opened_on="2026-11-19")
    take(place, replace(BEFORE, lines=(Line(98_000, "R-0"),)), *PAGES, stolen)

    assert {(state, why) for _, state, why in said(place)} == {("refused", "line 1 was booked before, from another statement")}
    assert (len(said(place)), place.ledger("Bank")) == (3, 100_000)


@pytest.mark.parametrize("first", ["pages", "one piece", "a page"])
def test_the_same_statement_in_one_piece(place: Place, first: str) -> None:
    """Before or after its pages, or while some are missing: every line is booked once, and nothing waits any more."""
    papers = {"pages": (*PAGES, WHOLE), "one piece": (WHOLE, *PAGES), "a page": (PAGES[2], WHOLE, PAGES[0])}[first]
    *_, taken = take(place, *papers)

    assert (taken.result, booked(place)) == ("known", ["R-1", "R-2", "R-3"])
    assert said(place) == []
    assert holds(place)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"id": "S-1/2"}),
        ({"sequence": None}, {"sequence": None}),
        ({"sequence": None, "paper": 12}, {"sequence": None, "paper": 12, "id": "S-1/2"}),
    ],
    ids=["number", "id", "number on paper"],
)
def test_pages_are_of_one_statement(place: Place, one: dict[str, object], other: dict[str, object]) -> None:
    """By ElctrncSeqNb, else by LglSeqNb, else by Id."""
    take(place, replace(TWO_IN_ALL[0], **one), replace(TWO_IN_ALL[1], **other))  # type: ignore[arg-type]

    assert (booked(place), said(place)) == (["R-1", "R-2", "R-3"], [])


@pytest.mark.parametrize("other", [{"sequence": 6}, {"sequence": None, "id": "S-7"}, {"on": "2026-11-21", "id": "S-7"}], ids=str)
def test_pages_of_two_statements(place: Place, other: dict[str, object]) -> None:
    """Another number, another id where one has no number, the same number on another day: each waits for its own."""
    take(place, TWO_IN_ALL[0], replace(TWO_IN_ALL[1], **other))  # type: ignore[arg-type]

    assert [why for _, _, why in said(place)] == ["what follows page 1 is missing", "page 1 is missing"]
    assert place.ledger("Bank") == 0


def test_a_page_dated_another_day(place: Place) -> None:
    """The same number and id, and the balances of another day: it disagrees."""
    *_, taken = take(place, TWO_IN_ALL[0], replace(TWO_IN_ALL[1], on="2026-11-21"))

    assert taken.message == "its opening and closing balance are not those of page 1 of this statement"


def test_balances_of_a_page_that_are_called_those_of_the_day(place: Place) -> None:
    """OPBD and CLBD of the page itself: each continues the one before it, from the second on."""
    first, second, third = (
        page(1, Line(5_000, "R-1"), closes=105_000),
        page(2, Line(-2_000, "R-2"), opening=105_000, closes=103_000),
        page(3, Line(1_000, "R-3"), opening=103_000, closes=104_000, last=True),
    )
    take(place, first, third, second)

    assert booked(place) == ["R-1", "R-2", "R-3"]
    assert holds(place)


def test_whole_statements_on_the_pages_of_a_message(place: Place) -> None:
    """MsgPgntn counts files: a statement in it that adds up is whole. One that does not waits for its rest."""
    whole = camt(WHOLE, message="M-1", paging="<MsgPgntn><PgNb>1</PgNb><LastPgInd>false</LastPgInd></MsgPgntn>")
    assert intake.take(place.runtime, "a.xml", whole, actor="anna").new == 3
    for number, lines in enumerate(((Line(50, "R-8"),), (Line(20, "R-9"),)), 1):
        paging = f"<MsgPgntn><PgNb>{number}</PgNb><LastPgInd>{'false' if number == 1 else 'true'}</LastPgInd></MsgPgntn>"
        body = camt(replace(AFTER, lines=lines, closes=104_070), message=f"M-{number + 1}", paging=paging)
        taken = intake.take(place.runtime, "a.xml", body, actor="anna")

    assert (taken.new, booked(place)) == (2, ["R-1", "R-2", "R-3", "R-8", "R-9"])
    assert holds(place)


@pytest.mark.parametrize("change", ["page = NULL WHERE page = 2", "last_page = NULL WHERE page = 3", "page = page + 1"])
def test_the_check_sees_that_pages_were_changed(place: Place, change: str) -> None:
    """Pages are one statement only from the first to the last."""
    take(place, *PAGES)
    with place.runtime.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE statement SET {change}")
    with place.runtime.reading() as session:
        failed = [one.id for one in check(session, place.runtime) if not one.ok]

    assert "statements" in failed
