"""Explain open bank lines, a chunk at a time: load what they may be about, ask the rule, hand the decision to the books.

A line that a person took in hand (``by_hand``) is left alone until he gives it back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import books, rows
from bridge.books import BreakRow, Recorder, Unit
from bridge.errors import LostRace
from bridge.explaining import beyond, debts
from bridge.explaining.lines import load
from bridge.explaining.units import needs_debt, unit
from bridge.model import Entry, Statement
from bridge.rules import matching
from bridge.rules.lines import Explained, Line, Part
from bridge.runtime import Runtime

AT_ONCE = 500
LATE = ("late credit", "late debit")
OPEN = (Entry.open_cents != 0, Entry.by_hand.is_(False), Statement.posting == "posted")


def explain_all(runtime: Runtime, actor: str) -> Counter[str]:
    """One pass over every open line, in the order in which the bank booked them, whenever their statements came.

    The order is made once; each chunk looks again which of its lines are open still.
    """
    counts: Counter[str] = Counter()
    lines = runtime.work(_in_order)
    for start in range(0, len(lines), AT_ONCE):
        some = lines[start : start + AT_ONCE]
        counts += runtime.work(partial(_explain_chunk, runtime=runtime, lines=some, actor=actor))
    return counts


def _in_order(session: Session) -> Sequence[int]:
    """The row ids of all open lines, by account, place of the statement in its chain and place of the line in it."""
    open_lines = select(Entry.id).join(Statement, Statement.id == Entry.statement_id).where(*OPEN)
    return session.scalars(open_lines.order_by(Statement.account_id, Statement.posted_no, Entry.ordinal)).all()


def _explain_chunk(session: Session, runtime: Runtime, lines: Sequence[int], actor: str) -> Counter[str]:
    still_open = select(Entry, Statement.account_id).join(Statement, Statement.id == Entry.statement_id).where(*OPEN)
    in_order = still_open.order_by(Statement.account_id, Statement.posted_no, Entry.ordinal)
    entries = [(entry, account_id) for entry, account_id in rows.sought(session, in_order, Entry.id, lines)]
    if not entries:
        return Counter()
    loaded = load(session, entries, runtime.keys)
    found: list[tuple[Line, Explained]] = []
    breaks: list[BreakRow] = []
    counts: Counter[str] = Counter()
    for line in loaded:
        result = matching.explain(line, loaded.seen)
        breaks += result.opens
        for explained in result.explained:
            found.append((line, explained))
            breaks += explained.opens
            counts += Counter(_word(part) for part in explained.parts)
    units = _units(session, found, loaded.vouchers)
    by = Recorder(actor, runtime.clock())
    runtime.fault("reconcile: read")
    if books.apply(session, units, by).lost:
        raise LostRace("another worker moved what these lines are about; the step looks at them again")
    runtime.fault("reconcile: before commit")
    closed = _closed(session, [entry.id for entry, _ in entries])
    books.close_breaks(session, [f"entry:{entry_id}" for entry_id in closed], by, "the line is explained")
    still = [row for row in breaks if row[1] not in {f"entry:{entry_id}" for entry_id in closed}]
    counts["breaks"] += books.open_breaks(session, still, by, runtime.today())
    late = {part.invoice_id for _, one in found for part in one.parts if part.fact in LATE and part.invoice_id is not None}
    counts["breaks"] += beyond.look(session, late, by, runtime.today())
    counts["moves"] += len(units)
    return counts


def _units(session: Session, found: Sequence[tuple[Line, Explained]], numbers: Counter[int]) -> list[Unit]:
    owed = debts.load(session, needs_debt(explained for _, explained in found))
    made = []
    for line, explained in found:
        numbers[line.id] += 1
        made.append(unit(line, explained, numbers[line.id], owed))
    return made


def _word(part: Part) -> str:
    return {"bank fee": "fees", "interchange": "fees"}.get(part.fact, part.fact)


def _closed(session: Session, entry_ids: Sequence[int]) -> set[int]:
    # asked for "open_cents = 0", PostgreSQL may read every line that was ever closed to find these
    known = rows.sought(session, select(Entry.id, Entry.open_cents), Entry.id, entry_ids)
    return {entry_id for entry_id, open_cents in known if not open_cents}
