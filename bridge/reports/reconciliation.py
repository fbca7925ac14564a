"""The proof as a report: what the chain billed, where every cent of it is, and what the bank says.

Each part is its own query over postings. The difference adds up, without netting, what invoices, accounts and lines each miss.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from bridge import balances
from bridge.balances import View
from bridge.chain import decoders
from bridge.errors import BadInput
from bridge.model import (
    Account,
    BankAccount,
    Break,
    ChainLog,
    Collection,
    Cursor,
    Entry,
    Invoice,
    Match,
    Move,
    Posting,
    Source,
    Statement,
    Voucher,
)
from bridge.records.invoice_log import InvoiceLog, RawLog
from bridge.rules import proof
from bridge.rules.proof import PARTS, InvoiceBalances, Split
from bridge.rules.reasons import meaning, next_step
from bridge.runtime import Runtime

START = b"\0" * 32


@dataclass(frozen=True, slots=True)
class AccountLine:
    """A bank account: what the ledger says, and what its last booked statement says."""

    name: str
    iban: str
    ledger_cents: int
    statement_cents: int
    statement_on: date | None


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A source: what it billed, its parts, and whether the contract's own count and running hash agree with the stored logs."""

    name: str
    invoices: int
    billed_cents: int
    parts: dict[str, int]
    difference_cents: int
    completeness: str  # "proven", "not proven", "no proof"; "not asked" for a view of the past
    verification: str


@dataclass(frozen=True, slots=True)
class BreakLine:
    id: int
    kind: str
    subject: str
    age_days: int
    what: str
    next: str


@dataclass(frozen=True, slots=True)
class WaitingLine:
    """Invoices that wait for a person for one and the same reason. ``what`` is "held" or "returned"."""

    what: str
    reason: str
    invoices: int
    cents: int
    next: str


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The report. ``difference_cents`` is zero, or something is wrong with the books."""

    as_of: date | None
    known_at: str | None
    billed_cents: int
    parts: dict[str, int]
    customer_credit_cents: int
    in_flight_not_owed_cents: int
    reclaim_cents: int
    reclaim_written_off_cents: int
    token_cents: int
    not_ours_cents: int
    suspense_credit_cents: int
    suspense_debit_cents: int
    difference_cents: int
    difference_invoices_cents: int
    difference_accounts_cents: int
    difference_lines_cents: int
    accounts: list[AccountLine]
    clearing_cents: int
    suspense_cents: int
    receivable_cents: int
    charges_cents: int
    sources: list[SourceLine]
    breaks: list[BreakLine]
    waiting: list[WaitingLine]
    prenotification: list[str]

    @property
    def ok(self) -> bool:
        """Nothing misses a cent, and no source lacks an invoice that the contract counts."""
        return self.difference_cents == 0 and all(source.completeness != "not proven" for source in self.sources)


def build(session: Session, runtime: Runtime, view: View) -> Reconciliation:
    """Build the report from the rows in view."""
    logs = _billed(session, view)
    found = _balances(session, view, logs)
    splits = {invoice_id: proof.split(one) for invoice_id, one in found.items()}
    total = _sum(splits.values())
    accounts = _accounts(session, view)
    suspense = balances.by_subject(session, "Suspense", view)
    invoices_off = sum(one.difference_cents for one in splits.values())
    accounts_off = sum(abs(line.ledger_cents - line.statement_cents) for line in accounts)
    lines_off = _lines_off(session, view, suspense)
    return Reconciliation(
        as_of=view.as_of,
        known_at=view.known_at.isoformat() if view.known_at else None,
        billed_cents=sum(one.billed_cents for one in found.values()),
        parts={name: total[name] for name in PARTS},
        customer_credit_cents=sum(one.customer_credit_cents for one in splits.values()),
        in_flight_not_owed_cents=sum(one.in_flight_not_owed_cents for one in splits.values()),
        reclaim_cents=sum(one.reclaim_cents for one in splits.values()),
        reclaim_written_off_cents=sum(one.reclaim_written_off_cents for one in splits.values()),
        token_cents=balances.total(session, "Token", view),
        not_ours_cents=-balances.total(session, "NotOurs", view),
        suspense_credit_cents=sum(-cents for cents in suspense.values() if cents < 0),
        suspense_debit_cents=sum(cents for cents in suspense.values() if cents > 0),
        difference_cents=invoices_off + accounts_off + lines_off,
        difference_invoices_cents=invoices_off,
        difference_accounts_cents=accounts_off,
        difference_lines_cents=lines_off,
        accounts=accounts,
        clearing_cents=balances.total(session, "Clearing", view),
        suspense_cents=sum(suspense.values()),
        receivable_cents=balances.total(session, "Receivable", view),
        charges_cents=balances.total(session, "Charges", view),
        sources=_sources(session, view, logs, found, splits),
        breaks=breaks(session, view, runtime.today()),
        waiting=_waiting(session, view, splits),
        prenotification=sorted({runtime.settings.rules_for(c.creditor_id).prenotification for c in runtime.settings.creditors}),
    )


def breaks(session: Session, view: View, today: date) -> list[BreakLine]:
    """What was open in view, oldest first."""
    wanted = view.conditions(Break.opened_on, Break.opened_at)
    if view.known_at is None:
        wanted.append(Break.closed_at.is_(None))
    else:
        wanted.append(Break.closed_at.is_(None) | (Break.closed_at > view.known_at))
    rows = session.scalars(select(Break).where(*wanted).order_by(Break.opened_on, Break.id))
    now = view.as_of or today
    return [BreakLine(row.id, row.kind, row.subject, max(0, (now - row.opened_on).days), row.what, row.next) for row in rows]


@dataclass(frozen=True, slots=True)
class _Logs:
    """The stored raw logs in view, decoded anew: by invoice, those without one, and the fold of each source."""

    by_invoice: dict[int, int]
    source_of: dict[int, int]
    homeless: dict[int, int]  # log id -> cents, of logs that should have an invoice
    fold: dict[int, tuple[int, bytes]]


def _billed(session: Session, view: View) -> _Logs:
    """What was billed, decoded from the evidence and not read from the invoice rows."""
    owner = {log_id: invoice_id for log_id, invoice_id in session.execute(select(Invoice.chain_log_id, Invoice.id))}
    chain_ids = {source_id: chain_id for source_id, chain_id in session.execute(select(Source.id, Source.chain_id))}
    found = _Logs({}, {}, {}, {})
    rows = session.scalars(
        select(ChainLog)
        .where(*view.conditions(ChainLog.booked_on, ChainLog.recorded_at))
        .order_by(ChainLog.source_id, ChainLog.block_number, ChainLog.log_index)
    )
    for row in rows:
        decoded = _decoded(row, chain_ids[row.source_id])
        if decoded is None:
            continue
        count, chain = found.fold.get(row.source_id, (0, START))
        found.fold[row.source_id] = (count + 1, decoders.fold(chain, decoded))
        if row.refused is not None:
            continue
        if row.id in owner:
            found.by_invoice[owner[row.id]] = decoded.amount_minor
            found.source_of[owner[row.id]] = row.source_id
        else:
            found.homeless[row.id] = decoded.amount_minor
    return found


def _decoded(row: ChainLog, chain_id: int) -> InvoiceLog | None:
    topics = tuple(row.topics[start : start + 32] for start in range(0, len(row.topics), 32))
    raw = RawLog(
        chain_id,
        row.address,
        topics,
        row.data,
        row.block_number,
        row.block_hash,
        row.block_timestamp,
        row.tx_hash,
        row.tx_index,
        row.log_index,
    )
    try:
        return decoders.decode(raw)
    except BadInput:
        return None


def _balances(session: Session, view: View, logs: _Logs) -> dict[int, InvoiceBalances]:
    """Every invoice with a balance or a log in view."""
    invoice_of = {
        collection_id: invoice_id for collection_id, invoice_id in session.execute(select(Collection.id, Collection.invoice_id))
    }
    clearing: Counter[int] = Counter()
    for collection_id, cents in balances.by_subject(session, "Clearing", view).items():
        clearing[invoice_of.get(collection_id, 0)] += cents
    receivable = balances.by_subject(session, "Receivable", view)
    taken_back = _sums(session, view, "Billed", "Receivable", Posting.credit_subject)
    loss = _sums(session, view, "Loss", "Receivable", Posting.credit_subject)
    direct = _direct_debit(session, view, invoice_of)
    transfer = _facts(session, view, plus=("transfer",), minus=("refund",))
    on_chain = _sums(session, view, "Token", "Receivable", Posting.credit_subject) - _sums(
        session, view, "Receivable", "Token", Posting.debit_subject
    )
    states, last = _states(session, view)
    everyone = (
        set(logs.by_invoice)
        | set(receivable)
        | set(clearing)
        | set(direct)
        | set(transfer)
        | set(on_chain)
        | set(loss)
        | set(states)
    )
    found = {
        invoice_id: InvoiceBalances(
            billed_cents=logs.by_invoice.get(invoice_id, 0),
            taken_back_cents=taken_back[invoice_id],
            direct_debit_cents=direct[invoice_id],
            transfer_cents=transfer[invoice_id],
            on_chain_cents=on_chain[invoice_id],
            clearing_cents=clearing[invoice_id],
            loss_cents=loss[invoice_id],
            receivable_cents=receivable.get(invoice_id, 0),
            state=states.get(invoice_id),
            last_collection=last.get(invoice_id),
        )
        for invoice_id in sorted(everyone)
    }
    return found | {-log_id: InvoiceBalances(billed_cents=cents) for log_id, cents in logs.homeless.items()}


class _Cents(Counter[int]):
    """Sums by subject that may be negative; a subject without a sum is zero."""

    def __sub__(self, other: Any) -> _Cents:
        return _Cents({subject: self[subject] - other[subject] for subject in {*self, *other}})


def _sums(session: Session, view: View, debit: str, credit: str, subject: Any, *more: ColumnElement[bool]) -> _Cents:
    statement = (
        select(subject, func.sum(Posting.amount_cents))
        .join(Voucher, Voucher.id == Posting.voucher_id)
        .where(Posting.debit_account == debit, Posting.credit_account == credit, *view.conditions(), *more)
        .group_by(subject)
    )
    return _Cents({found: int(cents) for found, cents in session.execute(statement)})


def _direct_debit(session: Session, view: View, invoice_of: dict[int, int]) -> _Cents:
    """Money that direct debits brought, less what was returned."""
    money = _facts(session, view, plus=("late credit",), minus=("returned", "reversed", "late debit"))
    for collection_id, cents in _sums(session, view, "Suspense", "Clearing", Posting.credit_subject).items():
        money[invoice_of.get(collection_id, 0)] += cents
    return money


def _facts(session: Session, view: View, *, plus: tuple[str, ...], minus: tuple[str, ...]) -> _Cents:
    """Suspense / Receivable of some facts less Receivable / Suspense of others, by invoice."""
    came = _sums(session, view, "Suspense", "Receivable", Posting.credit_subject, Voucher.fact.in_(plus))
    went = _sums(session, view, "Receivable", "Suspense", Posting.debit_subject, Voucher.fact.in_(minus))
    return came - went


def _states(session: Session, view: View) -> tuple[dict[int, str], dict[int, str]]:
    """The state of every invoice, and of its last attempt, by the Moves in view."""
    conditions = view.conditions(Move.booked_on, Move.recorded_at)
    by_noun: dict[str, dict[int, str]] = {}
    for noun in ("invoice", "collection"):
        moves = select(Move.noun_id, Move.to_state).where(Move.noun == noun, *conditions).order_by(Move.noun_id, Move.version)
        by_noun[noun] = {noun_id: state for noun_id, state in session.execute(moves)}
    last = {}
    for collection_id, invoice_id in session.execute(select(Collection.id, Collection.invoice_id).order_by(Collection.attempt)):
        if collection_id in by_noun["collection"]:
            last[invoice_id] = by_noun["collection"][collection_id]
    return by_noun["invoice"], last


def _waiting(session: Session, view: View, splits: dict[int, Split]) -> list[WaitingLine]:
    """Held, and returned but open: by reason, with the next step."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    reasons = _reasons(session, view)
    for invoice_id, one in splits.items():
        for what, part in (("held", "held"), ("returned", "returned_open")):
            if one.parts[part]:
                groups[(what, reasons.get(invoice_id, ""))].append(one.parts[part])
    return [
        WaitingLine(
            what=what,
            reason=reason if what == "held" else meaning(reason),
            invoices=len(cents),
            cents=sum(cents),
            next="remove the reason, or release it" if what == "held" else next_step(reason),
        )
        for (what, reason), cents in sorted(groups.items())
    ]


def _reasons(session: Session, view: View) -> dict[int, str]:
    """Why each invoice, or its last attempt, came to where it is, by the Moves in view."""
    invoice_of = {row_id: invoice_id for row_id, invoice_id in session.execute(select(Collection.id, Collection.invoice_id))}
    found: dict[int, str] = {}
    moves = select(Move.noun, Move.noun_id, Move.reason).where(
        Move.noun.in_(("invoice", "collection")), Move.reason != "", *view.conditions(Move.booked_on, Move.recorded_at)
    )
    for noun, noun_id, reason in session.execute(moves.order_by(Move.id)):
        found[noun_id if noun == "invoice" else invoice_of[noun_id]] = reason
    return found


def _sum(splits: Iterable[Split]) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in splits:
        for name, cents in one.parts.items():
            total[name] += cents
    return total


def _accounts(session: Session, view: View) -> list[AccountLine]:
    """Bank by the ledger beside the last booked statement; as of a date, the statement's opening plus the lines until then."""
    ledger = balances.by_subject(session, "Bank", view)
    lines = []
    for account, shown in session.execute(
        select(Account, BankAccount.shown).join(BankAccount, BankAccount.id == Account.bank_account_id).order_by(Account.id)
    ):
        posted = [Statement.account_id == account.id, Statement.posting == "posted"]
        if view.known_at is not None:
            posted.append(Statement.posted_at <= view.known_at)
        statements = list(session.scalars(select(Statement).where(*posted).order_by(Statement.posted_no)))
        cents, on = _stated(session, statements, view)
        lines.append(AccountLine(account.name, shown, ledger.get(account.id, 0), cents, on))
    return lines


def _stated(session: Session, statements: list[Statement], view: View) -> tuple[int, date | None]:
    if not statements:
        return 0, None
    if view.as_of is None:
        return statements[-1].closing_cents or 0, statements[-1].closing_on
    first = statements[0]
    if (first.opening_on or first.closing_on or date.min) > view.as_of:
        return 0, None
    until = select(func.sum(Entry.amount_cents)).where(
        Entry.statement_id.in_([s.id for s in statements]), Entry.booked_on <= view.as_of
    )
    return (first.opening_cents or 0) + int(session.scalar(until) or 0), view.as_of


def _lines_off(session: Session, view: View, suspense: dict[int, int]) -> int:
    """How far each line's balance in Suspense misses what the matches leave open of it; sums are not netted."""
    conditions = [*view.conditions(Entry.booked_on, Statement.posted_at), Statement.posting == "posted"]
    rest: dict[int, int] = defaultdict(int)
    for entry_id, cents in session.execute(
        select(Entry.id, Entry.amount_cents).join(Statement, Statement.id == Entry.statement_id).where(*conditions)
    ):
        rest[entry_id] += cents
    for entry_id, cents in session.execute(
        select(Match.entry_id, func.sum(Match.amount_cents))
        .where(*view.conditions(Match.booked_on, Match.recorded_at))
        .group_by(Match.entry_id)
    ):
        rest[entry_id] -= int(cents)
    return sum(abs(rest[entry_id] + suspense.get(entry_id, 0)) for entry_id in {*rest, *suspense})


def _sources(
    session: Session, view: View, logs: _Logs, found: dict[int, InvoiceBalances], splits: dict[int, Split]
) -> list[SourceLine]:
    lines = []
    for source in session.scalars(select(Source).order_by(Source.id)):
        own = [invoice_id for invoice_id, source_id in logs.source_of.items() if source_id == source.id]
        total = _sum(splits[invoice_id] for invoice_id in own)
        lines.append(
            SourceLine(
                name=source.name,
                invoices=len(own),
                billed_cents=sum(found[invoice_id].billed_cents for invoice_id in own),
                parts={name: total[name] for name in PARTS},
                difference_cents=sum(splits[invoice_id].difference_cents for invoice_id in own),
                completeness=_completeness(session.get(Cursor, source.id), logs.fold.get(source.id, (0, START)))
                if view == balances.NOW
                else "not asked",
                verification=source.verification,
            )
        )
    return lines


def _completeness(cursor: Cursor | None, fold: tuple[int, bytes]) -> str:
    """Whether the logs stored until now fold to what the contract stated at the cursor's block."""
    if cursor is None or cursor.stated_count is None:
        return "no proof"
    return "proven" if (cursor.stated_count, cursor.stated_chain) == fold else "not proven"
