"""What the bank is expected to credit on each TARGET day, and how much of it is expected to fail.

Three kinds, by how certain they are: debits at the bank, debits in files that have not left, debits that stand in no file yet.
What waits for a person is listed beside them and counted nowhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import balances
from bridge.model import Account, Invoice, Notice
from bridge.reports import evidence, presented, tables
from bridge.reports.asked import Asked
from bridge.reports.presented import Debit
from bridge.reports.rendering import cents, day
from bridge.reports.return_rates import group
from bridge.reports.tables import Page
from bridge.reports.words import note, word
from bridge.rules import calendar
from bridge.rules.ages import Rate
from bridge.rules.lifecycle import PATIENCE_DAYS
from bridge.runtime import Runtime

MEASURED_DAYS = 365  # the rate is that of a year's debits, without those whose returns may still be on their way
KINDS = {"submitted": "submitted", "accepted": "submitted", "batched": "in_files", "pending": "formed"}


@dataclass(frozen=True, slots=True)
class ForecastDay:
    """A TARGET day. ``overdue``: its day has passed, and the bank has not answered, or the file has not left."""

    day: date
    overdue: bool
    debits: int
    submitted_cents: int
    in_files_cents: int
    formed_cents: int
    expected_cents: int
    loss_cents: int  # of what is expected, by the measured rate, rounded up to the cent
    net_cents: int


@dataclass(frozen=True, slots=True)
class Uncounted:
    """What would be collected if somebody did something: held debits, held invoices, open invoices without a debit."""

    what: str
    count: int
    cents: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """The rate is failed / decided by amount, of the debits due from ``measured_since`` until ``measured_until``."""

    asked: Asked
    measured_since: date
    measured_until: date
    failed_cents: int
    decided_cents: int
    days: list[ForecastDay]
    uncounted: list[Uncounted]

    @property
    def rate(self) -> Rate:
        return Rate(self.failed_cents, self.decided_cents)

    @property
    def submitted_cents(self) -> int:
        """What is at the bank: the clearing of the reconciliation in the same view."""
        return sum(one.submitted_cents for one in self.days)

    @property
    def document(self) -> dict[str, object]:
        """The report as JSON has it."""
        return {
            **self.asked.header,
            "measured_since": self.measured_since,
            "measured_until": self.measured_until,
            "failed_cents": self.failed_cents,
            "decided_cents": self.decided_cents,
            "rate_basis_points": self.rate.basis_points,
            "submitted_cents": self.submitted_cents,
            "expected_cents": sum(one.expected_cents for one in self.days),
            "loss_cents": sum(one.loss_cents for one in self.days),
            "net_cents": sum(one.net_cents for one in self.days),
            "days": self.days,
            "uncounted": self.uncounted,
        }


def build(session: Session, runtime: Runtime, asked: Asked) -> Forecast:
    """Look ahead from the view; the bank's cut-off and lead days are those of its profile today."""
    debits = presented.debits(session, asked.view)
    since, until = asked.on - timedelta(days=MEASURED_DAYS), calendar.add_target_days(asked.on, -PATIENCE_DAYS)
    # rejections come days before the first credit: a rate of what was only just presented would be far too high
    decided = (one for one in debits if one.presented and one.file_due_on and since <= one.file_due_on <= until)
    measured = group("", decided).of_amount
    reached = _first_days(session, runtime, asked, [one for one in debits if one.state == "pending"])
    by_day: dict[date, list[Debit]] = defaultdict(list)
    for one in debits:
        if one.state in KINDS:
            by_day[reached[one.id] if one.state == "pending" else one.file_due_on or asked.on].append(one)
    return Forecast(
        asked=asked,
        measured_since=since,
        measured_until=until,
        failed_cents=measured.part,
        decided_cents=measured.whole,
        days=[_day(on, by_day[on], measured, asked.on) for on in sorted(by_day)],
        uncounted=_uncounted(session, asked, debits),
    )


def _day(on: date, some: list[Debit], measured: Rate, today: date) -> ForecastDay:
    sums: Counter[str] = Counter()
    for one in some:
        sums[KINDS[one.state]] += one.amount_cents
    expected = sums.total()
    loss = measured.of(expected)
    kinds = (sums["submitted"], sums["in_files"], sums["formed"])
    return ForecastDay(on, on < today, len(some), *kinds, expected, loss, expected - loss)


def _first_days(session: Session, runtime: Runtime, asked: Asked, some: list[Debit]) -> dict[int, date]:
    """For each debit in no file the first day that a file of the view's evening reaches, never before the day it was told."""
    due = {invoice_id: due_on for invoice_id, due_on in session.execute(select(Invoice.id, Invoice.due_on))} if some else {}
    profiles = {row_id: runtime.profile(bank) for row_id, bank in session.execute(select(Account.id, Account.bank))}
    told: dict[int, date] = {}
    if some:  # the last notice in view: a column of the collection would tell today's date
        notices = select(Notice.collection_id, Notice.due_on, Notice.recorded_at).order_by(Notice.id)
        told = {found: due_on for found, due_on, at in session.execute(notices) if asked.saw(at)}
    now = asked.evening.astimezone(asked.zone)
    return {
        one.id: max(calendar.due_on(due[one.invoice_id], now, profiles[one.account_id]), told.get(one.id, date.min))
        for one in some
    }


def _uncounted(session: Session, asked: Asked, debits: list[Debit]) -> list[Uncounted]:
    held = [one.amount_cents for one in debits if one.state == "held"]
    states = evidence.states(session, asked.view, "invoice")
    owed: dict[str, list[int]] = {"held": [], "open": []}
    for invoice_id, cents_owed in balances.by_subject(session, "Receivable", asked.view).items():
        if cents_owed > 0 and states.get(invoice_id) in owed:
            owed[states[invoice_id]].append(cents_owed)
    return [
        Uncounted("held_debits", len(held), sum(held)),
        Uncounted("held_invoices", len(owed["held"]), sum(owed["held"])),
        Uncounted("open_invoices", len(owed["open"]), sum(owed["open"])),
    ]


def page(found: Forecast, lang: str) -> Page:
    """The report in the reader's words."""
    rows: list[tables.Row] = [
        (
            one.day,
            word("yes", lang) if one.overdue else "",
            one.debits,
            one.submitted_cents,
            one.in_files_cents,
            one.formed_cents,
            one.expected_cents,
            one.loss_cents,
            one.net_cents,
        )
        for one in found.days
    ]
    totals = tables.sums(rows, 2, 9)
    by_day = tables.table(
        "forecast",
        "day:date overdue debits:count submitted:cents in_files:cents formed:cents expected:cents loss:cents net:cents",
        rows,
        lang,
        (word("total", lang), "", *totals),
    )
    uncounted = tables.table(
        "uncounted", "what count:count eur:cents", [(word(one.what, lang), one.count, one.cents) for one in found.uncounted], lang
    )
    shown = [cents(value, lang) for value in (found.failed_cents, found.decided_cents, found.rate.basis_points)]
    notes = [note("forecast", lang, *shown, day(found.measured_since, lang), day(found.measured_until, lang))]
    return tables.page("forecast", found.asked, lang, tables=[by_day, uncounted], filed="forecast", notes=notes)
