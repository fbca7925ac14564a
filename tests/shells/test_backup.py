"""``bridge db backup`` and ``db check``: a whole copy while work goes on or none, and what is wrong with the database itself."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from bridge import audit_trail, backup
from bridge.runtime import Runtime, head_revision
from tests import engines
from tests.journeys.plant import Plant
from tests.servers import postgres
from tests.shells import nursery
from tests.steps.place import DEBTOR_IBAN, NOW, Place, half_way

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True, scope="session")
ON_POSTGRESQL = pytest.mark.parametrize("engine", ["postgresql"], indirect=True, scope="session")
PASSWORD = "horse battery"


@pytest.fixture
def place(engine: str, tmp_path: Path) -> Place:
    return half_way(tmp_path / "plant")


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump of the server's own version is on PATH."""
    monkeypatch.setenv("PATH", f"{postgres.wheel() / 'bin'}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder


def rows_of(url: str) -> dict[str, list[Any]]:
    """Every row of every table."""
    engine = create_engine(url)
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        found = {name: sorted(map(repr, connection.execute(text(f'SELECT * FROM "{name}"')))) for name in tables}
    engine.dispose()
    return found


def restored(backup: Path, tmp_path: Path) -> str:
    """The URL of a database that is made of the backup alone."""
    if backup.suffix == ".db":
        return f"sqlite:///{backup}"
    url = engines.empty(tmp_path)
    parts = make_url(url)
    command = [postgres.wheel() / "bin" / "pg_restore", "--no-owner", "--exit-on-error", "--dbname", parts.database, backup]
    subprocess.run(command, env={"PGHOST": parts.query["host"], "PGUSER": "postgres"}, check=True, capture_output=True)
    return url


def url_of(runtime: Runtime) -> str:
    return runtime.engine.url.render_as_string(hide_password=False)


# --- whole ---------------------------------------------------------------------------------------------------------------


@BOTH
def test_a_backup_is_the_whole_database_while_somebody_writes(
    place: Place, programs: None, backups: Path, tmp_path: Path
) -> None:
    """Every row as it was committed, none that was not; readable by its owner alone, no name or IBAN to be read in it."""
    before = rows_of(url_of(place.runtime))
    with place.runtime.session() as session:
        audit_trail.note(session, at=NOW, actor="anna", act="not committed yet", object="x")
        said = Plant(place.folder).here("db", "backup", str(backups), "--json")
    [path] = backups.iterdir()

    assert said.code == 0, said.err
    assert said.json["file"] == str(path)
    assert (said.json["bytes"], said.json["revision"]) == (path.stat().st_size, head_revision())
    assert path.name.startswith("bridge-20")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert rows_of(restored(path, tmp_path)) == before
    assert [word for word in (DEBTOR_IBAN, "Debtor 1 GmbH") if word.encode() in path.read_bytes()] == []


@BOTH
def test_a_backup_never_takes_the_place_of_another(place: Place, programs: None, backups: Path) -> None:
    """A file that is there stays as it is."""
    path = backups / f"mine{backup.ENDINGS[place.runtime.engine.dialect.name]}"
    path.write_text("an older one")
    said = Plant(place.folder).here("db", "backup", str(path))

    assert said.code == 1
    assert "exists; a backup never takes the place of another" in said.err
    assert [path.read_text() for path in backups.iterdir()] == ["an older one"]


def test_a_backup_does_not_migrate(place: Place, backups: Path) -> None:
    """It is what one makes before a migration: also of a database of an older version."""
    with engines.plain(place.folder) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0010'")
    said = Plant(place.folder).here("db", "backup", str(backups), "--json")

    assert (said.code, said.json["revision"]) == (0, "0010")
    assert rows_of(url_of(place.runtime))["alembic_version"] == ["('0010',)"]


# --- or none -------------------------------------------------------------------------------------------------------------


def test_a_damaged_file_is_not_kept_as_a_backup(place: Place, backups: Path) -> None:
    """A page of the database was overwritten on its disk: refused, and there is no file under any name."""
    damage(place.folder / "bridge.db")
    said = Plant(place.folder).here("db", "backup", str(backups / "mine.db"))

    assert said.code == 4
    assert "the copy of the database is damaged" in said.err
    assert list(backups.iterdir()) == []


@ON_POSTGRESQL
def test_a_dump_that_ends_half_way_leaves_nothing(place: Place, backups: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """pg_dump writes a part and gives up: its words are said, and there is no file under any name."""
    script(tmp_path, 'while [ "$1" != --file ]; do shift; done; echo half > "$2"; echo "no room" >&2; exit 1', monkeypatch)
    said = Plant(place.folder).here("db", "backup", str(backups / "mine.dump"))

    assert said.code == 5
    assert said.err == "bridge: pg_dump ended with 1, and said: no room\n"
    assert list(backups.iterdir()) == []


@BOTH
def test_a_folder_that_is_not_there_is_refused(place: Place, programs: None, backups: Path) -> None:
    """It is not taken for the name of a file, which would bar the next night's; nor is one made for a file in it."""
    ending = backup.ENDINGS[place.runtime.engine.dialect.name]
    plant = Plant(place.folder)
    folder = plant.here("db", "backup", str(backups / "none"))
    file = plant.here("db", "backup", str(backups / "none" / f"mine{ending}"))

    assert (folder.code, file.code) == (1, 5)
    assert f"{backups / 'none'} is no folder that is there, nor does it end in {ending} as the name of a file would" in folder.err
    assert "could not be written: No such file or directory" in file.err
    assert list(backups.iterdir()) == []


@ON_POSTGRESQL
def test_without_pg_dump_it_says_what_to_install(place: Place, backups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client programs are not there: one sentence, nothing written."""
    monkeypatch.setenv("PATH", str(backups))
    said = Plant(place.folder).here("db", "backup", str(backups))

    assert said.code == 1
    assert "pg_dump is not on PATH; install the client programs of PostgreSQL" in said.err
    assert list(backups.iterdir()) == []


@ON_POSTGRESQL
def test_the_password_is_no_word_of_the_command(place: Place, backups: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """Every user of the machine sees the words of a process: the password is in its environment, and the dump is made."""
    real = postgres.wheel() / "bin" / "pg_dump"
    script(tmp_path, f'echo "$@" > {tmp_path}/words; env > {tmp_path}/environment; exec {real} "$@"', monkeypatch)
    place.rewrite("://postgres@", "://postgres:horse%20battery@")
    environment = {"PATH": os.environ["PATH"], "BRIDGE_TIMEZONE": "UTC"}
    code, *said = nursery.run(["db", "backup", str(backups / "mine.dump")], cwd=place.folder, environment=environment)
    told = (tmp_path / "environment").read_text()

    assert code == 0, said
    assert PASSWORD not in f"{(tmp_path / 'words').read_text()}{said}"
    assert f"PGPASSWORD={PASSWORD}\n" in told
    assert "BRIDGE_" not in told


def script(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pg_dump of this body comes first on PATH."""
    path = folder / "bin" / "pg_dump"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")


# --- check ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def without_a_trigger(place: Place) -> Place:
    with engines.plain(place.folder) as connection:
        connection.exec_driver_sql("DROP TRIGGER no_update_posting" + ("" if engines.name() == "sqlite" else " ON posting"))
    return place


@BOTH
def test_a_trigger_that_is_missing_is_named(without_a_trigger: Place) -> None:
    """The database is at the newest migration and not as we set it: 4, and how to set it again."""
    said = Plant(without_a_trigger.folder).here("db", "check", "--json")

    assert said.code == 4
    assert (said.json["ok"], said.json["revision"]) == (False, head_revision())
    assert said.json["wrong"] == ["trigger no_update_posting is missing; 'bridge db upgrade' sets all of them"]


@BOTH
def test_a_sound_database_is_sound(place: Place) -> None:
    said = Plant(place.folder).here("db", "check")

    assert (said.code, said.out) == (0, f"the database stands at {head_revision()}, the newest migration is {head_revision()}\n")


def test_a_damaged_file_is_told(place: Place) -> None:
    """SQLite's own look at its file."""
    damage(place.folder / "bridge.db")
    said = Plant(place.folder).here("db", "check", "--json")

    assert said.code == 4
    assert [one for one in said.json["wrong"] if not one.startswith("the file is damaged: ")] == []


def damage(file: Path) -> None:
    """Overwrite a page of an index that no command reads before it copies: of the postings by their credit account."""
    with closing(sqlite3.connect(file)) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_posting_credit'").fetchone()[0]
    with file.open("r+b") as stream:
        stream.seek((root - 1) * size + size - 40)
        stream.write(b"\xff" * 40)


# --- who may -------------------------------------------------------------------------------------------------------------


def test_who_is_named_must_be_an_admin(place: Place, backups: Path) -> None:
    """As for reading nobody need be named; whoever is needs the role."""
    plant = Plant(place.folder)
    for name, role in (("boss", "admin"), ("anna", "clerk")):
        assert plant.here("user", "add", name, "--role", role, *(["--actor", "boss"] if name == "anna" else [])).code == 0
    said = {name: plant.here("db", "backup", str(backups / f"{name}.db"), "--actor", name, "--json") for name in ("anna", "boss")}

    assert {name: one.code for name, one in said.items()} == {"anna": 1, "boss": 0}
    assert json.loads(said["boss"].out)["file"] == str(backups / "boss.db")
