"""What whoever sets the bridge up sees: the place for his bank's profile, the doctor, what he types, a file held to his bank."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import stat
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from bridge import runtime
from bridge.formats import profiles
from bridge.resources import path as resource
from tests.formats.test_pain008 import FILE, rendered
from tests.journeys.plant import Plant
from tests.testdata import ROOT

ACCOUNT = """
[[accounts]]
id = "main"
iban = "DE02 1203 0000 0000 2020 51"
bank = "my-bank"
[[creditors]]
name = "Musterwerk Maschinen GmbH"
creditor_id = "DE98ZZZ09999999999"
account = "main"
"""
WHOLE = resource("templates/banks/default.toml").read_text("utf-8")
PATIENCE_SECONDS = 30
IBAN = "DE89370400440532013000"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as ``bridge init`` leaves it, with account and creditor."""
    folder = tmp_path_factory.mktemp("fresh")
    Plant(folder).ok("init", str(folder))
    text = (folder / "bridge.toml").read_text("utf-8")
    (folder / "bridge.toml").write_text(text.replace("[collection]", f"{ACCOUNT}[collection]"), "utf-8")
    return folder


@pytest.fixture
def plant(fresh: Path, tmp_path: Path) -> Plant:
    """A copy of it."""
    shutil.copytree(fresh, tmp_path, dirs_exist_ok=True)
    return Plant(tmp_path)


def bank(plant: Plant, before: str = "", after: str = "") -> None:
    """The profile my-bank where init made the place for it."""
    assert before in WHOLE
    (plant.folder / "templates" / "banks" / "my-bank.toml").write_text(WHOLE.replace(before, after) if before else WHOLE, "utf-8")


@pytest.mark.only_on("sqlite", "a server keeps its files itself")
def test_a_new_database_is_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the umask; what lies beside it too; a mode that somebody set afterwards stays."""
    monkeypatch.setattr(runtime, "create_engine", create_engine)  # those that share a dialect connect by that of another
    before = os.umask(0o022)
    try:
        plant = Plant(tmp_path)
        plant.ok("init", str(tmp_path))
        plant.ok("run")
        made = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("bridge.db*")}
        plant.database.chmod(0o640)
        plant.ok("status")
    finally:
        os.umask(before)

    assert made == {"bridge.db": 0o600, "bridge.db-claims": 0o600}
    assert stat.S_IMODE(plant.database.stat().st_mode) == 0o640


def doctor(plant: Plant) -> dict[str, tuple[bool, str]]:
    return {one["id"]: (one["ok"], one["detail"]) for one in plant.here("doctor", "--json").json["checks"]}


def test_init_makes_the_place_for_a_banks_profile(plant: Plant) -> None:
    """Beside bridge.toml lies an example with every line of the default; it is no profile until it is copied."""
    folder = plant.folder / "templates" / "banks"
    example = folder / "my-bank.toml.example"

    assert tomllib.loads(example.read_text("utf-8")) == tomllib.loads(WHOLE)
    assert profiles.known([folder]) == []
    example.rename(folder / "my-bank.toml")
    assert profiles.known([folder]) == ["my-bank"]
    assert doctor(plant)["profile main"][0]


def test_the_doctor_misses_a_folder(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """An inbox that is not there, such as a share that is not mounted, is wrong by its path; so is one without rights."""
    assert doctor(plant)["inbox"] == (True, "inbox can be read and written")
    with monkeypatch.context() as rights:
        rights.setattr(os, "access", lambda path, mode: Path(path).name != "inbox")
        assert doctor(plant)["inbox"] == (False, f"this user may not read {plant.folder / 'inbox'}; correct its rights")
        rights.setattr(os, "access", lambda path, mode: Path(path).name != "inbox" or not mode & os.W_OK)
        assert doctor(plant)["inbox"] == (False, f"this user may not write to {plant.folder / 'inbox'}; correct its rights")
    (plant.folder / "inbox").rename(plant.folder / "away")
    ok, said = doctor(plant)["inbox"]

    assert not ok
    assert said.startswith(f"{plant.folder / 'inbox'} is not there; bring it back or mount it")


def test_the_doctor_says_what_each_accounts_bank_takes(plant: Plant) -> None:
    """Name, file, version, form of address, cut-off and days; that it ships, where it does."""
    bank(plant)
    ok, said = doctor(plant)["profile main"]
    assert (ok, str(plant.folder / "templates" / "banks" / "my-bank.toml") in said) == (True, True)
    assert "pain.008.001.08, addresses structured, a file by 10:00 Europe/Berlin, 2 bank days before the due date" in said
    path = plant.folder / "bridge.toml"
    path.write_text(path.read_text("utf-8").replace('bank = "my-bank"', 'bank = "de-gbic5"'), "utf-8")

    assert doctor(plant)["profile main"][1].startswith("de-gbic5 (as it ships): pain.008.001.08, addresses hybrid")


def test_no_lead_day_is_a_warning(plant: Plant) -> None:
    """A bank may say so, and a slip of the pen costs every debit: it is taken, and it is said."""
    bank(plant, "lead_days = 2", "lead_days = 0")
    ok, said = doctor(plant)["profile main"]

    assert (ok, said[:23]) == (True, "warning: lead_days = 0 ")
    assert any(line.strip().startswith("look") for line in plant.here("doctor").out.splitlines())


def test_a_wrong_profile_is_said_once(plant: Plant) -> None:
    """Under the account that names it; what cannot be looked at because of it says where the reason stands."""
    bank(plant, "lead_days = 2\n", "")
    said = plant.here("doctor", "--json")
    assert (said.code, said.out.count("lead_days = 2")) == (4, 1)

    found = {one["id"]: one["detail"] for one in said.json["checks"] if not one["ok"]}
    assert "my-bank.toml: lines are missing; as default.toml has them: lead_days = 2" in found["profile main"]
    assert found["database"] == found["outbox"] == "not looked at: see profile main"


def test_a_file_is_held_to_the_bank_of_its_account(plant: Plant) -> None:
    """The profile of the account that it names, and which one that was; another one on demand; clean, it says how much it is."""
    bank(plant)
    own = replace(FILE, blocks=tuple(replace(block, creditor_iban="DE02120300000000202051") for block in FILE.blocks))
    path = plant.folder / "batch.xml"
    path.write_bytes(rendered(own))
    clean = plant.ok("validate", str(path))
    assert "batch.xml: no findings, 3 debit(s), EUR 150.32" in clean.out
    assert "held to the profile my-bank: that of your account main, which the file names" in clean.out
    bank(plant, "transactions_max = 500", "transactions_max = 2")
    found = plant.here("validate", str(path), "--json")
    assert (found.code, [one["id"] for one in found.json["findings"]], found.json["profile"]) == (4, ["BNK-002"], "my-bank")
    assert plant.ok("validate", str(path), "--profile", "default", "--json").json["debits"] == 3
    path.write_bytes(rendered(replace(FILE, blocks=tuple(replace(block, creditor_iban=IBAN) for block in FILE.blocks))))

    assert "held to the profile default: the file names no account of bridge.toml" in plant.ok("validate", str(path)).out


def test_a_name_is_seen_while_it_is_typed_and_an_iban_is_not(plant: Plant) -> None:
    """At a real terminal: whoever mistypes a name sees it; no account is left on the screen."""
    bank(plant)
    words = ["mandate", "add", "--set", "debtor_name=-", "--set", "iban=-", "--actor", "anna"]
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(plant.folder)
        os.environ |= {"PYTHONPATH": str(ROOT), **plant.environment()}
        os.execv(sys.executable, [sys.executable, "-m", "bridge", *words])
    screen = ""
    try:
        for prompt, typed in (("debtor_name", "Werk Zebra"), ("iban", IBAN)):
            screen = read_until(terminal, f"{prompt}: ", screen)  # with the blank: what is typed before it is thrown away
            os.write(terminal, f"{typed}\n".encode())
        screen = read_until(terminal, "bridge mandate sign", screen)
    finally:
        os.close(terminal)  # hangs up on whoever still waits there
        os.waitpid(child, 0)

    assert "is draft" in screen
    assert ("Werk Zebra" in screen, IBAN in screen) == (True, False)
    [reference] = re.findall(r"mandate (\S+) is draft", screen)
    assert "Werk Zebra" in plant.ok("mandate", "show", reference).out


def read_until(terminal: int, words: str, screen: str) -> str:
    """What the terminal shows up to these words."""
    while words not in screen:
        assert select.select([terminal], [], [], PATIENCE_SECONDS)[0], screen
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the command has ended
            break
        screen += part.decode("utf-8", "replace")
    assert words in screen, screen
    return screen
