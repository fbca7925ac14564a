"""What did not come, and should have: a statement of a day on which debits were due, a file that was signed and never left.

A Break each, for a person who asks or acts; it closes by itself when what was missing is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import books
from bridge.books import BreakRow, Recorder
from bridge.model import Account, Batch, Break, Collection, Statement
from bridge.model.collection import IN_FLIGHT_STATES
from bridge.rules import calendar
from bridge.runtime import Runtime

STATEMENT_DAYS = 2  # TARGET days after a due date until its statement is missed
HANDOVER_DAYS = 1  # TARGET days after the cut until a signed file is missed
KINDS = ("STATEMENT_MISSING", "NOT_HANDED_OVER")


def listen(session: Session, runtime: Runtime, actor: str) -> int:
    """Open a Break for what is missing now, and close those of what has come; returns how many were opened."""
    today, by = runtime.today(), Recorder(actor, runtime.clock())
    missing = [*_statements(session, today), *_files(session, today)]
    still = {(kind, subject) for kind, subject, *_ in missing}
    for kind, subject in session.execute(
        select(Break.kind, Break.subject).where(Break.kind.in_(KINDS), Break.closed_at.is_(None))
    ):
        if (kind, subject) not in still:
            books.close_breaks(session, [subject], by, "it has come", kinds=[kind])
    return books.open_breaks(session, missing, by, today)


def _statements(session: Session, today: date) -> Iterator[BreakRow]:
    """Accounts with debits in flight that were due so long ago, and no statement of that day or a later one."""
    since = calendar.add_target_days(today, -STATEMENT_DAYS)
    last = (
        select(func.max(Statement.closing_on))
        .where(Statement.account_id == Account.id, Statement.posting.in_(("posted", "parked")))
        .scalar_subquery()
    )
    due = (
        select(Account.name, func.min(Collection.due_on), last)
        .join(Collection, Collection.account_id == Account.id)
        .where(Collection.state.in_(IN_FLIGHT_STATES), Collection.due_on < since)
        .where((last.is_(None)) | (last < Collection.due_on))
        .group_by(Account.id, Account.name)
        .order_by(Account.name)
    )
    for name, due_on, closing_on in session.execute(due):
        known = f"the last one is of {closing_on}" if closing_on else "none has come yet"
        what = f"debits were due on {due_on} on account {name}, and no statement of that day is there; {known}"
        yield "STATEMENT_MISSING", f"account:{name}", what, "fetch the statements from the bank and import them"


def _files(session: Session, today: date) -> Iterator[BreakRow]:
    """Files that were signed, and neither left nor were given up; one that has another Break is in a person's hands already."""
    since = calendar.add_target_days(today, -HANDOVER_DAYS)
    in_hand = select(Break.id).where(
        Break.subject == "batch:" + Batch.message_id, Break.closed_at.is_(None), Break.kind.not_in(KINDS)
    )
    waiting = (
        select(Batch.message_id, Batch.cut_on)
        .where(Batch.state.in_(("approved", "exported")), Batch.cut_on < since)
        .where(~in_hand.exists())
    )
    for message_id, cut_on in session.execute(waiting.order_by(Batch.id)):
        what = f"file {message_id} of {cut_on} is signed, and nobody said that it was handed over"
        then = f"look into the portal; if it is there: bridge batch mark-uploaded {message_id}; if not, upload or discard it"
        yield "NOT_HANDED_OVER", f"batch:{message_id}", what, then
