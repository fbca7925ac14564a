"""What the bank names, it has: a file that nobody marked as uploaded is proven by the bank's own answer, and moves as a whole.

This comes first in every round, so that the news itself finds its debits at the bank.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import books, custody
from bridge.books import Recorder
from bridge.custody import Evidence, Word
from bridge.model import Batch, Break, Move
from bridge.runtime import Runtime


def prove_all(runtime: Runtime, actor: str) -> Counter[str]:
    """Prove every file that the bank names, one unit of work each; then say what cannot be told apart."""
    counts: Counter[str] = Counter()
    while named := runtime.work(lambda session: custody.by_the_bank(session).files):
        for batch_id, evidence in sorted(named.items()):
            counts += runtime.work(partial(_prove, runtime=runtime, batch_id=batch_id, evidence=evidence, actor=actor))
    counts["breaks"] += runtime.work(lambda session: _say_unclear(session, runtime, actor))
    return counts


def _prove(session: Session, runtime: Runtime, batch_id: int, evidence: Evidence, actor: str) -> Counter[str]:
    batch = session.get_one(Batch, batch_id)
    was = batch.state
    word = Word("proven", evidence.what, max(evidence.on, _exported_on(session, batch)), "the bank names it")
    if not custody.submit(session, runtime, batch, word, actor=actor):
        return Counter()
    runtime.fault("prove: before commit")
    discarded = ", and people had discarded it as not uploaded" if was == "discarded" else ""
    what = f"the bank answers about {batch.message_id}, which nobody marked as uploaded{discarded}"
    then = f"say that it was: bridge batch mark-uploaded {batch.message_id}"
    found = ("UPLOAD_NOT_CONFIRMED", f"batch:{batch.message_id}", what, then)
    opened = books.open_breaks(session, [found], Recorder(actor, runtime.clock()), runtime.today())
    return Counter(proven=1, moves=1, breaks=opened)


def _exported_on(session: Session, batch: Batch) -> date:
    """The first day on which it can have been at the bank."""
    left = select(Move.booked_on).where(Move.noun == "batch", Move.noun_id == batch.id, Move.news.in_(("exported", "relearned")))
    return session.scalars(left.order_by(Move.version).limit(1)).one()


def _say_unclear(session: Session, runtime: Runtime, actor: str) -> int:
    """A Break on the invoice of each debit that the bank names alone while it stands in several files that left."""
    by = Recorder(actor, runtime.clock())
    unclear = custody.by_the_bank(session).unclear
    rows = [
        (
            custody.UNCLEAR,
            f"invoice:{invoice_id}",
            f"the bank has {name}, which stands in several files, and nobody said which one was uploaded",
            "see in the portal which one it was: bridge batch mark-uploaded",
        )
        for invoice_id, name in unclear.items()
    ]
    known = select(Break.subject).where(Break.kind == custody.UNCLEAR, Break.closed_at.is_(None))
    over = {subject for subject in session.scalars(known) if subject.startswith("invoice:")} - {row[1] for row in rows}
    books.close_breaks(session, over, by, "it is clear now", kinds=[custody.UNCLEAR])
    return books.open_breaks(session, rows, by, runtime.today())
