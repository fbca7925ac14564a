"""What changes the contract itself halts its source until two people looked: its roles, its pause, its tokens, its payee.

What happened before the first invoice is how the contract was set up, and was looked at by whoever declared the source.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from bridge.books import BreakRow
from bridge.model import Invoice, Source
from bridge.records.invoice_log import AdminLog, InvoiceLog
from bridge.steps.ingest.claims import Told

KIND = "CONTRACT_CHANGED"
NEXT = "nothing of this source is collected; look at it on chain, then two people say: bridge chain unfreeze"


def has_invoices(session: Session, source: Source) -> bool:
    """Whether any invoice of the source was read before."""
    return bool(session.scalar(select(exists().where(Invoice.source_id == source.id))))


def halt(source: Source, told: Sequence[Told], *, had_invoices: bool) -> list[BreakRow]:
    """A Break on the source that names the changes among these logs; none where nothing was changed."""
    changes: list[str] = []
    for one in told:
        if isinstance(one.said, InvoiceLog):
            had_invoices = True
        elif isinstance(one.said, AdminLog) and had_invoices:
            changes.append(f"{one.said.event} (log {one.log_id})")
    if not changes:
        return []
    what = f"the contract was changed: {', '.join(changes[:5])}{' and more' if len(changes) > 5 else ''}"
    return [(KIND, f"source:{source.id}", what, NEXT)]
