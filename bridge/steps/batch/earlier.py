"""A later attempt waits for the bank's last word on an earlier one that left: some banks credit a debit that they rejected.

The last word is the statement of one bank day after the earlier one's due date. What was rejected for our own data is repaired
and sent again at once: the bank refused it unread.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import rows
from bridge.model import Batch, Block, Collection, Member, Statement
from bridge.rules import calendar, retries

#: ended before any credit; a returned one was credited, and that was its last word
NOT_CREDITED = ("rejected", "withdrawn")


def unanswered(session: Session, pending: Sequence[Collection]) -> set[int]:
    """Of these, the ones that wait."""
    again = {one.invoice_id: one.id for one in pending if one.attempt > 1}
    if not again:
        return set()
    heard = _heard_until(session)
    left = (
        select(Collection.invoice_id, Collection.state, Collection.reason, Batch.account_id, Block.due_on)
        .join(Member, Member.collection_id == Collection.id)
        .join(Block, Block.id == Member.block_id)
        .join(Batch, Batch.id == Block.batch_id)
        .where(Collection.state.in_(NOT_CREDITED), Batch.manifest_no.is_not(None))
    )
    found: set[int] = set()
    for some in rows.among(session, Collection.invoice_id, again):
        for invoice_id, state, reason, account_id, due_on in session.execute(left.where(some)):
            repaired = state == "rejected" and retries.technical(reason)
            last_word = calendar.add_target_days(due_on, 1)
            if not repaired and (account_id not in heard or heard[account_id] < last_word):
                found.add(again[invoice_id])
    return found


def _heard_until(session: Session) -> dict[int, date]:
    """Account -> the day of its last booked statement."""
    booked = select(Statement.account_id, func.max(Statement.closing_on)).where(Statement.posting == "posted")
    return {account_id: day for account_id, day in session.execute(booked.group_by(Statement.account_id)) if account_id and day}
