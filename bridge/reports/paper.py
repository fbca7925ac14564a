"""A page of tables as PDF, A4 landscape, for a file that is kept; the same page gives the same bytes.

The built-in font has the letters of Western Europe (Latin-1); others are printed without their accents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.errors import BadInput
from bridge.reports.rendering import text_rows, view
from bridge.reports.tables import FIGURES, Page, Table
from bridge.rules.text import transliterate

if TYPE_CHECKING:
    from fpdf import FPDF

FONT = "Helvetica"
#: what the font lacks and a plain sign says as well
SIGNS = str.maketrans({"…": "...", "„": '"', "“": '"', "−": "-", "–": "-"})
SMALL, TINY = 7, 6  # points: for a table of up to so many columns, and beyond it
COLUMNS_SMALL = 10
GREY = 150
LETTER = 0.75  # how wide a letter and its share of the padding is, of the font's size
HEAD_MM = 24
TITLE_MM, ROW_MM = 12, 5.2
LETTERS = (50, 66)  # the widest column of words, and of hashes
ROWS_MAX = 5_000  # 3 ms each


def pdf(page: Page) -> bytes:
    """The whole page; long tables go on with their heads repeated. Raises BadInput for more rows than anybody prints."""
    count = sum(len(one.rows) for one in page.tables)
    if count > ROWS_MAX:
        raise BadInput(f"the report has {count:,} rows, and a PDF takes {ROWS_MAX:,}; write it as csv or html")

    paper = _paper(page)
    _line(paper, page.title, size=15, style="B")
    _line(paper, "   ".join(f"{name}: {value}" for name, value in view(page)), size=8)
    for one in page.tables:
        if one.rows or one.total:
            _table(paper, one, page.lang)
    for note in page.notes:
        paper.ln(2)
        _line(paper, note, size=7)
    return bytes(paper.output())


def _paper(page: Page) -> FPDF:
    """Empty paper: at the foot of each page stand what the report is and which page it is of how many."""
    from fpdf import FPDF

    name = _latin("   ".join([page.title, *(f"{word}: {value}" for word, value in view(page))]))

    class Paper(FPDF):
        def footer(self) -> None:
            self.set_xy(self.l_margin, -10)
            self.set_font(FONT, size=SMALL)
            self.cell(self.epw - 20, text=name)
            self.cell(20, text=f"{self.page_no()} / {{nb}}", align="RIGHT")

    paper = Paper(orientation="landscape", format="A4")
    paper.set_creation_date(page.asked.at)
    paper.set_producer("bridge")
    paper.set_title(_latin(page.title))
    paper.set_lang(page.lang)
    paper.set_margin(12)
    paper.set_auto_page_break(auto=True, margin=14)
    paper.add_page()
    paper.set_draw_color(GREY)
    return paper


def _line(paper: FPDF, text: str, *, size: int, style: Any = "") -> None:
    paper.set_font(FONT, style=style, size=size)
    paper.multi_cell(0, text=_latin(text), align="LEFT", new_x="LMARGIN", new_y="NEXT")


def _table(paper: FPDF, table: Table, lang: str) -> None:
    from fpdf.fonts import FontFace

    titles, rows, _, last = text_rows(table, lang)
    paper.ln(4)
    if paper.will_page_break(max(HEAD_MM, _height(table, paper))):  # nor a title alone at the foot, nor a total at the head
        paper.add_page()
    _line(paper, table.title, size=10, style="B")
    paper.set_font(FONT, size=SMALL if len(titles) <= COLUMNS_SMALL else TINY)
    sides = tuple("RIGHT" if one.kind in FIGURES else "LEFT" for one in table.columns)
    columns = zip(titles, *rows, *([last] if last else []), strict=True)
    widths = tuple(_width(cells, LETTERS[one.kind == "hash"]) for cells, one in zip(columns, table.columns, strict=True))
    wanted = sum(widths) * paper.font_size * LETTER  # figures stand near their words, not at the other edge of the page
    with paper.table(
        width=min(paper.epw, wanted),
        align="LEFT",
        col_widths=widths,
        text_align=sides,
        borders_layout="HORIZONTAL_LINES",
        headings_style=FontFace(emphasis="BOLD"),
        line_height=paper.font_size * 1.6,
        padding=(0.6, 1.2),
    ) as grid:
        for cells in [titles, *rows]:
            grid.row([_latin(cell) for cell in cells])
        if last:
            grid.row([_latin(cell) for cell in last], style=FontFace(emphasis="BOLD"))


def _height(table: Table, paper: FPDF) -> float:
    """About how much paper a table takes; of one that takes more than a page only its beginning counts."""
    found = TITLE_MM + ROW_MM * (len(table.rows) + 1 + bool(table.total))
    return found if found < paper.eph else HEAD_MM


def _width(cells: tuple[str, ...], most: int) -> int:
    """A column is as wide as its longest cell, within reason; a head may break at its blanks."""
    return min(most, max(6, *map(_letters, cells[0].split()), *map(_letters, cells[1:])))


def _letters(text: str) -> int:
    """How many letters wide a text is; capitals are a third wider."""
    return len(text) + (sum(map(str.isupper, text)) + 2) // 3


def _latin(text: str) -> str:
    """The text in the letters of the font."""
    plain = text.translate(SIGNS)
    return "".join(char if char.encode("latin-1", "ignore") else transliterate(char) for char in plain)
