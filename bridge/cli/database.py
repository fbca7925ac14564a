"""db: the database as a file or on its server: migrate it, look whether it is sound, copy it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bridge.cli import call, screen
from bridge.errors import ConfigError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

app = typer.Typer(no_args_is_help=True, help="The database.", epilog="Examples:  bridge db check   ·   bridge db backup /backups")


@app.command("upgrade", epilog="Examples:  bridge db upgrade   ·   bridge db upgrade --grant /run/secrets/database_url")
def upgrade_(
    context: typer.Context,
    app_url: Path | None = typer.Option(
        None,
        "--grant",
        help="Then make the role of the app's URL in this file, with its password, and grant to it.",
        metavar="FILE",
    ),
) -> None:
    """Bring the database to the newest migration and set the triggers anew."""
    from bridge import privileges
    from bridge.runtime import head_revision, open_engine, revision, upgrade, whole

    here = call.of(context)
    url = _url_in(app_url) if app_url else ""
    engine = here.opened(open_engine(here.settings()))
    if revision(engine) == head_revision():  # what is none of ours is refused, and stays as it is
        whole(engine)
    upgrade(engine)
    said = [f"the database is at migration {head_revision()}"]
    role = None
    if url:
        with engine.begin() as connection:
            role = privileges.admit(connection, url)
        said.append(_granted(role))
    here.answer({"revision": head_revision(), "role": role}, lambda: screen.lines(*said))


def _url_in(file: Path) -> str:
    """The app's URL. Raises ConfigError for a file that cannot be read."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{file} cannot be read; it shall hold the URL under which the app uses the database") from problem


@app.command("check", epilog="Examples:  bridge db check   ·   bridge db check --json")
def check(context: typer.Context) -> None:
    """Say at which migration the database stands, whether its triggers are ours, and whether SQLite's file is sound."""
    from bridge.runtime import head_revision, open_engine, revision

    here = call.of(context)
    engine = here.opened(open_engine(here.settings()))
    stands_at = revision(engine)
    wrong = _wrong(engine) if stands_at == head_revision() else []
    ok = stands_at == head_revision() and not wrong
    here.answer(
        {"ok": ok, "revision": stands_at, "newest": head_revision(), "wrong": wrong},
        lambda: screen.lines(
            f"the database stands at {stands_at or 'nothing'}, the newest migration is {head_revision()}", *wrong
        ),
    )
    raise typer.Exit(0 if ok else 4)


def _wrong(engine: Engine) -> list[str]:
    """What is wrong with a migrated database itself, a sentence each; ``bridge check`` looks at its rows."""
    from sqlalchemy.orm import Session

    from bridge import database
    from bridge.reports.checks import triggers
    from bridge.runtime import READING

    with engine.connect().execution_options(**READING[engine.dialect.name]) as connection, Session(connection) as session:
        lost = [f"table {name} is missing; restore the database from your backup" for name in database.missing(connection)]
        found = lost or list(triggers.wrong(session))
        if engine.dialect.name == "sqlite":
            found += [f"the file is damaged: {one}" for one in _said_of_file(connection) if one != "ok"]
    return found


def _said_of_file(connection: Connection) -> list[str]:
    """What SQLite says of its own file, damage by damage; "ok" where there is none."""
    from sqlalchemy.exc import DatabaseError

    try:
        return list(connection.exec_driver_sql("PRAGMA integrity_check").scalars())
    except DatabaseError as problem:  # so damaged that it cannot say how
        return [str(getattr(problem.orig, "sqlite_errorname", type(problem).__name__))]


@app.command("backup", epilog="Examples:  bridge db backup /backups   ·   bridge db backup before-upgrade.db")
def backup_(
    context: typer.Context,
    target: Path = typer.Argument(
        ..., help="A folder that is there, or a file that is not: *.db (SQLite), *.dump (PostgreSQL).", metavar="FILE|DIR"
    ),
) -> None:
    """Copy the database into one file while work goes on; it is whole, or not there. The keys and the outbox are not in it."""
    from bridge import backup
    from bridge.runtime import head_revision, revision

    here = call.of(context)
    runtime = here.unprepared()  # a backup comes before the migration
    stands_at = revision(runtime.engine)
    if stands_at == head_revision():
        here.somebody(runtime)
    made = backup.write(runtime.engine, target, runtime.clock())
    keys = runtime.settings.path(runtime.settings.keys.path)
    here.answer(
        {"file": str(made.path), "bytes": made.bytes, "sha256": made.sha256, "revision": stands_at},
        lambda: screen.lines(
            f"wrote {made.path}, {made.bytes} bytes, sha256 {made.sha256}",
            f"the key file {keys} is not in it: keep it apart; neither is {runtime.settings.folder('outbox')}",
        ),
    )


@app.command("grant", epilog="Examples:  bridge db grant bridge_app   ·   bridge db grant bridge_app --print")
def grant_(
    context: typer.Context,
    role: str,
    only_print: bool = typer.Option(False, "--print", help="Only show the statements; change nothing."),
) -> None:
    """Give the app's role on PostgreSQL what it needs and no more; as the owner of the tables, after each db upgrade."""
    from bridge import privileges
    from bridge.runtime import head_revision, open_engine, revision

    here = call.of(context)
    engine = here.opened(open_engine(here.settings()))
    if engine.dialect.name == "postgresql" and revision(engine) != head_revision():
        raise ConfigError("the database is not at the newest migration; as the owner of the tables run 'bridge db upgrade' first")
    with engine.begin() as connection:
        said = privileges.printed(connection, role) if only_print else privileges.grant(connection, role)
    shown = [f"{one};" for one in said] if only_print else [_granted(role)]
    here.answer({"role": role, "statements": said}, lambda: screen.lines(*shown))


def _granted(role: str) -> str:
    return f"{role} may add rows, and change those that have a state; it owns nothing, and cannot empty a table or drop a trigger"
