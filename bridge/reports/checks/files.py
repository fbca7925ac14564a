"""Files for the bank: what was signed, who stands in them, and what their sealed bytes say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import combinations

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import aliased

from bridge import archive
from bridge.formats import pain008
from bridge.model import Approval, Batch, Block, Break, Collection, Creditor, Document, Member, Move, User
from bridge.reports.checks import Reading
from bridge.rules.people import person
from bridge.rules.signatures import SIGNATURES, Hands, Standing, counting

BY_RULE = "config: approval = none"
DONE = ("booked", "discarded")
TWICE = ("FILE_FROZEN", "DEBIT_TWICE")
UNDER_WAY = ("batched", "submitted", "accepted")


def signatures(now: Reading) -> Iterator[str]:
    """A file that left carries the signatures that its export names, under its own hash, of people who counted then.

    What the creditor's rule asks for now is asked of files that are not booked yet: a rule that became stricter says nothing
    about files that are done; neither does what becomes of a signer later.
    """
    signed: dict[tuple[int, str], list[str]] = defaultdict(list)
    for batch_id, digest, actor in now.session.execute(
        select(Approval.batch_id, Approval.sha256, Approval.actor).order_by(Approval.id)
    ):
        signed[(batch_id, digest)].append(actor)
    approvals = {batch_id: move for batch_id, move in _moves(now, "approved")}
    exports = {batch_id: move for batch_id, move in _moves(now, "exported")}
    relearned = {
        batch_id for batch_id, _ in _moves(now, "relearned")
    }  # known from the manifest; who signed, an older backup lost
    edited, released = _edited_before_export(now), _released_before_export(now)
    left = (
        select(Batch.id, Batch.message_id, Batch.sha256, Batch.created_by, Batch.state, Creditor.creditor_id)
        .join(Creditor, Creditor.id == Batch.creditor_id)
        .where(Batch.manifest_no.is_not(None))
        .order_by(Batch.id)
    )
    for batch_id, name, digest, cutter, state, creditor_id in now.session.execute(left):
        approval, export = approvals.get(batch_id), exports.get(batch_id)
        if export is None and batch_id in relearned:
            continue
        by_rule = approval is not None and approval.evidence == BY_RULE
        words = (export.reason if export else "") or (approval.reason if approval else "")
        named = _named(words, signed[(batch_id, digest)])
        if not by_rule and named is None:
            yield f"{name} left, but not with the signatures that its approval names"
        needed = SIGNATURES[now.runtime.settings.rules_for(creditor_id).approval]
        hands = Hands(cutter, tuple(edited[batch_id]), tuple(released[batch_id]))
        standing = _standing_at(now, named or (), export.recorded_at if export else None)
        people = counting(named or (), hands, standing, needed=needed)
        if state not in DONE and len(people) < needed:
            yield f"{name} left with {len(people)} of the {needed} signatures that its creditor's rule asks for"


def _moves(now: Reading, news: str) -> Iterator[tuple[int, Move]]:
    """(batch id, Move) of this news, each batch's last one last."""
    rows = now.session.scalars(select(Move).where(Move.noun == "batch", Move.news == news).order_by(Move.noun_id, Move.version))
    return ((move.noun_id, move) for move in rows)


def _named(words: str, actors: list[str]) -> tuple[str, ...] | None:
    """Those of the signers whom the sentence names; None where it names none of them, or others too."""
    some = (names for n in range(1, len(actors) + 1) for names in combinations(actors, n))
    return next((names for names in some if words == f"signed by {', '.join(names)}"), None)


def _edited_before_export(now: Reading) -> dict[int, list[str]]:
    """For each file who had last edited a mandate in it when it left."""
    export, edit = aliased(Move), aliased(Move)
    last = (
        select(Block.batch_id, func.max(edit.id).label("edit_id"))
        .join(Member, Member.block_id == Block.id)
        .join(Collection, Collection.id == Member.collection_id)
        .join(export, and_(export.noun == "batch", export.noun_id == Block.batch_id, export.news == "exported"))
        .join(edit, and_(edit.noun == "mandate", edit.noun_id == Collection.mandate_id, edit.id < export.id))
        .where(edit.evidence == "person")
        .group_by(Block.batch_id, Collection.mandate_id)
        .subquery()
    )
    return _by_batch(now, select(last.c.batch_id, Move.actor).join(Move, Move.id == last.c.edit_id).distinct())


def _released_before_export(now: Reading) -> dict[int, list[str]]:
    """For each file who had released a debit in it when it was cut."""
    cut = aliased(Move)
    released = (
        select(Block.batch_id, Move.actor)
        .join(Member, Member.block_id == Block.id)
        .join(cut, and_(cut.noun == "batch", cut.noun_id == Block.batch_id, cut.version == 1))
        .join(Move, and_(Move.noun == "collection", Move.noun_id == Member.collection_id, Move.id < cut.id))
        .where(Move.news == "released", Move.evidence == "person")
        .distinct()
    )
    return _by_batch(now, released)


def _by_batch(now: Reading, rows: Select[int, str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for batch_id, actor in now.session.execute(rows):
        found[batch_id].append(actor)
    return found


def _standing_at(now: Reading, names: Iterable[str], at: datetime | None) -> dict[str, Standing]:
    """What is still known of these users at that time: a machine was always one, and who was disabled when. Not their roles."""
    return {
        key: Standing(machine=now.users[key].role == "service", disabled=_disabled_at(now.users[key], at))
        for key in map(person, names)
        if key in now.users
    }


def _disabled_at(user: User, at: datetime | None) -> bool:
    return user.disabled_at is not None and at is not None and user.disabled_at < at


def one_file(now: Reading) -> Iterator[str]:
    """No EndToEndId stands in two files that were not discarded.

    Except where a discard was proven void by the bank, as long as a Break says so or its debit is over.
    """
    places: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for collection_id, batch_id, name in now.session.execute(
        select(Member.collection_id, Batch.id, Batch.message_id)
        .join(Block, Block.id == Member.block_id)
        .join(Batch, Batch.id == Block.batch_id)
        .where(Batch.state != "discarded", Member.collection_id.in_(_in_several_files()))
        .order_by(Batch.id)
    ):
        places[collection_id].append((batch_id, name))
    void = set(now.session.scalars(select(Move.noun_id).where(Move.noun == "batch", Move.from_state == "discarded")))
    broken = set(now.session.scalars(select(Break.subject).where(Break.kind.in_(TWICE), Break.closed_at.is_(None))))
    for collection_id, found in places.items():
        collection = now.session.get_one(Collection, collection_id)
        said = broken & {f"invoice:{collection.invoice_id}", *(f"batch:{name}" for _, name in found)}
        over = collection.state not in UNDER_WAY
        if not (void & {batch_id for batch_id, _ in found} and (said or over)):
            yield f"{collection.end_to_end_id} stands in {len(found)} files that were not discarded"


def _in_several_files() -> Select[int]:
    return (
        select(Member.collection_id)
        .join(Block, Block.id == Member.block_id)
        .join(Batch, Batch.id == Block.batch_id)
        .where(Batch.state != "discarded")
        .group_by(Member.collection_id)
        .having(func.count() > 1)
    )


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
    gone = archive.destroyed(now.session)
    for batch_id, name, document in now.session.execute(files):
        if archive.named(document) in gone:
            continue  # its hash and its rows are all that is left
        facts = pain008.count(archive.stream(now.session, now.runtime.keys, document))
        if facts.message_id != name or list(facts.end_to_end_ids) != rows[batch_id]:
            yield f"{name}: its sealed bytes hold other debits than the rows"
        if [(one.pmt_inf_id, one.counted, one.counted_sum_cents) for one in facts.blocks] != blocks[batch_id]:
            yield f"{name}: the blocks of its sealed bytes hold other counts or sums than the rows"
