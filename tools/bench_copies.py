"""Many rows out of few, for benchmarks: copies made inside PostgreSQL, without triggers and foreign keys.

What is measured afterwards is work on the copies, not how they came: nothing is decided about them here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

BEYOND = 1_000_000_000  # the ids of new rows begin beyond those of copies
COLUMNS = "SELECT quote_ident(column_name) FROM information_schema.columns WHERE table_name = :table AND table_schema = 'public'"


@contextmanager
def unguarded(session: Session) -> Iterator[None]:
    """Inside, rows may be written that no trigger would let in; afterwards the planner knows how many there are."""
    session.execute(text("SET session_replication_role = replica"))
    yield
    session.execute(text("SET session_replication_role = DEFAULT"))
    session.execute(text("ANALYZE"))


def copy(
    session: Session,
    table: str,
    changed: Mapping[str, str],
    times: int,
    *,
    where: str = "true",
    values: Mapping[str, Any] | None = None,
) -> None:
    """Each row of ``table`` (called t) that is ``where``, so many times again; g counts from 0.

    ``changed``: column -> an SQL expression of t and g; the other columns are as in the row.
    """
    columns = [name for (name,) in session.execute(text(COLUMNS), {"table": table})]
    taken = [changed.get(name, f't."{name}"') for name in columns]
    copied = (  # names of our own tables and columns
        f'INSERT INTO "{table}" ({", ".join(columns)}) SELECT {", ".join(taken)}'  # noqa: S608
        f' FROM "{table}" t, generate_series(0, {times - 1}) g WHERE {where}'
    )
    session.execute(text(copied), dict(values or {}))
    if "id" in columns:
        session.execute(text(f"SELECT setval(pg_get_serial_sequence('\"{table}\"', 'id'), {BEYOND})"))
