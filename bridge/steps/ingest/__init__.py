"""Read final logs from the cursor on and keep them as evidence; each becomes an invoice, once.

One unit of work is one range of blocks: raw logs, invoices, their vouchers (Receivable / Billed) and the cursor are one commit,
and the cursor advances by compare-and-swap. The claim key (chain id, contract, invoice id) carries the money; where a log stood
is evidence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache, partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from bridge import books, rows, shards, sources
from bridge.books import BreakRow, PlannedPosting, PlannedVoucher, Recorder, Unit
from bridge.chain import ChainSource, decoders, mapping
from bridge.errors import BadInput, BridgeError, ConfigError, Unavailable
from bridge.model import ChainLog, Invoice, Source
from bridge.records.invoice_log import Completeness, Decoded, Head, InvoiceLog, RawLog
from bridge.rules import lifecycle
from bridge.runtime import Runtime
from bridge.settings import SourceSettings
from bridge.steps.ingest import again, attested, cancelled, changed, cursor, paid
from bridge.steps.ingest.again import Stored
from bridge.steps.ingest.ahead import one_ahead
from bridge.steps.ingest.claims import Told
from bridge.steps.ingest.pace import Pace

ACTOR = "ingest"
BLOCKS_FIRST, BLOCKS_MAX = 100, 5_000  # in one unit of work: a range grows where little happens, and shrinks where much does
LOGS_FEW, LOGS_MANY = 500, 10_000
IN_ONE_STATEMENT = 500
INVOICE_NO_MAX = 2**63 - 1  # uint64 on chain, signed in every database
BLOCK_MAX = 2**53
# Not the clock: it may be rehearsed, and a chain's time is only shown.
TIMESTAMP_MIN, TIMESTAMP_MAX = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2015, 2100))
NUMBER_MAX = 32  # with "-99" it stays within the 35 of an EndToEndId


@dataclass(frozen=True, slots=True)
class Seen:
    """A log as it is stored: decoded, or refused with the reason in words. ``fields``: what the log says of the invoice's row."""

    raw: RawLog
    said: Decoded | None
    fields: Mapping[str, Any] = field(default_factory=dict)
    refused: str | None = None
    kind: str = "MALFORMED_LOG"
    freezes: bool = False  # the source, not only this log
    same_as: int | None = None  # the invoice of which it is another observation

    @property
    def is_new(self) -> bool:
        """Whether an invoice is made from it."""
        return self.invoice is not None and self.refused is None and self.same_as is None

    @property
    def invoice(self) -> InvoiceLog | None:
        return self.said if isinstance(self.said, InvoiceLog) else None


@dataclass(frozen=True, slots=True)
class Range:
    """What a source says of some blocks up to ``upto``. ``stated`` is the contract's own count, asked only at the final head,
    whose number is ``final``."""

    first: int
    upto: Head
    looked: list[Seen]
    stated: Completeness | None
    at_head: bool
    final: int


def run(runtime: Runtime) -> dict[str, int]:
    """Bring every source to its final head. One that does not answer, or is no log, does not stop the others.

    It is reported at the end: Unavailable where all that failed may work later, else BadInput or ConfigError.
    """
    counts: Counter[str] = Counter(logs=0, invoices=0, refused=0)
    failed: list[BridgeError] = []
    for settings in runtime.settings.sources:
        with shards.claimed(runtime, ACTOR, settings.name) as ours:
            try:
                counts += _follow(runtime, settings) if ours else Counter()
            except (Unavailable, BadInput, ConfigError) as problem:
                failed.append(problem)
    sources.report(failed)
    return {name: counts[name] for name in ("logs", "invoices", "refused")}


def _follow(runtime: Runtime, settings: SourceSettings) -> Counter[str]:
    source = runtime.source(settings)
    try:
        return _read(runtime, settings, source)
    finally:
        sources.tell(runtime, settings, source, ACTOR)


def _read(runtime: Runtime, settings: SourceSettings, source: ChainSource) -> Counter[str]:
    """From the cursor to the final head, range by range."""
    head = source.final_head()
    if head is None:
        return Counter()
    if head.number > BLOCK_MAX:
        cure = "correct the file" if settings.recorded else "ask another node"
        raise BadInput(f"source {settings.name}: its last block is {head.number}; no chain has so many; {cure}")
    if not sources.stands(runtime, settings, source, head, ACTOR):
        return Counter()
    counts: Counter[str] = Counter()
    while True:
        first, parent = runtime.work(lambda session: cursor.next_block(session, settings, sources.row(session, settings).id))
        if first > head.number:
            return counts
        if parent is None:
            source.self_test(head)
        pace = Pace(first, head.number)
        with one_ahead(_ranges(settings, source, runtime.zone, head, first, parent)) as ranges:
            for one in ranges:
                stored = runtime.work(partial(_store, runtime=runtime, settings=settings, read=one))
                if stored is None:  # another worker has read it meanwhile: on from where he is
                    break
                counts += stored
                runtime.progress(f"{settings.name}: {pace.said(one.upto.number)}")


def _ranges(
    settings: SourceSettings, source: ChainSource, zone: ZoneInfo, head: Head, first: int, parent: bytes | None
) -> Iterator[Range]:
    """What the source says of the blocks from ``first`` to the final head, a range at a time; nothing is stored."""
    span, own = BLOCKS_FIRST, mapping.of(settings.described)
    while first <= head.number:
        last = min(_next_log(source, settings, first, head) + span - 1, head.number)
        upto = head if last == head.number else source.head_at(last)
        if upto is None:
            raise Unavailable(f"source {settings.name}: the node does not know block {last}, which lies below its final head")
        logs = source.logs(first, last, parent=parent)
        _refuse_implausible(settings, logs)
        at_head = last == head.number
        stated = source.completeness(head) if at_head and own is None else None  # nobody else's contract counts as ours does
        yield Range(first, upto, [look(settings, zone, raw, own) for raw in logs], stated, at_head, head.number)
        first, parent, span = last + 1, upto.hash, next_span(span, len(logs))


def next_span(span: int, logs: int) -> int:
    """How many blocks the next range has, after one of ``span`` blocks in which there were so many logs; 1 at least."""
    if logs > LOGS_MANY:
        return max(1, span // 2)
    return min(2 * span, BLOCKS_MAX) if logs < LOGS_FEW else span


def _next_log(source: ChainSource, settings: SourceSettings, first: int, head: Head) -> int:
    """The block a range begins to count at. A file knows where its next log stands; a node is asked range by range."""
    if settings.recorded is None:
        return first
    ahead = source.logs(first, head.number)
    return ahead[0].block_number if ahead else head.number


def _refuse_implausible(settings: SourceSettings, logs: Sequence[RawLog]) -> None:
    """A block number or time that no chain has is no evidence, and some fit no column: BadInput, and the cursor stays."""
    for log in logs:
        if log.block_number > BLOCK_MAX:
            what = f"a log of block {log.block_number}; no chain has so many blocks"
        elif not TIMESTAMP_MIN <= log.block_timestamp < TIMESTAMP_MAX:
            what = f"a log of block {log.block_number} with time {log.block_timestamp}, which is before 2015 or after 2099"
        else:
            continue
        cure = "correct or remove the line" if settings.recorded else "ask another node"
        raise BadInput(f"source {settings.name} has {what}; {cure}")


def _store(session: Session, runtime: Runtime, settings: SourceSettings, read: Range) -> Counter[str] | None:
    """One range in one commit; None where another worker has moved the cursor meanwhile."""
    source = sources.row(session, settings)
    by = _recorder(runtime)
    if cursor.next_block(session, settings, source.id)[0] != read.first:
        return None
    seen, breaks = take_in(session, runtime, settings, source, read.looked, by)
    runtime.fault("ingest: before the cursor")
    finalized = [one.invoice for one in read.looked if one.invoice is not None]  # stored ones, too: a source may be read again
    breaks += cursor.advance(
        session, source, read.upto, finalized, read.stated, by, read.first, at_head=read.at_head, final=read.final
    )
    books.open_breaks(session, breaks, by, runtime.today())
    return counted(seen)


def take_in(
    session: Session, runtime: Runtime, settings: SourceSettings, source: Source, looked: Sequence[Seen], by: Recorder
) -> tuple[list[Seen], list[BreakRow]]:
    """Keep these logs and book what they say; those that are stored already are left out. Returns what must be told, too."""
    seen = _new_only(session, source, looked)
    runtime.fault("ingest: read")
    had_invoices = changed.has_invoices(session, source)
    log_ids = _keep_logs(session, source, seen, by, runtime.zone)
    good = [(log_id, one) for log_id, one in zip(log_ids, seen, strict=True) if one.is_new]
    new = [_invoice_row(settings, source, log_id, one, by.at, runtime.zone) for log_id, one in good]
    ids = books.admit(session, "invoice", new, by, news="final")
    books.apply(session, [_billed(invoice_id, row) for invoice_id, row in zip(ids, new, strict=True)], by, all_new=True)
    breaks = [_refusal(source, log_id, one) for log_id, one in zip(log_ids, seen, strict=True) if one.refused]
    days = [_day(one.raw.block_timestamp, runtime.zone) for one in seen]
    told = [Told(log_id, day, one.said) for log_id, day, one in zip(log_ids, days, seen, strict=True)]
    repeated = [(one, it.same_as) for one, it in zip(told, seen, strict=True) if it.same_as is not None]
    again.attach(session, runtime, repeated, by)
    breaks += paid.book(session, runtime, settings, source, told, by)
    breaks += cancelled.take_back(session, runtime, source, told, by)
    breaks += attested.end(session, settings, source, told)
    breaks += changed.halt(source, told, had_invoices=had_invoices)
    return seen, breaks


def counted(seen: Sequence[Seen]) -> Counter[str]:
    """How many logs, how many of them new invoices, how many refused."""
    return Counter(logs=len(seen), invoices=sum(one.is_new for one in seen), refused=sum(one.refused is not None for one in seen))


def _refusal(source: Source, log_id: int, one: Seen) -> BreakRow:
    subject = f"source:{source.id}" if one.freezes else f"chain_log:{log_id}"
    return one.kind, subject, one.refused or "", "ask the operator of the contract"


def look(settings: SourceSettings, zone: ZoneInfo, raw: RawLog, own: decoders.Own | None = None) -> Seen:
    """What a log says; ``own``: of a contract that has an event of its own. ``zone``: whose days are the dates of its invoice."""
    try:
        said = decoders.decode(raw, own)
    except BadInput as problem:
        return Seen(raw, None, refused=str(problem))
    return Seen(raw, said, _fields(settings, zone, said) if isinstance(said, InvoiceLog) else {})


def _fields(settings: SourceSettings, zone: ZoneInfo, log: InvoiceLog) -> dict[str, Any]:
    number = settings.number(log.invoice_no)
    return {
        "claim_id": _hex(log.invoice_id),
        "number": number,
        "number_key": number.upper(),
        "invoice_no": log.invoice_no,
        "amount_cents": log.amount_minor,
        "currency": log.currency,
        "debtor_ref": _hex(log.debtor_ref),
        "agreement": _hex(log.agreement_id),
        "period_start": datetime.fromtimestamp(log.period_start, UTC),
        "period_end": datetime.fromtimestamp(log.period_end, UTC),
        "due_on": _day(log.due_date, zone),
        "usage_root": _hex(log.usage_root),
        "document_hash": _hex(log.document_hash),
    }


def _new_only(session: Session, source: Source, seen: Sequence[Seen]) -> list[Seen]:
    """Logs not stored yet; a claim or number that exists already, and a number that no bank would carry, is refused."""
    fresh = _not_stored(session, source, seen)
    logs = [one.invoice for one in fresh if one.invoice]
    known = again.stored(session, source, [log.invoice_id for log in logs])
    claims = set(known)
    # across creditors: the EndToEndId made of it is unique in the whole database, whatever the source
    numbers = _taken(session, Invoice.number_key, [one.fields["number_key"] for one in fresh if one.fields])
    checked = []
    for one in fresh:
        if one.invoice is None:
            checked.append(one)
            continue
        claim, number = one.fields["claim_id"], one.fields["number_key"]
        if claim in claims:
            checked.append(_again(one, claim, known.get(claim)))
        elif number in numbers:
            checked.append(replace(one, refused=f"invoice number {number} is already taken", kind="NUMBER_CLASH"))
        elif len(number) > NUMBER_MAX or one.invoice.invoice_no > INVOICE_NO_MAX:
            what = f"invoice number {number} is longer than {NUMBER_MAX} characters, or above 2**63 - 1"
            checked.append(replace(one, refused=what))
        else:
            checked.append(one)
            claims.add(claim)
            numbers.add(number)
    return checked


def _again(one: Seen, claim: str, known: Stored | None) -> Seen:
    """A log of a claim that was finalized before."""
    if known is None or known.stands:
        what = f"invoice id {claim[:10]}... was already finalized"
        return replace(one, refused=what, kind="CLAIM_CONFLICT", freezes=True)
    if known.said == one.said:
        return replace(one, same_as=known.id)
    what = f"invoice id {claim[:10]}... was finalized before a reorganisation, with other content"
    return replace(one, refused=what, kind="CLAIM_CONFLICT")


def _not_stored(session: Session, source: Source, seen: Sequence[Seen]) -> list[Seen]:
    """Those whose place on the chain (block hash, log index) no stored log has."""
    spots: set[tuple[bytes, int]] = set()
    blocks = sorted({one.raw.block_number for one in seen})
    for start in range(0, len(blocks), IN_ONE_STATEMENT):
        some = ChainLog.block_number.in_(blocks[start : start + IN_ONE_STATEMENT])
        found = session.execute(select(ChainLog.block_hash, ChainLog.log_index).where(ChainLog.source_id == source.id, some))
        spots |= {(block_hash, log_index) for block_hash, log_index in found}
    return [one for one in seen if (one.raw.block_hash, one.raw.log_index) not in spots]


def _taken(session: Session, column: InstrumentedAttribute[str], values: Sequence[str]) -> set[str]:
    """Which of these values an invoice has already."""
    found: set[str] = set()
    for some in rows.among(session, column, values):
        found |= set(session.scalars(select(column).where(some)))
    return found


def _keep_logs(session: Session, source: Source, seen: Sequence[Seen], by: Recorder, zone: ZoneInfo) -> list[int]:
    if not seen:
        return []
    ids = rows.numbers(session, ChainLog, len(seen))
    kept = [
        {
            "id": log_id,
            "source_id": source.id,
            "block_number": one.raw.block_number,
            "block_hash": one.raw.block_hash,
            "block_timestamp": one.raw.block_timestamp,
            "tx_hash": one.raw.tx_hash,
            "tx_index": one.raw.tx_index,
            "log_index": one.raw.log_index,
            "address": one.raw.address,
            "topics": b"".join(one.raw.topics),
            "data": one.raw.data,
            "booked_on": _day(one.raw.block_timestamp, zone),
            "recorded_at": by.at,
            "refused": one.refused,
        }
        for log_id, one in zip(ids, seen, strict=True)
    ]
    rows.insert(session, ChainLog, kept)
    return ids


def _invoice_row(
    settings: SourceSettings, source: Source, log_id: int, one: Seen, at: datetime, zone: ZoneInfo
) -> dict[str, Any]:
    return {
        **one.fields,
        "source_id": source.id,
        "creditor_id": source.creditor_id,
        "chain_log_id": log_id,
        "chain_id": source.chain_id,
        "contract": source.contract,
        "tax_code": None,
        "eligible_at": at + timedelta(minutes=settings.hold_minutes),
        "recorded_at": at,
        "state": "open",
        "evidence": f"chain_log:{log_id}",
        "booked_on": _day(one.raw.block_timestamp, zone),
    }


def _billed(invoice_id: int, row: dict[str, Any]) -> Unit:
    """Receivable / Billed. The business fact is the claim, so the same invoice can never be booked twice."""
    debit, credit = lifecycle.POSTINGS["invoice final"]
    posting = PlannedPosting(debit, invoice_id, credit, invoice_id, row["amount_cents"])
    key = f"inv:{row['chain_id']}:{row['contract']}:{row['claim_id']}"
    return Unit(voucher=PlannedVoucher(key, "invoice final", row["evidence"], row["booked_on"], (posting,)))


def _recorder(runtime: Runtime) -> Recorder:
    return Recorder(ACTOR, runtime.clock())


@lru_cache(maxsize=4_096)  # the logs of a block share their time, the invoices of a month their dates
def _day(unix_seconds: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(unix_seconds, zone).date()


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
