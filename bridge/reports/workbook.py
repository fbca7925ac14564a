"""A page of tables as an Excel workbook: a sheet for what was asked, one for each table; the same page gives the same bytes.

Amounts are numbers, worked out from integer cents as Decimal; dates are dates; everything else is text, also what looks like a
formula, a number or an address. There is no formula in it: a total is the figure of the report.
"""

from __future__ import annotations

import io
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bridge.errors import BadInput
from bridge.reports.rendering import shown, view
from bridge.reports.tables import Cell, Column, Page, Row, Table
from bridge.reports.words import word

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

ROWS_MAX = 1_000_000  # a sheet takes 1,048,576
LETTERS_MAX = 32_000  # a cell takes 32,767 units of UTF-16
NAME_MAX = 31  # letters of a sheet's name
WIDTH_MIN, WIDTH_MAX = 8, 60
#: Excel shows both in the form of the reader's country
NUMBERS = {"cents": "#,##0.00", "share": "0.00", "count": "#,##0", "text": "@", "ref": "@", "hash": "@"}
DATES = {"en": "yyyy-mm-dd", "de": "dd.mm.yyyy"}


def xlsx(page: Page) -> bytes:
    """The whole page. Raises BadInput for more rows than a sheet takes."""
    from xlsxwriter import Workbook

    for table in page.tables:
        if len(table.rows) > ROWS_MAX:
            raise BadInput(f"{table.name} has {len(table.rows):,} rows, and a sheet takes {ROWS_MAX:,}; write it as csv")
    out = io.BytesIO()
    # in memory: nothing of it is written to a folder for temporary files
    book = Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False})
    book.set_properties({"title": page.title, "created": page.asked.at})
    _cover(book, page)
    for table in page.tables:
        _sheet(book, table, page)
    book.close()
    return out.getvalue()


def _cover(book: Workbook, page: Page) -> None:
    """The first sheet: the report's name, what it was asked, and its notes."""
    sheet = _paper(book, word("cover", page.lang), page.title)
    bold, plain = book.add_format({"bold": True, "font_size": 14}), book.add_format({"num_format": "@"})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    sheet.write_string(0, 0, page.title, bold)
    for number, (name, value) in enumerate(view(page), 2):
        sheet.write_string(number, 0, name, plain)
        sheet.write_string(number, 1, value, plain)
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, 1, 100)
    for number, note in enumerate(page.notes, 6):
        sheet.write_string(number, 1, _text(note), wrapped)


def _sheet(book: Workbook, table: Table, page: Page) -> None:
    """One table: heads that stay in sight and can be filtered, rows, and below them the total."""
    sheet = _paper(book, _name(table.title), f"{page.title}: {table.title}")
    head = {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}
    for place, column in enumerate(table.columns):
        side = "right" if column.kind in ("cents", "share", "count") else "left"
        sheet.write_string(0, place, column.title, book.add_format({**head, "align": side}))
        sheet.set_column(place, place, _width(table, place, page.lang))
    forms = [_form(one, page.lang) for one in table.columns]
    _write(sheet, table.rows, 1, table.columns, [book.add_format(one) for one in forms])
    if table.total:
        strong = [book.add_format({**one, "bold": True, "top": 1}) for one in forms]
        _write(sheet, [table.total], len(table.rows) + 1, table.columns, strong)
    sheet.freeze_panes(1, 1)
    sheet.repeat_rows(0)
    sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)


def _paper(book: Workbook, name: str, title: str) -> Worksheet:
    """A new sheet that prints as A4 landscape, as wide as the page, with the report's name and the page's number."""
    sheet = book.add_worksheet(name)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_header(f"&L{title.replace('&', '&&')}")
    sheet.set_footer("&R&P / &N")
    return sheet


def _name(title: str) -> str:
    """A sheet's name: as many words of the table's title as it takes."""
    if len(title) <= NAME_MAX:
        return title
    return title[: NAME_MAX + 1].rpartition(" ")[0] or title[:NAME_MAX]


def _form(column: Column, lang: str) -> dict[str, Any]:
    found: dict[str, Any] = {"valign": "top", "num_format": NUMBERS.get(column.kind) or DATES[lang]}
    return found


def _write(sheet: Worksheet, rows: Any, first: int, columns: tuple[Column, ...], forms: list[Any]) -> None:
    for number, row in enumerate(rows, first):
        cells: Row = row
        for place, (cell, column) in enumerate(zip(cells, columns, strict=True)):
            _cell(sheet, number, place, cell, column.kind, forms[place])


def _cell(sheet: Worksheet, row: int, place: int, value: Cell, kind: str, form: Any) -> None:
    if value is None or value == "":
        sheet.write_blank(row, place, None, form)
    elif isinstance(value, date):
        sheet.write_datetime(row, place, datetime.combine(value, time()), form)
    elif isinstance(value, int) and kind in ("cents", "share"):  # a share is in basis points: hundredths of a percent
        sheet.write_number(row, place, Decimal(value).scaleb(-2), form)
    elif isinstance(value, int):
        sheet.write_number(row, place, Decimal(value), form)
    else:
        sheet.write_string(row, place, _text(value), form)


def _text(value: str) -> str:
    return value if len(value) <= LETTERS_MAX else value[:LETTERS_MAX] + "…"


def _width(table: Table, place: int, lang: str) -> int:
    """As wide as the longest cell, within reason; heads break at their blanks."""
    column = table.columns[place]
    some = [*table.rows[:1000], *([table.total] if table.total else [])]
    cells = (
        value if column.kind == "ref" and isinstance(value := row[place], str) else shown(row[place], column.kind, lang)
        for row in some
    )
    longest = max([*map(len, cells), *map(len, column.title.split())], default=0)
    return min(WIDTH_MAX, max(WIDTH_MIN, longest + 2))
