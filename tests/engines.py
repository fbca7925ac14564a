"""On which engine a test runs: SQLite in a file beside bridge.toml, or a database of its own on a real PostgreSQL.

Tests of the folders BOTH run on each (conftest.py); the builders of places, worlds and plants ask here where their rows go. A
test that can only be about one engine says so: ``@pytest.mark.only_on("sqlite", "why")``.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, create_engine, event, inspect, make_url
from sqlalchemy.pool import NullPool

from bridge import runtime
from bridge.model import Base
from tests.servers import postgres

SQLITE, POSTGRESQL = "sqlite", "postgresql"
OURS = "WHERE NOT tgisinternal"
#: folders of tests whose every test runs on both engines
BOTH = {"acts", "bank_news", "books", "intake", "journeys", "migrations", "reports", "steps", "year"}


@dataclass(slots=True)
class _Now:
    """The engine of the test that runs, and what it made."""

    engine: str = SQLITE
    meeting: Path = Path()
    databases: dict[Path, str] = field(default_factory=dict)  # folder of a plant -> its database
    made: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)  # databases that wait for the next test
    opened: list[Engine] = field(default_factory=list)
    template: str = ""
    triggers: str = ""  # those of the template
    server: str = ""  # the URL of another server than the shared one


_now = _Now()
_numbers = count(1)
_dialects: dict[str, Dialect] = {}
_compiled: dict[Any, Any] = {}


def use(engine: str, meeting: Path) -> None:
    """From here on new places are on this engine; processes that share ``meeting`` share one server."""
    _now.engine, _now.meeting = engine, meeting


@contextmanager
def on_server(url: str) -> Iterator[None]:
    """While this is open new places are on this PostgreSQL, which is nobody else's: it may be killed."""
    before = {one.name: getattr(_now, one.name) for one in fields(_Now)}
    _now.__init__(POSTGRESQL, server=url)  # type: ignore[misc]
    try:
        yield
    finally:
        let_go()
        for what, was in before.items():
            setattr(_now, what, was)


def name() -> str:
    """The engine of the test that runs."""
    return _now.engine


def url(folder: Path) -> str:
    """Where the rows of the plant in this folder go: on PostgreSQL a migrated database, made when it is first asked for."""
    if _now.engine == SQLITE:
        return "sqlite:///bridge.db"
    if folder not in _now.databases:
        _now.databases[folder] = _fresh()
    return _url_of(_now.databases[folder])


def section(folder: Path) -> str:
    """The lines of bridge.toml that say so; none for SQLite, the default: its migrated file is put beside bridge.toml."""
    if _now.engine == POSTGRESQL:
        return f'[database]\nurl = "{url(folder)}"\n'
    if not (folder / "bridge.db").exists():
        (folder / "bridge.db").write_bytes(_migrated())
    return ""


def empty(folder: Path) -> str:
    """The URL of a new database without a table."""
    if _now.engine == SQLITE:
        return f"sqlite:///{folder / 'new.db'}"
    database = _new_name()
    _as_owner(f"CREATE DATABASE {database} TEMPLATE template0")
    _now.made.append(database)
    return _url_of(database)


def check(folder: Path, engine: Engine) -> None:
    """Refuse a place on another engine than its test's, or on the database of another place.

    That is one whose fixture outlives its tests without asking for ``engine``, or that was copied without ``copy``.
    """
    if _now.engine == POSTGRESQL and engine.url.database != _now.databases.get(folder):
        raise AssertionError(f"{folder.name} is not on a PostgreSQL database of its own: use engines.copy, and ask for engine")


def copy(source: Path, target: Path) -> None:
    """A plant's folder and its rows a second time; no unit of work may be under way in the first."""
    let_go()
    shutil.copytree(source, target, dirs_exist_ok=True)
    if source not in _now.databases:
        return
    _now.databases[target] = _clone(_now.databases[source])
    config = target / "bridge.toml"
    config.write_text(config.read_text("utf-8").replace(_url_of(_now.databases[source]), url(target)), "utf-8")


def keep(folder: Path) -> bytes:
    """What a plant's rows are now, for ``put_back``; nothing may be connected. The last one that was kept counts."""
    if folder not in _now.databases:
        return (folder / "bridge.db").read_bytes()
    with plain(folder) as connection:
        connection.exec_driver_sql("DROP SCHEMA IF EXISTS kept CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA kept")
        for table in inspect(connection).get_table_names():
            connection.exec_driver_sql(f'CREATE TABLE kept."{table}" AS TABLE public."{table}"')
        connection.exec_driver_sql("CREATE TABLE kept.at AS SELECT sequencename, last_value FROM pg_sequences")
    return b""


def put_back(folder: Path, kept: bytes) -> None:
    """Make a plant's rows, and its triggers, what they were; nothing may be connected."""
    if folder not in _now.databases:
        (folder / "bridge.db").write_bytes(kept)
        return
    with plain(folder) as connection:
        _clear(connection)
        for table in inspect(connection).get_table_names():
            if table != "alembic_version":
                connection.exec_driver_sql(f'INSERT INTO public."{table}" SELECT * FROM kept."{table}"')
        connection.exec_driver_sql("SELECT setval(sequencename::regclass, last_value) FROM kept.at WHERE last_value IS NOT NULL")
        if _triggers(connection) != _now.triggers:
            for name, table in connection.exec_driver_sql(f"SELECT tgname, tgrelid::regclass FROM pg_trigger {OURS}").all():
                connection.exec_driver_sql(f'DROP TRIGGER "{name}" ON {table}')
            runtime.set_triggers(connection)


def stored(folder: Path) -> bytes:
    """Everything that lies in a plant's database, as it lies there: the file of SQLite, the values of all rows of PostgreSQL."""
    if folder not in _now.databases:
        return b"".join(path.read_bytes() for path in sorted(folder.glob("bridge.db*")))
    with plain(folder) as connection:
        tables = inspect(connection).get_table_names()
        values = [value for table in tables for row in connection.exec_driver_sql(f'SELECT * FROM "{table}"') for value in row]
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in values)


@contextmanager
def plain(folder: Path) -> Iterator[Connection]:
    """A connection to a plant's rows that nothing of ours prepared; committed at the end."""
    where = _url_of(_now.databases[folder]) if folder in _now.databases else f"sqlite:///{folder / 'bridge.db'}"
    engine = create_engine(where)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def past_the_triggers(folder: Path) -> Iterator[Connection]:
    """The same, and no trigger or foreign key acts on it, as an owner of the database can do; the triggers stay as they are."""
    with plain(folder) as connection:
        if connection.dialect.name == POSTGRESQL:
            connection.exec_driver_sql("SET session_replication_role = replica")
            yield connection
            return
        triggers = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
        for trigger, _ in triggers:
            connection.exec_driver_sql(f'DROP TRIGGER "{trigger}"')
        yield connection
        for _, words in triggers:
            connection.exec_driver_sql(words)


@contextmanager
def dropping() -> Iterator[None]:
    """What is made inside is dropped at the end, and every connection that was opened inside is closed."""
    before = set(_now.made)
    try:
        yield
    finally:
        drop(set(_now.made) - before)


def made() -> set[str]:
    """The databases that stand now."""
    return set(_now.made)


def drop(databases: set[str]) -> None:
    """Close whatever is connected to these, and drop them, or empty them for the next test."""
    for engine in list(_now.opened):
        if engine.url.database in databases:
            engine.dispose()
            _now.opened.remove(engine)
    for database in databases:
        _now.made.remove(database)
        if not _emptied(database):
            _as_owner(f"DROP DATABASE {database} WITH (FORCE)")
    for folder, database in list(_now.databases.items()):
        if database in databases:
            del _now.databases[folder]


def let_go() -> None:
    """Close the connections that wait in a pool; an engine opens new ones when it is used again."""
    for engine in _now.opened:
        engine.dispose()


def open_alike(url: str, **options: Any) -> Engine:
    """``create_engine`` for a process that opens many of a kind: they share what SQLAlchemy compiled, and for that a dialect.

    That of the first one that connected: only then does a dialect know its server.
    """
    engine = create_engine(url, execution_options={"compiled_cache": _compiled}, **options)
    if engine.name in _dialects:
        engine.dialect = _dialects[engine.name]
    else:
        event.listen(engine, "engine_connect", _remember_dialect)
    return engine


def _remember_dialect(connection: Connection) -> None:
    _dialects.setdefault(connection.engine.name, connection.engine.dialect)


@event.listens_for(Engine, "engine_connect")
def _remember(connection: Connection) -> None:
    """Engines are held until their connections are closed: one that is only forgotten would warn at any later time."""
    engine = connection.engine
    if engine.dialect.name == POSTGRESQL and not any(engine.pool is known.pool for known in _now.opened):
        _now.opened.append(engine)


@cache
def _migrated() -> bytes:
    """A migrated file of SQLite without rows: to copy it takes a hundredth of the time that its migrations take."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "template.db"
        engine = create_engine(f"sqlite:///{file}")
        runtime.upgrade(engine)
        engine.dispose()
        return file.read_bytes()


def _template() -> str:
    """The name of a migrated database without rows, made once a process."""
    if not _now.template:
        _now.template = _new_name()
        _as_owner(f"CREATE DATABASE {_now.template} TEMPLATE template0")
        with _connected(_now.template) as connection:
            runtime.upgrade(connection.engine)
            _now.triggers = _triggers(connection)
    return _now.template


def _fresh() -> str:
    """A migrated database without rows: one that was emptied (2 to 15 ms), or a new copy (50 to 600 ms, as the disk is busy)."""
    template = _template()
    if not _now.empty:
        return _clone(template)
    _now.made.append(_now.empty.pop())
    return _now.made[-1]


def _clone(database: str) -> str:
    made = _new_name()
    _as_owner(f"CREATE DATABASE {made} TEMPLATE {database} STRATEGY FILE_COPY")
    _now.made.append(made)
    return made


def _emptied(database: str) -> bool:
    """Take every row out, and begin to count at 1 again; False where a test changed more than rows, or is connected still."""
    with _connected(database) as connection:
        alone = connection.exec_driver_sql(
            "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database()"
        ).scalar()
        tables = set(inspect(connection).get_table_names())
        if not alone or not tables >= set(Base.metadata.tables) or _triggers(connection) != _now.triggers:
            return False
        connection.exec_driver_sql("DROP SCHEMA IF EXISTS kept CASCADE")
        _clear(connection)
    _now.empty.append(database)
    return True


def _clear(connection: Connection) -> None:
    connection.exec_driver_sql("SET session_replication_role = replica")
    tables = (table for table in inspect(connection).get_table_names() if table != "alembic_version")
    connection.exec_driver_sql("; ".join(f'DELETE FROM public."{table}"' for table in tables))
    connection.exec_driver_sql(f"UPDATE public.alembic_version SET version_num = '{runtime.head_revision()}'")
    connection.exec_driver_sql("SELECT setval(sequencename::regclass, 1, false) FROM pg_sequences WHERE schemaname = 'public'")


def _triggers(connection: Connection) -> str:
    """All triggers, word for word, and what they call."""
    words = "tgenabled::text || pg_get_triggerdef(t.oid) || prosrc"
    listed = f"SELECT string_agg({words}, ';' ORDER BY tgname, tgrelid) FROM pg_trigger t JOIN pg_proc p ON p.oid = tgfoid {OURS}"
    return connection.exec_driver_sql(listed).scalar() or ""


@contextmanager
def _connected(database: str) -> Iterator[Connection]:
    engine = create_engine(_url_of(database), poolclass=NullPool)
    with engine.begin() as connection:
        yield connection


def _new_name() -> str:
    return f"bridge_test_{os.getpid()}_{next(_numbers)}"


def _as_owner(statement: str) -> None:
    server = create_engine(_server(), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with server.connect() as connection:
        connection.exec_driver_sql(statement)


def _url_of(database: str) -> str:
    return make_url(_server()).set(database=database).render_as_string(hide_password=False)


def _server() -> str:
    return _now.server or postgres.shared(_now.meeting)
