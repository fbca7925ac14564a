"""Which advice completes a line that names somebody: the same debits, nothing that contradicts, and no other line."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from bridge.rules.advices import Told, Words, complete, pair, same

DAY = date(2026, 12, 1)


def words(name: str | None = "INV-1-1", cents: int | None = -100_00, reason: str | None = None, **changed: Any) -> Words:
    values: dict[str, Any] = {"mandate_id": None, "original_cents": None}
    return Words(end_to_end_id=name, amount_cents=cents, return_reason=reason, **{**values, **changed})


def told(number: int, *said: Words, cents: int = -100_00, ref: str | None = None, on: date = DAY) -> Told:
    content = tuple((word.end_to_end_id, word.return_reason) for word in said)
    return Told(number, cents, on, ref, None, None, content=content, words=said)


LINE, MORE = told(1, words()), told(9, words("inv-1-1", reason="AM04"))


@pytest.mark.parametrize(
    ("lines", "advices", "expected"),
    [
        ([LINE], [MORE], {1: 9}),
        ([LINE], [told(9, words(cents=-99_00))], {}),  # another amount of the part
        ([LINE], [told(9, words("INV-2-1", reason="AM04"))], {}),  # another debit
        ([LINE], [told(9, words(), words("INV-2-1"))], {}),  # one more part
        ([LINE], [told(9, words(), cents=-100_01)], {}),
        ([LINE], [told(9, words(), on=date(2026, 12, 2))], {}),
        ([told(1, words(), ref="A")], [told(9, words(), ref="B")], {}),  # the bank calls it another movement
        ([told(1, words(reason="MD06"))], [MORE], {}),  # it contradicts the line
        ([LINE], [told(7, words()), MORE], {1: 9}),  # at noon without, in the evening with the reason
        ([LINE], [told(7, words(reason="MD06")), MORE], {}),  # they contradict each other
        ([LINE, told(2, words())], [MORE], {}),  # which of the two it tells is a guess
        ([told(1, words(), ref="A"), told(2, words(), ref="B")], [told(9, words(reason="AM04"), ref="B")], {2: 9}),
        ([told(1, words(None, mandate_id="M1"))], [told(9, words(mandate_id="m1"))], {1: 9}),  # by the mandate
        ([told(1, words(None))], [told(9, words(None, reason="AM04"))], {}),  # neither names anybody
    ],
)
def test_what_completes_a_line(lines: list[Told], advices: list[Told], expected: dict[int, int]) -> None:
    """Amount, day, references and each part must agree; of several that agree, the one that says the most."""
    assert complete(lines, advices) == expected


def test_what_may_be_about_another_line_explains_none() -> None:
    """A nameless line waits for its advice; another of that amount and day, which needs none, may be the one that is meant."""
    nameless, advice = told(2), told(9, words(reason="AM04"))
    assert pair([nameless], [advice]) == {2: 9}
    assert pair([replace(told(1, words(None)), waits=False), nameless], [advice]) == {}


def test_parts_are_found_in_any_order() -> None:
    """An advice lists the debits of a line in another order; one that lists a debit twice is not the same."""
    one, two = words("INV-1-1"), words("INV-2-1")
    assert same([one, two], [two, one]) == {0: 1, 1: 0}
    assert same([one, two], [one, one]) is None
    assert same([one, one], [one, two]) is None
