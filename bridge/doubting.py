"""Loads what rules.doubts compares: a debtor's last debits. Collect, the cut and every later look at a file ask the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import rows
from bridge.model import Collection, Invoice, Mandate
from bridge.model.collection import LIVE_STATES
from bridge.rules import doubts
from bridge.rules.doubts import Debit, Limits
from bridge.settings import CollectionRules

REMEMBERED = 50  # of a debtor's last debits
#: read by name: as whole invoices they took a sixth of a cut's time
COMPARED = ("creditor_id", "debtor_ref", "id", "number", "amount_cents", "agreement", "period_start", "period_end")
Debtor = tuple[int, str]  # creditor and debtor's reference


def limits_of(rules: CollectionRules) -> Limits:
    return Limits(rules.debtor_month_max_cents, rules.unusual_factor, rules.duplicates, frozenset(rules.blocked_debtors))


def why_not(
    session: Session, invoices: Sequence[Invoice], due: Mapping[int, date], released: set[int], rules: CollectionRules
) -> dict[int, str]:
    """Why the debits of these invoices wait, by the invoice's id; one that need not is left out.

    ``due``: when each is due. ``released``: invoices whose debit a person released; for them the block list counts alone.
    """
    limits = limits_of(rules)
    history = _history(session, invoices)
    found: dict[int, str] = {}
    for invoice in sorted(invoices, key=lambda one: one.id):
        others = history[(invoice.creditor_id, invoice.debtor_ref)]
        this = _debit(invoice, due[invoice.id])
        why = doubts.blocked(invoice.debtor_ref, limits)
        if not why and invoice.id not in released:
            why = doubts.doubt(this, others, limits)
        if why:
            found[invoice.id] = why
        if all(other.invoice_id != invoice.id for other in others):
            others.append(this)  # those of one run are compared with each other, too
    return found


def _debit(invoice: Invoice, due_on: date) -> Debit:
    period = (invoice.agreement, invoice.period_start, invoice.period_end)
    return Debit(invoice.id, invoice.number, invoice.amount_cents, due_on, *period)


def _history(session: Session, invoices: Sequence[Invoice]) -> dict[Debtor, list[Debit]]:
    """The last debits of these invoices' debtors, oldest first."""
    newest = func.row_number().over(partition_by=(Mandate.creditor_id, Mandate.debtor_ref), order_by=Collection.id.desc())
    found: dict[Debtor, list[Debit]] = defaultdict(list)
    own = Mandate.creditor_id.in_({invoice.creditor_id for invoice in invoices})  # which the index of debtors begins with
    for some in rows.among(session, Mandate.debtor_ref, [invoice.debtor_ref for invoice in invoices]):
        debits = select(Collection.id, newest.label("place")).join(Mandate, Mandate.id == Collection.mandate_id)
        ranked = debits.where(own, some).subquery()
        listed = (
            select(Collection.state, Collection.due_on, *(getattr(Invoice, name) for name in COMPARED))
            .join(ranked, ranked.c.id == Collection.id)
            .join(Invoice, Invoice.id == Collection.invoice_id)
            .where(ranked.c.place <= REMEMBERED)
            .order_by(Collection.id)
        )
        for state, due_on, creditor_id, debtor_ref, invoice_id, number, cents, agreement, first, last in session.execute(listed):
            live, credited = state in LIVE_STATES, state == "settled"
            debit = Debit(invoice_id, number, cents, due_on, agreement, first, last, live, credited)
            found[(creditor_id, debtor_ref)].append(debit)
    return found
