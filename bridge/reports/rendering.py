"""A page of tables as CSV, HTML and plain cells, with German or English figures.

CSV is what Excel opens by a double click in the reader's country; a cell of text that a spreadsheet would run as a formula is
defused (OWASP, "CSV Injection"). HTML comes from ``templates/reports/page.html``; one of the same name beside bridge.toml
replaces ours. Every cell is escaped here, at one place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from html import escape
from pathlib import Path
from string import Template
from textwrap import wrap

from bridge import resources
from bridge.errors import ConfigError, UnknownName
from bridge.reports.tables import FIGURES, Cell, Column, Page, Row, Table
from bridge.reports.words import word

TEMPLATE = "templates/reports/page.html"
#: language -> field separator, decimal sign, sign between thousands, what a file begins with
DIALECTS = {"en": (",", ".", ",", ""), "de": (";", ",", ".", "\N{ZERO WIDTH NO-BREAK SPACE}")}
#: with these a spreadsheet takes a text for a formula, the last four as wide letters
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
HEADS_MIN = (16, 10, 0)  # letters to which a head is broken: the first that needs no more pieces than the last
WORDS_MIN, GAP = 26, 3  # letters of a screen: words in a column, and what stands between two columns
COLUMNS_WIDE = (9, 12)  # a table of more is set in smaller letters
WIDE = ("", ' class="wide"', ' class="wide widest"')
REF_SHOWN = 10  # of an opaque reference: 0xf1b582e5


def cents(value: int, lang: str, *, grouped: bool = True) -> str:
    """Cents as euros: 1,284.30 or 1.284,30; for a file without the sign between thousands."""
    _, point, thousands, _ = DIALECTS[lang]
    whole = f"{abs(value) // 100:,}".replace(",", thousands if grouped else "")
    return f"{'-' if value < 0 else ''}{whole}{point}{abs(value) % 100:02d}"


def day(value: date, lang: str) -> str:
    """2026-11-30 or 30.11.2026."""
    return f"{value:%d.%m.%Y}" if lang == "de" else value.isoformat()


def shown(value: Cell, kind: str, lang: str) -> str:
    """A cell as people read it; an empty one is empty."""
    if kind in ("cents", "share") and isinstance(value, int):  # a share is in basis points: hundredths of a percent
        return cents(value, lang)
    if kind == "ref" and isinstance(value, str) and len(value) > 2 * REF_SHOWN:
        return f"{value[:REF_SHOWN]}…"
    return _plain(value, lang)


def csv(page: Page, name: str = "") -> str:
    """One table of a page as a file: the named one, or the page's own choice. Raises UnknownName, which lists them."""
    separator, *_, mark = DIALECTS[page.lang]
    table = chosen(page, name)
    lines = [[_quoted(one.title, separator) for one in table.columns]]
    lines += [[_quoted(_filed(cell, column, page.lang), separator) for cell, column in _cells(row, table)] for row in table.rows]
    return mark + "".join(separator.join(line) + "\r\n" for line in lines)


def html(page: Page, home: Path) -> str:
    """The whole page, ready for print; nothing in it runs, and nothing is fetched. Raises ConfigError for a bad template."""
    own = home / TEMPLATE
    path = own if own.exists() else resources.path(TEMPLATE)
    words = {
        "lang": page.lang,
        "title": escape(page.title),
        "view": escape("  ·  ".join(f"{name}: {value}" for name, value in view(page))),
        "tables": "".join(_table(one, page.lang) for one in page.tables if one.rows or one.total),
        "notes": "".join(f"<p>{escape(one)}</p>" for one in page.notes),
    }
    try:
        return Template(path.read_text(encoding="utf-8")).substitute(words)
    except (KeyError, ValueError) as problem:
        raise ConfigError(f"{path}: {problem} is no field of a report; known are {', '.join(sorted(words))}") from None


def chosen(page: Page, name: str) -> Table:
    """The named table of a page, or the one that it files. Raises UnknownName."""
    found = next((one for one in page.tables if one.name == (name or page.filed)), None)
    if found is None:
        raise UnknownName.among("table", name, [one.name for one in page.tables])
    return found


def view(page: Page) -> list[tuple[str, str]]:
    """What the report was asked, with a word for each."""
    asked, lang = page.asked, page.lang
    until = day(asked.view.as_of, lang) if asked.view.as_of else word("all", lang)
    return [
        (word("on", lang), day(asked.on, lang)),
        (word("as_of", lang), until),
        (word("known_at", lang), str(asked.header["known_at"])),
        *page.more,
    ]


def _cells(row: Row, table: Table) -> Iterator[tuple[Cell, Column]]:
    return zip(row, table.columns, strict=True)


def _plain(value: Cell, lang: str) -> str:
    if isinstance(value, date):
        return day(value, lang)
    return "" if value is None else str(value)


def _filed(value: Cell, column: Column, lang: str) -> str:
    """A cell of a file: figures without a sign between thousands, text that cannot be a formula."""
    if column.kind in ("cents", "share") and isinstance(value, int):
        return cents(value, lang, grouped=False)
    text = _plain(value, lang)
    return f"'{text}" if column.kind in ("text", "ref", "hash") and text.startswith(FORMULA) else text


def _quoted(text: str, separator: str) -> str:
    """RFC 4180: quotes around what holds a separator, a quote or a line break."""
    return '"' + text.replace('"', '""') + '"' if any(char in text for char in (separator, '"', "\r", "\n")) else text


def _table(table: Table, lang: str) -> str:
    head = "".join(f"<th{_side(one)}>{escape(one.title)}</th>" for one in table.columns)
    body = "".join(_row(row, table, lang) for row in table.rows)
    foot = f"<tfoot>{_row(table.total, table, lang)}</tfoot>" if table.total else ""
    title, wide = escape(table.title), WIDE[sum(len(table.columns) > columns for columns in COLUMNS_WIDE)]
    return f"<section{wide}><h2>{title}</h2><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>{foot}</table></section>\n"


def _row(row: Row, table: Table, lang: str) -> str:
    return (
        "<tr>"
        + "".join(f"<td{_side(one)}>{escape(shown(cell, one.kind, lang))}</td>" for cell, one in _cells(row, table))
        + "</tr>"
    )


def _side(column: Column) -> str:
    if column.kind in FIGURES:
        return ' class="figure"'
    return f' class="{column.kind}"' if column.kind in ("date", "hash") else ""


def text_rows(table: Table, lang: str) -> tuple[list[str], list[list[str]], list[str], list[str]]:
    """A table for a screen: titles, rows, the titles of its figures, and its last line (empty where it has no total)."""
    rows = [[shown(cell, one.kind, lang) for cell, one in _cells(row, table)] for row in table.rows]
    total: Sequence[Cell] = table.total or ()
    last = [shown(cell, one.kind, lang) for cell, one in zip(total, table.columns, strict=bool(total))]
    return [one.title for one in table.columns], rows, [one.title for one in table.columns if one.kind in FIGURES], last


@dataclass(frozen=True, slots=True)
class Piece:
    """The columns of a table that a screen shows side by side; ``right`` names figures, ``whole`` what is not broken."""

    titles: list[str]
    rows: list[list[str]]
    last: list[str]
    right: list[str]
    whole: list[str]


def pieces(table: Table, lang: str, width: int) -> list[Piece]:
    """A table for a screen of so many letters: heads broken at their blanks, and what does not fit under it, with the key again.

    Words may be broken to their longest one's length or WORDS_MIN, figures never.
    """
    short = [replace(one, kind="ref") if one.kind == "hash" else one for one in table.columns]
    titles, rows, _, last = text_rows(replace(table, columns=tuple(short)), lang)
    cells = [max(map(len, some)) for some in zip(*([[""] * len(titles)] + rows + ([last] if last else [])), strict=True)]
    tried = [_arranged(table, titles, cells, width, least) for least in HEADS_MIN]
    heads, found = next(one for one in tried if len(one[1]) == len(tried[-1][1]))
    return [_piece(table, heads, rows, last, some) for some in found]


def _arranged(table: Table, titles: list[str], cells: list[int], width: int, least: int) -> tuple[list[str], list[list[int]]]:
    """Heads broken to at least so many letters, and the columns of each piece."""
    wide = [max(n, *map(len, title.split()), min(least, len(title))) for n, title in zip(cells, titles, strict=True)]
    heads = ["\n".join(wrap(title, n, break_long_words=False)) for title, n in zip(titles, wide, strict=True)]
    kinds = [one.kind for one in table.columns]
    need = [min(n, WORDS_MIN) if kinds[place] == "text" and place else n for place, n in enumerate(wide)]
    key = list(range(table.keys))
    found = [[*key]]
    for place in range(len(key), len(heads)):
        if len(found[-1]) > len(key) and sum(need[one] + GAP for one in (*found[-1], place)) > width:
            found.append([*key])
        found[-1].append(place)
    return heads, found


def _piece(table: Table, heads: list[str], rows: list[list[str]], last: list[str], some: list[int]) -> Piece:
    kinds = {heads[place]: table.columns[place].kind for place in some}
    return Piece(
        [heads[place] for place in some],
        [[row[place] for place in some] for row in rows],
        [last[place] for place in some] if last else [],
        [head for head, kind in kinds.items() if kind in FIGURES],
        [head for head, kind in kinds.items() if kind != "text"],
    )
