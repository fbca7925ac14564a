"""Append a link to the voucher chain for each voucher that has none.

In chunks, each a unit of work of its own; one sealer at a time: the number of a link is unique, and the loser repeats.
"""

from __future__ import annotations

import time
from functools import partial

from bridge import voucher_chain
from bridge.runtime import Runtime
from bridge.voucher_chain import IN_ONE_UNIT

SECONDS_MAX = 120


def run(runtime: Runtime) -> dict[str, int]:
    """Seal what is found now; stops after two minutes, and the next run goes on. Raises Unavailable."""
    with runtime.reading() as session:
        found = voucher_chain.unsealed(session)
    runtime.fault("seal: read")
    started, sealed = time.monotonic(), 0
    for start in range(0, len(found), IN_ONE_UNIT):
        if time.monotonic() - started > SECONDS_MAX:
            break
        some = found[start : start + IN_ONE_UNIT]
        sealed += runtime.work(partial(voucher_chain.append, runtime=runtime, voucher_ids=some))
        runtime.fault("seal: after a chunk")
    return {"sealed": sealed}
