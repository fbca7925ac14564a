"""The words of Breaks: every kind that the code opens has an owner and both languages; the English side is the code's own."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from bridge.rules import break_words, breaks, hold_words, permissions
from tests.house.code import ROOT

#: sentences that the code puts together from two
COMPOSED = {
    "a status report names file {}, which is not ours",
    "debits were due on {} on account {}, and no statement of that day is there; the last one is of {}",
    "the bank answers about {}, which nobody marked as uploaded",
    "the bank answers about {}, which nobody marked as uploaded, and people had discarded it as not uploaded",
    "the contract was changed: {}",
    "mandate {} is {}: {}",
    "mandate {} was amended after the file was made, which says what is no longer so",
    "{} of {} debit(s) in file {} stand in clearing, and none of them is at the bank",
    "{} of {} debit(s) in file {} stand in clearing, the last of them due on {}",
    "{} of {} waits for its counterpart",
}
KIND = re.compile(r"[A-Z]{6,}|[A-Z]+(_[A-Z]+)+")


@pytest.mark.parametrize(
    ("kind", "sentence", "german"),
    [
        (
            "HIGH_FEE",
            "the bank kept 1,234.50 EUR as a charge on 2026-12-01",
            "die Bank hat am 01.12.2026 eine Gebühr von 1.234,50 EUR einbehalten",
        ),
        ("LATE_CREDIT", "P-1-1 was credited although it is returned", "P-1-1 wurde gutgeschrieben, obwohl sie zurückgegeben ist"),
        (
            "UNKNOWN_DEBIT",
            "-0.01 EUR on 2026-12-01 names nothing that we know",
            "-0,01 EUR vom 01.12.2026 nennen nichts, was wir kennen",
        ),
        (
            "LINE_WAITING",
            "1234567.89 EUR of 2026-12-01 waits for its counterpart",
            "1234567,89 EUR vom 01.12.2026 warten auf den Gegenposten",
        ),
        (
            "REORG_BELOW_FINAL",
            "block 1,234,567, final when it was read, is another one now",
            "Block 1.234.567, beim Lesen final, ist jetzt ein anderer",
        ),
        (
            "NEVER_SENT",
            "the bank says INV-1.50-1 was rejected, but it is held",
            "die Bank sagt, INV-1.50-1 sei abgewiesen; bei uns ist sie angehalten",
        ),
        ("NOTICE_FAILED", "mailbox full", "die Vorabankündigung ging nicht hinaus: mailbox full"),
    ],
)
def test_a_sentence_in_german(kind: str, sentence: str, german: str) -> None:
    """Its own figures, dates and states as Germans write them; names and what others said stay as they are."""
    assert breaks.said(kind, sentence, "de") == german
    assert breaks.said(kind, sentence, "en") == sentence


@pytest.mark.parametrize(
    ("reason", "german"),
    [
        (
            "60,000.00 EUR is above the limit of 50,000.00 EUR; a person releases it",
            "60.000,00 EUR liegen über der Grenze von 50.000,00 EUR; jemand gibt es frei",
        ),
        (
            "mandate M-1 is paused: P-1-1 came back: MD06 refund asked for by the debtor",
            "Mandat M-1 ist pausiert: P-1-1 kam zurück: MD06 Widerspruch durch den Zahler",
        ),
        ("mandate M-1 is paused: Kunde rief an", "Mandat M-1 ist pausiert: Kunde rief an"),
        ("mandate M-1 is paused", "Mandat M-1 ist pausiert"),
        ("Kunde rief am 2026-12-01 an", "Kunde rief am 2026-12-01 an"),
    ],
)
def test_why_something_waits_in_german(reason: str, german: str) -> None:
    """What a rule says in German, also inside a Break; what a person wrote stays as he wrote it."""
    assert (breaks.held(reason, "de"), breaks.held(reason, "en")) == (german, reason)
    found = breaks.said("DO_NOT_UPLOAD", f"F-1 waits for its upload, but P-2-1: {reason}", "de")
    if reason != german:
        assert found == f"F-1 wartet auf das Hochladen, aber: P-2-1: {german}"


def test_what_is_not_in_the_table_stays_as_it_is() -> None:
    """A sentence of another kind, or an older one: English rather than a wrong German one. So does what a person wrote."""
    assert breaks.german("HIGH_FEE", "mailbox full") is None
    assert breaks.said("HIGH_FEE", "mailbox full", "de") == "mailbox full"
    assert (breaks.ended("it has come", "de"), breaks.ended("it has come", "en")) == ("es ist gekommen", "it has come")
    assert breaks.ended("refunded on 3 Dec", "de") == "refunded on 3 Dec"


def test_every_kind_that_is_opened_has_its_words() -> None:
    """Both ways: no kind without words, and no words of a kind that nothing opens."""
    assert sorted(_opened() - set(breaks.SENTENCES)) == []
    assert sorted(set(breaks.SENTENCES) - _literals()) == []


def test_the_english_side_is_what_the_code_writes() -> None:
    """Each sentence stands in the code as it is, so one that is changed there cannot leave its German side behind."""
    told = [english for english, _ in _pairs()]
    whole = [re.sub(r"\{\d\}", "{}", english) for english in told]

    assert sorted({one for one in whole if one not in _sentences()} - COMPOSED) == []
    assert sorted(COMPOSED & _sentences()) == []


def test_both_sides_have_the_same_values() -> None:
    """No figure is lost or made up on the way to German; the English ones are counted from 0."""
    pairs = _pairs()

    assert [english for english, german in pairs if sorted(_values(english)) != sorted(_values(german))] == []
    assert [english for english, _ in pairs if _values(english) != [str(n) for n in range(len(_values(english)))]] == []


def test_every_owner_can_take_his_breaks() -> None:
    """Each kind has a role that may take it; an admin, who closes none with a sentence, has only those that end by themselves."""
    assert [kind for kind, role in breaks.OWNERS.items() if not permissions.allowed(role, breaks.TAKEN)] == []
    assert set(breaks.OWNERS) == set(breaks.SENTENCES)
    of_admins = {kind for kind, role in breaks.OWNERS.items() if not permissions.allowed(role, "resolve")}
    assert of_admins == {
        "ATTEST_NOT_TAKEN", "ATTEST_REFUSED", "ATTEST_TOO_DEAR", "FINALITY_STALLED", "FINALITY_WENT_BACK",
    }  # fmt: skip


def _pairs() -> list[tuple[str, str]]:
    """Every sentence of the tables: of Breaks, of how they ended, of holds."""
    return [pair for some in breaks.SENTENCES.values() for pair in some] + [*break_words.ENDINGS, *hold_words.SENTENCES]


def _values(sentence: str) -> list[str]:
    return re.findall(r"\{(\d)\}", sentence)


@cache
def _trees() -> tuple[ast.Module, ...]:
    files = [path for path in sorted((ROOT / "bridge").rglob("*.py")) if not path.name.startswith("break_words")]
    return tuple(ast.parse(path.read_text("utf-8")) for path in files)


@cache
def _literals() -> set[str]:
    """Every text of the code, and every piece of text in an f-string."""
    return {
        node.value
        for tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


@cache
def _sentences() -> set[str]:
    """Every text of the code with {} where a value stands; one that is divided over lines is one text."""
    found = set()
    for tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                found.add("".join(str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values))
    return found | _literals()


def _opened() -> set[str]:
    """What stands first in a tuple of kind, what and next, or of kind, subject, what and next."""
    return {
        node.elts[0].value
        for tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Tuple) and len(node.elts) in (3, 4)
        if isinstance(node.elts[0], ast.Constant) and isinstance(node.elts[0].value, str) and KIND.fullmatch(node.elts[0].value)
        if not all(isinstance(one, ast.Constant) for one in node.elts)
    }
