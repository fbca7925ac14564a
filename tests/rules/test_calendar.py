"""TARGET days, presentation and the first day that can still be collected."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.records.profile import BankProfile
from bridge.rules import calendar
from tests.testdata import TESTDATA

BERLIN = ZoneInfo("Europe/Berlin")
# Cut-off 10:00 in Berlin, two TARGET days before the due date, at most 14 calendar days before it.
BANK = BankProfile(name="test", title="Test")


def test_closing_days_of_2026() -> None:
    """Closed: weekends, 1 January, Good Friday, Easter Monday, 1 May, 25 and 26 December; nothing else."""
    year = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    weekdays = [day for day in year if day.weekday() < 5 and not calendar.is_target_day(day)]

    assert weekdays == [date(2026, 1, 1), date(2026, 4, 3), date(2026, 4, 6), date(2026, 5, 1), date(2026, 12, 25)]
    assert not any(calendar.is_target_day(day) for day in year if day.weekday() >= 5)


@pytest.mark.parametrize(
    "day", [date(2026, 12, 24), date(2026, 12, 31), date(2025, 10, 3), date(2026, 5, 14), date(2026, 5, 25), date(2026, 6, 4)]
)
def test_national_holidays_are_open(day: date) -> None:
    """24 and 31 December, 3 October, Ascension, Whit Monday and Corpus Christi settle."""
    assert calendar.is_target_day(day)


@pytest.mark.parametrize(
    ("year", "friday", "monday"),
    [(2024, (3, 29), (4, 1)), (2027, (3, 26), (3, 29)), (2028, (4, 14), (4, 17)), (2038, (4, 23), (4, 26))],
)
def test_easter_moves(year: int, friday: tuple[int, int], monday: tuple[int, int]) -> None:
    """Good Friday and Easter Monday follow the Gregorian Easter, its latest days too."""
    assert not calendar.is_target_day(date(year, *friday))
    assert not calendar.is_target_day(date(year, *monday))
    assert calendar.is_target_day(date(year, *monday) + timedelta(days=1))


def butcher(year: int) -> date:
    """Easter Sunday by Butcher's rule of 1876: another way to compute it."""
    century, rest = divmod(year, 100)
    d, e = divmod(century, 4)
    i, k = divmod(rest, 4)
    h = (19 * (year % 19) + century - d - (8 * century + 13) // 25 + 15) % 30
    m = (32 + 2 * e + 2 * i - h - k) % 7
    month, day = divmod(h + m - 7 * ((year % 19 + 11 * h + 22 * m) // 451) + 114, 31)
    return date(year, month, day + 1)


def test_easter_of_five_centuries() -> None:
    """From 1901 to 2399 Good Friday and Easter Monday are closed, and no other weekday of March and April is."""
    for year in range(1901, 2400):
        days = [date(year, 3, 1) + timedelta(days=n) for n in range(61)]

        closed = [day for day in days if day.weekday() < 5 and not calendar.is_target_day(day)]
        assert closed == [butcher(year) - timedelta(days=2), butcher(year) + timedelta(days=1)]


def test_next_target_day_over_easter() -> None:
    """From Good Friday the next open day is the Tuesday after; an open day stays."""
    assert calendar.next_target_day(date(2026, 4, 3)) == date(2026, 4, 7)
    assert calendar.next_target_day(date(2026, 4, 2)) == date(2026, 4, 2)


@pytest.mark.parametrize(
    ("start", "count", "end"),
    [
        (date(2026, 12, 24), 1, date(2026, 12, 28)),
        (date(2026, 12, 24), 5, date(2027, 1, 4)),
        (date(2027, 1, 4), -1, date(2026, 12, 31)),
        (date(2026, 4, 7), -1, date(2026, 4, 2)),
        (date(2026, 11, 21), 1, date(2026, 11, 23)),
        (date(2026, 11, 21), -1, date(2026, 11, 20)),
        (date(2026, 11, 21), 0, date(2026, 11, 23)),
        (date(2026, 11, 23), 0, date(2026, 11, 23)),
    ],
)
def test_adding_target_days(start: date, count: int, end: date) -> None:
    """Counting skips weekends, Christmas, New Year and Easter in both directions; 0 is the next open day."""
    assert calendar.add_target_days(start, count) == end


def test_days_between() -> None:
    """From Wednesday before Christmas 2026 to Tuesday after: Thursday, Monday, Tuesday."""
    assert calendar.target_days_between(date(2026, 12, 23), date(2026, 12, 29)) == 3
    assert calendar.target_days_between(date(2026, 12, 29), date(2026, 12, 23)) == -3
    assert calendar.target_days_between(date(2026, 12, 23), date(2026, 12, 23)) == 0
    assert calendar.target_days_between(date(2026, 12, 25), date(2026, 12, 27)) == 0


@given(st.dates(date(2020, 1, 1), date(2060, 12, 31)), st.integers(-30, 30))
def test_between_undoes_adding(day: date, count: int) -> None:
    """Between open days, adding and counting are each other's inverse."""
    start = calendar.next_target_day(day)

    assert calendar.target_days_between(start, calendar.add_target_days(start, count)) == count


def test_window_of_an_ordinary_day() -> None:
    """Due on Tuesday 8 December 2026: from 24 November, until Friday 4 December 10:00 in Berlin, 09:00 UTC."""
    first, latest = calendar.presentation_window(date(2026, 12, 8), BANK)

    assert first == date(2026, 11, 24)
    assert latest == datetime(2026, 12, 4, 9, 0, tzinfo=UTC)


def test_cut_off_follows_the_clock_change() -> None:
    """10:00 in Berlin is 09:00 UTC before 29 March 2026 and 08:00 UTC after it."""
    assert calendar.presentation_window(date(2026, 3, 31), BANK)[1] == datetime(2026, 3, 27, 9, 0, tzinfo=UTC)
    assert calendar.presentation_window(date(2026, 4, 1), BANK)[1] == datetime(2026, 3, 30, 8, 0, tzinfo=UTC)


def test_window_over_new_year() -> None:
    """Due on Monday 4 January 2027: latest Wednesday 30 December, because 1 January is closed."""
    assert calendar.presentation_window(date(2027, 1, 4), BANK)[1] == datetime(2026, 12, 30, 9, 0, tzinfo=UTC)


def test_window_of_a_closed_day_is_a_bug() -> None:
    """No due date on a closed day may exist, so asking for its window is refused."""
    with pytest.raises(ValueError, match="2026-12-25 is not a TARGET day"):
        calendar.presentation_window(date(2026, 12, 25), BANK)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (datetime(2026, 11, 23, 9, 59, 59, tzinfo=BERLIN), date(2026, 11, 25)),
        (datetime(2026, 11, 23, 10, 0, tzinfo=BERLIN), date(2026, 11, 25)),
        (datetime(2026, 11, 23, 10, 0, 1, tzinfo=BERLIN), date(2026, 11, 26)),
        (datetime(2026, 11, 20, 10, 1, tzinfo=BERLIN), date(2026, 11, 25)),
        (datetime(2026, 11, 21, 23, 0, tzinfo=BERLIN), date(2026, 11, 25)),
        (datetime(2026, 12, 24, 10, 1, tzinfo=BERLIN), date(2026, 12, 30)),
        (datetime(2026, 12, 30, 10, 1, tzinfo=BERLIN), date(2027, 1, 5)),
        (datetime(2026, 4, 2, 10, 1, tzinfo=BERLIN), date(2026, 4, 9)),
        # Sunday 22:30 UTC is Sunday still in Berlin (winter); in summer it is Monday.
        (datetime(2026, 11, 22, 22, 30, tzinfo=UTC), date(2026, 11, 25)),
        (datetime(2026, 10, 25, 9, 30, tzinfo=UTC), date(2026, 10, 28)),
    ],
)
def test_earliest_due(now: datetime, due: date) -> None:
    """Until the cut-off, that instant included, two TARGET days on; after it, one more; weekends and holidays wait."""
    assert calendar.earliest_due(now, BANK) == due


def test_cut_off_that_the_clocks_skip_or_repeat() -> None:
    """A cut-off in a skipped hour is moved by that hour, one in a repeated hour is its first time; both are one instant."""
    # Jerusalem skips 02:00 to 03:00 on Friday 27 March 2026 (UTC+2 to +3).
    # Cairo repeats 23:00 to 24:00 on Thursday 29 October 2026 (UTC+3 to +2).
    skipped = BankProfile(name="s", title="S", cut_off="02:30", timezone="Asia/Jerusalem")
    repeated = BankProfile(name="r", title="R", cut_off="23:30", timezone="Africa/Cairo")

    assert calendar.presentation_window(date(2026, 3, 31), skipped)[1] == datetime(2026, 3, 27, 0, 30, tzinfo=UTC)
    assert calendar.presentation_window(date(2026, 11, 2), repeated)[1] == datetime(2026, 10, 29, 20, 30, tzinfo=UTC)
    assert calendar.earliest_due(datetime(2026, 10, 29, 20, 31, tzinfo=UTC), repeated) == date(2026, 11, 3)


def test_naive_now_is_refused() -> None:
    """A time without a zone cannot be held against a cut-off."""
    with pytest.raises(ValueError, match="aware"):
        calendar.earliest_due(datetime(2026, 11, 23, 9), BANK)


@given(st.datetimes(datetime(2024, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)), st.integers(0, 5))
def test_earliest_due_is_reachable_and_the_first(now: datetime, lead: int) -> None:
    """The day found can still be presented now, and the TARGET day before it cannot."""
    bank = BankProfile(name="t", title="T", lead_days=lead)
    due = calendar.earliest_due(now, bank)

    assert now <= calendar.presentation_window(due, bank)[1]
    assert now > calendar.presentation_window(calendar.add_target_days(due, -1), bank)[1]


@given(st.dates(date(2026, 1, 1), date(2027, 12, 31)))
def test_never_earlier_than_asked(asked: date) -> None:
    """An invoice is collected on a TARGET day, not before it is due and not before the bank can."""
    now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    due = calendar.due_on(asked, now, BANK)

    assert due >= asked
    assert due >= date(2026, 11, 25)
    assert calendar.is_target_day(due)


def test_due_on_rolls_forward() -> None:
    """Asked for Christmas Day 2026, a Friday, it is collected on Monday the 28th; a date gone by, on the first day possible."""
    now = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)

    assert calendar.due_on(date(2026, 12, 25), now, BANK) == date(2026, 12, 28)
    assert calendar.due_on(date(2026, 11, 1), now, BANK) == date(2026, 11, 25)


if TESTDATA is not None:

    def test_eight_years_of_closing_days() -> None:
        """From 2024 to 2031 exactly the 48 listed holidays are closed, weekends aside."""
        with TESTDATA.joinpath("vectors/target_closing_days_2024_2031.csv").open(encoding="utf-8") as lines:
            listed = {date.fromisoformat(row["date"]) for row in csv.DictReader(lines)}
        days = [date(2024, 1, 1) + timedelta(days=n) for n in range(8 * 365 + 2)]

        assert len(listed) == 48
        assert days[-1] == date(2031, 12, 31)
        assert {d for d in days if not calendar.is_target_day(d)} == listed | {d for d in days if d.weekday() >= 5}
