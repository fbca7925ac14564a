"""user: who may act, with which role, and the tokens by which commands know them."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bridge.cli import call, screen
from bridge.errors import BadInput, ConfigError

if TYPE_CHECKING:
    from bridge.acts.users import NewToken
    from bridge.runtime import Runtime

app = typer.Typer(
    no_args_is_help=True,
    help="Who may act.",
    epilog="Examples:  bridge user list   ·   bridge user add anna --role approver",
)


@app.command(
    epilog="Examples:  bridge user add anna --role approver   ·   bridge user add office --role admin --into office.token"
)
def add(
    context: typer.Context,
    name: str,
    role: str = typer.Option(..., "--role", help="viewer, clerk, approver, admin, auditor or service."),
    into: Path | None = typer.Option(None, "--into", help="Write the token to this new file (mode 0600), not to the screen."),
) -> None:
    """Add a user with a first token; the token is shown this once."""
    from bridge.acts import users

    here = call.of(context)
    runtime = here.runtime()
    actor = here.actor_or_keeper(runtime) if role == "admin" else here.actor(runtime)

    def make() -> NewToken:
        written = users.add(runtime, actor, name, role)
        return users.make_token(runtime, actor, written, label="first")

    hand_over(here, make, into)


@app.command("list", epilog="Examples:  bridge user list   ·   bridge user list --json")
def list_(context: typer.Context) -> None:
    """Everybody, with the tokens that are not revoked; never a token itself."""
    from bridge.reports import people

    here = call.of(context)
    with here.runtime().reading() as session:
        found = people.users(session)
    rows = [
        (
            one.name,
            one.role,
            f"disabled on {one.disabled_at:%Y-%m-%d}" if one.disabled_at else "",
            ", ".join(f"{t.id} {t.label}".strip() for t in one.tokens if t.revoked_at is None),
        )
        for one in found
    ]
    here.answer(found, lambda: screen.table("users", ("name", "role", "state", "tokens"), rows))


@app.command(epilog="Examples:  bridge user role anna clerk   ·   bridge user role anna approver --json")
def role(context: typer.Context, name: str, role: str) -> None:
    """Change what a user may do."""
    from bridge.acts import users

    here = call.of(context)
    runtime = here.runtime()
    changed = users.set_role(runtime, here.actor(runtime), name, role)
    words = f"{name} is {role} now" if changed else f"{name} was {role} before; nothing changed"
    here.answer({"user": name, "role": role, "new": changed}, lambda: screen.lines(words))


@app.command(epilog="Examples:  bridge user disable anna   ·   bridge user disable anna --json")
def disable(context: typer.Context, name: str) -> None:
    """End what a user may do, for good; his signatures under files that did not leave yet do not count any more."""
    from bridge.acts import users

    here = call.of(context)
    runtime = here.runtime()
    changed = users.disable(runtime, here.actor(runtime), name)
    words = f"{name} does not act any more" if changed else f"{name} was disabled before; nothing changed"
    here.answer({"user": name, "new": changed}, lambda: screen.lines(words))


@app.command(
    epilog="Examples:  bridge user token anna --expires 2027-11-30 --label laptop   ·   bridge user token anna --revoke 3"
)
def token(
    context: typer.Context,
    name: str,
    label: str = typer.Option("", "--label", help="What it is for."),
    expires: str = typer.Option("", "--expires", help="The first day or time at which it does not work any more."),
    revoke: int = typer.Option(0, "--revoke", help="End this token instead, by its number in 'bridge user list'."),
    into: Path | None = typer.Option(None, "--into", help="Write the token to this new file (mode 0600), not to the screen."),
) -> None:
    """Make a token, shown this once, or revoke one. Everybody may do so for himself, an admin for all."""
    from bridge.acts import users
    from bridge.rules.people import person

    here = call.of(context)
    runtime = here.runtime()
    actor = here.actor(runtime)
    if person(actor) != person(name):
        actor = here.actor(runtime, "user token of others")
    if revoke:
        changed = users.revoke_token(runtime, actor, name, revoke)
        words = f"token {revoke} of {name} is revoked" if changed else f"token {revoke} was revoked before; nothing changed"
        here.answer({"user": name, "id": revoke, "new": changed}, lambda: screen.lines(words))
        return
    expires_at = _time(runtime, expires)
    hand_over(here, lambda: users.make_token(runtime, actor, name, label=label, expires_at=expires_at), into)


def hand_over(here: call.Call, make: Callable[[], NewToken], into: Path | None) -> None:
    """Make a token and show it this once, or put it into a new file that its owner alone can read."""
    made = make() if into is None else into_file(into, make)
    data = {"user": made.user, "id": made.id, "label": made.label, "expires_at": made.expires_at}
    data |= {"token": made.token} if into is None else {"token_file": str(into)}
    where = f"shown this once: {made.token}" if into is None else f"it stands in {into}; BRIDGE_TOKEN_FILE may name that file"
    here.answer(data, lambda: screen.lines(f"token {made.id} of {made.user}, {where}"))


def into_file(path: Path, make: Callable[[], NewToken]) -> NewToken:
    """Make a token into a new file, mode 0600. Raises ConfigError, before a token is made, where there is such a file already."""
    try:
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")
    except OSError as problem:
        raise ConfigError(f"{path} cannot be written: {problem.strerror}; no token was made") from problem
    with file:
        try:
            made = make()
        except BaseException:
            path.unlink()
            raise
        file.write(made.token + "\n")
    return made


def _time(runtime: Runtime, text: str) -> datetime | None:
    """A day or a time in the plant's zone."""
    if not text:
        return None
    try:
        written = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--expires takes a day like 2027-11-30, not {text!r}") from None
    return (written if written.tzinfo else written.replace(tzinfo=runtime.zone)).astimezone(UTC)
