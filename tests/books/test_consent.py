"""Two people for one act: whose word counts, by the users table, and about which state of the thing."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert

from bridge import consent
from bridge.acts import users
from bridge.consent import Agreed
from bridge.errors import NotAllowed
from bridge.model import Consent, Declaration
from tests.steps.place import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place with two clerks, an approver, a viewer, a machine, and zoe, who is no user."""
    place = Place(tmp_path)
    for name, role in (("carl", "clerk"), ("kim", "clerk"), ("anna", "approver"), ("vera", "viewer"), ("robot", "service")):
        users.add(place.runtime, "zoe", name, role)
    return place


def say(place: Place, actor: str, said: object = 1) -> Agreed:
    with place.runtime.session() as session:
        return consent.give(session, act="invoice write-off", object="invoice:7", said=said, actor=actor, at=place.now)


def test_a_clerk_proposes_and_an_approver_decides(place: Place) -> None:
    """In either order; the same person twice is one, and his word is written down once."""
    assert say(place, "carl") == Agreed(("carl",), 1, "an approver")
    assert say(place, "Carl") == Agreed(("carl",), 1, "an approver")
    assert say(place, "anna") == Agreed(("carl", "anna"), 0)
    assert say(place, "anna", 2) == Agreed(("anna",), 1, "another person")
    assert say(place, "carl", 2) == Agreed(("anna", "carl"), 0)

    assert len(place.rows(Consent)) == 4


def test_two_clerks_are_not_enough(place: Place) -> None:
    """One of the two is an approver, or a third one must be."""
    say(place, "carl")
    assert say(place, "kim") == Agreed(("carl", "kim"), 1, "an approver")

    assert say(place, "anna").missing == 0


def test_a_viewer_s_word_does_not_count(place: Place) -> None:
    """Only roles that prepare or decide are heard."""
    say(place, "vera")
    assert say(place, "anna") == Agreed(("vera", "anna"), 1, "another person")


@pytest.mark.parametrize("actor", ["robot", "ROBOT", "worker"])
def test_a_machine_gives_no_word(place: Place, actor: str) -> None:
    """By its role or by its name alone; nothing is written down."""
    with pytest.raises(NotAllowed, match="is a machine and counts as nobody"):
        say(place, actor)

    assert place.rows(Consent) == []


def test_the_word_of_somebody_who_was_disabled_lapses(place: Place) -> None:
    """Carl proposed and was disabled: Anna alone is one of two."""
    say(place, "carl")
    users.disable(place.runtime, "zoe", "carl")

    assert say(place, "anna") == Agreed(("carl", "anna"), 1, "another person")
    assert say(place, "kim").missing == 0


def test_a_word_is_about_what_was_said(place: Place) -> None:
    """About another state of the thing, or another thing, it counts for nothing."""
    say(place, "carl", {"version": 3})
    assert say(place, "anna", {"version": 4}).missing == 1
    assert say(place, "anna", {"version": 3}).missing == 0


def test_a_name_that_is_no_user_counts_in_a_rehearsal_alone(place: Place) -> None:
    """Until the database is used in production; then even the words that were given before count for nothing."""
    say(place, "zoe")
    assert say(place, "yan") == Agreed(("zoe", "yan"), 0)
    with place.runtime.session() as session:
        declared = {"version": 1, "digest": "", "config_sha256": "", "recorded_at": place.now}
        session.execute(insert(Declaration).values(noun="environment", name="production", **declared))

    assert say(place, "zoe") == Agreed(("zoe", "yan"), 2, "an approver")
    assert say(place, "anna") == Agreed(("zoe", "yan", "anna"), 1, "another person")
