"""The composition root: everything a step, act or report needs, built once per process.

``Runtime`` is plain data plus three ways to the database: ``work`` (one unit of work, repeated when another worker was first),
``session`` (one, not repeated) and ``reading`` (never blocks a writer).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from bridge import resources
from bridge.chain import ChainSource, open_source
from bridge.errors import ConfigError, LostRace, Unavailable
from bridge.formats import profiles
from bridge.model.sealed import Keyring
from bridge.model.triggers import statements as trigger_statements
from bridge.records.profile import BankProfile
from bridge.settings import Settings, SourceSettings
from bridge.settings import load as load_settings

TRIES = 5
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Runtime:
    """What runs the steps. ``clock`` gives aware instants; ``source`` opens a chain source by its settings."""

    settings: Settings
    engine: Engine
    keys: Keyring = field(repr=False)
    clock: Callable[[], datetime]
    source: Callable[[SourceSettings], ChainSource]
    progress: Callable[[str], None] = lambda _: None
    fault: Callable[[str], None] = lambda _: None  # tests stop the process at a named point

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.settings.timezone)

    def today(self) -> date:
        """The business date: today in the configured time zone."""
        return self.clock().astimezone(self.zone).date()

    def profile(self, name: str) -> BankProfile:
        return profiles.load(name, [resources.path("templates/banks"), self.settings.home / "templates" / "banks"])

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One unit of work: committed at the end, rolled back on any error."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads, on one snapshot."""
        with self.engine.connect().execution_options(reading=True) as connection, Session(connection) as session:
            yield session
            session.rollback()

    def work(self, unit: Callable[[Session], T]) -> T:
        """Run one unit of work and commit it; repeat it when another worker was first. Raises Unavailable after five tries."""
        last: Exception | None = None
        for _ in range(TRIES):
            try:
                with self.session() as session:
                    return unit(session)
            except (LostRace, IntegrityError, OperationalError) as problem:
                if isinstance(problem, IntegrityError) and "never" in str(problem.orig):
                    raise  # a trigger spoke: repeating cannot help
                last = problem
        raise Unavailable(f"the database did not take the work in {TRIES} tries ({type(last).__name__}); try again") from last


def build(config: Path, *, clock: Callable[[], datetime] | None = None) -> Runtime:
    """Build the runtime of a bridge.toml. Raises ConfigError or Unavailable that says what to do."""
    settings = load_settings(config)
    if clock is not None and settings.environment == "production":
        raise ConfigError("--clock is for rehearsal and refused where environment = 'production'")
    engine = open_engine(settings)
    return Runtime(
        settings=settings,
        engine=engine,
        keys=load_keys(settings.path(settings.keys.path)),
        clock=clock or (lambda: datetime.now(UTC)),
        source=lambda source: open_chain(settings, source),
    )


def open_chain(settings: Settings, source: SourceSettings) -> ChainSource:
    return open_source(
        name=source.name,
        chain_id=source.chain_id,
        contract=source.contract,
        rpc=source.rpc,
        recorded=settings.path(source.recorded) if source.recorded else None,
        finality=source.finality,
    )


def load_keys(path: Path) -> Keyring:
    """Read the key file; it must be readable by its owner alone."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigError(f"{path} can be read by others; run: chmod 600 {path}")
        return Keyring.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise ConfigError(
            f"the key file {path} is missing; restore it from your backup, or run 'bridge init' for a new start"
        ) from problem


def write_keys(path: Path) -> None:
    """Make a new key file, mode 0600; an existing one is never overwritten."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(Keyring.generate().dump())


def open_engine(settings: Settings) -> Engine:
    """The engine of settings.database, with SQLite made safe for money: WAL, full sync, foreign keys, BEGIN IMMEDIATE."""
    url = settings.database.url
    if url.startswith("sqlite:///"):
        url = f"sqlite:///{settings.path(Path(url.removeprefix('sqlite:///')))}"
    try:
        engine = create_engine(url, hide_parameters=True)
    except (ArgumentError, ModuleNotFoundError) as problem:
        raise ConfigError("database.url is none that can be opened; write sqlite:///bridge.db or postgresql://...") from problem
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # we send BEGIN ourselves
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # a deferred transaction that reads and then writes fails at once when another commits in between: busy_timeout does not help
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("reading") else "BEGIN IMMEDIATE")


def head_revision() -> str:
    """The newest migration, by its file name: 0001, 0002 ..."""
    return max(path.name[:4] for path in resources.path("migrations/versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


def revision(engine: Engine) -> str | None:
    """The migration the database stands at; None for an empty one."""
    try:
        with engine.connect() as connection:
            if not engine.dialect.has_table(connection, "alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except DBAPIError as problem:
        raise Unavailable(f"the database {engine.url.render_as_string(hide_password=True)} does not answer") from problem


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest migration and set the triggers anew."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(resources.path("migrations")))
    config.attributes["engine"] = engine
    command.upgrade(config, "head")


def ready(engine: Engine) -> None:
    """Make sure the database is at the newest migration: SQLite is brought there, anything else is refused with the command."""
    stands_at = revision(engine)
    if stands_at == head_revision():
        return
    if engine.dialect.name != "sqlite":
        raise ConfigError(
            f"the database stands at migration {stands_at or 'none'}, this version needs {head_revision()}; "
            "run 'bridge db upgrade'"
        )
    upgrade(engine)


def set_triggers(connection: Connection) -> None:
    """Drop and create every append-only trigger; called at the end of every migration."""
    for statement in trigger_statements(connection.dialect.name):
        connection.exec_driver_sql(statement.replace("%", "%%") if connection.dialect.name == "postgresql" else statement)
