"""Which debit a bank means that gives no EndToEndId: by its mandate and amount, or by a number in its text. Pure.

Banks lose the EndToEndId on the way, most often of returns. Only a line that the bank's own code calls a direct debit is looked
at, only debits that are on their way (a credit) or credited (a return), only the exact amount but for charges that the bank
states; and exactly one may be left, else a person decides. What gives an EndToEndId is not looked at: an unknown one is no debit
of ours. A status report names its file, and often the block: there the mandate, the amount and the due date must leave one debit.
Source: EPC130-08 (the mandate reference is mandatory in returns), DK Anlage 3 for the codes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from bridge.rules.lifecycle import Verdict
from bridge.rules.lines import Candidate

DEBIT_FAMILY = "IDDT"
#: return B2B and Core, credit Core and B2B, lump sum Core, reversal, lump sum B2B
DEBIT_CODES = frozenset({"108", "109", "171", "174", "192", "193", "196"})
NOT_PROVIDED = "NOTPROVIDED"
#: the attempts of an invoice that a text may mean with the invoice's number alone
ATTEMPTS = range(1, 10)
_WORD = re.compile(r"[^\s+,;:()]{3,35}")


@dataclass(frozen=True, slots=True)
class Nameless:
    """A detail without an EndToEndId; ``cents`` is signed, ``charges_cents`` what the bank states (kept is negative)."""

    id: int
    account_id: int
    cents: int
    is_return: bool
    charges_cents: int
    mandate_id: str  # upper case; "" where the bank gives none
    words: frozenset[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Meant:
    """The debit that is meant, by which rule, and what shows it."""

    candidate: Candidate
    rule: str
    evidence: str


@dataclass(frozen=True, slots=True)
class InFile:
    """A debit of the file that a status report is about, or what the report says of one: "" or None where it is silent.

    Ids are in upper case; ``end_to_end_key`` is OrgnlInstrId where the report speaks, which some banks fill with the EndToEndId.
    """

    end_to_end_key: str
    block_key: str
    mandate_key: str
    amount_cents: int | None
    due_on: date | None


def in_file(said: InFile, debits: Sequence[InFile]) -> str:
    """The EndToEndId (upper case) of the one of these debits that is meant; "" where none is, or one of several."""
    inside = [debit for debit in debits if said.block_key in ("", debit.block_key) and said.due_on in (None, debit.due_on)]
    if said.end_to_end_key and said.end_to_end_key in {debit.end_to_end_key for debit in inside}:
        return said.end_to_end_key
    if not said.mandate_key or said.amount_cents is None:
        return ""
    asked = (said.mandate_key, said.amount_cents)
    found = {debit.end_to_end_key for debit in inside if (debit.mandate_key, debit.amount_cents) == asked}
    return found.pop() if len(found) == 1 else ""


def is_direct_debit(bank_code: str | None, bank_code_own: str | None) -> bool:
    """Whether the bank's own code says so: PMNT/IDDT, or a GVC of direct debits."""
    return (bank_code or "").split("/")[1:2] == [DEBIT_FAMILY] or not DEBIT_CODES.isdisjoint((bank_code_own or "").split("+"))


def numbers(text: str) -> frozenset[str]:
    """The words of a text that may be a number of ours: with a digit, in upper case."""
    return frozenset(word.upper() for word in _WORD.findall(text) if any(letter.isdigit() for letter in word))


def keys(words: frozenset[str]) -> frozenset[str]:
    """The EndToEndIds (upper case) that these words may mean: themselves, or an attempt of an invoice that is called so."""
    return words | {f"{word}-{attempt}" for word in words for attempt in ATTEMPTS if len(word) <= 33}


def meant(detail: Nameless, of_mandate: Sequence[Candidate], in_text: Sequence[Candidate]) -> Meant | None:
    """The one debit that is meant; None where it is none, or one of several.

    Where the bank gives a mandate, its text only tells apart several debits of that mandate.
    """
    named = {candidate.id for candidate in in_text}
    if detail.mandate_id:
        fitting = [candidate for candidate in of_mandate if _fits(detail, candidate)]
        found = fitting if len(fitting) == 1 else [candidate for candidate in fitting if candidate.id in named]
        rule, evidence = "MANDATE", f"mandate {detail.mandate_id} and the amount"
    else:
        found = [candidate for candidate in in_text if _fits(detail, candidate)]
        rule, evidence = "TEXT", "a number in the text and the amount"
    return Meant(found[0], rule, evidence) if len(found) == 1 else None


def _fits(detail: Nameless, candidate: Candidate) -> bool:
    """The same account, the same amount to the cent, and in the state in which this news moves it."""
    if candidate.account_id != detail.account_id or candidate.elsewhere or candidate.unclear:
        return False
    kept = abs(detail.cents) - candidate.amount_cents
    news, stated = ("returned", -detail.charges_cents) if detail.cents < 0 else ("settled", detail.charges_cents)
    decision = candidate.hear(news)
    moves = decision.verdict is Verdict.MOVE and decision.to_state == news and decision.kind is None
    return moves and kept in (0, stated) and (detail.is_return or detail.cents > 0)
