"""What news of the chain does to an invoice as a whole: cancelled by its issuer, gone in a reorganisation, and back after all."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge.books import PlannedPosting, PlannedVoucher, Recorder, Unit
from bridge.explaining import undoing, units
from bridge.explaining.standing import voucher_stands
from bridge.model import Posting, Voucher
from bridge.rules import lifecycle
from bridge.rules.debts import Debt, taken_back

CANCELLED, ORPHANED, PAID = "invoice cancelled", "invoice orphaned", "paid on chain"
_STATE = {CANCELLED: "cancelled", ORPHANED: "orphaned"}


def gone(fact: str, debt: Debt, key: str, on: date, evidence: str, words: str) -> Unit:
    """The invoice is taken back as a whole (CANCELLED, ORPHANED), on that day or later where something was booked on it later."""
    state = _STATE[fact]
    effect = replace(taken_back(debt), state=lifecycle.step("invoice", f"invoice {debt.number}", debt.state, state))
    on = max(on, debt.closes_on)
    moves = units.invoice_moves(debt, effect, state, evidence, on, words)
    debit, credit = lifecycle.POSTINGS[fact]
    postings = [PlannedPosting(debit, debt.id, credit, debt.id, debt.billed_cents)]
    if effect.made_good_cents:
        postings.append(units.made_good(debt.id, effect.made_good_cents))
    return Unit(tuple(moves), PlannedVoucher(key, fact, evidence, on, tuple(postings)))


def back(
    session: Session, fact: str, invoice_id: int, on: date, evidence: str, words: str, by: Recorder, *, of: str = ""
) -> bool:
    """Take back what a log had booked, or what a reorganisation had taken: the voucher of this fact that stands.

    ``of``: only the one with this evidence. False where none stands. Raises NotAllowed or IllegalMove where more rests on it.
    """
    about = select(Posting.voucher_id).where(Posting.debit_subject == invoice_id, Posting.debit_account != "Suspense")
    rows = select(Voucher.idem_key).where(Voucher.fact == fact, Voucher.id.in_(about), voucher_stands())
    if of:
        rows = rows.where(Voucher.evidence == of)
    key = session.scalars(rows.order_by(Voucher.id.desc())).first()
    if key is None:
        return False
    undoing.take_back(session, key, reason=words, by=by, today=on, evidence=evidence)
    return True
