"""The proof as a report: what the chain billed, where every cent of it is, and what the bank says.

Each part is its own query over postings. The difference adds up, without netting, what invoices, accounts, lines and debits in
flight each miss.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import balances, voucher_chain
from bridge.balances import View
from bridge.model import (
    Account,
    BankAccount,
    Collection,
    Cursor,
    Entry,
    Match,
    Move,
    Source,
    Statement,
)
from bridge.model.collection import IN_FLIGHT_STATES
from bridge.reports import breaks, daily, evidence
from bridge.reports.asked import ask
from bridge.reports.breaks import BreakLine
from bridge.reports.daily import DayLine
from bridge.reports.evidence import START, Logs
from bridge.rules import proof
from bridge.rules.proof import PARTS, InvoiceBalances, Split
from bridge.rules.reasons import meaning, next_step
from bridge.runtime import Runtime


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
class WaitingLine:
    """Invoices that wait for a person for one and the same reason. ``what`` is "held" or "returned"."""

    what: str
    code: str
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
    difference_clearing_cents: int
    accounts: list[AccountLine]
    clearing_cents: int
    suspense_cents: int
    receivable_cents: int
    charges_cents: int  # all that banks took
    interchange_cents: int  # of that: what debtors' banks took for returned debits
    sources: list[SourceLine]
    breaks: list[BreakLine]
    days: list[DayLine]  # each account day by day: what its ledger and its statements say
    waiting: list[WaitingLine]
    prenotification: list[str]
    prenotification_agreements: list[str]  # by which debits are announced elsewhere, as bridge.toml names them
    chain_number: int  # the last link of the voucher chain, 0 where there is none
    chain_head: str  # its hash: who keeps this report can show later that no voucher before it was changed

    @property
    def ok(self) -> bool:
        """Nothing misses a cent, and no source lacks an invoice that the contract counts."""
        return self.difference_cents == 0 and all(source.completeness != "not proven" for source in self.sources)


def build(session: Session, runtime: Runtime, view: View) -> Reconciliation:
    """Build the report from the rows in view."""
    logs = evidence.billed(session, view)
    found = evidence.of_invoices(session, view, logs)
    splits = {invoice_id: proof.split(one) for invoice_id, one in found.items()}
    total = _sum(splits.values())
    accounts = _accounts(session, view)
    suspense = balances.by_subject(session, "Suspense", view)
    invoices_off = sum(one.difference_cents for one in splits.values())
    accounts_off = sum(abs(line.ledger_cents - line.statement_cents) for line in accounts)
    lines_off = _lines_off(session, view, suspense)
    clearing_off = _clearing_off(session, view)
    interchange_cents = balances.total(session, "Interchange", view)
    head = voucher_chain.head(session, view.known_at)
    rules = [runtime.settings.rules_for(creditor.creditor_id) for creditor in runtime.settings.creditors]
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
        difference_cents=invoices_off + accounts_off + lines_off + clearing_off,
        difference_invoices_cents=invoices_off,
        difference_accounts_cents=accounts_off,
        difference_lines_cents=lines_off,
        difference_clearing_cents=clearing_off,
        accounts=accounts,
        clearing_cents=balances.total(session, "Clearing", view),
        suspense_cents=sum(suspense.values()),
        receivable_cents=balances.total(session, "Receivable", view),
        charges_cents=balances.total(session, "Charges", view) + interchange_cents,
        interchange_cents=interchange_cents,
        sources=_sources(session, view, logs, found, splits),
        breaks=breaks.listed(session, ask(runtime, view)),
        days=daily.build(session, view),
        waiting=_waiting(session, view, splits),
        prenotification=sorted({one.prenotification for one in rules}),
        prenotification_agreements=sorted({one.prenotification_agreement for one in rules if one.prenotification_agreement}),
        chain_number=head.number if head else 0,
        chain_head=head.hash if head else "",
    )


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
            code=reason if what == "returned" else "",
            reason=reason if what == "held" else meaning(reason),
            invoices=len(cents),
            cents=sum(cents),
            next="remove what holds it" if what == "held" else next_step(reason),
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


def _clearing_off(session: Session, view: View) -> int:
    """How far Clearing of each collection misses what its Moves say: its amount while it is at the bank, else nothing."""
    last = (
        select(Move.noun_id, func.max(Move.version).label("version"))
        .where(Move.noun == "collection", *view.conditions(Move.booked_on, Move.recorded_at))
        .group_by(Move.noun_id)
        .subquery()
    )
    at_the_bank = (
        select(Collection.id, Collection.amount_cents)
        .join(Move, (Move.noun == "collection") & (Move.noun_id == Collection.id))
        .join(last, (last.c.noun_id == Move.noun_id) & (last.c.version == Move.version))
        .where(Move.to_state.in_(IN_FLIGHT_STATES))
    )
    expected = {collection_id: cents for collection_id, cents in session.execute(at_the_bank)}
    clearing = balances.by_subject(session, "Clearing", view)
    return sum(abs(expected.get(found, 0) - clearing.get(found, 0)) for found in {*expected, *clearing})


def _sources(
    session: Session, view: View, logs: Logs, found: dict[int, InvoiceBalances], splits: dict[int, Split]
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
