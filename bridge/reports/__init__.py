"""Read-only: queries that become small dataclasses. Every report can be asked as of a date and as known at a time.

reconciliation   the proof: every euro from the sensor to the bank line      ledger   balances and the journal
check            every invariant, recomputed from the rows                    lists    invoices, mandates, batches, breaks, the
queue status           one screen: what is due, at the bank, unmatched, next       evidence what each query of the proof finds
story            one invoice from the log to the bank line
"""
