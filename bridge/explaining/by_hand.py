"""Books what a person says about a bank line: finds what he names, asks the rule, and leaves the line in his hands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bridge import books
from bridge.books import Recorder
from bridge.errors import BadInput, UnknownName
from bridge.explaining import beyond, candidates, debts, lines
from bridge.explaining.units import fact_of, needs_debt, unit
from bridge.model import Collection, Entry, Invoice, Statement
from bridge.rules import by_hand as rule
from bridge.rules.by_hand import Said
from bridge.rules.lines import Explained, Line
from bridge.rules.matching import euro
from bridge.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Named:
    """A name and how much of the line it is; None: all that is open.

    The name is an EndToEndId, an invoice number, ``line:7`` or ``refund:NUMBER``; ``collection:`` and ``invoice:`` say which of
    the first two is meant.
    """

    name: str
    cents: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What was booked: cents are signed as the line."""

    name: str
    fact: str
    cents: int
    voucher: str


@dataclass(frozen=True, slots=True)
class Outcome:
    entry: int
    parts: tuple[Part, ...]
    open_cents: int


def say(session: Session, runtime: Runtime, actor: str, entry_id: int, named: Sequence[Named], *, fee_cents: int = 0) -> Outcome:
    """Explain a line, or a part of it, by these names. Raises UnknownName, and what ``rules.by_hand.explain`` raises."""
    line, loaded = _line(session, entry_id)
    said = [_said(session, one) for one in named]
    explained = rule.explain(line, said, fee_cents=fee_cents, today=runtime.today())
    names = [one.name if one.name.startswith("line:") else one.name.rpartition(":")[2] for one in named]
    names += ["fee"] * bool(fee_cents)
    return _book(session, runtime, actor, line, loaded.vouchers[line.id], list(zip(names, explained, strict=True)))


def ignore(session: Session, runtime: Runtime, actor: str, entry_id: int, reason: str) -> Outcome:
    """What is open of the line is not ours."""
    line, loaded = _line(session, entry_id)
    return _book(session, runtime, actor, line, loaded.vouchers[line.id], [("", rule.not_ours(line, reason))])


def _line(session: Session, entry_id: int) -> tuple[Line, lines.Loaded]:
    """A line of a booked statement, locked: who says something about it waits for the other."""
    row = session.execute(
        select(Entry, Statement.account_id)
        .join(Statement, Statement.id == Entry.statement_id)
        .where(Entry.id == entry_id, Statement.posting == "posted")
        .with_for_update(of=Entry)
    ).first()
    if row is None or row.account_id is None:
        raise UnknownName(f"line {entry_id} is none of a booked statement; 'bridge reconcile queue' lists those that are open")
    loaded = lines.load(session, [(row.Entry, row.account_id)])
    return next(iter(loaded)), loaded


def _said(session: Session, one: Named) -> Said:
    """What a name stands for. Raises UnknownName for nothing, or for two things."""
    kind, colon, name = one.name.partition(":")
    if colon and kind == "line":
        if not name.isdecimal():
            raise BadInput(f"{one.name!r} is no line: write line:7")
        return Said(one.cents, other=_line(session, int(name))[0])
    if colon and kind not in ("collection", "invoice", "refund"):
        raise UnknownName.among("kind of name", kind, ("collection", "invoice", "refund", "line"))
    name = name if colon else one.name
    attempt = None if kind in ("invoice", "refund") and colon else _attempt(session, name)
    invoices = [] if kind == "collection" and colon else _invoices(session, name)
    if attempt is not None and invoices:
        raise UnknownName(f"{name} names a collection and an invoice; write collection:{name} or invoice:{name}")
    if len(invoices) > 1:
        raise UnknownName(f"two creditors have an invoice {name}; name its collection, or settle it by hand in their books")
    if attempt is not None:
        return Said(one.cents, candidate=candidates.by_end_to_end(session, [attempt.upper()])[attempt.upper()])
    if not invoices:
        raise UnknownName(f"{name!r} is no EndToEndId and no invoice number that is known; see 'bridge invoice list'")
    return Said(one.cents, debt=debts.load(session, invoices)[invoices[0]], refund=bool(colon) and kind == "refund")


def _attempt(session: Session, name: str) -> str | None:
    return session.scalar(select(Collection.end_to_end_id).where(Collection.end_to_end_key == name.upper()))


def _invoices(session: Session, number: str) -> list[int]:
    return list(session.scalars(select(Invoice.id).where(Invoice.number_key == number.upper())))


def _book(
    session: Session, runtime: Runtime, actor: str, line: Line, number: int, explained: Sequence[tuple[str, Explained]]
) -> Outcome:
    by, today = Recorder(actor, runtime.clock()), runtime.today()
    owed = debts.load(session, needs_debt(one for _, one in explained))
    units = [unit(line, one, number + n, owed) for n, (_, one) in enumerate(explained, 1)]
    books.apply_all(session, units, by)
    runtime.fault("by hand: before the breaks")
    others = {p.other_entry_id for _, one in explained for p in one.parts if p.other_entry_id is not None}
    for entry_id in sorted({line.id, *others}):
        _in_hand(session, runtime, by, entry_id)
    books.open_breaks(session, [row for _, one in explained for row in one.opens], by, today)
    beyond.look(session, {p.invoice_id for _, one in explained for p in one.parts if p.invoice_id is not None}, by, today)
    parts = tuple(
        Part(name, fact_of(p), p.cents, f"line:{line.id}:{number + n}")
        for n, (name, one) in enumerate(explained, 1)
        for p in one.parts
    )
    return Outcome(line.id, parts, line.open_cents - sum(part.cents for part in parts))


def _in_hand(session: Session, runtime: Runtime, by: Recorder, entry_id: int) -> None:
    """No rule goes on with what a person began; what is left of it stands in the queue."""
    session.execute(update(Entry).where(Entry.id == entry_id).values(by_hand=True).execution_options(synchronize_session=False))
    left = session.scalars(select(Entry.open_cents).where(Entry.id == entry_id)).one()
    subject = f"entry:{entry_id}"
    books.close_breaks(session, [subject], by, "a person explained a part of it" if left else "the line is explained")
    if left:
        what = f"{euro(left)} of it is not explained; a person has it in hand"
        row = ("PARTLY_EXPLAINED", subject, what, "accept, split or ignore the rest")
        books.open_breaks(session, [row], by, runtime.today())
