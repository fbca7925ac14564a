"""Users on the command line: in production a token says who acts, and his role what he may do."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from bridge.cli import main
from tests.journeys.plant import Said
from tests.shells import nursery


@dataclass(slots=True)
class Office:
    """A folder with a bridge.toml, and every word that was printed there."""

    folder: Path
    environment: str = "production"
    heard: str = ""

    def bridge(self, *words: str, **variables: str) -> Said:
        """Run a command inside this process; ``variables`` are BRIDGE_* without the prefix."""
        out, err = StringIO(), StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.folder)
            for name, value in self._variables(variables).items():
                patch.setenv(name, value)
            code = main.run(list(words))
        return self._hear(Said(code, out.getvalue(), err.getvalue()))

    def process(self, *words: str, **variables: str) -> Said:
        """The same as a process of its own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
        done = nursery.run(list(words), cwd=self.folder, environment=kept | self._variables(variables))
        return self._hear(Said(*done))

    def ok(self, *words: str, **variables: str) -> Any:
        """Run it; it must be done. Gives the document it answers."""
        said = self.bridge(*words, "--json", **variables)
        assert said.code == 0, said.err
        return said.json

    def add(self, name: str, role: str) -> str:
        """A user, added by the first admin; gives his token."""
        token: str = self.ok("user", "add", name, "--role", role, TOKEN_FILE="admin.token")["token"]
        return token

    def _variables(self, given: dict[str, str]) -> dict[str, str]:
        return {"BRIDGE_ENVIRONMENT": self.environment, **{f"BRIDGE_{name}": value for name, value in given.items()}}

    def _hear(self, said: Said) -> Said:
        self.heard += said.out + said.err
        return said


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A production database as ``bridge init`` makes it."""
    office = Office(tmp_path_factory.mktemp("opened"))
    office.ok("init")
    return office.folder


@pytest.fixture
def office(opened: Path, tmp_path: Path) -> Office:
    """A copy of it."""
    shutil.copytree(opened, tmp_path, dirs_exist_ok=True)
    return Office(tmp_path)


def test_a_process_takes_its_token_from_the_environment(office: Office) -> None:
    """Real processes: without a token nobody acts, with one its user does, and another process does not know of it."""
    token = office.add("anna", "clerk")
    silent = office.process("batch", "create")
    acted = office.process("batch", "create", TOKEN=token)
    after = office.process("batch", "create")

    assert [said.code for said in (silent, acted, after)] == [1, 0, 1]
    assert silent.err == after.err
    assert token not in acted.out + acted.err


def test_init_makes_the_first_admin(tmp_path: Path) -> None:
    """His token stands in a file that its owner alone can read, is not on the screen, and works."""
    office = Office(tmp_path)
    office.ok("init")
    path = office.folder / "admin.token"
    [user] = office.ok("user", "list", TOKEN_FILE=str(path))

    assert (user["name"], user["role"], user["created_by"]) == ("admin", "admin", "init")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text("utf-8").strip() not in office.heard


def test_a_token_says_who_acts(office: Office) -> None:
    """In production an act without a token is refused with what to do, and --actor is nobody, with a token or without."""
    token = office.add("anna", "clerk")
    silent = office.bridge("batch", "create")
    named = office.bridge("batch", "create", "--actor", "anna")
    both = office.bridge("batch", "create", "--actor", "ben", TOKEN=token)

    assert (silent.code, named.code, both.code) == (1, 1, 1)
    assert (
        silent.err
        == "bridge: in production a token says who acts: set BRIDGE_TOKEN, or BRIDGE_TOKEN_FILE to a file that holds it\n"
    )
    assert "--actor is for rehearsal" in named.err
    assert "--actor is for rehearsal" in both.err
    assert office.bridge("batch", "create", TOKEN=token).code == 0


def test_reading_and_running_need_nobody(office: Office) -> None:
    """A cron job runs the steps as themselves, and whoever can read the database may ask for reports."""
    assert [office.bridge(*line.split()).code for line in ("run", "status", "check", "user list", "import nosuch.xml")] == [
        0,
        0,
        0,
        0,
        1,
    ]


def test_a_role_decides_what_a_token_may(office: Office) -> None:
    """A clerk does not sign, a viewer sees no names, an admin cuts no file; each refusal names the role that is needed."""
    clerk, viewer = office.add("carl", "clerk"), office.add("vera", "viewer")
    office.add("Anna", "approver")
    signed = office.bridge("batch", "approve", "MSGID", TOKEN=clerk)
    seen = office.bridge("mandate", "show", "MND-1", TOKEN=viewer)
    cut = office.bridge("batch", "create", TOKEN_FILE="admin.token")
    ran = office.bridge("run", TOKEN=viewer)

    assert (signed.code, signed.err) == (1, "bridge: carl is clerk; 'batch approve' needs the role approver: Anna\n")
    assert (seen.code, seen.err) == (
        1,
        "bridge: vera is viewer; 'mandate show' needs the role clerk, approver or auditor: Anna, carl\n",
    )
    assert (cut.code, cut.err) == (1, "bridge: admin is admin; 'batch create' needs the role clerk or approver: Anna, carl\n")
    assert (ran.code, "'run' needs the role" in ran.err) == (1, True)
    assert office.bridge("status", TOKEN=viewer).code == 0


def test_a_token_ends(office: Office) -> None:
    """Revoked, or its user disabled: the next command is refused, and so is one with a token that is none."""
    first = office.add("carl", "clerk")
    own = office.ok("user", "token", "carl", "--label", "phone", TOKEN=first)
    office.ok("user", "token", "Carl", "--revoke", "2", TOKEN=own["token"])
    revoked = office.bridge("status", TOKEN=first)
    office.ok("user", "disable", "carl", TOKEN_FILE="admin.token")
    disabled = office.bridge("status", TOKEN=own["token"])
    wrong = office.bridge("status", TOKEN="sdd_nonsense")

    assert "token 2 of carl was revoked" in revoked.err
    assert "carl was disabled" in disabled.err
    assert "none that is known here" in wrong.err
    assert {revoked.code, disabled.code, wrong.code} == {1}


def test_nobody_makes_a_token_for_another(office: Office) -> None:
    """But an admin, who may also put it into a file; that file is never written over."""
    clerk = office.add("carl", "clerk")
    stolen = office.bridge("user", "token", "admin", TOKEN=clerk)
    made = office.ok("user", "token", "carl", "--into", "carl.token", "--expires", "2099-01-01", TOKEN_FILE="admin.token")
    again = office.bridge("user", "token", "carl", "--into", "carl.token", TOKEN_FILE="admin.token")
    tokens = {one["name"]: len(one["tokens"]) for one in office.ok("user", "list")}

    assert (stolen.code, stolen.err) == (1, "bridge: carl is clerk; 'user token of others' needs the role admin: admin\n")
    assert made["token_file"] == "carl.token"
    assert made["expires_at"] == "2098-12-31T23:00:00+00:00"  # midnight in Berlin
    assert stat.S_IMODE((office.folder / "carl.token").stat().st_mode) == 0o600
    assert (again.code, "no token was made" in again.err) == (1, True)
    assert tokens == {"admin": 1, "carl": 2}
    assert office.bridge("batch", "create", TOKEN_FILE="carl.token").code == 0


def test_a_production_database_without_an_admin_says_how_to_get_one(tmp_path: Path) -> None:
    """Whoever has the key file and the database makes the first admin, once; nobody makes another user that way."""
    office = Office(tmp_path)
    office.ok("init")
    (tmp_path / "bridge.db").rename(tmp_path / "development.db")
    silent = office.bridge("batch", "create")
    doctor = office.bridge("doctor", "--json")
    clerk = office.bridge("user", "add", "carl", "--role", "clerk")
    first = office.ok("user", "add", "zoe", "--role", "admin")
    second = office.bridge("user", "add", "yan", "--role", "admin")

    examined = {one["id"]: one for one in doctor.json["checks"]}

    assert (examined["people"]["ok"], "--role admin" in examined["people"]["detail"]) == (False, True)
    assert "bridge user add NAME --role admin" in silent.err
    assert "bridge user add NAME --role admin" in clerk.err
    assert (silent.code, clerk.code, second.code) == (1, 1, 1)
    assert "set BRIDGE_TOKEN" in second.err
    assert office.ok("user", "add", "yan", "--role", "admin", TOKEN=first["token"])["user"] == "yan"


def test_a_production_database_stays_one(office: Office) -> None:
    """Saying environment = "development" afterwards does not let a mere name sign: the database remembers."""
    office.ok("run")
    office.environment = "development"
    said = office.bridge("batch", "create", "--actor", "anna")

    assert (said.code, "in production the token" in said.err) == (1, True)


def test_a_rehearsal_takes_any_name_but_keeps_roles(tmp_path: Path) -> None:
    """In development a name that is no user acts freely; a user's role counts, a disabled one is refused, a token goes first."""
    office = Office(tmp_path, environment="development")
    office.ok("init", "--admin", "zoe")
    token = office.ok("user", "add", "Carl", "--role", "clerk", "--actor", "zoe")["token"]
    office.ok("user", "add", "vera", "--role", "viewer", "--actor", "ZOE")
    free = office.bridge("batch", "create", "--actor", "anybody")
    viewer = office.bridge("batch", "create", "--actor", "Vera")
    by_token = office.bridge("batch", "create", "--actor", "vera", TOKEN=token)
    office.ok("user", "disable", "vera", "--actor", "zoe")
    disabled = office.bridge("batch", "create", "--actor", "vera")

    assert (free.code, viewer.code, by_token.code, disabled.code) == (0, 1, 0, 1)
    assert "vera is viewer; 'batch create' needs the role clerk or approver: Carl" in viewer.err
    assert "vera was disabled" in disabled.err


def test_a_token_file_that_cannot_be_read_is_refused(office: Office) -> None:
    """The variable is named; a command is not done as nobody instead."""
    said = office.bridge("run", TOKEN_FILE="nosuch")

    assert (said.code, said.err) == (1, "bridge: BRIDGE_TOKEN_FILE: the file it names cannot be read\n")


def test_a_token_and_its_file_are_not_both_taken(office: Office) -> None:
    """Two may be two people: both variables are named, and nothing is done."""
    said = office.bridge("run", TOKEN="x", TOKEN_FILE="admin.token")

    assert (said.code, said.err) == (1, "bridge: BRIDGE_TOKEN and BRIDGE_TOKEN_FILE are both set; unset one of the two\n")


def test_a_token_is_shown_once_and_nowhere_else(office: Office) -> None:
    """Nothing that any command prints, refuses or stores has it, but the one that made it."""
    token = office.add("carl", "clerk")
    office.heard = ""
    for line in (
        "user list",
        "batch create",
        "status",
        "check",
        "batch approve X",
        "user add x --role boss",
        "ledger journal",
        "doctor",
    ):
        office.bridge(*line.split(), TOKEN=token)
        office.bridge(*line.split(), TOKEN=token[:-1])
    stored = b"".join(path.read_bytes() for path in office.folder.glob("bridge.db*"))

    assert "carl" in office.heard
    assert token[4:] not in office.heard
    assert token[4:-1] not in office.heard
    assert token[4:].encode() not in stored
