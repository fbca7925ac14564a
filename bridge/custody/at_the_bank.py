"""The file is at the bank: only then the ledger moves."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import books
from bridge.books import PlannedMove, PlannedPosting, PlannedVoucher, Recorder, Unit
from bridge.custody import files
from bridge.model import Batch
from bridge.rules import lifecycle
from bridge.runtime import Runtime


def submit(session: Session, runtime: Runtime, message_id: str, *, actor: str, evidence: str, reason: str = "") -> int:
    """The file is at the bank: every member moves to submitted, and the money from Receivable to Clearing, in one voucher.

    Returns 1, or 0 where it was submitted before.
    """
    batch = session.scalars(select(Batch).where(Batch.message_id == message_id)).one()
    if batch.state in files.AT_THE_BANK:
        return 0
    state = lifecycle.step("batch", message_id, batch.state, "submitted")
    today = runtime.today()
    inside = files.members(session, batch)
    cause = f"batch:{message_id}"
    debit, credit = lifecycle.POSTINGS["submitted"]
    moves = [PlannedMove("batch", batch.id, batch.version, "submitted", batch.state, state, evidence, today, reason)]
    moves += [
        PlannedMove(
            "collection",
            c.id,
            c.version,
            "submitted",
            c.state,
            lifecycle.step("collection", c.end_to_end_id, c.state, "submitted"),
            cause,
            today,
        )
        for c in inside
    ]
    postings = tuple(PlannedPosting(debit, c.id, credit, c.invoice_id, c.amount_cents) for c in inside)
    voucher = PlannedVoucher(f"sub:{message_id}:1", "submitted", cause, today, postings)
    books.apply_all(session, [Unit(moves=tuple(moves), voucher=voucher)], Recorder(actor, runtime.clock()))
    return 1
