"""The composition root: everything a step, act or report needs, built once per process.

``Runtime`` is plain data plus three ways to the database: ``work`` (one unit of work, repeated when another worker was first),
``session`` (one, not repeated) and ``reading`` (never blocks a writer).
"""

from __future__ import annotations

import math
import os
import random
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from weakref import WeakSet
from zoneinfo import ZoneInfo

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.orm import Session

from bridge import database, resources
from bridge.chain import ChainSource, open_attester, open_source
from bridge.errors import ConfigError, LostRace, Unavailable
from bridge.formats import profiles
from bridge.model.sealed import Keyring
from bridge.model.triggers import statements as trigger_statements
from bridge.records.profile import BankProfile
from bridge.settings import Settings, SourceSettings
from bridge.settings import load as load_settings

if TYPE_CHECKING:
    from bridge.chain.attester import Attester
    from bridge.telemetry import Turn

TRIES = 8
LOST_ENOUGH = 2  # times; a third would be wasted as well, and SERIALIZABLE favours the small ones
MEETING = "cursor"  # the table that units of work lock, one that the app's role may lock; reading and writing it is not hindered
Isolation = Literal["serializable", "snapshot", "committed"]
#: What a unit of work may see of others besides "serializable", which is as if they came one after the other. "snapshot": one
#: moment, and who writes a row that another wrote since loses; for a unit whose facts are judged again before money moves, and
#: which writes under versions and unique keys. "committed": whatever is there; for one that only adds to what never changes.
LEVELS = {"snapshot": "REPEATABLE READ", "committed": "READ COMMITTED"}
PAUSE_SECONDS = 0.01
T = TypeVar("T")
READING: dict[str, dict[str, Any]] = {
    "sqlite": {"reading": True},
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}
#: a lock is waited for as long as on SQLite; who fell asleep in the middle of a unit of work does not hold up the others for ever
POSTGRESQL_OPTIONS = "-c timezone=UTC -c lock_timeout=30s -c idle_in_transaction_session_timeout=10min"
#: serialization_failure, deadlock_detected, unique_violation, lock_not_available
POSTGRESQL_AGAIN = {"40001", "40P01", "23505", "55P03"}
SQLITE_AGAIN = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY")


class TurnOver(KeyboardInterrupt):
    """A step worked as long as it may at a time, and there is more. No Exception: a step must not take it for a bad file."""


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
    tell: Callable[[Turn], None] | None = None  # whom bridge.toml names is told how each turn ended; None: nobody
    until: float = math.inf  # of time.monotonic: no unit of work begins later

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.settings.timezone)

    def today(self) -> date:
        """The business date: today in the configured time zone."""
        return self.clock().astimezone(self.zone).date()

    def attester(self, settings: SourceSettings) -> Attester | None:
        """The account that writes outcomes of this source back; None where none shall. Raises ConfigError for its key file."""
        if settings.attest is None:
            return None
        what = f"the signing key of source {settings.name}"
        key = _secret(self.settings.path(settings.attest.key), what, "make one, give its account the settlement role")
        return open_attester(self.source(settings), contract=settings.contract, key=key.strip())

    def profile(self, name: str) -> BankProfile:
        return profiles.load(name, resources.folders("templates/banks", self.settings.home))

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One unit of work: committed at the end, rolled back on any error."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads, on one snapshot."""
        options = READING[self.engine.dialect.name]
        with self.engine.connect().execution_options(**options) as connection, Session(connection) as session:
            yield session
            session.rollback()

    def work(self, unit: Callable[[Session], T], *, isolation: Isolation = "serializable") -> T:
        """Run one unit of work and commit it; repeat it when another worker was first. Raises Unavailable after some tries.

        ``isolation``: see LEVELS. A serializable one that lost LOST_ENOUGH times lets the others wait: many small ones would make
        a large one lose for ever.
        Raises TurnOver where its time is over: what was committed stays, and whoever comes next finds the rest.
        """
        if time.monotonic() > self.until:
            raise TurnOver
        last: Exception | None = None
        for tried in range(TRIES):
            try:
                with self.session() as session:
                    _begin(session, isolation, alone=tried >= LOST_ENOUGH)
                    return unit(session)
            except (LostRace, DBAPIError) as problem:
                if isinstance(problem, DBAPIError) and not _another_was_first(problem):
                    if isinstance(problem, OperationalError):
                        raise Unavailable(
                            "the database did not take the work; see that it runs and that its disk has room"
                        ) from problem
                    raise
                last = problem
            # those who met once shall not meet again: each waits another while
            time.sleep(random.uniform(0, PAUSE_SECONDS * 2**tried))  # noqa: S311 - no secret hangs on it
        raise Unavailable(f"the database did not take the work in {TRIES} tries ({type(last).__name__}); try again") from last


def _begin(session: Session, isolation: Isolation, *, alone: bool) -> None:
    """On PostgreSQL, how much a unit of work sees of others; serializable ones pass each other, unless one must be ``alone``.

    LOCK TABLE alone takes no snapshot: with another kind of lock, who has waited would still see what was before, and lose again.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    if isolation != "serializable":
        session.connection(execution_options={"isolation_level": LEVELS[isolation]})
        return
    session.connection().exec_driver_sql(f'LOCK TABLE "{MEETING}" IN {"EXCLUSIVE" if alone else "ROW SHARE"} MODE')


def build(config: Path, *, clock: Callable[[], datetime] | None = None, keys: Callable[[Path], Keyring] | None = None) -> Runtime:
    """Build the runtime of a bridge.toml; ``keys`` reads its key file. Raises ConfigError or Unavailable that says what to do."""
    settings = load_settings(config)
    if clock is not None and settings.environment == "production":
        raise ConfigError("--clock is for rehearsal and refused where environment = 'production'")
    engine = open_engine(settings)
    return Runtime(
        settings=settings,
        engine=engine,
        keys=(keys or load_keys)(settings.path(settings.keys.path)),
        clock=clock or (lambda: datetime.now(UTC)),
        source=lambda source: open_chain(settings, source),
        tell=_teller(settings),
    )


def _teller(settings: Settings) -> Callable[[Turn], None] | None:
    """Who is told how turns end; what tells them is imported only where somebody is. Raises ConfigError."""
    if not (settings.telemetry.sentry_dsn or settings.telemetry.otlp_endpoint):
        return None
    from bridge import telemetry

    return telemetry.teller(**settings.telemetry.model_dump())


def open_chain(settings: Settings, source: SourceSettings) -> ChainSource:
    return open_source(
        name=source.name,
        chain_id=source.chain_id,
        contract=source.contract,
        rpc=source.rpc,
        recorded=settings.path(source.recorded) if source.recorded else None,
        finality=source.finality,
        verification=source.profile,
        quorum=source.agreeing if source.rpc else None,
        mapping=source.described,
    )


def load_keys(path: Path) -> Keyring:
    """Read the key file; it must be readable by its owner alone. The keyring follows when another process rotates its keys."""
    return _KeyFile(path).newest()


@dataclass(slots=True)
class _KeyFile:
    """The key file, and what it held when it was last another file than before."""

    path: Path
    seen: tuple[int, int, int] | None = None
    ring: Keyring | None = None

    def newest(self) -> Keyring:
        """What it holds now; it is read again only where it was replaced."""
        try:
            at = self.path.stat()
            seen = (at.st_ino, at.st_mtime_ns, at.st_size)
        except FileNotFoundError:
            seen = (0, 0, 0)  # reading it says so
        if self.ring is None or seen != self.seen:
            words = _secret(self.path, "the key file", "restore it from your backup, or run 'bridge init' for a new start")
            self.ring, self.seen = replace(Keyring.parse(words), reread=self.newest), seen
        return self.ring


def _secret(path: Path, what: str, cure: str) -> str:
    """What a file says that only its owner may read. Raises ConfigError, which never holds it."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigError(f"{path} can be read by others; run: chmod 600 {path}")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as problem:
        raise ConfigError(f"{what} {path} is missing; {cure}") from problem


def write_keys(path: Path) -> None:
    """Make a new key file, mode 0600; an existing one is never overwritten."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(Keyring.generate().dump())


def open_engine(settings: Settings) -> Engine:
    """The engine of settings.database, made safe for money: units of work happen as if one after the other, if they ask no less.

    On SQLite by WAL, full sync and BEGIN IMMEDIATE, on PostgreSQL by SERIALIZABLE (less: LEVELS). Raises ConfigError, which never
    holds the URL.
    """
    url = settings.database.url
    if url.startswith("sqlite:///"):
        url = f"sqlite:///{settings.path(Path(url.removeprefix('sqlite:///')))}"
    try:
        engine = create_engine(url, hide_parameters=True, **_options(make_url(url)))
    except ModuleNotFoundError:
        raise ConfigError("database.url names a PostgreSQL; its driver is missing: pip install 'sdd-bridge[postgres]'") from None
    except (ArgumentError, ValueError):
        # without a cause: it quotes the URL, and in the URL stands a password
        raise ConfigError("database.url is none that can be opened; write sqlite:///bridge.db or postgresql://...") from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "do_connect", _for_its_owner)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "handle_error", _say_unavailable)
    _OPENED.add(engine)
    return engine


def _options(url: URL) -> dict[str, Any]:
    """What an engine of this URL needs beyond it. Raises ArgumentError for a database that is neither of the two."""
    if url.get_backend_name() == "sqlite":
        return {}
    if url.get_driver_name() != "psycopg" or url.get_backend_name() != "postgresql":
        raise ArgumentError("neither SQLite nor PostgreSQL by psycopg")
    wanted = {"connect_timeout": 10, "application_name": "bridge", "options": POSTGRESQL_OPTIONS}
    return {
        "isolation_level": "SERIALIZABLE",
        "pool_pre_ping": True,  # a server that was started anew meanwhile costs a connection, no unit of work
        "pool_recycle": 1800,
        "connect_args": {name: value for name, value in wanted.items() if name not in url.query},
    }


def _for_its_owner(_: Any, __: Any, words: list[Any], ___: Any) -> None:
    """A database that is not there yet is made with mode 0600, which what lies beside it takes over."""
    if words[0] and words[0] != ":memory:":
        with suppress(OSError):  # whatever is wrong with the place SQLite says in its own way
            os.close(os.open(words[0], os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # we send BEGIN ourselves
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # a deferred transaction that reads and then writes fails at once when another commits in between: busy_timeout does not help
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("reading") else "BEGIN IMMEDIATE")


def _say_unavailable(context: ExceptionContext) -> None:
    """A server that cannot be reached, or went away, is Unavailable, wherever it is noticed; what was not committed is undone.

    What it refuses our role is ConfigError: a grant is missing, and no step is to blame.
    """
    if context.sqlalchemy_exception is None or context.is_pre_ping:
        return  # not of the database; or a pooled connection that has died, for which another is opened
    url = context.engine.url if context.engine else context.dialect.name
    if said := database.forbidden(context.original_exception):
        raise ConfigError(f"the database {database.shown(url)} {said}") from context.original_exception
    if context.is_disconnect or context.connection is None:
        if (what := getattr(context.original_exception, "sqlite_errorname", "")) in database.NO_DATABASE:
            raise ConfigError(f"the database {database.shown(url)} {database.NO_DATABASE[what]}") from context.original_exception
        raise Unavailable(
            f"the database {database.shown(url)} {database.unreached(context.original_exception)}"
        ) from context.original_exception


def _another_was_first(problem: DBAPIError) -> bool:
    """Whether the same unit of work can end otherwise: another one moved the same rows, wrote the same key, or held a lock."""
    sqlite, postgresql = getattr(problem.orig, "sqlite_errorname", ""), getattr(problem.orig, "sqlstate", None) or ""
    return sqlite.startswith(SQLITE_AGAIN) or postgresql in POSTGRESQL_AGAIN


def _forget_connections() -> None:
    """In a forked process: the connections belong to the parent, who goes on using them; here new ones are opened."""
    for engine in _OPENED:
        engine.dispose(close=False)


_OPENED: WeakSet[Engine] = WeakSet()
os.register_at_fork(after_in_child=_forget_connections)


def head_revision() -> str:
    """The newest migration, by its file name: 0001, 0002 ..."""
    return max(path.name[:4] for path in resources.path("migrations/versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


def revision(engine: Engine) -> str | None:
    """The migration the database stands at; None for an empty one. Raises ConfigError where it is none of ours, Unavailable."""
    database.refuse_emptied(engine)
    try:
        with engine.connect().execution_options(**READING[engine.dialect.name]) as connection:  # nobody waits for a look
            if not engine.dialect.has_table(connection, "alembic_version"):
                database.refuse_foreign(connection)
                database.refuse_hidden(connection)
                return None
            stands_at = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except DBAPIError as problem:
        raise Unavailable(f"the database {database.shown(engine.url)} cannot be read") from problem
    database.refuse_unknown(engine, stands_at, head_revision())
    return stands_at


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest migration and set the triggers anew."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(resources.path("migrations")))
    config.attributes["engine"] = engine
    command.upgrade(config, "head")


def whole(engine: Engine) -> None:
    """Raise IntegrityError where a database at the newest migration has not all its tables."""
    with engine.connect().execution_options(**READING[engine.dialect.name]) as connection:
        database.refuse_incomplete(connection)


def ready(engine: Engine) -> None:
    """Make sure the database is at the newest migration: SQLite is brought there, anything else is refused with the command."""
    stands_at = revision(engine)
    if engine.dialect.name == "sqlite" and stands_at != head_revision():
        upgrade(engine)
        return
    _refuse_older(engine, stands_at)
    whole(engine)


def migrated(engine: Engine) -> None:
    """Raise ConfigError where the database is not at this version's newest migration, Unavailable where it does not answer."""
    _refuse_older(engine, revision(engine))


def _refuse_older(engine: Engine, stands_at: str | None) -> None:
    if stands_at != head_revision():
        raise ConfigError(
            f"the database stands at migration {stands_at or 'none'}, this version needs {head_revision()}; "
            f"{'as the owner of the tables ' if engine.dialect.name == 'postgresql' else ''}run 'bridge db upgrade'"
        )


def set_triggers(connection: Connection) -> None:
    """Drop and create every append-only trigger; called at the end of every migration."""
    for statement in trigger_statements(connection.dialect.name):
        connection.exec_driver_sql(statement.replace("%", "%%") if connection.dialect.name == "postgresql" else statement)
