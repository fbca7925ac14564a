"""What a command works with: the global options, a runtime built on demand, and who acts."""

from __future__ import annotations

import json
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

    from bridge.balances import View
    from bridge.runtime import Runtime
    from bridge.settings import Settings


AS_OF = typer.Option("", "--as-of", help="What was booked until this date.")
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

    def runtime(self) -> Runtime:
        """The runtime of bridge.toml, its database at the newest migration and its declarations stored."""
        from dataclasses import replace

        from bridge.acts import declare
        from bridge.runtime import build, ready

        runtime = build(self.options.config, clock=self._clock())
        ready(self.opened(runtime.engine))
        declare.run(runtime)
        return replace(runtime, progress=self._progress)

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

    def actor(self, runtime: Runtime) -> str:
        """Who acts. In development ``--actor NAME``; without one the act has nobody and is refused."""
        if runtime.settings.environment == "production":
            raise NotAllowed("in production a token says who acts, and tokens are not built yet")
        if not self.options.actor or not self.options.actor.strip():
            raise NotAllowed("say who acts: --actor NAME")
        return self.options.actor.strip()

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

    def say(self, text: str) -> None:
        """Chatter: to stderr, and not with --quiet."""
        if not self.options.quiet:
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
    """The call that ``main`` put into the context."""
    call = context.obj
    return call if isinstance(call, Call) else Call()


def _plain(value: object) -> object:
    from dataclasses import asdict, is_dataclass

    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
