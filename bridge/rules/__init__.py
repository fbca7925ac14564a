"""The decisions: pure functions on plain values. No session, no clock, no random.

lifecycle    what news moves what state where, and what is posted
eligibility  may this invoice be collected, may this collection go out
batching     which collections stand in which file and block, and what these are called
lines        what a bank line says and what explains it: values
matching     what explains a bank line              by_hand what a person may say about one
debts        what an invoice owes, and what an amount does to it
proof        every invoice's amount, split over its parts        reasons what a return code means and what to do
calendar     TARGET days, cut-offs, due dates       scheme  what a pain.008 must obey       text  the SEPA character set
"""
