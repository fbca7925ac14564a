"""Finds for booked lines that name nobody the advice (camt.052, camt.054) that does, whichever of the two came first.

The line then counts as saying what its advice says; the advice itself is never booked. Decided by ``rules.advices``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Select, exists, or_, select, update
from sqlalchemy.orm import Session

from bridge import rows
from bridge.intake.sameness import NO_REFERENCE
from bridge.model import Detail, Entry, Statement
from bridge.rules import advices
from bridge.rules.advices import Content, Told

KINDS = ("camt.052", "camt.054")
_NAMES = exists().where(Detail.entry_id == Entry.id, or_(Detail.end_to_end_id.is_not(None), Detail.mandate_id.is_not(None)))


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


def _told(entry: Entry, content: Content = ()) -> Told:
    named = None if entry.bank_ref in NO_REFERENCE else entry.bank_ref
    batch = (entry.batch_message_id, entry.batch_pmt_inf_id)
    return Told(entry.id, entry.amount_cents, entry.booked_on, named, *batch, content=content, told_by=entry.told_by_id)


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
