"""Read-only: queries that become small dataclasses. Every report can be asked as of a date and as known at a time.

reconciliation   the proof: every euro from the sensor to the bank line      ledger   balances and the journal
check            every invariant, recomputed from the rows                    lists    invoices, mandates, batches
queue            bank lines to work off, and one line with all of it          parked   statements that are not booked, and why
status           one screen: what is due, at the bank, unmatched, next        evidence what each query of the proof finds
story            one invoice from the log to the bank line                    people, seals   users; the voucher chain
"""
