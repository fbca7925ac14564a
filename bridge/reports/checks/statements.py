"""What the bank said: statements that add up and follow each other, and rows that name rows which are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import aliased

from bridge.model import Account, Base, Batch, Document, Entry, Statement
from bridge.reports.checks import Reading


@dataclass(frozen=True, slots=True)
class Booked:
    """One booked statement or page with the sum of its lines."""

    account_id: int | None
    account: str | None
    name: str
    place: int | None
    opening: int | None
    closing: int | None
    page: int | None
    last_page: bool | None
    cents: int


def sums(now: Reading) -> Iterator[str]:
    """Opening balance and lines of a booked statement are its closing balance; of pages that share the balances, all lines."""
    for run in _runs(now):
        first = run[0]
        if first.opening is None or first.closing is None or first.opening + sum(one.cents for one in run) != first.closing:
            yield f"statement {first.name}: its opening balance and its lines are not its closing balance"
        elif len(run) > 1 and first.opening != first.closing and (first.page != 1 or not run[-1].last_page):
            yield f"statement {first.name}: not all of its pages are booked"


def chain(now: Reading) -> Iterator[str]:
    """Each booked statement of an account opens where the one before it closed, and none is left out."""
    before: Booked | None = None
    for run in _runs(now):
        first, last = run[0], run[-1]
        if first.account_id is None or first.place is None:
            yield f"statement {first.name} is booked, but on no account or without a place in its chain"
            continue
        after = (
            None if before is None or before.account_id != first.account_id else (before.account_id, before.place, before.closing)
        )
        if after is not None and after != (first.account_id, first.place - 1, first.opening):
            yield f"account {first.account}: statement {first.name} does not follow the one before it"
        before = last


def _runs(now: Reading) -> Iterator[list[Booked]]:
    """The booked statements in the order of their chains, each with the pages after it that give the same balances of the day."""
    lines = select(Entry.statement_id, func.sum(Entry.amount_cents).label("cents")).group_by(Entry.statement_id).subquery()
    told = (Statement.statement_id, Statement.posted_no, Statement.opening_cents, Statement.closing_cents)
    rows = now.session.execute(
        select(Statement.account_id, Account.name, *told, Statement.page, Statement.last_page, lines.c.cents)
        .outerjoin(Account, Account.id == Statement.account_id)
        .outerjoin(lines, lines.c.statement_id == Statement.id)
        .where(Statement.posting == "posted")
        .order_by(Statement.account_id, Statement.posted_no, Statement.id)
    )
    run: list[Booked] = []
    for account_id, account, name, place, opening, closing, page, last_page, cents in rows:
        one = Booked(account_id, account, name, place, opening, closing, page, last_page, int(cents or 0))
        if run and not _next_page(run[-1], one):
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _next_page(one: Booked, after: Booked) -> bool:
    if one.page is None or after.page is None or one.place is None or after.place is None:
        return False
    same = (one.account_id, one.opening, one.closing) == (after.account_id, after.opening, after.closing)
    return same and after.page == one.page + 1 and after.place == one.place + 1


def advices(now: Reading) -> Iterator[str]:
    """What tells about a line is an advice on the line's account, over the line's amount and day; an advice has nothing open."""
    advice, of_advice, of_line = aliased(Entry), aliased(Statement), aliased(Statement)
    wrong = or_(
        of_advice.posting != "advice",
        of_advice.account_id.is_distinct_from(of_line.account_id),
        advice.amount_cents != Entry.amount_cents,
        advice.booked_on != Entry.booked_on,
    )
    told = (
        select(Entry.id)
        .join(advice, advice.id == Entry.told_by_id)
        .join(of_advice, of_advice.id == advice.statement_id)
        .join(of_line, of_line.id == Entry.statement_id)
        .where(wrong)
    )
    for entry_id in now.session.scalars(told.order_by(Entry.id)):
        yield f"line {entry_id} is told by what is no advice of it"
    left = (
        select(Entry.id)
        .join(Statement, Statement.id == Entry.statement_id)
        .where(Statement.posting == "advice", Entry.open_cents != 0)
    )
    for entry_id in now.session.scalars(left.order_by(Entry.id)):
        yield f"line {entry_id} of an advice is open, as if it were booked"


def references(now: Reading) -> Iterator[str]:
    """Every row that another names is there; both databases refuse anything else, and an owner can tell both not to."""
    for what, name, table in (("statement", Statement.statement_id, Statement), ("file", Batch.message_id, Batch)):
        lost = select(name).outerjoin(Document, Document.id == table.document_id).where(Document.id.is_(None))
        for found in now.session.scalars(lost):
            yield f"{what} {found}: its bytes are gone"
    if now.session.get_bind().dialect.name == "sqlite":
        for child, row_id, parent, _ in now.session.execute(text("PRAGMA foreign_key_check")):
            yield f"row {row_id} of {child} names a row of {parent} that is gone"
        return
    for key in (key for table in Base.metadata.sorted_tables for key in table.foreign_keys):
        parent = key.column.table.alias()  # a table may name itself
        lost = select(*key.parent.table.primary_key).outerjoin(parent, parent.c[key.column.name] == key.parent)
        for row in now.session.execute(lost.where(key.parent.is_not(None), parent.c[key.column.name].is_(None))):
            yield f"row {', '.join(map(str, row))} of {key.parent.table} names a row of {key.column.table} that is gone"
