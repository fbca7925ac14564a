"""Pure: TARGET days, when a file must be at the bank, and the first day that can still be collected.

TARGET (T2) closes on Saturdays, Sundays, 1 January, Good Friday, Easter Monday, 1 May, 25 and 26 December (ECB press release of
14 December 2000, "until further notice"; in force since 2002). National holidays do not count: 24 and 31 December, 3 October and
Ascension are open.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from bridge.records.profile import BankProfile

_DAY = timedelta(days=1)


def is_target_day(day: date) -> bool:
    """Whether SEPA settles on this day."""
    return day.weekday() < 5 and day not in _holidays(day.year)


def next_target_day(day: date) -> date:
    """The day itself if TARGET is open, else the first open day after it."""
    while not is_target_day(day):
        day += _DAY
    return day


def add_target_days(day: date, count: int) -> date:
    """The ``count``-th TARGET day after ``day`` (before it, if negative); 0 gives ``next_target_day(day)``."""
    if count == 0:
        return next_target_day(day)
    step = _DAY if count > 0 else -_DAY
    for _ in range(abs(count)):
        day += step
        while not is_target_day(day):
            day += step
    return day


def target_days_between(start: date, end: date) -> int:
    """How many TARGET days lead from ``start`` to ``end``: the open days after ``start`` up to and with ``end``.

    Negative when ``end`` is earlier. Between open days ``add_target_days(start, target_days_between(start, end)) == end``.
    """
    if end < start:
        return -_open_days(end, start - _DAY)
    return _open_days(start + _DAY, end)


def presentation_window(due_on: date, profile: BankProfile) -> tuple[date, datetime]:
    """When a debit due on a TARGET day may be presented: the first day, and the last instant (UTC).

    The last instant is the bank's cut-off, ``lead_days`` TARGET days before the due date; at that very instant it still counts.
    The first day is ``earliest_days`` calendar days before (EPC016-06: banks may refuse a file more than 14 days early).
    Raises ValueError where TARGET is closed: such a due date must not exist.
    """
    if not is_target_day(due_on):
        raise ValueError(f"{due_on} is not a TARGET day")
    presented_on = add_target_days(due_on, -profile.lead_days)
    return due_on - timedelta(days=profile.earliest_days), cut_off(presented_on, profile)


def earliest_due(now: datetime, profile: BankProfile) -> date:
    """The first TARGET day that a file handed to the bank at ``now`` (aware) can still be due on."""
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    today = now.astimezone(ZoneInfo(profile.timezone)).date()
    presented_on = next_target_day(today)
    if now.astimezone(UTC) > cut_off(presented_on, profile):
        presented_on = add_target_days(presented_on, 1)
    return add_target_days(presented_on, profile.lead_days)


def due_on(invoice_due: date, now: datetime, profile: BankProfile) -> date:
    """The day an invoice is collected: not before it is due, reachable from ``now``, and a TARGET day.

    Never earlier than asked: the debtor was told a date, and only a later one is fair.
    """
    return max(next_target_day(invoice_due), earliest_due(now, profile))


def cut_off(day: date, profile: BankProfile) -> datetime:
    """In UTC, because Python compares two datetimes of one time zone by the wall clock and forgets the changing of the clocks."""
    local = datetime.combine(day, time.fromisoformat(profile.cut_off), ZoneInfo(profile.timezone))
    return local.astimezone(UTC)


def _open_days(first: date, last: date) -> int:
    return sum(is_target_day(first + timedelta(days=offset)) for offset in range((last - first).days + 1))


@lru_cache(maxsize=64)
def _holidays(year: int) -> frozenset[date]:
    easter = _easter(year)
    fixed = {date(year, 1, 1), date(year, 5, 1), date(year, 12, 25), date(year, 12, 26)}
    return frozenset(fixed | {easter - 2 * _DAY, easter + _DAY})


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus, Astronomical Algorithms, chapter 8)."""
    golden = year % 19
    century = year // 100
    skipped = century - century // 4 - (8 * century + 13) // 25
    moon = (19 * golden + skipped + 15) % 30
    moon -= (moon // 28) * (1 - (moon // 28) * (29 // (moon + 1)) * ((21 - golden) // 11))
    weekday = (year + year // 4 + moon + 2 - century + century // 4) % 7
    after = moon - weekday
    month = 3 + (after + 40) // 44
    return date(year, month, after + 28 - 31 * (month // 4))
