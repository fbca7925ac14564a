"""How each debit is marked: OOFF, RCUR, FNAL on request, or FRST where the bank still wants a first debit to say so.

A first debit that was rejected, or came back before it was credited, stays first; two firsts of one mandate are never under way,
and while one is, no other debit of the mandate goes out: it would be RCUR before its FRST (EPC016-06; banks answer it with AG02).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import rows
from bridge.model import Collection, Mandate
from bridge.records.profile import BankProfile
from bridge.rules import eligibility

CREDITED = ("settled", "returned", "reversed")
UNDER_WAY = ("batched", "submitted", "accepted")


def sequences(session: Session, going: Sequence[Collection], profile: BankProfile) -> dict[int, str]:
    """The sequence of each of these collections, by its id, in the order given; one that must wait for a first is left out."""
    mandates = {mandate.id: mandate for mandate in _mandates(session, going)}
    recurrent = [mandate.id for mandate in mandates.values() if mandate.kind == "recurrent"]
    marked = {one.id: eligibility.sequence(mandates[one.mandate_id].kind) for one in going}
    if profile.first_sequence == "FRST":
        marked = _with_firsts(session, going, mandates, recurrent, marked)
    return _with_finals(session, going, mandates, marked)


def _with_finals(
    session: Session, going: Sequence[Collection], mandates: Mapping[int, Mandate], marked: dict[int, str]
) -> dict[int, str]:
    """The last debit of a mandate that ends on request says FNAL. It goes alone, and while it is under way nothing else goes."""
    ending = [mandate.id for mandate in mandates.values() if mandate.final_wanted and mandate.kind == "recurrent"]
    if not ending:
        return marked
    over = _known(session, ending, UNDER_WAY, sequence="FNAL")
    left = Counter(one.mandate_id for one in going if one.id in marked)
    found: dict[int, str] = {}
    gone: set[int] = set()
    for one in going:
        if one.id not in marked or one.mandate_id in over:
            continue
        left[one.mandate_id] -= 1
        last = one.mandate_id in ending and left[one.mandate_id] == 0
        if last and one.mandate_id in gone:
            continue  # the others go first
        found[one.id] = "FNAL" if last and marked[one.id] == "RCUR" else marked[one.id]
        gone.add(one.mandate_id)
    return found


def _with_firsts(
    session: Session,
    going: Sequence[Collection],
    mandates: Mapping[int, Mandate],
    recurrent: Sequence[int],
    marked: Mapping[int, str],
) -> dict[int, str]:
    credited, busy = _known(session, recurrent, CREDITED), _known(session, recurrent, UNDER_WAY)
    credited |= {mandate.id for mandate in mandates.values() if mandate.last_presented_on is not None}  # before it came to us
    found: dict[int, str] = {}
    for one in going:
        mandate = mandates[one.mandate_id]
        first = mandate.kind == "recurrent" and mandate.id not in credited
        if first and mandate.id in busy:
            continue
        if first:
            busy.add(mandate.id)
        found[one.id] = "FRST" if first else marked[one.id]
    return found


def _mandates(session: Session, going: Sequence[Collection]) -> list[Mandate]:
    found: list[Mandate] = []
    for some in rows.among(session, Mandate.id, [one.mandate_id for one in going]):
        found += session.scalars(select(Mandate).where(some))
    return found


def _known(session: Session, mandate_ids: Sequence[int], states: Sequence[str], *, sequence: str | None = None) -> set[int]:
    """Which of these mandates have a collection in one of these states (and of this sequence)."""
    found: set[int] = set()
    for some in rows.among(session, Collection.mandate_id, mandate_ids):
        wanted = select(Collection.mandate_id).where(some, Collection.state.in_(states)).distinct()
        found |= set(session.scalars(wanted.where(Collection.sequence == sequence) if sequence else wanted))
    return found
