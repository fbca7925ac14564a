"""Alembic's environment: runs the numbered migrations on the engine of the runtime, then sets the triggers anew."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, Engine, create_engine, inspect

from bridge.model import Base
from bridge.runtime import set_triggers

LOCK = 4_242_081_126  # any number that nobody else uses on this database


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=False, render_as_batch=False)
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":  # of two who migrate at once, the second finds nothing to do
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        context.run_migrations()
        if inspect(connection).has_table("posting"):
            set_triggers(connection)


engine: Engine | None = context.config.attributes.get("engine")
if engine is None:
    engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "sqlite://")
# a statement sees what was committed before it: also what another migrated while we waited for the lock
options = {"isolation_level": "READ COMMITTED"} if engine.dialect.name == "postgresql" else {}
with engine.connect().execution_options(**options) as connection:
    _run(connection)
    connection.commit()
