"""Explain every line; what cannot be explained is a break.

Files that the bank names are proven to be there, then come status reports, then bank lines, again and again until nothing moves
any more: files may come in any order, and a return that arrived before its credit finds it in the next round.
"""

from __future__ import annotations

from collections import Counter

from bridge import shards
from bridge.books import Recorder
from bridge.explaining import beyond
from bridge.runtime import Runtime
from bridge.steps.reconcile import lines, mandates, proofs, silence, statuses, waiting

ACTOR = "reconcile"


def run(runtime: Runtime) -> dict[str, int]:
    """Hear every unread status and explain every open line; then see what waits too long.

    One worker at a time: two lines, of two accounts even, may be about one invoice.
    """
    with shards.claimed(runtime, ACTOR) as ours:
        counts = _run(runtime) if ours else Counter()
    return {name: counts[name] for name in ("proven", "accepted", "rejected", "settled", "returned", "fees", "paused", "breaks")}


def _run(runtime: Runtime) -> Counter[str]:
    counts: Counter[str] = Counter()
    while True:
        moved = proofs.prove_all(runtime, ACTOR) + statuses.hear_all(runtime, ACTOR) + lines.explain_all(runtime, ACTOR)
        counts += moved
        if not moved["moves"]:
            break
    counts["paused"] += runtime.work(lambda session: mandates.pause(session, runtime, ACTOR))
    counts["breaks"] += runtime.work(lambda session: waiting.age(session, runtime, ACTOR))
    counts["breaks"] += runtime.work(lambda session: silence.listen(session, runtime, ACTOR))
    by = Recorder(ACTOR, runtime.clock())
    counts["breaks"] += runtime.work(lambda session: beyond.look_again(session, by, runtime.today()))
    runtime.work(lambda session: waiting.close_batches(session, runtime, ACTOR))
    return counts
