"""What is written to stderr as JSON: one object a line, from a real worker too, and of nobody's name or account a word."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bridge import logs
from bridge.steps import PIPELINE
from tests.journeys.plant import Plant
from tests.servers.valkey import free_port, valkey
from tests.shells import nursery
from tests.shells.crew import CLOCK, crew
from tests.steps.place import DEBTOR_IBAN, OWN_IBAN, half_way
from tests.testdata import ROOT

NAME = "Debtor 1 GmbH"
SECRETS = (DEBTOR_IBAN, OWN_IBAN, "Debtor 1", "Musterwerk")
FAREWELLS = ("worker: Warm shutdown (MainProcess)",)  # Celery's own, on stdout
FIELDS = ["timestamp", "level", "logger", "event"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("half-way") / "plant"
    half_way(folder)
    return folder


@pytest.fixture
def plant(template: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "plant"
    shutil.copytree(template, folder)
    return folder


def read(said: str) -> list[dict[str, Any]]:
    """Each line as the object that it must be, with its four fields first and a time in UTC."""
    for words in FAREWELLS:
        said = said.replace(f"\n{words}\n", "")
    found = [json.loads(line) for line in said.splitlines()]
    assert [one for one in found if list(one)[:4] != FIELDS or not one["timestamp"].endswith("+00:00")] == []
    return found


def test_a_worker_and_a_beat_write_json(plant: Path) -> None:
    """By the setting: their own lines and Celery's. A step's line names the step, its turn and its counts; two turns differ."""
    with valkey() as url, (plant / "bridge.toml").open("a") as file:
        file.write('\n[logging]\nformat = "json"\n')
        file.flush()
        with crew(plant, url) as people:
            worker = people.working()
            people.ring()
            people.wait_for_silence()
            (plant / "inbox" / "5.xml").write_bytes(b"no bank wrote this either")
            people.ring("receive")
            people.wait_for_silence()
            worker.send_signal(signal.SIGTERM)
            codes = [people.code_of(worker)]
            beat = people.bridge("beat")
            people.wait_until(lambda: len(people.waiting()) == len(PIPELINE), "beat rings")
            beat.send_signal(signal.SIGTERM)
            codes.append(people.code_of(beat))
            lines, said = read(people.said(worker)), people.everything_said()
            read(people.said(beat))

    assert codes == [0, 0]
    received = [one for one in lines if one.get("step") == "receive"]
    assert [one["counts"]["failed"] for one in received] == [1, 1]
    assert len({one["run"] for one in received}) == 2
    assert {one["logger"] for one in lines} >= {"bridge", "celery.apps.worker"}
    assert [secret for secret in SECRETS if secret in said] == []


def test_a_run_writes_a_line_for_each_step(plant: Path) -> None:
    """``bridge run --log json``: stdout is as always, stderr an object for each step; what is refused is one of them."""
    config = plant / "bridge.toml"
    config.write_text(config.read_text().replace('recorded = "plant-1.jsonl"', 'recorded = "gone.jsonl"'))
    said = Plant(plant).bridge("run", "--log", "json", "--json", *CLOCK)
    lines = read(said.err)

    assert said.code == 1
    assert [one["step"] for one in said.json["steps"]] == [one["step"] for one in lines] == list(PIPELINE)
    assert {one["level"] for one in lines if one["step"] != "ingest"} == {"info"}
    [refused] = [one for one in lines if one["step"] == "ingest"]
    assert (refused["level"], "gone.jsonl" in refused["event"]) == ("warning", True)
    assert [secret for secret in SECRETS if secret in said.err] == []


def test_what_a_command_is_refused_with_is_a_line_too(plant: Path) -> None:
    """A worker that cannot start says so as JSON, and ends with the same code."""
    with (plant / "bridge.toml").open("a") as file:
        file.write(f'\n[broker]\nurl = "redis://127.0.0.1:{free_port()}/0"\nprocesses = 1\n')
    said = Plant(plant).bridge("worker", "--log", "json")
    [line] = read(said.err)

    assert said.code == 5
    assert line["level"] == "error"
    assert "does not answer" in line["event"]


@pytest.mark.parametrize("who", ["worker", "beat", "run", "health"])
def test_a_wrong_configuration_is_a_line_too(plant: Path, who: str) -> None:
    """Where the environment asks for JSON it is known without a bridge.toml; without that a person reads it."""
    with (plant / "bridge.toml").open("a") as file:
        file.write("\n[brokre]\n")
    words = [who, *(["--port", "0"] if who == "health" else [])]
    plain = nursery.run(words, cwd=plant, environment=dict(os.environ))
    said = nursery.run(words, cwd=plant, environment={**os.environ, "BRIDGE_LOGGING__FORMAT": "json"})
    [line] = read(said[2])

    assert (plain[0], *said[:2]) == (1, 1, "")
    assert "unknown key 'brokre'" in line["event"]
    assert plain[2] == f"bridge: {line['event']}\n"


def test_text_stays_text(plant: Path) -> None:
    """Without the setting and the option nothing is said but what a person reads; another word is refused."""
    quiet = Plant(plant).bridge("run", *CLOCK)
    other = Plant(plant).bridge("run", "--log", "yaml", *CLOCK)

    assert (quiet.code, quiet.err) == (0, "")
    assert (other.code, "--log is text or json" in other.err) == (2, True)


# --- no values -----------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["text", "json"])
def form(request: pytest.FixtureRequest) -> logging.Formatter:
    return logs.json_lines() if request.param == "json" else logs.Discreet("%(levelname)s %(name)s: %(message)s")


def broken(message: str, *values: object) -> logging.LogRecord:
    """The record of an exception whose words are a name and an IBAN, as a library would log it."""
    try:
        raise ValueError(f"{NAME}, {DEBTOR_IBAN}")
    except ValueError as problem:
        filled = tuple(problem if value is Ellipsis else value for value in values)
        return logging.LogRecord("celery.app.trace", logging.ERROR, __file__, 1, message, filled, sys.exc_info())


@pytest.mark.parametrize(
    ("message", "values"), [("lost", ()), ("Task raised unexpected: %r", (...,)), ("it said %s, twice: %s", (..., ...))]
)
def test_an_exception_is_said_by_type_and_place(form: logging.Formatter, message: str, values: tuple[object, ...]) -> None:
    """Neither its words nor its traceback, even where the message quotes it or another formatter left it in the record."""
    record = broken(message, *values)
    record.exc_text = f"Traceback: {NAME}"
    record.stack_info = f"Stack: {NAME}"
    said = form.format(record)

    assert "ValueError at an unknown place" in said
    assert [secret for secret in (NAME, DEBTOR_IBAN, "Traceback", "Stack") if secret in said] == []
    assert record.exc_text == f"Traceback: {NAME}"


def test_an_iban_in_any_line_is_cut_down(form: logging.Formatter) -> None:
    """Wherever it comes from, also beside other letters; an id that only looks like one stays readable."""
    record = logging.LogRecord("bridge", logging.INFO, __file__, 1, "file %s.xml of %s", (OWN_IBAN, "MU20261201DE89X0001"), None)
    said = form.format(record)

    assert OWN_IBAN not in said
    assert "file DE02…2051.xml of MU20261201DE89X0001" in said


def test_other_fields_of_a_record_are_left_out() -> None:
    """Only counts and seconds are taken from a record's extra fields: Celery puts the words of exceptions there."""
    record = logging.LogRecord("celery", logging.ERROR, __file__, 1, "lost", (), None)
    record.data, record.counts = {"exc": NAME}, {"invoices": 2}
    line = json.loads(logs.json_lines().format(record))

    assert list(line) == [*FIELDS, "counts"]
    assert line["counts"] == {"invoices": 2}


def test_a_killed_process_of_a_worker_is_a_line_of_json() -> None:
    """Celery's pool tells of it past the root logger; said once, in our form, whether its own set-up came before or after."""
    words = "from billiard.util import get_logger; from bridge import logs; {0}; get_logger().error('exited with %r', 'signal 9')"
    for order in ("logs.set_up('json'); get_logger()", "get_logger(); logs.set_up('json')"):
        done = subprocess.run([sys.executable, "-c", words.format(order)], cwd=ROOT, capture_output=True, text=True, check=True)
        [line] = read(done.stderr)
        assert (line["level"], line["event"]) == ("error", "exited with 'signal 9'")
