"""Celery: a message says nothing but which step to run; lost, repeated or tripled it changes nothing in the end."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis

from bridge import logs, tasks
from bridge.settings import Broker
from bridge.steps import PIPELINE
from tests.journeys.plant import Plant
from tests.nodes import answering
from tests.servers.valkey import free_port, valkey
from tests.shells.crew import CLOCK, Crew, crew
from tests.steps.place import DEBTOR_IBAN, LATER, NOW, OWN_IBAN, Bill, Place, half_way

PASSWORD = "correct%20horse"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with valkey() as url:
        yield url


@pytest.fixture
def broker(server: str) -> str:
    """The URL of a broker in which nothing waits."""
    with closing(redis.Redis.from_url(server)) as client:
        client.flushall()
    return server


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("half-way") / "plant"
    half_way(folder)
    return folder


@pytest.fixture(scope="module")
def wanted(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Where ``bridge run`` comes to from there."""
    folder = tmp_path_factory.mktemp("calm") / "plant"
    shutil.copytree(template, folder)
    assert Plant(folder).bridge("run", "--config", str(folder / "bridge.toml"), *CLOCK).code == 0
    return Place(folder, now=LATER)


@pytest.fixture
def plant(template: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "plant"
    shutil.copytree(template, folder)
    return folder


def facts(place: Place) -> dict[str, Any]:
    """What came of it, whatever the order: rows have numbers by the order of their birth."""
    accounts = ("Bank", "Suspense", "Clearing", "Receivable", "Billed", "Charges")
    return {
        "rows": {name: len(rows) for name, rows in place.dump().items()},
        "ledger": {name: place.ledger(name) for name in accounts},
        "collections": place.states(),
        "breaks": sorted(kind for kind, _ in place.breaks()),
        "outbox": place.outbox(),
        "inbox": sorted(str(path.relative_to(place.folder)) for path in (place.folder / "inbox").rglob("*")),
    }


# --- the same rows ---------------------------------------------------------------------------------------------------


def test_beat_and_a_worker_reach_the_rows_of_a_run(broker: str, plant: Path, wanted: Place) -> None:
    """Beat rings and a worker works: every row is as ``bridge run`` leaves it, each file once in the outbox; both answer."""
    with crew(plant, broker, ring_seconds=2) as people:
        beat = people.bridge("beat")
        people.wait_until(lambda: len(people.waiting()) == len(PIPELINE), "beat rings as soon as it starts")
        worker = people.working()
        place = Place(plant, now=LATER)
        people.wait_until(lambda: place.dump() == wanted.dump(), "the rows of a run")

        assert [Plant(plant).here(who, "--ping").code for who in ("worker", "beat")] == [0, 0]
        assert place.outbox() == wanted.outbox()
        assert [ending(people, one) for one in (beat, worker)] == [0, 0]
        assert "Traceback" not in people.everything_said()


def test_messages_that_come_three_times_to_two_workers_change_nothing(broker: str, plant: Path, wanted: Place) -> None:
    """Each step rung three times, two workers at once, and then once more: the facts of one run."""
    with crew(plant, broker) as people:
        people.wait_until_ready(*[people.bridge("worker", *CLOCK) for _ in range(2)])
        for _ in range(3):
            people.ring()
        people.wait_for_silence()
        for name in PIPELINE:  # whichever worker was first, one orderly round finishes what the race left
            people.ring(name)
            people.wait_for_silence()

        # on a busy machine a message that a worker has taken stands nowhere for a moment, and silence comes too early
        people.wait_until(lambda: facts(Place(plant, now=LATER)) == facts(wanted), "the facts of one run")


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True, scope="session")
def test_four_processes_on_postgresql_reach_the_facts_of_a_run(engine: str, broker: str, tmp_path: Path) -> None:
    """Two workers of two processes, a beat that rings each second, one worker killed: on PostgreSQL too the facts of one run."""
    calm = half_way(tmp_path / "calm").folder
    plant = half_way(tmp_path / "busy").folder
    assert Plant(calm).bridge("run", "--config", str(calm / "bridge.toml"), *CLOCK).code == 0
    wanted, place = facts(Place(calm, now=LATER)), Place(plant, now=LATER)
    with crew(plant, broker, processes=2, ring_seconds=1) as people:
        first, _ = people.bridge("worker", *CLOCK), people.bridge("worker", *CLOCK)
        people.bridge("beat")
        people.wait_until(lambda: len(place.reasons()) > 3, "the first new invoice")
        people.kill(first)
        people.wait_until(lambda: facts(place) == wanted, "the facts of a run")

        assert place.runtime.engine.dialect.name == engine
        assert "a bug" not in people.everything_said()


def test_a_flushed_broker_costs_one_sweep(broker: str, plant: Path, wanted: Place) -> None:
    """T28: FLUSHALL takes every message while nobody works; the next ring finds everything that they were about."""
    with crew(plant, broker, ring_seconds=1) as people, closing(redis.Redis.from_url(broker)) as client:
        people.ring()
        client.flushall()
        assert people.waiting() == {}
        people.working()
        people.bridge("beat")

        people.wait_until(lambda: facts(Place(plant, now=LATER)) == facts(wanted), "the facts of a run")
        client.flushall()  # under their feet
        Place(plant, now=LATER).bill(Bill(9, 500, block=6_000))
        people.wait_until(lambda: len(Place(plant, now=LATER).reasons()) == 6, "the sixth invoice")


# --- killed --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["batch: before commit"])
def test_a_killed_child_is_rung_for_again_at_once(broker: str, plant: Path, wanted: Place, point: str) -> None:
    """A process killed inside a step: its message comes again by itself, without a delay, and the rows are those of a run."""
    with crew(plant, broker) as people:
        people.bridge("worker", *CLOCK, dies_at=point)
        people.ring("ingest", "collect", "batch")
        people.wait_until((plant / "died").exists, f"it dies at {point!r}")
        people.wait_until(lambda: len(Place(plant, now=LATER).batches()) == 2, "the second file")
        people.wait_for_silence()
        for step in ("handover", "receive", "reconcile", "seal"):  # in turn, for each is rung once
            people.ring(step)
            people.wait_for_silence()

        assert facts(Place(plant, now=LATER)) == facts(wanted)


def test_the_message_of_a_killed_worker_goes_to_another(broker: str, plant: Path) -> None:
    """A whole worker killed inside a step: once its time is over the message is done by the next worker, rung by nobody."""
    with crew(plant, broker, step_seconds_max=4) as people:
        worker = people.working()
        with people.inside_a_step():
            people.kill(worker)
        assert len(Place(plant, now=LATER).reasons()) == 3
        people.working()

        people.wait_until(lambda: len(Place(plant, now=LATER).reasons()) == 5, "the two new invoices")
        people.wait_for_silence()


def test_sigterm_lets_a_running_step_finish(broker: str, plant: Path) -> None:
    """SIGTERM while a step runs: it commits, its message is done, the worker ends with 0."""
    with crew(plant, broker) as people:
        worker = people.working()
        with people.inside_a_step():
            worker.send_signal(signal.SIGTERM)
            people.wait_until(lambda: "Warm shutdown" in people.said(worker), "it heard")
        code = people.code_of(worker)

        assert code == 0
        assert len(Place(plant, now=LATER).reasons()) == 5
        assert (people.waiting(), people.taken()) == ({}, 0)


def test_a_step_that_hangs_is_stopped_and_the_others_go_on(broker: str, tmp_path: Path) -> None:
    """A node that never answers: its step is interrupted, says so in one line, and the same process takes the next message."""
    hangs = threading.Event()
    with answering(lambda _: (hangs.wait(30), b"")[1]) as node:
        place = Place(tmp_path / "plant", collection='batch_at = ""\n')
        place.rewrite('recorded = "plant-1.jsonl"', f'rpc = ["{node}"]')
        (place.folder / "inbox" / "1.xml").write_bytes(b"no bank wrote this")
        with crew(place.folder, broker, step_seconds_max=2) as people:
            worker = people.working()
            people.ring("ingest", "receive")
            people.wait_until(lambda: place.breaks() != [], "the inbox was taken")
            people.wait_for_silence()
            hangs.set()

            said = people.said(worker)
            assert "ingest: stopped, because it took too long" in said
            assert "receive: failed 1" in said
            assert "Hard time limit" not in said
            assert "Traceback" not in said


# --- what a message says -------------------------------------------------------------------------------------------------


@pytest.fixture
def rung(broker: str, plant: Path) -> Iterator[Crew]:
    """Two beats have rung for several rounds, and nobody works."""
    with crew(plant, broker, ring_seconds=1) as people, closing(redis.Redis.from_url(broker)) as client:
        people.ring("ingest")
        for _ in range(2):
            people.bridge("beat")
        for _ in range(3):
            client.delete("bridge.reconcile")
            people.wait_until(lambda: len(people.waiting()) == len(PIPELINE), "every step was rung")
        yield people


def test_a_message_names_a_step_and_nothing_else_and_does_not_pile_up(rung: Crew) -> None:
    """No argument, no IBAN, no name, no amount and no time of its own is in the broker, and one message for each step."""
    messages = rung.messages()

    assert {one["headers"]["task"] for one in messages} == {f"bridge.{name}" for name in PIPELINE}
    assert [one["body"][:2] for one in messages] == [[[], {}]] * len(messages)
    assert {(one["headers"]["argsrepr"], one["headers"]["kwargsrepr"]) for one in messages} == {("()", "{}")}
    assert {(one["headers"]["eta"], one["headers"]["expires"]) for one in messages} == {(None, None)}
    raw = json.dumps(messages)
    assert [word for word in (DEBTOR_IBAN, OWN_IBAN, "Debtor 1", "Musterwerk", str(rung.folder)) if word in raw] == []
    assert rung.waiting()["ingest"] == 1
    assert len(messages) <= 2 * len(PIPELINE) - 1  # two beats may find the same queue empty at the same moment


def test_a_step_takes_no_argument(broker: str, plant: Path) -> None:
    """T28: whoever rings with an argument is refused before anything reaches the broker."""
    with crew(plant, broker) as people:
        app = tasks.application(Place(plant, now=LATER).runtime.settings, lambda: Place(plant, now=LATER).runtime)
        with pytest.raises(TypeError):
            app.tasks["bridge.collect"].delay(DEBTOR_IBAN)

        assert people.waiting() == {}
        assert {name for name in app.tasks if name.startswith("bridge.")} == {f"bridge.{name}" for name in PIPELINE}
        app.close()


# --- a broker that is away -----------------------------------------------------------------------------------------------


@pytest.fixture
def hung() -> Iterator[int]:
    """The port of a server that takes connections and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("words", [("worker",), ("beat",), ("worker", "--ping"), ("beat", "--ping")], ids=" ".join)
def test_5_where_the_broker_is_away(plant: Path, words: tuple[str, ...]) -> None:
    """One sentence that names the broker without its password, and the code for: try again later."""
    add_broker(plant, f"redis://bridge:{PASSWORD}@127.0.0.1:{free_port()}/0")
    said = Plant(plant).here(*words)

    assert said.code == 5
    assert "the broker redis://127.0.0.1" in said.err
    assert "does not answer" in said.err
    assert said.err.count("\n") == 1
    assert PASSWORD not in said.err


def test_5_where_the_broker_hangs(plant: Path, hung: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that takes the connection and says nothing is given up after seconds."""
    monkeypatch.setattr(tasks, "ANSWER_SECONDS", 0.5)
    add_broker(plant, f"redis://127.0.0.1:{hung}/0")
    said = Plant(plant).here("worker")

    assert said.code == 5
    assert "does not answer (TimeoutError)" in said.err


def test_5_where_nobody_answers(broker: str, plant: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker is there, a worker is not: its health check says so."""
    monkeypatch.setattr(tasks, "ANSWER_SECONDS", 0.5)
    add_broker(plant, broker)
    said = Plant(plant).here("worker", "--ping")

    assert said.code == 5
    assert "no worker of this machine answers" in said.err


def test_1_where_no_broker_is_named(plant: Path) -> None:
    """Without broker.url there is nobody to listen to."""
    said = Plant(plant).here("worker")

    assert said.code == 1
    assert "broker.url is empty" in said.err


def test_1_where_sqlite_would_have_two_writers(broker: str, plant: Path) -> None:
    """A worker with several processes wants PostgreSQL."""
    add_broker(plant, broker, "processes = 2")
    said = Plant(plant).here("worker", *CLOCK)

    assert said.code == 1
    assert "set processes = 1 under [broker], or let database.url name a PostgreSQL" in said.err


@pytest.mark.parametrize("user", ["", "bridge"])
def test_1_where_the_password_is_wrong(plant: Path, user: str) -> None:
    """It is not the broker that is away: broker.url is to be corrected, and is not repeated."""
    with valkey("--requirepass", "another") as url:
        add_broker(plant, url.replace("redis://", f"redis://{user}:{PASSWORD}@"))
        said = Plant(plant).here("worker", *CLOCK)

        assert said.code == 1
        assert "refuses name or password; correct broker.url" in said.err
        assert PASSWORD not in said.err


def test_the_doctor_looks_at_the_broker(plant: Path) -> None:
    """It answers, also on its socket and to a password; one that may drop messages is wrong, and so is one that is away."""
    with valkey("--requirepass", "another word") as url:
        client = redis.Redis.from_url(url, password="another word")
        path = client.config_get("dir")["dir"] + "/valkey.sock"
        found = [examined(plant, f"unix://:another%20word@{path}?db=0")]
        found += [examined(plant, url.replace("redis://", "valkey://:another%20word@"))]
        client.config_set("maxmemory-policy", "allkeys-lru")
        found += [examined(plant, url.replace("redis://", "redis://:another%20word@"))]
        client.close()
    found += [examined(plant, url)]

    assert [one["ok"] for one in found] == [True, True, False, False]
    assert found[0]["detail"] == f"unix://{path} answers, noeviction"
    assert "set maxmemory-policy noeviction" in found[2]["detail"]
    assert "does not answer" in found[3]["detail"]


def test_rings_reach_a_broker_behind_a_socket(plant: Path) -> None:
    """A Unix socket, a password and a database of its own: Celery understands the URL as the doctor does."""
    with valkey("--requirepass", "another word") as url:
        client = redis.Redis.from_url(url.removesuffix("0") + "1", password="another word")
        path = client.config_get("dir")["dir"] + "/valkey.sock"
        with crew(plant, f"unix://:another%20word@{path}?db=1") as people:
            people.ring("ingest")

        assert client.llen("bridge.ingest") == 1
        client.close()


# --- how it is built -----------------------------------------------------------------------------------------------------


def test_what_celery_is_told() -> None:
    """Each setting by name; a step is stopped before its message is given to somebody else."""
    found = tasks.configuration(Broker(url="redis://localhost", step_seconds_max=600))
    transport = found["broker_transport_options"]

    assert {name: found[name] for name in EXPECTED} == EXPECTED
    assert (found["task_soft_time_limit"], found["task_time_limit"], transport["visibility_timeout"]) == (540, 600, 900)
    assert (transport["unacked_restore_interval"], transport["unacked_restore_throttle"]) == (5, 1)
    assert (transport["socket_timeout"], transport["health_check_interval"]) == (30, 10)
    assert "broker_use_ssl" not in found


EXPECTED = {
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "task_retry_on_worker_lost": True,
    "task_acks_on_failure": True,
    "task_acks_on_timeout": True,
    "worker_prefetch_multiplier": 1,
    "worker_max_tasks_per_child": 200,
    "worker_cancel_long_running_tasks_on_connection_loss": True,
    "worker_soft_shutdown_timeout": 30,
    "worker_enable_soft_shutdown_on_idle": True,
    "broker_connection_retry_on_startup": True,
    "broker_pool_acquire_timeout": 10,
    "task_ignore_result": True,
    "accept_content": ["json"],
    "task_serializer": "json",
    "timezone": "UTC",
    "enable_utc": True,
}


@pytest.mark.parametrize("limit", [2, 3, 7, 600, 86_400])
def test_no_limit_overtakes_the_next(limit: int) -> None:
    """Soft limit, hard limit, redelivery: in this order for every step_seconds_max."""
    found = tasks.configuration(Broker(url="redis://localhost", step_seconds_max=limit))

    visibility = found["broker_transport_options"]["visibility_timeout"]
    assert 1 <= found["task_soft_time_limit"] < found["task_time_limit"] < visibility


def test_tls_looks_at_the_certificate() -> None:
    """With rediss:// a broker without a good certificate is not spoken to."""
    import ssl

    for scheme in ("rediss", "valkeys"):
        found = tasks.configuration(Broker(url=f"{scheme}://localhost"))
        assert found["broker_use_ssl"] == {"ssl_cert_reqs": ssl.CERT_REQUIRED}


def test_no_runtime_crosses_a_fork(plant: Path) -> None:
    """Each process opens its own, once: a child does not use what its parent opened."""
    opened: list[int] = []

    def open_runtime() -> Any:
        opened.append(os.getpid())
        return Place(plant, now=NOW).runtime

    runtime = tasks.once_per_process(open_runtime)
    assert runtime() is runtime()
    mine = runtime()
    reader, writer = os.pipe()
    if not (child := os.fork()):
        try:
            os.write(writer, json.dumps([runtime() is not mine, runtime() is runtime(), opened[1:] == [os.getpid()]]).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)

    assert json.loads(os.read(reader, 100)) == [True, True, True]
    assert opened == [os.getpid()]
    os.close(reader)
    os.close(writer)


def test_a_refusal_is_logged_in_its_own_words(plant: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What a step refuses is one line for a person; the message is done."""
    place = Place(plant, now=LATER)
    (plant / "plant-1.jsonl").write_text("no JSON\n")
    tasks.run("ingest", lambda: place.runtime, print)

    [line] = [one.getMessage() for one in caplog.records if one.name == "bridge"]
    assert line.startswith("ingest: ")
    assert "plant-1.jsonl" in line
    assert "a bug" not in line
    assert caplog.records[-1].exc_info is None


def test_a_bug_is_logged_without_its_values(caplog: pytest.LogCaptureFixture) -> None:
    """What nobody foresaw is said by type and place, and so is what Celery itself would print with a traceback."""

    def broken() -> Any:
        raise ValueError(DEBTOR_IBAN)

    tasks.run("ingest", broken, print)
    try:
        broken()
    except ValueError:
        logging.getLogger("celery").exception("lost")

    assert "ingest: a bug: ValueError at " in caplog.text
    said = "\n".join(logs.Discreet("%(message)s").format(forget(record)) for record in caplog.records)
    assert said.splitlines()[1:] == ["lost", "  ValueError at an unknown place"]
    assert DEBTOR_IBAN not in said


def forget(record: logging.LogRecord) -> logging.LogRecord:
    """The record without the text that another formatter left in it."""
    record.exc_text = None
    return record


def add_broker(plant: Path, url: str, *more: str) -> None:
    with (plant / "bridge.toml").open("a", encoding="utf-8") as file:
        file.write("\n".join(["", "[broker]", f'url = "{url}"', *more, ""]))


def examined(plant: Path, url: str) -> dict[str, Any]:
    """What the doctor says about a broker."""
    before = (plant / "bridge.toml").read_text(encoding="utf-8")
    add_broker(plant, url)
    said = Plant(plant).here("doctor", "--json", *CLOCK)
    (plant / "bridge.toml").write_text(before, encoding="utf-8")
    return next(one for one in said.json["checks"] if one["id"] == "broker")


def ending(people: Crew, process: Any) -> int:
    """SIGTERM, and its code."""
    process.send_signal(signal.SIGTERM)
    return people.code_of(process)
