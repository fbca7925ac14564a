"""States and what waits: Moves without a gap, and a Break for everything that a person must look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased

from bridge import balances
from bridge.model import Batch, Break, Collection, Entry, Invoice, Mandate, Move, Statement
from bridge.reports.checks import Reading
from bridge.rules import calendar, lifecycle
from bridge.rules.proof import Split

NOTHING_OPEN = ("paid", "written_off")
NOUNS = (
    ("invoice", Invoice, Invoice.number),
    ("collection", Collection, Collection.end_to_end_id),
    ("batch", Batch, Batch.message_id),
    ("mandate", Mandate, Mandate.mandate_id),
)


def states(now: Reading) -> Iterator[str]:
    """Each state is the one that the noun's last Move led to."""
    for noun, table, name in NOUNS:
        last = (
            select(Move.to_state)
            .where(Move.noun == noun, Move.noun_id == table.id, Move.version == table.version)
            .scalar_subquery()
        )
        for what, state, by_move in now.session.execute(select(name, table.state, last)):
            if state != by_move:
                yield f"{noun} {what} is {state}, its last move says {by_move}"


def histories(now: Reading) -> Iterator[str]:
    """The Moves of each noun are numbered 1 to its version; each starts where the last one ended, and LIFECYCLE allows it."""
    for noun, table, name in NOUNS:
        counted = (
            select(
                Move.noun_id, func.count().label("n"), func.min(Move.version).label("first"), func.max(Move.version).label("last")
            )
            .where(Move.noun == noun)
            .group_by(Move.noun_id)
            .subquery()
        )
        gaps = (
            select(name)
            .join(counted, counted.c.noun_id == table.id)
            .where(or_(counted.c.first != 1, counted.c.last != counted.c.n, counted.c.last != table.version))
            .order_by(table.id)
        )
        for what in now.session.scalars(gaps):
            yield f"the moves of {noun} {what} have a gap, or go beyond its version"
        gone = select(Move.noun_id).outerjoin(table, table.id == Move.noun_id).where(Move.noun == noun, table.id.is_(None))
        for noun_id in now.session.scalars(gone.distinct().order_by(Move.noun_id)):
            yield f"there are moves of {noun} {noun_id}, which is gone"
    before = aliased(Move)
    crooked = (
        select(Move.noun, Move.noun_id, Move.version)
        .outerjoin(before, (before.noun == Move.noun) & (before.noun_id == Move.noun_id) & (before.version == Move.version - 1))
        .where(Move.from_state.is_distinct_from(before.to_state))
        .order_by(Move.id)
    )
    for noun, noun_id, version in now.session.execute(crooked):
        yield f"move {version} of {noun} {noun_id} does not start where the move before it ended"
    yield from _not_allowed(now)


def _not_allowed(now: Reading) -> Iterator[str]:
    """Kinds of moves are few, however many moves there are: the rule is asked once for each kind.

    DISTINCT, since SQLite sorts all rows for GROUP BY: of a million moves 0.7 s, not 3.3 s.
    """
    kinds = now.session.execute(select(Move.noun, Move.from_state, Move.to_state, Move.news).distinct()).all()
    for noun, from_state, to_state, news in sorted(kinds, key=str):
        if lifecycle.allows(noun, from_state, to_state, news):
            continue
        such = (Move.noun == noun, Move.from_state.is_not_distinct_from(from_state), Move.to_state == to_state, Move.news == news)
        for noun_id, version in now.session.execute(select(Move.noun_id, Move.version).where(*such).order_by(Move.id)):
            begun = f"{from_state} became" if from_state else "began as"
            yield f"move {version} of {noun} {noun_id}: {begun} {to_state} by {news!r}, which no rule allows"


def nothing_open(now: Reading) -> Iterator[str]:
    """An invoice that is paid or written off owes nothing more."""
    owed = balances.by_subject(now.session, "Receivable")
    done = select(Invoice.id, Invoice.number, Invoice.state).where(Invoice.state.in_(NOTHING_OPEN)).order_by(Invoice.id)
    for invoice_id, number, state in now.session.execute(done):
        if owed.get(invoice_id, 0) > 0:
            yield f"invoice {number} is {state}, but {owed[invoice_id]} cents of it are open"


def waiting_lines(now: Reading) -> Iterator[str]:
    """A line that is open for longer than PATIENCE_DAYS has an open Break."""
    since = calendar.add_target_days(now.runtime.today(), -lifecycle.PATIENCE_DAYS)
    seen = set(now.session.scalars(select(Break.subject).where(Break.closed_at.is_(None), Break.subject.like("entry:%"))))
    rows = now.session.execute(
        select(Entry.id, Entry.booked_on)
        .join(Statement, Statement.id == Entry.statement_id)
        .where(Entry.open_cents != 0, Statement.posting == "posted", Entry.booked_on < since)
        .order_by(Entry.id)
    )
    for entry_id, booked_on in rows:
        if f"entry:{entry_id}" not in seen:
            yield f"line {entry_id} of {booked_on} is not explained, and no break says so; 'bridge run' opens it"


def beyond(amount: Callable[[Split], int], what: str) -> Callable[[Reading], Iterator[str]]:
    """The check that an open Break stands on each invoice with this amount beyond what was billed."""

    def look(now: Reading) -> Iterator[str]:
        seen = set(now.session.scalars(select(Break.subject).where(Break.closed_at.is_(None), Break.subject.like("invoice:%"))))
        for invoice_id, one in now.splits.items():
            if amount(one) and f"invoice:{invoice_id}" not in seen:
                yield f"invoice {invoice_id}: {amount(one)} cents are {what}, and no break says so"

    return look
