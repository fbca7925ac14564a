"""Debits and files as they were in a view: by Moves, members and blocks, never by a column that changes.

``collection.state``, its ``due_on`` and ``batch_id`` say what is now; a report of the past must not read them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge.balances import View
from bridge.model import Batch, Block, Collection, Member, Move
from bridge.model.batch import AT_THE_BANK_STATES

LEAVES = ("submitted", "proven")
WAITS = ("sealed", "approved", "exported")
#: states of a debit that was at the bank and is not taken back from there
PRESENTED = ("submitted", "accepted", "settled", "rejected", "returned", "reversed", "withdrawn")
RETURNED = ("returned", "reversed")


@dataclass(frozen=True, slots=True)
class File:
    """A pain.008 file in a view. When and by whom it last left counts while its state says that it is at the bank."""

    id: int
    message_id: str
    state: str
    created_at: datetime
    left_on: date | None
    left_by: str | None
    place: int  # the id of the move by which it left: of two files with one debit the first has it


@dataclass(frozen=True, slots=True)
class Debit:
    """A debit attempt in a view. ``file`` is the one it is at the bank with, else the last that waits; None: in no file."""

    id: int
    end_to_end_id: str
    invoice_id: int
    mandate_id: int
    account_id: int
    amount_cents: int
    state: str
    reason: str  # of its last move: the bank's code where it failed
    presented_on: date | None
    file: File | None
    file_due_on: date | None

    @property
    def presented(self) -> bool:
        return self.state in PRESENTED


@dataclass(slots=True)
class _Last:
    state: str = ""
    reason: str = ""
    actor: str = ""
    left_on: date | None = None
    place: int = 0


def files(session: Session, view: View) -> dict[int, File]:
    """Every file in view, by its row id, oldest first."""
    last = _last_moves(session, view, "batch")
    rows = select(Batch.id, Batch.message_id, Batch.created_at).order_by(Batch.id)
    return {
        batch_id: File(batch_id, message_id, seen.state, created_at, seen.left_on, seen.actor or None, seen.place)
        for batch_id, message_id, created_at in session.execute(rows)
        if (seen := last.get(batch_id)) is not None
    }


def debits(session: Session, view: View) -> list[Debit]:
    """Every debit attempt in view, oldest first."""
    return list(_debits(session, view))


def _debits(session: Session, view: View) -> Iterator[Debit]:
    last = _last_moves(session, view, "collection")
    stands = _stands(session, files(session, view))
    rows = select(
        Collection.id,
        Collection.end_to_end_id,
        Collection.invoice_id,
        Collection.mandate_id,
        Collection.account_id,
        Collection.amount_cents,
    ).order_by(Collection.id)
    for collection_id, name, invoice_id, mandate_id, account_id, cents in session.execute(rows):
        seen = last.get(collection_id)
        if seen is None:
            continue
        file, due_on = stands.get(collection_id, (None, None))
        presented_on = seen.left_on if seen.state in PRESENTED else None
        ids = (collection_id, name, invoice_id, mandate_id, account_id, cents)
        yield Debit(*ids, seen.state, seen.reason, presented_on, file, due_on)


def _last_moves(session: Session, view: View, noun: str) -> dict[int, _Last]:
    """Where the Moves in view leave each noun, and by which it last left for the bank; that counts while it is there."""
    found: dict[int, _Last] = {}
    rows = (
        select(Move.id, Move.noun_id, Move.news, Move.to_state, Move.reason, Move.actor, Move.booked_on)
        .where(Move.noun == noun, *view.conditions(Move.booked_on, Move.recorded_at))
        .order_by(Move.noun_id, Move.version)
    )
    for move_id, noun_id, news, state, reason, actor, booked_on in session.execute(rows):
        seen = found.setdefault(noun_id, _Last())
        seen.state, seen.reason = state, reason
        if news in LEAVES:
            seen.left_on, seen.actor, seen.place = booked_on, actor, move_id
    return found


def _stands(session: Session, known: dict[int, File]) -> dict[int, tuple[File, date]]:
    """For each debit the file that it stands in, and the due date which that file gives it."""
    found: dict[int, tuple[File, date]] = {}
    rows = select(Member.collection_id, Block.batch_id, Block.due_on).join(Block, Block.id == Member.block_id)
    for collection_id, batch_id, due_on in session.execute(rows.order_by(Block.id)):
        file = known.get(batch_id)
        if file is None or file.state == "discarded":
            continue
        other = found.get(collection_id)
        if other is None or _before(file, other[0]):
            found[collection_id] = (file, due_on)
    return found


def _before(file: File, other: File) -> bool:
    """Whether a debit that stands in both is in this one: at the bank first, else in the later that waits."""
    here, there = file.state in AT_THE_BANK_STATES, other.state in AT_THE_BANK_STATES
    if here and there:
        return file.place < other.place
    return here or (not there and file.id > other.id)
