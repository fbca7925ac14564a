"""The proof: every invoice's amount, split over its parts, each from its own balance. Pure.

One definition, quoted everywhere: cancelled, orphaned, paid by direct debit, paid by transfer, paid on chain, in flight, written
off, held, returned and open, open, in this order. None is a remainder, so a lost log, a doubled posting or a deleted voucher
shows as a difference.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

PARTS = (
    "cancelled",
    "orphaned",
    "paid_direct_debit",
    "paid_transfer",
    "paid_on_chain",
    "in_flight",
    "written_off",
    "held",
    "returned_open",
    "open",
)
FAILED = ("rejected", "returned", "reversed", "withdrawn")
AT_THE_BANK = ("submitted", "accepted", "settled")


@dataclass(frozen=True, slots=True)
class InvoiceBalances:
    """What each query found for one invoice, in cents.

    ``billed_cents`` is decoded from the raw log; ``taken_back_cents`` is Billed / Receivable; the money is what lines and token
    logs brought less what went back; ``state`` and ``last_collection`` are those of the Moves in view (None: no Move, no
    collection).
    """

    billed_cents: int = 0
    taken_back_cents: int = 0
    direct_debit_cents: int = 0
    transfer_cents: int = 0
    on_chain_cents: int = 0
    clearing_cents: int = 0
    loss_cents: int = 0
    receivable_cents: int = 0
    state: str | None = None
    last_collection: str | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """The parts of one invoice, what lies beyond it, and how far all this misses the amount."""

    parts: Counter[str]
    customer_credit_cents: int
    in_flight_not_owed_cents: int
    reclaim_cents: int
    reclaim_written_off_cents: int
    difference_cents: int


def split(one: InvoiceBalances) -> Split:
    """Split one invoice. The difference is what its parts miss of the amount, or its Receivable of what the parts make it."""
    parts: Counter[str] = Counter()
    parts["orphaned" if one.state == "orphaned" else "cancelled"] = one.taken_back_cents
    rest = one.billed_cents - one.taken_back_cents
    money = one.direct_debit_cents + one.transfer_cents + one.on_chain_cents
    paid = max(0, min(money, rest))  # as a whole: a refund or a return of one kind takes back what another kind brought
    for name, cents in (
        ("paid_direct_debit", one.direct_debit_cents),
        ("paid_transfer", one.transfer_cents),
        ("paid_on_chain", one.on_chain_cents),
    ):
        parts[name] = max(0, min(cents, paid))
        paid -= parts[name]
        rest -= parts[name]
    parts["in_flight"] = max(0, min(one.clearing_cents, rest))
    rest -= parts["in_flight"]
    parts["written_off"] = max(0, min(one.loss_cents, rest))
    reclaim = max(0, -money)
    reclaim_written_off = min(reclaim, max(0, one.loss_cents - parts["written_off"]))
    reclaim -= reclaim_written_off
    credit = max(0, money - (one.billed_cents - one.taken_back_cents))
    not_owed = max(0, one.clearing_cents - parts["in_flight"])
    place = owed_as(one.state, one.last_collection)
    owed = max(0, one.receivable_cents - reclaim)
    if place is not None:
        parts[place] = owed
    missing = abs(one.billed_cents - sum(parts.values()))
    by_parts = parts["held"] + parts["returned_open"] + parts["open"] + reclaim - credit - not_owed
    crooked = abs(one.receivable_cents - by_parts)
    return Split(parts, credit, not_owed, reclaim, reclaim_written_off, max(missing, crooked))


def owed_as(state: str | None, last_collection: str | None) -> str | None:
    """Which part an open Receivable belongs to; None where there must be none (written off, at the bank, or unknown)."""
    if state in (None, "written_off") or last_collection in AT_THE_BANK:
        return None
    if state == "held" or last_collection == "held":
        return "held"
    return "returned_open" if last_collection in FAILED else "open"
