"""What a person may say about a bank line, and what is booked because of it. Pure.

A person names what the bank's words do not; states, amounts and dates follow the same table as for a rule. What would be wrong
whoever says it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from bridge.errors import BadInput, IllegalMove, NotAllowed
from bridge.rules import calendar
from bridge.rules.debts import Debt
from bridge.rules.lifecycle import PATIENCE_DAYS, Verdict
from bridge.rules.lines import BreakRow, Candidate, DetailFacts, Explained, Line, Part
from bridge.rules.matching import FAILED, believable, charge_parts, euro, late_credit, stated_interchange

RULE = "PERSON"


@dataclass(frozen=True, slots=True)
class Said:
    """What a part of a line is: exactly one of collection, invoice, other line. ``cents`` > 0; None: all that is open.

    ``refund``: of the invoice, what goes back to the customer, or bounced.
    """

    cents: int | None = None
    candidate: Candidate | None = None
    debt: Debt | None = None
    other: Line | None = None
    refund: bool = False

    @property
    def invoice_id(self) -> int | None:
        if self.candidate is not None:
            return self.candidate.invoice_id
        return self.debt.id if self.debt is not None else None


def explain(line: Line, said: Sequence[Said], *, fee_cents: int = 0, today: date) -> list[Explained]:
    """Each part as one explanation. ``fee_cents`` is what the bank kept (below zero: gave back, or the customer repaid).

    Raises BadInput where the parts are more than what is open, IllegalMove where a state does not allow it, NotAllowed for a
    refund beyond the customer's credit.
    """
    if line.open_cents == 0:
        raise IllegalMove(f"line {line.id} is explained already; take that back first: bridge reconcile undo {line.id}")
    invoices = [one.invoice_id for one in said if one.invoice_id is not None]
    if len(invoices) > len(set(invoices)):
        raise BadInput("one invoice is named twice; an invoice moves once at a time, so name the second part afterwards")
    found = [_one(line, one, today) for one in said]
    if fee_cents:
        found.append(Explained(RULE, "person", line.closes_on, (Part("bank fee", -fee_cents),)))
    total = sum(part.cents for one in found for part in one.parts)
    if not 0 < _signed(line, total) <= abs(line.open_cents):
        raise BadInput(f"the parts add up to {euro(total)}, and {euro(line.open_cents)} of line {line.id} is open")
    return found


def not_ours(line: Line, reason: str) -> Explained:
    """What is open of a line has nothing to do with us, or nobody ever claimed it."""
    if line.open_cents == 0:
        raise IllegalMove(f"line {line.id} is explained already; take that back first: bridge reconcile undo {line.id}")
    fact = "not ours" if line.open_cents > 0 else "not ours, paid"
    return Explained(RULE, reason, line.closes_on, (Part(fact, line.open_cents),))


def _one(line: Line, one: Said, today: date) -> Explained:
    if one.cents is not None and one.cents <= 0:
        raise BadInput("an amount is above zero, like 12.34")
    cents = line.open_cents if one.cents is None else _signed(line, one.cents)
    if one.candidate is not None:
        booked_on = max(line.closes_on, one.candidate.closes_on)
        parts, opens = _collection(line, one.candidate, cents, today)
        return Explained(RULE, "person", booked_on, tuple(parts), None, tuple(opens))
    if one.debt is not None:
        fact = _invoice(line, one.debt, cents, refund=one.refund)
        return Explained(RULE, "person", line.closes_on, (Part(fact, cents, debt=one.debt),))
    assert one.other is not None
    return _other(line, one.other, one.cents)


def _collection(line: Line, one: Candidate, cents: int, today: date) -> tuple[list[Part], list[BreakRow]]:
    """The bank's credit of a debit, or its return."""
    detail = _detail(line, one)
    if cents > 0:
        kept = cents - one.amount_cents
        stated = [line.charges_cents] if detail is None else [line.charges_cents, detail.charges_cents]
        if kept > 0 or kept not in (0, *stated):
            raise _does_not_fit(line, one, cents, fee=-kept)
        interchange = detail.interchange_cents if detail is not None and kept == detail.charges_cents else line.interchange_cents
        return list(_credit(line, one, kept, interchange, today)), [late_credit(one)] if _is_late(one) else []
    decision = one.hear("returned")
    late = decision.kind == "LATE_DEBIT" or one.state in FAILED
    taken = max(cents, -one.amount_cents) if late else -one.amount_cents  # a person may book a late debit of a part
    fee = taken - cents
    if fee and not (detail is not None and believable(fee, detail)):
        raise _does_not_fit(line, one, cents, fee=fee)
    if not late and decision.verdict is not Verdict.MOVE:
        raise _not_now(one, "its credit has not come yet; this debit waits for it")
    fact = "late debit" if late else "returned"
    parts = [Part(fact, taken, one, None if late else decision.to_state, _reason(detail))]
    return [*parts, *charge_parts(-fee, stated_interchange(line, detail, fee) if detail is not None else 0)], []


def _credit(line: Line, one: Candidate, kept: int, interchange: int, today: date) -> Iterator[Part]:
    decision = one.hear("settled")
    if one.state in FAILED:
        waits_until = calendar.add_target_days(line.booked_on, PATIENCE_DAYS)
        if today <= waits_until:
            raise _not_now(one, f"the debit that takes this credit back may come until {waits_until}")
    elif decision.verdict is not Verdict.MOVE:
        raise _not_now(one, "it never went to the bank")
    yield Part("late credit" if _is_late(one) else "settled", one.amount_cents, one, decision.to_state)
    yield from charge_parts(kept, interchange)


def _is_late(one: Candidate) -> bool:
    return one.state in FAILED or one.hear("settled").kind == "LATE_CREDIT"


def _invoice(line: Line, debt: Debt, cents: int, *, refund: bool) -> str:
    """The fact: the customer's own transfer, or what goes back to him."""
    if cents > 0:
        if refund and cents > debt.spent_cents:
            raise NotAllowed(f"{euro(debt.spent_cents)} of invoice {debt.number} was refunded; {euro(cents)} did not bounce")
        return "refund bounced" if refund else "transfer"
    if -cents > debt.credit_cents:
        raise NotAllowed(
            f"{euro(debt.credit_cents)} of what came for invoice {debt.number} is the customer's credit, and only that is ever "
            f"refunded; line {line.id} paid {euro(-cents)}"
        )
    return "refund"


def _other(line: Line, other: Line, cents: int | None) -> Explained:
    """One line takes the other off: the bank's own correction, or an unknown credit that was sent back."""
    if line.open_cents * other.open_cents >= 0:
        raise BadInput(f"lines {line.id} and {other.id} do not take each other off: one must be a credit, the other a debit")
    most = min(abs(line.open_cents), abs(other.open_cents))
    taken = most if cents is None else cents
    if taken > most:
        raise BadInput(f"only {euro(most)} is open of both line {line.id} and line {other.id}")
    part = Part("line to line", _signed(line, taken), other_entry_id=other.id)
    return Explained(RULE, "person", max(line.closes_on, other.closes_on), (part,))


def _detail(line: Line, one: Candidate) -> DetailFacts | None:
    """The part of the line that names the collection, or the only one there is."""
    name = one.end_to_end_id.upper()
    for detail in line.details:
        if detail.end_to_end_id and detail.end_to_end_id.upper() == name:
            return detail
    return line.details[0] if len(line.details) == 1 else None


def _reason(detail: DetailFacts | None) -> str:
    return (detail.reason if detail is not None else None) or ""


def _signed(line: Line, cents: int) -> int:
    """So many cents of a line: below zero where it is a debit."""
    return cents if line.open_cents > 0 else -cents


def _does_not_fit(line: Line, one: Candidate, cents: int, *, fee: int) -> BadInput:
    example = f"bridge reconcile split {line.id} {one.end_to_end_id}={abs(one.amount_cents) // 100}.{one.amount_cents % 100:02d}"
    more = f" --fee {fee // 100}.{fee % 100:02d}" if fee > 0 else ""
    return BadInput(
        f"{one.end_to_end_id} is {euro(one.amount_cents)}, this is {euro(abs(cents))}, and no charge that the bank states "
        f"explains the difference; name the parts, as in: {example}{more}"
    )


def _not_now(one: Candidate, why: str) -> IllegalMove:
    return IllegalMove(f"{one.end_to_end_id} is {one.state}: {why}")
