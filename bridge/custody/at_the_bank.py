"""A file is at the bank: only then the ledger moves (Clearing / Receivable).

Somebody says so ("submitted"), or the bank does by naming it ("proven"); either way the whole file moves, also one that people
had discarded. A debit that stands in another file which left stays there, and that file is frozen: sent too, it would collect
twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import books
from bridge.books import BreakRow, PlannedMove, PlannedPosting, PlannedVoucher, Recorder, Unit
from bridge.custody import discards, files, fitness
from bridge.custody.files import AT_THE_BANK, NOT_LEFT
from bridge.model import Batch, Block, Break, Collection, Member, Posting, Voucher
from bridge.rules import lifecycle
from bridge.runtime import Runtime

BY_RULE = "rule"
UNCLEAR = "UPLOAD_UNCLEAR"
WAITING = ("pending", "held", "batched")
#: Breaks that ask whether a file is at the bank
ANSWERED = ("DO_NOT_UPLOAD", "NEVER_SENT", fitness.FROZEN)


@dataclass(frozen=True, slots=True)
class Word:
    """Who says that a file is at the bank: the news that it is, its evidence and date."""

    news: str  # "submitted" or "proven"
    evidence: str  # "person", "folder", "status_report:7", "entry:40"
    booked_on: date
    reason: str = ""


def submit(session: Session, runtime: Runtime, batch: Batch, word: Word, *, actor: str) -> bool:
    """Move a file to the bank, its members with it, in one voucher; False where it was there before. Raises IllegalMove."""
    if batch.state in AT_THE_BANK:
        return False
    state = lifecycle.step("batch", batch.message_id, batch.state, word.news)
    by = Recorder(actor, runtime.clock())
    _clear(session, batch, by)
    unfit = fitness.unfit_members(session, runtime, batch, files.members(session, batch))
    freed = _discard_successors(session, runtime, batch, actor)
    inside = files.members(session, batch)
    moving = [c for c in inside if c.state in WAITING and c.batch_id in (None, batch.id)]
    move = PlannedMove(
        "batch", batch.id, batch.version, word.news, batch.state, state, word.evidence, word.booked_on, word.reason
    )
    books.apply_all(session, [_unit(session, batch, moving, word, (move,))], by)
    discards.cancel_paid(session, runtime, [c for c in freed if c.id not in {one.id for one in moving}], by)
    cause = f"batch:{batch.message_id}"
    books.close_breaks(session, [cause], by, "it is at the bank", kinds=ANSWERED)
    books.open_breaks(session, _not_owed(inside, unfit, moving, batch), by, runtime.today())
    books.open_breaks(session, _elsewhere(inside, files.other_files(session, batch), batch), by, runtime.today())
    session.refresh(batch)
    return True


def join(session: Session, runtime: Runtime, batch: Batch, some: Sequence[Collection], by: Recorder) -> None:
    """Collections that stand in a file which is at the bank, and in no other any more, are there too."""
    word = Word("proven", BY_RULE, runtime.today())
    books.apply_all(session, [_unit(session, batch, some, word, _reopened(batch, runtime))], by)
    session.refresh(batch)


def undo(session: Session, runtime: Runtime, batch: Batch, *, actor: str, reason: str) -> int:
    """The file is not at the bank after all: batch and members move back, every voucher of its hand-over is reversed as a whole.

    Returns how many members moved. The caller has seen to it that nothing the bank said names the file.
    """
    today, cause = runtime.today(), f"batch:{batch.message_id}"
    state = lifecycle.step("batch", batch.message_id, batch.state, "handover_undone")
    move = PlannedMove("batch", batch.id, batch.version, "handover_undone", batch.state, state, "person", today, reason)
    inside = {c.id: c for c in files.members(session, batch) if c.batch_id == batch.id}
    units = []
    for voucher in _standing(session, batch):
        postings = _opposite(session, voucher)
        some = [inside[posting.credit_subject] for posting in postings]
        moves = tuple(_collection_move(c, "handover_undone", cause, today) for c in some)
        undone = PlannedVoucher(f"un{voucher.idem_key}", "submitted undone", cause, today, postings, voucher.id)
        units.append(Unit(moves=moves, voucher=undone))
    first = replace(units[0], moves=(move, *units[0].moves))
    books.apply_all(session, [first, *units[1:]], Recorder(actor, runtime.clock()))
    session.refresh(batch)
    return len(inside)


def _clear(session: Session, batch: Batch, by: Recorder) -> None:
    """It is clear now which file its members are in; where it is not, the next reconciliation says so again."""
    unclear = set(session.scalars(select(Break.subject).where(Break.kind == UNCLEAR, Break.closed_at.is_(None))))
    if unclear:
        subjects = unclear & {f"invoice:{c.invoice_id}" for c in files.members(session, batch)}
        books.close_breaks(session, subjects, by, f"{batch.message_id} is at the bank", kinds=[UNCLEAR])


def _discard_successors(session: Session, runtime: Runtime, batch: Batch, actor: str) -> list[Collection]:
    """A file that never left and holds one of these debits is given up by rule; returns all that it set free."""
    freed: list[Collection] = []
    found: dict[int, tuple[Batch, int]] = {}
    for collection_id, batches in files.other_files(session, batch).items():
        for other in batches:
            if other.state in NOT_LEFT:
                found.setdefault(other.id, (other, collection_id))
    for other, collection_id in found.values():
        name = session.get_one(Collection, collection_id).end_to_end_id
        why = f"{name} is at the bank in {batch.message_id}"
        freed += discards.give_up(session, runtime, other, actor=actor, evidence=BY_RULE, reason=why)
    return freed


def _unit(session: Session, batch: Batch, moving: Sequence[Collection], word: Word, moves: tuple[PlannedMove, ...]) -> Unit:
    cause = f"batch:{batch.message_id}"
    due_on = _due_dates(session, batch)
    moves += tuple(
        _collection_move(
            c,
            word.news,
            cause,
            word.booked_on,
            ("batch_id", batch.id),
            ("account_id", batch.account_id),
            ("due_on", due_on[c.id]),
        )
        for c in moving
    )
    if not moving:
        return Unit(moves=moves)
    debit, credit = lifecycle.POSTINGS["submitted"]
    postings = tuple(PlannedPosting(debit, c.id, credit, c.invoice_id, c.amount_cents) for c in moving)
    key = f"sub:{batch.message_id}:{1 + len(_vouchers(session, batch))}"
    return Unit(moves=moves, voucher=PlannedVoucher(key, "submitted", cause, word.booked_on, postings))


def _collection_move(collection: Collection, news: str, cause: str, booked_on: date, *sets: tuple[str, object]) -> PlannedMove:
    state = lifecycle.step("collection", collection.end_to_end_id, collection.state, news)
    return PlannedMove(
        "collection", collection.id, collection.version, news, collection.state, state, cause, booked_on, sets=sets
    )


def _due_dates(session: Session, batch: Batch) -> dict[int, date]:
    """The due date that the file gives each of its members."""
    rows = session.execute(
        select(Member.collection_id, Block.due_on).join(Block, Block.id == Member.block_id).where(Block.batch_id == batch.id)
    )
    return {collection_id: due_on for collection_id, due_on in rows}


def _vouchers(session: Session, batch: Batch) -> list[Voucher]:
    """The vouchers of this file's hand-over, numbered 1, 2 ..., also those that were reversed."""
    found: list[Voucher] = []
    while True:
        key = f"sub:{batch.message_id}:{1 + len(found)}"
        voucher = session.scalar(select(Voucher).where(Voucher.idem_key == key))
        if voucher is None:
            return found
        found.append(voucher)


def _standing(session: Session, batch: Batch) -> list[Voucher]:
    vouchers = _vouchers(session, batch)
    reversed_ids = set(session.scalars(select(Voucher.reverses_id).where(Voucher.reverses_id.in_([v.id for v in vouchers]))))
    return [voucher for voucher in vouchers if voucher.id not in reversed_ids]


def _opposite(session: Session, voucher: Voucher) -> tuple[PlannedPosting, ...]:
    rows = session.scalars(select(Posting).where(Posting.voucher_id == voucher.id).order_by(Posting.ordinal))
    return tuple(
        PlannedPosting(p.credit_account, p.credit_subject, p.debit_account, p.debit_subject, p.amount_cents) for p in rows
    )


def _reopened(batch: Batch, runtime: Runtime) -> tuple[PlannedMove, ...]:
    if batch.state != "booked":
        return ()
    state = lifecycle.step("batch", batch.message_id, batch.state, "reopened")
    return (PlannedMove("batch", batch.id, batch.version, "reopened", batch.state, state, BY_RULE, runtime.today()),)


def _not_owed(
    inside: Sequence[Collection], unfit: dict[int, str], moving: Sequence[Collection], batch: Batch
) -> Iterator[BreakRow]:
    """A debit that is at the bank although it may not be collected."""
    moved = {c.id for c in moving}
    for c in inside:
        why = unfit.get(c.id, "it was held" if c.state == "held" else "") if c.id in moved else ""
        why = "it was cancelled" if c.state == "cancelled" else why
        if why:
            what = f"{c.end_to_end_id} is at the bank in {batch.message_id}, but {why}"
            yield "DEBIT_NOT_OWED", f"invoice:{c.invoice_id}", what, "ask the bank to take it back, or refund the customer"


def _elsewhere(inside: Sequence[Collection], others: Mapping[int, Sequence[Batch]], batch: Batch) -> Iterator[BreakRow]:
    """Members that stand in another file that left too: it is frozen, or the debit is at the bank twice."""
    held_up: dict[str, list[str]] = defaultdict(list)
    for c in inside:
        for other in others.get(c.id, ()):
            if other.state == "exported":
                held_up[other.message_id].append(c.end_to_end_id)
            elif other.state in AT_THE_BANK:
                what = f"{c.end_to_end_id} is at the bank in {other.message_id} and in {batch.message_id}"
                yield (
                    "DEBIT_TWICE",
                    f"invoice:{c.invoice_id}",
                    what,
                    "ask the bank to take one of them back, or refund the customer",
                )
    for message_id, names in held_up.items():
        what = f"{len(names)} of its debits, {names[0]} first, are at the bank in {batch.message_id}: sent too, it collects twice"
        then = (
            f"do not upload it: two people run 'bridge batch discard {message_id} --not-uploaded'; "
            "if it was uploaded all the same: bridge batch mark-uploaded"
        )
        yield fitness.FROZEN, f"batch:{message_id}", what, then
