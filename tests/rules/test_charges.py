"""Which charges are inside a booked amount, and whose they are."""

from __future__ import annotations

import pytest

from bridge.records.camt import Charge
from bridge.rules import charges

THEIRS, OURS = Charge(3_00, False, None, "THEIRBIC123"), Charge(2_50, False, None, "OURBIC123")


def marked(*included: bool | None) -> list[Charge]:
    return [Charge(1_00, False, one) for one in included]


@pytest.mark.parametrize(
    ("given", "amount", "original", "count"),
    [
        (marked(True, False, None), -105_00, 100_00, 1),  # ChrgInclInd says so
        (marked(False, False), -102_00, 100_00, 0),  # beside, whatever the amounts seem to say
        ([THEIRS, OURS], -15_50, 10_00, 2),  # no record says so: 15.50 = 10.00 + 3.00 + 2.50
        ([THEIRS, OURS], -10_00, 10_00, 0),
        ([THEIRS, OURS], -15_49, 10_00, 0),
        ([THEIRS], 7_00, 10_00, 1),  # kept from a credit
        ([THEIRS, OURS], None, 10_00, 0),
        ([THEIRS, OURS], -15_50, None, 0),
    ],
)
def test_what_is_inside(given: list[Charge], amount: int | None, original: int | None, count: int) -> None:
    """The indicator decides; without one, only amounts that differ by just these charges prove it."""
    assert len(charges.inside(given, amount, original)) == count


@pytest.mark.parametrize(
    ("own", "debtor", "cents"),
    [
        ("OURBIC123", None, -3_00),  # a return of 2022: 3.00 for their bank, 2.50 for ours
        ("OURBIC12XXX", "ELSEDEFF", -3_00),  # another branch is the same bank
        (None, "theirbic", -3_00),  # the statement does not name its bank, the return names the debtor's
        (None, None, 0),
    ],
)
def test_whose_they_are(own: str | None, debtor: str | None, cents: int) -> None:
    """Interchange is what another bank takes than the one that keeps our account; nothing is guessed."""
    nameless = Charge(1_00, False, True)
    assert charges.interchange([THEIRS, OURS, nameless], own, debtor) == cents
    assert charges.stated([THEIRS, OURS, nameless]) == -6_50


def test_interchange_given_back() -> None:
    """A charge that is credited counts the other way."""
    assert charges.interchange([Charge(3_00, True, True, "THEIRBIC123")], "OURBIC123", None) == 3_00
