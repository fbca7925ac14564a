"""Statements that were kept but not booked: what each waits for, or why it was refused, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge.intake import pages
from bridge.intake.sameness import KNOWN
from bridge.model import Account, Document, Statement


@dataclass(frozen=True, slots=True)
class ParkedLine:
    """One statement. ``missing_cents`` is what those before it would move; None where none is known, or where it is refused."""

    statement: str
    account: str
    file: str
    state: str
    sequence: int | None
    closing_on: date | None
    opening_cents: int | None
    closing_cents: int | None
    missing_cents: int | None
    why: str
    next: str


def parked(session: Session) -> list[ParkedLine]:
    """Parked and refused statements by account and day; one that is the same as another is no problem and is left out."""
    rows = session.execute(
        select(Statement, Account.name, Document.name)
        .outerjoin(Account, Account.id == Statement.account_id)
        .join(Document, Document.id == Statement.document_id)
        .where(Statement.posting.in_(("parked", "refused")), Statement.reason != KNOWN)
        .order_by(Account.id, Statement.closing_on, Statement.id)
    ).all()
    return [_line(session, statement, account or "", file) for statement, account, file in rows]


def _line(session: Session, statement: Statement, account: str, file: str) -> ParkedLine:
    why, then, missing = statement.reason, "ask the bank for the right one", None
    if statement.posting == "parked" and statement.page is not None and statement.reason != pages.GAP:
        then = "import the other pages, or the statement in one piece"
    elif statement.posting == "parked":
        before = _before(session, statement)
        missing = None if before is None else (statement.opening_cents or 0) - (before.closing_cents or 0)
        why, then = _gap(statement, before, missing)
    return ParkedLine(
        statement=statement.statement_id,
        account=account,
        file=file,
        state=statement.posting,
        sequence=statement.sequence,
        closing_on=statement.closing_on,
        opening_cents=statement.opening_cents,
        closing_cents=statement.closing_cents,
        missing_cents=missing,
        why=why,
        next=then,
    )


def _before(session: Session, statement: Statement) -> Statement | None:
    """The last statement of the account, booked or waiting, that closed before this one did; no page of its own."""
    itself = [statement.id]
    if statement.page is not None:
        itself += [page.id for page in pages.others(session, statement)]
    return session.scalar(
        select(Statement)
        .where(Statement.account_id == statement.account_id, Statement.posting.in_(("posted", "parked")))
        .where(Statement.id.not_in(itself))
        .where(Statement.closing_on <= statement.closing_on)
        .order_by(Statement.closing_on.desc(), func.coalesce(Statement.sequence, 0).desc())
        .order_by(func.coalesce(Statement.page, 0).desc(), Statement.id.desc())
        .limit(1)
    )


def _gap(statement: Statement, before: Statement | None, missing: int | None) -> tuple[str, str]:
    if before is None or missing is None:
        return "it is older than the first one of the account and does not end where that begins", "import those between the two"
    if missing == 0 and before.posting == "parked":
        return f"it follows statement {before.statement_id}, which waits too", "import what that one waits for"
    why = f"between it and statement {before.statement_id} of {before.closing_on} something moved the account by {_euro(missing)}"
    return why, f"import the statements between the two{_numbers(before, statement)}"


def _numbers(before: Statement, after: Statement) -> str:
    """The numbers that are missing, where the bank counts them."""
    if before.sequence is None or after.sequence is None or after.sequence <= before.sequence + 1:
        return ""
    first, last = before.sequence + 1, after.sequence - 1
    return f" (number {first})" if first == last else f" (numbers {first} to {last})"


def _euro(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100:,}.{abs(cents) % 100:02d} EUR"
