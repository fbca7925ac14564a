"""Which stored logs still stand on the chain, and what they say: the raw logs are evidence, and are never changed.

A log stands until two people unfroze its source after a reorganisation that took it away (Orphan). An invoice stands as long as
the log it was made from stands, or another one that says the same of it (Observation).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from bridge.chain import decoders, mapping
from bridge.model import ChainLog, Invoice, Observation, Orphan, Source
from bridge.records.invoice_log import RawLog

IN_ONE_STATEMENT = 500
ROWS_AT_ONCE = 2_000


def stands(known_at: datetime | None = None) -> ColumnElement[bool]:
    """Whether a ChainLog is still on the chain; with ``known_at`` by what was known then."""
    gone = select(Orphan.log_id)
    return ChainLog.id.not_in(gone if known_at is None else gone.where(Orphan.recorded_at <= known_at))


def raw(row: ChainLog, chain_id: int) -> RawLog:
    """A stored log as it was read."""
    return RawLog(
        chain_id=chain_id,
        address=row.address,
        topics=tuple(row.topics[start : start + 32] for start in range(0, len(row.topics), 32)),
        data=row.data,
        block_number=row.block_number,
        block_hash=row.block_hash,
        block_timestamp=row.block_timestamp,
        tx_hash=row.tx_hash,
        tx_index=row.tx_index,
        log_index=row.log_index,
    )


def standing(session: Session, source: Source, *, after: int = -1, upto: int | None = None) -> Iterator[ChainLog]:
    """The source's logs that stand, in the order of the chain, of blocks above ``after`` and not above ``upto``."""
    rows = select(ChainLog).where(ChainLog.source_id == source.id, ChainLog.block_number > after, stands())
    if upto is not None:
        rows = rows.where(ChainLog.block_number <= upto)
    ordered = rows.order_by(ChainLog.block_number, ChainLog.log_index).execution_options(yield_per=ROWS_AT_ONCE)
    yield from session.scalars(ordered)


def fold(session: Session, source: Source, upto: int) -> tuple[int, bytes]:
    """How many invoices the standing logs up to that block finalize, and their running hash."""
    count, chain, own = 0, decoders.CHAIN_START, mapping.of(source.mapping)
    for row in standing(session, source, upto=upto):
        invoice = decoders.invoice_of(raw(row, source.chain_id), own)
        if invoice is not None:
            count, chain = count + 1, decoders.fold(chain, invoice)
    return count, chain


def orphaned_invoices(session: Session, invoice_ids: Iterable[int]) -> set[int]:
    """Those of these invoices that no standing log speaks of any more."""
    wanted = sorted(set(invoice_ids))
    alive: set[int] = set()
    for start in range(0, len(wanted), IN_ONE_STATEMENT):
        some = wanted[start : start + IN_ONE_STATEMENT]
        own = select(Invoice.id).join(ChainLog, ChainLog.id == Invoice.chain_log_id).where(Invoice.id.in_(some), stands())
        again = select(Observation.invoice_id).join(ChainLog, ChainLog.id == Observation.log_id)
        alive |= set(session.scalars(own)) | set(session.scalars(again.where(Observation.invoice_id.in_(some), stands())))
    return set(wanted) - alive
