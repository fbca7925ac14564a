"""What a status report says about each debit of a file: three levels, inherited downwards."""

from __future__ import annotations

import pytest

from bridge.rules import answers
from bridge.rules.answers import ReportLine
from tests.factories import status

#: a file with block B1 (A, B) and block B2 (C)
MEMBERS = {"A": "B1", "B": "B1", "C": "B2"}


def said(*lines: ReportLine) -> dict[str, str]:
    return {one.end_to_end_key: one.news for one in answers.read(lines, MEMBERS).said}


def strange(*lines: ReportLine) -> list[tuple[int, str]]:
    return [(line_id, kind) for line_id, kind, _ in answers.read(lines, MEMBERS).strange]


def test_the_words_of_the_list() -> None:
    """Which statuses take, which refuse and which decide nothing (ISO 20022, ExternalPaymentTransactionStatus1Code)."""
    assert {"RJCT", "CANC"} == answers.NEGATIVE
    assert {"ACTC", "ACCP", "ACSP", "ACSC", "ACWC", "ACCC"} == answers.POSITIVE
    assert {"RCVD", "PDNG", "PART", "RCVC", "RVCM", "RVNC", "RVNA", "RVNM", "RVMC", "RCVM"} == answers.NOTHING_YET


@pytest.mark.parametrize("word", sorted(answers.POSITIVE))
def test_each_word_that_takes(word: str) -> None:
    """A technical or business acceptance is heard as accepted, and a reason that is not given is an empty one."""
    reading = answers.read([status(1, "debit", word, "c", pmt_inf_id="B2")], MEMBERS)
    assert reading == answers.Reading((answers.Said(1, "C", "accepted", ""),), ())


def test_a_rejected_file_rejects_every_debit() -> None:
    """RJCT for the file is inherited by all its debits, with its reason."""
    reading = answers.read([status(1, "group", "RJCT", reason="FF01")], MEMBERS)
    assert [(one.end_to_end_key, one.news, one.reason) for one in reading.said] == [
        ("A", "rejected", "FF01"),
        ("B", "rejected", "FF01"),
        ("C", "rejected", "FF01"),
    ]


def test_a_rejected_block_rejects_its_own_debits() -> None:
    """RJCT for a block is inherited by its debits and no others."""
    assert said(status(1, "group", "PART"), status(2, "block", "RJCT", "b1")) == {"A": "rejected", "B": "rejected"}


def test_a_rejected_debit_stands_alone() -> None:
    """In a partly accepted file, what is not listed is not confirmed."""
    assert said(status(1, "group", "PART"), status(2, "block", "PART", "B1"), status(3, "debit", "RJCT", "a")) == {
        "A": "rejected"
    }


def test_a_debits_own_word_beats_its_blocks() -> None:
    """A debit with a status of its own does not inherit."""
    assert said(status(1, "block", "RJCT", "B1"), status(2, "debit", "ACCP", "A")) == {"A": "accepted", "B": "rejected"}
    assert said(status(1, "block", "RJCT", "B1"), status(2, "debit", "PDNG", "A")) == {"B": "rejected"}


def test_a_blocks_own_word_beats_the_files() -> None:
    """A block with a status of its own does not inherit either."""
    lines = (status(1, "group", "RJCT"), status(2, "block", "PDNG", "B1"))
    assert said(*lines) == {"C": "rejected"}


def test_a_level_without_a_word_inherits() -> None:
    """A block that is named without a status takes the file's."""
    assert said(status(1, "group", "ACCP"), status(2, "block", None, "B1"), status(3, "debit", "RJCT", "B")) == {
        "A": "accepted",
        "B": "rejected",
        "C": "accepted",
    }
    assert said(status(1, "block", "ACCP", "B1"), status(2, "debit", None, "A")) == {"A": "accepted", "B": "accepted"}


@pytest.mark.parametrize("word", sorted(answers.NEGATIVE))
def test_cancelled_counts_as_rejected(word: str) -> None:
    """RJCT and CANC are the two words for no."""
    assert said(status(1, "debit", word, "C", pmt_inf_id="B2")) == {"C": "rejected"}


@pytest.mark.parametrize("word", ["PART", "PDNG", "RCVD", "RCVC", "RVNC", "RVNA", "RVNM", "RVMC", "RVCM"])
def test_nothing_is_decided_yet(word: str) -> None:
    """Received, pending, partly and the payee verification's words decide nothing, and are nothing strange."""
    assert said(status(1, "group", word)) == {}
    assert strange(status(1, "group", word)) == []


@pytest.mark.parametrize("code", ["DUPL", "DU01", "DU02", "DU03", "DU04", "DU05", "AM05"])
def test_a_copy_moves_nothing(code: str) -> None:
    """What the bank calls a copy concerns the copy, at any level; what stands below it too, even without a reason of its own."""
    group = (
        status(1, "group", "RJCT", reason=code),
        status(2, "block", "RJCT", "B1"),
        status(3, "debit", "RJCT", "C", pmt_inf_id="B2"),
    )
    block = (status(1, "block", "RJCT", "B1", reason=code), status(2, "debit", "RJCT", "A"))
    assert said(*group) == {}
    assert strange(*group) == [(1, "COPY_REJECTED")]
    assert said(*block) == {}
    assert said(status(1, "debit", "RJCT", "A", reason=code)) == {}


def test_beside_a_copy_the_others_are_heard() -> None:
    """One debit is a copy of one that was sent before: its neighbour in the same block was rejected for a reason of its own."""
    copy = status(1, "debit", "RJCT", "A", pmt_inf_id="B1", reason="AM05")
    assert said(copy, status(2, "debit", "RJCT", "B", pmt_inf_id="b1", reason="AC04")) == {"B": "rejected"}


def test_a_copys_block_in_small_letters() -> None:
    """Ids compare in any letters, for what stands below a block that is a copy and for what stands above such a debit."""
    block, debit = status(1, "block", "RJCT", "b1", reason="DUPL"), status(2, "debit", "RJCT", "A", pmt_inf_id="B1")
    assert said(block, debit) == {}
    assert said(status(1, "block", "RJCT", "B1"), status(2, "debit", "RJCT", "A", pmt_inf_id="b1", reason="DUPL")) == {}


def test_a_rejection_that_only_a_copy_explains() -> None:
    """A file or block rejected without a reason is explained below; where that says copy, its other debits stay as they are."""
    block, debit = status(2, "block", "RJCT", "B1", reason="DUPL"), status(3, "debit", "RJCT", "A", reason="AM05")
    assert said(status(1, "group", "RJCT"), block) == {}
    assert said(status(2, "block", "RJCT", "B1"), debit) == {}
    assert said(status(1, "group", "RJCT", reason="FF01"), block) == {"C": "rejected"}


@pytest.mark.parametrize("word", [*sorted(answers.POSITIVE | answers.NOTHING_YET), "ZZZZ", None])
@pytest.mark.parametrize("level", ["group", "block", "debit"])
def test_no_other_word_rejects_at_any_level(level: str, word: str | None) -> None:
    """Of every status at every level only RJCT and CANC are a no, whatever reason stands beside it."""
    name = {"group": None, "block": "B1", "debit": "A"}[level]
    for reason in (None, "AC04", "MD06"):
        assert "rejected" not in said(status(1, level, word, name, reason=reason)).values()


def why(*lines: ReportLine) -> dict[str, str]:
    return {one.end_to_end_key: one.reason for one in answers.read(lines, MEMBERS).said}


def test_the_reason_may_stand_at_another_level_than_the_status() -> None:
    """Above, where debit or block are rejected without one; below, where the block is rejected and the debit says why."""
    assert why(status(1, "block", "RJCT", "B1", reason="BE05"), status(2, "debit", "RJCT", "A")) == {"A": "BE05", "B": "BE05"}
    assert why(status(1, "group", "RJCT", reason="FF01"), status(2, "block", "RJCT", "b1"))["B"] == "FF01"
    assert why(status(1, "block", None, "B1", reason="MD06"), status(2, "debit", "RJCT", "A")) == {"A": "MD06"}
    assert why(status(1, "group", None, reason="BE05"), status(2, "block", "RJCT", "B2")) == {"C": "BE05"}
    assert why(status(1, "block", "RJCT", "B1"), status(2, "debit", None, "A", reason="MD07")) == {"A": "MD07", "B": ""}
    assert why(status(1, "group", "RJCT", reason="FF01"), status(2, "debit", None, "C", reason="AC04"))["C"] == "AC04"


@pytest.mark.parametrize("word", ["PART", "PDNG", "ACCP"])
def test_the_reason_of_what_is_not_rejected_explains_nothing(word: str) -> None:
    """What a block says beside PART, or beside an acceptance, is not why one of its debits was rejected."""
    assert why(status(1, "block", word, "B1", reason="NARR"), status(2, "debit", "RJCT", "A"))["A"] == ""


@pytest.mark.parametrize("word", [None, "PART", "PDNG", "ACCP", "RJCT"])
@pytest.mark.parametrize("code", sorted(answers.COPY_REASONS))
def test_a_copy_moves_nothing_whatever_its_status(code: str, word: str | None) -> None:
    """Beside no status, or any: neither the debit, block or file that is called a copy, nor what is rejected for it alone."""
    assert said(status(1, "debit", word, "A", reason=code)) == {}
    assert said(status(1, "block", word, "B1", reason=code), status(2, "debit", "RJCT", "A")) == {}
    assert said(status(1, "group", word, reason=code), status(2, "block", "RJCT", "B1"), status(3, "debit", "RJCT", "C")) == {}
    assert (1, "COPY_REJECTED") in strange(status(1, "debit", word, "A", reason=code))


def test_a_debit_that_is_a_copy_does_not_inherit() -> None:
    """Its file or block is rejected for a reason of its own; this debit is called a copy of one that stands."""
    copy = status(2, "debit", None, "A", reason="AM05")
    assert said(status(1, "group", "RJCT", reason="FF01"), copy) == {"B": "rejected", "C": "rejected"}
    assert said(status(1, "block", "RJCT", "B1", reason="FF01"), copy) == {"B": "rejected"}


def test_a_block_that_is_a_copy_does_not_inherit() -> None:
    """The other blocks of the file are rejected for its reason."""
    assert said(status(1, "group", "RJCT", reason="FF01"), status(2, "block", None, "B1", reason="DU02")) == {"C": "rejected"}


def test_in_a_file_of_which_a_part_is_a_copy() -> None:
    """What was rejected for a reason of its own is heard; what only the copy explains is not."""
    group = status(1, "group", "PART", reason="DUPL")
    own, silent = status(2, "debit", "RJCT", "A", reason="AC04"), status(3, "debit", "RJCT", "B")
    assert said(group, own, silent) == {"A": "rejected"}
    assert said(status(1, "block", "PART", "B1", reason="DU02"), own, silent) == {"A": "rejected"}


def test_a_reason_without_a_status_goes_to_a_person() -> None:
    """Nobody is rejected by it; where a rejection above or below is what it explains, or a status follows, nothing is strange."""
    block, file = status(1, "block", None, "B1", reason="BE05"), status(1, "group", None, reason="FF01")
    for alone in (file, block, status(1, "debit", None, "A", reason="AC04")):
        assert said(alone) == {}
        assert strange(alone) == [(1, "UNKNOWN_STATUS")]
    debit = status(2, "debit", None, "A", reason="AC04")
    assert strange(status(1, "block", "PART", "B1"), debit) == [(2, "UNKNOWN_STATUS")]
    assert strange(status(1, "block", "ACCP", "B1"), status(3, "group", "RJCT"), debit) == [(2, "UNKNOWN_STATUS")]
    assert strange(status(1, "block", "RJCT", "B1"), debit) == []
    assert strange(status(1, "group", "RJCT"), debit) == []
    assert strange(debit, status(3, "debit", "PDNG", "A")) == []
    assert strange(status(1, "block", None, "B1", reason="BE05"), status(2, "debit", "RJCT", "A")) == []
    assert strange(status(1, "block", None, "B1", reason="BE05"), status(2, "debit", "RJCT", "C", pmt_inf_id="B2")) == [
        (1, "UNKNOWN_STATUS")
    ]
    assert strange(status(1, "group", None, reason="NARR"), status(2, "debit", "RJCT", "A", reason="AC04")) == []


def test_an_unknown_word_is_strange() -> None:
    """A status that nobody knows moves nothing and goes to a person."""
    assert said(status(1, "debit", "ZZZZ", "A")) == {}
    assert strange(status(1, "debit", "ZZZZ", "A")) == [(1, "UNKNOWN_STATUS")]


def test_what_does_not_stand_in_the_file_is_strange() -> None:
    """A debit or block of another file moves nothing; its good neighbours are heard."""
    lines = (status(1, "debit", "RJCT", "X"), status(2, "block", "RJCT", "B9"), status(3, "debit", "RJCT", "A"))
    assert strange(*lines) == [(1, "NOT_IN_THIS_FILE"), (2, "NOT_IN_THIS_FILE")]
    assert said(*lines) == {"A": "rejected"}
    assert strange(status(1, "debit", "RJCT", None)) == [(1, "NOT_IN_THIS_FILE")]
    assert strange(status(1, "block", "RJCT", None)) == [(1, "NOT_IN_THIS_FILE")]


def test_a_contradiction_moves_nothing() -> None:
    """A report that takes and rejects the same debit says nothing about it; its neighbours are heard."""
    lines = (
        status(1, "debit", "RJCT", "A", reason="AC04"),
        status(2, "debit", "ACCP", "a"),
        status(3, "debit", "RJCT", "B", reason="AC04"),
    )

    assert said(*lines) == {"B": "rejected"}
    assert strange(*lines) == [(1, "CONTRADICTION"), (2, "CONTRADICTION")]


def test_what_is_no_contradiction() -> None:
    """A debit that is named once without a word, and two debits without a name: none says the opposite of another."""
    assert strange(status(1, "debit", None, "A"), status(2, "debit", "RJCT", "A", reason="AC04")) == []
    nameless = (status(1, "debit", "RJCT", None), status(2, "debit", "ACCP", None))
    assert strange(*nameless) == [(1, "NOT_IN_THIS_FILE"), (2, "NOT_IN_THIS_FILE")]
