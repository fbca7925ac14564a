"""Is the database ours, and has it all its tables? Asked before it is migrated, so that no new one takes its place unseen."""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, inspect, text

from bridge.errors import ConfigError, IntegrityError
from bridge.model import Base

SHOWN = 3
#: what SQLite says of a file that it cannot open as a database -> what that is, and what to do
NO_DATABASE = {
    "SQLITE_NOTADB": "is no SQLite database; restore it from your backup, or name another file in database.url",
    "SQLITE_CORRUPT": "is damaged; restore it from your backup",
    "SQLITE_CANTOPEN": "cannot be opened: its folder is missing, or you may not write there",
}
#: what libpq puts before the words of a server that answered and did not let us in, in whatever language these are
REFUSED = "FATAL:"
PASSING = "the database system is "  # starting up, shutting down, in recovery: it passes by itself
FORBIDDEN = "42501"  # insufficient_privilege
#: the schemas of the search path with a table of migrations, and without the right to use them; they count as if they were absent
_HIDDEN = """
SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = 'alembic_version' AND NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND n.nspname = ANY
(regexp_split_to_array(replace(replace(current_setting('search_path'), '$user', current_user), '"', ''), ',\\s*'))
"""
ANOTHER = "restore ours from your backup, or name another one in database.url"


def shown(url: URL | str) -> str:
    """A URL without user, password and query: each of them may hold a secret."""
    if isinstance(url, str):
        return url
    where = f"{url.host or ''}{f':{url.port}' if url.port else ''}"
    return f"{url.get_backend_name()}://{where}/{url.database or ''}"


def unreached(problem: BaseException | None) -> str:
    """What to say of a server that gave no connection: it is away, or it is there and said why not, in one line of its own."""
    said = str(problem)
    if REFUSED not in said or PASSING in said:
        return "does not answer; try again later"
    words = said.partition(REFUSED)[2].strip().splitlines()[0]
    return f"answers, but lets nobody in: {words}. See to it, or correct database.url"


def forbidden(problem: BaseException | None) -> str:
    """What to say where PostgreSQL refused our role something, by the server's own words; empty for anything else."""
    if getattr(problem, "sqlstate", None) != FORBIDDEN:
        return ""
    words = getattr(getattr(problem, "diag", None), "message_primary", None) or "permission denied"
    return f"refuses our role: {words}; the owner of the tables migrates and runs 'bridge db grant ROLE' after each upgrade"


def refuse_emptied(engine: Engine) -> None:
    """Raise ConfigError for a file of no bytes: a new database would take the place of one that was lost.

    One that another process makes at this very moment has none either; so it is looked at twice.
    """
    path = Path(engine.url.database or "")
    for patience_seconds in (0.2, 0.0):
        if engine.dialect.name != "sqlite" or not path.is_file() or path.stat().st_size:
            return
        time.sleep(patience_seconds)
    raise ConfigError(
        f"the database {shown(engine.url)} is an empty file; restore it from your backup, or remove it to begin a new one"
    )


def refuse_foreign(connection: Connection) -> None:
    """Raise ConfigError for a file of SQLite with tables of another program; on a server a schema may be shared."""
    if connection.dialect.name == "sqlite" and (tables := inspect(connection).get_table_names()):
        which = f"the database {shown(connection.engine.url)} is of another program"
        raise ConfigError(f"{which}: it has {_listed(tables)}, and no migration of ours; {ANOTHER}")


def refuse_hidden(connection: Connection) -> None:
    """Raise ConfigError where our tables are in a schema that our role may not use: to it they look as if they were not there."""
    if connection.dialect.name == "postgresql" and (schemas := list(connection.scalars(text(_HIDDEN)))):
        raise ConfigError(
            f"the database {shown(connection.engine.url)} refuses our role: no right to use the schema {schemas[0]}, where the "
            "tables are; as the owner of the tables run 'bridge db grant ROLE'"
        )


def refuse_unknown(engine: Engine, stands_at: str | None, newest: str) -> None:
    """Raise ConfigError for a migration that this version has not: ours count 0001, 0002 ..., none left out."""
    if stands_at is None or ("0001" <= stands_at <= newest and len(stands_at) == len(newest)):
        return
    which = f"the database {shown(engine.url)} stands at migration {stands_at!r}, this version knows 0001 to {newest}"
    raise ConfigError(f"{which}: install the newer version that it is of; or it is of another program: {ANOTHER}")


def refuse_incomplete(connection: Connection) -> None:
    """Raise IntegrityError where a table is missing that the newest migration has."""
    if lacking := missing(connection):
        raise IntegrityError(
            f"the database {shown(connection.engine.url)} has lost {_listed(lacking)}; restore it from your backup"
        )


def missing(connection: Connection) -> list[str]:
    """The tables that a database at the newest migration must have, and has not."""
    return sorted(set(Base.metadata.tables) - set(inspect(connection).get_table_names()))


def _listed(tables: list[str]) -> str:
    more = f" and {len(tables) - SHOWN} more" if len(tables) > SHOWN else ""
    return f"the table{'s' if len(tables) > 1 else ''} {', '.join(tables[:SHOWN])}{more}"
