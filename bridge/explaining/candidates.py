"""What a bank line may be about: collections by EndToEndId or by the batch they stand in, a query for a whole chunk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from bridge import rows
from bridge.explaining.standing import reopened_on, stands
from bridge.model import (
    Batch,
    Block,
    Collection,
    Detail,
    Entry,
    Invoice,
    Match,
    Member,
    Move,
    Statement,
    StatusReport,
    StatusReportLine,
    Voucher,
)
from bridge.model.batch import AT_THE_BANK_STATES
from bridge.model.collection import FINAL_STATES
from bridge.rules import matching
from bridge.rules.lines import Candidate, OpenCredit
from bridge.rules.matching import FAILED, NOT_SENT

IN_ONE_STATEMENT = 500
#: credits that a rule may take something off; what a person took in hand waits for him
_OPEN = (Entry.open_cents > 0, Entry.by_hand.is_(False), Statement.posting == "posted")


def by_end_to_end(session: Session, keys: Iterable[str]) -> dict[str, Candidate]:
    """The collections with these EndToEndIds (upper case)."""
    found: dict[str, Candidate] = {}
    for some in rows.among(session, Collection.end_to_end_key, keys):
        found |= {candidate.end_to_end_id.upper(): candidate for candidate in _load(session, some)}
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
    failed = {candidate.id: candidate for candidate in wanted if candidate.state in FAILED}
    used = select(Match.collection_id).where(Match.rule == "LINE_TO_LINE", stands())
    for (collection_id,) in rows.sought(session, used, Match.collection_id, list(failed)):
        failed.pop(collection_id, None)
    found: dict[int, dict[int, OpenCredit]] = defaultdict(dict)
    for some in _slices(sorted(failed)):
        group = [failed[candidate_id] for candidate_id in some]
        containing = (*_naming(session, group), *_lump_sums(session, group))
        reopened = reopened_on(session, [entry.id for _, entry in containing])
        for candidate_id, entry in containing:
            closes_on = max(entry.booked_on, reopened.get(entry.id, entry.booked_on))
            found[candidate_id][entry.id] = OpenCredit(entry.id, entry.open_cents, closes_on)
    return {candidate_id: [credits[entry_id] for entry_id in sorted(credits)] for candidate_id, credits in found.items()}


def _naming(session: Session, failed: Sequence[Candidate]) -> Iterator[tuple[int, Entry]]:
    """Open credit lines with a detail that names one of these."""
    by_key = {candidate.end_to_end_id.upper(): candidate for candidate in failed}
    open_lines = session.execute(
        select(Detail.end_to_end_id, Entry, Statement.account_id)
        .join(Entry, or_(Entry.id == Detail.entry_id, Entry.told_by_id == Detail.entry_id))
        .join(Statement, Statement.id == Entry.statement_id)
        .where(*_OPEN, func.upper(Detail.end_to_end_id).in_(by_key))
    )
    for name, entry, account_id in open_lines:
        candidate = by_key[(name or "").upper()]
        if candidate.account_id == account_id:
            yield candidate.id, entry


def _lump_sums(session: Session, failed: Sequence[Candidate]) -> Iterator[tuple[int, Entry]]:
    """Open lump sums of the blocks or files that these stand in, where the sum shows that it holds them."""
    wanted = {candidate.id: candidate for candidate in failed}
    places = session.execute(
        select(func.upper(Block.pmt_inf_id), func.upper(Batch.message_id))
        .join(Member, Member.block_id == Block.id)
        .join(Batch, Batch.id == Block.batch_id)
        .where(Member.collection_id.in_(wanted))
        .distinct()
    ).all()
    named = or_(
        func.upper(Entry.batch_pmt_inf_id).in_({block for block, _ in places}),
        func.upper(Entry.batch_message_id).in_({file for _, file in places}),
    )
    open_lines = session.execute(
        select(Entry, Statement.account_id).join(Statement, Statement.id == Entry.statement_id).where(*_OPEN, named)
    ).all()
    for entry, account_id in open_lines:
        gross = entry.amount_cents - entry.charges_cents
        for member in matching.contained(gross, entry.batch_count, entry.booked_on, of_batch(session, entry)):
            if member.id in wanted and member.account_id == account_id:
                yield member.id, entry


def _load(session: Session, condition: ColumnElement[bool]) -> list[Candidate]:
    found = session.execute(
        select(Collection, Invoice.version, Invoice.state, Move.booked_on, Move.evidence)
        .join(Invoice, Invoice.id == Collection.invoice_id)
        .join(Move, (Move.noun == "collection") & (Move.noun_id == Collection.id) & (Move.version == Collection.version))
        .where(condition)
        .order_by(Collection.id)
    ).all()
    elsewhere, unclear = _several_files(session, [c.id for c, *_ in found if c.state in NOT_SENT])
    settled = [c for c, *_ in found if c.state in ("settled", *FINAL_STATES) or c.id in elsewhere]
    late = _late(session, [collection.id for collection in settled])
    rejected = _rejected_on(session, {c.id: evidence for c, *_, evidence in found if c.state in FAILED})
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
            closes_on=moved_on,
            rejected_on=rejected.get(collection.id, moved_on) if collection.state in FAILED else None,
            late_cents=late.get(collection.id, 0),
            elsewhere=collection.id in elsewhere,
            unclear=collection.id in unclear,
        )
        for collection, invoice_version, invoice_state, moved_on, _ in found
    ]


def _several_files(session: Session, collection_ids: Sequence[int]) -> tuple[set[int], set[int]]:
    """Of these, the ones of which a file is at the bank while they are batched in another, and those in several that left."""
    left: dict[int, list[str]] = defaultdict(list)
    files = (
        select(Member.collection_id, Batch.state)
        .join(Block, Block.id == Member.block_id)
        .join(Batch, Batch.id == Block.batch_id)
        .where(Batch.manifest_no.is_not(None))
    )
    for collection_id, state in rows.sought(session, files, Member.collection_id, collection_ids):
        left[collection_id].append(state)
    elsewhere = {found for found, states in left.items() if any(state in AT_THE_BANK_STATES for state in states)}
    return elsewhere, {found for found, states in left.items() if len(states) > 1} - elsewhere


def _late(session: Session, collection_ids: Sequence[int]) -> dict[int, int]:
    """What late credits less late debits brought, for each of these collections."""
    summed = (
        select(Match.collection_id, func.sum(Match.amount_cents))
        .join(Voucher, Voucher.id == Match.voucher_id)
        .where(Voucher.fact.in_(("late credit", "late debit")), stands())
        .group_by(Match.collection_id)
    )
    found = rows.sought(session, summed, Match.collection_id, collection_ids)
    return {collection_id: int(cents) for collection_id, cents in found}


def _rejected_on(session: Session, evidence: dict[int, str]) -> dict[int, date]:
    """The date of the status report behind each rejection: its Move may be later, where the upload was confirmed late."""
    line_of = {
        collection_id: int(cause.removeprefix("status_report_line:"))
        for collection_id, cause in evidence.items()
        if cause.startswith("status_report_line:")
    }
    reported = select(StatusReportLine.id, StatusReport.dated_on).join(
        StatusReport, StatusReport.id == StatusReportLine.report_id
    )
    dated: dict[int, date] = dict(rows.sought(session, reported, StatusReportLine.id, line_of.values()))
    return {collection_id: dated[line_id] for collection_id, line_id in line_of.items()}


def _slices(items: Sequence[int]) -> Iterator[Sequence[int]]:
    return (items[start : start + IN_ONE_STATEMENT] for start in range(0, len(items), IN_ONE_STATEMENT))
