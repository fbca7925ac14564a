"""How much is looked at in one go: a cut of a million collections needs the memory of the largest file, not of the million.

A window is a range of mandates, because what is decided about one debit (first, last, the only one) depends on the others of its
mandate and on nothing beyond it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from bridge.model import Collection, Creditor, Invoice

LEAST = 10_000  # collections: smaller windows cost time and spare no memory that matters
STREAMED = 10_000  # rows of the counting that are in memory at a time
Window = tuple[int, int]  # the first and the last mandate row id


def pending(creditor: Creditor, barred: frozenset[int], *columns: Any) -> Select[Any]:
    """Selects from the creditor's pending collections, but for those of the barred sources."""
    of_creditor = (Collection.state == "pending", Invoice.creditor_id == creditor.id, Invoice.source_id.not_in(barred))
    return select(*columns).select_from(Collection).join(Invoice, Invoice.id == Collection.invoice_id).where(*of_creditor)


def windows(session: Session, creditor: Creditor, barred: frozenset[int], transactions_max: int) -> list[Window]:
    """The creditor's pending collections in windows about equally full, each of them no smaller than a file of the bank."""
    total = session.scalar(pending(creditor, barred, func.count())) or 0
    if not total:
        return []
    by_mandate = pending(creditor, barred, Collection.mandate_id, func.count()).group_by(Collection.mandate_id)
    counted = session.execute(by_mandate.order_by(Collection.mandate_id).execution_options(yield_per=STREAMED))
    return list(cut(((mandate_id, count) for mandate_id, count in counted), total, max(transactions_max, LEAST)))


def cut(counted: Iterable[tuple[int, int]], total: int, most: int) -> Iterator[Window]:
    """Windows over (mandate, collections) in the order of mandates; a mandate is never divided, so the last may be fuller."""
    share = -(-total // -(-total // most))
    first, last, held = None, 0, 0
    for mandate_id, count in counted:
        if first is not None and held + count > share:
            yield first, last
            first, held = None, 0
        first = mandate_id if first is None else first
        last, held = mandate_id, held + count
    if first is not None:
        yield first, last
