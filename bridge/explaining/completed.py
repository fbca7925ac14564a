"""What the details of a line say, completed by the advice that tells of it: what the line leaves out, the advice fills in.

A line that names nobody says what its advice says. One that names somebody keeps every word of its own; see rules.advices.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import rows
from bridge.model import Detail, Entry
from bridge.rules import advices


@dataclass(frozen=True, slots=True)
class Completed:
    """One detail of a line. ``row`` is the one that explains it, ``more`` the advice's words about the same, if any.

    Amounts are signed as in the rows; a field is the line's own, and the advice's where the line leaves it out.
    """

    row: Detail
    more: Detail | None
    end_to_end_id: str | None
    mandate_id: str | None
    amount_cents: int | None
    original_cents: int | None
    return_reason: str | None
    is_return: bool
    charges_cents: int
    interchange_cents: int

    @property
    def rows(self) -> tuple[Detail, ...]:
        return (self.row,) if self.more is None else (self.row, self.more)


def of_lines(session: Session, entries: Sequence[Entry]) -> dict[int, list[Completed]]:
    """The details of these lines, by the line's id, in the order in which the bank lists them."""
    own = {entry.id: entry for entry in entries}
    told = {entry.told_by_id for entry in entries if entry.told_by_id is not None}
    listed: dict[int, list[Detail]] = defaultdict(list)
    for (row,) in rows.sought(session, select(Detail).order_by(Detail.entry_id, Detail.ordinal), Detail.entry_id, {*own, *told}):
        listed[row.entry_id].append(row)
    return {entry.id: _of_line(listed, entry) for entry in entries if listed[entry.id] or listed[entry.told_by_id or 0]}


def _of_line(listed: Mapping[int, Sequence[Detail]], entry: Entry) -> list[Completed]:
    own, told = listed[entry.id], listed[entry.told_by_id] if entry.told_by_id is not None else []
    if told and not any(row.end_to_end_id or row.mandate_id for row in own):
        return [_completed(row, None) for row in told]
    pairs = (advices.same([words(row) for row in own], [words(row) for row in told]) or {}) if told else {}
    return [_completed(row, told[pairs[place]] if place in pairs else None) for place, row in enumerate(own)]


def words(row: Detail) -> advices.Words:
    """What a rule compares of a detail."""
    return advices.Words(row.end_to_end_id, row.mandate_id, row.amount_cents, row.original_cents, row.return_reason)


def _completed(row: Detail, more: Detail | None) -> Completed:
    named = row if more is None or row.end_to_end_id or not more.end_to_end_id else more  # a match is about what names the debit
    other = more if named is row else row
    fills = other if other is not None else named
    charged = named if named.charges_cents else fills
    return Completed(
        row=named,
        more=other,
        end_to_end_id=named.end_to_end_id or fills.end_to_end_id,
        mandate_id=named.mandate_id or fills.mandate_id,
        amount_cents=named.amount_cents if named.amount_cents is not None else fills.amount_cents,
        original_cents=named.original_cents if named.original_cents is not None else fills.original_cents,
        return_reason=named.return_reason or fills.return_reason,
        is_return=named.is_return or fills.is_return,
        charges_cents=charged.charges_cents,
        interchange_cents=charged.interchange_cents,
    )
