"""Whether a source still stands on the chain it was read from, and what people are told of its nodes.

Asked before it is read further, and again before a file is cut from it. A Break on the source itself freezes it: nothing of it is
collected. One on a node or on its finality only tells. Nodes are asked outside any unit of work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import books
from bridge.books import BreakRow, Recorder
from bridge.chain import ChainSource
from bridge.chain.verified import Dispute
from bridge.errors import BridgeError, Unavailable
from bridge.model import Cursor, Source
from bridge.records.invoice_log import Head
from bridge.runtime import Runtime
from bridge.settings import SourceSettings

#: what freezes a source, and closes by itself
FREEZING = ("REORG_BELOW_FINAL", "FINALITY_WENT_BACK")
CODE_CHANGED = "CODE_CHANGED"


@dataclass(frozen=True, slots=True)
class Read:
    """The block up to which a source was read."""

    number: int
    hash: bytes


def stands(runtime: Runtime, settings: SourceSettings, source: ChainSource, head: Head, actor: str) -> bool:
    """Whether the block up to which it was read is still there and final, at this final ``head``; tells people where it is not.

    Raises Unavailable where a node does not know the block.
    """
    with runtime.reading() as session:
        read = _read_to(session, settings)
    now = source.head_at(read.number) if read is not None else None
    if read is not None and now is None and settings.recorded is None:
        raise Unavailable(
            f"source {settings.name}: the node does not know block {read.number:,}, up to which was read; is it still syncing?"
        )
    code = source.code_hash(head)
    by = Recorder(actor, runtime.clock())
    judged = partial(_judge, runtime=runtime, settings=settings, read=read, now=now, head=head, by=by)
    return runtime.work(lambda session: _is_the_contract(session, runtime, settings, code, by) and judged(session))


def tell(runtime: Runtime, settings: SourceSettings, source: ChainSource, actor: str) -> None:
    """One open Break for each node that said what cannot be true; a person closes it, after looking at the node."""
    disputes: Sequence[Dispute] = tuple(getattr(source, "disputes", ()))
    if disputes:
        then = "find out what is wrong with this node, replace it in bridge.toml if need be, and close this"
        rows = [
            ("NODE_DISPUTE", f"node:{settings.name}:{one.host}", f"node {one.host} of {settings.name}: {one.what}", then)
            for one in disputes
        ]
        by = Recorder(actor, runtime.clock())
        runtime.work(lambda session: books.open_breaks(session, rows, by, runtime.today()))


def report(failed: Sequence[BridgeError]) -> None:
    """Raise what stopped some of the sources, once the others were done: Unavailable only where all of it may work later."""
    if failed:
        worst = next((problem for problem in failed if not isinstance(problem, Unavailable)), failed[0])
        raise type(worst)("; ".join(str(problem) for problem in failed)) from worst


def row(session: Session, settings: SourceSettings) -> Source:
    """The declared source of that name."""
    return session.scalars(select(Source).where(Source.name == settings.name)).one()


def _read_to(session: Session, settings: SourceSettings) -> Read | None:
    cursor = session.get(Cursor, row(session, settings).id)
    return None if cursor is None else Read(cursor.block_number, cursor.block_hash)


def _judge(
    session: Session, runtime: Runtime, settings: SourceSettings, read: Read | None, now: Head | None, head: Head, by: Recorder
) -> bool:
    source_id = row(session, settings).id
    _tell_a_stall(session, runtime, settings, source_id, head, by)
    if read is None or read != _read_to(session, settings):
        return True  # nothing to compare, or another worker has just compared it and read on
    subject = f"source:{source_id}"
    wrong = _wrong(read, now, head)
    if wrong is None:
        books.close_breaks(session, [subject], by, "the block is there, final, and the one that was read", kinds=FREEZING)
        return True
    kind, what, then = wrong
    books.open_breaks(session, [(kind, subject, what, then)], by, runtime.today())
    return False


def _is_the_contract(session: Session, runtime: Runtime, settings: SourceSettings, code: str | None, by: Recorder) -> bool:
    """Whether the code at the contract's address is what it was at first, or as two people approved it; the first is taken."""
    source = row(session, settings)
    if source.code_hash is None and code is not None:
        source.code_hash = code
    if code == source.code_hash or settings.recorded is not None:
        return True
    what = f"the code at {source.contract} is another one: {code or 'none'}, and {source.code_hash} before"
    then = "nothing more is read or collected from this source; look at it on chain, then two people say: bridge chain unfreeze"
    books.open_breaks(session, [(CODE_CHANGED, f"source:{source.id}", what, then)], by, runtime.today())
    return False


def _wrong(read: Read, now: Head | None, head: Head) -> tuple[str, str, str] | None:
    """Kind, what and next of what is wrong with the block up to which was read; None where it is what it was."""
    if now is None or now.hash != read.hash:
        what = f"block {read.number:,}, final when it was read, is another one now"
        then = "find out what happened to the chain or the nodes; then two people say: bridge chain unfreeze"
        return "REORG_BELOW_FINAL", what, then
    if head.number < read.number:
        what = f"the nodes call block {head.number:,} the last final one, but {read.number:,} was when it was read"
        then = "nothing of this source is collected until it is final again; find out what happened to the chain or the nodes"
        return "FINALITY_WENT_BACK", what, then
    return None


def _tell_a_stall(session: Session, runtime: Runtime, settings: SourceSettings, source_id: int, head: Head, by: Recorder) -> None:
    """Tell where the last final block is older than finality ever was; it closes itself when a younger one is final."""
    subject = f"finality:{source_id}"
    minutes = settings.finality_alarm_minutes
    age = (int(runtime.clock().timestamp()) - head.timestamp) // 60  # a node may state a time that no calendar has
    if not minutes or settings.profile == "none" or age <= minutes:
        books.close_breaks(session, [subject], by, "a younger block is final", kinds=["FINALITY_STALLED"])
        return
    what = f"the last final block of source {settings.name} is {age:,} minutes old; finality has stalled, or the chain has"
    then = "nothing new is collected meanwhile; look at the chain's status page, and at the nodes"
    stalled: BreakRow = ("FINALITY_STALLED", subject, what, then)
    books.open_breaks(session, [stalled], by, runtime.today())
