"""Loads what invoices owe by the books: balances, state, and the attempt that is not final."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import balances, rows
from bridge.explaining.standing import voucher_stands
from bridge.model import Collection, Invoice, Posting, Voucher
from bridge.model.collection import FINAL_STATES
from bridge.rules.debts import Attempt, Debt
from bridge.rules.lifecycle import POSTINGS


def load(session: Session, invoice_ids: Iterable[int]) -> dict[int, Debt]:
    """The debts of these invoices by id, their rows locked: who changes what one owes waits for the other."""
    ids = sorted(set(invoice_ids))
    columns = (Invoice.id, Invoice.number, Invoice.creditor_id, Invoice.debtor_ref, Invoice.version, Invoice.state)
    locked = rows.sought(session, select(*columns).order_by(Invoice.id).with_for_update(), Invoice.id, ids)
    receivable, billed, loss = (balances.of_subjects(session, account, ids) for account in ("Receivable", "Billed", "Loss"))
    clearing, live = _attempts(session, ids)
    last, spent = _last_booked(session, ids), _spent(session, ids)
    return {
        invoice_id: Debt(
            id=invoice_id,
            number=number,
            creditor_id=creditor_id,
            debtor_ref=debtor_ref,
            version=version,
            state=state,
            billed_cents=-billed[invoice_id],
            receivable_cents=receivable[invoice_id],
            clearing_cents=clearing[invoice_id],
            loss_cents=loss[invoice_id],
            closes_on=last.get(invoice_id, date.min),
            live=live.get(invoice_id),
            spent_cents=spent[invoice_id],
        )
        for invoice_id, number, creditor_id, debtor_ref, version, state in locked
    }


def _attempts(session: Session, ids: Sequence[int]) -> tuple[dict[int, int], dict[int, Attempt]]:
    """What of each invoice is in flight, and its attempt that is not final."""
    columns = (Collection.id, Collection.invoice_id, Collection.version, Collection.end_to_end_id)
    every = select(*columns, Collection.state, Collection.amount_cents)
    attempts = rows.sought(session, every, Collection.invoice_id, ids)
    in_flight = balances.of_subjects(session, "Clearing", [row.id for row in attempts])
    clearing: dict[int, int] = defaultdict(int)
    live = {}
    for row in attempts:
        clearing[row.invoice_id] += in_flight[row.id]
        if row.state not in FINAL_STATES:
            live[row.invoice_id] = Attempt(row.id, row.version, row.end_to_end_id, row.state, row.amount_cents)
    return clearing, live


def _last_booked(session: Session, ids: Sequence[int]) -> dict[int, date]:
    """The date of the last voucher on each Receivable."""
    last: dict[int, date] = {}
    for account, subject, _ in balances.SIDES:
        latest = (
            select(subject, func.max(Voucher.booked_on))
            .join(Voucher, Voucher.id == Posting.voucher_id)
            .where(account == "Receivable")
            .group_by(subject)
        )
        for invoice_id, booked_on in rows.sought(session, latest, subject, ids):
            last[invoice_id] = max(booked_on, last.get(invoice_id, booked_on))
    return last


def _spent(session: Session, ids: Sequence[int]) -> dict[int, int]:
    """What of each invoice's money was refunded, less what bounced, or used for another invoice."""
    spent: dict[int, int] = defaultdict(int)
    for fact, sign, subject in (
        ("refund", 1, Posting.debit_subject),
        ("refund bounced", -1, Posting.credit_subject),
        ("credit used", 1, Posting.debit_subject),
    ):
        debit, credit = POSTINGS[fact]
        summed = (
            select(subject, func.sum(Posting.amount_cents))
            .join(Voucher, Voucher.id == Posting.voucher_id)
            .where(Voucher.fact == fact, voucher_stands())
            .where(Posting.debit_account == debit, Posting.credit_account == credit)
            .group_by(subject)
        )
        for invoice_id, cents in rows.sought(session, summed, subject, ids):
            spent[invoice_id] += sign * int(cents)
    return spent
