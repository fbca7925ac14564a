"""Read blocks again and compare them with what is stored: what was missed is taken in, what is not on chain freezes the source.

For an audit of years in minutes, from other nodes than those that were read from, and for a source whose count does not fit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

from sqlalchemy.orm import Session

from bridge import books, observed, sources
from bridge.books import Recorder
from bridge.chain import mapping
from bridge.errors import BadInput
from bridge.model import Cursor
from bridge.records.invoice_log import Completeness, RawLog
from bridge.runtime import Runtime
from bridge.settings import SourceSettings
from bridge.steps import ingest
from bridge.steps.ingest import cursor
from bridge.steps.ingest.pace import Pace

BLOCKS = 1_000  # in one unit of work


def run(runtime: Runtime, settings: SourceSettings, first: int) -> dict[str, int]:
    """Compare the blocks from ``first`` to the cursor. Returns blocks read, logs, those that had been missed, those not on chain.

    Raises BadInput for a block that was not read yet, Unavailable where the nodes prove nothing.
    """
    with runtime.reading() as session:
        read = session.get(Cursor, sources.row(session, settings).id)
        last = -1 if read is None else read.block_number
    if not settings.start_block <= first <= last:
        raise BadInput(f"source {settings.name} was read from block {settings.start_block:,} to {last:,}; give one of these")
    source = runtime.source(settings)
    counts: Counter[str] = Counter(blocks=0, logs=0, missed=0, not_on_chain=0)
    pace = Pace(first, last)
    for start in range(first, last + 1, BLOCKS):
        end = min(start + BLOCKS - 1, last)
        logs = source.logs(start, end)
        one_range = partial(_compare, runtime=runtime, settings=settings, logs=logs, start=start, end=end)
        counts += runtime.work(one_range)
        counts["blocks"] += end - start + 1
        runtime.progress(f"{settings.name}: {pace.said(end)}")
    end_of_reading = source.head_at(last)
    asked = end_of_reading is not None and settings.mapping is None
    stated = source.completeness(end_of_reading) if asked and end_of_reading is not None else None
    runtime.work(partial(_count, runtime=runtime, settings=settings, stated=stated))
    sources.tell(runtime, settings, source, ingest.ACTOR)
    return {name: counts[name] for name in ("blocks", "logs", "missed", "not_on_chain")}


def _compare(
    session: Session, runtime: Runtime, settings: SourceSettings, logs: Sequence[RawLog], start: int, end: int
) -> Counter[str]:
    source = sources.row(session, settings)
    by = Recorder(ingest.ACTOR, runtime.clock())
    own = mapping.of(settings.described)
    spots = {(log.block_hash, log.log_index) for log in logs}
    stored = observed.standing(session, source, after=start - 1, upto=end)
    strange = [row for row in stored if (row.block_hash, row.log_index) not in spots]
    looked = [ingest.look(settings, runtime.zone, raw, own) for raw in logs]
    seen, breaks = ingest.take_in(session, runtime, settings, source, looked, by)
    if strange:
        what = f"{len(strange)} stored log(s), in block {strange[0].block_number:,} first, are not on the chain that is read now"
        then = f"find out which nodes were wrong; then two people say: bridge chain unfreeze --from-block {start}"
        breaks.append(("LOG_NOT_ON_CHAIN", f"source:{source.id}", what, then))
    books.open_breaks(session, breaks, by, runtime.today())
    return Counter(logs=len(logs), missed=len(seen), not_on_chain=len(strange))


def _count(session: Session, runtime: Runtime, settings: SourceSettings, stated: Completeness | None) -> None:
    by = Recorder(ingest.ACTOR, runtime.clock())
    breaks = cursor.count_again(session, sources.row(session, settings), stated, by)
    books.open_breaks(session, breaks, by, runtime.today())
