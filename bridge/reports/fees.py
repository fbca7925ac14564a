"""What banks took, by the ledger's accounts Charges and Interchange: with a return, kept from a credit, or booked apart.

The three together are the charges of the reconciliation in the same view. Interchange is what the debtors' banks take for a
return, where the file states it apart from our own bank's fee; elsewhere a return has one fee, on Charges.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge.balances import SIDES
from bridge.model import Match, Posting, Voucher
from bridge.reports.asked import Asked

BACK = ("returned", "late debit", "line to line")  # a debit came back, or a rejected one was debited again
KEPT = ("settled", "late credit")
ACCOUNTS = ("Charges", "Interchange")
UNDONE = " undone"


@dataclass(frozen=True, slots=True)
class Fees:
    """Cents by collection where a return cost them; the rest as sums. A fee that was given back counts against its kind."""

    of_returns: Counter[int] = field(default_factory=Counter)
    kept_cents: int = 0
    apart_cents: int = 0
    interchange: Counter[int] = field(default_factory=Counter)  # of what returns cost: the debtors' banks' part


def of_view(session: Session, asked: Asked, since: date | None = None) -> Fees:
    """Every charge in view; ``since`` leaves out what was kept or booked apart before that day."""
    about = _collections(session, asked)
    returned_on_line = _returned_on_line(session, asked)
    of_returns: Counter[int] = Counter()
    interchange: Counter[int] = Counter()
    sums: Counter[str] = Counter()
    for account, voucher_id, fact, booked_on, entry_id, cents in _charges(session, asked):
        base = fact.removesuffix(UNDONE)
        # a fee that the bank states for the whole line belongs to the return on it, if it is the only one
        own = about.get(voucher_id) if base in BACK else returned_on_line.get(entry_id) if base not in KEPT else None
        if own is not None and len(own) == 1:
            of_returns[next(iter(own))] += cents
            interchange[next(iter(own))] += cents if account == "Interchange" else 0
        elif since is None or booked_on >= since:
            sums["kept" if base in KEPT else "apart"] += cents
    return Fees(of_returns, sums["kept"], sums["apart"], interchange)


def _charges(session: Session, asked: Asked) -> list[tuple[str, int, str, date, int, int]]:
    """(account, voucher, its fact, its date, the line, cents): above zero a charge, below zero one given back or undone."""
    found = []
    for account, subject, sign in SIDES:
        rows = (
            select(account, Voucher.id, Voucher.fact, Voucher.booked_on, subject, Posting.amount_cents)
            .join(Voucher, Voucher.id == Posting.voucher_id)
            .where(account.in_(ACCOUNTS), *asked.view.conditions())
        )
        found += [(name, voucher, fact, on, line, sign * cents) for name, voucher, fact, on, line, cents in session.execute(rows)]
    return found


def _collections(session: Session, asked: Asked) -> dict[int, set[int]]:
    """The collections that each voucher with a return is about."""
    found: dict[int, set[int]] = defaultdict(set)
    rows = (
        select(Match.voucher_id, Match.collection_id)
        .join(Voucher, Voucher.id == Match.voucher_id)
        .where(Voucher.fact.in_([*BACK, *(f"{fact}{UNDONE}" for fact in BACK)]), Match.collection_id.is_not(None))
        .where(*asked.view.conditions(Match.booked_on, Match.recorded_at))
    )
    for voucher_id, collection_id in session.execute(rows):
        found[voucher_id].add(collection_id or 0)
    return found


def _returned_on_line(session: Session, asked: Asked) -> dict[int, set[int]]:
    """The collections that came back on each bank line."""
    found: dict[int, set[int]] = defaultdict(set)
    rows = (
        select(Match.entry_id, Match.collection_id)
        .join(Voucher, Voucher.id == Match.voucher_id)
        .where(Voucher.fact.in_(BACK), Match.collection_id.is_not(None), Match.amount_cents < 0)
        .where(*asked.view.conditions(Match.booked_on, Match.recorded_at))
    )
    for entry_id, collection_id in session.execute(rows):
        found[entry_id].add(collection_id or 0)
    return found
