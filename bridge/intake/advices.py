"""Finds for booked lines the advice (camt.052, camt.054) of the same movement, whichever of the two came first.

A line that names nobody then counts as saying what its advice says; one that names somebody is completed by it. The advice itself
is never booked, and what was explained before stays as it was. Decided by ``rules.advices``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Select, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from bridge import rows
from bridge.books import BreakRow
from bridge.intake.sameness import NO_REFERENCE
from bridge.model import Detail, Entry, Statement
from bridge.rules import advices
from bridge.rules.advices import Content, Told, Words

KINDS = ("camt.052", "camt.054")
_NAMES = exists().where(Detail.entry_id == Entry.id, or_(Detail.end_to_end_id.is_not(None), Detail.mandate_id.is_not(None)))


def complete(session: Session, account_id: int, statement_ids: Sequence[int]) -> list[BreakRow]:
    """Pair lines that name somebody with the advices of their days; only days that these statements, just stored, are about.

    Returns a Break for each line that was explained before and of which the bank says only now why a debit came back.
    """
    about = select(func.min(Entry.booked_on), func.max(Entry.booked_on)).where(Entry.statement_id.in_(statement_ids))
    first, last = session.execute(about).one()  # both None where they have no line: then no day is between
    of_days = _of(account_id).where(Entry.booked_on.between(first, last), _NAMES)
    telling = aliased(Entry)
    unused = ~exists().where(telling.told_by_id == Entry.id)
    heard = session.scalars(of_days.where(Statement.posting == "advice", unused)).all()
    lines: list[Entry] = []
    for some in rows.among(session, Entry.amount_cents, {one.amount_cents for one in heard}):
        booked = of_days.where(some, Statement.posting.in_(("posted", "parked")))
        lines += session.scalars(booked.where(Entry.told_by_id.is_(None), Entry.by_hand.is_(False)))
    if not lines:
        return []
    words = _words(session, [*lines, *heard])
    pairs = advices.complete(
        (_told(one, words=words[one.id]) for one in lines), (_told(one, words=words[one.id]) for one in heard)
    )
    if pairs:
        session.execute(update(Entry), [{"id": line_id, "told_by_id": advice_id} for line_id, advice_id in pairs.items()])
    return [
        _told_later(line, ", ".join(reasons))
        for line in lines
        if line.open_cents == 0 and line.id in pairs and (reasons := _news(words[line.id], words[pairs[line.id]]))
    ]


def _news(line: Sequence[Words], advice: Sequence[Words]) -> list[str]:
    """The reasons that only the advice gives."""
    pairs = advices.same(line, advice) or {}
    told = ((line[place].return_reason, advice[other].return_reason) for place, other in pairs.items())
    return sorted({reason for known, reason in told if known is None and reason is not None})


def _told_later(line: Entry, reasons: str) -> BreakRow:
    what = f"the line of {line.booked_on} was explained before its advice came, which says why the debit came back: {reasons}"
    return "TOLD_LATER", f"entry:{line.id}", what, "see 'bridge explain' for the reason, and whether the mandate must be paused"


def tell(session: Session, account_id: int) -> int:
    """Pair the account's open lines that name nobody with what its advices say of them; returns how many were told.

    A line that a person has in hand is left alone.
    """
    booked = _of(account_id).where(Statement.posting.in_(("posted", "parked")))
    waiting = booked.where(Entry.open_cents != 0, Entry.by_hand.is_(False), Entry.told_by_id.is_(None), ~_NAMES)
    nameless = {line.id: line for line in session.scalars(waiting)}
    if not nameless:
        return 0
    days = sorted({line.booked_on for line in nameless.values()})
    saying = _of(account_id).where(Statement.posting == "advice", _NAMES)
    lines: list[Entry] = []
    heard: list[Entry] = []
    for some in rows.among(session, Entry.amount_cents, [line.amount_cents for line in nameless.values()]):
        of_days = Entry.booked_on.between(days[0], days[-1])
        lines += session.scalars(booked.where(some, of_days))
        heard += session.scalars(saying.where(some, of_days))
    content = _content(session, heard)
    pairs = advices.pair(
        (replace(_told(line), waits=line.id in nameless) for line in lines), (_told(one, content[one.id]) for one in heard)
    )
    if pairs:
        session.execute(update(Entry), [{"id": line_id, "told_by_id": advice_id} for line_id, advice_id in pairs.items()])
    return len(pairs)


def _of(account_id: int) -> Select[Entry]:
    lines = select(Entry).join(Statement, Statement.id == Entry.statement_id)
    return lines.where(Statement.account_id == account_id).order_by(Entry.id)


def _told(entry: Entry, content: Content = (), words: tuple[Words, ...] = ()) -> Told:
    named = None if entry.bank_ref in NO_REFERENCE else entry.bank_ref
    batch = (entry.batch_message_id, entry.batch_pmt_inf_id)
    return Told(entry.id, entry.amount_cents, entry.booked_on, named, *batch, content, entry.told_by_id, words=words)


def _words(session: Session, entries: Sequence[Entry]) -> dict[int, tuple[Words, ...]]:
    """What the details of these entries say, in order."""
    found: dict[int, list[Words]] = defaultdict(list)
    said = (Detail.end_to_end_id, Detail.mandate_id, Detail.amount_cents, Detail.original_cents, Detail.return_reason)
    for some in rows.among(session, Detail.entry_id, [entry.id for entry in entries]):
        listed = select(Detail.entry_id, *said).where(some).order_by(Detail.entry_id, Detail.ordinal)
        for entry_id, name, mandate, amount, original, reason in session.execute(listed):
            found[entry_id].append(Words(name, mandate, amount, original, reason))
    return {entry_id: tuple(words) for entry_id, words in found.items()}


def _content(session: Session, entries: Sequence[Entry]) -> dict[int, Content]:
    """What the details of these entries say, in any order: two advices of one movement may list its parts differently."""
    found: dict[int, list[tuple[object, ...]]] = defaultdict(list)
    said = (
        Detail.end_to_end_id,
        Detail.mandate_id,
        Detail.amount_cents,
        Detail.original_cents,
        Detail.return_reason,
        Detail.is_return,
    )
    for some in rows.among(session, Detail.entry_id, [entry.id for entry in entries]):
        for entry_id, *words in session.execute(select(Detail.entry_id, *said).where(some)):
            found[entry_id].append(tuple(words))
    return {entry_id: tuple(sorted(words, key=repr)) for entry_id, words in found.items()}
