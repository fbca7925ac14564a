"""From which day on a debtor may be erased, and a file destroyed. Pure.

Source: AO §147 with GoBD (booked documents: whole years, counted from the end of the year); the banks' terms for EPC130-08 (the
mandate: at least 14 months after its last debit, because an unauthorised one may be claimed back for 13).
"""

from __future__ import annotations

from datetime import date, timedelta

from bridge.rules.ages import months_later


def free_from(*, booked_on: date | None, mandate_until: date | None, booked_years: int, mandate_months: int) -> tuple[date, str]:
    """The first day, and what keeps him until then.

    ``booked_on``: the last day on which anything was booked of him; ``mandate_until``: the day on which his signed mandate ended,
    or its last debit was presented, whichever is later. None where there was nothing: then any day is free, the day is date.min.
    """
    waits: list[tuple[date, str]] = [(date.min, "")]
    if booked_on is not None:
        waits.append(
            (date(booked_on.year + booked_years + 1, 1, 1), f"{booked_on} was the last day on which something was booked")
        )
    if mandate_until is not None:
        after = months_later(mandate_until, mandate_months) + timedelta(days=1)
        waits.append((after, f"{mandate_until} was the mandate's last day or debit"))
    return max(waits)


def kept_from(today: date, booked_years: int) -> date:
    """The first day whose bookings must still be kept; a file that rests on earlier ones alone may be destroyed."""
    return date(today.year - booked_years, 1, 1)
