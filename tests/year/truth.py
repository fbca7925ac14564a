"""What really happened in the simulated year, one line after the other: on the chain, at the bank, and what people said of it.

Standard library only. Whoever simulates writes here, and the second computation reads nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

Place = tuple[str, str, str]  # a bank line: account, day, the bank's reference

#: Good Friday, Easter Monday and the fixed days on which TARGET is closed, written out for the years that are simulated
CLOSED = frozenset(
    date.fromisoformat(day)
    for day in (
        "2026-12-25", "2027-01-01", "2027-03-26", "2027-03-29", "2028-01-01", "2028-04-14", "2028-04-17", "2028-05-01",
        "2028-12-25", "2028-12-26",
    )
)  # fmt: skip


def is_bank_day(day: date) -> bool:
    """Whether banks book on this day."""
    return day.weekday() < 5 and day not in CLOSED


def bank_day_after(day: date, count: int) -> date:
    """The ``count``-th bank day after a day; 0: the day itself, or the next one that is a bank day."""
    for _ in range(count):
        day = bank_day_after(day + timedelta(days=1), 0)
    while not is_bank_day(day):
        day += timedelta(days=1)
    return day


def bank_day_before(day: date) -> date:
    """The last bank day before a day."""
    day -= timedelta(days=1)
    while not is_bank_day(day):
        day -= timedelta(days=1)
    return day


@dataclass(frozen=True, slots=True)
class Part:
    """What a debit's own line, or a part of it, really is: credited (cents > 0) or taken back (< 0)."""

    debit: str
    cents: int


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. ``what``:

    on the chain: "billed", "cancelled" (invoice); at the bank: "sent", "rejected", "withdrawn" (debit), "opened" (account),
    "booked" (line, with its parts and the fee inside it), "fee" (line); what people said of a line, signed as the line:
    "transfer", "refund" (invoice), "not ours", "taken off" (another line), each also with ``undone``; and of invoices: "credit
    used" (invoice to other), "written off" (invoice).
    """

    what: str
    cents: int = 0
    invoice: str = ""
    other: str = ""
    debit: str = ""
    account: str = ""
    line: Place = ("", "", "")
    counterpart: Place = ("", "", "")
    parts: tuple[Part, ...] = ()
    fee_cents: int = 0
    interchange_cents: int = 0  # of the fee: what the debtor's bank takes
    undone: bool = False


@dataclass(slots=True)
class Truth:
    """All that happened, in order."""

    events: list[Event] = field(default_factory=list)

    def note(self, event: Event) -> None:
        self.events.append(event)

    def since(self, number: int) -> Iterator[Event]:
        """The events from this number on."""
        return iter(self.events[number:])


def invoice_of(debit: str) -> str:
    """The invoice's number in an EndToEndId."""
    return debit.rpartition("-")[0]
