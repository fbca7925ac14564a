"""Books statements in the order of their balances: each continues the account's chain at one of its ends, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import books
from bridge.books import BreakRow, PlannedPosting, PlannedVoucher, Recorder, Unit
from bridge.intake import pages, sameness
from bridge.intake.pages import Link
from bridge.model import Entry, Statement
from bridge.rules import lifecycle
from bridge.runtime import Runtime


def post_chain(session: Session, runtime: Runtime, account_id: int, by: Recorder) -> int:
    """Book every parked statement of an account that continues its chain, at either end, until none fits.

    Pages that wait for one another are booked together once all are here. What waited is compared again first, because what came
    meanwhile may hold its lines. Returns how many lines were booked.
    """
    booked = 0
    while True:
        stored = select(Statement).where(Statement.account_id == account_id)
        posted = list(session.scalars(stored.where(Statement.posting == "posted").order_by(Statement.posted_no)))
        parked = list(
            session.scalars(
                stored.where(Statement.posting == "parked").order_by(Statement.closing_on, Statement.sequence, Statement.id)
            )
        )
        chain = pages.links([*posted, *parked])
        waiting = [link for link in chain if link.first.posting == "parked"]
        places = ((link, _place(link, posted)) for link in waiting if not link.missing)
        fitting = next(((link, number) for link, number in places if number is not None), None)
        fitting = fitting or _between(session, chain, posted)
        if fitting is None:
            return booked
        booked += _book(session, runtime, account_id, *fitting, by)


def _book(session: Session, runtime: Runtime, account_id: int, link: Link, number: int, by: Recorder) -> int:
    """Book a statement, or all pages of one, or refuse it where something speaks against it now; returns its booked lines."""
    subjects = [f"statement:{statement.id}" for statement in link.statements]
    objection = next(filter(None, (sameness.objection(session, statement) for statement in link.statements)), "")
    if not objection:
        books.close_breaks(session, subjects, by, "it fits now and is booked", kinds=["STATEMENT_GAP"])
        return sum(_post(session, account_id, statement, number + n, by) for n, statement in enumerate(link.statements))
    for statement in link.statements:
        statement.posting, statement.reason = "refused", objection
    session.flush()
    books.close_breaks(session, subjects, by, "it fits now and is refused", kinds=["STATEMENT_GAP"])
    books.open_breaks(session, [break_of(statement) for statement in link.statements], by, runtime.today())
    return 0


def _place(link: Link, posted: Sequence[Statement]) -> int | None:
    """The number its first would get in the account's chain: after the last, before the first, or the first of all."""
    if not posted:
        return 0
    first, last, closing_on = posted[0], posted[-1], link.last.closing_on
    assert closing_on is not None
    if link.first.opening_cents == last.closing_cents and closing_on >= (last.closing_on or date.min):
        return (last.posted_no or 0) + 1
    if link.last.closing_cents == first.opening_cents and closing_on <= (first.closing_on or date.max):
        return (first.posted_no or 0) - len(link.statements)
    return None


def _between(session: Session, chain: Sequence[Link], posted: Sequence[Statement]) -> tuple[Link, int] | None:
    """The first parked statement of a run that belongs between posted ones, with the numbers made free for it.

    Days that cancel out leave no gap in the balances, so the statement behind them was booked before they came. Only where all
    statements of the account, by day, make one chain without a gap are their places certain.
    """
    whole = sorted(chain, key=lambda link: (link.first.closing_on or date.min, link.first.sequence or 0, link.first.id))
    chained = all(one.last.closing_cents == after.first.opening_cents for one, after in pairwise(whole))
    missing = any(link.missing for link in whole)
    parked = [place for place, link in enumerate(whole) if link.first.posting == "parked"]
    if not parked or not posted or missing or not chained or whole[0].first is not posted[0]:
        return None
    link, before = whole[parked[0]], whole[parked[0] - 1]
    number = (before.last.posted_no or 0) + 1
    for later in reversed([one for one in posted if (one.posted_no or 0) >= number]):
        later.posted_no = (later.posted_no or 0) + len(link.statements)
        session.flush()
    return link, number


def _post(session: Session, account_id: int, statement: Statement, number: int, by: Recorder) -> int:
    """Book a statement: its opening if it is the first of all, then every line Bank / Suspense."""
    statement.posting, statement.posted_no, statement.posted_at, statement.reason = "posted", number, by.at, ""
    cause = f"statement:{statement.id}"
    lines = session.execute(
        select(Entry.id, Entry.amount_cents, Entry.booked_on).where(Entry.statement_id == statement.id).order_by(Entry.ordinal)
    ).all()
    units = []
    opening = {0: statement.opening_cents or 0}.get(number)
    if number < 0:  # an older one: its lines are in the first one's opening already
        opening = -sum(cents for _, cents, _ in lines)
    if opening:
        debit, credit = lifecycle.POSTINGS["opening" if opening > 0 else "opening, overdrawn"]
        booked_on = statement.opening_on or statement.closing_on
        assert booked_on is not None
        posting = PlannedPosting(debit, account_id, credit, account_id, abs(opening))
        units.append(Unit(voucher=PlannedVoucher(f"open:{statement.id}", "opening", cause, booked_on, (posting,))))
    units += [
        Unit(voucher=_bank_voucher(account_id, entry_id, cents, booked_on, cause))
        for entry_id, cents, booked_on in lines
        if cents
    ]
    session.flush()
    books.apply(session, units, by)
    return len(lines)


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
    if statement.page is not None and statement.reason != pages.GAP:
        what = f"statement {statement.statement_id} waits for the other pages of its statement"
        return "STATEMENT_GAP", subject, what, "import them; bridge reconcile parked says which are missing"
    what = f"statement {statement.statement_id} waits: {statement.reason}"
    return "STATEMENT_GAP", subject, what, "import the statement that is missing before it"
