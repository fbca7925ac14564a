"""The mandate register: what is said of a mandate, how it is stored, and what changed about it.

lines.py       what a line says, checked
store.py       a checked line becomes rows; a stored mandate as a line
amendments.py  what the debtor's bank must be told with the next debit
"""
