"""Before a file is cut: does each source still stand on the chain from which its invoices were read?

The quorum is asked anew, whichever node delivered the logs. A source that cannot answer waits, a source that does not stand is
frozen; the debits of the others go out.
"""

from __future__ import annotations

from sqlalchemy import select

from bridge import sources
from bridge.errors import BridgeError, ConfigError, Unavailable
from bridge.model import Collection, Invoice, Source
from bridge.runtime import Runtime
from bridge.settings import SourceSettings

ACTOR = "batch"


def run(runtime: Runtime) -> tuple[frozenset[int], list[BridgeError]]:
    """The ids of the sources of which nothing is cut now, and why, for those that could not be asked."""
    with runtime.reading() as session:
        waiting = select(Source.name, Source.id).join(Invoice, Invoice.source_id == Source.id)
        of_pending = waiting.join(Collection, Collection.invoice_id == Invoice.id).where(Collection.state == "pending").distinct()
        ids = {name: source_id for name, source_id in session.execute(of_pending)}
    barred: set[int] = set()
    failed: list[BridgeError] = []
    for settings in runtime.settings.sources:
        if settings.name not in ids or settings.profile == "none":
            continue
        try:
            stands = _stands(runtime, settings)
        except (Unavailable, ConfigError) as problem:
            failed.append(problem)
            stands = False
        if not stands:
            barred.add(ids[settings.name])
    return frozenset(barred), failed


def _stands(runtime: Runtime, settings: SourceSettings) -> bool:
    source = runtime.source(settings)
    try:
        head = source.final_head()
        return head is not None and sources.stands(runtime, settings, source, head, ACTOR)
    finally:
        sources.tell(runtime, settings, source, ACTOR)
