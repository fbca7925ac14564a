"""What the runtime promises of its database: units of work one after the other, reading on one snapshot, an honest refusal."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import create_engine, event, insert, inspect, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bridge import database, errors, turns
from bridge.cli import main
from bridge.errors import ConfigError, LostRace, Unavailable
from bridge.model import Audit, StepRun, Voucher, triggers
from bridge.runtime import LOST_ENOUGH, TRIES, Runtime, head_revision, open_engine, ready, revision, upgrade
from bridge.settings import Database, Settings
from bridge.steps import PIPELINE
from tests import engines
from tests.steps.place import LATER, NOW, Place, half_way
from tests.testdata import ROOT

WRITING = ("INSERT", "UPDATE", "DELETE")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.runtime.engine.dispose()


def note(session: Session, act: str = "test") -> None:
    """Write one row that means nothing."""
    session.execute(insert(Audit).values(recorded_at=NOW, actor="anna", act=act, object="x", detail=""))


def notes(place: Place) -> list[str]:
    return [row.act for row in place.rows(Audit)]


def settings(url: str) -> Settings:
    return Settings(database=Database(url=url))


@pytest.mark.only_on("sqlite", "PostgreSQL has no such word: the next test")
def test_every_unit_of_work_begins_immediate(tmp_path: Path) -> None:
    """In a whole pass, whatever writes was begun by BEGIN IMMEDIATE, and what was begun otherwise only reads."""
    place = half_way(tmp_path)
    place.now = LATER
    sent: list[tuple[int, str]] = []  # on which connection: a unit of work may ask another one beside it
    event.listen(place.runtime.engine, "before_cursor_execute", lambda *a: sent.append((id(a[1].connection), a[2].lstrip())))
    for step, _ in PIPELINE.values():
        step(place.runtime)

    begun, wrote = {}, {"BEGIN": 0, "BEGIN IMMEDIATE": 0}
    for connection, statement in sent:
        if statement.startswith("BEGIN"):
            begun[connection] = statement
        elif statement.startswith(WRITING):
            wrote[begun[connection]] += 1
    assert wrote["BEGIN"] == 0
    assert wrote["BEGIN IMMEDIATE"] > 50


@pytest.mark.only_on("postgresql", "SQLite has no such words: the test before")
def test_every_unit_of_work_is_serializable(place: Place) -> None:
    """Where nothing less is asked for, as if one after the other; reports see one snapshot and write nothing; all in UTC."""
    what = "SELECT current_setting(name) FROM unnest(ARRAY['transaction_isolation', 'transaction_read_only', 'timezone',"
    what += " 'application_name', 'lock_timeout', 'idle_in_transaction_session_timeout']) AS name"
    with place.runtime.session() as session:
        working = list(session.scalars(text(what)))
    with place.runtime.reading() as session:
        reading = list(session.scalars(text(what)))
    with place.runtime.session() as session:
        again = list(session.scalars(text(what)))

    assert working == again == ["serializable", "off", "UTC", "bridge", "30s", "10min"]
    assert reading == ["repeatable read", "on", "UTC", "bridge", "30s", "10min"]


def test_a_lost_race_is_repeated(place: Place) -> None:
    """Another worker was first twice: the unit of work is done in its third try, and once."""
    tries = 0

    def unit(session: Session) -> str:
        nonlocal tries
        tries += 1
        note(session)
        if tries < 3:
            raise LostRace("somebody")
        return "done"

    assert place.runtime.work(unit) == "done"
    assert (tries, notes(place)) == (3, ["test"])


@pytest.mark.only_on("postgresql", "SQLite has one writer")
def test_who_lost_often_enough_is_waited_for(place: Place) -> None:
    """Small units of work that are quicker each time: the large one loses against LOST_ENOUGH of them, and the next one waits."""
    small: list[Thread] = []

    def count(session: Session) -> None:
        session.execute(update(StepRun).values(outcome=StepRun.outcome))

    def unit(session: Session) -> None:
        session.scalars(select(StepRun.outcome)).all()
        small.append(Thread(target=place.runtime.work, args=(count,)))
        small[-1].start()
        small[-1].join(timeout=1)
        count(session)

    with turns.remembered(place.runtime, "ingest"):
        pass
    place.runtime.work(unit)
    for one in small:
        one.join()

    assert len(small) == LOST_ENOUGH + 1


def test_a_key_that_somebody_wrote_first_is_repeated_and_then_given_up(place: Place) -> None:
    """The same key each time: Unavailable, which may work later, and nothing is written."""
    tries = 0

    def unit(session: Session) -> None:
        nonlocal tries
        tries += 1
        note(session)
        session.execute(insert(Audit).values(id=1, recorded_at=NOW, actor="anna", act="first", object="x", detail=""))

    with place.runtime.session() as session:
        session.execute(insert(Audit).values(id=1, recorded_at=NOW, actor="anna", act="there", object="x", detail=""))
    with pytest.raises(Unavailable, match=f"in {TRIES} tries"):
        place.runtime.work(unit)

    assert (tries, notes(place)) == (TRIES, ["there"])


def test_what_no_repeat_can_cure_is_not_repeated(place: Place) -> None:
    """A voucher of nothing breaks a rule of the table: the error comes out at the first try."""
    tries = 0

    def unit(session: Session) -> None:
        nonlocal tries
        tries += 1
        values = {"idem_key": "x", "payload_sha256": "x", "fact": "x", "evidence": "x", "posting_count": 1, "amount_cents": 0}
        session.execute(insert(Voucher).values(**values, actor="x", booked_on=NOW.date(), recorded_at=NOW))

    with pytest.raises(IntegrityError):
        place.runtime.work(unit)

    assert tries == 1


@pytest.mark.only_on("postgresql", "SQLite is no server")
def test_a_connection_that_died_in_the_pool_is_replaced(place: Place) -> None:
    """A server that was started anew between two units of work costs a connection, and nobody notices."""
    with place.runtime.reading() as session:
        session.execute(text("SELECT 1"))
    _end_connections(place)
    place.runtime.work(note)

    assert notes(place) == ["test"]


@pytest.mark.only_on("postgresql", "SQLite is no server")
def test_a_connection_that_dies_in_a_unit_of_work_is_unavailable(place: Place) -> None:
    """What was not committed is undone, the refusal may be tried again, and the next unit of work finds a server."""

    def unit(session: Session) -> None:
        note(session, "half")
        _end_connections(place)
        note(session, "never")

    with pytest.raises(Unavailable, match="does not answer"):
        place.runtime.work(unit)
    place.runtime.work(note)

    assert notes(place) == ["test"]


@pytest.mark.only_on("postgresql", "SQLite is no server")
@pytest.mark.parametrize("use", ["work", "session", "reading", "revision"])
def test_a_server_that_is_away_is_unavailable(place: Place, use: str) -> None:
    """Whatever is asked of it, in one sentence that holds no password."""
    engine = open_engine(settings("postgresql://anna:secret@127.0.0.1:1/bridge?connect_timeout=2&password=secret"))
    runtime = Runtime(settings("sqlite://"), engine, place.runtime.keys, place.runtime.clock, place.runtime.source)
    with pytest.raises(Unavailable) as refused:
        _used(runtime, use)

    assert str(refused.value) == "the database postgresql://127.0.0.1:1/bridge does not answer; try again later"


@pytest.mark.only_on("postgresql", "SQLite is no server")
def test_a_server_that_lets_nobody_in_says_why(place: Place) -> None:
    """A database that is not there, a wrong role or password: the server's own sentence, not that it does not answer."""
    url = place.runtime.engine.url.set(database="brigde", password="topsecret")
    with pytest.raises(Unavailable) as refused, open_engine(settings(url.render_as_string(hide_password=False))).connect():
        pass

    assert 'answers, but lets nobody in: database "brigde" does not exist. See to it, or correct' in str(refused.value)
    assert "topsecret" not in str(refused.value)


@pytest.mark.only_on("postgresql", "SQLite is no server")
def test_a_command_without_its_server_ends_with_5(tmp_path: Path) -> None:
    """Exit code 5, one sentence, and the password of the URL in none of the words."""
    url = "postgresql://anna:topsecret@127.0.0.1:1/bridge?connect_timeout=2"
    (tmp_path / "bridge.toml").write_text(f'[database]\nurl = "{url}"\n')
    (tmp_path / "bridge.keys").write_text(Place(tmp_path / "other").runtime.keys.dump())
    (tmp_path / "bridge.keys").chmod(0o600)
    command = [sys.executable, "-m", "bridge", "status", "--config", str(tmp_path / "bridge.toml")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr == "bridge: the database postgresql://127.0.0.1:1/bridge does not answer; try again later\n"


@pytest.mark.only_on("postgresql", "SQLite has no password")
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://anna:secret@host:port/bridge",
        "mysql://anna:secret@host/bridge",
        "postgresql+psycopg2://anna:secret@host/bridge",
        "secret",
    ],
)
def test_a_url_of_something_else_is_refused(url: str) -> None:
    """Only the two databases, in a sentence that does not repeat the URL; nor does what it was raised from."""
    with pytest.raises(ConfigError, match="that can be opened; write sqlite") as refused:
        open_engine(settings(url))

    assert "secret" not in f"{refused.value!r}{refused.value.__cause__!r}"


OTHERS = {
    "CREATE TABLE songs (x)": "is of another program: it has the table songs, and no migration of ours; restore ours",
    "CREATE TABLE alembic_version AS SELECT '9f3a' AS version_num": "stands at migration '9f3a', this version knows 0001 to",
}


@pytest.mark.only_on("sqlite", "a server's database is made by its administrator, and may have other schemas")
@pytest.mark.parametrize("statement", OTHERS)
def test_the_database_of_another_program_is_left_alone(tmp_path: Path, statement: str) -> None:
    """No table of ours is put beside those of somebody else, by whatever command; the refusal says what it found."""
    engine = open_engine(settings(engines.empty(tmp_path)))
    with engine.begin() as connection:
        connection.execute(text(statement))
        before = inspect(connection).get_table_names()
    for look in (ready, revision):
        with pytest.raises(ConfigError, match=re.escape(OTHERS[statement])):
            look(engine)

    assert inspect(engine).get_table_names() == before


FILES = {b"": "is an empty file; restore it from your backup", b"The plant's songs\n" * 99: "is no SQLite database; restore it"}


@pytest.mark.only_on("sqlite", "a server keeps its own files")
@pytest.mark.parametrize("body", FILES)
def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, body: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """An emptied file is not taken for a new plant, and a text not for a server that is away."""
    file = Path(engines.empty(tmp_path).removeprefix("sqlite:///"))
    file.write_bytes(body)
    (tmp_path / "bridge.toml").write_text(f'[database]\nurl = "sqlite:///{file}"\n')
    codes = [main.run(["db", what, "--config", str(tmp_path / "bridge.toml")]) for what in ("check", "upgrade")]

    assert codes == [1, 1]
    assert capsys.readouterr().err.count(f"bridge: the database sqlite:///{file} {FILES[body]}") == 2
    assert file.read_bytes() == body


def test_a_database_that_lost_a_table_is_refused(place: Place) -> None:
    """It is named before anything is read or written: no step works on half of the books."""
    place.runtime.engine.dispose()
    with engines.plain(place.folder) as connection:
        connection.execute(text("DROP TABLE legal_hold"))

    with pytest.raises(errors.IntegrityError, match="has lost the table legal_hold; restore it from your backup"):
        ready(place.runtime.engine)


@pytest.mark.only_on("postgresql", "SQLite is migrated by whatever command comes first")
def test_a_pending_migration_is_refused_with_the_command(tmp_path: Path) -> None:
    """Nothing migrates a server but ``bridge db upgrade``; then every table and every trigger of the list is there."""
    engine = create_engine(engines.empty(tmp_path))
    with pytest.raises(ConfigError, match="as the owner of the tables run 'bridge db upgrade'"):
        ready(engine)
    assert revision(engine) is None
    upgrade(engine)
    ready(engine)

    with engine.connect() as connection:
        found = connection.scalars(text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O'"))
        assert sorted(found) == sorted(triggers.as_stored("postgresql"))
    assert revision(engine) == head_revision()


@pytest.mark.only_on("postgresql", "on SQLite the second waits for the whole file")
def test_two_who_migrate_at_once_migrate_once(tmp_path: Path) -> None:
    """Two containers start with the same new version: both end well."""
    url = engines.empty(tmp_path)
    (tmp_path / "bridge.toml").write_text(f'[database]\nurl = "{url}"\n')
    command = [sys.executable, "-m", "bridge", "db", "upgrade", "--quiet", "--config", str(tmp_path / "bridge.toml")]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    said = [process.communicate()[0] for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert revision(create_engine(url)) == head_revision()


FORK = """
import os, sys
from pathlib import Path
from threading import Thread
from sqlalchemy import text
from bridge.runtime import build
engine = build(Path(sys.argv[1])).engine
ask = text("SELECT pg_backend_pid()")
with engine.connect() as connection:
    ours = connection.scalar(ask)
child = os.fork()
if not child:
    with engine.connect() as connection:
        os._exit(0 if connection.scalar(ask) != ours else 3)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
with engine.connect() as connection:
    assert connection.scalar(ask) == ours
sys.exit(status)
"""


@pytest.mark.only_on("postgresql", "SQLite is no server")
def test_a_forked_process_has_a_connection_of_its_own(place: Place) -> None:
    """T32: a pool is never shared across a fork: the child opens another connection, and the parent's goes on."""
    done = subprocess.run(
        [sys.executable, "-c", FORK, place.folder / "bridge.toml"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def _used(runtime: Runtime, use: str) -> Any:
    if use == "work":
        return runtime.work(note)
    if use == "revision":
        return revision(runtime.engine)
    with getattr(runtime, use)() as session:
        return session.scalar(text("SELECT 1"))


def _end_connections(place: Place) -> None:
    """End every connection to the place's database, as a server that stops would."""
    with engines.plain(place.folder) as connection:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}")


def test_a_server_that_is_starting_is_away_for_a_moment() -> None:
    """It answers, but nobody has anything to see to."""
    said = "connection failed: FATAL:  the database system is starting up"
    assert database.unreached(Exception(said)) == "does not answer; try again later"
