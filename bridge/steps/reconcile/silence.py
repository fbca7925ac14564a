"""What did not come, and should have: a statement, the hand-over of a signed file, the answers that bring its clearing to zero.

A Break each, for a person who asks or acts; it closes by itself when what was missing is there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from bridge import balances, books
from bridge.books import BreakRow, Recorder
from bridge.model import Account, Batch, Break, Collection, Statement
from bridge.model.collection import IN_FLIGHT_STATES
from bridge.rules import calendar
from bridge.rules.lifecycle import PATIENCE_DAYS
from bridge.rules.matching import euro
from bridge.runtime import Runtime

STATEMENT_DAYS = 2  # TARGET days after a due date until its statement is missed
HANDOVER_DAYS = 1  # TARGET days after the cut until a signed file is missed
KINDS = ("STATEMENT_MISSING", "NOT_HANDED_OVER", "CLEARING_NOT_ZERO")
Overdue = tuple[int, str, date]  # id, state and due date of a debit
RESOLUTIONS = {"CLEARING_NOT_ZERO": "nothing of it stands in clearing any more"}


def listen(session: Session, runtime: Runtime, actor: str) -> int:
    """Open a Break for what is missing now, and close those of what has come; returns how many were opened."""
    today, by = runtime.today(), Recorder(actor, runtime.clock())
    missing = [*_statements(session, today), *_files(session, today), *_clearing(session, today)]
    still = {(kind, subject): what for kind, subject, what, _ in missing}
    known = select(Break.kind, Break.subject, Break.what).where(Break.kind.in_(KINDS), Break.closed_at.is_(None))
    for kind, subject, what in session.execute(known).all():
        now = still.get((kind, subject))
        if now is None:
            books.close_breaks(session, [subject], by, RESOLUTIONS.get(kind, "it has come"), kinds=[kind])
        elif kind == "CLEARING_NOT_ZERO" and now != what:
            books.close_breaks(session, [subject], by, "its amount changed", kinds=[kind])
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


def _clearing(session: Session, today: date) -> Iterator[BreakRow]:
    """Files of which something stands in Clearing so long after its due date, or of which nothing is at the bank any more.

    A file is looked at while debits of it are overdue, in the pass after which it is booked, and as long as it has this Break:
    before and after that its debits are in time, or were found at zero. 'bridge check' asks it of every debit there is.
    """
    since = calendar.add_target_days(today, -PATIENCE_DAYS)
    told = select(Break.id).where(
        Break.kind == "CLEARING_NOT_ZERO", Break.subject == "batch:" + Batch.message_id, Break.closed_at.is_(None)
    )
    other = aliased(Collection)
    in_flight = select(other.id).where(other.batch_id == Batch.id, other.state.in_(IN_FLIGHT_STATES)).exists()
    overdue = Collection.state.in_(IN_FLIGHT_STATES) & (Collection.due_on < since)
    debits = (
        select(Batch.message_id, Collection.id, Collection.state, Collection.due_on)
        .join(Collection, Collection.batch_id == Batch.id)
        .where(Batch.state.in_(("submitted", "answered")) | told.exists(), overdue | ~in_flight)
        .order_by(Batch.id, Collection.id)
    )
    files: dict[str, list[Overdue]] = defaultdict(list)
    for message_id, row_id, state, due_on in session.execute(debits):
        files[message_id].append((row_id, state, due_on))
    cents = balances.of_subjects(session, "Clearing", [row_id for some in files.values() for row_id, *_ in some])
    for message_id, some in files.items():
        left = [one for one in some if cents[one[0]]]
        if left:
            yield _not_zero(message_id, left, sum(cents[row_id] for row_id, *_ in left))


def _not_zero(message_id: str, left: Sequence[Overdue], cents: int) -> BreakRow:
    """``left``: the debits that are not at zero; ``cents`` is their sum."""
    at_the_bank = [due_on for _, state, due_on in left if state in IN_FLIGHT_STATES]
    why = f"the last of them due on {max(at_the_bank)}" if at_the_bank else "and none of them is at the bank"
    what = f"{euro(cents)} of {len(left)} debit(s) in file {message_id} stand in clearing, {why}"
    then = "import what the bank booked for this file, or ask the bank for it; then run 'bridge check'"
    return "CLEARING_NOT_ZERO", f"batch:{message_id}", what, then
