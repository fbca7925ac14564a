"""Files for the bank: what was signed, who stands in them, and what their sealed bytes say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from sqlalchemy import func, select

from bridge import archive
from bridge.formats import pain008
from bridge.model import Approval, Batch, Block, Collection, Creditor, Document, Member, Move
from bridge.reports.checks import Reading

SIGNATURES = {"four-eyes": 2, "single": 1, "none": 0}
BY_RULE = "config: approval = none"
DONE = ("booked", "discarded")


def signatures(now: Reading) -> Iterator[str]:
    """A file that left carries the signatures its last approval names, under its own hash.

    What the creditor's rule asks for now is asked of files that are not booked yet: a rule that became stricter says nothing
    about files that are done.
    """
    signed: dict[tuple[int, str], list[str]] = defaultdict(list)
    for batch_id, digest, actor in now.session.execute(
        select(Approval.batch_id, Approval.sha256, Approval.actor).order_by(Approval.id)
    ):
        signed[(batch_id, digest)].append(actor)
    approved = select(Move.noun_id, Move.evidence, Move.reason).where(Move.noun == "batch", Move.news == "approved")
    last = {batch_id: (cause, words) for batch_id, cause, words in now.session.execute(approved.order_by(Move.version))}
    left = (
        select(Batch.id, Batch.message_id, Batch.sha256, Batch.created_by, Batch.state, Creditor.creditor_id)
        .join(Creditor, Creditor.id == Batch.creditor_id)
        .where(Batch.manifest_no.is_not(None))
        .order_by(Batch.id)
    )
    for batch_id, name, digest, cutter, state, creditor_id in now.session.execute(left):
        actors = signed[(batch_id, digest)]
        cause, words = last.get(batch_id, ("", ""))
        if cause != BY_RULE and words not in _sentences(actors):
            yield f"{name} left, but not with the signatures that its approval names"
        needed = SIGNATURES[now.runtime.settings.rules_for(creditor_id).approval]
        people = {_person(actor) for actor in actors} - ({_person(cutter)} if needed > 1 else set())
        if state not in DONE and len(people) < needed:
            yield f"{name} left with {len(people)} of the {needed} signatures that its creditor's rule asks for"


def _sentences(actors: list[str]) -> set[str]:
    """What an approval may say: a signature given by who edited a mandate of the file is left out of it."""
    some = (names for n in range(1, len(actors) + 1) for names in combinations(actors, n))
    return {f"signed by {', '.join(names)}" for names in some}


def _person(actor: str) -> str:
    return actor.strip().casefold()


def members(now: Reading) -> Iterator[str]:
    """Count and sum of each block and file are those of the collections that stand in it."""
    inside = (
        select(Member.block_id, func.count().label("n"), func.sum(Collection.amount_cents).label("cents"))
        .join(Collection, Collection.id == Member.collection_id)
        .group_by(Member.block_id)
        .subquery()
    )
    files: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for batch_id, name, count, cents, found, found_cents in now.session.execute(
        select(
            Block.batch_id, Block.pmt_inf_id, Block.collections, Block.control_sum_cents, inside.c.n, inside.c.cents
        ).outerjoin(inside, inside.c.block_id == Block.id)
    ):
        held = (int(found or 0), int(found_cents or 0))
        files[batch_id] = [files[batch_id][0] + held[0], files[batch_id][1] + held[1]]
        if (count, cents) != held:
            yield f"block {name} states {count} debits of {cents} cents; {held[0]} of {held[1]} stand in it"
    for batch_id, name, count, cents in now.session.execute(
        select(Batch.id, Batch.message_id, Batch.collections, Batch.control_sum_cents).order_by(Batch.id)
    ):
        if [count, cents] != files[batch_id]:
            yield f"{name} states {count} debits of {cents} cents; {files[batch_id][0]} of {files[batch_id][1]} stand in it"


def sealed(now: Reading) -> Iterator[str]:
    """The sealed bytes hold the debits that stand in the file by the rows, in the same blocks and to the cent."""
    rows: dict[int, list[str]] = defaultdict(list)
    for batch_id, name in now.session.execute(
        select(Block.batch_id, Collection.end_to_end_id)
        .join(Member, Member.block_id == Block.id)
        .join(Collection, Collection.id == Member.collection_id)
        .order_by(Block.id, Member.ordinal)
    ):
        rows[batch_id].append(name)
    blocks: dict[int, list[tuple[str, int, int]]] = defaultdict(list)
    for batch_id, name, count, cents in now.session.execute(
        select(Block.batch_id, Block.pmt_inf_id, Block.collections, Block.control_sum_cents).order_by(Block.id)
    ):
        blocks[batch_id].append((name, count, cents))
    files = select(Batch.id, Batch.message_id, Document).join(Document, Document.id == Batch.document_id).order_by(Batch.id)
    for batch_id, name, document in now.session.execute(files):
        facts = pain008.count(archive.stream(now.session, now.runtime.keys, document))
        if facts.message_id != name or list(facts.end_to_end_ids) != rows[batch_id]:
            yield f"{name}: its sealed bytes hold other debits than the rows"
        if [(one.pmt_inf_id, one.counted, one.counted_sum_cents) for one in facts.blocks] != blocks[batch_id]:
            yield f"{name}: the blocks of its sealed bytes hold other counts or sums than the rows"
