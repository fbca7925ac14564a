"""What explains a bank line: each rule and each refusal, with plain values and sums added up by hand."""

from __future__ import annotations

from datetime import date

import pytest

from bridge.rules import matching
from bridge.rules.lines import DetailFacts, Explained, Line, OpenCredit, Part, Pass, Result
from tests.factories import FRIDAY, MONDAY, candidate, detail, line, lump_sum, seen

KNOWN = date(2026, 11, 24)
#: credit transfers, as DK Anlage 3 numbers them
TRANSFERS = {"152", "153", "154", "155", "156", "159", "166", "167", "168", "169", "191", "194"}
#: the bank's charges there, from cards (801) to the cost of credit (811); from 812 on interest, transfers and more
FEES = {"801", "802", "803", "804", "805", "806", "807", "808", "809", "810", "811"}
#: ISO 20022 external code set: the families of domain PMNT
FAMILIES = (
    "CCRD", "CNTR", "DRFT", "ICCN", "ICDT", "ICHQ", "IDDT", "IRCT", "LBOX", "MCOP",
    "MCRD", "MDOP", "NTAV", "OTHR", "RCCN", "RCDT", "RCHQ", "RDDT", "RRCT",
)  # fmt: skip


def parts(found: Result) -> list[tuple[str, int]]:
    """(fact, cents) of every part."""
    return [(part.fact, part.cents) for explained in found.explained for part in explained.parts]


def breaks(found: Result) -> list[str]:
    return [kind for kind, *_ in (*found.opens, *(row for one in found.explained for row in one.opens))]


def test_a_credit_settles_its_collection() -> None:
    """A credit that names a debit and has its amount settles it, on the later of its date and the hand-over's."""
    found = matching.explain(line(100_00, detail()), seen(candidate(closes_on=MONDAY)))

    assert parts(found) == [("settled", 100_00)]
    assert found.explained[0].booked_on == MONDAY
    assert breaks(found) == []


def test_names_are_compared_regardless_of_case() -> None:
    """Banks change the case of an EndToEndId."""
    assert parts(matching.explain(line(100_00, detail(end_to_end_id="inv-1-1")), seen(candidate()))) == [("settled", 100_00)]


@pytest.mark.parametrize(
    ("cents", "charges", "interchange", "expected"),
    [
        (-105_50, -5_50, -3_00, [("returned", -100_00), ("interchange", -3_00), ("bank fee", -2_50)]),
        (-103_00, -3_00, -3_00, [("returned", -100_00), ("interchange", -3_00)]),
        (
            -102_00,
            -2_00,
            -3_00,
            [("returned", -100_00), ("interchange", -3_00), ("bank fee", 1_00)],
        ),  # our bank gives a part back
        (-100_00, -5_50, -3_00, [("returned", -100_00)]),  # all of it beside
    ],
)
def test_interchange_is_a_part_of_its_own(cents: int, charges: int, interchange: int, expected: list[tuple[str, int]]) -> None:
    """Original amount, the debtor bank's charge and our own bank's fee, where the file states them apart."""
    said = detail(cents=cents, charges_cents=charges, interchange_cents=interchange)
    assert parts(matching.explain(line(cents, said), seen(candidate(state="settled")))) == expected


def test_interchange_that_is_stated_at_the_entry() -> None:
    """Of the only detail; of several it is a voucher of its own; and of a lump sum it is kept from the credit."""
    one = line(-105_00, detail(cents=-105_00), charges_cents=-5_00, interchange_cents=-2_00)
    silent = line(-104_00, detail(cents=-104_00), charges_cents=-5_00, interchange_cents=-2_00)  # not these charges
    both = line(-305_00, detail(1, cents=-100_00), detail(2, cents=-200_00), charges_cents=-5_00, interchange_cents=-2_00)
    known = (candidate(1, "settled"), candidate(2, "settled", cents=200_00))
    whole = lump_sum(99_00, candidate(), charges_cents=-1_00, interchange_cents=-40)

    split = [("interchange", -2_00), ("bank fee", -3_00)]
    assert parts(matching.explain(one, seen(*known))) == [("returned", -100_00), *split]
    assert parts(matching.explain(silent, seen(*known))) == [("returned", -100_00), ("bank fee", -4_00)]
    assert parts(matching.explain(both, seen(*known))) == [("returned", -100_00), ("returned", -200_00), *split]
    assert parts(matching.explain(whole, seen())) == [("settled", 100_00), ("interchange", -40), ("bank fee", -60)]


@pytest.mark.parametrize(
    ("cents", "charges", "expected"),
    [
        (-105_00, -5_00, [("returned", -100_00), ("bank fee", -5_00)]),  # inside and stated
        (-105_00, 0, [("returned", -100_00), ("bank fee", -5_00)]),  # inside, silent
        (-100_00, 0, [("returned", -100_00)]),  # beside, as a line of its own
        (-100_00, -5_00, [("returned", -100_00)]),  # beside and stated
        (-100_01, 0, [("returned", -100_00), ("bank fee", -1)]),
        (-95_00, 5_00, [("returned", -100_00), ("bank fee", 5_00)]),  # a charge given back, as stated
        (-130_00, 0, [("returned", -100_00), ("bank fee", -30_00)]),  # the most that is believed in silence
        (-150_00, -50_00, [("returned", -100_00), ("bank fee", -50_00)]),  # stated ones are believed beyond that
    ],
)
def test_a_return_with_its_fee(cents: int, charges: int, expected: list[tuple[str, int]]) -> None:
    """A return takes the collected amount back; the rest is the bank's fee, in each of its shapes."""
    found = matching.explain(line(cents, detail(cents=cents, charges_cents=charges)), seen(candidate(state="settled")))
    assert parts(found) == expected


@pytest.mark.parametrize(("cents", "charges"), [(-130_01, 0), (-99_99, 0), (-106_00, -5_00)])
def test_a_fee_that_is_not_believed(cents: int, charges: int) -> None:
    """Too much in silence, less than was collected, or another fee than stated: nothing is booked."""
    found = matching.explain(line(cents, detail(cents=cents, charges_cents=charges)), seen(candidate(state="settled")))
    assert (parts(found), breaks(found)) == ([], ["AMOUNT_DIFF"])


@pytest.mark.parametrize(("cents", "charges"), [(99_99, 0), (100_01, 0), (100_01, 1), (99_98, -1)])
def test_an_amount_that_differs_by_a_cent(cents: int, charges: int) -> None:
    """Zero tolerance: another amount than the debit's settles nothing, unless it is what the bank says it kept."""
    found = matching.explain(line(cents, detail(cents=cents, charges_cents=charges)), seen(candidate()))
    assert (parts(found), breaks(found)) == ([], ["AMOUNT_DIFF"])


def test_a_part_of_nothing() -> None:
    """A detail of 0.00 EUR is no debit without a reason, but another amount."""
    found = matching.explain(line(100_00, detail(1), detail(2, 0)), seen(candidate(1), candidate(2)))
    assert (parts(found), breaks(found)) == ([("settled", 100_00)], ["AMOUNT_DIFF"])


def test_a_debit_of_a_cent() -> None:
    """The smallest debit there is, singly and as a lump sum; the smallest line that nobody knows."""
    for entry in (line(1, detail(cents=1)), lump_sum(1, candidate(cents=1))):
        assert parts(matching.explain(entry, seen(candidate(cents=1)))) == [("settled", 1)]
    assert breaks(matching.explain(line(1), seen())) == ["UNKNOWN_CREDIT"]


def test_what_is_kept_of_an_explanation() -> None:
    """The rule, its evidence, the date, the states, the bank's reason and the detail: what the books write down."""
    one, settled = candidate(), candidate(state="settled")
    came = matching.explain(line(100_00, detail()), seen(one))
    went = matching.explain(line(-100_00, detail(cents=-100_00, reason="MD06")), seen(settled))
    mute = matching.explain(line(-100_00, detail(cents=-100_00, reason=None)), seen(settled))

    credit, debit = Part("settled", 100_00, one, "settled"), Part("returned", -100_00, settled, "returned", "MD06")
    assert came.explained == (Explained("EndToEndId", "EndToEndId INV-1-1", FRIDAY, (credit,), 51),)
    assert went.explained == (Explained("EndToEndId", "EndToEndId INV-1-1", FRIDAY, (debit,), 51),)
    assert [part.reason for one in mute.explained for part in one.parts] == [""]


def test_a_charge_kept_from_a_credit() -> None:
    """What the bank says it kept from a credit is a charge, and the whole debit is settled."""
    found = matching.explain(line(99_00, detail(cents=99_00, charges_cents=-1_00)), seen(candidate()))
    assert parts(found) == [("settled", 100_00), ("bank fee", -1_00)]


def test_a_charge_beside_a_credit() -> None:
    """What the bank states and takes by a line of its own changes nothing, at the detail and at the line."""
    single = matching.explain(line(100_00, detail(charges_cents=-1_00)), seen(candidate()))
    whole = matching.explain(line(100_00, detail(), charges_cents=-1_00), seen(candidate()))
    assert (parts(single), breaks(single)) == ([("settled", 100_00)], [])
    assert (parts(whole), breaks(whole)) == ([("settled", 100_00)], [])


def test_another_account() -> None:
    """A line of an account on which the debit was not collected settles nothing, singly or as a lump sum."""
    single = matching.explain(line(100_00, detail()), seen(candidate(account_id=2)))
    lump = matching.explain(lump_sum(100_00, candidate(account_id=2)), seen())
    mixed = matching.explain(lump_sum(200_00, candidate(1), candidate(2, account_id=2)), seen())
    assert (parts(single), breaks(single)) == ([], ["OTHER_ACCOUNT"])
    assert (parts(lump), breaks(lump)) == ([], ["OTHER_ACCOUNT"])
    assert (parts(mixed), breaks(mixed)) == ([], ["OTHER_ACCOUNT"])


def test_a_debit_that_is_no_return() -> None:
    """A debit that names a collection without being called a return moves nothing."""
    found = matching.explain(line(-100_00, detail(cents=-100_00, is_return=False)), seen(candidate(state="settled")))
    assert (parts(found), breaks(found)) == ([], ["RETURN_WITHOUT_REASON"])


@pytest.mark.parametrize("state", ["submitted", "accepted"])
def test_a_return_before_its_credit_waits(state: str) -> None:
    """A debit before its credit stays open, without a Break."""
    found = matching.explain(line(-100_00, detail(cents=-100_00)), seen(candidate(state=state)))
    assert (parts(found), breaks(found)) == ([], [])


@pytest.mark.parametrize("state", ["settled", "returned", "reversed", "cancelled"])
def test_a_late_credit(state: str) -> None:
    """A credit of a debit that was credited or is over is booked on the invoice, and a person looks."""
    found = matching.explain(line(100_00, detail()), seen(candidate(state=state)))
    assert (parts(found), breaks(found)) == ([("late credit", 100_00)], ["LATE_CREDIT"])


def test_a_late_debit_up_to_the_late_credits() -> None:
    """A second return is booked as far as late credits brought money; beyond them a person looks."""
    covered = matching.explain(line(-100_00, detail(cents=-100_00)), seen(candidate(state="returned", late_cents=100_00)))
    second = matching.explain(line(-100_00, detail(cents=-100_00)), seen(candidate(state="returned", late_cents=0)))
    assert parts(covered) == [("late debit", -100_00)]
    assert (parts(second), breaks(second)) == ([], ["SECOND_RETURN"])


@pytest.mark.parametrize("state", ["pending", "held", "batched"])
@pytest.mark.parametrize(("unclear", "kind"), [(False, "NEVER_SENT"), (True, "UPLOAD_UNCLEAR")])
def test_what_was_not_sent(state: str, kind: str, *, unclear: bool) -> None:
    """Bank news about a debit that is in no file at the bank, or in one of several, is a Break and books nothing."""
    for found in (
        matching.explain(line(100_00, detail()), seen(candidate(state=state, unclear=unclear))),
        matching.explain(line(-100_00, detail(cents=-100_00)), seen(candidate(state=state, unclear=unclear))),
    ):
        assert (parts(found), breaks(found)) == ([], [kind])


def test_the_money_of_a_debit_that_is_batched_elsewhere() -> None:
    """Its old file is at the bank while it stands in a newer one: a late credit, and a debit takes back what came, no more."""
    came = matching.explain(line(100_00, detail()), seen(candidate(state="batched", elsewhere=True)))
    early = matching.explain(line(-100_00, detail(cents=-100_00)), seen(candidate(state="batched", elsewhere=True)))
    went = matching.explain(
        line(-100_00, detail(cents=-100_00)), seen(candidate(state="batched", elsewhere=True, late_cents=100_00))
    )

    assert (parts(came), breaks(came)) == ([("late credit", 100_00)], ["LATE_CREDIT"])
    assert (parts(early), breaks(early)) == ([], [])
    assert (parts(went), breaks(went)) == ([("late debit", -100_00)], [])


def test_details_that_do_not_add_up() -> None:
    """Details whose sum is not the line's amount explain nothing."""
    known = seen(candidate(1), candidate(2))
    found = matching.explain(line(199_99, detail(1), detail(2)), known)
    assert (parts(found), breaks(found)) == ([], ["DETAIL_SUM"])


def test_charges_at_the_line() -> None:
    """What the line states to have kept is the difference to its details, booked once."""
    entry = line(198_00, detail(1), detail(2), charges_cents=-2_00)
    found = matching.explain(entry, seen(candidate(1), candidate(2)))
    assert parts(found) == [("settled", 100_00), ("settled", 100_00), ("bank fee", -2_00)]
    assert found.explained[2] == Explained("FEE", "charges stated at the entry", FRIDAY, (Part("bank fee", -2_00),))
    again = line(198_00, detail(1, done=True), detail(2), charges_cents=-2_00, open_cents=100_00)
    assert parts(matching.explain(again, seen(candidate(1), candidate(2)))) == [("settled", 100_00)]


def test_charges_at_a_line_that_explains_nothing_yet() -> None:
    """They are booked with the first of its details, not before it."""
    entry = line(98_00, detail(), charges_cents=-2_00)
    found = matching.explain(entry, seen(candidate(account_id=2)))
    assert (parts(found), breaks(found)) == ([], ["OTHER_ACCOUNT"])


def test_details_without_amounts() -> None:
    """The only detail of a line has its amount; of several without one, none is guessed."""
    assert parts(matching.explain(line(100_00, detail(cents=None)), seen(candidate()))) == [("settled", 100_00)]
    two = matching.explain(line(200_00, detail(1, None), detail(2, None)), seen(candidate(1), candidate(2)))
    assert (parts(two), breaks(two)) == ([], ["DETAIL_SUM"])
    one = matching.explain(line(200_00, detail(1, 200_00), detail(2, None)), seen(candidate(1, cents=200_00), candidate(2)))
    assert (parts(one), breaks(one)) == ([("settled", 200_00)], ["DETAIL_SUM"])


def test_a_detail_that_nobody_knows() -> None:
    """The known details are explained, the unknown rest stays open with a Break: the same one in each pass."""
    found = matching.explain(line(200_00, detail(1), detail(2)), seen(candidate(1)))
    later = matching.explain(line(200_00, detail(1, done=True), detail(2), open_cents=100_00), seen(candidate(1)))
    assert (parts(found), breaks(found)) == ([("settled", 100_00)], ["UNKNOWN_DETAIL"])
    assert later == Result(opens=found.opens)


def test_a_rest_whose_details_are_all_explained() -> None:
    """A charge of the line that a person took back: nothing names it any more, so it is shown."""
    entry = line(98_00, detail(done=True), charges_cents=-2_00, open_cents=-2_00)
    found = matching.explain(entry, seen(candidate(state="settled")))
    assert (parts(found), breaks(found)) == ([], ["UNKNOWN_DETAIL"])


@pytest.mark.parametrize(("cents", "kind"), [(42_00, "UNKNOWN_CREDIT"), (-42_00, "UNKNOWN_DEBIT")])
def test_a_strangers_line(cents: int, kind: str) -> None:
    """A line that names nothing is never matched by its amount alone."""
    found = matching.explain(line(cents, detail(end_to_end_id=None, cents=cents)), seen(candidate(cents=42_00)))
    assert (parts(found), breaks(found)) == ([], [kind])


@pytest.mark.parametrize(
    ("code", "own", "evidence"),
    [
        ("PMNT/OTHR/CHRG", None, "PMNT/OTHR/CHRG"),
        ("PMNT/MDOP/FEES", None, "PMNT/MDOP/FEES"),
        ("ACMT/MDOP/COMM", "NMSC+899", "ACMT/MDOP/COMM"),
        (None, "NCHG+808+0003", "NCHG+808+0003"),
        ("PMNT/NTAV/NTAV", "NMSC+809", "NMSC+809"),
    ],
)
@pytest.mark.parametrize("details", [(), (detail(end_to_end_id=None),), (detail(end_to_end_id="NOTPROVIDED"),)])
def test_a_bank_fee_by_its_code(code: str | None, own: str | None, evidence: str, details: tuple[DetailFacts, ...]) -> None:
    """A debit with a fee's code that names no debit is a fee; the evidence is the code that says so."""
    found = matching.explain(line(-3_90, *details, bank_code=code, bank_code_own=own), seen())
    assert found == Result((Explained("FEE", f"bank code {evidence}", FRIDAY, (Part("bank fee", -3_90),)),))


def test_the_german_codes_of_fees() -> None:
    """801 to 811, and none else of a thousand."""
    codes = [f"{number:03}" for number in range(1_000)]
    assert {code for code in codes if parts(matching.explain(line(-3_90, bank_code_own=f"NMSC+{code}+1"), seen()))} == FEES


@pytest.mark.parametrize("own", ["NTRF+820", "NTRF+833", "NMSC+899", "808", "NTRF+820+808"])
def test_not_every_8xx_is_a_fee(own: str) -> None:
    """An own transfer (820), cash concentrating (833), a correction (899) are no charges, whatever stands behind the code."""
    found = matching.explain(line(-50_000_00, bank_code_own=own), seen())
    assert (parts(found), breaks(found)) == ([], ["UNKNOWN_DEBIT"])


def test_a_fee_code_on_a_named_line() -> None:
    """A line that names a debit is not a fee, whatever its code says."""
    entry = line(-100_00, detail(cents=-100_00), bank_code="PMNT/IDDT/CHRG")
    assert parts(matching.explain(entry, seen(candidate(state="settled")))) == [("returned", -100_00)]


def members(*states: str) -> tuple[matching.Candidate, ...]:
    """Members of 100, 200, 300 ... euros in these states; the failed ones were rejected on the 24th."""
    return tuple(
        candidate(n, state, n * 100_00, rejected_on=KNOWN if state in ("rejected", "withdrawn") else None)
        for n, state in enumerate(states, 1)
    )


def test_a_lump_sum_of_all() -> None:
    """All members, by sum and count: each is settled, in one voucher."""
    found = matching.explain(lump_sum(600_00, *members("submitted", "accepted", "submitted"), batch_count=3), seen())
    assert parts(found) == [("settled", 100_00), ("settled", 200_00), ("settled", 300_00)]
    assert len(found.explained) == 1


def test_what_is_kept_of_a_lump_sum() -> None:
    """The rule, how many of how many, the state, and the later of its date and the hand-over's."""
    one, two = candidate(1, closes_on=MONDAY), candidate(2)
    found = matching.explain(lump_sum(200_00, one, two), seen())
    settled = (Part("settled", 100_00, one, "settled"), Part("settled", 100_00, two, "settled"))
    assert found.explained == (Explained("BATCH", "2 of 2 members", MONDAY, settled),)


@pytest.mark.parametrize("details", [(detail(end_to_end_id=None),), (detail(end_to_end_id="NOTPROVIDED"),)])
def test_a_lump_sum_with_a_detail_that_names_nothing(details: tuple[DetailFacts, ...]) -> None:
    """NOTPROVIDED is how banks write that there is no name: the lump sum is explained by its batch."""
    found = matching.explain(lump_sum(100_00, candidate(), details=details), seen())
    assert parts(found) == [("settled", 100_00)]


def test_a_debit_that_names_a_batch() -> None:
    """No lump sum comes as a debit: a person looks."""
    assert breaks(matching.explain(lump_sum(-100_00, candidate()), seen())) == ["UNKNOWN_DEBIT"]


@pytest.mark.parametrize("state", ["rejected", "withdrawn"])
@pytest.mark.parametrize("known_on", [KNOWN, FRIDAY])
def test_a_lump_sum_net_of_known_rejects(state: str, known_on: date) -> None:
    """All but the rejects known when it was booked, also those of the same day."""
    failed = candidate(2, state, 200_00, rejected_on=known_on)
    found = matching.explain(lump_sum(400_00, candidate(1), failed, candidate(3, cents=300_00), batch_count=2), seen())
    assert parts(found) == [("settled", 100_00), ("settled", 300_00)]


def test_a_lump_sum_of_rejects_alone() -> None:
    """A gross sum whose members all failed waits for their debits."""
    assert matching.explain(lump_sum(300_00, *members("rejected", "withdrawn")), seen()) == Result()


def test_a_sum_that_holds_nobody() -> None:
    """Another sum than that of all or of all but the rejects holds no member, and so does one whose members were all rejected."""
    assert matching.contained(100_01, None, FRIDAY, [candidate()]) == ()
    assert matching.contained(0, None, FRIDAY, members("rejected")) == ()


def test_a_gross_lump_sum_leaves_the_rejects_open() -> None:
    """A gross sum with a rejected member settles the others; the rest waits for the reject's debit."""
    found = matching.explain(lump_sum(600_00, *members("submitted", "rejected", "submitted")), seen())
    assert (parts(found), breaks(found)) == ([("settled", 100_00), ("settled", 300_00)], [])


def test_a_lump_sum_that_holds_a_later_reject() -> None:
    """A reject dated after the booking is in the sum; an earlier one is not."""
    one, two, three = members("submitted", "rejected", "rejected")
    later = candidate(3, "rejected", 300_00, rejected_on=MONDAY)
    assert parts(matching.explain(lump_sum(400_00, one, two, later), seen())) == [("settled", 100_00)]
    assert three.rejected_on is not None
    assert three.rejected_on < FRIDAY


@pytest.mark.parametrize(("cents", "count"), [(500_00, None), (600_00, 2), (400_00, 3), (600_01, 3), (200_00, None)])
def test_a_lump_sum_that_is_neither(cents: int, count: int | None) -> None:
    """Another sum or count than all or all but the known rejects settles nothing."""
    found = matching.explain(lump_sum(cents, *members("submitted", "rejected", "submitted"), batch_count=count), seen())
    assert (parts(found), breaks(found)) == ([], ["BATCH_SUM"])


def test_the_words_for_a_lump_sum_that_is_neither() -> None:
    """They name the gross sum, the bank's charge added back, and that of the batch."""
    found = matching.explain(lump_sum(490_00, *members("submitted", "rejected", "submitted"), charges_cents=-10_00), seen())
    [(_, _, what, _)] = found.opens
    assert what == "500.00 EUR is neither all of the batch (600.00 EUR) nor all but its known rejects"


def test_a_charge_kept_from_a_lump_sum() -> None:
    """What the bank states to have kept from a lump sum is added back before it is compared."""
    found = matching.explain(lump_sum(299_00, *members("submitted", "submitted"), charges_cents=-1_00), seen())
    assert parts(found) == [("settled", 100_00), ("settled", 200_00), ("bank fee", -1_00)]


def test_a_second_lump_sum() -> None:
    """A lump sum for members that were credited before it stays open, with a Break."""
    for credited in (candidate(1, "settled"), candidate(1, "settled", closes_on=FRIDAY)):
        found = matching.explain(lump_sum(300_00, credited, candidate(2, cents=200_00)), seen())
        assert (parts(found), breaks(found)) == ([], ["SECOND_CREDIT"])


def test_a_lump_sum_read_after_a_later_credit() -> None:
    """A member that a later line settled takes the lump sum as late credit, in a voucher of its own."""
    later = candidate(1, "settled", 100_00, closes_on=MONDAY)
    found = matching.explain(lump_sum(300_00, later, candidate(2, "submitted", 200_00)), seen())
    assert [[part.fact for part in one.parts] for one in found.explained] == [["settled"], ["late credit"]]
    assert [(one.rule, one.booked_on) for one in found.explained] == [("BATCH", FRIDAY), ("BATCH", MONDAY)]
    assert breaks(found) == ["LATE_CREDIT"]


def test_a_charge_kept_from_a_lump_sum_read_late() -> None:
    """It is booked once, beside what is settled if anything is."""
    first, second = candidate(1, "settled", closes_on=MONDAY), candidate(2, "settled", closes_on=MONDAY)
    both = matching.explain(lump_sum(199_00, first, candidate(2), charges_cents=-1_00), seen())
    late = matching.explain(lump_sum(199_00, first, second, charges_cents=-1_00), seen())
    assert [[part.fact for part in one.parts] for one in both.explained] == [["settled", "bank fee"], ["late credit"]]
    assert [[part.fact for part in one.parts] for one in late.explained] == [["late credit", "late credit", "bank fee"]]


@pytest.mark.parametrize("state", ["pending", "held", "batched"])
def test_a_lump_sum_of_a_file_that_never_left(state: str) -> None:
    """A lump sum for a file that never left settles nothing, and a person asks the bank."""
    found = matching.explain(lump_sum(300_00, *members("submitted", state)), seen())

    assert (parts(found), breaks(found)) == ([], ["NEVER_SENT"])


@pytest.mark.parametrize("batched_on", [FRIDAY, MONDAY])
def test_a_lump_sum_with_a_member_that_is_batched_elsewhere(batched_on: date) -> None:
    """The others are settled; its part is a late credit, whenever the newer file was cut."""
    frozen = candidate(1, "batched", 100_00, elsewhere=True, closes_on=batched_on)
    found = matching.explain(lump_sum(300_00, frozen, candidate(2, "submitted", 200_00)), seen())

    assert [[part.fact for part in one.parts] for one in found.explained] == [["settled"], ["late credit"]]
    assert breaks(found) == ["LATE_CREDIT"]


def test_a_lump_sum_whose_reject_was_debited_first() -> None:
    """A debit that was taken off the lump sum before does not hide that its other members are not settled yet."""
    entry = lump_sum(300_00, *members("rejected", "submitted"), open_cents=200_00)
    assert parts(matching.explain(entry, seen())) == [("settled", 200_00)]


def test_a_lump_sum_that_did_its_work() -> None:
    """What is left of a lump sum whose members are settled is not explained twice."""
    entry: Line = lump_sum(300_00, *members("rejected", "settled"), open_cents=100_00, members_settled=True)
    assert matching.explain(entry, seen()) == Result()


def debit_of_a_reject(
    *credits: OpenCredit,
    spent: dict[int, int] | None = None,
    state: str = "rejected",
    cents: int = -100_00,
    reason: str | None = None,
) -> tuple[Result, Pass]:
    one = candidate(state=state, rejected_on=KNOWN)
    now = seen(one, open_credits={one.id: credits}, spent=spent or {})
    return matching.explain(line(cents, detail(cents=cents, reason=reason)), now), now


def test_line_to_line() -> None:
    """The debit of a rejected member is taken off the credit that holds it, on the later of both dates."""
    found, now = debit_of_a_reject(OpenCredit(9, 50_00, FRIDAY), OpenCredit(10, 100_00, MONDAY))
    assert parts(found) == [("line to line", -100_00)]
    assert found.explained[0].parts[0].other_entry_id == 10
    assert found.explained[0].booked_on == MONDAY
    assert now.spent == {10: 100_00}


@pytest.mark.parametrize("state", ["rejected", "withdrawn"])
@pytest.mark.parametrize(("reason", "kept"), [("AC04", "AC04"), (None, "")])
def test_what_is_kept_of_line_to_line(state: str, reason: str | None, kept: str) -> None:
    """The rule, its evidence, the bank's reason and the other line; what is beyond the debit is the bank's fee."""
    found, _ = debit_of_a_reject(OpenCredit(9, 100_00, FRIDAY), state=state, cents=-103_00, reason=reason)
    [one] = found.explained
    assert (one.rule, one.evidence, one.detail_id) == ("LINE_TO_LINE", "EndToEndId INV-1-1", 51)
    assert [(part.fact, part.cents, part.reason, part.other_entry_id) for part in one.parts] == [
        ("line to line", -100_00, kept, 9),
        ("bank fee", -3_00, "", None),
    ]


def test_line_to_line_never_takes_more_than_is_open() -> None:
    """What one debit took of a credit, the next one of the same pass cannot take again."""
    found, _ = debit_of_a_reject(OpenCredit(9, 150_00, FRIDAY), spent={9: 100_00})
    assert (parts(found), breaks(found)) == ([], [])


def test_a_credit_of_a_rejected_debit_waits() -> None:
    """A bank that books a reject as credit and debit: the credit waits for the debit."""
    found = matching.explain(line(100_00, detail()), seen(candidate(state="rejected")))
    assert (parts(found), breaks(found)) == ([], [])


def test_an_invoice_moves_once_a_pass() -> None:
    """What concerns an invoice that this pass touched already is left for the next one, singly and as a lump sum."""
    now = seen(candidate())
    first = matching.explain(line(100_00, detail()), now)
    second = matching.explain(line(100_00, detail(), id=8), now)
    lump = matching.explain(lump_sum(100_00, candidate()), now)
    assert parts(first) == [("settled", 100_00)]
    assert (second, lump) == (Result(), Result())


def test_a_lump_sum_moves_an_invoice_once_a_pass() -> None:
    """What a lump sum settled is left alone, and one touched member is enough to leave a lump sum for the next pass."""
    now = seen(candidate(2))
    first = matching.explain(lump_sum(200_00, candidate(1), candidate(2)), now)
    single = matching.explain(line(100_00, detail(2), id=8), now)
    other = matching.explain(lump_sum(200_00, candidate(2), candidate(3), id=9), now)
    assert parts(first) == [("settled", 100_00), ("settled", 100_00)]
    assert (single, other) == (Result(), Result())


def test_the_codes_of_transfers() -> None:
    """Four families of ISO 20022 and twelve German codes, and none else; a code is looked for in its own place alone."""
    german = {code for code in (f"{number:03}" for number in range(1_000)) if matching.is_transfer(None, f"NTRF+{code}+9310")}
    families = {family for family in FAMILIES if matching.is_transfer(f"PMNT/{family}/OTHR", None)}

    assert german == TRANSFERS
    assert families == {"ICDT", "RCDT", "IRCT", "RRCT"}
    for code, own in (("PMNT/RDDT/RCDT", "NTRF+171+166"), ("RCDT", "166"), (None, None)):
        assert not matching.is_transfer(code, own)
    assert matching.is_transfer("PMNT/RCDT", "NTRF+171")
    assert matching.is_transfer("PMNT/RDDT", "NTRF+166")


@pytest.mark.parametrize("code", [{"bank_code": "PMNT/RCDT/ESCT"}, {"bank_code_own": "NTRF+166+9310"}])
def test_a_transfer_with_our_id_settles_no_debit(code: dict[str, str]) -> None:
    """The payer's own transfer may carry the EndToEndId of a debit that is still at the bank: a person looks."""
    found = matching.explain(line(100_00, detail(), **code), seen(candidate()))

    assert parts(found) == []
    assert breaks(found) == ["TRANSFER_NAMES_DEBIT"]


def test_a_high_charge_is_booked_and_shown() -> None:
    """A stated charge is booked as stated; above 30.00 EUR a person is told."""
    ordinary = matching.explain(line(-130_00, detail(cents=-130_00, charges_cents=-30_00)), seen(candidate(state="settled")))
    high = matching.explain(line(-130_01, detail(cents=-130_01, charges_cents=-30_01)), seen(candidate(state="settled")))

    assert breaks(ordinary) == []
    assert breaks(high) == ["HIGH_FEE"]
    assert parts(high) == [("returned", -100_00), ("bank fee", -30_01)]


def test_a_lump_sum_whose_details_name_others_settles_nothing() -> None:
    """A line that names our block but whose details name foreign debits is not ours to guess."""
    found = matching.explain(lump_sum(100_00, candidate(), details=(detail(number=9),)), seen())

    assert parts(found) == []
    assert breaks(found) == ["UNKNOWN_CREDIT"]


@pytest.mark.parametrize("details", [(), (detail(number=9),)])
def test_a_batch_that_is_not_ours(details: tuple[DetailFacts, ...]) -> None:
    """A line whose batch has no member of ours is a stranger's."""
    assert breaks(matching.explain(lump_sum(100_00, details=details), seen())) == ["UNKNOWN_CREDIT"]


@pytest.mark.parametrize(
    ("cents", "words"),
    [(0, "0.00 EUR"), (1, "0.01 EUR"), (-1, "-0.01 EUR"), (-3_90, "-3.90 EUR"), (1_234_567_89, "1,234,567.89 EUR")],
)
def test_an_amount_in_words_of_a_person(cents: int, words: str) -> None:
    """Two places, thousands apart, the sign before the number."""
    assert matching.euro(cents) == words
