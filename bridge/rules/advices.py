"""Which advice tells what a booked line is about. Pure: facts in, pairs out.

A camt.052 or camt.054 is an advice: it says in detail what the statement (camt.053) books, often as one line that names nobody.
It never moves money. The same movement may be told by several advices; they must then say the same. Exactly one line and one
telling, or nobody pairs them: two lines that look alike stay open and go before a person.

A line that names somebody may leave out why a debit came back, what it cost, who asked for it. The advice of the same movement,
which says all that the line says and contradicts none of it, completes it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import date
from typing import Any

Content = tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class Words:
    """What a detail says of the debit it is about; None where it leaves it out."""

    end_to_end_id: str | None
    mandate_id: str | None
    amount_cents: int | None
    original_cents: int | None
    return_reason: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """A booked line, or an advice of one; ids are row ids.

    ``waits``: the line is open and names nobody; another one needs no advice, but an advice may be about it. ``bank_ref``,
    ``message_id`` and ``pmt_inf_id`` are None where the bank gives none. ``content`` is what the details of an advice say, empty
    for a line; ``words`` are those of its details, in order, of a line that names somebody too. ``told_by`` is the advice that a
    line has already.
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
    words: tuple[Words, ...] = ()


def pair(lines: Iterable[Told], advices: Iterable[Told]) -> dict[int, int]:
    """Line -> advice, for the lines that wait for one. Amount, day and every name that both give must agree."""
    known = {advice.id: advice for advice in advices}
    of_day = _by_day(known.values())
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


def complete(lines: Iterable[Told], advices: Iterable[Told]) -> dict[int, int]:
    """Line -> advice, for lines that name somebody. Of several that tell the same movement, the one that says the most.

    They must not contradict each other, and no other line may be meant.
    """
    of_day = _by_day(advices)
    wanted: dict[int, list[int]] = defaultdict(list)
    for line in lines:
        near = [one for one in of_day[(line.amount_cents, line.booked_on)] if _agree(line, one)]
        fitting = _nearest(line, [one for one in near if same(line.words, one.words) is not None])
        fullest = max(fitting, key=lambda one: (_said(one), -one.id), default=None)
        if fullest is not None and all(same(one.words, fullest.words) is not None for one in fitting):
            wanted[fullest.id].append(line.id)
    return {lines[0]: advice for advice, lines in wanted.items() if len(lines) == 1}


def same(line: Sequence[Words], advice: Sequence[Words]) -> dict[int, int] | None:
    """Place in the line -> place in the advice, where both list the same debits; None where they do not.

    Two details are the same where they share a name, and what both say is the same. Each finds exactly one.
    """
    if len(line) != len(advice):
        return None
    by_name: dict[tuple[int, str], set[int]] = defaultdict(set)
    for place, words in enumerate(advice):
        for name in _names(words):
            by_name[name].add(place)
    found: dict[int, int] = {}
    for place, words in enumerate(line):
        sharing = set().union(*(by_name[name] for name in _names(words)))
        alike = [other for other in sharing if _agreeing(words, advice[other])]
        if len(alike) != 1:
            return None
        found[place] = alike[0]
    return found if len(set(found.values())) == len(advice) else None


def _names(words: Words) -> list[tuple[int, str]]:
    """Whom it is about, regardless of case: banks change it."""
    return [(which, name.upper()) for which, name in enumerate((words.end_to_end_id, words.mandate_id)) if name]


def _agreeing(one: Words, other: Words) -> bool:
    """Whether what both say is the same."""
    names, others = dict(_names(one)), dict(_names(other))
    amounts = ((one.amount_cents, other.amount_cents), (one.original_cents, other.original_cents))
    return (
        all(names[which] == others[which] for which in names.keys() & others.keys())
        and all(mine is None or theirs is None or mine == theirs for mine, theirs in amounts)
        and (one.return_reason is None or other.return_reason is None or one.return_reason == other.return_reason)
    )


def _said(advice: Told) -> int:
    """How many words it says."""
    return sum(word is not None for words in advice.words for word in astuple(words))


def _by_day(advices: Iterable[Told]) -> dict[tuple[int, date], list[Told]]:
    of_day: dict[tuple[int, date], list[Told]] = defaultdict(list)
    for advice in advices:
        of_day[(advice.amount_cents, advice.booked_on)].append(advice)
    return of_day


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
