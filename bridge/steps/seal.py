"""Append a link to the voucher chain for each voucher, and each act of the audit trail, that has none.

It only reads what is committed and never changes, so it need not be serializable with the workers, whom it would make repeat
their work. In chunks, each a unit of work of its own; one sealer at a time: the number of a link is unique, the loser repeats.
"""

from __future__ import annotations

from collections import Counter
from functools import partial

from bridge import voucher_chain
from bridge.model import Audit, Voucher
from bridge.runtime import Runtime
from bridge.voucher_chain import IN_ONE_UNIT, Covered

WHAT: dict[str, Covered] = {"sealed": Voucher, "acts": Audit}


def run(runtime: Runtime) -> dict[str, int]:
    """Seal what is found now. Raises Unavailable."""
    with runtime.reading() as session:
        found = {name: voucher_chain.unsealed(session, noun) for name, noun in WHAT.items()}
    runtime.fault("seal: read")
    counts = Counter(dict.fromkeys(WHAT, 0))
    for name, ids in found.items():
        for start in range(0, len(ids), IN_ONE_UNIT):
            some = ids[start : start + IN_ONE_UNIT]
            append = partial(voucher_chain.append, runtime=runtime, noun=WHAT[name], ids=some)
            counts[name] += runtime.work(append, isolation="committed")
            runtime.fault("seal: after a chunk")
    return dict(counts)
