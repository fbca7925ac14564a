"""Whom a detail means that gives no EndToEndId: the one debit that fits, or nobody."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.rules import naming
from bridge.rules.naming import Nameless
from tests.factories import candidate


def nameless(cents: int = 100_00, **changed: Any) -> Nameless:
    """A detail under mandate MND-1; a negative amount is a return."""
    values: dict[str, Any] = {
        "id": 51,
        "account_id": 1,
        "cents": cents,
        "is_return": cents < 0,
        "charges_cents": 0,
        "mandate_id": "MND-1",
        "words": frozenset(),
    }
    return Nameless(**{**values, **changed})


def test_the_one_debit_of_the_mandate_is_meant() -> None:
    """By its amount, and the rule and what shows it are kept."""
    one = candidate()
    found = naming.meant(nameless(), [one, candidate(2, cents=99_99)], [])
    assert found is not None
    assert (found.candidate, found.rule, found.evidence) == (one, "MANDATE", "mandate MND-1 and the amount")


def test_one_of_several_is_nobody() -> None:
    """Two debits of the same amount under one mandate: a person decides, unless the text names one of them."""
    two = [candidate(1), candidate(2)]
    assert naming.meant(nameless(), two, []) is None
    found = naming.meant(nameless(), two, [two[1], candidate(3)])
    assert found is not None
    assert found.candidate == two[1]
    assert naming.meant(nameless(), two, two) is None


def test_a_text_does_not_speak_against_the_mandate() -> None:
    """Where the bank gives a mandate under which nothing fits, no number in a text makes up for it."""
    assert naming.meant(nameless(), [], [candidate()]) is None


def test_a_number_in_the_text_is_enough_without_a_mandate() -> None:
    """One debit that is named there, of this amount."""
    found = naming.meant(nameless(mandate_id=""), [], [candidate(2, cents=1), candidate()])
    assert found is not None
    assert (found.candidate, found.rule) == (candidate(), "TEXT")
    assert naming.meant(nameless(mandate_id=""), [], [candidate(1), candidate(2)]) is None


@pytest.mark.parametrize(
    ("cents", "changed", "state", "fits"),
    [
        (100_00, {}, "submitted", True),
        (100_00, {}, "accepted", True),
        (100_00, {}, "settled", False),
        (100_00, {}, "rejected", False),
        (100_00, {}, "pending", False),
        (99_99, {}, "submitted", False),
        (99_00, {"charges_cents": -1_00}, "submitted", True),
        (99_00, {}, "submitted", False),
        (-100_00, {}, "settled", True),
        (-100_00, {}, "submitted", False),
        (-100_00, {}, "returned", False),
        (-100_00, {"is_return": False}, "settled", False),
        (-105_00, {}, "settled", False),
        (-105_00, {"charges_cents": -5_00}, "settled", True),
        (100_00, {"account_id": 2}, "submitted", False),
    ],
)
def test_what_fits(cents: int, changed: dict[str, Any], state: str, fits: bool) -> None:
    """Its own account, the amount to the cent but for charges that are stated, and a state that this news moves on."""
    assert (naming.meant(nameless(cents, **changed), [candidate(state=state)], []) is not None) == fits


@pytest.mark.parametrize("unclear", ["elsewhere", "unclear"])
def test_a_debit_in_several_files_is_nobody(unclear: str) -> None:
    """Which file it was in is asked first."""
    assert naming.meant(nameless(), [candidate(**{unclear: True})], []) is None


@pytest.mark.parametrize(
    ("code", "own", "is_one"),
    [
        ("PMNT/IDDT/ESDD", None, True),
        ("PMNT/RCDT/ESCT", None, False),
        (None, "NDDT+171+9200", True),
        (None, "NRTI+109++901", True),
        (None, "NTRF+166+9310", False),
        (None, None, False),
    ],
)
def test_only_direct_debits_are_looked_at(code: str | None, own: str | None, is_one: bool) -> None:
    """A payer's own transfer may carry any number of ours in its text."""
    assert naming.is_direct_debit(code, own) == is_one


def test_which_words_may_be_a_number() -> None:
    """With a digit, of 3 to 35 characters, divided as banks divide them; an invoice's number stands for its attempts."""
    words = naming.numbers("EREF+plant-1-000001-1 SVWZ+Rechnung INV/7, Juni (2026) a1 " + "9" * 36)
    assert words == {"PLANT-1-000001-1", "INV/7", "2026", "9" * 35}
    assert {"INV/7", "INV/7-1", "INV/7-9"} <= naming.keys(words)
    assert "INV/7-10" not in naming.keys(words)
