"""Pure: the rules of the SEPA direct debit scheme over a file that is about to be sent.

The ISO schema lets nearly everything here through, so these rules are the gate. Each carries an id and its source, and
docs/rules.md is made of them. A finding names the block, the debit's EndToEndId and the field, never a name or an IBAN.

    rule.py       what a rule is, and the one pass over a file that asks them all
    of_file.py    file and blocks
    of_debit.py   one debit
    of_bank.py    what one bank takes, by its profile
    of_message.py what must and must not stand in anybody's pain.008, whatever the ISO schema allows
"""

from bridge.rules.scheme import of_bank, of_debit, of_file, of_message
from bridge.rules.scheme.of_debit import ADDRESS_LIMITS, ADDRESS_LINE_MAX, ADDRESS_LINES_MAX, NAME_MAX, REMITTANCE_MAX
from bridge.rules.scheme.rule import RULES, Finding, Rule, check

__all__ = [
    "ADDRESS_LIMITS",
    "ADDRESS_LINES_MAX",
    "ADDRESS_LINE_MAX",
    "NAME_MAX",
    "REMITTANCE_MAX",
    "RULES",
    "Finding",
    "Rule",
    "check",
    "of_bank",
    "of_debit",
    "of_file",
    "of_message",
]
