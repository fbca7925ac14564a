"""The app runs under a role of its own, which does its work and can undo nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import text

from bridge import health, privileges
from bridge.acts import amend_mandate, hold, keys, users
from bridge.cli import main
from bridge.errors import BadInput, ConfigError
from bridge.model import Base
from bridge.model.triggers import APPEND_ONLY, FROZEN
from bridge.runtime import build
from bridge.steps import PIPELINE
from tests import engines
from tests.journeys.plant import Said
from tests.servers import postgres
from tests.steps.place import LATER, Place, half_way, mandate_line

ROLE = f"bridge_test_app_{os.getpid()}"
UNDOING = (
    "DROP TRIGGER no_delete_voucher ON voucher",
    "ALTER TABLE voucher DISABLE TRIGGER ALL",
    "CREATE OR REPLACE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE TRIGGER mine BEFORE INSERT ON voucher FOR EACH ROW EXECUTE FUNCTION forbid('x')",
    "SET session_replication_role = replica",
    "TRUNCATE audit",
    "CREATE TABLE mine (id int)",
    "DROP TABLE cut",
    "DELETE FROM posting",
    "UPDATE posting SET amount_cents = 1",
    "UPDATE audit SET actor = 'somebody'",
    "UPDATE invoice SET amount_cents = 1",
    "UPDATE person SET language = 'de'",
    "DELETE FROM bridge_user",
    "DELETE FROM mandate",
    "UPDATE alembic_version SET version_num = '0001'",
)
only_postgresql = pytest.mark.only_on("postgresql", "SQLite has no roles: the last test")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A plant half way, its role granted; whoever opens it by bridge.toml is that role."""
    place = half_way(tmp_path / "plant")
    with engines.plain(place.folder) as owner:
        owner.exec_driver_sql(f"CREATE ROLE {ROLE} LOGIN")
        privileges.grant(owner, ROLE)
    place.rewrite("postgresql://postgres@", f"postgresql://{ROLE}@")
    yield place
    place.runtime.engine.dispose()
    with engines.plain(place.folder) as owner:
        owner.exec_driver_sql(f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}")


def bridge(place: Place, *words: str) -> Said:
    """Run a command on the database that bridge.toml names, as whom it names."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main.run([*words, "--config", str(place.folder / "bridge.toml")])
    return Said(code, out.getvalue(), err.getvalue())


def doctor(place: Place) -> dict[str, str]:
    """What doctor says of the role: its mark and its words."""
    [found] = [one for one in bridge(place, "doctor", "--json").json["checks"] if one["id"] == "role"]
    return {"ok": str(found["ok"]), "said": found["detail"]}


@only_postgresql
def test_the_whole_pipeline_runs_under_it(place: Place, tmp_path: Path) -> None:
    """A whole pass with the bank's answers, and people's acts, as the app's role: every row as the owner would have made it."""
    calm = half_way(tmp_path / "calm")
    place.now = calm.now = LATER
    for one in (place, calm):
        one.open()
        for step, _ in PIPELINE.values():
            step(one.runtime)
        one.mandates(mandate_line(7))
        amend_mandate.run(one.runtime, "anna", "MND-0007", {"debtor_name": "Another GmbH", "town": "Köln", "country": "DE"})
        users.add(one.runtime, "olga", "anna", "clerk")
        users.set_role(one.runtime, "olga", "anna", "viewer")
        hold.run(one.runtime, "anna", "plant-1-000003", "released", "it has a mandate now")
        keys.rotate(one.runtime, "olga")
        keys.forget(one.runtime, "olga")

    assert place.runtime.engine.url.username == ROLE
    own = ("bank_account", "declaration")  # digests under the look-up key of each
    assert place.dump(*own) == calm.dump(*own)
    assert place.outbox() == calm.outbox()
    assert bridge(place, "check").code == 0


@only_postgresql
def test_it_cannot_undo_what_is_written(place: Place) -> None:
    """Triggers, tables, rows of money, what never changes of the others, the number of the migration: not its to touch."""
    for statement in UNDOING:
        with pytest.raises(ConfigError, match=r"permission denied|must be owner"), place.runtime.session() as session:
            session.execute(text(statement))


@only_postgresql
def test_its_rights_are_exactly_those_of_the_list(place: Place) -> None:
    """What the server says it may do, table by table, and after a second grant the same."""
    with engines.plain(place.folder) as owner:
        owner.exec_driver_sql(f"GRANT ALL ON voucher TO {ROLE}")
        privileges.grant(owner, ROLE)
        rights = {
            name: {
                right for right in ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER", "REFERENCES") if has(owner, name, right)
            }
            for name in Base.metadata.tables
        }

    deleted = {name for name, found in rights.items() if "DELETE" in found}
    assert deleted == {"cursor", "data_key", "wrapping_key"}
    assert {name for name in APPEND_ONLY if rights[name] != {"INSERT"}} == set()
    assert {name for name in FROZEN if rights[name] != {"INSERT", "UPDATE"}} == set()
    assert set.union(*rights.values()) == {"INSERT", "UPDATE", "DELETE"}


def has(owner: object, table: str, right: str, role: str = ROLE) -> bool:
    by_column = right in ("UPDATE", "REFERENCES")
    asks = "has_any_column_privilege" if by_column else "has_table_privilege"
    return bool(owner.exec_driver_sql(f"SELECT {asks}('{role}', '\"{table}\"', '{right}')").scalar())  # type: ignore[attr-defined]


@only_postgresql
def test_doctor_says_what_the_role_could_do(place: Place) -> None:
    """Fine under the app's role; a word of warning under the owner; wrong where a new table was never granted."""
    assert doctor(place) == {"ok": "True", "said": "our role can drop no trigger and undo no row of money"}
    with engines.plain(place.folder) as owner:
        owner.exec_driver_sql(f"GRANT DELETE ON voucher TO {ROLE}")
    assert "can change or delete rows that are only ever added" in doctor(place)["said"]

    with engines.plain(place.folder) as owner:
        owner.exec_driver_sql(f"REVOKE INSERT ON match FROM {ROLE}")
    assert doctor(place) == {
        "ok": "False",
        "said": "our role cannot work with match; its owner runs 'bridge db grant ROLE' after each upgrade",
    }
    place.rewrite(f"postgresql://{ROLE}@", "postgresql://postgres@")
    assert doctor(place)["said"].startswith("warning: our role owns the tables: it can drop the triggers")


@only_postgresql
def test_a_missing_grant_is_no_bug(place: Place) -> None:
    """A step, a command of the owner and readiness say what the server refused and who grants it; none asks for a report."""
    with engines.plain(place.folder) as owner:
        owner.exec_driver_sql(f"REVOKE ALL ON batch FROM {ROLE}")
    said = [bridge(place, *words) for words in (("run", "--only", "batch"), ("status",), ("db", "upgrade"))]
    runtime = build(place.folder / "bridge.toml")
    found = health.ready(runtime)["database"]
    runtime.engine.dispose()

    assert [one.code for one in said] == [1, 1, 1]
    for one in said:
        assert "refuses our role: " in one.out + one.err
        assert "runs 'bridge db grant ROLE' after each upgrade" in " ".join((one.out + one.err).split())
        assert "a bug" not in one.out + one.err
    assert found == "our role cannot work with batch; its owner runs 'bridge db grant ROLE' after each upgrade"


@only_postgresql
def test_a_schema_that_may_not_be_used_is_no_empty_database(place: Place) -> None:
    """To our role the tables look as if there were none; it is told of the right that is missing, and not to migrate."""
    with engines.plain(place.folder) as owner:
        owner.exec_driver_sql(f"REVOKE USAGE ON SCHEMA public FROM {ROLE}, PUBLIC")
    try:
        said = bridge(place, "status")
    finally:
        with engines.plain(place.folder) as owner:
            owner.exec_driver_sql("GRANT USAGE ON SCHEMA public TO PUBLIC")

    assert said.code == 1
    assert "refuses our role: no right to use the schema public, where the tables are; as the owner of the tables run" in said.err
    assert "db upgrade" not in said.err


@only_postgresql
def test_it_can_make_a_backup(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By cron, as whoever bridge.toml names."""
    monkeypatch.setenv("PATH", f"{postgres.wheel() / 'bin'}{os.pathsep}{os.environ['PATH']}")
    said = bridge(place, "db", "backup", str(tmp_path / "copy.dump"))

    assert (said.code, said.err) == (0, "")
    assert (tmp_path / "copy.dump").stat().st_size > 0


@only_postgresql
def test_grant_is_a_command_of_the_owner(place: Place) -> None:
    """It refuses a role that is not there, the owner himself, and whoever is not the owner; --print changes nothing."""
    refused = bridge(place, "db", "grant", ROLE)
    assert (refused.code, "only the owner of the tables can grant" in refused.err) == (1, True)
    place.rewrite(f"postgresql://{ROLE}@", "postgresql://postgres@")
    with engines.plain(place.folder) as owner:
        owner.exec_driver_sql(f"REVOKE ALL ON voucher FROM {ROLE}")

    assert "make it first: CREATE ROLE nobody_such LOGIN" in bridge(place, "db", "grant", "nobody_such").err
    assert "the app needs a role of its own" in bridge(place, "db", "grant", "postgres").err
    printed = bridge(place, "db", "grant", ROLE, "--print").out
    assert f'GRANT SELECT, INSERT ON public."voucher" TO {ROLE};' in printed.splitlines()
    with engines.plain(place.folder) as owner:
        assert not has(owner, "voucher", "INSERT")
    assert "cannot empty a table or drop a trigger" in bridge(place, "db", "grant", ROLE).out
    with engines.plain(place.folder) as owner:
        assert has(owner, "voucher", "INSERT")
        with pytest.raises(BadInput, match="there is no role"):
            privileges.grant(owner, "x'; DROP TABLE voucher; --")


@only_postgresql
def test_an_upgrade_can_make_the_role(place: Place, tmp_path: Path) -> None:
    """Of the app's URL; who is the owner gets no password by it, who may make no roles says so, and no URL is repeated."""
    new = f"{ROLE}_new"
    with engines.plain(place.folder) as owner:
        assert privileges.admit(owner, f"postgresql://{new}:secret@db/bridge") == new
        assert has(owner, "voucher", "INSERT", new)
        assert can_log_in(owner, new)
        with pytest.raises(BadInput, match="the app needs a role of its own"):
            privileges.admit(owner, "postgresql://postgres:secret@db/bridge")
        assert not can_log_in(owner, "postgres")
        owner.exec_driver_sql(f"DROP OWNED BY {new}; DROP ROLE {new}")
    with place.runtime.engine.begin() as app, pytest.raises(ConfigError, match=f"let an administrator of the server make {new}"):
        privileges.admit(app, f"postgresql://{new}:secret@db/bridge")
    place.rewrite(f"postgresql://{ROLE}@", "postgresql://postgres@")
    (tmp_path / "no_url").write_text("secret@db\n")
    refused = [bridge(place, "db", "upgrade", "--grant", str(tmp_path / name)) for name in ("no_url", "nothing")]

    assert [said.code for said in refused] == [1, 1]
    assert "write postgresql://bridge_app:PASSWORD@HOST/DATABASE" in refused[0].err
    assert "it shall hold the URL" in refused[1].err
    assert "secret" not in refused[0].err


def can_log_in(owner: object, role: str) -> bool:
    """Whether a password of it is stored, as a verifier."""
    stored = f"SELECT rolcanlogin AND rolpassword LIKE 'SCRAM-SHA-256$%%' FROM pg_authid WHERE rolname = '{role}'"
    return bool(owner.exec_driver_sql(stored).scalar())  # type: ignore[attr-defined]


@pytest.mark.only_on("sqlite", "PostgreSQL has roles: the tests before")
def test_sqlite_says_that_it_has_no_roles(tmp_path: Path) -> None:
    """The command is refused with what to do instead, and doctor says so without a warning."""
    place = Place(tmp_path)
    with place.runtime.engine.connect() as connection, pytest.raises(ConfigError, match="SQLite has no roles"):
        privileges.grant(connection, "app")

    assert doctor(place) == {"ok": "True", "said": "SQLite has no roles"}
