"""The database is what the migrations make of it, and its triggers keep money as it was written."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.exc import IntegrityError

from bridge import resources
from bridge.model import Base, triggers
from bridge.runtime import head_revision, open_engine, ready, revision, set_triggers, upgrade
from bridge.settings import Database, Settings
from tests import engines
from tests.steps.place import Bill, Place

WHOLE = {
    "approval": "UPDATE approval SET actor = 'x'",
    "chain_log": "UPDATE chain_log SET data = block_hash",
    "document": "UPDATE document SET sha256 = 'x'",
    "move": "UPDATE move SET reason = 'x'",
    "posting": "UPDATE posting SET amount_cents = 1",
    "voucher": "UPDATE voucher SET booked_on = '2020-01-01'",
    "invoice": "UPDATE invoice SET amount_cents = 1",
    "collection": "UPDATE collection SET end_to_end_id = 'x'",
    "batch": "UPDATE batch SET sha256 = 'x'",
}


WANTED = {dialect: sorted(triggers.as_stored(dialect)) for dialect in ("sqlite", "postgresql")}


@pytest.fixture
def empty(tmp_path: Path) -> Engine:
    return create_engine(engines.empty(tmp_path))


def _triggers(engine: Engine) -> list[str]:
    listed = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O'",
    }
    with engine.connect() as connection:
        return sorted(connection.scalars(text(listed[engine.dialect.name])))


@pytest.mark.only_on("sqlite", "PostgreSQL is migrated by command alone: test_database")
def test_an_empty_database_becomes_the_newest(tmp_path: Path) -> None:
    """From nothing to the head, also where somebody only looked at it before: every table and trigger; again changes nothing."""
    empty = open_engine(Settings(database=Database(url=engines.empty(tmp_path))))
    assert revision(empty) is None
    ready(empty)
    assert revision(empty) == head_revision()
    assert _triggers(empty) == WANTED[engines.name()]
    assert set(Base.metadata.tables) <= set(inspect(empty).get_table_names())
    ready(empty)

    assert revision(empty) == head_revision()


def test_the_migrations_make_what_the_model_says(empty: Engine) -> None:
    """``alembic check`` finds no difference."""
    upgrade(empty)
    config = Config()
    config.set_main_option("script_location", str(resources.path("migrations")))
    config.attributes["engine"] = empty
    command.check(config)


def test_every_upgrade_sets_the_triggers_anew(empty: Engine) -> None:
    """A trigger that somebody dropped is there again after the next upgrade."""
    upgrade(empty)
    with empty.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER no_update_posting" + ("" if engines.name() == "sqlite" else " ON posting"))
    upgrade(empty)
    assert _triggers(empty) == WANTED[engines.name()]
    with empty.begin() as connection:
        set_triggers(connection)

    assert _triggers(empty) == WANTED[engines.name()]


def test_the_head_is_the_last_file() -> None:
    """The newest migration is the one with the highest number, and every file has one."""
    files = sorted(path.name for path in resources.path("migrations/versions").glob("*.py"))

    assert head_revision() == files[-1][:4]
    assert [name[:4] for name in files] == [f"{n + 1:04d}" for n in range(len(files))]


@pytest.mark.parametrize("table", sorted(WHOLE))
def test_money_is_never_changed(tmp_path: Path, table: str) -> None:
    """The database itself refuses to change or delete what was written, whoever asks."""
    from bridge.acts import approve
    from bridge.steps import batch, collect, ingest

    place = Place(tmp_path)
    place.mandates()
    place.bill(Bill(1))
    for step in (ingest, collect, batch):
        step.run(place.runtime)
    approve.run(place.runtime, "anna", place.batches()[0].message_id)
    before = place.dump()
    for statement in (WHOLE[table], f"DELETE FROM {table}"):
        with pytest.raises(IntegrityError, match="never"), place.runtime.engine.begin() as connection:
            connection.execute(text(statement))

    assert place.dump() == before
