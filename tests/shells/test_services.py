"""The services of docker-compose.yml as plain processes: the same words, the same variables, the same health checks.

The server asks everybody for his password but the tests' own superuser: the owner and the app are who their URLs say.
"""

from __future__ import annotations

import json
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any
from urllib.request import urlopen

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from bridge.runtime import write_keys
from bridge.steps import PIPELINE
from tests.house.compose import compose, ours, settings_of
from tests.servers import postgres
from tests.servers.valkey import free_port, valkey
from tests.shells.crew import Crew
from tests.steps.place import CONTRACT, CREDITOR_ID, SOURCE, TOML, Bill, csv_of, log_line, mandate_line

PASSWORD, OWNERS, APPS, NEW = "horse battery", "owner's staple", "app's staple", "another one"
PASSWORDS_ASKED = "local all postgres trust\nlocal all all scram-sha-256\n"
# what one step finds another one has made: sooner than in a minute
RULES = '[collection]\napproval = "none"\nhandover = "folder"\n[broker]\nring_seconds = 1\n'
LONG_RUNNING = ("beat", "worker", "health")
PORT = "9109"
ANNA = ("--actor", "anna")


@dataclass(frozen=True, slots=True)
class Stack:
    """What docker compose would have: a server, a folder, secrets in files, and a port of this machine."""

    people: Crew
    server: str  # the superuser's URL of the database
    secrets: dict[str, Path]
    port: str

    def start(self, service: str, *words: str) -> Popen[bytes]:
        """Start words in a service, or its own; its secrets lie where they lie here, and health listens on a free port."""
        here = {f"/run/secrets/{name}": str(path) for name, path in self.secrets.items()} | {PORT: self.port}
        variables = {name: here[path] for name, path in settings_of(service).items()}
        return self.people.service(*(here.get(word, word) for word in words or ours()[service]["command"]), **variables)

    def ended(self, *started: Popen[bytes]) -> list[tuple[int, str]]:
        """Their codes, and what they said, when they have ended."""
        return [(self.people.code_of(process), self.people.said(process)) for process in started]

    def url(self, role: str, password: str) -> str:
        """That of a role with a password."""
        return make_url(self.server).set(username=role, password=password).render_as_string(hide_password=False)

    def rows(self, statement: str, url: str = "") -> list[tuple[Any, ...]]:
        engine = create_engine(url or self.server, poolclass=NullPool)
        with engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement)]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Fresh volumes, the secrets, and a plant in which nobody has done anything yet."""
    plant = tmp_path / "plant"
    for name in ("inbox", "outbox"):
        (plant / name).mkdir(parents=True)
    source = SOURCE.format(name="plant-1", creditor=CREDITOR_ID, contract=CONTRACT, hold=0)
    (plant / "bridge.toml").write_text(TOML + source + RULES)
    bills = (Bill(1), Bill(2, 2_500, debtor=2), Bill(3, 700, debtor=3))
    (plant / "plant-1.jsonl").write_text("".join(json.dumps(log_line(bill)) + "\n" for bill in bills))
    (plant / "mandates.csv").write_bytes(csv_of(mandate_line(1), mandate_line(2)))
    with fresh_volume() as server, valkey(*broker_options(), "--requirepass", PASSWORD) as broker:
        people = Crew(plant, broker.replace("redis://", "redis://:horse%20battery@"))
        secrets = {name: tmp_path / name for name in ("owner_url", "database_url", "broker_url", "bridge_keys")}
        write_keys(secrets["bridge_keys"])
        found = Stack(people, server, secrets, str(free_port()))
        secrets["owner_url"].write_text(found.url("bridge", OWNERS) + "\n")
        secrets["database_url"].write_text(found.url("bridge_app", APPS) + "\n")
        secrets["broker_url"].write_text(people.url + "\n")
        yield found
        people.go_home()


def test_the_services_run_as_plain_processes(stack: Stack) -> None:
    """Migrate makes tables and the app's role; beat, worker and health get well as that role and do their work; SIGTERM: 0.

    No password is said, or reaches the server's log; a new one of the app's is set by migrating again.
    """
    migrated, imported = (
        stack.ended(stack.start(*words))[0][0] for words in (("migrate",), ("worker", "mandate", "import", "mandates.csv", *ANNA))
    )
    started = {name: stack.start(name) for name in LONG_RUNNING}
    stack.people.wait_until(lambda: stack.rows("SELECT count(*) FROM collection") == [(2,)], "two collections")
    stack.people.wait_until(lambda: set(PIPELINE) <= ended_well(stack), "every step ended well")
    checks = [stack.start(name, *ours()[name]["healthcheck"]["test"][2:]) for name in LONG_RUNNING]
    found = stack.ended(*checks, stack.start("worker", "doctor", "--json"))

    assert (migrated, imported) == (0, 0)
    assert [code for code, _ in found[:3]] == [0, 0, 0]
    assert found[2][1] == "database: ok\nbroker: ok\nmanifest: ok\ninbox: ok\noutbox: ok\n"
    assert '"our role can drop no trigger and undo no row of money"' in found[3][1]
    at_work = stack.rows("SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'bridge'")
    assert at_work == [("bridge_app",)]
    for process in started.values():
        process.send_signal(signal.SIGTERM)
    assert [code for code, _ in stack.ended(*started.values())] == [0, 0, 0], stack.people.everything_said()

    stack.secrets["database_url"].write_text(stack.url("bridge_app", NEW) + "\n")
    assert stack.ended(stack.start("migrate"))[0][0] == 0
    with pytest.raises(OperationalError, match="password authentication failed"):
        stack.rows("SELECT 1", stack.url("bridge_app", APPS))
    assert stack.rows("SELECT count(*) FROM invoice", stack.url("bridge_app", NEW)) == [(3,)]
    [(log,)] = stack.rows("SELECT pg_read_file(pg_current_logfile())")
    assert "ROLE bridge_app LOGIN PASSWORD 'SCRAM-SHA-256$" in log
    assert [one for one in (PASSWORD, OWNERS, APPS, NEW) if one in stack.people.everything_said() + log] == []


@contextmanager
def fresh_volume() -> Iterator[str]:
    """The database of a fresh server as the image makes it: POSTGRES_USER with his password owns it and may do everything."""
    told = compose()["services"]["postgres"]["environment"]
    with postgres.running({**postgres.QUICK, "logging_collector": "on", "log_statement": "all"}) as server:
        (server.folder / "data" / "pg_hba.conf").write_text(PASSWORDS_ASKED)
        engine = create_engine(server.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        quoted = OWNERS.replace("'", "''")
        with engine.connect() as connection:
            connection.exec_driver_sql("SET log_statement = 'none'")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
            connection.exec_driver_sql(f"CREATE ROLE {told['POSTGRES_USER']} SUPERUSER LOGIN PASSWORD '{quoted}'")
            connection.exec_driver_sql(f"CREATE DATABASE {told['POSTGRES_DB']} OWNER {told['POSTGRES_USER']}")
        yield make_url(server.url).set(database=told["POSTGRES_DB"]).render_as_string(hide_password=False)


def ended_well(stack: Stack) -> set[str]:
    """The steps whose last turn ended well, as the metrics of health tell them."""
    with urlopen(f"http://127.0.0.1:{stack.port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {name for name in PIPELINE if f'bridge_step_outcome{{outcome="done",step="{name}"}} 1.0' in lines}


def broker_options() -> list[str]:
    """How compose starts the broker, without its password."""
    words = shlex.split(compose()["services"]["redis"]["command"][-1])
    return words[words.index("valkey-server") + 1 : words.index("--requirepass")]
