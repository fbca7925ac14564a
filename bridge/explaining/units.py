"""An explanation becomes one decision for the books: moves, one voucher, and what it takes off the line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from bridge.books import PlannedMatch, PlannedMove, PlannedPosting, PlannedVoucher, Unit
from bridge.rules import debts as rule
from bridge.rules import lifecycle
from bridge.rules.debts import Debt, Effect
from bridge.rules.lines import Explained, Line, Part

#: facts after which an invoice's state depends on what else is on it
ON_RECEIVABLE = ("returned", "late credit", "late debit", "transfer", "refund", "refund bounced")
CHARGES = ("bank fee", "interchange")
LATER = ON_RECEIVABLE[1:]  # a return closes the credit of its own debit


def needs_debt(explained: Iterable[Explained]) -> set[int]:
    """The invoices whose debts ``unit`` asks for."""
    return {
        part.invoice_id for one in explained for part in one.parts if part.fact in ON_RECEIVABLE and part.invoice_id is not None
    }


def unit(line: Line, explained: Explained, number: int, debts: Mapping[int, Debt], *, cause: str = "") -> Unit:
    """The explanation as one decision; ``number`` counts the vouchers of the line, ``cause`` is the evidence (else the line).

    Nothing that an invoice still owes, or a loss, is closed before the day on which it was booked.
    """
    closes = [debts[part.invoice_id].closes_on for part in explained.parts if part.fact in LATER and part.invoice_id is not None]
    explained = replace(explained, booked_on=max(explained.booked_on, *closes)) if closes else explained
    moves: list[PlannedMove] = []
    matches: list[PlannedMatch] = []
    postings: list[PlannedPosting] = []
    cause = cause or f"entry:{line.id}"
    for part in explained.parts:
        effect = _effect(part, debts)
        moves += _moves(part, effect, explained, cause, debts)
        matches += _matches(line, part, explained)
        postings.append(_posting(line, part))
        if effect is not None and effect.made_good_cents:
            postings.append(made_good(part.invoice_id or 0, effect.made_good_cents))
    key = f"line:{line.id}:{number}"
    voucher = PlannedVoucher(key, fact_of(explained.parts[0]), cause, explained.booked_on, tuple(postings))
    return Unit(tuple(moves), voucher, tuple(matches))


def fact_of(part: Part) -> str:
    """What the part books: a charge can also be given back."""
    return f"{part.fact} given back" if part.fact in CHARGES and part.cents > 0 else part.fact


def made_good(invoice_id: int, cents: int) -> PlannedPosting:
    """What was written off and came after all."""
    debit, credit = lifecycle.POSTINGS["loss made good"]
    return PlannedPosting(debit, invoice_id, credit, invoice_id, cents)


def invoice_moves(debt: Debt, effect: Effect, news: str, cause: str, booked_on: date, reason: str = "") -> list[PlannedMove]:
    """The invoice follows, and its attempt is cancelled where less than the whole amount is open now."""
    moves = []
    if effect.cancels is not None:
        one = effect.cancels
        state = lifecycle.step("collection", one.end_to_end_id, one.state, "cancelled")
        words = "less than the whole amount is open"
        moves.append(PlannedMove("collection", one.id, one.version, "cancelled", one.state, state, cause, booked_on, words))
    if effect.state != debt.state:
        moves.append(PlannedMove("invoice", debt.id, debt.version, news, debt.state, effect.state, cause, booked_on, reason))
    return moves


def _effect(part: Part, debts: Mapping[int, Debt]) -> Effect | None:
    """What the part does to its invoice; None where it does not touch what the customer owes."""
    if part.fact not in ON_RECEIVABLE or part.invoice_id is None:
        return None
    debt = debts[part.invoice_id]
    return rule.attempt_over(debt, -part.cents) if part.fact == "returned" else rule.credited(debt, part.cents)


def _moves(part: Part, effect: Effect | None, explained: Explained, cause: str, debts: Mapping[int, Debt]) -> list[PlannedMove]:
    """The collection moves, and its invoice with it; a transfer, a late credit or debit moves at most the invoice."""
    one, news, on = part.candidate, part.fact.replace(" ", "_"), explained.booked_on
    moves = []
    if one is not None and part.to_state is not None:
        moves.append(PlannedMove("collection", one.id, one.version, news, one.state, part.to_state, cause, on, part.reason))
    if effect is not None:
        return moves + invoice_moves(debts[part.invoice_id or 0], effect, news, cause, on, part.reason)
    if one is not None and part.to_state is not None:
        before, after = one.invoice_state, lifecycle.invoice_after(one.invoice_state, part.to_state)
        if after != before:
            moves.append(PlannedMove("invoice", one.invoice_id, one.invoice_version, news, before, after, cause, on, part.reason))
    return moves


def _matches(line: Line, part: Part, explained: Explained) -> list[PlannedMatch]:
    """What the part takes off the line, and off the other line where one explains the other."""
    said = (explained.rule, explained.evidence, explained.booked_on)
    about = part.candidate.id if part.candidate else None
    found = [PlannedMatch(line.id, part.cents, *said, explained.detail_id, about, part.other_entry_id)]
    if part.other_entry_id is not None:
        found.append(PlannedMatch(part.other_entry_id, -part.cents, *said, None, about, line.id))
    return found


def _posting(line: Line, part: Part) -> PlannedPosting:
    """The part's posting, with the subject of each account."""
    debit, credit = lifecycle.POSTINGS[fact_of(part)]
    if part.other_entry_id is not None:  # the credit line gives, the debit line takes
        gives, takes = (part.other_entry_id, line.id) if part.cents < 0 else (line.id, part.other_entry_id)
        return PlannedPosting(debit, gives, credit, takes, abs(part.cents))
    subject = dict.fromkeys(("Suspense", "Charges", "Interchange", "NotOurs"), line.id)
    if part.candidate is not None:
        subject["Clearing"] = part.candidate.id
    if part.invoice_id is not None:
        subject["Receivable"] = part.invoice_id
    return PlannedPosting(debit, subject[debit], credit, subject[credit], abs(part.cents))
