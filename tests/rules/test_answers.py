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
