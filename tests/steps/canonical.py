"""Rows without the gaps that PostgreSQL leaves in its ids: a unit of work that was undone has used some up for ever.

Each id becomes its place among the ids of its table, also where another row names it: by a foreign key, as the subject of a
posting, as the noun of a move, or in words such as ``entry:12``. So two databases with the same rows written in the same order
are equal. What is hashed over ids is left out; ``bridge check`` compares that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Table

from bridge.model.ledger import SUBJECTS

HASHES = {"payload_sha256", "prev_hash", "hash"}
#: the first word of a key or a reference -> the table whose id follows
WORDS = {"bank": "entry", "line": "entry", "charge": "entry", "open": "statement"}
_REFERENCE = re.compile(r"\b([a-z_]+):(\d+)\b")
Rows = Sequence[Sequence[Any]]


def without_gaps(stored: Mapping[Table, tuple[Sequence[Column[Any]], Rows]]) -> dict[str, list[tuple[Any, ...]]]:
    """Table name -> its rows, sorted; ``stored`` gives the columns and rows of each table."""
    places = {table.name: _places(columns, rows) for table, (columns, rows) in stored.items()}
    found = {}
    for table, (columns, rows) in stored.items():
        plain = [tuple(_plain(table, dict(zip(columns, row, strict=True)), places)) for row in rows]
        found[table.name] = sorted(plain, key=repr)
    return found


def _places(columns: Sequence[Column[Any]], rows: Rows) -> dict[Any, int]:
    at = next((n for n, column in enumerate(columns) if column.name == "id"), None)
    return {} if at is None else {found: n for n, found in enumerate(sorted(row[at] for row in rows), 1)}


def _plain(table: Table, row: Mapping[Column[Any], Any], places: Mapping[str, Mapping[Any, int]]) -> list[Any]:
    named = {column.name: value for column, value in row.items()}
    return [
        _value(value, _target(table, column, named), places)
        for column, value in row.items()
        if column.name not in HASHES
    ]  # fmt: skip


def _target(table: Table, column: Column[Any], named: Mapping[str, Any]) -> str | None:
    """The table whose id stands in this column; None where none does."""
    if column.name == "id":
        return table.name
    if column.name in ("debit_subject", "credit_subject"):
        return SUBJECTS[named[column.name.replace("subject", "account")]]
    if column.name == "noun_id":
        return str(named["noun"])
    return next((key.column.table.name for key in column.foreign_keys if key.column.name == "id"), None)


def _value(value: Any, target: str | None, places: Mapping[str, Mapping[Any, int]]) -> Any:
    if value is None:
        return None
    if target is not None:
        return places[target].get(value, f"{target}:{value} is not there")
    return _REFERENCE.sub(lambda found: _reference(found, places), value) if isinstance(value, str) else value


def _reference(found: re.Match[str], places: Mapping[str, Mapping[Any, int]]) -> str:
    table = WORDS.get(found[1], found[1])
    return f"{found[1]}:{places[table].get(int(found[2]), found[2])}" if table in places else found[0]
