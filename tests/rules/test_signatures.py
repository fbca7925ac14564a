"""Whose signature counts, and whose word."""

from __future__ import annotations

import pytest

from bridge.rules.signatures import SIGNATURES, Hands, Standing, counting, missing_words, why_not

HANDS = Hands("Dora", edited_by=("clara", "reconcile"), released_by=("Rolf",))
CLERK, VIEWER = Standing(decides=False), Standing(prepares=False, decides=False)
USERS = {
    "anna": Standing(),
    "ben": Standing(),
    "gone": Standing(disabled=True),
    "carl": CLERK,
    "vera": VIEWER,
    "robot": Standing(machine=True),
}


def test_how_many_sign() -> None:
    """[collection] approval, and how many people each value needs."""
    assert SIGNATURES == {"four-eyes": 2, "single": 1, "none": 0}


@pytest.mark.parametrize(
    ("actor", "why"),
    [
        ("anna", ""),
        ("Ben", ""),
        ("somebody in a rehearsal", ""),
        ("worker", "is a machine and counts as nobody"),
        ("Robot", "is a machine and counts as nobody"),
        ("GONE", "was disabled and does not act any more"),
        ("carl", "has not the role that signs (approver)"),
        ("vera", "has not the role that signs (approver)"),
        ("dora", "cut the file and cannot be one of the two who approve it"),
        ("CLARA ", "was the last to edit a mandate in it and cannot be one of the two who approve it"),
        ("rolf", "released a debit in it and cannot be one of the two who approve it"),
    ],
)
def test_who_is_one_of_two(actor: str, why: str) -> None:
    """A machine, a disabled user, another role, and who cut, edited or released: each with its reason."""
    assert why_not(actor, HANDS, USERS, needed=2) == why


@pytest.mark.parametrize(
    ("actor", "counts"),
    [("dora", True), ("clara", True), ("rolf", True), ("robot", False), ("worker", False), ("gone", False), ("carl", False)],
)
def test_where_one_is_enough_it_may_be_who_made_the_file(actor: str, counts: bool) -> None:
    """With "single" the same person may cut and sign; a machine, a disabled user and a clerk still do not sign."""
    assert (why_not(actor, HANDS, USERS, needed=1) == "") is counts


@pytest.mark.parametrize(
    ("signed", "expected"),
    [
        ((), ()),
        (("anna", "ben"), ("anna", "ben")),
        (("ben", "anna", "ben"), ("ben", "anna")),
        (("anna", "Anna", " ANNA "), ("anna",)),
        (("anna", "gone", "carl", "robot", "batch", "dora", "clara", "rolf"), ("anna",)),
    ],
)
def test_different_people_in_their_order(signed: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """One person counts once, in whatever letters; who does not count is left out."""
    assert counting(signed, HANDS, USERS, needed=2) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), (2, "an approver")),
        (("anna",), (1, "another person")),
        (("carl",), (1, "an approver")),
        (("carl", "anna"), (0, "")),
        (("anna", "carl"), (0, "")),
        (("anna", "ben"), (0, "")),
        (("anna", "ANNA"), (1, "another person")),
        (("carl", "kim"), (1, "an approver")),
        (("carl", "kim", "ben"), (0, "")),
        (("anna", "gone"), (1, "another person")),
        (("anna", "vera"), (1, "another person")),
        (("anna", "robot"), (1, "another person")),
        (("anna", "cron"), (1, "another person")),
        (("zoe", "yan"), (0, "")),
    ],
)
def test_two_words_and_one_of_them_decides(given: tuple[str, ...], expected: tuple[int, str]) -> None:
    """Two different people with a role for it, at least one of them an approver; two free names of a rehearsal will do."""
    assert missing_words(given, USERS | {"kim": CLERK}) == expected
