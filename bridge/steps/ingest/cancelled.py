"""An InvoiceCancelled takes an invoice back as a whole: Billed / Receivable, once, whatever became of it meanwhile.

What was not sent is cancelled with it; a file that holds it and has not left is discarded by rule when somebody wants to sign or
export it; a debit that may be at the bank, or money that came, becomes a Break about what must be given back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import books
from bridge.books import BreakRow, PlannedPosting, PlannedVoucher, Recorder, Unit
from bridge.explaining import beyond, debts, units
from bridge.model import Invoice, Source
from bridge.rules import lifecycle
from bridge.rules.debts import Debt, taken_back
from bridge.runtime import Runtime

FACT = "invoice cancelled"
IN_ONE_STATEMENT = 500


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A stored log that cancels an invoice, by the invoice's id on chain in hex; ``on`` is the day of its block."""

    log_id: int
    claim_id: str
    on: date


def take_back(session: Session, runtime: Runtime, source: Source, told: Sequence[Cancellation], by: Recorder) -> list[BreakRow]:
    """Book each of them; returns a Break for each that names no invoice of this contract."""
    known = _invoices(session, source, [one.claim_id for one in told])
    owed = debts.load(session, known.values())
    booked: dict[str, Unit] = {}  # by claim: a second log about the same invoice has nothing left to take back
    unknown: list[BreakRow] = []
    for one in told:
        debt = owed.get(known.get(one.claim_id, 0))
        if debt is None:
            what = f"the contract cancels invoice id {one.claim_id[:10]}..., which is not an invoice here"
            unknown.append(("CANCELLED_UNKNOWN", f"chain_log:{one.log_id}", what, "see why its invoice was refused"))
        elif debt.state not in lifecycle.KEPT:
            booked.setdefault(one.claim_id, _unit(source, one, debt))
    books.apply_all(session, list(booked.values()), by)
    beyond.look(session, known.values(), by, runtime.today())
    return unknown


def _invoices(session: Session, source: Source, claims: Sequence[str]) -> dict[str, int]:
    """claim id -> id of the invoice."""
    found: dict[str, int] = {}
    rows = select(Invoice.claim_id, Invoice.id).where(Invoice.chain_id == source.chain_id, Invoice.contract == source.contract)
    for start in range(0, len(claims), IN_ONE_STATEMENT):
        some = rows.where(Invoice.claim_id.in_(claims[start : start + IN_ONE_STATEMENT]))
        found |= {claim: number for claim, number in session.execute(some)}
    return found


def _unit(source: Source, one: Cancellation, debt: Debt) -> Unit:
    effect = taken_back(debt)
    on = max(one.on, debt.closes_on)
    evidence = f"chain_log:{one.log_id}"
    lifecycle.step("invoice", f"invoice {debt.number}", debt.state, "cancelled")
    moves = units.invoice_moves(debt, effect, "cancelled", evidence, on, "cancelled on chain")
    debit, credit = lifecycle.POSTINGS[FACT]
    postings = [PlannedPosting(debit, debt.id, credit, debt.id, debt.billed_cents)]
    if effect.made_good_cents:
        postings.append(units.made_good(debt.id, effect.made_good_cents))
    key = f"cancel:{source.chain_id}:{source.contract}:{one.claim_id}"
    return Unit(tuple(moves), PlannedVoucher(key, FACT, evidence, on, tuple(postings)))
