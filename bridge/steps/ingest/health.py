"""What is said to people about the nodes of a source: who lied, whether finality goes on, whether it went back.

A Break on the source itself freezes it: nothing of it is collected. One on a node or on its finality only tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from bridge import books
from bridge.books import Recorder
from bridge.chain.verified import Dispute
from bridge.model import Cursor
from bridge.records.invoice_log import Head
from bridge.runtime import Runtime
from bridge.settings import SourceSettings


def tell(session: Session, runtime: Runtime, settings: SourceSettings, disputes: Sequence[Dispute], by: Recorder) -> None:
    """One open Break for each node that said what cannot be true; a person closes it, after looking at the node."""
    then = "find out what is wrong with this node, replace it in bridge.toml if need be, and close this"
    rows = [("NODE_DISPUTE", f"node:{settings.name}:{one.host}", one.what, then) for one in disputes]
    books.open_breaks(session, rows, by, runtime.today())


def stalls(session: Session, runtime: Runtime, settings: SourceSettings, source_id: int, head: Head, by: Recorder) -> None:
    """Tell where the last final block is older than finality ever was; it closes itself when a younger one is final."""
    subject = f"finality:{source_id}"
    minutes = settings.finality_alarm_minutes
    age = (runtime.clock() - datetime.fromtimestamp(head.timestamp, UTC)) // timedelta(minutes=1)
    if not minutes or settings.profile == "none" or age <= minutes:
        books.close_breaks(session, [subject], by, "a younger block is final", kinds=["FINALITY_STALLED"])
        return
    what = f"the last final block of source {settings.name} is {age:,} minutes old; finality has stalled, or the chain has"
    then = "nothing new is collected meanwhile; look at the chain's status page, and at the nodes"
    books.open_breaks(session, [("FINALITY_STALLED", subject, what, then)], by, runtime.today())


def goes_back(session: Session, runtime: Runtime, cursor: Cursor, head: Head, by: Recorder) -> bool:
    """Whether finality stands before what was read as final; that freezes the source until it is there again."""
    subject = f"source:{cursor.source_id}"
    if head.number >= cursor.block_number:
        books.close_breaks(session, [subject], by, "what was read is final again", kinds=["FINALITY_WENT_BACK"])
        return False
    what = f"the nodes call block {head.number:,} the last final one, but {cursor.block_number:,} was when it was read"
    then = "nothing of this source is collected until it is final again; find out what happened to the chain or the nodes"
    books.open_breaks(session, [("FINALITY_WENT_BACK", subject, what, then)], by, runtime.today())
    return True
