"""A file is discarded, and what becomes of the collections that this sets free.

Most wait for the next cut. One that stands in a file which is at the bank joins that file; one of which less than the whole
amount is open, or for which the bank booked something already, is cancelled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from bridge.books import Recorder
from bridge.custody import at_the_bank, discards, files, fitness
from bridge.custody.files import AT_THE_BANK
from bridge.model import Batch, Collection, Match
from bridge.runtime import Runtime


def discard(session: Session, runtime: Runtime, batch: Batch, *, actor: str, evidence: str, reason: str) -> int:
    """Give a file up; returns how many collections wait for the next cut. Raises IllegalMove for one that is at the bank."""
    freed = discards.give_up(session, runtime, batch, actor=actor, evidence=evidence, reason=reason)
    by = Recorder(actor, runtime.clock())
    gone = _join(session, runtime, freed, by)
    gone |= discards.cancel_paid(session, runtime, [c for c in freed if c.id not in gone], by)
    return len(freed) - len(gone)


def judge_again(session: Session, runtime: Runtime, batch: Batch, *, actor: str) -> str:
    """ "" where a file that was never exported may leave; otherwise it is discarded by rule, and the answer says why.

    Its approvals go with it, its collections are free, and the next cut leaves out what may not go.
    """
    why = fitness.unfit(session, runtime, batch)
    if not why:
        return ""
    discard(session, runtime, batch, actor=actor, evidence="rule", reason=why)
    return f"{batch.message_id} may not leave: {why}; it is discarded, and the next run cuts a new one without what may not go"


def _join(session: Session, runtime: Runtime, freed: Sequence[Collection], by: Recorder) -> set[int]:
    """Those of which another file is at the bank: they are there, or were, where the bank booked something for them."""
    there: dict[int, Batch] = {}
    for collection_id, batches in files.files_of(session, [c.id for c in freed]).items():
        at_bank = [batch for batch in batches if batch.state in AT_THE_BANK]
        if at_bank:
            there[collection_id] = at_bank[-1]
    back = [c for c in freed if c.id in there]
    booked = _with_matches(session, [c.id for c in back])
    discards.cancel(session, runtime, [c for c in back if c.id in booked], by, "the bank booked it from another file")
    groups: dict[int, list[Collection]] = defaultdict(list)
    for collection in back:
        if collection.id not in booked:
            groups[there[collection.id].id].append(collection)
    for batch_id, some in groups.items():
        at_the_bank.join(session, runtime, session.get_one(Batch, batch_id), some, by)
    return set(there)


def _with_matches(session: Session, collection_ids: Sequence[int]) -> set[int]:
    """Of these, the ones for which the bank booked something that nobody took back."""
    taker = aliased(Match)
    stands = Match.undoes_id.is_(None) & ~select(taker.id).where(taker.undoes_id == Match.id).exists()
    return {
        found
        for some in files.slices(collection_ids)
        for found in session.scalars(select(Match.collection_id).where(Match.collection_id.in_(some), stands))
        if found is not None
    }
