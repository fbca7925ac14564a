"""An InvoiceCancelled takes an invoice back as a whole: Billed / Receivable, once, whatever became of it meanwhile.

What was not sent is cancelled with it; a file that holds it and has not left is discarded by rule when somebody wants to sign or
export it; a debit that may be at the bank, or money that came, becomes a Break about what must be given back.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from bridge import books
from bridge.books import BreakRow, Recorder, Unit
from bridge.explaining import beyond, debts, on_chain
from bridge.model import Source
from bridge.records.invoice_log import CancelledLog
from bridge.rules import lifecycle
from bridge.runtime import Runtime
from bridge.steps.ingest import claims
from bridge.steps.ingest.claims import Told


def take_back(session: Session, runtime: Runtime, source: Source, told: Sequence[Told], by: Recorder) -> list[BreakRow]:
    """Book each cancellation; returns a Break for each that names no invoice of this contract."""
    cancelling = [(one, one.said.invoice_id) for one in told if isinstance(one.said, CancelledLog)]
    known = claims.invoices(session, source, [invoice_id for _, invoice_id in cancelling])
    owed = debts.load(session, known.values())
    booked: dict[bytes, Unit] = {}  # by claim: a second log about the same invoice has nothing left to take back
    unknown: list[BreakRow] = []
    for one, invoice_id in cancelling:
        debt = owed.get(known.get(invoice_id, 0))
        if debt is None:
            what = f"the contract cancels invoice id {claims.claim_id(invoice_id)[:10]}..., which is not an invoice here"
            unknown.append(("CANCELLED_UNKNOWN", f"chain_log:{one.log_id}", what, "see why its invoice was refused"))
        elif debt.state not in lifecycle.KEPT:
            key = f"cancel:{source.chain_id}:{source.contract}:{claims.claim_id(invoice_id)}:{one.log_id}"
            evidence = f"chain_log:{one.log_id}"
            booked.setdefault(invoice_id, on_chain.gone(on_chain.CANCELLED, debt, key, one.on, evidence, "cancelled on chain"))
    books.apply_all(session, list(booked.values()), by)
    beyond.look(session, known.values(), by, runtime.today())
    return unknown
