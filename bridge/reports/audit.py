"""What an auditor takes away of a period: how a euro goes from the sensor to the bank line and back, and who did what.

`bridge report audit`. The whole of the period in figures, the proof, the checks, the voucher chain, the files with their
signatures and hashes, people, their rights and acts; and for a sample that everybody can draw again each station with its
evidence. It is told by what was known at its moment, so that it can be told again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import voucher_chain
from bridge.balances import View
from bridge.model import Approval, Batch, Document, Entry, Invoice, Move, Posting, Source, Statement, Voucher, VoucherSeal
from bridge.reports import batches, by_hand, check, evidence, ledger, lines_back, trails
from bridge.reports.asked import Asked
from bridge.reports.batches import FileLine
from bridge.reports.by_hand import Act, Change, Rights
from bridge.reports.check import Check
from bridge.reports.ledger import BalanceLine
from bridge.reports.lines_back import LinePart
from bridge.reports.reconciliation import Reconciliation
from bridge.reports.trails import Station
from bridge.rules import sampling
from bridge.runtime import Runtime

TAKEN_BACK = ("invoice cancelled", "invoice orphaned")


@dataclass(frozen=True, slots=True)
class Population:
    """All of one kind in the period. ``cents`` is None where they have no amount."""

    what: str
    count: int
    cents: int | None


@dataclass(frozen=True, slots=True)
class SourceHash:
    """What the stored logs of a source fold to: the ``invoiceCount`` and ``invoiceChain`` that its contract must state."""

    source: str
    contract: str
    invoices: int
    invoice_chain: str


@dataclass(frozen=True, slots=True)
class Links:
    """The voucher chain as it was: so many links, the hash of the last one, and vouchers that none covered yet."""

    links: int
    head: str
    not_sealed_yet: int


@dataclass(frozen=True, slots=True)
class Signature:
    """A person's signature under the bytes of a file. ``same`` tells whether they are the bytes that were sealed."""

    message_id: str
    actor: str
    at: datetime
    sha256: str
    same: bool


@dataclass(frozen=True, slots=True)
class FileHash:
    """A file that moved in the period, with the hash of its bytes."""

    sha256: str
    line: FileLine


@dataclass(frozen=True, slots=True)
class Paper:
    """A stored file by its hash. Its name is not told: a bank may write an IBAN into it."""

    sha256: str
    direction: str
    kind: str
    bytes: int
    at: datetime
    by: str
    refused: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """The period begins on ``since`` (None: with the first day) and ends with the report's; so many are drawn by ``seed``."""

    since: date | None = None
    sample: int = 20
    seed: str = "1"

    @property
    def first(self) -> date:
        return self.since or date.min


@dataclass(frozen=True, slots=True)
class Audit:
    asked: Asked
    wanted: Wanted
    population: list[Population]
    proof: Reconciliation
    balances: list[BalanceLine]
    sources: list[SourceHash]
    chain: Links
    checks: list[Check]
    files: list[FileHash]
    signatures: list[Signature]
    documents: list[Paper]
    people: list[Rights]
    acts: list[Act]
    by_hand: list[Change]
    invoices: list[Station]
    lines: list[LinePart]

    @property
    def ok(self) -> bool:
        """The parts make up what was billed, every check holds, every file adds up, and nothing in the sample is not so."""
        return (
            self.proof.difference_cents == 0
            and all(one.ok for one in self.checks)
            and all(one.line.difference_cents == 0 for one in self.files)
            and all(one.same for one in self.signatures)
            and all(one.ok is not False for one in self.invoices)
        )

    @property
    def document(self) -> dict[str, object]:
        """The report as JSON has it."""
        return {
            **self.asked.header,
            "since": self.wanted.since,
            "seed": self.wanted.seed,
            "sample": self.wanted.sample,
            "ok": self.ok,
            "population": self.population,
            "billed_cents": self.proof.billed_cents,
            "parts": self.proof.parts,
            "difference_cents": self.proof.difference_cents,
            "balances": self.balances,
            "sources": self.sources,
            "voucher_chain": self.chain,
            "checks": self.checks,
            "files": self.files,
            "signatures": self.signatures,
            "documents": self.documents,
            "people": self.people,
            "acts": self.acts,
            "by_hand": self.by_hand,
            "invoices": self.invoices,
            "lines": self.lines,
        }


def build(session: Session, runtime: Runtime, asked: Asked, wanted: Wanted) -> Audit:
    """Read the period in view. The moment of knowledge is fixed first: a report of now says what it says again later."""
    asked = replace(asked, view=View(asked.view.as_of, asked.at))
    first, changed = wanted.first, by_hand.changes(session, asked, wanted.first)
    files, papers = _files(session, asked, first), _documents(session, asked, first)
    lines, billed = _lines(session, asked, first), _billed(session, asked, first)
    past = check.Past(session, runtime, asked.view)
    drawn = sampling.draw([f"line:{entry_id}" for entry_id, _ in lines], wanted.sample, wanted.seed)
    return Audit(
        asked=asked,
        wanted=wanted,
        population=[
            Population("invoices_billed", len(billed), sum(cents for _, cents in billed)),
            _vouchers(session, asked, first, "taken_back", TAKEN_BACK),
            _vouchers(session, asked, first, "vouchers"),
            Population("bank_credits", sum(cents > 0 for _, cents in lines), sum(cents for _, cents in lines if cents > 0)),
            Population("bank_debits", sum(cents < 0 for _, cents in lines), sum(cents for _, cents in lines if cents < 0)),
            Population("files", len(files), sum(one.line.sum_cents for one in files)),
            Population("by_hand", len(changed), sum(one.cents for one in changed)),
            Population("documents", len(papers), None),
        ],
        proof=past.report,
        balances=ledger.balance(session, asked.view),
        sources=_sources(session, asked),
        chain=_chain(session, asked),
        checks=check.of_a_report(past),
        files=files,
        signatures=_signatures(session, asked, {one.line.message_id for one in files}),
        documents=papers,
        people=by_hand.people(session, asked),
        acts=by_hand.acts(session, asked, first),
        by_hand=changed,
        invoices=trails.of_invoices(
            session, runtime, asked, sampling.draw([number for number, _ in billed], wanted.sample, wanted.seed)
        ),
        lines=lines_back.of_lines(session, asked, [int(name.removeprefix("line:")) for name in drawn]),
    )


def _billed(session: Session, asked: Asked, first: date) -> list[tuple[str, int]]:
    """Number and cents of every invoice that was billed in the period."""
    told = (
        select(Invoice.number, Posting.amount_cents)
        .join(Posting, (Posting.debit_account == "Receivable") & (Posting.debit_subject == Invoice.id))
        .join(Voucher, Voucher.id == Posting.voucher_id)
        .where(Voucher.fact == "invoice final", Voucher.booked_on >= first, *asked.view.conditions())
        .order_by(Invoice.id)
    )
    return [(number, cents) for number, cents in session.execute(told)]


def _lines(session: Session, asked: Asked, first: date) -> list[tuple[int, int]]:
    """Id and cents of every line of a booked statement in the period."""
    told = (
        select(Entry.id, Entry.amount_cents)
        .join(Statement, Statement.id == Entry.statement_id)
        .where(Statement.posting == "posted", Entry.booked_on >= first)
        .where(*asked.view.conditions(Entry.booked_on, Statement.posted_at))
        .order_by(Entry.id)
    )
    return [(entry_id, cents) for entry_id, cents in session.execute(told)]


def _vouchers(session: Session, asked: Asked, first: date, what: str, facts: Sequence[str] = ()) -> Population:
    told = select(func.count(), func.sum(Voucher.amount_cents)).where(Voucher.booked_on >= first, *asked.view.conditions())
    if facts:
        told = told.where(Voucher.fact.in_(facts))
    count, cents = session.execute(told).one()
    return Population(what, count, int(cents or 0))


def _sources(session: Session, asked: Asked) -> list[SourceHash]:
    fold = evidence.billed(session, asked.view).fold
    return [
        SourceHash(one.name, one.contract, fold[one.id][0], "0x" + fold[one.id][1].hex())
        for one in session.scalars(select(Source).order_by(Source.id))
        if one.id in fold
    ]


def _chain(session: Session, asked: Asked) -> Links:
    head = voucher_chain.head(session, asked.at)
    booked = session.scalar(select(func.count()).select_from(Voucher).where(Voucher.recorded_at <= asked.at)) or 0
    links = session.scalar(select(func.count()).select_from(VoucherSeal).where(VoucherSeal.recorded_at <= asked.at)) or 0
    return Links(links, head.hash if head else "", booked - links)


def _files(session: Session, asked: Asked, first: date) -> list[FileHash]:
    """The files that moved in the period: cut, signed, exported, handed over, answered, booked, taken back or discarded."""
    moved = set(
        session.scalars(
            select(Batch.message_id)
            .join(Move, (Move.noun == "batch") & (Move.noun_id == Batch.id))
            .where(Move.booked_on >= first, *asked.view.conditions(Move.booked_on, Move.recorded_at))
        )
    )
    hashes = {name: sha256 for name, sha256 in session.execute(select(Batch.message_id, Batch.sha256))}
    found = batches.build(session, asked).files
    return [FileHash(hashes[one.message_id], one) for one in found if one.message_id in moved]


def _signatures(session: Session, asked: Asked, names: set[str]) -> list[Signature]:
    told = select(Batch.message_id, Batch.sha256, Approval).join(Approval, Approval.batch_id == Batch.id).order_by(Approval.id)
    found: defaultdict[str, list[Signature]] = defaultdict(list)
    for name, sealed, one in session.execute(told):
        if name in names and asked.saw(one.recorded_at):
            found[name].append(Signature(name, one.actor, one.recorded_at, one.sha256, one.sha256 == sealed))
    return [one for some in found.values() for one in some]


def _documents(session: Session, asked: Asked, first: date) -> list[Paper]:
    return [
        Paper(row.sha256, row.direction, row.kind, row.bytes, row.recorded_at, row.actor, row.refused or "")
        for row in session.scalars(select(Document).order_by(Document.id))
        if asked.saw(row.recorded_at) and asked.day(row.recorded_at) >= first
    ]
