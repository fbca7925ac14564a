"""What the app's own role may do on PostgreSQL: add rows, change those that have a state, and nothing about tables and triggers.

The owner of the tables migrates them and grants; whoever runs the steps needs neither. What the triggers refuse this role has no
right to try, and it cannot drop them. SQLite has no roles: who can write its file can do anything with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import URL, Connection, make_url, text
from sqlalchemy.exc import ArgumentError, ProgrammingError

from bridge import database
from bridge.errors import BadInput, ConfigError
from bridge.model import Base
from bridge.model.triggers import APPEND_ONLY, FROZEN

#: rows that nothing changes once they are written, beside those that a trigger keeps
NEVER_CHANGED = ("detail", "person", "status_report", "wrapping_key")
#: rows that may go: a cursor that another chain replaces, the key of somebody who is erased, the name of a forgotten key
DELETED = ("cursor", "data_key", "wrapping_key")
MIGRATIONS = "alembic_version"


def statements(role: str, schema: str = "public") -> Iterator[str]:
    """The words that give a role exactly these rights, whatever it had before; ``role`` and ``schema`` are quoted already."""
    for what in ("ALL TABLES IN SCHEMA", "ALL SEQUENCES IN SCHEMA", "SCHEMA"):
        yield f"REVOKE ALL ON {what} {schema} FROM {role}"
    yield f"GRANT USAGE ON SCHEMA {schema} TO {role}"
    yield f"GRANT SELECT ON {schema}.{MIGRATIONS} TO {role}"
    for name in sorted(Base.metadata.tables):
        yield f'GRANT SELECT, INSERT ON {schema}."{name}" TO {role}'
        if columns := changing(name):
            yield f'GRANT UPDATE ({", ".join(columns)}) ON {schema}."{name}" TO {role}'
        if name in DELETED:
            yield f'GRANT DELETE ON {schema}."{name}" TO {role}'
    yield f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}"  # SELECT: 'bridge db backup' by pg_dump


def changing(table: str) -> list[str]:
    """The columns of a table that the program changes after a row was written; none where rows are only added."""
    if table in (*APPEND_ONLY, *NEVER_CHANGED):
        return []
    frozen = FROZEN.get(table, ())
    return [column.name for column in Base.metadata.tables[table].columns if not column.primary_key and column.name not in frozen]


def grant(connection: Connection, role: str) -> list[str]:
    """Give a role its rights, as the owner of the tables; returns what was said. Raises ConfigError, or BadInput for a role."""
    said = printed(connection, role)
    if not _stands(connection, role):
        raise BadInput(f"there is no role {role}; make it first: CREATE ROLE {_quoted(connection, role)} LOGIN PASSWORD '...'")
    if not connection.scalar(text(_OWNER)):
        raise ConfigError("only the owner of the tables can grant: let database.url name the role that ran 'bridge db upgrade'")
    for statement in said:
        connection.exec_driver_sql(statement)
    return said


def admit(connection: Connection, url: str) -> str:
    """Make the role that the app's own URL names, where there is none, with the URL's password, and grant to it; its name.

    The server is sent a SCRAM verifier and never the password, which its log would keep. Raises ConfigError or BadInput.
    """
    app = _wanted(url)
    assert app.username is not None
    printed(connection, app.username)  # which refuses SQLite
    verb = "ALTER" if _stands(connection, app.username) else "CREATE"
    try:
        connection.exec_driver_sql(f"{verb} ROLE {_quoted(connection, app.username)} LOGIN{_password(connection, app)}")
    except (ProgrammingError, ConfigError) as problem:  # the latter through an engine of ours, see runtime
        if not database.forbidden(problem.orig if isinstance(problem, ProgrammingError) else problem.__cause__):
            raise
        raise ConfigError(
            f"the owner of the tables may not make roles: let an administrator of the server make {app.username}, then run "
            f"'bridge db grant {app.username}'"
        ) from None
    grant(connection, app.username)
    return app.username


def printed(connection: Connection, role: str) -> list[str]:
    """What ``grant`` would say. Raises ConfigError on SQLite."""
    if connection.dialect.name != "postgresql":
        raise ConfigError("SQLite has no roles; whoever can write its file can change it, and 'bridge check' shows that")
    schema = str(connection.scalar(text("SELECT current_schema()")))
    return list(statements(_quoted(connection, role), _quoted(connection, schema)))


def excess(connection: Connection) -> list[str]:
    """What the role that we are could do beyond its work; empty where it can only do that, and on SQLite."""
    if connection.dialect.name != "postgresql":
        return []
    found = _rights(connection)
    said = {
        "owns the tables: it can drop the triggers that keep rows of money": any(one["owns"] for one in found.values()),
        "can empty tables or put triggers on them": any(one["whole"] for one in found.values()),
        "can change or delete rows that are only ever added": any(found[name]["undoes"] for name in APPEND_ONLY if name in found),
    }
    return [words for words, holds in said.items() if holds]


def missing(connection: Connection) -> list[str]:
    """Tables that our role cannot read or add to, as after a migration that made new ones; none on SQLite."""
    if connection.dialect.name != "postgresql":
        return []
    found = _rights(connection)
    return [name for name in sorted(Base.metadata.tables) if name in found and not found[name]["works"]]


def require(connection: Connection) -> None:
    """Raise ConfigError where a grant is missing."""
    if lacking := missing(connection):
        raise ConfigError(
            f"our role cannot work with {', '.join(lacking)}; its owner runs 'bridge db grant ROLE' after each upgrade"
        )


def _wanted(url: str) -> URL:
    """The URL of the app, with a role's name in it. Raises ConfigError, which never holds it."""
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        found = None
    if found is None or found.get_backend_name() != "postgresql" or not found.username:
        raise ConfigError("the app's URL names no role of a PostgreSQL; write postgresql://bridge_app:PASSWORD@HOST/DATABASE")
    return found


def _stands(connection: Connection, role: str) -> bool:
    """Whether there is such a role. Raises BadInput for one that owns the tables: it is nobody to grant to."""
    known = connection.execute(text(_ROLE), {"role": role}).mappings().first()
    if known is not None and (known["rolsuper"] or known["owns"]):
        raise BadInput(f"role {role} owns the tables or may do everything; the app needs a role of its own that does not")
    return known is not None


def _password(connection: Connection, app: URL) -> str:
    """The words that set the URL's password; none where it has none, as with certificates."""
    if not app.password or not app.username:
        return ""
    driver: Any = connection.connection.driver_connection
    verifier = driver.pgconn.encrypt_password(str(app.password).encode(), app.username.encode(), b"scram-sha-256")
    return f" PASSWORD '{verifier.decode()}'"


def _rights(connection: Connection) -> dict[str, dict[str, Any]]:
    rows = connection.execute(text(_RIGHTS), {"tables": sorted(Base.metadata.tables)}).mappings()
    return {row["name"]: dict(row) for row in rows}


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)


_ROLE = """SELECT rolsuper, EXISTS (SELECT FROM pg_class WHERE oid = 'voucher'::regclass
    AND pg_has_role(pg_roles.oid, relowner, 'MEMBER')) AS owns FROM pg_roles WHERE rolname = :role"""
_OWNER = "SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class WHERE oid = 'voucher'::regclass"
_RIGHTS = """SELECT relname AS name, pg_has_role(current_user, relowner, 'USAGE') AS owns,
    has_table_privilege(oid, 'TRUNCATE') OR has_table_privilege(oid, 'TRIGGER') AS whole,
    has_table_privilege(oid, 'DELETE') OR has_any_column_privilege(oid, 'UPDATE') AS undoes,
    has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT') AS works
    FROM pg_class WHERE relkind = 'r' AND relname = ANY(:tables) AND pg_table_is_visible(oid)"""
