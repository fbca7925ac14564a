"""Pure: what makes a debit wait for a look, although nothing forbids it: limits, an unusual amount, the same invoice again.

A person who releases the debit has looked; only the block list is not released, because it is a decision already.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median_low

USUAL_FROM, USUAL_OF = 5, 12  # so many credited debits make a habit, of the last so many


@dataclass(frozen=True, slots=True)
class Limits:
    """What bridge.toml allows; 0 is no limit."""

    debtor_month_max_cents: int = 0
    unusual_factor: int = 0
    duplicates: str = "hold"
    blocked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Debit:
    """A debit and its invoice, as far as they are compared; ``live``: it is or may be collected, ``credited``: it was.

    ``formed``: its place among the debits; of two, the lower one was formed earlier.
    """

    invoice_id: int
    formed: int
    number: str
    amount_cents: int
    due_on: date
    agreement: str
    first: datetime
    last: datetime
    live: bool = True
    credited: bool = False


def blocked(debtor_ref: str, limits: Limits) -> str:
    """Why nothing is collected from this debtor; "" where it may be."""
    return f"debtor {debtor_ref[:10]}... is on the block list" if debtor_ref in limits.blocked else ""


def doubt(this: Debit, others: Iterable[Debit], limits: Limits) -> str:
    """Why a debit waits until somebody has looked; "" for none. ``others``: the same debtor's; those formed earlier count.

    Not those of earlier invoices: one that waited for its mandate is formed when others of its month are under way already.
    """
    earlier = [other for other in others if other.formed < this.formed and other.invoice_id != this.invoice_id]
    return _twin(this, earlier, limits) or _unusual(this, earlier, limits) or _month(this, earlier, limits)


def _twin(this: Debit, earlier: list[Debit], limits: Limits) -> str:
    if this.first == this.last:
        return ""  # an event of a customer's own names no period: the same rent every month says the same
    said = (this.amount_cents, this.agreement, this.first, this.last)
    for other in earlier:
        same = (other.amount_cents, other.agreement, other.first, other.last) == said
        if limits.duplicates == "hold" and same and (other.live or other.credited):
            return f"invoice {other.number} says the same debtor, machine, period and amount; release it if both are owed"
    return ""


def _unusual(this: Debit, earlier: list[Debit], limits: Limits) -> str:
    credited = [other.amount_cents for other in earlier if other.credited][-USUAL_OF:]
    if not limits.unusual_factor or len(credited) < USUAL_FROM:
        return ""
    usual = median_low(credited)
    if this.amount_cents <= limits.unusual_factor * usual:
        return ""
    return f"{_euro(this.amount_cents)} is more than {limits.unusual_factor} times this debtor's usual {_euro(usual)}"


def _month(this: Debit, earlier: list[Debit], limits: Limits) -> str:
    if not limits.debtor_month_max_cents:
        return ""
    month = (this.due_on.year, this.due_on.month)
    live = [other.amount_cents for other in earlier if other.live and (other.due_on.year, other.due_on.month) == month]
    total = sum(live) + this.amount_cents
    if total <= limits.debtor_month_max_cents:
        return ""
    return (
        f"{_euro(total)} would be due of this debtor in {this.due_on:%Y-%m}; the limit is {_euro(limits.debtor_month_max_cents)}"
    )


def _euro(cents: int) -> str:
    return f"{cents // 100:,}.{cents % 100:02d} EUR"
