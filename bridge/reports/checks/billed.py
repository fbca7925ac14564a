"""What was billed: every invoice, its attempts and the cursor beside the raw logs, decoded anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, select

from bridge.chain import decoders, mapping
from bridge.chain.attester import evidence_hash
from bridge.explaining import written
from bridge.model import (
    Attestation,
    Break,
    ChainLog,
    Collection,
    Cursor,
    Declaration,
    Invoice,
    Observation,
    Orphan,
    Posting,
    Source,
    Voucher,
)
from bridge.observed import raw, stands
from bridge.records.invoice_log import InvoiceLog, PaidLog, RawLog
from bridge.reports.checks import ROWS_AT_ONCE, Reading
from bridge.reports.evidence import START


def amounts(now: Reading) -> Iterator[str]:
    """Each attempt collects the amount of its invoice, which is the amount of the log."""
    rows = now.session.execute(
        select(Collection.end_to_end_id, Collection.amount_cents, Invoice.id, Invoice.amount_cents)
        .join(Invoice, Invoice.id == Collection.invoice_id)
        .order_by(Collection.id)
    )
    for name, cents, invoice_id, of_invoice in rows:
        billed = now.logs.by_invoice.get(invoice_id)
        if not cents == of_invoice == billed:
            yield f"{name} collects {cents} cents; its invoice says {of_invoice}, the log on chain {billed}"


def outcomes(now: Reading) -> Iterator[str]:
    """Each outcome that was written back, or shall be, is what the move of its invoice means, and hashes with its salt."""
    rows = list(now.session.execute(select(Attestation, Invoice.number).join(Invoice, Invoice.id == Attestation.invoice_id)))
    meant = written.statements(now.session, [row.move_id for row, _ in rows])
    for row, number in rows:
        said, statement = meant.get(row.move_id, (None, b""))
        if said is None or said.outcome != row.outcome or evidence_hash(row.salt, statement) != row.evidence_hash:
            yield f"invoice {number}: its outcome {row.outcome!r} is not what its moves say"


def invoices(now: Reading) -> Iterator[str]:
    """Each invoice says what its log says: claim, number, amount, debtor, agreement, period and due date."""
    numbers = _numbers(now)
    rows = now.session.execute(
        select(Invoice, ChainLog, Source)
        .outerjoin(ChainLog, ChainLog.id == Invoice.chain_log_id)
        .join(Source, Source.id == Invoice.source_id)
        .order_by(Invoice.id)
        .execution_options(yield_per=ROWS_AT_ONCE)
    )
    for invoice, log, source in rows:
        decoded = _decoded(log, source)
        if decoded is None:
            yield f"invoice {invoice.number}: no stored log says what it is for"
            continue
        said = _said(log, decoded, source, now.runtime.zone)
        template = numbers.get(source.name)
        if template is not None:
            said["number"] = template.number(decoded.invoice_no)
        wrong = [name for name, value in said.items() if getattr(invoice, name) != value]
        if invoice.number_key != invoice.number.upper():
            wrong.append("number_key")
        if wrong:
            yield f"invoice {invoice.number}: {', '.join(wrong)} is not what its log says"


def cancellations(now: Reading) -> Iterator[str]:
    """Each invoice that its contract cancelled, or that is on the chain no more, is taken back whole, and no other one is."""
    logs = select(ChainLog.source_id, ChainLog.topics).where(
        ChainLog.refused.is_(None), func.substr(ChainLog.topics, 1, 32) == decoders.INVOICE_CANCELLED_TOPIC, stands()
    )
    cancelled = {(source_id, _hex(topics[32:])) for source_id, topics in now.session.execute(logs)}
    gone = _orphaned(now)
    taken = now.session.execute(_sums("Billed", "Receivable", Posting.credit_subject))
    back: Counter[int] = Counter({invoice_id: int(cents) for invoice_id, cents in taken})
    undone = _sums("Receivable", "Billed", Posting.debit_subject).where(Voucher.reverses_id.is_not(None))
    back.subtract({invoice_id: int(cents) for invoice_id, cents in now.session.execute(undone)})
    rows = select(Invoice.id, Invoice.source_id, Invoice.claim_id, Invoice.number, Invoice.amount_cents)
    for invoice_id, source_id, claim, number, amount in now.session.execute(rows.execution_options(yield_per=ROWS_AT_ONCE)):
        expected = amount if (source_id, claim) in cancelled or invoice_id in gone else 0
        if back[invoice_id] != expected:
            yield f"invoice {number}: {back[invoice_id]} cents of it are taken back, but by the logs on chain {expected}"


def payments(now: Reading) -> Iterator[str]:
    """What each invoice was paid in tokens is what standing logs say, in the decimals of bridge.toml; or a person was told."""
    decimals = {one.name: one.tokens for one in now.runtime.settings.sources}
    names = {source_id: name for source_id, name in now.session.execute(select(Source.id, Source.name))}
    chains = {source_id: chain_id for source_id, chain_id in now.session.execute(select(Source.id, Source.chain_id))}
    told = set(now.session.scalars(select(Break.subject).where(Break.kind == "TOKEN_PAYMENT")))
    ids = {(source_id, claim): invoice_id for invoice_id, source_id, claim in now.session.execute(
        select(Invoice.id, Invoice.source_id, Invoice.claim_id))}  # fmt: skip
    logs = select(ChainLog).where(
        ChainLog.refused.is_(None), func.substr(ChainLog.topics, 1, 32) == decoders.INVOICE_PAID_TOPIC, stands()
    )
    expected: Counter[int] = Counter()
    for log in now.session.scalars(logs):
        said = decoders.decode(raw(log, chains[log.source_id]))
        if isinstance(said, PaidLog) and f"chain_log:{log.id}" not in told:
            size = 10 ** (decimals.get(names[log.source_id], {}).get(said.token, 2) - 2)
            expected[ids.get((log.source_id, _hex(said.invoice_id)), 0)] += said.amount // size
    booked: Counter[int] = Counter()
    for invoice_id, cents in now.session.execute(_sums("Token", "Receivable", Posting.credit_subject)):
        booked[invoice_id] += int(cents)
    for invoice_id, cents in now.session.execute(_sums("Receivable", "Token", Posting.debit_subject)):
        booked[invoice_id] -= int(cents)
    for invoice_id in sorted(expected.keys() | booked.keys()):
        if expected[invoice_id] != booked[invoice_id]:
            said_cents = f"the logs on chain say {expected[invoice_id]}"
            yield f"invoice {invoice_id}: {booked[invoice_id]} cents in tokens are booked, {said_cents}"


def _orphaned(now: Reading) -> set[int]:
    """The invoices of which no log that stands speaks any more."""
    own = set(now.session.scalars(select(Invoice.id).join(Orphan, Orphan.log_id == Invoice.chain_log_id)))
    again = select(Observation.invoice_id).where(Observation.log_id.not_in(select(Orphan.log_id)))
    return own - set(now.session.scalars(again))


def _sums(debit: str, credit: str, subject: Any) -> Select[Any]:
    return (
        select(subject, func.sum(Posting.amount_cents))
        .join(Voucher, Voucher.id == Posting.voucher_id)
        .where(Posting.debit_account == debit, Posting.credit_account == credit)
        .group_by(subject)
    )


def cursors(now: Reading) -> Iterator[str]:
    """How many invoices each source was read to have, and their running hash, are those of its stored logs."""
    rows = now.session.execute(
        select(Source.name, Source.id, Cursor.invoice_count, Cursor.invoice_chain).outerjoin(
            Cursor, Cursor.source_id == Source.id
        )
    )
    for name, source_id, count, chain in rows:
        if (count or 0, chain or START) != now.logs.fold.get(source_id, (0, START)):
            yield f"source {name}: its cursor counts {count or 0} invoices, or another running hash than the stored logs"


def _numbers(now: Reading) -> dict[str, Any]:
    """Settings of the sources that were declared once only: a later number template says nothing about earlier invoices."""
    versions = select(Declaration.name).where(Declaration.noun == "source").group_by(Declaration.name).having(func.count() == 1)
    once = set(now.session.scalars(versions))
    return {source.name: source for source in now.runtime.settings.sources if source.name in once}


def _said(log: ChainLog, decoded: InvoiceLog, source: Source, zone: ZoneInfo) -> dict[str, Any]:
    """The columns of an invoice as its log and its source give them."""
    return {
        "source_id": log.source_id,
        "creditor_id": source.creditor_id,
        "chain_id": source.chain_id,
        "contract": log.address,
        "claim_id": _hex(decoded.invoice_id),
        "invoice_no": decoded.invoice_no,
        "amount_cents": decoded.amount_minor,
        "currency": decoded.currency,
        "debtor_ref": _hex(decoded.debtor_ref),
        "agreement": _hex(decoded.agreement_id),
        "period_start": datetime.fromtimestamp(decoded.period_start, UTC),
        "period_end": datetime.fromtimestamp(decoded.period_end, UTC),
        "due_on": _day(decoded.due_date, zone),
        "usage_root": _hex(decoded.usage_root),
        "document_hash": _hex(decoded.document_hash),
    }


def _decoded(log: ChainLog | None, source: Source) -> InvoiceLog | None:
    """Read apart from ``reports.evidence`` on purpose: it sums up by invoice, this looks at each field."""
    if log is None or log.refused is not None:
        return None
    topics = tuple(log.topics[start : start + 32] for start in range(0, len(log.topics), 32))
    where = (log.block_number, log.block_hash, log.block_timestamp, log.tx_hash, log.tx_index, log.log_index)
    raw_log = RawLog(source.chain_id, log.address, topics, log.data, *where)
    return decoders.invoice_of(raw_log, mapping.of(source.mapping))


def _day(seconds: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone).date()


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
