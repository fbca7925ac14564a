"""Open items by age: what each invoice still owes by the ledger, in which state it is, and how long it is overdue.

The owed total is the receivable of the reconciliation in the same view, because both read the same balances; what is at the bank
left the receivable with its file and is counted beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge.model import Invoice
from bridge.reports import evidence, tables
from bridge.reports.asked import Asked
from bridge.reports.tables import Page
from bridge.reports.words import note, word
from bridge.rules import ages, proof
from bridge.rules.proof import InvoiceBalances

PLACES = ("open", "returned_open", "held")


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An invoice that owes something, is owed something, or is at the bank. ``days`` is negative before the due date."""

    debtor_ref: str
    invoice: str
    due_on: date
    days: int
    bucket: str
    state: str  # open, returned_open, held, in_flight, reclaim, customer_credit, in_flight_not_owed
    billed_cents: int
    owed_cents: int  # Receivable, signed: below zero we owe the customer
    in_flight_cents: int  # Clearing


@dataclass(frozen=True, slots=True)
class Bucket:
    """The invoices of one age. ``other_cents`` is what is no claim of a due invoice: credits, reclaims."""

    bucket: str
    invoices: int
    open_cents: int
    returned_open_cents: int
    held_cents: int
    other_cents: int
    owed_cents: int
    in_flight_cents: int


@dataclass(frozen=True, slots=True)
class Debtor:
    """What one debtor owes, by age."""

    debtor_ref: str
    invoices: int
    by_bucket: dict[str, int]
    owed_cents: int
    in_flight_cents: int


@dataclass(frozen=True, slots=True)
class Ageing:
    asked: Asked
    buckets: list[Bucket]
    debtors: list[Debtor]
    invoices: list[OpenItem]

    @property
    def owed_cents(self) -> int:
        return sum(one.owed_cents for one in self.buckets)

    @property
    def in_flight_cents(self) -> int:
        return sum(one.in_flight_cents for one in self.buckets)

    @property
    def document(self) -> dict[str, object]:
        """The report as JSON has it."""
        return {
            **self.asked.header,
            "owed_cents": self.owed_cents,
            "in_flight_cents": self.in_flight_cents,
            "buckets": self.buckets,
            "debtors": self.debtors,
            "invoices": self.invoices,
        }


def build(session: Session, asked: Asked) -> Ageing:
    """Read the open items in view, by debtor and due date."""
    found = evidence.of_invoices(session, asked.view, evidence.billed(session, asked.view))
    moving = {invoice_id: one for invoice_id, one in found.items() if one.receivable_cents or one.clearing_cents}
    rows = session.execute(select(Invoice.id, Invoice.number, Invoice.debtor_ref, Invoice.due_on))
    items = [
        _item(asked.on, number, debtor_ref, due_on, moving[invoice_id])
        for invoice_id, number, debtor_ref, due_on in rows
        if invoice_id in moving
    ]
    items.sort(key=lambda one: (one.debtor_ref, one.due_on, one.invoice))
    return Ageing(asked, [_bucket(name, items) for name in ages.OVERDUE], _debtors(items), items)


def _item(on: date, number: str, debtor_ref: str, due_on: date, one: InvoiceBalances) -> OpenItem:
    return OpenItem(
        debtor_ref=debtor_ref,
        invoice=number,
        due_on=due_on,
        days=(on - due_on).days,
        bucket=ages.overdue(due_on, on),
        state=_state(one),
        billed_cents=one.billed_cents,
        owed_cents=one.receivable_cents,
        in_flight_cents=one.clearing_cents,
    )


def _state(one: InvoiceBalances) -> str:
    split = proof.split(one)
    if one.receivable_cents < 0:
        return "customer_credit" if split.customer_credit_cents else "in_flight_not_owed"
    if one.receivable_cents == 0:
        return "in_flight"
    return next((place for place in PLACES if split.parts[place]), "reclaim")


def _bucket(name: str, items: Iterable[OpenItem]) -> Bucket:
    own = [one for one in items if one.bucket == name]
    by_state: Counter[str] = Counter()
    for one in own:
        by_state[one.state if one.state in PLACES else "other"] += one.owed_cents
    return Bucket(
        bucket=name,
        invoices=len(own),
        open_cents=by_state["open"],
        returned_open_cents=by_state["returned_open"],
        held_cents=by_state["held"],
        other_cents=by_state["other"],
        owed_cents=sum(one.owed_cents for one in own),
        in_flight_cents=sum(one.in_flight_cents for one in own),
    )


def _debtors(items: Iterable[OpenItem]) -> list[Debtor]:
    own: dict[str, list[OpenItem]] = {}
    for one in items:
        own.setdefault(one.debtor_ref, []).append(one)
    return [
        Debtor(
            debtor_ref,
            len(some),
            {name: sum(one.owed_cents for one in some if one.bucket == name) for name in ages.OVERDUE},
            sum(one.owed_cents for one in some),
            sum(one.in_flight_cents for one in some),
        )
        for debtor_ref, some in own.items()
    ]


def page(found: Ageing, lang: str) -> Page:
    """The report in the reader's words."""
    total, flying = found.owed_cents, found.in_flight_cents
    count = len(found.invoices)
    invoices = tables.table(
        "invoices",
        "debtor:ref invoice due_on:date days:count bucket state billed:cents owed:cents in_flight:cents",
        [
            (
                one.debtor_ref,
                one.invoice,
                one.due_on,
                one.days,
                word(one.bucket, lang),
                word(one.state, lang),
                one.billed_cents,
                one.owed_cents,
                one.in_flight_cents,
            )
            for one in found.invoices
        ],
        lang,
        (word("total", lang), "", None, None, "", "", sum(one.billed_cents for one in found.invoices), total, flying),
        keys=2,
    )
    parts = [_by_age(found, lang), _by_debtor(found, lang, count), invoices]
    return tables.page("ageing", found.asked, lang, tables=parts, filed="invoices", notes=[note("ageing", lang)])


def _by_age(found: Ageing, lang: str) -> tables.Table:
    def row(name: str, some: Iterable[Bucket]) -> tables.Row:
        own = list(some)
        return (
            name,
            sum(one.invoices for one in own),
            sum(one.open_cents for one in own),
            sum(one.returned_open_cents for one in own),
            sum(one.held_cents for one in own),
            sum(one.other_cents for one in own),
            sum(one.owed_cents for one in own),
            sum(one.in_flight_cents for one in own),
        )

    columns = "bucket invoices:count open:cents returned_open:cents held:cents credit:cents owed:cents in_flight:cents"
    rows = [row(word(one.bucket, lang), [one]) for one in found.buckets]
    return tables.table("buckets", columns, rows, lang, row(word("total", lang), found.buckets))


def _by_debtor(found: Ageing, lang: str, count: int) -> tables.Table:
    named = " ".join(f"{name}:cents" for name in ages.OVERDUE)
    rows: list[tables.Row] = [
        (one.debtor_ref, one.invoices, *(one.by_bucket[name] for name in ages.OVERDUE), one.owed_cents, one.in_flight_cents)
        for one in found.debtors
    ]
    sums = [one.owed_cents for one in found.buckets]
    last: tables.Row = (word("total", lang), count, *sums, found.owed_cents, found.in_flight_cents)
    return tables.table("debtors", f"debtor:ref invoices:count {named} owed:cents in_flight:cents", rows, lang, last)
