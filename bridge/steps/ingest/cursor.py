"""How far a source was read: a block and its hash, moved by compare-and-swap, and our fold of its invoices beside its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, insert, update
from sqlalchemy.orm import Session

from bridge import books, observed
from bridge.books import BreakRow, Recorder
from bridge.chain import decoders
from bridge.errors import LostRace
from bridge.model import Cursor, Source
from bridge.records.invoice_log import Completeness, Head, InvoiceLog
from bridge.settings import SourceSettings


def next_block(session: Session, settings: SourceSettings, source_id: int) -> tuple[int, bytes | None]:
    """The block after the cursor, and the hash of the block it must follow; None before the first."""
    cursor = session.get(Cursor, source_id)
    return (settings.start_block, None) if cursor is None else (cursor.block_number + 1, cursor.block_hash)


def advance(
    session: Session,
    source: Source,
    head: Head,
    invoices: Sequence[InvoiceLog],
    stated: Completeness | None,
    by: Recorder,
    first: int,
    *,
    at_head: bool,
    final: int,
) -> list[BreakRow]:
    """Move the cursor by compare-and-swap; returns a Break where the contract counts other invoices than we did."""
    cursor = session.get(Cursor, source.id)
    count, chain = (cursor.invoice_count, cursor.invoice_chain) if cursor else (0, decoders.CHAIN_START)
    had_proof = cursor is not None and cursor.stated_count is not None
    for one in invoices:
        count, chain = count + 1, decoders.fold(chain, one)
    values = {
        "block_number": head.number,
        "block_hash": head.hash,
        "invoice_count": count,
        "invoice_chain": chain,
        "moved_at": by.at,
        "final_number": final,
    }
    if at_head:  # on the way there nobody was asked, and what the contract said last is not forgotten
        values["stated_count"] = stated.invoice_count if stated else None
        values["stated_chain"] = stated.invoice_chain if stated else None
    if cursor is None:
        session.execute(insert(Cursor).values(source_id=source.id, version=1, **values))
    else:
        swapped = session.execute(
            update(Cursor)
            .where(Cursor.source_id == source.id, Cursor.version == cursor.version, Cursor.block_number == first - 1)
            .values(version=cursor.version + 1, **values)
        )
        if cast("CursorResult[Any]", swapped).rowcount != 1:  # an UPDATE always gives one
            raise LostRace(f"source {source.name} was read further by another worker")
    return _judged(session, source, stated, (count, chain), head.number, by, lost=stated is None and at_head and had_proof)


def count_again(session: Session, source: Source, stated: Completeness | None, by: Recorder) -> list[BreakRow]:
    """The count and running hash anew from all stored logs, beside what the contract says at the cursor's block."""
    cursor = session.get_one(Cursor, source.id)
    found = observed.fold(session, source, upto=cursor.block_number)
    values: dict[str, Any] = {"invoice_count": found[0], "invoice_chain": found[1], "version": cursor.version + 1}
    if stated is not None:
        values |= {"stated_count": stated.invoice_count, "stated_chain": stated.invoice_chain}
    session.execute(update(Cursor).where(Cursor.source_id == source.id).values(values))
    return _judged(session, source, stated, found, cursor.block_number, by, lost=False)


def _judged(
    session: Session,
    source: Source,
    stated: Completeness | None,
    found: tuple[int, bytes],
    block: int,
    by: Recorder,
    *,
    lost: bool,
) -> list[BreakRow]:
    if lost:
        then = "nothing of this source is collected; ask the node, or find out what happened to the contract"
        return [("PROOF_LOST", f"source:{source.id}", "the contract no longer says how many invoices it finalized", then)]
    if stated is None:
        return []
    if (stated.invoice_count, stated.invoice_chain) == found:
        why = "the contract counts what was read"
        books.close_breaks(session, [f"source:{source.id}"], by, why, kinds=["PROOF_LOST", "SOURCE_INCOMPLETE"])
        return []
    what = (
        f"the contract counts {stated.invoice_count} invoices at block {block:,}, the logs {found[0]};"
        " or their running hash differs"
    )
    return [("SOURCE_INCOMPLETE", f"source:{source.id}", what, "nothing of this source is collected; compare with another node")]
