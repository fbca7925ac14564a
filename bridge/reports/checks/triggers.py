"""The triggers that keep rows of money as they were written: there, and word for word ours."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.orm import Session

from bridge.model import triggers
from bridge.reports.checks import Reading

#: the words of a trigger, whether it is switched on (O), and the words of what it calls
POSTGRESQL = """SELECT tgname, replace(pg_get_triggerdef(t.oid, true) || '; ' || tgenabled::text || '; ' || prosrc, '"', '')
    FROM pg_trigger t JOIN pg_proc ON pg_proc.oid = tgfoid WHERE NOT tgisinternal AND pg_table_is_visible(tgrelid)"""


def present(now: Reading) -> Iterator[str]:
    """Every trigger is there, switched on and word for word ours; one that is not ours is named."""
    return wrong(now.session)


def wrong(session: Session) -> Iterator[str]:
    """The same of a database that is only connected to."""
    dialect = session.get_bind().dialect.name
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'" if dialect == "sqlite" else POSTGRESQL
    found = {name: words for name, words in session.execute(text(query))}
    ours = triggers.as_stored(dialect)
    for name in ours:
        if name not in found:
            yield f"trigger {name} is missing; 'bridge db upgrade' sets all of them"
    for name, words in sorted(found.items()):
        if words != ours.get(name):
            yield f"trigger {name} is not the one that we set; 'bridge db upgrade' sets ours, one of another name must be dropped"
