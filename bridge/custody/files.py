"""A file of ours: found by its MsgId, who stands in it, and in which other files they stand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge.errors import UnknownName
from bridge.model import Batch, Block, Collection, Member
from bridge.model.batch import AT_THE_BANK_STATES, BATCH_STATES

AT_THE_BANK = AT_THE_BANK_STATES
NOT_LEFT = ("sealed", "approved")  # never exported
IN_ONE_STATEMENT = 500
T = TypeVar("T")


def named(session: Session, message_id: str, *, among: Sequence[str] = BATCH_STATES) -> Batch:
    """The file with this MsgId. Raises UnknownName, which lists the files in the states ``among``."""
    batch = session.scalar(select(Batch).where(Batch.message_id == message_id))
    if batch is None:
        raise UnknownName.among("batch", message_id, session.scalars(select(Batch.message_id).where(Batch.state.in_(among))))
    return batch


def members(session: Session, batch: Batch) -> list[Collection]:
    """The collections that stand in a file, in the order of the file, as they are now."""
    return list(
        session.scalars(
            select(Collection)
            .join(Member, Member.collection_id == Collection.id)
            .join(Block, Block.id == Member.block_id)
            .where(Block.batch_id == batch.id)
            .order_by(Block.id, Member.ordinal)
            .execution_options(populate_existing=True)  # books moves rows without telling the session
        )
    )


def other_files(session: Session, batch: Batch) -> dict[int, list[Batch]]:
    """For each member that stands in other files too: these, oldest first."""
    own = select(Member.collection_id).join(Block, Block.id == Member.block_id).where(Block.batch_id == batch.id)
    rows = session.execute(
        select(Member.collection_id, Batch)
        .join(Block, Block.id == Member.block_id)
        .join(Batch, Batch.id == Block.batch_id)
        .where(Member.collection_id.in_(own), Batch.id != batch.id)
        .order_by(Batch.id)
        .execution_options(populate_existing=True)
    )
    found: dict[int, list[Batch]] = defaultdict(list)
    for collection_id, other in rows:
        found[collection_id].append(other)
    return dict(found)


def files_of(session: Session, collection_ids: Sequence[int]) -> dict[int, list[Batch]]:
    """For each of these collections the files in which it stands or stood, oldest first."""
    found: dict[int, list[Batch]] = defaultdict(list)
    for some in slices(collection_ids):
        rows = session.execute(
            select(Member.collection_id, Batch)
            .join(Block, Block.id == Member.block_id)
            .join(Batch, Batch.id == Block.batch_id)
            .where(Member.collection_id.in_(some))
            .order_by(Batch.id)
            .execution_options(populate_existing=True)
        )
        for collection_id, batch in rows:
            found[collection_id].append(batch)
    return found


def slices(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + IN_ONE_STATEMENT] for start in range(0, len(items), IN_ONE_STATEMENT))
