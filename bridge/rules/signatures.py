"""Whose signature under a file counts, and whose word where two people are needed. Pure.

One rule for approve, for export and for the check of what left. Source: ARCHITECTURE.md, "People and their data": two different
named people sign the same hash; a machine counts as nobody, and neither who made the file what it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bridge.rules.people import is_machine, person

#: [collection] approval -> how many people sign
SIGNATURES = {"four-eyes": 2, "single": 1, "none": 0}
#: how many people a thing needs that one person may not do
AGREE = 2


@dataclass(frozen=True, slots=True)
class Standing:
    """What the users table says of a name. The default is somebody in a rehearsal, who is no user and counts as anybody."""

    machine: bool = False
    disabled: bool = False
    prepares: bool = True  # may be the first of two
    decides: bool = True  # may sign, and be the second of two


@dataclass(frozen=True, slots=True)
class Hands:
    """Who made a file what it is: who cut it, who last edited a mandate in it, who let a member past a limit."""

    cut_by: str
    edited_by: tuple[str, ...] = ()
    released_by: tuple[str, ...] = ()


def why_not(actor: str, hands: Hands, standing: Mapping[str, Standing], *, needed: int) -> str:
    """Why this person is not one of the ``needed`` who sign, to follow his name; "" where he is.

    ``standing`` is by the name as it counts. Where one signature is enough, it may be of who made the file.
    """
    name, his = person(actor), standing.get(person(actor), Standing())
    if is_machine(actor) or his.machine:
        return "is a machine and counts as nobody"
    if his.disabled:
        return "was disabled and does not act any more"
    if not his.decides:
        return "has not the role that signs (approver)"
    if needed > 1:
        if name == person(hands.cut_by):
            return "cut the file and cannot be one of the two who approve it"
        if name in map(person, hands.edited_by):
            return "was the last to edit a mandate in it and cannot be one of the two who approve it"
        if name in map(person, hands.released_by):
            return "released a debit in it and cannot be one of the two who approve it"
    return ""


def counting(signed: Iterable[str], hands: Hands, standing: Mapping[str, Standing], *, needed: int) -> tuple[str, ...]:
    """Of those who signed, in that order, the different people whose signature counts."""
    found: dict[str, str] = {}
    for actor in signed:
        if not why_not(actor, hands, standing, needed=needed):
            found.setdefault(person(actor), actor)
    return tuple(found.values())


def missing_words(given: Sequence[str], standing: Mapping[str, Standing]) -> tuple[int, str]:
    """How many more must agree before a thing happens that needs two, and who: two different people, one of whom decides."""
    known = {name: standing.get(name, Standing()) for name in map(person, given) if not is_machine(name)}
    counted = [one for one in known.values() if one.prepares and not one.machine and not one.disabled]
    deciding = any(one.decides for one in counted)
    missing = max(AGREE - len(counted), 0 if deciding else 1)
    return missing, "" if not missing else "another person" if deciding else "an approver"
