"""What a report was asked: its view, the moment of its knowledge, and the day from which it counts ages and days.

A report prints both. Asked again with the moment it printed as ``--known-at`` (and the same ``--as-of``) it says the same, byte
for byte, whatever was booked, undone or amended since.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from bridge.balances import View
from bridge.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Asked:
    """``at`` is what was known until when (aware); ``on`` the day of the view; ``zone`` that of the plant."""

    view: View
    at: datetime
    on: date
    zone: ZoneInfo

    @property
    def evening(self) -> datetime:
        """The moment from which a report looks ahead: the end of the day that was asked for, else the moment of knowledge."""
        return self.at if self.view.as_of is None else datetime.combine(self.on, time(23, 59), self.zone).astimezone(UTC)

    def saw(self, recorded_at: datetime) -> bool:
        """Whether something that has only a time, no date of booking, is in view."""
        return (self.view.known_at is None or recorded_at <= self.view.known_at) and self.day(recorded_at) <= (
            self.view.as_of or date.max
        )

    def day(self, at: datetime) -> date:
        """The date of a moment where the plant is."""
        return at.astimezone(self.zone).date()

    @property
    def header(self) -> dict[str, str | None]:
        """The view as a report's JSON has it: ISO, the moment with its offset."""
        as_of = self.view.as_of.isoformat() if self.view.as_of else None
        return {"as_of": as_of, "known_at": self.at.astimezone(self.zone).isoformat(), "on": self.on.isoformat()}


def ask(runtime: Runtime, view: View) -> Asked:
    """Fix the moment and the day of a view: what is not asked for is now."""
    at = view.known_at or runtime.clock().astimezone(UTC)
    return Asked(view, at, view.as_of or at.astimezone(runtime.zone).date(), runtime.zone)
