"""What the bank said: statements that add up and follow each other, and rows that name rows which are there."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import aliased

from bridge.model import Account, Base, Batch, Document, Entry, Statement
from bridge.reports.checks import Reading


def sums(now: Reading) -> Iterator[str]:
    """Opening balance and lines of a booked statement are its closing balance."""
    lines = select(Entry.statement_id, func.sum(Entry.amount_cents).label("cents")).group_by(Entry.statement_id).subquery()
    rows = now.session.execute(
        select(Statement.statement_id, Statement.opening_cents, Statement.closing_cents, lines.c.cents)
        .outerjoin(lines, lines.c.statement_id == Statement.id)
        .where(Statement.posting == "posted")
        .order_by(Statement.id)
    )
    for name, opening, closing, cents in rows:
        if opening is None or closing is None or opening + int(cents or 0) != closing:
            yield f"statement {name}: its opening balance and its lines are not its closing balance"


def chain(now: Reading) -> Iterator[str]:
    """Each booked statement of an account opens where the one before it closed, and none is left out."""
    booked = Statement.posting == "posted"
    homeless = or_(Statement.account_id.is_(None), Statement.posted_no.is_(None))
    for name in now.session.scalars(select(Statement.statement_id).where(booked, homeless)):
        yield f"statement {name} is booked, but on no account or without a place in its chain"
    rows = now.session.execute(
        select(Account.name, Statement.statement_id, Statement.posted_no, Statement.opening_cents, Statement.closing_cents)
        .join(Account, Account.id == Statement.account_id)
        .where(booked, ~homeless)
        .order_by(Account.id, Statement.posted_no)
    )
    before: tuple[str, int, int | None] | None = None
    for account, name, number, opening, closing in rows:
        place = number or 0
        if before is not None and before[0] == account and before[1:] != (place - 1, opening):
            yield f"account {account}: statement {name} does not follow the one before it"
        before = (account, place, closing)


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
