"""A report as tables: columns that know what stands in them, rows, a total. Text, CSV, HTML and PDF are all made of these.

A report of its own brings its rows and its words (``words.py``), nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bridge.reports.asked import Asked
from bridge.reports.words import word

#: what a column holds; figures stand at the right
KINDS = ("text", "ref", "hash", "date", "cents", "count", "share")
FIGURES = ("cents", "count", "share")
Cell = str | int | date | None
Row = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """``name`` is the word's key, the same in every language; ``kind`` one of KINDS (share: in basis points)."""

    name: str
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Table:
    """One of a page's tables, known by ``name``. Each row has a cell for each column, and so has the total, if there is one."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Row]
    total: Row | None = None
    keys: int = 1  # so many first columns say what a row is about


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report in one language. ``filed`` names the table that a CSV holds where none is asked for.

    ``notes`` are sentences: how it is computed, what it leaves out. ``more`` is what was asked beside the view, with a word each.
    """

    name: str
    title: str
    asked: Asked
    lang: str
    tables: tuple[Table, ...]
    filed: str
    notes: tuple[str, ...] = ()
    more: tuple[tuple[str, str], ...] = ()


def sums(rows: Sequence[Row], first: int, end: int) -> list[int]:
    """The sums of the columns from ``first`` to before ``end``: cents or counts."""
    return [sum(cell for row in rows if isinstance(cell := row[at], int)) for at in range(first, end)]


def table(name: str, columns: str, rows: Sequence[Row], lang: str, total: Row | None = None, *, keys: int = 1) -> Table:
    """A table; ``columns`` are words like "invoice due_on:date owed:cents", text where no kind is named."""
    found = []
    for one in columns.split():
        key, _, kind = one.partition(":")
        assert not kind or kind in KINDS, one
        found.append(Column(key, kind or "text", _head(key, kind, lang)))
    assert all(len(row) == len(found) for row in [*rows, *([total] if total else [])]), name
    return Table(name, word(f"table.{name}", lang), tuple(found), rows, total, keys)


def _head(key: str, kind: str, lang: str) -> str:
    """A column's title; one of amounts names the currency, also where it stands alone in a file."""
    title = word(key, lang)
    return f"{title} EUR" if kind == "cents" and "EUR" not in title else title


def page(
    name: str,
    asked: Asked,
    lang: str,
    *,
    tables: Sequence[Table],
    filed: str,
    notes: Sequence[str] = (),
    more: Sequence[tuple[str, str]] = (),
) -> Page:
    """A page of these tables; its title is the report's name in the reader's language."""
    return Page(name, word(f"report.{name}", lang), asked, lang, tuple(tables), filed, tuple(notes), tuple(more))
