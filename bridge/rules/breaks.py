"""Every kind of Break: who owns it until somebody takes it, and its sentences, and those of holds, in English and German. Pure.

A Break is stored with its English sentence, figures and names in it; a German reader gets the same figures in the German one.
The English side of each pair is the sentence as the code writes it, with ``{0}`` and so on where a value stands; a test compares
them. What a value itself says in words (what a node answered, what a person wrote) stays as it was stored.
"""

from __future__ import annotations

import re
from functools import cache

from bridge.rules import break_words, break_words_chain, hold_words
from bridge.rules.reasons import meaning

Patterns = tuple[tuple[re.Pattern[str], str], ...]
#: kind -> (English, German) of all that a Break of it says
SENTENCES = break_words.SENTENCES | break_words_chain.SENTENCES

#: who acts on a kind until a person takes it: a role of rules.permissions
_BY_TWO = (
    "CLAIM_CONFLICT", "CODE_CHANGED", "CONTRACT_CHANGED", "DEBIT_NOT_OWED", "DEBIT_TWICE", "DO_NOT_UPLOAD", "FILE_FROZEN",
    "LOG_NOT_ON_CHAIN", "PROOF_LOST", "RELEARNED", "REORG_BELOW_FINAL", "SOURCE_INCOMPLETE",
)  # fmt: skip
_OF_THE_MACHINE = (  # these close by themselves; an admin closes none with a sentence
    "ATTEST_NOT_TAKEN", "ATTEST_REFUSED", "ATTEST_TOO_DEAR", "FINALITY_STALLED", "FINALITY_WENT_BACK",
)  # fmt: skip
OWNERS: dict[str, str] = dict.fromkeys(SENTENCES, "clerk") | dict.fromkeys(_BY_TWO, "approver") | dict.fromkeys(
    _OF_THE_MACHINE, "admin"
)  # fmt: skip
#: the act by which a person takes one; who took it stands in the audit trail
TAKEN = "break take"
_AMOUNT = re.compile(r"(?<![\w.,])-?\d{1,3}(?:,\d{3})*\.\d{2}(?= EUR\b)|(?<![\w.,])-?\d+\.\d{2}(?= EUR\b)")
_COUNT = re.compile(r"\d{1,3}(?:,\d{3})+")
_DAY = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_SWAPPED = str.maketrans(",.", ".,")


def said(kind: str, sentence: str, lang: str) -> str:
    """A stored sentence of a Break of this kind in the reader's language; one that has no German side stays as it is."""
    return sentence if lang == "en" else (german(kind, sentence) or sentence)


def ended(resolution: str, lang: str) -> str:
    """How it ended, in the reader's language; a person's own words stay as he wrote them."""
    found = None if lang == "en" else _matched(_endings(), resolution)
    return found or resolution


def held(reason: str, lang: str) -> str:
    """Why an invoice or a debit waits, in the reader's language; a person's own words stay as he wrote them."""
    found = None if lang == "en" else _matched(_holds(), reason)
    return found or reason


def german(kind: str, sentence: str) -> str | None:
    """The German side of a stored sentence, its own figures in German form; None where it has none."""
    return _matched(_patterns(kind), sentence)


def _matched(patterns: Patterns, sentence: str) -> str | None:
    for pattern, words in patterns:
        found = pattern.fullmatch(sentence)
        if found:
            return words.format(*[_value(value) for value in found.groups()])
    return None


@cache
def _patterns(kind: str) -> Patterns:
    return tuple((_pattern(english), words) for english, words in SENTENCES.get(kind, ()))


@cache
def _endings() -> Patterns:
    return tuple((_pattern(english), words) for english, words in break_words.ENDINGS)


@cache
def _holds() -> Patterns:
    return tuple((_pattern(english), words) for english, words in hold_words.SENTENCES)


def _pattern(english: str) -> re.Pattern[str]:
    """The sentence with a group for each value; the values stand in the order of their numbers."""
    pieces = re.split(r"\{\d\}", english)
    return re.compile("(.+?)".join(re.escape(piece) for piece in pieces), re.DOTALL)


def _value(value: str) -> str:
    """A state, a hold or a bank's reason in German, amounts, counts and dates as Germans write them; anything else as it is."""
    if value in break_words.STATES:
        return break_words.STATES[value]
    if value == meaning(value[:4]):
        return meaning(value[:4], "de")
    if _COUNT.fullmatch(value):
        return value.translate(_SWAPPED)
    name, colon, why = value.partition(": ")
    if waits := _matched(_holds(), value):
        return waits
    if colon and " " not in name and (waits := _matched(_holds(), why)):  # which debit, and why
        return f"{name}: {waits}"
    value = _AMOUNT.sub(lambda found: found.group().translate(_SWAPPED), value)
    return _DAY.sub(lambda found: f"{found[3]}.{found[2]}.{found[1]}", value)
