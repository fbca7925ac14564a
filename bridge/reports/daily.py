"""Each bank account day by day: opening, what was booked by kind, closing by the ledger, closing by the statement, difference.

The ledger's closing is worked out backwards from its balance, so that an older statement which came later changes no day after
it. A line counts on the day on which the bank booked it, under what explains it in the view.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import balances
from bridge.balances import SIDES, View
from bridge.model import Account, Entry, Match, Posting, Statement, Voucher

#: fact -> the column in which a line counts that it explains; anything else is "other"
KINDS = {
    "settled": "direct_debits",
    "late credit": "direct_debits",
    "returned": "returned",
    "late debit": "returned",
    "bank fee": "charges",
    "bank fee given back": "charges",
    "interchange": "charges",
    "interchange given back": "charges",
    "transfer": "transfers",
    "refund": "transfers",
    "refund bounced": "transfers",
}
ABOUT_DEBITS = ("settled", "late credit", "returned", "late debit", "line to line")
UNDONE = " undone"
Day = tuple[int, date]  # account's row id, day of booking


@dataclass(frozen=True, slots=True)
class DayLine:
    """A day on which an account moved; all but the balances is signed, and adds up from opening to closing."""

    account: str
    day: date
    opening_cents: int
    direct_debits_cents: int
    returned_cents: int
    charges_cents: int
    transfers_cents: int
    other_cents: int
    unexplained_cents: int
    closing_cents: int
    statement_cents: int
    difference_cents: int


def build(session: Session, view: View) -> list[DayLine]:
    """Every account by its row, every day with a booked line, the oldest first."""
    moved = _moved(session, view)
    explained = _explained(session, view)
    bank = balances.by_subject(session, "Bank", view)
    statements = _statements(session, view)
    booked = _booked(session, view)
    lines: list[DayLine] = []
    for account_id, name in session.execute(select(Account.id, Account.name).order_by(Account.id)):
        days = sorted({day for found, day in (*moved, *booked) if found == account_id})
        sums = [moved[account_id, day] for day in days]
        opening = bank.get(account_id, 0) - sum(sums)
        stated = _stated(statements.get(account_id, ()), [booked[account_id, day] for day in days], days)
        for day, cents, statement_cents in zip(days, sums, stated, strict=True):
            kinds = explained.get((account_id, day), Counter())
            lines.append(_line(name, day, opening, cents, kinds, statement_cents))
            opening += cents
    return lines


def _line(name: str, day: date, opening: int, cents: int, kinds: Counter[str], statement_cents: int) -> DayLine:
    return DayLine(
        account=name,
        day=day,
        opening_cents=opening,
        direct_debits_cents=kinds["direct_debits"],
        returned_cents=kinds["returned"],
        charges_cents=kinds["charges"],
        transfers_cents=kinds["transfers"],
        other_cents=kinds["other"],
        unexplained_cents=cents - kinds.total(),
        closing_cents=opening + cents,
        statement_cents=statement_cents,
        difference_cents=opening + cents - statement_cents,
    )


def _moved(session: Session, view: View) -> Counter[Day]:
    """By account and day what the ledger booked from its lines; the opening balance is none."""
    found: Counter[Day] = Counter()
    for own, subject, sign in SIDES:
        rows = (
            select(subject, Voucher.booked_on, func.sum(Posting.amount_cents))
            .join(Voucher, Voucher.id == Posting.voucher_id)
            .where(own == "Bank", Voucher.fact.in_(("bank credit", "bank debit")), *view.conditions())
            .group_by(subject, Voucher.booked_on)
        )
        for account_id, day, cents in session.execute(rows):
            found[account_id, day] += sign * int(cents)
    return found


def _booked(session: Session, view: View) -> Counter[Day]:
    """By account and day what the lines of the posted statements add up to."""
    rows = (
        select(Statement.account_id, Entry.booked_on, func.sum(Entry.amount_cents))
        .join(Statement, Statement.id == Entry.statement_id)
        .where(Statement.posting == "posted", *view.conditions(Entry.booked_on, Statement.posted_at))
        .group_by(Statement.account_id, Entry.booked_on)
    )
    return Counter({(account_id or 0, day): int(cents) for account_id, day, cents in session.execute(rows)})


def _explained(session: Session, view: View) -> dict[Day, Counter[str]]:
    """By account and day what explains the lines, by kind; what was undone takes itself off again."""
    found: dict[Day, Counter[str]] = defaultdict(Counter)
    no_debit = Match.collection_id.is_(None) & Match.other_entry_id.is_(None)
    rows = (
        select(Statement.account_id, Entry.booked_on, Voucher.fact, no_debit, func.sum(Match.amount_cents))
        .join(Entry, Entry.id == Match.entry_id)
        .join(Statement, Statement.id == Entry.statement_id)
        .join(Voucher, Voucher.id == Match.voucher_id)
        .where(Statement.posting == "posted", *view.conditions(Match.booked_on, Match.recorded_at))
        .where(*view.conditions(Entry.booked_on, Statement.posted_at))
        .group_by(Statement.account_id, Entry.booked_on, Voucher.fact, no_debit)
    )
    for account_id, day, fact, alone, cents in session.execute(rows):
        base = fact.removesuffix(UNDONE)
        # beside a debit's own amount a voucher holds what the bank kept of it
        kind = "charges" if alone and base in ABOUT_DEBITS else KINDS.get(base, "other")
        found[account_id or 0, day][kind] += int(cents)
    return found


def _statements(session: Session, view: View) -> dict[int, list[Statement]]:
    """The posted statements of each account, in the order of their balances."""
    posted = [Statement.posting == "posted"]
    if view.known_at is not None:
        posted.append(Statement.posted_at <= view.known_at)
    found: dict[int, list[Statement]] = defaultdict(list)
    for row in session.scalars(select(Statement).where(*posted).order_by(Statement.account_id, Statement.posted_no)):
        found[row.account_id or 0].append(row)
    return found


def _stated(statements: Sequence[Statement], sums: Sequence[int], days: Sequence[date]) -> Iterator[int]:
    """What the statements say at the end of each day: the closing that one states for it, else opening plus lines."""
    closing = {one.closing_on: one.closing_cents or 0 for one in statements}
    running = (statements[0].opening_cents or 0) if statements else 0
    for day, cents in zip(days, sums, strict=True):
        running = closing.get(day, running + cents)
        yield running
