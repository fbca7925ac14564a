"""Loads what rules.doubts compares: a debtor's other debits. Collect, the cut and every later look at a file ask the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session, aliased

from bridge import rows
from bridge.model import Collection, Invoice, Mandate
from bridge.model.collection import LIVE_STATES
from bridge.rules import doubts
from bridge.rules.doubts import Debit, Limits
from bridge.settings import CollectionRules

REMEMBERED = 50  # of a debtor's last debits
SAME = ("agreement", "period_start", "period_end", "amount_cents", "creditor_id", "debtor_ref")  # of invoices that say the same
#: read by name: as whole invoices they took a sixth of a cut's time
COMPARED = ("creditor_id", "debtor_ref", "id", "number", "amount_cents", "agreement", "period_start", "period_end")
Debtor = tuple[int, str]  # creditor and debtor's reference
_THIS = aliased(Invoice, name="this")


def limits_of(rules: CollectionRules) -> Limits:
    return Limits(rules.debtor_month_max_cents, rules.unusual_factor, rules.duplicates, frozenset(rules.blocked_debtors))


def why_not(
    session: Session,
    invoices: Sequence[Invoice],
    due: Mapping[int, date],
    released: set[int],
    rules: CollectionRules,
    *,
    formed: Mapping[int, int] = MappingProxyType({}),
) -> dict[int, str]:
    """Why the debits of these invoices wait, by the invoice's id; one that need not is left out.

    ``due``: when each is due. ``released``: invoices whose debit a person released; for them the block list counts alone.
    ``formed``: the collection of each; one that is only being formed comes after all there are, in the order of the invoices.
    """
    limits = limits_of(rules)
    history = _history(session, invoices, due, limits)
    found: dict[int, str] = {}
    for invoice in sorted(invoices, key=lambda one: one.id):
        others = history[(invoice.creditor_id, invoice.debtor_ref)]
        last = others[-1].formed if others else 0
        this = _debit(invoice, formed.get(invoice.id, last + 1), due[invoice.id])
        why = doubts.blocked(invoice.debtor_ref, limits)
        if not why and invoice.id not in released:
            why = doubts.doubt(this, others, limits)
        if why:
            found[invoice.id] = why
        if this.formed > last:
            others.append(this)  # those of one run are compared with each other, too
    return found


def _debit(invoice: Invoice, formed: int, due_on: date) -> Debit:
    period = (invoice.agreement, invoice.period_start, invoice.period_end)
    return Debit(invoice.id, formed, invoice.number, invoice.amount_cents, due_on, *period)


def _history(session: Session, invoices: Sequence[Invoice], due: Mapping[int, date], limits: Limits) -> dict[Debtor, list[Debit]]:
    """By debtor, what the debits of these invoices are compared with, in the order in which it was formed."""
    found: dict[int, tuple[Debtor, Debit]] = {}
    for statement in _compared(session, invoices, due, limits):
        for formed, state, due_on, creditor_id, debtor_ref, invoice_id, number, cents, *said in session.execute(statement):
            agreement, first, last = said
            live, credited = state in LIVE_STATES, state == "settled"
            debit = Debit(invoice_id, formed, number, cents, due_on, agreement, first, last, live, credited)
            found[formed] = ((creditor_id, debtor_ref), debit)
    history: dict[Debtor, list[Debit]] = defaultdict(list)
    for _, (debtor, debit) in sorted(found.items()):
        history[debtor].append(debit)
    return history


def _compared(
    session: Session, invoices: Sequence[Invoice], due: Mapping[int, date], limits: Limits
) -> Iterator[Select[*tuple[Any, ...]]]:
    """A debtor's last debits say what is usual; a month is added up whole, and a twin is found however long ago it was formed."""
    own = Mandate.creditor_id.in_({invoice.creditor_id for invoice in invoices})  # which the index of debtors begins with
    for some in rows.among(session, Mandate.debtor_ref, [invoice.debtor_ref for invoice in invoices]):
        if limits.unusual_factor:
            yield _last(own & some)
        if limits.debtor_month_max_cents:
            yield _in_months(own & some, due.values())
    if limits.duplicates == "hold":
        said = [invoice.id for invoice in invoices if invoice.period_start != invoice.period_end]  # others have no twin
        yield from (_twins(some) for some in rows.among(session, _THIS.id, said))


def _last(of_debtors: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    newest = func.row_number().over(partition_by=(Mandate.creditor_id, Mandate.debtor_ref), order_by=Collection.id.desc())
    debits = select(Collection.id, newest.label("place")).join(Mandate, Mandate.id == Collection.mandate_id)
    ranked = debits.where(of_debtors).subquery()
    return _said().join(ranked, ranked.c.id == Collection.id).where(ranked.c.place <= REMEMBERED)


def _in_months(of_debtors: ColumnElement[bool], days: Iterable[date]) -> Select[*tuple[Any, ...]]:
    """The live ones that are due in the months of these days, and in those between."""
    first, last = min(days).replace(day=1), max(days).replace(day=1) + timedelta(days=31)
    live = Collection.state.in_(LIVE_STATES) & Collection.due_on.between(first, last)
    return _said().join(Mandate, Mandate.id == Collection.mandate_id).where(of_debtors, live)


def _twins(of_these: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Those of other invoices that say the same as one of these."""
    same = and_(*(getattr(Invoice, name) == getattr(_THIS, name) for name in SAME), Invoice.id != _THIS.id)
    return _said().join(_THIS, same).where(of_these)


def _said() -> Select[*tuple[Any, ...]]:
    compared = (getattr(Invoice, name) for name in COMPARED)
    return select(Collection.id, Collection.state, Collection.due_on, *compared).join(
        Invoice, Invoice.id == Collection.invoice_id
    )
