"""Time as it is: clocks that change, years that end, leap days, and a machine whose clock jumps."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import DateTime, select, text

from bridge import intake
from bridge.model import Base, Batch, Block, Move, Statement
from bridge.model.base import Instant
from bridge.reports import clock
from bridge.reports.check import run as check
from bridge.steps import PIPELINE, batch
from tests import engines
from tests.intake.papers import Line, advice
from tests.steps.place import NOW, Bill, Place, mandate_line
from tests.steps.test_batch import pending

ALONE = 'approval = "none"\nhandover = "folder"\n'


def at(words: str) -> datetime:
    """An instant, in UTC: "2028-03-27T07:30"."""
    return datetime.fromisoformat(f"{words}+00:00")


def billed(no: int, now: datetime) -> Bill:
    """An invoice that is due twelve days later."""
    return Bill(no, due=int((now + timedelta(days=12)).timestamp()))


def run(place: Place, now: datetime) -> list[str]:
    """Every step, as at this instant; returns the files that were cut."""
    before = {one.message_id for one in place.batches()}
    place.now = now
    for step, _ in PIPELINE.values():
        step(place.runtime)
    return [one.message_id for one in place.batches() if one.message_id not in before]


@pytest.mark.parametrize(
    ("timezone", "batch_at", "month", "runs"),
    [
        # 26 March 2028 has no 02:30, 31 October 2027 has it twice: Sundays, on which nothing is cut; once on the Monday
        ("Europe/Berlin", "02:30", "2028-03", {"26T00:59": 0, "26T01:00": 0, "27T00:29": 0, "27T00:30": 1, "27T01:30": 0}),
        ("Europe/Berlin", "02:30", "2027-10", {"31T00:30": 0, "31T01:30": 0, "32T01:29": 0, "32T01:30": 1, "32T02:30": 0}),
        # a Friday without 02:30: the first run after the gap
        ("Asia/Jerusalem", "02:30", "2028-03", {"23T23:59": 0, "24T00:00": 1, "24T00:30": 0}),
        # a Thursday that has 23:30 twice: the first one
        ("Africa/Cairo", "23:30", "2027-10", {"28T20:29": 0, "28T20:30": 1, "28T21:29": 0, "28T21:30": 0}),
    ],
)  # fmt: skip
def test_a_day_on_which_the_clocks_change_is_cut_once(
    tmp_path: Path, timezone: str, batch_at: str, month: str, runs: dict[str, int]
) -> None:
    """Whether batch_at does not exist that day or comes twice: one cut a bank day, though something is due at each run.

    The runs are in UTC, by the day of the month, which is counted on into the next one.
    """
    moments = {words: at(f"{month}-01T{words[3:]}") + timedelta(days=int(words[:2]) - 1) for words in runs}
    place = Place(tmp_path, now=min(moments.values()), collection=f'batch_at = "{batch_at}"\n{ALONE}')
    place.rewrite('timezone = "Europe/Berlin"', f'timezone = "{timezone}"')
    place.mandates()
    cut = {}
    for number, (words, moment) in enumerate(moments.items(), 1):
        place.bill(billed(number, moment))
        cut[words] = len(run(place, moment))

    assert cut == runs


@pytest.mark.parametrize(
    ("now", "day", "due_on"),
    [
        ("2026-11-23T22:59", date(2026, 11, 23), date(2026, 12, 7)),
        ("2026-11-23T23:30", date(2026, 11, 24), date(2026, 12, 7)),  # half past midnight in Berlin
        ("2027-06-23T21:59", date(2027, 6, 23), date(2027, 7, 5)),
        ("2027-06-23T22:30", date(2027, 6, 24), date(2027, 7, 6)),  # in summer two hours
        ("2026-12-31T22:59", date(2026, 12, 31), date(2027, 1, 12)),
        ("2026-12-31T23:30", date(2027, 1, 1), date(2027, 1, 13)),
        ("2028-02-16T23:30", date(2028, 2, 17), date(2028, 2, 29)),
        ("2028-02-28T23:30", date(2028, 2, 29), date(2028, 3, 13)),
    ],
)
def test_the_business_day_is_the_one_in_berlin(tmp_path: Path, now: str, day: date, due_on: date) -> None:
    """Name, number and every move of a file are of the day in Berlin, and so is the due date, twelve days later."""
    place = Place(tmp_path, now=at(now), collection=f'batch_at = ""\n{ALONE}')
    place.mandates()
    place.bill(billed(1, at(now)))
    [name] = run(place, at(now))

    [one] = place.batches()
    assert (one.cut_on, one.cut_no, f"{day:%Y%m%d}-001" in name) == (day, 1, True)
    assert {move.booked_on for move in place.rows(Move) if move.noun in ("batch", "collection")} == {day}
    assert [block.due_on for block in place.rows(Block)] == [due_on]


def test_files_are_counted_anew_in_the_new_year(tmp_path: Path) -> None:
    """Two cuts an hour apart, in two years: each is the first of its day; the next one of the new day is the second."""
    place = Place(tmp_path, now=at("2026-12-31T22:30"), collection=f'batch_at = ""\n{ALONE}')
    place.mandates()
    names = []
    for number, now in enumerate(map(at, ("2026-12-31T22:30", "2026-12-31T23:30", "2027-01-01T09:00")), 1):
        place.bill(billed(number, now))
        names += run(place, now)

    assert [name.split("-", 1)[1][:12] for name in names] == ["20261231-001", "20270101-001", "20270101-002"]


@pytest.mark.parametrize(
    ("now", "due_on"),
    [
        ("2026-12-22T08:59", date(2026, 12, 24)),  # 09:59 in Berlin; TARGET is open on 24 and 31 December
        ("2026-12-22T09:01", date(2026, 12, 28)),
        ("2026-12-24T09:01", date(2026, 12, 30)),
        ("2026-12-30T08:59", date(2027, 1, 4)),  # 31 December, 4 January
        ("2026-12-30T09:01", date(2027, 1, 5)),
        ("2027-01-01T12:00", date(2027, 1, 6)),
    ],
)
def test_the_first_day_that_can_be_collected_at_the_end_of_the_year(tmp_path: Path, now: str, due_on: date) -> None:
    """What is overdue goes on the second TARGET day after the next cut-off: not on 25 and 26 December, weekends and 1 January."""
    place = Place(tmp_path, now=at(now))
    place.mandates()
    pending(place, Bill(1))
    batch.run(place.runtime)

    assert [block.due_on for block in place.rows(Block)] == [due_on]


JUMPS = {
    "two hours back": ("2026-11-23T06:30",),
    "a day back": ("2026-11-22T08:30",),
    "to a bank day before": ("2026-11-19T08:30", "2026-11-19T09:30"),
    "a year forward, and back": ("2027-11-23T08:30", "2026-11-23T09:00"),
}


@pytest.mark.parametrize("jump", JUMPS)
def test_a_clock_that_jumps(tmp_path: Path, jump: str) -> None:
    """Nothing is cut, sent or collected twice: each debit is in one file, each name is new, one cut a day; all checks hold."""
    place = Place(tmp_path, collection=f'batch_at = "09:00"\n{ALONE}')
    place.mandates(*(mandate_line(number) for number in range(1, 6)))
    place.bill(billed(1, NOW))
    run(place, NOW)
    before, ledger = place.outbox(), place.ledger("Clearing")
    for words in JUMPS[jump]:
        run(place, at(words))
        assert {name: place.outbox()[name] for name in before if name.endswith(".xml")} == {
            name: body for name, body in before.items() if name.endswith(".xml")
        }
    assert (place.outbox(), place.ledger("Clearing")) == (before, ledger)
    for number, now in enumerate((*map(at, JUMPS[jump]), NOW, NOW + timedelta(days=1)), 2):
        place.bill(billed(number, now))
        run(place, now)

    with place.runtime.reading() as session:
        assert [(one.id, one.detail) for one in check(session, place.runtime) if not one.ok] == []
        days = list(session.execute(select(Batch.cut_on, Batch.cut_no)))
    assert {number for _, number in days} == {1}
    assert len(set(days)) == len(days) > 1
    assert set(place.states().values()) == {"submitted"}
    assert len(place.states()) * 10_000 == place.ledger("Clearing")


def test_a_clock_that_went_back_is_told(tmp_path: Path) -> None:
    """Reports as known at a time believe the clock, so it is said when something was recorded in what is the future now."""
    place = Place(tmp_path, collection=f'batch_at = ""\n{ALONE}')
    place.mandates()
    run(place, NOW)

    with place.runtime.reading() as session:
        told = [clock.recorded_ahead(session, NOW - timedelta(minutes=minutes)) for minutes in (0, 5, 6)]
    assert told == [None, None, NOW]


def test_every_stored_instant_is_in_utc(tmp_path: Path) -> None:
    """The clock may tell the time of Berlin: in the database it is the one of UTC, read past everything of ours."""
    place = Place(tmp_path, collection=f'batch_at = ""\n{ALONE}')
    place.mandates()
    place.bill(billed(1, NOW))
    run(place, NOW.astimezone(place.runtime.zone))
    instants = [column for table in Base.metadata.sorted_tables for column in table.columns if isinstance(column.type, Instant)]
    assert not [one for table in Base.metadata.sorted_tables for one in table.columns if type(one.type) is DateTime]
    place.runtime.engine.dispose()
    with engines.plain(place.folder) as connection:
        if connection.dialect.name == engines.POSTGRESQL:
            connection.execute(text("SET timezone = 'UTC'"))
        stored = {
            str(one): {str(at)[:19] for (at,) in connection.execute(text(f'SELECT "{one.name}" FROM "{one.table.name}"'))}
            for one in instants
        }

    assert all(stored[name] == {f"{NOW:%Y-%m-%d %H:%M:%S}"} for name in RECORDED)
    assert {at[:10] for name in stored for at in stored[name] if name.endswith(".recorded_at")} == {f"{NOW:%Y-%m-%d}"}


#: columns that hold when something was written
RECORDED = ("move.recorded_at", "voucher.recorded_at", "batch.created_at", "audit.recorded_at", "document.recorded_at")


def test_an_advice_of_half_past_midnight_is_of_the_new_day(tmp_path: Path) -> None:
    """An advice has no balance and so no day of its own: it is of the day on which it was made, in Berlin."""
    place = Place(tmp_path, now=at("2026-11-20T23:45"))
    body = advice(Line(1_000, "R-1")).replace(b"2026-11-20T21:00:00Z", b"2026-11-20T23:30:00Z")
    intake.take(place.runtime, "advice.xml", body, actor="receive")

    assert [(one.posting, one.closing_on) for one in place.rows(Statement)] == [("advice", date(2026, 11, 21))]
