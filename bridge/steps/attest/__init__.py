"""Write outcomes back on chain, where bridge.toml asks for it: settled, returned, cancelled, each with the hash of its evidence.

planned (a move of the invoice means it) -> sent (signed, stored, then broadcast) -> final (ingest read its log). Nothing is
remembered but these rows: whoever is killed anywhere in between goes on from them. The same call is broadcast until it is mined,
and takes the same nonce when it is sent again for more; so it is written once, and the contract takes a repeat as no change.
An invoice's next outcome is not sent before the one before it is final.
"""

from __future__ import annotations

from collections import Counter

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from bridge import books, shards, sources
from bridge.books import BreakRow, Recorder
from bridge.chain.attester import Attester
from bridge.errors import BridgeError, ConfigError, Unavailable
from bridge.judging import frozen_sources
from bridge.model import Break
from bridge.runtime import Runtime
from bridge.settings import SourceSettings
from bridge.steps.attest import plan, sending

ACTOR = "attest"
KINDS = ("ATTEST_REFUSED", "ATTEST_NOT_TAKEN", "ATTEST_TOO_DEAR")


def run(runtime: Runtime) -> dict[str, int]:
    """Plan, follow and send the outcomes of every source that asks for it. One whose nodes fail does not stop the others."""
    counts: Counter[str] = Counter(planned=0, sent=0, again=0)
    failed: list[BridgeError] = []
    for settings in runtime.settings.sources:
        with shards.claimed(runtime, ACTOR, settings.name) as ours:
            try:
                attester = runtime.attester(settings) if ours else None
                if attester is not None:
                    counts += _source(runtime, settings, attester)
            except (Unavailable, ConfigError) as problem:
                failed.append(problem)
    sources.report(failed)
    return {name: counts[name] for name in ("planned", "sent", "again")}


def _source(runtime: Runtime, settings: SourceSettings, attester: Attester) -> Counter[str]:
    with runtime.reading() as session:
        source_id = sources.row(session, settings).id
        if source_id in frozen_sources(session):  # nobody knows what stands on its chain
            return Counter()
    planned = plan.run(runtime, source_id, attester, Recorder(ACTOR, runtime.clock()))
    counts, troubles = sending.run(runtime, settings, source_id, attester)
    _tell(runtime, source_id, troubles)
    return counts + Counter(planned=planned)


def _tell(runtime: Runtime, source_id: int, troubles: list[tuple[str, str, str]]) -> None:
    """One Break for each kind of trouble; those of which there is none this time are over."""
    by, subject = Recorder(ACTOR, runtime.clock()), f"attest:{source_id}"
    rows: list[BreakRow] = [(kind, subject, what, then) for kind, what, then in troubles]
    over = set(KINDS) - {kind for kind, *_ in troubles}
    with runtime.reading() as session:
        told = session.scalar(select(exists().where(Break.subject == subject, Break.closed_at.is_(None))))
    if not rows and not told:
        return

    def unit(session: Session) -> None:
        books.close_breaks(session, [subject], by, "it did not happen again", kinds=over)
        books.open_breaks(session, rows, by, runtime.today())

    runtime.work(unit)
