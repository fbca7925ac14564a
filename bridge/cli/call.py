"""What a command works with: the global options, a runtime built on demand, and who acts."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bridge.errors import BadInput, ConfigError, NotAllowed

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from bridge.balances import View
    from bridge.runtime import Runtime
    from bridge.settings import Settings


AS_OF = typer.Option("", "--as-of", help="What was booked until this date.")
FIRST = "init"  # who makes the first admin
LOG = typer.Option("", "--log", help="How stderr is written: text or json; by default logging.format in bridge.toml.")
LOG_VARIABLE = "BRIDGE_LOGGING__FORMAT"
KNOWN_AT = typer.Option("", "--known-at", help="What was known at this time.")


@dataclass(slots=True)
class Options:
    """The global options of interface.md."""

    config: Path = Path("bridge.toml")
    json: bool = False
    clock: str | None = None
    actor: str | None = None
    lang: str = "en"
    quiet: bool = False


@dataclass(slots=True)
class Call:
    """One invocation of a command."""

    options: Options = field(default_factory=Options)
    engines: list[Engine] = field(default_factory=list)
    act: str = ""  # the command's words, as rules.permissions has them: "batch approve"
    logs: bool = False  # stderr is for the lines of bridge.logs

    def runtime(self) -> Runtime:
        """The runtime of bridge.toml for a command.

        Whoever is named, by token or by ``--actor``, must have a role for the command; for reading nobody need be named.
        """
        runtime = self.machine()
        self.somebody(runtime)
        return runtime

    def machine(self) -> Runtime:
        """The runtime of bridge.toml for steps that run as themselves: its database migrated, its declarations stored."""
        from dataclasses import replace

        from bridge.acts import declare
        from bridge.runtime import ready

        runtime = self.unprepared()
        ready(runtime.engine)
        declare.run(runtime)
        return replace(runtime, progress=self._progress)

    def unprepared(self) -> Runtime:
        """The runtime of bridge.toml with the database as it stands: whoever only looks at it migrates and stores nothing."""
        from bridge.runtime import build

        runtime = build(self.options.config, clock=self._clock())
        self.opened(runtime.engine)
        return runtime

    def looking(self) -> Runtime:
        """The same for whoever opens nothing that is sealed: it needs no key file, and a machine that has none is no danger."""
        from bridge.model.sealed import Keyring
        from bridge.runtime import build

        runtime = build(self.options.config, clock=self._clock(), keys=lambda _: Keyring.none())
        self.opened(runtime.engine)
        return runtime

    def opened(self, engine: Engine) -> Engine:
        """Remember an engine, so that ``close`` ends its connections."""
        self.engines.append(engine)
        return engine

    def close(self) -> None:
        """End every connection; SQLite then puts what stands in its write-ahead log into the database file."""
        for engine in self.engines:
            engine.dispose()

    def settings(self) -> Settings:
        from bridge.settings import load

        return load(self.options.config)

    def actor(self, runtime: Runtime, act: str = "") -> str:
        """Who does this act, by default the command's own words; whoever has not the role for it is refused.

        In production a token says who acts. In development a token does, or ``--actor NAME``: a stored user's role counts, a name
        that is not stored acts freely. Raises NotAllowed.
        """
        somebody = self.somebody(runtime, act)
        if somebody is None:
            raise NotAllowed(self._how_to_say_who(runtime))
        return somebody

    def somebody(self, runtime: Runtime, act: str = "") -> str | None:
        """Who does this act; None where nobody was named: steps and reading need nobody. Raises NotAllowed as ``actor`` does."""
        from bridge import identity

        token, name = _token(), (self.options.actor or "").strip()
        with runtime.reading() as session:
            if name and _in_production(session, runtime):
                raise NotAllowed("in production the token in BRIDGE_TOKEN says who acts; --actor is for rehearsal")
            if not token and not name:
                return None
            who = identity.by_token(session, token, runtime.clock()) if token else identity.by_name(session, name)
            identity.permit(session, who, act or self.act)
        return who.name

    def actor_or_keeper(self, runtime: Runtime) -> str:
        """Who acts or, while no admin can, "init": whoever has the key file and the database makes the first one."""
        from bridge import identity

        with runtime.reading() as session:
            vacant = not identity.an_admin_can_act(session, runtime.clock())
        return self.somebody(runtime) or (FIRST if vacant else self.actor(runtime))

    def _how_to_say_who(self, runtime: Runtime) -> str:
        from bridge import identity

        with runtime.reading() as session:
            if not _in_production(session, runtime):
                return "say who acts: --actor NAME"
            if identity.an_admin_can_act(session, runtime.clock()):
                return "in production a token says who acts: set BRIDGE_TOKEN, or BRIDGE_TOKEN_FILE to a file that holds it"
        return (
            "in production a token says who acts, and no admin has one yet; "
            "whoever has the key file and the database makes the first: bridge user add NAME --role admin"
        )

    def view(self, as_of: str | None, known_at: str | None) -> View:
        """The view of a report; a time without a zone is of the plant's. Raises BadInput for a date or time that is none."""
        from datetime import UTC, date

        from bridge.balances import View

        try:
            day = date.fromisoformat(as_of) if as_of else None
            instant = datetime.fromisoformat(known_at) if known_at else None
        except ValueError:
            raise BadInput("--as-of takes a date like 2026-11-30, --known-at a time like 2026-11-30T18:00") from None
        return View(day, self._in_zone(instant).astimezone(UTC) if instant else None)

    def log_as(self, form: str) -> None:
        """Where ``form``, or else bridge.toml, says "json", stderr has one JSON object a line from now on."""
        if form not in ("", "text", "json"):
            raise typer.BadParameter("--log is text or json")
        try:
            wanted = form or self.settings().logging.format
        except ConfigError:  # which is said in the form that is known without a bridge.toml
            self._log_as(os.environ.get(LOG_VARIABLE, ""))
            raise
        self._log_as(wanted)

    def _log_as(self, form: str) -> None:
        self.logs = form == "json"
        if self.logs:
            import logging

            from bridge import logs

            logs.set_up("json", logging.WARNING if self.options.quiet else logging.INFO)

    def refuse(self, text: str) -> None:
        """What a command or a step was refused with: to stderr, also with --quiet."""
        if self.logs:
            import logging

            logging.getLogger("bridge").error("%s", text)
        else:
            print(f"bridge: {text}", file=sys.stderr)

    def say(self, text: str) -> None:
        """Chatter: to stderr, and not with --quiet."""
        if self.logs:
            import logging

            logging.getLogger("bridge").info("%s", text)
        elif not self.options.quiet:
            print(text, file=sys.stderr)

    def answer(self, data: Any, show: Callable[[], None]) -> None:
        """The result: one JSON document with --json, otherwise what ``show`` prints."""
        if self.options.json:
            print(json.dumps(data, default=_plain, ensure_ascii=False, indent=1))
        else:
            show()

    def _progress(self, text: str) -> None:
        if not self.options.quiet and sys.stderr.isatty():
            print(f"\r{text}\033[K", end="", file=sys.stderr, flush=True)

    def _clock(self) -> Callable[[], datetime] | None:
        if self.options.clock is None:
            return None
        try:
            written = datetime.fromisoformat(self.options.clock)
        except ValueError:
            raise ConfigError(f"--clock takes a time like 2026-12-01T09:30, not {self.options.clock!r}") from None
        at = self._in_zone(written)
        return lambda: at

    def _in_zone(self, written: datetime) -> datetime:
        from zoneinfo import ZoneInfo

        return written if written.tzinfo else written.replace(tzinfo=ZoneInfo(self.settings().timezone))


def of(context: typer.Context) -> Call:
    """The call that ``main`` put into the context, with the words of its command."""
    call = context.obj if isinstance(context.obj, Call) else Call()
    call.act = context.command_path.removeprefix("bridge ")
    return call


def _token() -> str:
    """The token in BRIDGE_TOKEN, or in the file that BRIDGE_TOKEN_FILE names; empty where there is none. Raises ConfigError."""
    token, path = os.environ.get("BRIDGE_TOKEN", "").strip(), os.environ.get("BRIDGE_TOKEN_FILE")
    if token and path:
        raise ConfigError("BRIDGE_TOKEN and BRIDGE_TOKEN_FILE are both set; unset one of the two")
    if not path:
        return token
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError("BRIDGE_TOKEN_FILE: the file it names cannot be read") from problem


def _in_production(session: Session, runtime: Runtime) -> bool:
    """Whether a name alone is nobody. A database that was ever in production stays so, whatever the environment says now."""
    from bridge import identity

    return runtime.settings.environment == "production" or identity.ever_in_production(session)


def _plain(value: object) -> object:
    from dataclasses import asdict, is_dataclass

    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
