"""What a monitoring system asks at every scrape: gauges, read from the database alone, so that any process says the same.

A handful of set-based queries; no name, no IBAN: an account is labelled with its id in bridge.toml. Amounts are cents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import voucher_chain
from bridge.model import Account, Batch, Block, Break, Collection, Cursor, Entry, Source, Statement, StepRun, Voucher
from bridge.model.batch import BATCH_STATES
from bridge.model.collection import IN_FLIGHT_STATES
from bridge.rules import calendar
from bridge.runtime import Runtime

#: states of a debit before the bank has it
WAITING_STATES = ("pending", "held", "batched")
#: states of a file that must still be handed to the bank
TO_HAND_OVER_STATES = ("sealed", "approved", "exported")
#: label of a Break's age -> its last day; the last one has no end
BREAK_AGES: dict[str, int | None] = {"0-1": 1, "2-5": 5, "6-30": 30, "over 30": None}

Samples = dict[tuple[str, ...], int]


@dataclass(frozen=True, slots=True)
class Gauge:
    """One metric: values of ``labels`` -> its value now. The unit is the last word of the name."""

    name: str
    what: str
    labels: tuple[str, ...]
    samples: Samples


def build(session: Session, runtime: Runtime) -> list[Gauge]:
    """Every gauge, on one snapshot."""
    now = runtime.clock()
    of_us = (_collections, _breaks, _files, _books)
    parts = (_sources(session, now), *(part(session, runtime) for part in of_us), _steps(session, now))
    return [gauge for part in parts for gauge in part]


def _sources(session: Session, now: datetime) -> Iterator[Gauge]:
    """A source that was never read has no cursor, and no sample."""
    cursors = select(Source.name, Cursor.block_number, Cursor.final_number, Cursor.moved_at)
    rows = session.execute(cursors.join(Cursor, Cursor.source_id == Source.id)).all()
    yield Gauge("source_block", "the block up to which a source was read", ("source",), {(r.name,): r.block_number for r in rows})
    behind: Samples = {(r.name,): max(0, r.final_number - r.block_number) for r in rows if r.final_number is not None}
    yield Gauge("source_lag_blocks", "final blocks that were not read yet when the source last moved", ("source",), behind)
    ages: Samples = {(r.name,): _seconds(now - r.moved_at) for r in rows}
    yield Gauge("source_lag_seconds", "seconds since the source last moved on", ("source",), ages)


def _collections(session: Session, runtime: Runtime) -> Iterator[Gauge]:
    overdue = (Collection.due_on < runtime.today()).label("overdue")
    grouped = select(Collection.state, overdue, func.count().label("debits"), func.sum(Collection.amount_cents).label("cents"))
    states = WAITING_STATES + IN_FLIGHT_STATES
    rows = session.execute(grouped.where(Collection.state.in_(states)).group_by(Collection.state, overdue)).all()
    debits, cents, late, late_cents = (Counter(dict.fromkeys(states, 0)), *(Counter[str]() for _ in range(3)))
    for row in rows:
        debits[row.state] += row.debits
        cents[row.state] += int(row.cents)
        if row.overdue and row.state in WAITING_STATES:
            late[row.state] += row.debits
            late_cents[row.state] += int(row.cents)
    yield Gauge("collections", "debits that wait, or are at the bank, by state", ("state",), _of(debits, states))
    yield Gauge("collections_cents", "their amounts", ("state",), _of(cents, states))
    yield Gauge(
        "collections_overdue", "debits past their date that the bank does not have", ("state",), _of(late, WAITING_STATES)
    )
    yield Gauge("collections_overdue_cents", "their amounts", ("state",), _of(late_cents, WAITING_STATES))


def _breaks(session: Session, runtime: Runtime) -> Iterator[Gauge]:
    grouped = select(Break.kind, Break.opened_on, func.count()).where(Break.closed_at.is_(None))
    found: Counter[tuple[str, ...]] = Counter()
    for kind, opened_on, count in session.execute(grouped.group_by(Break.kind, Break.opened_on)):
        found[kind, _age((runtime.today() - opened_on).days)] += count
    yield Gauge("breaks_open", "what a person must look at, by kind and age in days", ("kind", "age_days"), found)


def _files(session: Session, runtime: Runtime) -> Iterator[Gauge]:
    """An account without a file to hand over has no sample of its cut-off; one whose hour is over has a negative one."""
    batches = Counter({state: count for state, count in session.execute(select(Batch.state, func.count()).group_by(Batch.state))})
    yield Gauge("batches", "files for the bank by state", ("state",), _of(batches, BATCH_STATES))
    waiting = select(Account.name, Account.bank, func.min(Block.due_on)).join(Batch, Batch.account_id == Account.id)
    waiting = waiting.join(Block, Block.batch_id == Batch.id).where(Batch.state.in_(TO_HAND_OVER_STATES))
    left: Samples = {}
    for name, bank, due_on in session.execute(waiting.group_by(Account.name, Account.bank)):
        latest = calendar.presentation_window(due_on, runtime.profile(bank))[1]
        left[name,] = (latest - runtime.clock()) // timedelta(seconds=1)
    yield Gauge("next_cutoff_seconds", "seconds until the bank's cut-off for the first file to hand over", ("account",), left)


def _books(session: Session, runtime: Runtime) -> Iterator[Gauge]:
    posted = (Statement.account_id == Account.id) & (Statement.posting == "posted")
    last = select(Account.name, func.max(Statement.closing_on), func.count(Statement.id)).outerjoin(Statement, posted)
    rows = session.execute(last.group_by(Account.name)).all()
    ages: Samples = {(name,): max(0, (runtime.today() - on).days) for name, on, _ in rows if on is not None}
    yield Gauge("account_statement_age_days", "days since the last booked statement of an account", ("account",), ages)
    booked: Samples = {(name,): count for name, _, count in rows}
    yield Gauge("account_statements", "booked statements of an account", ("account",), booked)
    parked = session.scalar(select(func.count()).select_from(Statement).where(Statement.posting == "parked")) or 0
    yield Gauge("statements_parked", "statements that wait for their predecessor", (), {(): parked})
    lines, cents = session.execute(
        select(func.count(), func.coalesce(func.sum(func.abs(Entry.open_cents)), 0)).where(Entry.open_cents != 0)
    ).one()
    yield Gauge("lines_open", "bank lines that are not explained yet", (), {(): lines})
    yield Gauge("lines_open_cents", "their amounts, not netted", (), {(): int(cents)})
    yield Gauge(
        "vouchers_unsealed", "vouchers that the chain does not cover yet", (), {(): voucher_chain.waiting(session, Voucher)}
    )


def _steps(session: Session, now: datetime) -> Iterator[Gauge]:
    """A step that never ran has no row, and no sample."""
    rows = list(session.scalars(select(StepRun)))
    ages: Samples = {(row.step,): _seconds(now - row.succeeded_at) for row in rows if row.succeeded_at is not None}
    yield Gauge("step_success_age_seconds", "seconds since a step last ended well", ("step",), ages)
    took: Samples = {(row.step,): _seconds(row.finished_at - row.started_at) for row in rows}
    yield Gauge("step_turn_seconds", "how long its last turn took", ("step",), took)
    yield Gauge(
        "step_outcome", "1 for how its last turn ended", ("step", "outcome"), {(row.step, row.outcome): 1 for row in rows}
    )


def _of(counts: Mapping[str, int], names: tuple[str, ...]) -> Samples:
    """A sample for each name, also where there is nothing: an alarm can then tell nothing from no answer."""
    return {(name,): counts.get(name, 0) for name in names}


def _age(days: int) -> str:
    return next(label for label, last in BREAK_AGES.items() if last is None or days <= last)


def _seconds(passed: timedelta) -> int:
    return max(0, passed // timedelta(seconds=1))
