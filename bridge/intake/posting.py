"""Books statements in the order of their balances: each continues the account's chain at one of its ends, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import books
from bridge.books import BreakRow, PlannedPosting, PlannedVoucher, Recorder, Unit
from bridge.intake import sameness
from bridge.model import Entry, Statement
from bridge.rules import lifecycle
from bridge.runtime import Runtime


def post_chain(session: Session, runtime: Runtime, account_id: int, by: Recorder) -> int:
    """Book every parked statement of an account that continues its chain, at either end, until none fits.

    One that waited is compared again first, because what came meanwhile may hold its lines. Returns how many lines were booked.
    """
    booked = 0
    while True:
        posted = list(
            session.scalars(
                select(Statement)
                .where(Statement.account_id == account_id, Statement.posting == "posted")
                .order_by(Statement.posted_no)
            )
        )
        parked = list(
            session.scalars(
                select(Statement)
                .where(Statement.account_id == account_id, Statement.posting == "parked")
                .order_by(Statement.closing_on, Statement.sequence, Statement.id)
            )
        )
        fitting = next(((statement, number) for statement in parked if (number := _place(statement, posted)) is not None), None)
        fitting = fitting or _between(session, parked, posted)
        if fitting is None:
            return booked
        statement, number = fitting
        objection = sameness.objection(session, statement)
        if objection:
            statement.posting, statement.reason = "refused", objection
            session.flush()
            resolution = "it fits now and is refused"
        else:
            booked += _post(session, account_id, statement, number, by)
            resolution = "it fits now and is booked"
        books.close_breaks(session, [f"statement:{statement.id}"], by, resolution, kinds=["STATEMENT_GAP"])
        if objection:
            books.open_breaks(session, [break_of(statement)], by, runtime.today())


def _place(statement: Statement, posted: Sequence[Statement]) -> int | None:
    """The number a statement would get in its account's chain: after the last, before the first, or the first of all."""
    if not posted:
        return 0
    first, last = posted[0], posted[-1]
    assert statement.closing_on is not None
    if statement.opening_cents == last.closing_cents and statement.closing_on >= (last.closing_on or date.min):
        return (last.posted_no or 0) + 1
    if statement.closing_cents == first.opening_cents and statement.closing_on <= (first.closing_on or date.max):
        return (first.posted_no or 0) - 1
    return None


def _between(session: Session, parked: Sequence[Statement], posted: Sequence[Statement]) -> tuple[Statement, int] | None:
    """The first parked statement of a run that belongs between posted ones, with the number made free for it.

    Days that cancel out leave no gap in the balances, so the statement behind them was booked before they came. Only where all
    statements of the account, by day, make one chain without a gap is their place certain.
    """
    whole = sorted([*posted, *parked], key=lambda s: (s.closing_on or date.min, s.sequence or 0, s.id))
    chained = all(one.closing_cents == after.opening_cents for one, after in pairwise(whole))
    if not parked or not posted or not chained or whole[0] is not posted[0]:
        return None
    statement = next(one for one in whole if one.posting == "parked")
    place = whole.index(statement)
    number = (posted[place - 1].posted_no or 0) + 1
    for later in reversed(posted[place:]):
        later.posted_no = (later.posted_no or 0) + 1
        session.flush()
    return statement, number


def _post(session: Session, account_id: int, statement: Statement, number: int, by: Recorder) -> int:
    """Book a statement: its opening if it is the first of all, then every line Bank / Suspense."""
    statement.posting, statement.posted_no, statement.posted_at, statement.reason = "posted", number, by.at, ""
    cause = f"statement:{statement.id}"
    units = []
    opening = {0: statement.opening_cents or 0}.get(number)
    if number < 0:  # an older one: its lines are in the first one's opening already
        opening = (statement.opening_cents or 0) - (statement.closing_cents or 0)
    if opening:
        debit, credit = lifecycle.POSTINGS["opening" if opening > 0 else "opening, overdrawn"]
        booked_on = statement.opening_on or statement.closing_on
        assert booked_on is not None
        posting = PlannedPosting(debit, account_id, credit, account_id, abs(opening))
        units.append(Unit(voucher=PlannedVoucher(f"open:{statement.id}", "opening", cause, booked_on, (posting,))))
    count = 0
    for entry_id, cents, booked_on in session.execute(
        select(Entry.id, Entry.amount_cents, Entry.booked_on).where(Entry.statement_id == statement.id).order_by(Entry.ordinal)
    ):
        count += 1
        if cents:
            units.append(Unit(voucher=_bank_voucher(account_id, entry_id, cents, booked_on, cause)))
    session.flush()
    books.apply(session, units, by)
    return count


def _bank_voucher(account_id: int, entry_id: int, cents: int, booked_on: date, cause: str) -> PlannedVoucher:
    fact = "bank credit" if cents > 0 else "bank debit"
    debit, credit = lifecycle.POSTINGS[fact]
    subject = {"Bank": account_id, "Suspense": entry_id}
    posting = PlannedPosting(debit, subject[debit], credit, subject[credit], abs(cents))
    return PlannedVoucher(f"bank:{entry_id}", fact, cause, booked_on, (posting,))


def break_of(statement: Statement) -> BreakRow:
    """The Break of a statement that is not booked: refused, or waiting for the one before it."""
    subject = f"statement:{statement.id}"
    if statement.posting == "refused":
        what = f"statement {statement.statement_id} is kept, not booked: {statement.reason}"
        return "STATEMENT_REFUSED", subject, what, "ask the bank for the right one"
    what = f"statement {statement.statement_id} waits: {statement.reason}"
    return "STATEMENT_GAP", subject, what, "import the statement that is missing before it"
