"""The books as an accountant reads them: a balance of every account, and the journal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from bridge.balances import View
from bridge.formats.hledger import JournalVoucher
from bridge.model import Account, Collection, Entry, Invoice, Posting, Statement, Voucher
from bridge.model.ledger import SUBJECTS

#: our accounts in the five groups of a chart, so that a plain-text accounting tool can make statements of them
GROUPS = {
    "Bank": "Assets",
    "Billed": "Revenues",
    "Charges": "Expenses",
    "Clearing": "Assets",
    "Interchange": "Expenses",
    "Loss": "Expenses",
    "NotOurs": "Liabilities",
    "Opening": "Equity",
    "Receivable": "Assets",
    "Suspense": "Assets",
    "Token": "Assets",
}


@dataclass(frozen=True, slots=True)
class BalanceLine:
    """One account: cents debited, credited, and the difference (debits positive)."""

    account: str
    debit_cents: int
    credit_cents: int
    balance_cents: int


def balance(session: Session, view: View) -> list[BalanceLine]:
    """The trial balance; debits and credits of all lines are equal by construction."""
    debits, credits = (_totals(session, view, column) for column in (Posting.debit_account, Posting.credit_account))
    return [
        BalanceLine(name, debits[name], credits[name], debits[name] - credits[name])
        for name in sorted(SUBJECTS)
        if debits[name] or credits[name]
    ]


def _totals(session: Session, view: View, column: InstrumentedAttribute[str]) -> dict[str, int]:
    totals: dict[str, int] = defaultdict(int)
    statement = (
        select(column, func.sum(Posting.amount_cents))
        .join(Voucher, Voucher.id == Posting.voucher_id)
        .where(*view.conditions())
        .group_by(column)
    )
    for name, cents in session.execute(statement):
        totals[name] = int(cents)
    return totals


def journal(session: Session, view: View, *, invoice: str | None = None) -> Iterator[JournalVoucher]:
    """Every voucher by date, one line a posting side; ``invoice`` (a number) keeps those that touch it."""
    names = _Names.load(session)
    only = _of_invoice(session, invoice) if invoice is not None else None
    vouchers = session.scalars(
        select(Voucher).where(*view.conditions()).order_by(Voucher.booked_on, Voucher.id).execution_options(yield_per=1000)
    )
    for part in vouchers.partitions(1000):
        postings: dict[int, list[Posting]] = defaultdict(list)
        ids = [voucher.id for voucher in part]
        for posting in session.scalars(
            select(Posting).where(Posting.voucher_id.in_(ids)).order_by(Posting.voucher_id, Posting.ordinal)
        ):
            postings[posting.voucher_id].append(posting)
        for voucher in part:
            own = [posting for posting in postings[voucher.id] if only is None or only.touches(posting)]
            if own:
                yield _entry(voucher, own, names)


def _entry(voucher: Voucher, postings: list[Posting], names: _Names) -> JournalVoucher:
    lines: list[tuple[str, int]] = []
    for posting in postings:
        lines.append((names.of(posting.debit_account, posting.debit_subject), posting.amount_cents))
        lines.append((names.of(posting.credit_account, posting.credit_subject), -posting.amount_cents))
    tags = {"evidence": voucher.evidence, "actor": voucher.actor, "recorded": voucher.recorded_at.isoformat(timespec="seconds")}
    return JournalVoucher(booked_on=voucher.booked_on, code=voucher.idem_key, description=voucher.fact, lines=lines, tags=tags)


@dataclass(frozen=True, slots=True)
class _Names:
    """What a subject is called in the journal: invoice number, EndToEndId, account name, line number."""

    by_noun: dict[str, dict[int, str]]

    @classmethod
    def load(cls, session: Session) -> _Names:
        lines = select(Entry.id, Statement.posted_no, Entry.ordinal).join(Statement, Statement.id == Entry.statement_id)
        return cls(
            {
                "invoice": {row_id: number for row_id, number in session.execute(select(Invoice.id, Invoice.number))},
                "collection": {row_id: name for row_id, name in session.execute(select(Collection.id, Collection.end_to_end_id))},
                "account": {row_id: name for row_id, name in session.execute(select(Account.id, Account.name))},
                "entry": {row_id: f"line-{row_id}" for row_id, _, _ in session.execute(lines)},
            }
        )

    def of(self, account: str, subject: int) -> str:
        return f"{GROUPS[account]}:{account}:{self.by_noun[SUBJECTS[account]].get(subject, str(subject))}"


@dataclass(frozen=True, slots=True)
class _Touching:
    """The subjects of one invoice: itself, its collections, and the lines that explain them."""

    invoices: frozenset[int]
    collections: frozenset[int]

    def touches(self, posting: Posting) -> bool:
        sides = ((posting.debit_account, posting.debit_subject), (posting.credit_account, posting.credit_subject))
        return any(
            (SUBJECTS[account] == "invoice" and subject in self.invoices)
            or (SUBJECTS[account] == "collection" and subject in self.collections)
            for account, subject in sides
        )


def _of_invoice(session: Session, number: str) -> _Touching:
    invoices = frozenset(session.scalars(select(Invoice.id).where(Invoice.number_key == number.upper())))
    collections = frozenset(session.scalars(select(Collection.id).where(Collection.invoice_id.in_(invoices))))
    return _Touching(invoices, collections)
