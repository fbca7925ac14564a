"""A file is given up. Its collections are free again, each with the EndToEndId it has; the file itself is never deleted."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from bridge import balances, books
from bridge.books import PlannedMove, Recorder, Unit
from bridge.custody import files
from bridge.model import Batch, Collection, Invoice
from bridge.rules import debts, lifecycle
from bridge.runtime import Runtime
from bridge.transport import folder


def give_up(session: Session, runtime: Runtime, batch: Batch, *, actor: str, evidence: str, reason: str) -> list[Collection]:
    """Discard a file; returns its collections, which are pending again. Raises IllegalMove for one that is at the bank."""
    today, cause = runtime.today(), f"batch:{batch.message_id}"
    state = lifecycle.step("batch", batch.message_id, batch.state, "discarded")
    freed = [c for c in files.members(session, batch) if c.batch_id == batch.id]
    moves = [PlannedMove("batch", batch.id, batch.version, "discarded", batch.state, state, evidence, today, reason)]
    moves += [_unbatched(c, cause, runtime) for c in freed]
    by = Recorder(actor, runtime.clock())
    books.apply_all(session, [Unit(moves=tuple(moves))], by)
    books.close_breaks(session, [cause], by, f"discarded: {reason}")
    session.refresh(batch)
    return [c for c in files.members(session, batch) if c.id in {one.id for one in freed}]


def cancel_paid(session: Session, runtime: Runtime, freed: Sequence[Collection], by: Recorder) -> set[int]:
    """Of the collections that a discard set free, cancel those of which less than the whole amount is open; returns their ids."""
    owed = balances.of_subjects(session, "Receivable", [c.invoice_id for c in freed])
    paid = [c for c in freed if c.state == "pending" and owed[c.invoice_id] < c.amount_cents]
    cancel(session, runtime, paid, by, "less than the whole amount is open")
    return {c.id for c in paid}


def cancel(session: Session, runtime: Runtime, collections: Sequence[Collection], by: Recorder, why: str) -> None:
    """These debits are over: each invoice is paid by what came, or open again where that went back."""
    ids = [c.invoice_id for c in collections]
    owed, loss = (balances.of_subjects(session, account, ids) for account in ("Receivable", "Loss"))
    units = []
    for c in collections:
        invoice = session.get_one(Invoice, c.invoice_id, populate_existing=True)
        to_state = lifecycle.step("collection", c.end_to_end_id, c.state, "cancelled")
        moves = [PlannedMove("collection", c.id, c.version, "cancelled", c.state, to_state, "rule", runtime.today(), why)]
        state = debts.state_after(invoice.state, None, owed[invoice.id], loss[invoice.id])
        if invoice.state != state:
            moves.append(
                PlannedMove(
                    "invoice", invoice.id, invoice.version, "cancelled", invoice.state, state, "rule", runtime.today(), why
                )
            )
        units.append(Unit(moves=tuple(moves)))
    books.apply_all(session, units, by)


def tidy(runtime: Runtime) -> int:
    """Move discarded files that still stand in the outbox to outbox/void/; returns how many.

    The database says it first, so that a crash in between leaves a file that the next call moves.
    """
    outbox = runtime.settings.folder("outbox")
    there = sorted(path.name for path in outbox.glob("*.xml"))
    if not there:
        return 0
    with runtime.reading() as session:
        void = [name for some in files.slices(there) for name in session.scalars(_discarded(some))]
    for name in void:
        runtime.fault("void: before the move")
        folder.set_aside(outbox, name)
        runtime.fault("void: after the move")
    return len(void)


def _discarded(names: Sequence[str]) -> Select[str]:
    return select(Batch.file_name).where(Batch.file_name.in_(names), Batch.state == "discarded").order_by(Batch.id)


def _unbatched(collection: Collection, cause: str, runtime: Runtime) -> PlannedMove:
    state = lifecycle.step("collection", collection.end_to_end_id, collection.state, "unbatched")
    return PlannedMove(
        "collection",
        collection.id,
        collection.version,
        "unbatched",
        collection.state,
        state,
        cause,
        runtime.today(),
        sets=(("batch_id", None),),
    )
