"""A euro from the sensor to the bank line, station by station, and from a bank line back to the log: for those that were drawn.

Each station names its evidence: the hash of a call on chain, the SHA-256 of a stored file, the voucher and its link. Everything
is read in a view, by moves, vouchers and matches of that view.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import rows
from bridge.model import (
    Approval,
    Batch,
    Block,
    Collection,
    Document,
    Entry,
    Invoice,
    Mandate,
    Match,
    Member,
    Notice,
    Posting,
    Statement,
    StatusReport,
    StatusReportLine,
    Voucher,
    VoucherSeal,
)
from bridge.model.ledger import SUBJECTS
from bridge.reports import presented, provenance
from bridge.reports.asked import Asked
from bridge.runtime import Runtime

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Station:
    """Where an invoice's euro was. ``what`` is in the words of the thing itself; ``ok`` is False where a finding is not so."""

    invoice: str
    station: str  # sensor, log, debit, notice, file, answer, bank_line, posting
    on: date | None
    what: str
    evidence: str
    cents: int | None
    ok: bool | None = None


def of_invoices(session: Session, runtime: Runtime, asked: Asked, numbers: Sequence[str]) -> list[Station]:
    """The stations of each of these invoices, in the order of the chain."""
    found = _Loaded(session, asked, numbers)
    return [one for invoice in found.invoices for one in _stations(session, runtime, found, invoice)]


def _stations(session: Session, runtime: Runtime, found: _Loaded, invoice: Invoice) -> list[Station]:
    told = [*_origin(session, runtime, found, invoice)]
    for attempt in found.attempts[invoice.id]:
        told += _attempt(found, invoice.number, attempt)
    lines = sorted(found.lines[("invoice", invoice.id)], key=lambda told: told[0].id)
    told += [_line(invoice.number, *line) for line in lines]
    return told + [_posting(invoice.number, *one) for one in found.postings[invoice.id]]


def _origin(session: Session, runtime: Runtime, found: _Loaded, invoice: Invoice) -> Iterable[Station]:
    trace = provenance.traced(session, runtime, invoice, found.asked.at)
    raw, period = trace.raw, trace.period
    on = found.asked.day(datetime.fromtimestamp(raw.block_timestamp, UTC))
    wrong = [one.what for one in trace.findings if one.ok is False]
    proven = sum(one.ok is True for one in trace.findings)
    counters = f"{period.counter_start} -> {period.counter_end}" if period else ""
    what = "; ".join([*([counters] if counters else []), f"{proven}/{len(trace.findings)}", *wrong])
    yield Station(invoice.number, "sensor", None, what, "0x" + trace.said.usage_root.hex(), None, not wrong)
    place = f"{raw.block_number}/{raw.log_index}"
    yield Station(invoice.number, "log", on, place, "0x" + raw.tx_hash.hex(), trace.said.amount_minor)


def _attempt(found: _Loaded, number: str, attempt: Collection) -> Iterable[Station]:
    mandate = found.mandates[attempt.mandate_id]
    day = found.asked.day(attempt.recorded_at)
    yield Station(number, "debit", day, attempt.end_to_end_id, mandate, attempt.amount_cents)
    for notice, sha256 in found.notices[attempt.id]:
        yield Station(number, "notice", notice.sent_on, notice.channel, sha256, notice.amount_cents)
    for batch in found.files[attempt.id]:
        file = found.seen[batch.id]
        what = ", ".join([batch.message_id, *found.signers[batch.id]])
        yield Station(number, "file", file.left_on, what, batch.sha256, attempt.amount_cents)
    for line, dated_on, sha256 in found.answers[attempt.end_to_end_id.upper()]:
        what = " ".join(word for word in (line.status, line.reason) if word)
        yield Station(number, "answer", dated_on, what, sha256, attempt.amount_cents)
    for told in found.lines[("collection", attempt.id)]:
        yield _line(number, *told)


def _line(number: str, match: Match, entry: Entry, statement: Statement, sha256: str) -> Station:
    what = f"line:{entry.id}, {statement.statement_id}, {match.rule}: {match.evidence}, {match.actor}"
    return Station(number, "bank_line", entry.booked_on, what, sha256, match.amount_cents)


def _posting(number: str, voucher: Voucher, posting: Posting, link: int | None) -> Station:
    what = f"{voucher.fact}: {posting.debit_account} / {posting.credit_account}"
    evidence = (f"#{link} " if link is not None else "") + voucher.idem_key
    return Station(number, "posting", voucher.booked_on, what, evidence, posting.amount_cents)


class _Loaded:
    """What the stations of some invoices are told from, each kind read with one question for many."""

    def __init__(self, session: Session, asked: Asked, numbers: Sequence[str]) -> None:
        self.session, self.asked, view = session, asked, asked.view
        self.invoices = sorted(self._among(select(Invoice), Invoice.number, numbers), key=lambda one: one.id)
        ids = [one.id for one in self.invoices]
        attempts = [one for one in self._among(select(Collection), Collection.invoice_id, ids) if asked.saw(one.recorded_at)]
        self.attempts = _by(sorted(attempts, key=lambda one: (one.invoice_id, one.attempt)), lambda one: one.invoice_id)
        own = [one.id for one in attempts]
        wanted = select(Mandate.id, Mandate.mandate_id)
        self.mandates = dict(self._pairs(wanted, Mandate.id, sorted({one.mandate_id for one in attempts})))
        self.seen = presented.files(session, view)
        told = select(Notice, Document.sha256).join(Document, Document.id == Notice.document_id).order_by(Notice.id)
        sent = [(one, sha) for one, sha in self._pairs(told, Notice.collection_id, own) if one.sent_at and asked.saw(one.sent_at)]
        self.notices = _by(sent, lambda pair: pair[0].collection_id)
        self._files(own)
        self._answers([name for one in attempts for name in (one.end_to_end_id, one.end_to_end_id.upper())])
        self._lines(own, ids)
        self._postings(ids, {one.id: one.invoice_id for one in attempts})

    def _files(self, own: Sequence[int]) -> None:
        inside = (
            select(Member.collection_id, Batch)
            .join(Block, Block.id == Member.block_id)
            .join(Batch, Batch.id == Block.batch_id)
            .order_by(Batch.id)
        )
        pairs = [(one, batch) for one, batch in self._pairs(inside, Member.collection_id, own) if batch.id in self.seen]
        self.files = {one: [batch for _, batch in some] for one, some in _by(pairs, lambda pair: pair[0]).items()}
        self.files = defaultdict(list, self.files)
        signed = select(Approval).order_by(Approval.id)
        names = self._among(signed, Approval.batch_id, sorted({batch.id for _, batch in pairs}))
        seen = [one for one in names if self.asked.saw(one.recorded_at)]
        self.signers = defaultdict(
            list, {key: [one.actor for one in some] for key, some in _by(seen, lambda one: one.batch_id).items()}
        )

    def _answers(self, names: Sequence[str]) -> None:
        """What status reports say of each debit itself; a whole file's answer is a move of its file."""
        told = (
            select(StatusReportLine, StatusReport.dated_on, Document.sha256, Document.recorded_at)
            .join(StatusReport, StatusReport.id == StatusReportLine.report_id)
            .join(Document, Document.id == StatusReport.document_id)
            .order_by(StatusReportLine.id)
        )
        lines = self._pairs(told, StatusReportLine.end_to_end_id, names)
        found = [(line, dated_on, sha256) for line, dated_on, sha256, at in lines if self.asked.saw(at)]
        self.answers = _by(found, lambda one: (one[0].end_to_end_id or "").upper())

    def _lines(self, own: Sequence[int], ids: Sequence[int]) -> None:
        """Bank lines by what they explain: a debit, or the invoice itself (a transfer)."""
        view = self.asked.view
        told = (
            select(Match, Entry, Statement, Document.sha256)
            .join(Entry, Entry.id == Match.entry_id)
            .join(Statement, Statement.id == Entry.statement_id)
            .join(Document, Document.id == Statement.document_id)
            .where(*view.conditions(Match.booked_on, Match.recorded_at))
            .order_by(Match.id)
        )
        self.lines: dict[tuple[str, int], list[Any]] = defaultdict(list)
        for told_of in self._pairs(told, Match.collection_id, own):
            self.lines[("collection", told_of[0].collection_id)].append(told_of)
        for column, other in ((Posting.debit_subject, Posting.debit_account), (Posting.credit_subject, Posting.credit_account)):
            direct = told.add_columns(column).join(Posting, Posting.voucher_id == Match.voucher_id)
            direct = direct.where(other == "Receivable", Match.collection_id.is_(None))
            for *told_of, invoice_id in self._pairs(direct, column, ids):
                self.lines[("invoice", invoice_id)].append(tuple(told_of))

    def _postings(self, ids: Sequence[int], invoice_of: dict[int, int]) -> None:
        """The postings about each invoice or its debits, with the link of each voucher that was sealed by then."""
        asked, found = self.asked, {}
        told = (
            select(Voucher, Posting, VoucherSeal.number, VoucherSeal.recorded_at)
            .join(Posting, Posting.voucher_id == Voucher.id)
            .outerjoin(VoucherSeal, VoucherSeal.voucher_id == Voucher.id)
            .where(*asked.view.conditions())
        )
        sides = ((Posting.debit_account, Posting.debit_subject), (Posting.credit_account, Posting.credit_subject))
        for account, subject in sides:
            for noun, wanted in (("invoice", ids), ("collection", list(invoice_of))):
                of_noun = told.where(account.in_([name for name, what in SUBJECTS.items() if what == noun])).add_columns(subject)
                for some in rows.among(self.session, subject, [*wanted]):
                    for voucher, posting, link, sealed_at, about in self.session.execute(of_noun.where(some)):
                        sealed = link if sealed_at is not None and sealed_at <= asked.at else None
                        invoice_id = about if noun == "invoice" else invoice_of[about]
                        found[(voucher.id, posting.ordinal, invoice_id)] = (voucher, posting, sealed)
        self.postings: dict[int, list[Any]] = defaultdict(list)
        for (_, _, invoice_id), one in sorted(found.items()):
            self.postings[invoice_id].append(one)

    def _among(self, wanted: Any, column: Any, values: Sequence[Any]) -> list[Any]:
        return [one for some in rows.among(self.session, column, [*values]) for one in self.session.scalars(wanted.where(some))]

    def _pairs(self, wanted: Any, column: Any, values: Sequence[Any]) -> list[Any]:
        return [
            tuple(one) for some in rows.among(self.session, column, [*values]) for one in self.session.execute(wanted.where(some))
        ]


def _by(some: Iterable[Any], key: Callable[[Any], K]) -> defaultdict[K, list[Any]]:
    found: defaultdict[K, list[Any]] = defaultdict(list)
    for one in some:
        found[key(one)].append(one)
    return found
