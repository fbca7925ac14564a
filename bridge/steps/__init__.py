"""What the bell rings: the table of contents of a night's work.

Each step finds its work in the database and may be killed and rerun.
"""

from __future__ import annotations

from collections.abc import Callable

from bridge.runtime import Runtime
from bridge.steps import attest, batch, collect, handover, ingest, notify, receive, reconcile, seal

Step = Callable[[Runtime], dict[str, int]]

#: step -> what it does; first what the bank says of debits that left, so that nothing goes out against it, then an invoice's life
PIPELINE: dict[str, tuple[Step, str]] = {
    "receive": (receive.run, "Take bank files from the inbox, keep every byte, book every line of a statement."),
    "reconcile": (reconcile.run, "Explain every line; what cannot be explained is a break."),
    "ingest": (ingest.run, "Read final logs from the cursor on and keep them as evidence; each becomes an invoice, once."),
    "collect": (collect.run, "Make one collection of each open invoice, or hold it and say why."),
    "notify": (notify.run, "Tell every debtor of his debit, long enough before it."),
    "batch": (batch.run, "Put what is due into files that two writers agree on, and seal them."),
    "handover": (handover.run, "Export what was approved; where a folder is the bank's, hand it over."),
    "attest": (attest.run, "Write outcomes back on chain, where bridge.toml asks for it."),
    "seal": (seal.run, "Append a link to the voucher chain for each voucher that has none."),
}
