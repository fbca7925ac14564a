"""Pages of a statement that give only the balances of the day: they wait for one another, and are booked together.

A page with balances of its own (ITBD, or INTM) is none of them: it is a link of the account's chain like any statement.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import books
from bridge.books import Recorder
from bridge.intake import sameness
from bridge.model import Entry, Statement
from bridge.records.camt import StatementHead
from bridge.rules import pages
from bridge.rules.pages import StatementPage

GAP = "it does not continue the ledger's balance"


@dataclass(frozen=True, slots=True)
class Link:
    """What is booked at once: a statement, or all pages of one in their order. ``missing`` says which of them are not here."""

    statements: tuple[Statement, ...]
    missing: str = ""

    @property
    def first(self) -> Statement:
        return self.statements[0]

    @property
    def last(self) -> Statement:
        return self.statements[-1]


def is_page(head: StatementHead) -> bool:
    """Whether it is one page of several; the only page of a statement is a statement."""
    return head.last_page is False or (head.page or 1) > 1


def waits(session: Session, statement: Statement, head: StatementHead, total_cents: int) -> bool:
    """Whether it is a page that waits for the others; it is marked as one then. ``total_cents`` is what its lines add up to.

    Where the file has the pages, not the statement, a statement that adds up is whole: the others of the file are on other pages.
    """
    if not is_page(head) or head.closing_kind != "CLBD" or head.opening_kind not in ("OPBD", "PRCD"):
        return False
    statement.page, statement.last_page = head.page or 1, bool(head.last_page)
    statement.sequence = head.paper_number if head.sequence is None else head.sequence
    assert statement.opening_cents is not None
    if head.pages_of_file and statement.opening_cents + total_cents == statement.closing_cents and not others(session, statement):
        statement.page = statement.last_page = statement.sequence = None
    return statement.page is not None


def others(session: Session, statement: Statement) -> list[Statement]:
    """The other pages, booked or waiting, of the statement that this is a page of."""
    found = _waiting(session, statement.account_id) + _booked(session, statement.account_id, {statement.closing_on})
    found = [one for one in found if one.kind == statement.kind and one.id != statement.id and _same(one, statement)]
    return sorted(found, key=lambda one: (one.page or 0, one.id))


def fault(session: Session, statement: Statement) -> str:
    """Why a page that is not known cannot stand beside the others of its statement; empty where it can."""
    page, *rest = _pages(session, [statement, *others(session, statement)])
    return pages.fault(page, rest)


def in_one_piece(session: Session, statement: Statement) -> bool:
    """Whether the statement of which this is a page was booked in one piece, with every line of this page."""
    booked = session.scalars(
        select(Statement).where(
            Statement.account_id == statement.account_id,
            Statement.kind == statement.kind,
            Statement.closing_on == statement.closing_on,
            Statement.opening_cents == statement.opening_cents,
            Statement.closing_cents == statement.closing_cents,
            Statement.posting == "posted",
            Statement.page.is_(None),
        )
    )
    lines = Counter(sameness.lines(session, statement))
    return any(lines <= Counter(sameness.lines(session, one)) for one in booked if _same(one, statement))


def booked_so(session: Session, statement: Statement) -> bool:
    """Whether a statement in one piece was booked in pages before, line by line."""
    booked = session.scalars(
        select(Statement)
        .where(Statement.account_id == statement.account_id, Statement.kind == statement.kind, Statement.posting == "posted")
        .where(Statement.closing_on == statement.closing_on, Statement.page.is_not(None))
        .where(Statement.opening_cents == statement.opening_cents, Statement.closing_cents == statement.closing_cents)
        .order_by(Statement.posted_no)
    ).all()
    return bool(booked) and [line for page in booked for line in sameness.lines(session, page)] == sameness.lines(
        session, statement
    )


def settle(session: Session, account_id: int, by: Recorder) -> list[Statement]:
    """Refuse an account's waiting pages where all are here and do not add up; returns those of which all are here only now.

    What is still missing of the others is told anew.
    """
    settled: list[Statement] = []
    for link in links(_of(session, account_id)):
        if link.first.page is None or link.first.posting != "parked" or link.first.reason == GAP:
            continue
        if link.missing:
            _say(link, "parked", link.missing)
            continue
        off = pages.off_cents(_pages(session, link.statements))
        _say(link, "refused" if off else "parked", _not_adding_up(link, off) if off else GAP)
        settled += link.statements
    _close(session, settled, by, "all its pages are here")
    return settled


def drop(session: Session, account_id: int, by: Recorder) -> None:
    """Let go of the waiting pages of a statement that was booked in one piece since."""
    covered = [one for one in _waiting(session, account_id) if in_one_piece(session, one)]
    for one in covered:
        one.posting, one.reason = "refused", sameness.KNOWN
    _close(session, covered, by, "its statement was booked in one piece")


def links(statements: Sequence[Statement]) -> list[Link]:
    """The statements of an account in the order given, each page of the day with all others of its statement.

    Pages whose balances differ have balances of their own, whatever the bank calls them: nothing else is let in by ``fault``.
    """
    found: list[list[Statement]] = []
    of_day: dict[object, list[list[Statement]]] = defaultdict(list)
    for one in statements:
        groups = of_day[one.kind, one.closing_on] if one.page is not None else []
        group = next((group for group in groups if _same(group[0], one)), None)
        if group is None:
            group = []
            found.append(group)
            groups.append(group)
        group.append(one)
    return [link for group in found for link in _links(group)]


def _links(group: Sequence[Statement]) -> list[Link]:
    if group[0].page is None or len({(one.opening_cents, one.closing_cents) for one in group}) > 1:
        return [Link((one,)) for one in group]
    ordered = tuple(sorted(group, key=lambda one: one.page or 0))
    missing = pages.missing([one.page or 0 for one in ordered], last=any(one.last_page for one in ordered))
    return [Link(ordered, missing)]


def _same(one: Statement, other: Statement) -> bool:
    """Whether two are of one statement: by the number where the bank counts, else by the id.

    Some banks give every day the same number: of another day they are only if the id is the same too, and one of them waits.
    """
    counted = one.sequence is not None and other.sequence is not None
    named = _name(one) == _name(other)
    if one.closing_on == other.closing_on:
        return one.sequence == other.sequence if counted else named
    return counted and one.sequence == other.sequence and named and "posted" not in (one.posting, other.posting)


def _name(statement: Statement) -> str:
    return statement.statement_id.removesuffix(f" page {statement.page}")


def _pages(session: Session, statements: Sequence[Statement]) -> list[StatementPage]:
    lines = select(Entry.statement_id, func.sum(Entry.amount_cents)).where(Entry.statement_id.in_([one.id for one in statements]))
    cents = {statement_id: int(total) for statement_id, total in session.execute(lines.group_by(Entry.statement_id))}
    return [_page(one, cents.get(one.id, 0)) for one in statements]


def _page(statement: Statement, lines_cents: int) -> StatementPage:
    assert statement.page is not None
    assert statement.opening_cents is not None
    assert statement.closing_cents is not None
    assert statement.closing_on is not None
    balances = (statement.opening_cents, statement.closing_cents, statement.closing_on)
    return StatementPage(statement.page, bool(statement.last_page), *balances, lines_cents)


def _of(session: Session, account_id: int) -> list[Statement]:
    """An account's waiting pages, with those booked pages that may be of the same statements: they are of the same days."""
    waiting = _waiting(session, account_id)
    booked = _booked(session, account_id, {one.closing_on for one in waiting})
    return sorted(waiting + booked, key=lambda one: one.id)


def _waiting(session: Session, account_id: int | None) -> list[Statement]:
    """By the index of pages alone: booked pages grow in number for ever, those that wait do not."""
    waiting = select(Statement).where(Statement.account_id == account_id, Statement.posting == "parked")
    return list(session.scalars(waiting.where(Statement.page.is_not(None))))


def _booked(session: Session, account_id: int | None, days: set[date | None]) -> list[Statement]:
    booked = select(Statement).where(
        Statement.account_id == account_id, Statement.posting == "posted", Statement.page.is_not(None)
    )
    return list(session.scalars(booked.where(Statement.closing_on.in_(days)))) if days else []


def _say(link: Link, posting: str, reason: str) -> None:
    for statement in link.statements:
        statement.posting, statement.reason = posting, reason


def _not_adding_up(link: Link, off_cents: int) -> str:
    euros = f"{abs(off_cents) // 100:,}.{abs(off_cents) % 100:02d} EUR {'too little' if off_cents > 0 else 'too much'}"
    return (
        f"its opening balance and the lines of all its {len(link.statements)} pages do not add up to its closing balance: {euros}"
    )


def _close(session: Session, statements: Sequence[Statement], by: Recorder, resolution: str) -> None:
    books.close_breaks(session, [f"statement:{one.id}" for one in statements], by, resolution, kinds=["STATEMENT_GAP"])
