"""What a bank line may be about: collections by EndToEndId or by the batch they stand in, a query for a whole chunk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from bridge import balances
from bridge.model import Batch, Block, Collection, Detail, Entry, Invoice, Match, Member, Move, Statement, Voucher
from bridge.model.collection import FINAL_STATES
from bridge.rules.matching import Candidate, OpenCredit

IN_ONE_STATEMENT = 500


def by_end_to_end(session: Session, keys: Iterable[str]) -> dict[str, Candidate]:
    """The collections with these EndToEndIds (upper case)."""
    wanted = sorted(keys)
    found: dict[str, Candidate] = {}
    for start in range(0, len(wanted), IN_ONE_STATEMENT):
        some = _load(session, Collection.end_to_end_key.in_(wanted[start : start + IN_ONE_STATEMENT]))
        found |= {candidate.end_to_end_id.upper(): candidate for candidate in some}
    return found


def of_batch(session: Session, entry: Entry) -> tuple[Candidate, ...]:
    """The members of the block, or else of the file, that a lump sum names."""
    members = select(Member.collection_id).join(Block, Block.id == Member.block_id).join(Batch, Batch.id == Block.batch_id)
    if entry.batch_pmt_inf_id:
        found = members.where(func.upper(Block.pmt_inf_id) == entry.batch_pmt_inf_id.upper())
        inside = _load(session, Collection.id.in_(found))
        if inside:
            return tuple(inside)
    if entry.batch_message_id:
        found = members.where(func.upper(Batch.message_id) == entry.batch_message_id.upper())
        return tuple(_load(session, Collection.id.in_(found)))
    return ()


def open_credits(session: Session, wanted: Sequence[Candidate]) -> dict[int, list[OpenCredit]]:
    """For each rejected or withdrawn candidate, the credit lines with an open rest that contain it and were not used for it."""
    failed = [candidate for candidate in wanted if candidate.state in ("rejected", "withdrawn")]
    if not failed:
        return {}
    ids = [candidate.id for candidate in failed]
    used = set(session.scalars(select(Match.collection_id).where(Match.collection_id.in_(ids), Match.rule == "LINE_TO_LINE")))
    found: dict[int, list[OpenCredit]] = defaultdict(list)
    for candidate in failed:
        if candidate.id in used:
            continue
        for entry in _credits_containing(session, candidate):
            found[candidate.id].append(OpenCredit(entry.id, entry.open_cents, entry.booked_on))
    return found


def _credits_containing(session: Session, candidate: Candidate) -> list[Entry]:
    """Open credit lines that name the candidate, or that are the gross sum of a block or file it stands in."""
    place = session.execute(
        select(Block.pmt_inf_id, Block.control_sum_cents, Batch.message_id, Batch.control_sum_cents)
        .join(Member, Member.block_id == Block.id)
        .join(Batch, Batch.id == Block.batch_id)
        .where(Member.collection_id == candidate.id)
        .order_by(Block.id.desc())
    ).first()
    if place is None:
        return []
    pmt_inf_id, block_cents, message_id, batch_cents = place
    gross = Entry.amount_cents - Entry.charges_cents
    named = select(Detail.entry_id).where(func.upper(Detail.end_to_end_id) == candidate.end_to_end_id.upper())
    contains = or_(
        (func.upper(Entry.batch_pmt_inf_id) == pmt_inf_id.upper()) & (gross == block_cents),
        (func.upper(Entry.batch_message_id) == message_id.upper()) & (gross == batch_cents),
        Entry.id.in_(named),
    )
    statement = (
        select(Entry)
        .join(Statement, Statement.id == Entry.statement_id)
        .where(Entry.open_cents > 0, Statement.posting == "posted", Statement.account_id == candidate.account_id, contains)
        .order_by(Entry.id)
    )
    return list(session.scalars(statement))


def _load(session: Session, condition: ColumnElement[bool]) -> list[Candidate]:
    rows = session.execute(
        select(Collection, Invoice.version, Invoice.state, Move.booked_on)
        .join(Invoice, Invoice.id == Collection.invoice_id)
        .join(Move, (Move.noun == "collection") & (Move.noun_id == Collection.id) & (Move.version == Collection.version))
        .where(condition)
        .order_by(Collection.id)
    ).all()
    settled = [collection for collection, *_ in rows if collection.state in ("settled", *FINAL_STATES)]
    late = _late(session, [collection.id for collection in settled])
    owed = balances.of_subjects(session, "Receivable", [collection.invoice_id for collection in settled])
    return [
        Candidate(
            id=collection.id,
            version=collection.version,
            end_to_end_id=collection.end_to_end_id,
            state=collection.state,
            amount_cents=collection.amount_cents,
            account_id=collection.account_id,
            invoice_id=collection.invoice_id,
            invoice_version=invoice_version,
            invoice_state=invoice_state,
            receivable_cents=owed.get(collection.invoice_id, 0),
            closes_on=moved_on,
            rejected_on=moved_on if collection.state in ("rejected", "withdrawn") else None,
            late_cents=late.get(collection.id, 0),
        )
        for collection, invoice_version, invoice_state, moved_on in rows
    ]


def _late(session: Session, collection_ids: Sequence[int]) -> dict[int, int]:
    """What late credits less late debits brought, for each of these collections."""
    total: dict[int, int] = defaultdict(int)
    for start in range(0, len(collection_ids), IN_ONE_STATEMENT):
        some = collection_ids[start : start + IN_ONE_STATEMENT]
        rows = session.execute(
            select(Match.collection_id, func.sum(Match.amount_cents))
            .join(Voucher, Voucher.id == Match.voucher_id)
            .where(Match.collection_id.in_(some), Voucher.fact.in_(("late credit", "late debit")))
            .group_by(Match.collection_id)
        )
        for collection_id, cents in rows:
            if collection_id is not None:  # the column may be empty; the condition above leaves that out
                total[collection_id] += int(cents)
    return total
