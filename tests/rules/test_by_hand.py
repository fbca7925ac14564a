"""What a person may say about a line, and what is booked because of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from bridge.errors import BadInput, BridgeError, IllegalMove, NotAllowed
from bridge.rules.by_hand import Said, explain, not_ours
from bridge.rules.lines import Line
from tests.factories import FRIDAY, MONDAY, candidate, detail, line
from tests.rules.test_debts import debt

THEIRS, OURS = ("interchange", -1_00, None), ("bank fee", -2_00, None)
FEES_APART = detail(cents=-103_00, charges_cents=-3_00, interchange_cents=-1_00)
TODAY = date(2026, 12, 4)  # five TARGET days after FRIDAY
SETTLED, RETURNED, FEE = ("settled", 100_00, "settled"), ("returned", -100_00, "returned"), ("bank fee", -3_00, None)


def said(this: Line, *parts: Said, fee: int = 0, today: date = TODAY) -> list[tuple[str, int, str | None]]:
    """(fact, cents, state that the collection moves to) of each part."""
    return [(p.fact, p.cents, p.to_state) for one in explain(this, parts, fee_cents=fee, today=today) for p in one.parts]


def collection(state: str, cents: int | None = None, **changed: Any) -> Said:
    return Said(cents, candidate=candidate(1, state, **changed))


@pytest.mark.parametrize(
    ("this", "one", "expected"),
    [
        # the bank's credit, for whatever account, as transfer or not
        (line(100_00), collection("submitted"), [("settled", 100_00, "settled")]),
        (line(100_00), collection("accepted", account_id=2), [("settled", 100_00, "settled")]),
        (line(100_00, bank_code="PMNT/RCDT/ESCT"), collection("submitted"), [("settled", 100_00, "settled")]),
        (line(130_00), collection("submitted", 100_00), [("settled", 100_00, "settled")]),
        (line(97_00, charges_cents=-3_00), collection("submitted"), [SETTLED, FEE]),
        (line(97_00, detail(charges_cents=-3_00)), collection("submitted"), [SETTLED, FEE]),
        (line(97_00, charges_cents=-3_00, interchange_cents=-1_00), collection("submitted"), [SETTLED, THEIRS, OURS]),
        (line(97_00, detail(charges_cents=-3_00, interchange_cents=-1_00)), collection("submitted"), [SETTLED, THEIRS, OURS]),
        (line(100_00, charges_cents=-3_00), collection("submitted"), [SETTLED]),
        (line(1), collection("submitted", cents=None, amount_cents=1), [("settled", 1, "settled")]),
        (line(100_00), collection("settled"), [("late credit", 100_00, None)]),
        (line(100_00), collection("cancelled"), [("late credit", 100_00, None)]),
        (line(100_00), collection("batched", elsewhere=True), [("late credit", 100_00, None)]),
        # its return
        (line(-100_00), collection("settled"), [("returned", -100_00, "returned")]),
        (line(-103_00, detail(cents=-103_00)), collection("settled"), [RETURNED, FEE]),
        (line(-103_00, FEES_APART), collection("settled"), [RETURNED, THEIRS, OURS]),
        (line(-100_00), collection("returned"), [("late debit", -100_00, None)]),
        (line(-40_00), collection("returned"), [("late debit", -40_00, None)]),
        (line(-103_00, detail(cents=-103_00)), collection("returned"), [("late debit", -100_00, None), FEE]),
        (line(-100_00), collection("rejected"), [("late debit", -100_00, None)]),
        # the customer's own money
        (line(100_00), Said(debt=debt()), [("transfer", 100_00, None)]),
        (line(100_00), Said(1, debt=debt()), [("transfer", 1, None)]),
        (line(500_00), Said(debt=debt("paid", 0)), [("transfer", 500_00, None)]),
        (line(-50_00), Said(debt=debt("paid", -50_00)), [("refund", -50_00, None)]),
        (line(50_00), Said(debt=debt("paid", 0, spent_cents=50_00), refund=True), [("refund bounced", 50_00, None)]),
        # another line
        (line(100_00), Said(other=line(-100_00, id=8)), [("line to line", 100_00, None)]),
        (line(-30_00), Said(other=line(100_00, id=8)), [("line to line", -30_00, None)]),
        (line(100_00), Said(20_00, other=line(-100_00, id=8)), [("line to line", 20_00, None)]),
    ],
)  # fmt: skip
def test_what_is_booked(this: Line, one: Said, expected: list[tuple[str, int, str | None]]) -> None:
    """A name becomes the fact that a rule would have found, by the same states and amounts."""
    assert said(this, one) == expected


REFUSED: list[tuple[Line, Said, type[BridgeError], str]] = [
    (line(99_00), collection("submitted"), BadInput, "INV-1-1 is 100.00 EUR, this is 99.00 EUR"),
    (line(97_00), collection("submitted"), BadInput, r"bridge reconcile split 7 INV-1-1=100.00 --fee 3.00"),
    (line(101_00), collection("submitted"), BadInput, r"explains the difference; name the parts, as in: .* INV-1-1=100\.00$"),
    (line(100_01, charges_cents=1), collection("submitted"), BadInput, "no charge that the bank states"),
    (line(99_99, charges_cents=1), collection("submitted"), BadInput, r"INV-1-1=100\.00 --fee 0\.01$"),
    (line(-103_00), collection("settled"), BadInput, "INV-1-1=100.00 --fee 3.00"),
    (line(-131_00, detail(cents=-131_00)), collection("settled"), BadInput, "--fee 31.00"),
    (line(-99_00), collection("settled"), BadInput, "INV-1-1 is 100.00 EUR, this is 99.00 EUR"),
    (line(-140_00), collection("returned"), BadInput, "--fee 40.00"),
    (line(100_00), collection("pending"), IllegalMove, "INV-1-1 is pending: it never went to the bank"),
    (line(100_00), collection("batched"), IllegalMove, "INV-1-1 is batched: it never went to the bank"),
    (line(-100_00), collection("submitted"), IllegalMove, "its credit has not come yet"),
    (line(-100_00), collection("batched"), IllegalMove, "its credit has not come yet"),
    (line(100_00), collection("rejected"), IllegalMove, "the debit that takes this credit back may come until 2026-12-04"),
    (line(100_00), collection("withdrawn"), IllegalMove, "may come until 2026-12-04"),
    (line(-50_01), Said(debt=debt("paid", -50_00)), NotAllowed, "only that is ever refunded; line 7 paid 50.01 EUR"),
    (line(-1), Said(debt=debt("collecting", -100_00, clearing_cents=100_00)), NotAllowed, "0.00 EUR of what came"),
    (line(50_01), Said(debt=debt("paid", 0, spent_cents=50_00), refund=True), NotAllowed, "50.01 EUR did not bounce"),
    (line(100_00), Said(100_01, debt=debt()), BadInput, "add up to 100.01 EUR, and 100.00 EUR of line 7 is open"),
    (line(100_00), Said(0, debt=debt()), BadInput, "an amount is above zero"),
    (line(100_00, open_cents=0), Said(debt=debt()), IllegalMove, "is explained already"),
    (line(100_00), Said(other=line(100_00, id=8)), BadInput, "lines 7 and 8 do not take each other off"),
    (line(100_00), Said(other=line(-100_00, id=8, open_cents=0)), BadInput, "do not take each other off"),
    (line(100_00), Said(50_01, other=line(-50_00, id=8)), BadInput, "only 50.00 EUR is open of both"),
]


@pytest.mark.parametrize(("this", "one", "kind", "why"), REFUSED)
def test_what_is_refused(this: Line, one: Said, kind: type[BridgeError], why: str) -> None:
    """What would be wrong whoever says it; each refusal says why, and where it can, how it is done."""
    with pytest.raises(kind, match=why):
        said(this, one)


def test_patience_ends() -> None:
    """The day after five TARGET days a person may say that the credit of a rejected debit stays."""
    assert said(line(100_00), collection("rejected"), today=date(2026, 12, 5)) == [("late credit", 100_00, None)]


def test_a_split() -> None:
    """Several names and a fee make one explanation each; what the bank kept is on top of what the line holds."""
    parts = (Said(60_00, candidate=candidate(1, cents=60_00)), Said(40_00, debt=debt()))
    assert said(line(97_00), *parts, fee=3_00) == [("settled", 60_00, "settled"), ("transfer", 40_00, None), FEE]
    assert said(line(97_00), Said(90_00, debt=debt())) == [("transfer", 90_00, None)]
    assert said(line(97_00), fee=-97_00) == [("bank fee", 97_00, None)]
    assert said(line(-3_00), fee=3_00) == [FEE]


def test_a_line_against_two_others() -> None:
    """Lines have no invoice: two of them may stand in one split."""
    parts = (Said(60_00, other=line(-60_00, id=8)), Said(40_00, other=line(-40_00, id=9)))
    found = explain(line(100_00), parts, today=TODAY)
    assert [(p.cents, p.other_entry_id) for one in found for p in one.parts] == [(60_00, 8), (40_00, 9)]


@pytest.mark.parametrize(
    "one", [collection("submitted", 100_00), Said(100_00, debt=debt()), Said(100_00, other=line(-100_00, id=8))]
)
def test_who_said_so(one: Said) -> None:
    """Each explanation says that a person gave it, the one of a fee too."""
    found = explain(line(100_00), [one], fee_cents=3_00, today=TODAY)
    assert [(each.rule, each.evidence) for each in found] == [("PERSON", "person"), ("PERSON", "person")]


@pytest.mark.parametrize("fee", [-1, 100_00, 100_01])
def test_a_split_adds_up(fee: int) -> None:
    """Parts of more than the line, of nothing, or of the other sign are refused."""
    with pytest.raises(BadInput, match="the parts add up to"):
        said(line(100_00), Said(100_00, debt=debt()), fee=fee)


def test_an_invoice_moves_once_at_a_time() -> None:
    """Its collection and itself, or itself twice, in one split: refused."""
    with pytest.raises(BadInput, match="one invoice is named twice"):
        said(line(100_00), Said(1, candidate=candidate(1)), Said(1, debt=debt(id=101)))
    with pytest.raises(BadInput, match="one invoice is named twice"):
        said(line(100_00), Said(1, debt=debt()), Said(1, debt=debt()))


def test_the_reason_of_a_return() -> None:
    """That of the part which names the debit, or of the only part there is; a line without parts gives none."""
    named = line(-200_00, detail(1, -100_00, reason="MD06"), detail(2, -100_00, reason="AC04"))
    [one] = explain(named, [collection("settled", 100_00)], today=TODAY)
    [other] = explain(line(-100_00, detail(9, -100_00, reason="MS03")), [collection("settled")], today=TODAY)
    [none] = explain(line(-100_00), [collection("settled")], today=TODAY)

    assert [one.parts[0].reason, other.parts[0].reason, none.parts[0].reason] == ["MD06", "MS03", ""]


@pytest.mark.parametrize(("said_by_bank", "ours"), [("inv-1-1", "INV-1-1"), ("INV-1-1", "inv-1-1")])
def test_a_part_is_found_by_its_name(said_by_bank: str, ours: str) -> None:
    """Wherever it stands among the others, regardless of case."""
    nameless, other = detail(1, -100_00, end_to_end_id=None, reason="AC01"), detail(2, -100_00, reason="AC04")
    named = detail(3, -100_00, end_to_end_id=said_by_bank, reason="MD06")
    [found] = explain(line(-300_00, nameless, other, named), [collection("settled", 100_00, end_to_end_id=ours)], today=TODAY)
    assert found.parts[0].reason == "MD06"


def test_when_it_is_booked() -> None:
    """Never before the line, what it closes, or the day on which an earlier explanation was taken back."""
    later = collection("submitted", closes_on=MONDAY)
    assert booked_on(line(100_00), collection("submitted")) == FRIDAY
    assert booked_on(line(100_00), later) == MONDAY
    assert booked_on(replace(line(100_00), reopened_on=TODAY), later) == TODAY
    assert booked_on(line(100_00), Said(other=line(-100_00, id=8, booked_on=MONDAY))) == MONDAY
    assert booked_on(line(100_00), Said(other=replace(line(-100_00, id=8), reopened_on=TODAY))) == TODAY


def booked_on(this: Line, one: Said) -> date:
    [found] = explain(this, [one], today=TODAY)
    return found.booked_on


@pytest.mark.parametrize(("cents", "fact"), [(42_00, "not ours"), (1, "not ours"), (-42_00, "not ours, paid")])
def test_not_ours(cents: int, fact: str) -> None:
    """What is open of the line, with the reason as its evidence."""
    found = not_ours(line(cents * 2, open_cents=cents), "a mistake")

    assert (found.rule, found.evidence, [(p.fact, p.cents) for p in found.parts]) == ("PERSON", "a mistake", [(fact, cents)])
    with pytest.raises(IllegalMove, match="is explained already"):
        not_ours(line(cents, open_cents=0), "a mistake")


def test_a_credit_that_is_late_asks_for_the_customer() -> None:
    """As by rule, a break stands on the invoice."""
    [found] = explain(line(100_00), [collection("settled")], today=TODAY)
    assert [row[:2] for row in found.opens] == [("LATE_CREDIT", "invoice:101")]
