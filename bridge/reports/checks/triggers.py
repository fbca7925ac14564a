"""The triggers that keep rows of money as they were written: there, and word for word ours."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import text

from bridge.model import triggers
from bridge.reports.checks import Reading


def present(now: Reading) -> Iterator[str]:
    """Every trigger is there. On SQLite its words are compared too, and one that is not ours is named."""
    if now.session.get_bind().dialect.name != "sqlite":
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
        yield from _missing(set(now.session.scalars(text(query))))
        return
    found = {
        name: words for name, words in now.session.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    }
    yield from _missing(set(found))
    ours = {words for words in triggers.statements("sqlite") if words.startswith("CREATE TRIGGER")}
    for name, words in sorted(found.items()):
        if words not in ours:
            yield f"trigger {name} is not the one that we set; 'bridge db upgrade' sets ours, one of another name must be dropped"


def _missing(found: set[str]) -> Iterator[str]:
    for name in triggers.names():
        if name not in found:
            yield f"trigger {name} is missing; 'bridge db upgrade' sets all of them"
