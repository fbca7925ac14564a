"""How each debit is marked: OOFF, RCUR, or FRST where the bank still wants the first debit of a mandate to say so.

A first debit that was rejected, or came back before it was credited, stays first; two firsts of one mandate are never under way,
and while one is, no other debit of the mandate goes out: it would be RCUR before its FRST (EPC016-06; banks answer it with AG02).
"""

from __future__ import annotations

from collections.abc import Sequence

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
    if profile.first_sequence != "FRST":
        return {one.id: eligibility.sequence(mandates[one.mandate_id].kind) for one in going}
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
        found[one.id] = "FRST" if first else eligibility.sequence(mandate.kind)
    return found


def _mandates(session: Session, going: Sequence[Collection]) -> list[Mandate]:
    found: list[Mandate] = []
    for some in rows.among(session, Mandate.id, [one.mandate_id for one in going]):
        found += session.scalars(select(Mandate).where(some))
    return found


def _known(session: Session, mandate_ids: Sequence[int], states: Sequence[str]) -> set[int]:
    """Which of these mandates have a collection in one of these states."""
    found: set[int] = set()
    for some in rows.among(session, Collection.mandate_id, mandate_ids):
        found |= set(session.scalars(select(Collection.mandate_id).where(some, Collection.state.in_(states)).distinct()))
    return found
