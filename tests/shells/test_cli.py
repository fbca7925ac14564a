"""The command line: what may stand where, what it answers, and with which code it ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer

from bridge.cli.main import FLAGS, TAKES_VALUE, app
from bridge.runtime import head_revision
from tests.journeys.plant import Debtor, Plant, config, logs, mandates_csv, recorded_source
from tests.testdata import ROOT

NO_NODE = 'rpc = ["http://127.0.0.1:1"]\nchain_id = 31337\ncontract = "0x00000000000000000000000000000000000000c0"'
HEAVY = (
    "sqlalchemy",
    "web3",
    "lxml",
    "schwifty",
    "pydantic_settings",
    "sepaxml",
    "cryptography",
    "alembic",
    "celery",
    "kombu",
    "prometheus_client",
    "redis",
    "structlog",
)
WRONG_IBAN = "DE02100500000054540403"  # a digit mistyped
A = Debtor("MND-0001", "Blechwerk Süd GmbH", "DE89370400440532013000", b"\xa1" * 32)
LINDNER = Debtor("MND-0004", "Hof Lindner", WRONG_IBAN, b"\xc3" * 32)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as ``bridge init`` leaves it."""
    folder = tmp_path_factory.mktemp("fresh")
    Plant(folder).ok("init", str(folder))
    return folder


@pytest.fixture
def plant(fresh: Path, tmp_path: Path) -> Plant:
    """A copy of it."""
    shutil.copytree(fresh, tmp_path, dirs_exist_ok=True)
    return Plant(tmp_path)


def commands(group: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group of the tree with the words that lead to it."""
    yield path, group
    for name, inner in getattr(group, "commands", {}).items():
        yield from commands(inner, *path, name)


TREE = dict(commands(typer.main.get_command(app)))

# --- help --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", TREE, ids=lambda path: " ".join(path) or "bridge")
def test_every_help_ends_with_two_real_examples(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """``--help`` of every command ends with two examples, each a command that exists with options that it has."""
    from bridge.cli.main import run

    code = run([*path, "--help"])
    said = " ".join(capsys.readouterr().out.split())

    _, _, tail = said.rpartition("Examples: ")
    examples = tail.split(" · ")
    assert code == 0
    assert len(examples) == 2, said[-300:]
    assert examples[0] != examples[1]
    for example in examples:
        words = example.split()
        assert words[0] == "bridge"
        command = TREE[_command_in(words[1:])]
        known = {name for option in command.params for name in option.opts} | {*FLAGS, *TAKES_VALUE}
        assert set(re.findall(r"(?<= )--?[a-z][a-z0-9-]*", example)) <= known


def _command_in(words: list[str]) -> tuple[str, ...]:
    """The longest beginning of these words that is a command; words that are no command are its arguments."""
    for length in (2, 1):
        if tuple(words[:length]) in TREE:
            return tuple(words[:length])
    raise AssertionError(f"{' '.join(words)} is no command")


def test_help_loads_nothing_heavy() -> None:
    """``bridge --help`` answers at once because the database, the chain and XML are not loaded for it."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "bridge", "--help"],
        cwd=ROOT, capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip

    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "typer" in loaded
    assert loaded & set(HEAVY) == set()


# --- global options ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "--config {0} --json --clock 2026-10-05T09:05 batch list",
        "batch --json --config={0} --clock=2026-10-05T09:05 list",
        "batch list --clock 2026-10-05T09:05 --config {0} --json",
    ],
)
def test_global_options_stand_anywhere(plant: Plant, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before, between or after the words of a command, with a blank or with ``=``: the same."""
    from bridge.cli.main import run

    code = run(line.format(plant.folder / "bridge.toml").split())

    assert (code, json.loads(capsys.readouterr().out)) == (0, [])


def test_the_clock_is_the_business_date(plant: Plant) -> None:
    """``--clock`` decides which day it is, in the time zone of bridge.toml."""
    late = plant.ok("status", "--json", clock="2026-10-05T23:59").json
    in_utc = plant.ok("status", "--json", clock="2026-10-05T23:30:00+00:00").json

    assert late["today"] == "2026-10-05"
    assert in_utc["today"] == "2026-10-06"  # 01:30 in Berlin


@pytest.mark.parametrize(
    "line",
    [
        "nosuch",
        "batch nosuch",
        "batch approve",
        "resolve seven",
        "status --nosuch",
        "status --lang fr",
        "status --clock",
        "status --clock --json",
        "",
        "batch",
    ],
)
def test_a_mistyped_line_ends_with_2(plant: Plant, line: str) -> None:
    """Usage is 2, with one sentence or the help on stderr, and never a stack trace."""
    said = plant.here(*line.split())

    assert said.code == 2
    assert said.out == ""
    assert "Error:" in said.err or "Usage:" in said.err
    assert "Traceback" not in said.err


# --- one document ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "status",
        "check",
        "doctor",
        "run",
        "chain status",
        "chain sync",
        "mandate list",
        "invoice list",
        "batch list",
        "batch create --actor anna",
        "reconcile run",
        "reconcile queue",
        "ledger balance",
        "ledger journal",
        "ledger verify",
        "report reconciliation",
        "db check",
        "db upgrade",
        "import nosuch.xml",
    ],
)
def test_json_is_one_document_and_nothing_else(plant: Plant, line: str) -> None:
    """With ``--json`` all of stdout is one JSON document, whatever the code is."""
    said = plant.here(*line.split(), "--json")

    assert said.code in (0, 1, 4)
    assert isinstance(said.json, (dict, list))


def test_the_shape_of_a_run(plant: Plant) -> None:
    """A run says what each step did, in the order of the pipeline, and how many things need a person."""
    said = plant.ok("run", "--json", clock="2026-10-05T09:05").json

    assert said["as_of"] == "2026-10-05T09:05:00+02:00"
    steps = ["receive", "reconcile", "ingest", "collect", "notify", "batch", "handover", "attest", "seal"]
    assert [step["step"] for step in said["steps"]] == steps
    assert said["needs_a_person"] == 0
    assert all(set(step) == {"step", "seconds", "counts"} for step in said["steps"])


# --- exit codes --------------------------------------------------------------------------------------------------------


def test_0_is_done_also_where_there_was_nothing_to_do(plant: Plant) -> None:
    """A run without a source, and a second one, are done."""
    assert [plant.here("run").code, plant.here("run").code, plant.here("check").code] == [0, 0, 0]


def test_1_is_refused_and_says_which_one_and_what_to_do(plant: Plant) -> None:
    """A refusal is one sentence on stderr that names what was asked for."""
    said = plant.here("batch", "approve", "NO-SUCH-FILE", "--actor", "anna")

    assert (said.code, said.out) == (1, "")
    assert said.err == "bridge: batch 'NO-SUCH-FILE' is not one of: none yet\n"


def test_4_needs_a_person(plant: Plant) -> None:
    """``doctor`` on a config without an account, a creditor and a source says what is missing, and ends with 4."""
    said = plant.here("doctor", "--json")

    assert said.code == 4
    assert [one["id"] for one in said.json["checks"] if not one["ok"]] == ["config"]
    assert "declares no accounts, no creditors, no sources yet" in said.json["checks"][0]["detail"]


def test_5_is_try_again(plant: Plant) -> None:
    """A node that does not answer is 5; the other steps of the run are done all the same."""
    (plant.folder / "bridge.toml").write_text(config(NO_NODE), "utf-8")
    said = plant.here("run", "--json")
    steps = {step["step"]: step for step in said.json["steps"]}

    assert said.code == 5
    assert "127.0.0.1:1 could not be reached" in steps["ingest"]["error"]
    assert [name for name, step in steps.items() if "error" in step] == ["ingest"]
    assert "127.0.0.1:1" in said.err
    assert plant.here("run", "--quiet").err == ""


def test_a_chain_that_is_not_whole_is_4(plant: Plant) -> None:
    """``ledger verify`` prints the head to note elsewhere; a head that is none ends with 4, one that cannot be one with 1."""
    whole = plant.ok("ledger", "verify", "--json").json
    unknown = plant.here("ledger", "verify", "--head", "A" * 64)
    wrong = plant.here("ledger", "verify", "--head", "abc")

    assert (whole["ok"], whole["links"], whole["number"], whole["head"]) == (True, 0, 0, "0" * 64)
    assert "head, to be noted outside this machine: 0 " + "0" * 64 in plant.ok("ledger", "verify").out
    assert (unknown.code, "the head you noted is none of its links" in unknown.out) == (4, True)
    assert (wrong.code, "64 hex digits" in wrong.err) == (1, True)


# --- what is refused ---------------------------------------------------------------------------------------------------


def test_an_unknown_key_is_named(plant: Plant) -> None:
    """A key that bridge.toml does not have is refused by its name, and its value is not shown."""
    path = plant.folder / "bridge.toml"
    path.write_text(path.read_text("utf-8") + '\n[databse]\nurl = "postgresql://anna:secret@db"\n', "utf-8")
    said = plant.here("status")

    assert said.code == 1
    assert "unknown key 'databse'" in said.err
    assert "secret" not in said.err


@pytest.mark.parametrize("name", ["BRIDGE_DATABSE__URL", "BRIDGE_COLLECTION__BATCHAT"])
def test_an_unknown_variable_is_named(plant: Plant, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """So is a ``BRIDGE_*`` variable that is no setting."""
    monkeypatch.setenv(name, "09:00")
    said = plant.here("status")

    assert said.code == 1
    assert name in said.err or "unknown key 'collection.batchat'" in said.err


def test_a_variable_is_stronger_than_the_file(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """``BRIDGE_DATABASE__URL`` wins over bridge.toml, also when it comes as ``..._FILE``."""
    (plant.folder / "url").write_text("sqlite:///other.db\n", "utf-8")
    monkeypatch.setenv("BRIDGE_DATABASE__URL_FILE", str(plant.folder / "url"))
    plant.ok("status")

    assert (plant.folder / "other.db").exists()


def test_production_knows_no_rehearsal_and_no_named_actor(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where environment = "production", ``--clock`` is refused, and ``--actor`` is nobody."""
    monkeypatch.setenv("BRIDGE_ENVIRONMENT", "production")
    monkeypatch.setenv("BRIDGE_COLLECTION__PRENOTIFICATION_AGREEMENT", "terms, 7")
    rehearsed = plant.here("status", clock="2026-10-05T09:05")
    named = plant.here("batch", "create", "--actor", "anna")
    brought = plant.here("import", "statement.xml", "--actor", "anna")

    assert (rehearsed.code, named.code, brought.code) == (1, 1, 1)
    assert "--clock is for rehearsal" in rehearsed.err
    assert "token" in named.err
    assert "token" in brought.err
    assert plant.here("status").code == 0


@pytest.mark.parametrize(
    "line",
    [
        "mandate import mandates.csv",
        "mandate pause MND-0001 --reason dispute",
        "mandate resume MND-0001",
        "mandate revoke MND-0001 --reason moved",
        "invoice hold plant-1-000001 --reason dispute",
        "invoice release plant-1-000001",
        "batch create",
        "batch approve MSGID",
        "batch export MSGID",
        "batch mark-uploaded MSGID",
        "batch discard MSGID --reason sum",
        "batch reject MSGID --reason sum",
        "resolve 1 --resolution refunded",
    ],
)
@pytest.mark.parametrize("actor", [[], ["--actor", "  "]], ids=["none", "blank"])
def test_an_act_without_a_name_is_refused(plant: Plant, line: str, actor: list[str]) -> None:
    """Whoever changes something says who it is; nobody is refused before anything else is looked at."""
    said = plant.here(*line.split(), *actor)

    assert (said.code, said.out) == (1, "")
    assert said.err == "bridge: say who acts: --actor NAME\n"


def test_a_bad_line_is_refused_without_showing_whose_it_is(plant: Plant) -> None:
    """A mistyped IBAN is named by its line and masked; the debtor's name is not on the screen, and nothing is imported."""
    (plant.folder / "bridge.toml").write_text(config(NO_NODE), "utf-8")
    path = plant.folder / "mandates.csv"
    path.write_text(mandates_csv([LINDNER]), "utf-8")
    said = plant.here("mandate", "import", str(path), "--actor", "anna")

    assert said.code == 1
    assert "line 2: refused" in said.out
    assert [secret for secret in (WRONG_IBAN, "Hof Lindner") if secret in said.out + said.err] == []
    assert plant.ok("mandate", "list", "--json").json == []


def test_a_bad_file_is_refused_and_the_good_one_beside_it_is_not(plant: Plant) -> None:
    """Each file is answered by itself: one that is no bank file fails with the reason, and the code is 1."""
    (plant.folder / "bad.xml").write_text("<Document><Nm>Hof Lindner</Nm>", "utf-8")
    said = plant.here("import", str(plant.folder / "bad.xml"), str(plant.folder / "gone.xml"), "--json")

    assert said.code == 1
    assert [(one["file"], one["result"]) for one in said.json] == [("bad.xml", "failed"), ("gone.xml", "failed")]
    assert "Hof Lindner" not in said.out + said.err
    assert plant.ok("check", "--json").json["ok"]


# --- init and the database ---------------------------------------------------------------------------------------------


def test_init_leaves_what_is_there_as_it_is(plant: Plant) -> None:
    """A second ``init`` is refused, and neither the config nor the keys are touched."""
    before = {name: (plant.folder / name).read_bytes() for name in ("bridge.toml", "bridge.keys")}
    said = plant.here("init", str(plant.folder))

    assert said.code == 1
    assert "it is left as it is" in said.err
    assert {name: (plant.folder / name).read_bytes() for name in before} == before


def test_init_keeps_the_keys_to_their_owner(plant: Plant) -> None:
    """The key file is 0600; one that others can read is refused with the command that mends it."""
    keys = plant.folder / "bridge.keys"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    keys.chmod(0o644)
    said = plant.here("status")

    assert said.code == 1
    assert f"chmod 600 {keys}" in said.err


@pytest.mark.parametrize("line", ["status", "run", "check", "invoice list", "report reconciliation", "mandate list"])
def test_what_init_wrote_runs_as_it_is(plant: Plant, line: str) -> None:
    """With no account, no creditor and no source there is nothing to do, and nothing is wrong."""
    assert plant.here(*line.split()).code == 0


@pytest.mark.parametrize("line", ["status", "run", "check", "invoice list", "db upgrade", "import nosuch.xml"])
def test_sqlite_is_migrated_by_whatever_comes_first(plant: Plant, line: str) -> None:
    """Without a database file the first command makes one at the newest migration."""
    for path in plant.folder.glob("bridge.db*"):
        path.unlink()
    plant.here(*line.split())

    with closing(sqlite3.connect(plant.database)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (head_revision(),)


def test_a_command_finds_its_folder_by_the_config(plant: Plant, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Database, keys, inbox and outbox lie beside bridge.toml, wherever the command is given."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = subprocess.run(
        [sys.executable, "-m", "bridge", "status", "--config", str(plant.folder / "bridge.toml")],
        cwd=elsewhere, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0
    assert list(elsewhere.iterdir()) == []


def test_the_simulated_bank_answers_on_the_due_date(plant: Plant) -> None:
    """``bridge sim bank`` without a day books on the file's first due date; a wish that is none is refused in one sentence."""
    lines = logs([(A, 12_345)], due_on=date(2026, 10, 15))
    written = config(recorded_source()).replace('"four-eyes"', '"none"').replace('"portal"', '"folder"')
    (plant.folder / "bridge.toml").write_text(written, "utf-8")
    (plant.folder / "logs.jsonl").write_text(lines, "utf-8")
    (plant.folder / "mandates.csv").write_text(mandates_csv([A]), "utf-8")
    plant.ok("mandate", "import", str(plant.folder / "mandates.csv"), "--actor", "anna", clock="2026-10-05T09:05")
    plant.ok("run", clock="2026-10-05T09:05")
    (path,) = (plant.folder / "outbox").glob("*.xml")
    places = ["--into", str(plant.folder / "inbox"), "--state", str(plant.folder / "sim-bank.json")]
    wrong = plant.here("sim", "bank", str(path), "--plan", "plant-1-000001-1=perhaps", *places)
    plant.ok("sim", "bank", str(path), *places)
    plant.ok("run", clock="2026-10-15T18:00")

    assert (wrong.code, "is no wish" in wrong.err) == (1, True)
    assert plant.ok("invoice", "list", "--json").json[0]["state"] == "paid"
    assert plant.here("report", "reconciliation").code == 0
