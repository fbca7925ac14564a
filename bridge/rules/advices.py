"""Which advice tells what a booked line is about. Pure: facts in, pairs out.

A camt.052 or camt.054 is an advice: it says in detail what the statement (camt.053) books, often as one line that names nobody.
It never moves money. The same movement may be told by several advices; they must then say the same. Exactly one line and one
telling, or nobody pairs them: two lines that look alike stay open and go before a person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

Content = tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A booked line, or an advice of one; ids are row ids.

    ``waits``: the line is open and names nobody; another one needs no advice, but an advice may be about it. ``bank_ref``,
    ``message_id`` and ``pmt_inf_id`` are None where the bank gives none. ``content`` is what the details of an advice say, empty
    for a line. ``told_by`` is the advice that a line has already.
    """

    id: int
    amount_cents: int
    booked_on: date
    bank_ref: str | None
    message_id: str | None
    pmt_inf_id: str | None
    content: Content = ()
    told_by: int | None = None
    waits: bool = True


def pair(lines: Iterable[Told], advices: Iterable[Told]) -> dict[int, int]:
    """Line -> advice, for the lines that wait for one. Amount, day and every name that both give must agree."""
    known = {advice.id: advice for advice in advices}
    of_day: dict[tuple[int, date], list[Told]] = defaultdict(list)
    for advice in known.values():
        of_day[(advice.amount_cents, advice.booked_on)].append(advice)
    every = list(lines)
    spent = {known[line.told_by].content for line in every if line.told_by in known}
    wanted: dict[Content, list[tuple[int, int]]] = defaultdict(list)
    about_others: set[Content] = set()
    for line in (one for one in every if one.told_by is None):
        fitting = [advice for advice in of_day[(line.amount_cents, line.booked_on)] if _agree(line, advice)]
        nearest = _nearest(line, [advice for advice in fitting if advice.content not in spent])
        told = {advice.content for advice in nearest}
        if not line.waits:
            about_others |= told
        elif len(told) == 1:
            wanted[nearest[0].content].append((line.id, min(advice.id for advice in nearest)))
    return dict(pairs[0] for content, pairs in wanted.items() if len(pairs) == 1 and content not in about_others)


def _agree(line: Told, advice: Told) -> bool:
    names = (
        (line.bank_ref, advice.bank_ref),
        (line.message_id, advice.message_id),
        (line.pmt_inf_id, advice.pmt_inf_id),
    )
    return all(one is None or other is None or one == other for one, other in names)


def _nearest(line: Told, fitting: list[Told]) -> list[Told]:
    """Those that share a name with the line, where any does; a name that both give says more than amount and day."""
    sharing = [one for one in fitting if line.bank_ref is not None and one.bank_ref == line.bank_ref]
    sharing = sharing or [one for one in fitting if line.pmt_inf_id is not None and one.pmt_inf_id == line.pmt_inf_id]
    return sharing or fitting
