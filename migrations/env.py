"""Alembic's environment: runs the numbered migrations on the engine of the runtime, then sets the triggers anew."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, Engine, create_engine, inspect

from bridge.model import Base
from bridge.runtime import set_triggers


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=False, render_as_batch=False)
    with context.begin_transaction():
        context.run_migrations()
        if inspect(connection).has_table("posting"):
            set_triggers(connection)


engine: Engine | None = context.config.attributes.get("engine")
if engine is None:
    engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "sqlite://")
with engine.connect() as connection:
    _run(connection)
    connection.commit()
