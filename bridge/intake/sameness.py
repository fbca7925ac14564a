"""Was this statement, or a line of it, sent before? Compares with the stored statements of the same account."""

from __future__ import annotations

from typing import Any

from sqlalchemy import extract, select
from sqlalchemy.orm import Session, aliased

from bridge.model import Detail, Entry, Statement

KNOWN = "known: the same statement was stored before"
CHANGED = "the bank sent this statement before with other content"
#: what banks write into a reference that names nothing
NO_REFERENCE = ("", "NONREF", "NOTPROVIDED")

Content = tuple[Any, ...]


def known(session: Session, statement: Statement) -> bool:
    """True where the account has the same statement already, posted or parked, under whatever id and sequence number.

    The same are closing day, balances, and every line with its details. A statement without lines says too little for that: it is
    known only by the same id and sequence number.
    """
    alike = select(Statement).where(
        Statement.account_id == statement.account_id,
        Statement.id != statement.id,
        Statement.kind == statement.kind,
        Statement.closing_on == statement.closing_on,
        Statement.opening_cents.is_not_distinct_from(statement.opening_cents),
        Statement.closing_cents.is_not_distinct_from(statement.closing_cents),
        Statement.page.is_not_distinct_from(statement.page),  # two pages of a statement may have the same lines
        Statement.posting != "refused",
    )
    others = list(session.scalars(alike))
    mine = lines(session, statement) if others else []
    return any(lines(session, other) == mine and (mine or _same_name(other, statement)) for other in others)


def objection(session: Session, statement: Statement) -> str:
    """Why a statement that is not known must not be booked beside those that are; empty where nothing speaks against it."""
    if _sent_with_other_content(session, statement):
        return CHANGED
    number = _number_taken(session, statement)
    if number:
        return number
    line = _first_line_booked_before(session, statement)
    return f"line {line + 1} was booked before, from another statement" if line is not None else ""


def lines(session: Session, statement: Statement) -> list[Content]:
    """Every line with its details, in order: what would be booked, and what would explain it."""
    details: dict[int, list[Content]] = {}
    for entry_id, *said in session.execute(
        select(
            Detail.entry_id,
            Detail.amount_cents,
            Detail.original_cents,
            Detail.end_to_end_id,
            Detail.mandate_id,
            Detail.return_reason,
            Detail.is_return,
        )
        .join(Entry, Entry.id == Detail.entry_id)
        .where(Entry.statement_id == statement.id)
        .order_by(Detail.entry_id, Detail.ordinal)
    ):
        details.setdefault(entry_id, []).append(tuple(said))
    listed = session.execute(
        select(Entry.id, Entry.amount_cents, Entry.booked_on, Entry.value_on, Entry.bank_ref, Entry.bank_code_own)
        .where(Entry.statement_id == statement.id)
        .order_by(Entry.ordinal)
    )
    return [(*line, tuple(details.get(entry_id, ()))) for entry_id, *line in listed]


def _same_name(one: Statement, other: Statement) -> bool:
    return one.statement_id == other.statement_id and one.sequence == other.sequence


def _sent_with_other_content(session: Session, statement: Statement) -> bool:
    """The same id, sequence number and closing day is the same statement; as it is not known, its content is another."""
    same = select(Statement.id).where(
        Statement.account_id == statement.account_id,
        Statement.id != statement.id,
        Statement.statement_id == statement.statement_id,
        Statement.sequence.is_not_distinct_from(statement.sequence),
        Statement.closing_on == statement.closing_on,
        Statement.posting.in_(("posted", "parked")),
    )
    return session.scalar(same.limit(1)) is not None


def _number_taken(session: Session, statement: Statement) -> str:
    """Banks number an account's statements by year; a posted one of this day or id has this number, and its content is another.

    The number alone says nothing: some banks send the same one, 0 or 1, every day.
    """
    if statement.sequence is None or statement.closing_on is None:
        return ""
    posted = select(Statement).where(
        Statement.account_id == statement.account_id,
        Statement.id != statement.id,
        Statement.sequence == statement.sequence,
        (Statement.closing_on == statement.closing_on) | (Statement.statement_id == statement.statement_id),
        extract("year", Statement.closing_on) == statement.closing_on.year,
        Statement.posting == "posted",
    )
    if statement.page is not None:  # the other pages of a statement have its number too
        posted = posted.where(Statement.page.is_(None) | (Statement.page == statement.page))
    for other in session.scalars(posted):
        if _content(session, other) != _content(session, statement):
            return f"the bank sent statement {statement.sequence} of {statement.closing_on.year} before with other content"
    return ""


def _first_line_booked_before(session: Session, statement: Statement) -> int | None:
    """The ordinal of the first line whose bank reference, amount and day another posted statement of the account has booked."""
    mine, theirs = aliased(Entry), aliased(Entry)
    return session.scalar(
        select(mine.ordinal)
        .join(
            theirs,
            (theirs.bank_ref == mine.bank_ref)
            & (theirs.amount_cents == mine.amount_cents)
            & (theirs.booked_on == mine.booked_on)
            & (theirs.statement_id != mine.statement_id),
        )
        .join(Statement, Statement.id == theirs.statement_id)
        .where(
            mine.statement_id == statement.id,
            mine.bank_ref.not_in(NO_REFERENCE),
            Statement.account_id == statement.account_id,
            Statement.posting == "posted",
        )
        .order_by(mine.ordinal)
        .limit(1)
    )


def _content(session: Session, statement: Statement) -> Content:
    return statement.closing_on, statement.opening_cents, statement.closing_cents, lines(session, statement)
