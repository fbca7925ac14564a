"""From an on-chain invoice to a SEPA direct debit, to the bank's answer, to books that add up."""

__version__ = "0.1.0"
