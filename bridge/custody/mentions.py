"""Which of our files the bank names: by MsgId, by PmtInfId, or by an EndToEndId that stands in one of them alone.

Whatever our books believe, a file that the bank names is there. A payer's own transfer may carry any of these ids and proves
nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from bridge.custody import files
from bridge.custody.files import AT_THE_BANK
from bridge.model import Batch, Block, Collection, Detail, Entry, Member, Statement, StatusReport, StatusReportLine
from bridge.rules.matching import is_transfer

#: every line that the bank said: of statements that are booked, or wait for the one before them
SAID = select(Entry.id).join(Statement, Statement.id == Entry.statement_id).where(Statement.posting != "refused")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What of the bank names a file: "status_report:7" or "entry:40", and its date."""

    on: date
    what: str

    @property
    def words(self) -> str:
        """The same for a sentence: "status report 7 of 2026-11-24"."""
        noun, _, number = self.what.partition(":")
        return f"{noun.replace('_', ' ')} {number} of {self.on}"


@dataclass(frozen=True, slots=True)
class Named:
    """What the bank names. ``unclear``: debits named alone, each in several files that left, none of them marked as uploaded."""

    files: dict[int, Evidence] = field(default_factory=dict)  # batch id -> the first thing that names it
    unclear: dict[int, str] = field(default_factory=dict)  # invoice id -> EndToEndId


@dataclass(frozen=True, slots=True)
class Debit:
    """A debit that a line names."""

    collection_id: int
    invoice_id: int
    end_to_end_id: str
    evidence: Evidence


def unconfirmed(session: Session) -> list[Batch]:
    """The files that ever left and of which the books do not say that they are at the bank."""
    left = select(Batch).where(Batch.manifest_no.is_not(None), Batch.state.in_(("exported", "discarded")))
    return list(session.scalars(left.order_by(Batch.id)))


def by_the_bank(session: Session) -> Named:
    """Which files that are not at the bank by our books it names, in what was not read or explained yet."""
    batches = unconfirmed(session)
    if not batches:
        return Named()
    lines = SAID.where(or_(Entry.open_cents > 0, Entry.open_cents < 0))  # so written, SQLite uses the index
    usable = select(StatusReportLine.id).where(StatusReportLine.report_id == StatusReport.id, StatusReportLine.outcome != "break")
    told = [*_reports(session, batches, usable.exists()), *_references(session, batches, lines)]
    alone, unclear = _alone(session, _debits(session, _members_of_unconfirmed(), lines))
    found: dict[int, list[Evidence]] = defaultdict(list)
    for batch_id, evidence in (*told, *alone):
        found[batch_id].append(evidence)
    return Named({batch_id: min(some, key=_order) for batch_id, some in found.items()}, unclear)


def evidence_for(session: Session, batch: Batch) -> Evidence | None:
    """The first thing that the bank ever said of this file or of a debit in it, explained or not."""
    return min(_about(session, batch, but=set()), key=_order, default=None)


def evidence_of_upload(session: Session, batch: Batch) -> Evidence | None:
    """The same, without what it said of debits that stand in another file that left: it may mean that one."""
    elsewhere = {
        collection_id
        for collection_id, others in files.other_files(session, batch).items()
        if any(other.manifest_no is not None for other in others)
    }
    return min(_about(session, batch, but=elsewhere), key=_order, default=None)


def _about(session: Session, batch: Batch, *, but: set[int]) -> Iterator[Evidence]:
    for _, evidence in (*_reports(session, [batch]), *_references(session, [batch], SAID)):
        yield evidence
    own = select(Member.collection_id).join(Block, Block.id == Member.block_id).where(Block.batch_id == batch.id)
    for debit in _debits(session, own, SAID):
        if debit.collection_id not in but:
            yield debit.evidence


def _order(evidence: Evidence) -> tuple[date, str]:
    return evidence.on, evidence.what


def _reports(session: Session, batches: Sequence[Batch], *usable: ColumnElement[bool]) -> Iterator[tuple[int, Evidence]]:
    for some in files.slices(batches):
        ids = {batch.message_id.upper(): batch.id for batch in some}
        rows = session.execute(
            select(StatusReport.id, StatusReport.dated_on, func.upper(StatusReport.original_message_id))
            .where(func.upper(StatusReport.original_message_id).in_(ids), *usable)
            .order_by(StatusReport.id)
        )
        for report_id, on, name in rows:
            yield ids[name], Evidence(on, f"status_report:{report_id}")


def _references(session: Session, batches: Sequence[Batch], lines: Select[int]) -> Iterator[tuple[int, Evidence]]:
    """Lines and their details that name a file or one of its blocks."""
    ids = {batch.message_id.upper(): batch.id for batch in batches}
    for some in files.slices(batches):
        rows = session.execute(select(Block.pmt_inf_id, Block.batch_id).where(Block.batch_id.in_([batch.id for batch in some])))
        ids |= {name.upper(): batch_id for name, batch_id in rows}
    for row in (*session.execute(_of_entries(lines)), *session.execute(_of_details(lines))):
        message_id, pmt_inf_id, entry_id, on, *codes = row
        batch_id = ids.get(pmt_inf_id or "") or ids.get(message_id or "")
        if batch_id is not None and not is_transfer(*codes):
            yield batch_id, Evidence(on, f"entry:{entry_id}")


def _of_entries(lines: Select[int]) -> Select[*tuple[Any, ...]]:
    named = (func.upper(Entry.batch_message_id), func.upper(Entry.batch_pmt_inf_id))
    return _grouped(*named).where(Entry.id.in_(lines), _any(*named))


def _of_details(lines: Select[int]) -> Select[*tuple[Any, ...]]:
    named = (func.upper(Detail.message_id), func.upper(Detail.pmt_inf_id))
    details = _grouped(*named).select_from(Detail).join(Entry, Entry.id == Detail.entry_id)
    return details.where(Detail.entry_id.in_(lines), _any(*named))


def _grouped(*named: ColumnElement[str]) -> Select[*tuple[Any, ...]]:
    """A lump sum with 100,000 details names one block: one row of the answer."""
    first = (func.min(Entry.id), func.min(Entry.booked_on))
    codes = (Entry.bank_code, Entry.bank_code_own)
    return select(*named, *first, *codes).group_by(*named, *codes)


def _any(*named: ColumnElement[str]) -> ColumnElement[bool]:
    return or_(*(name.is_not(None) for name in named))


def _members_of_unconfirmed() -> Select[int]:
    blocks = select(Block.id).join(Batch, Batch.id == Block.batch_id)
    left = blocks.where(Batch.manifest_no.is_not(None), Batch.state.not_in(AT_THE_BANK))
    return select(Member.collection_id).where(Member.block_id.in_(left))


def _debits(session: Session, wanted: Select[int], lines: Select[int]) -> list[Debit]:
    """Of the ``wanted`` collections those that a line names."""
    who = (Collection.id, Collection.invoice_id, Collection.end_to_end_id)
    codes = (Entry.bank_code, Entry.bank_code_own)
    rows = session.execute(
        select(*who, func.min(Entry.id), func.min(Entry.booked_on), *codes)
        .select_from(Detail)
        .join(Entry, Entry.id == Detail.entry_id)
        .join(Collection, Collection.end_to_end_key == func.upper(Detail.end_to_end_id))
        .where(Detail.entry_id.in_(lines), Collection.id.in_(wanted))
        .group_by(*who, *codes)
    )
    return [
        Debit(collection_id, invoice_id, name, Evidence(on, f"entry:{entry_id}"))
        for collection_id, invoice_id, name, entry_id, on, code, own in rows
        if not is_transfer(code, own)
    ]


def _alone(session: Session, debits: Sequence[Debit]) -> tuple[list[tuple[int, Evidence]], dict[int, str]]:
    """Files named by a debit that stands in no other file that left; and the debits that stand in several of them."""
    places = files.files_of(session, sorted({debit.collection_id for debit in debits}))
    proven: list[tuple[int, Evidence]] = []
    unclear: dict[int, str] = {}
    for debit in debits:
        left = [batch for batch in places[debit.collection_id] if batch.manifest_no is not None]
        if any(batch.state in AT_THE_BANK for batch in left):
            continue  # the bank speaks of the file that it has
        if len(left) == 1:
            proven.append((left[0].id, debit.evidence))
        else:
            unclear[debit.invoice_id] = debit.end_to_end_id
    return proven, unclear
