"""A customer's credit pays another invoice of his: Receivable to Receivable, invoice to invoice; and back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import books
from bridge.books import PlannedPosting, PlannedVoucher, Recorder, Unit
from bridge.errors import NotAllowed, UnknownName
from bridge.explaining import beyond, debts
from bridge.explaining.standing import voucher_stands
from bridge.explaining.units import invoice_moves, made_good
from bridge.model import Invoice, Voucher
from bridge.rules import debts as rule
from bridge.rules import lifecycle
from bridge.rules.debts import Debt
from bridge.rules.matching import euro


@dataclass(frozen=True, slots=True)
class Used:
    """Credit of one invoice that paid another."""

    giving: str
    taking: str
    cents: int
    voucher: str


def pair(session: Session, giving: str, taking: str) -> tuple[Debt, Debt]:
    """The two invoices, locked. Raises UnknownName, and NotAllowed where they are not of one customer and one creditor."""
    ids = [_invoice(session, number) for number in (giving, taking)]
    owed = debts.load(session, ids)
    one, other = owed[ids[0]], owed[ids[1]]
    if one.id == other.id:
        raise NotAllowed(f"invoice {one.number} cannot pay itself")
    if (one.creditor_id, one.debtor_ref) != (other.creditor_id, other.debtor_ref):
        raise NotAllowed(f"invoices {one.number} and {other.number} are not of one customer; his credit pays his invoices only")
    return one, other


def use(session: Session, giving: Debt, taking: Debt, cents: int | None, *, by: Recorder, today: date) -> Used:
    """Book it, up to the credit and to what is open or was written off of the other; None: as much as that is.

    Raises NotAllowed where there is no credit, nothing open, or ``cents`` is more than either.
    """
    open_cents = max(0, taking.receivable_cents) + taking.loss_cents
    most = min(giving.credit_cents, open_cents)
    amount = most if cents is None else cents
    if not 0 < amount <= most:
        raise NotAllowed(
            f"{euro(giving.credit_cents)} of invoice {giving.number} is the customer's credit, {euro(open_cents)} of invoice "
            f"{taking.number} is open; no more than either can be used"
        )
    on = max(today, giving.closes_on, taking.closes_on)
    key = f"use:{giving.id}:{taking.id}"
    number = session.scalar(select(func.count()).select_from(Voucher).where(Voucher.idem_key.startswith(f"{key}:"))) or 0
    given, taken = rule.credited(giving, -amount), rule.credited(taking, amount)
    debit, credit = lifecycle.POSTINGS["credit used"]
    postings = [PlannedPosting(debit, giving.id, credit, taking.id, amount)]
    postings += [made_good(taking.id, taken.made_good_cents)] if taken.made_good_cents else []
    moves = invoice_moves(giving, given, "credit_used", "person", on) + invoice_moves(taking, taken, "credit_used", "person", on)
    voucher = PlannedVoucher(f"{key}:{number + 1}", "credit used", "person", on, tuple(postings))
    books.apply_all(session, [Unit(tuple(moves), voucher)], by)
    beyond.look(session, [giving.id, taking.id], by, today)
    return Used(giving.number, taking.number, amount, voucher.idem_key)


def last_use(session: Session, giving: Debt, taking: Debt) -> str:
    """The key of the last voucher by which the one paid the other and that stands. Raises UnknownName where there is none."""
    key = session.scalar(
        select(Voucher.idem_key)
        .where(Voucher.idem_key.startswith(f"use:{giving.id}:{taking.id}:"), voucher_stands())
        .order_by(Voucher.id.desc())
        .limit(1)
    )
    if key is None:
        raise UnknownName(f"no credit of invoice {giving.number} is used for invoice {taking.number}")
    return key


def _invoice(session: Session, number: str) -> int:
    found = list(session.scalars(select(Invoice.id).where(Invoice.number_key == number.upper())))
    if len(found) != 1:
        raise UnknownName(f"invoice {number!r} is not one that is known; 'bridge invoice list' shows them")
    return found[0]
