"""Who may act: users are added, changed and disabled by an admin; a token is known by its hash alone."""

from __future__ import annotations

import re
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from bridge import identity
from bridge.acts import users
from bridge.errors import BadInput, NotAllowed, UnknownName
from bridge.identity import Actor
from bridge.model import Audit, Token, User
from bridge.rules import permissions
from tests import engines
from tests.steps.place import Place


@pytest.fixture(scope="module")
def peopled(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Path:
    """A place with one admin, zoe, and one clerk, Carl."""
    place = Place(tmp_path_factory.mktemp("peopled"))
    users.add(place.runtime, "init", "zoe", "admin")
    users.add(place.runtime, "zoe", "Carl", "clerk")
    place.runtime.engine.dispose()
    return place.folder


@pytest.fixture
def place(peopled: Path, tmp_path: Path) -> Place:
    """A copy of it."""
    engines.copy(peopled, tmp_path)
    return Place(tmp_path)


def roles(place: Place) -> dict[str, tuple[str, bool]]:
    """Name -> role, and whether he may still act."""
    return {row.name: (row.role, row.disabled_at is None) for row in place.rows(User)}


def acts(place: Place) -> list[tuple[str, str, str, str]]:
    return [(row.actor, row.act, row.object, row.detail) for row in place.rows(Audit)]


def by_token(place: Place, token: str) -> Actor:
    with place.runtime.reading() as session:
        return identity.by_token(session, token, place.now)


# --- users -------------------------------------------------------------------------------------------------------------


def test_a_user_is_added_with_a_role(place: Place) -> None:
    """His name is kept as it was written, and who added him is written down."""
    assert users.add(place.runtime, "zoe", "  Anna  Berg ", "approver") == "Anna Berg"

    assert roles(place) == {"zoe": ("admin", True), "Carl": ("clerk", True), "Anna Berg": ("approver", True)}
    assert acts(place)[-1] == ("zoe", "user add", "user:Anna Berg", "approver")


@pytest.mark.parametrize("name", ["carl", "CARL", " Carl ", "Ｃａｒｌ"])
def test_letters_do_not_make_another_person(place: Place, name: str) -> None:
    """A name that differs by capitals, blanks or wide letters alone is taken."""
    with pytest.raises(BadInput, match="there is a user"):
        users.add(place.runtime, "zoe", name, "approver")

    assert len(place.rows(User)) == 2


@pytest.mark.parametrize("name", ["", "  ", "anna, ben", "a\x00b", "anna;", "x" * 61, "anna\u202e"])
def test_a_name_is_a_few_plain_words(place: Place, name: str) -> None:
    """No comma, which would make one person two in a sentence, no control character, not empty, not endless."""
    with pytest.raises(BadInput, match="a name is 1 to 60"):
        users.add(place.runtime, "zoe", name, "clerk")


@pytest.mark.parametrize("name", ["batch", "Cron", "ROOT", "worker", "init"])
def test_a_person_is_not_called_like_a_machine(place: Place, name: str) -> None:
    """The names of our own steps and processes are nobody's; a service may have one."""
    with pytest.raises(BadInput, match="the name of a machine"):
        users.add(place.runtime, "zoe", name, "approver")

    assert users.add(place.runtime, "zoe", name, "service") == name


def test_a_role_is_one_that_exists(place: Place) -> None:
    """An unknown role is refused, and the known ones are listed."""
    with pytest.raises(UnknownName, match="admin, approver, auditor, clerk, service, viewer"):
        users.add(place.runtime, "zoe", "anna", "boss")
    with pytest.raises(UnknownName, match="'boss' is not one of"):
        users.set_role(place.runtime, "zoe", "Carl", "boss")


def test_a_role_changes_and_says_from_what(place: Place) -> None:
    """Once; the second time there is nothing to change, and nothing is written."""
    assert users.set_role(place.runtime, "zoe", "CARL", "approver")
    assert not users.set_role(place.runtime, "zoe", "Carl", "approver")

    assert roles(place)["Carl"] == ("approver", True)
    assert acts(place)[-1] == ("zoe", "user role", "user:Carl", "clerk to approver")


def test_nobody_changes_himself(place: Place) -> None:
    """An admin neither gives himself a role nor disables himself, in whatever letters he signs."""
    users.add(place.runtime, "zoe", "yan", "admin")
    with pytest.raises(NotAllowed, match="nobody changes his own role"):
        users.set_role(place.runtime, "ZOE", "zoe", "approver")
    with pytest.raises(NotAllowed, match="nobody disables himself"):
        users.disable(place.runtime, "zoe", "zoe")

    assert roles(place)["zoe"] == ("admin", True)


def test_the_last_admin_stays_one(place: Place) -> None:
    """Neither demoted nor disabled; with a second admin both are possible, and then that one is the last."""
    for act in (
        lambda: users.set_role(place.runtime, "init", "zoe", "clerk"),
        lambda: users.disable(place.runtime, "init", "zoe"),
    ):
        with pytest.raises(NotAllowed, match="zoe is the last admin and stays one"):
            act()
    users.add(place.runtime, "zoe", "yan", "admin")
    assert users.disable(place.runtime, "yan", "zoe")
    with pytest.raises(NotAllowed, match="yan is the last admin"):
        users.disable(place.runtime, "init", "yan")

    assert roles(place) == {"zoe": ("admin", False), "Carl": ("clerk", True), "yan": ("admin", True)}


@pytest.mark.parametrize(("name", "role"), [("Carl", "service"), ("robot", "approver")])
def test_a_machine_stays_a_machine(place: Place, name: str, role: str) -> None:
    """A service is not made a person, whose word would count, nor a person a service, whose word never did."""
    users.add(place.runtime, "zoe", "robot", "service")
    with pytest.raises(NotAllowed, match="a machine does not become a person"):
        users.set_role(place.runtime, "zoe", name, role)


def test_a_disabled_user_keeps_his_name(place: Place) -> None:
    """Disabled once and for good: his name is not given to somebody else, and he gets no token."""
    assert users.disable(place.runtime, "zoe", "carl")
    assert not users.disable(place.runtime, "zoe", "Carl")

    with pytest.raises(BadInput, match="a disabled user keeps his name"):
        users.add(place.runtime, "zoe", "carl", "clerk")
    with pytest.raises(NotAllowed, match="Carl is disabled"):
        users.make_token(place.runtime, "zoe", "Carl")
    assert acts(place)[-1] == ("zoe", "user disable", "user:Carl", "")


def test_an_unknown_user_is_named(place: Place) -> None:
    """With those that there are."""
    with pytest.raises(UnknownName, match="user 'anna' is not one of: Carl, zoe"):
        users.disable(place.runtime, "zoe", "anna")


# --- tokens ------------------------------------------------------------------------------------------------------------


def test_a_token_says_who_it_is(place: Place) -> None:
    """It has a mark and 256 random bits, and is known by its SHA-256 alone."""
    made = users.make_token(place.runtime, "zoe", "carl", label="office")

    assert re.fullmatch(r"sdd_[A-Za-z0-9_-]{43}", made.token)
    assert by_token(place, made.token) == Actor("Carl", "clerk")
    [row] = place.rows(Token)
    assert (row.digest, row.label) == (sha256(made.token.encode()).hexdigest(), "office")


def test_no_row_and_no_repr_has_a_token(place: Place) -> None:
    """Neither the database file nor anything that may be printed holds it."""
    made = users.make_token(place.runtime, "zoe", "Carl")
    place.runtime.engine.dispose()
    bytes_stored = engines.stored(place.folder)

    assert made.token.encode() not in bytes_stored
    assert made.token not in repr(made) + repr(place.rows(Token)) + repr(acts(place))


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: t + "x", str.upper, lambda t: "", lambda t: sha256(t.encode()).hexdigest()]
)
def test_a_token_that_is_nearly_right_is_wrong(place: Place, change: object) -> None:
    """Neither a part of it, nor other letters, nor what is stored of it."""
    made = users.make_token(place.runtime, "zoe", "Carl")
    assert callable(change)
    with pytest.raises(NotAllowed, match="none that is known here") as refusal:
        by_token(place, change(made.token))

    assert made.token[4:20] not in str(refusal.value)


def test_a_token_ends_when_it_says(place: Place) -> None:
    """It works until just before its end; one that would have ended already is not made."""
    end = place.now + timedelta(hours=1)
    made = users.make_token(place.runtime, "zoe", "Carl", expires_at=end)
    place.now = end - timedelta(microseconds=1)
    assert by_token(place, made.token).name == "Carl"
    place.now = end
    with pytest.raises(NotAllowed, match="token 1 of Carl expired"):
        by_token(place, made.token)
    with pytest.raises(BadInput, match="have expired already"):
        users.make_token(place.runtime, "zoe", "Carl", expires_at=end)


def test_a_revoked_token_is_nobody(place: Place) -> None:
    """Revoked once; the other token of the same user still works, and nobody else's is touched."""
    first, second = users.make_token(place.runtime, "zoe", "Carl"), users.make_token(place.runtime, "zoe", "Carl")
    assert users.revoke_token(place.runtime, "zoe", "carl", first.id)
    assert not users.revoke_token(place.runtime, "zoe", "Carl", first.id)
    with pytest.raises(UnknownName, match="token of zoe '2' is not one of: none yet"):
        users.revoke_token(place.runtime, "zoe", "zoe", second.id)

    with pytest.raises(NotAllowed, match="token 1 of Carl was revoked"):
        by_token(place, first.token)
    assert by_token(place, second.token).name == "Carl"
    assert [detail for _, act, _, detail in acts(place) if act == "user token"] == ["made 1", "made 2", "revoked 1"]


def test_a_disabled_user_does_not_act(place: Place) -> None:
    """Neither by his token nor, in rehearsal, by his name."""
    made = users.make_token(place.runtime, "zoe", "Carl")
    users.disable(place.runtime, "zoe", "Carl")

    with pytest.raises(NotAllowed, match="Carl was disabled"):
        by_token(place, made.token)
    with place.runtime.reading() as session, pytest.raises(NotAllowed, match="Carl was disabled"):
        identity.by_name(session, "CARL")


# --- roles -------------------------------------------------------------------------------------------------------------


def test_a_role_that_does_not_permit_names_one_that_does(place: Place) -> None:
    """The refusal says who it is, which role is needed, and who has it."""
    users.add(place.runtime, "zoe", "Ben", "approver")
    users.add(place.runtime, "zoe", "Anna", "approver")
    users.add(place.runtime, "zoe", "Gone", "approver")
    users.disable(place.runtime, "zoe", "Gone")
    with place.runtime.reading() as session, pytest.raises(NotAllowed) as refusal:
        identity.permit(session, identity.by_name(session, "carl"), "batch approve")

    assert str(refusal.value) == "Carl is clerk; 'batch approve' needs the role approver: Anna, Ben"


def test_a_role_that_nobody_has_is_said_so(place: Place) -> None:
    """Where nobody could do it, that is what is missing."""
    with place.runtime.reading() as session, pytest.raises(NotAllowed, match="needs the role approver; nobody has it yet"):
        identity.permit(session, Actor("zoe", "admin"), "batch approve")


@pytest.mark.parametrize("role", [*permissions.ROLES, None])
def test_an_unknown_act_is_a_bug_for_everybody(place: Place, role: str | None) -> None:
    """Also for the free name of a rehearsal: what nobody put into the table is not done."""
    with place.runtime.reading() as session, pytest.raises(KeyError):
        identity.permit(session, Actor("anna", role), "batch aprove")


def test_the_first_admin_needs_a_token_that_works(place: Place) -> None:
    """Until one has a token that is neither revoked nor expired, no admin can act."""

    def somebody() -> bool:
        with place.runtime.reading() as session:
            return identity.an_admin_can_act(session, place.now)

    users.make_token(place.runtime, "zoe", "Carl")
    assert not somebody()
    made = users.make_token(place.runtime, "zoe", "zoe", expires_at=place.now + timedelta(days=1))
    assert somebody()
    place.now += timedelta(days=1)
    assert not somebody()
    second = users.make_token(place.runtime, "zoe", "zoe")
    assert somebody()
    for one in (made, second):
        users.revoke_token(place.runtime, "zoe", "zoe", one.id)
    assert not somebody()
