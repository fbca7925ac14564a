"""A claim that was finalized before. The same content, on the chain that took the place of another: one more observation of the
invoice, and no money moves. Other content, or twice on one chain: a conflict, and a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from bridge import observed, rows
from bridge.books import Recorder
from bridge.chain import decoders, mapping
from bridge.explaining import beyond, debts, on_chain
from bridge.model import ChainLog, Invoice, Observation, Source
from bridge.records.invoice_log import InvoiceLog
from bridge.runtime import Runtime
from bridge.steps.ingest import claims
from bridge.steps.ingest.claims import Told


@dataclass(frozen=True, slots=True)
class Stored:
    """An invoice that is known by its claim; ``stands``: a log of the present chain speaks of it."""

    id: int
    said: InvoiceLog | None
    stands: bool


def stored(session: Session, source: Source, invoice_ids: Iterable[bytes]) -> dict[str, Stored]:
    """The known ones among these ids on chain, by claim id."""
    known = claims.invoices(session, source, invoice_ids)
    if not known:
        return {}
    gone = observed.orphaned_invoices(session, known.values())
    both = select(Invoice.id, Invoice.claim_id, ChainLog).join(ChainLog, ChainLog.id == Invoice.chain_log_id)
    own = mapping.of(source.mapping)
    found: dict[str, Stored] = {}
    for some in rows.among(session, Invoice.id, known.values()):
        for invoice_id, claim, log in session.execute(both.where(some)):
            said = decoders.invoice_of(observed.raw(log, source.chain_id), own)
            found[claim] = Stored(invoice_id, said, invoice_id not in gone)
    return found


def attach(session: Session, runtime: Runtime, told: Sequence[tuple[Told, int]], by: Recorder) -> None:
    """Each of these logs says the same as an invoice (by its row's id) that had lost its own; an orphaned one is owed again."""
    if not told:
        return
    new = [{"log_id": one.log_id, "invoice_id": invoice_id, "recorded_at": by.at} for one, invoice_id in told]
    session.execute(insert(Observation), new)
    owed = debts.load(session, [invoice_id for _, invoice_id in told])
    for one, invoice_id in told:
        if owed[invoice_id].state == "orphaned":
            evidence, words = f"chain_log:{one.log_id}", "it is on the chain again"
            on_chain.back(session, on_chain.ORPHANED, invoice_id, one.on, evidence, words, by)
    beyond.look(session, owed, by, runtime.today())
