"""A table as CSV and HTML: figures of the reader's country, nothing that runs, nothing that is fetched."""

from __future__ import annotations

import csv
import re
import zipfile
from datetime import UTC, date, datetime
from io import BytesIO, StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from openpyxl.utils.escape import unescape

from bridge.balances import View
from bridge.errors import BadInput, ConfigError, UnknownName
from bridge.model.ledger import SUBJECTS
from bridge.reports import audit_words, check, paper, rendering, tables, workbook
from bridge.reports.asked import Asked
from bridge.reports.tables import Page, Row
from bridge.reports.words import NOTES, WORDS
from bridge.rules import lifecycle
from tests.testdata import ROOT

pytestmark = pytest.mark.only_on("sqlite", "no row is read")
AT = datetime(2026, 11, 30, 17, 0, tzinfo=UTC)
ASKED = Asked(View(), AT, date(2026, 11, 30), ZoneInfo("Europe/Berlin"))
HOSTILE = ("=1+2", "+49 30", "-5", "@SUM(A1)", "\t=1", "\r=1", "＝1", 'a;b,"c"', "<script>alert(1)</script>", "zwei\nZeilen")
COLUMNS = "reason due_on:date billed:cents rate:share count:count"


def page(rows: list[Row], lang: str, total: Row | None = None) -> Page:
    """A page of two tables; the first is the one that it files."""
    made = tables.table("invoices", COLUMNS, rows, lang, total)
    other = tables.table("fees", "what eur:cents", [("x", 1)], lang)
    return tables.page("ageing", ASKED, lang, tables=[made, other], filed="invoices", notes=["Größer & kleiner"])


ROW: Row = ("Müller", date(2026, 11, 30), -123_456_789, 325, 7)


def test_german_csv_is_what_a_german_excel_opens() -> None:
    """UTF-8 with its mark, semicolons, decimal comma, no sign between thousands, CRLF, dates of the country."""
    assert rendering.csv(page([ROW], "de")) == (
        "\ufeffGrund;fällig am;berechnet EUR;Quote % nach Anzahl;Anzahl\r\nMüller;30.11.2026;-1234567,89;3,25;7\r\n"
    )


def test_english_csv_is_plain() -> None:
    """Commas, decimal point, ISO dates, no mark."""
    assert rendering.csv(page([ROW], "en")) == (
        "reason,due on,billed EUR,rate % by count,count\r\nMüller,2026-11-30,-1234567.89,3.25,7\r\n"
    )


@pytest.mark.parametrize("lang", ["en", "de"])
def test_a_csv_is_read_back_as_it_was(lang: str) -> None:
    """Python's own reader finds every text again, whatever separators, quotes and line ends stand in it."""
    text = rendering.csv(page([(name, None, 0, 0, 0) for name in HOSTILE], lang)).removeprefix("\ufeff")
    rows = list(csv.reader(StringIO(text, newline=""), delimiter=";" if lang == "de" else ","))

    assert [row[0].removeprefix("'") for row in rows[1:]] == list(HOSTILE)
    assert {len(row) for row in rows} == {5}


def test_no_text_is_a_formula() -> None:
    """A text that a spreadsheet would run begins with an apostrophe; a negative figure stays a figure."""
    rows: list[Row] = [(name, None, -5, 0, 0) for name in HOSTILE]
    text = rendering.csv(page(rows, "en"))
    cells = [row for row in csv.reader(StringIO(text, newline=""))][1:]

    assert [row[0][0] for row in cells[:7]] == ["'"] * 7
    assert {row[2] for row in cells} == {"-0.05"}


def test_a_table_is_chosen_by_its_name() -> None:
    """One table a file; a wrong name lists those of the page."""
    assert rendering.csv(page([ROW], "en"), "fees") == "what,EUR\r\nx,0.01\r\n"
    with pytest.raises(UnknownName, match=r"table 'mandates' is not one of: fees, invoices"):
        rendering.csv(page([ROW], "en"), "mandates")


@pytest.mark.parametrize("lang", ["en", "de"])
def test_a_wide_table_is_shown_in_pieces(lang: str) -> None:
    """No piece is wider than the screen; each begins with the key; figures are never broken, heads are, at their blanks."""
    names = " ".join(
        f"{name}:cents" for name in ("billed", "in_flight_not_owed", "reclaim_written_off", "customer_credit", "held")
    )
    one: Row = ("MUSTERWERK-20261123-001-F09BDC", date(2026, 11, 23), *[123_456_789_01] * 5)
    made = tables.table("batches", f"message_id due_on:date {names}", [one], lang, ("Σ", None, *[1] * 5), keys=2)

    found = rendering.pieces(made, lang, 90)
    assert [[head.replace("\n", " ") for head in piece.titles[:2]] for piece in found] == [
        [column.title for column in made.columns[:2]]
    ] * len(found)
    assert [head.replace("\n", " ") for piece in found for head in piece.titles[2:]] == [one.title for one in made.columns[2:]]
    assert [piece.last[0] for piece in found] == ["Σ"] * len(found)
    assert len(found) == 3
    for piece in found:
        shown = [*piece.rows, piece.last, *([line] for head in piece.titles for line in head.split("\n"))]
        assert max(sum(len(cell) + 3 for cell in row) for row in shown) <= 90
        assert set(piece.titles[2:]) == set(piece.right) == set(piece.whole) - set(piece.titles[:2])


@pytest.mark.parametrize("lang", ["en", "de"])
def test_html_is_only_text(lang: str, tmp_path: Path) -> None:
    """Every cell is escaped; no script, no address of anything; figures stand right, in the language's own form."""
    total: Row = ("Σ", None, 10**9, None, 1)
    found = rendering.html(page([(name, *ROW[1:]) for name in HOSTILE], lang, total), tmp_path)

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in found
    assert "Größer &amp; kleiner" in found
    assert re.findall(r"<script|src=|href=|url\(|@import|https?:|\bon\w+=", found) == []
    assert f'<td class="figure">{"10,000,000.00" if lang == "en" else "10.000.000,00"}</td>' in found
    assert f'<html lang="{lang}">' in found
    assert "2026-11-30T18:00:00+01:00" in found


def test_a_template_of_the_plant_replaces_ours(tmp_path: Path) -> None:
    """``templates/reports/page.html`` beside bridge.toml; a field that is none is refused by its name."""
    own = tmp_path / "templates" / "reports"
    own.mkdir(parents=True)
    (own / "page.html").write_text("<h1>$title</h1>$tables", "utf-8")
    assert rendering.html(page([ROW], "de"), tmp_path).startswith("<h1>Altersstruktur der offenen Posten</h1><section>")

    (own / "page.html").write_text("<h1>$titel</h1>", "utf-8")
    with pytest.raises(ConfigError, match=r"'titel' is no field of a report; known are lang, notes, tables, title, view"):
        rendering.html(page([ROW], "de"), tmp_path)


def test_a_pdf_is_the_same_bytes() -> None:
    """Made twice it is the same, whatever stands in its cells; its date is the report's own moment, its title is the page's."""
    made = page([(name, *ROW[1:]) for name in HOSTILE], "de", ("Σ…", None, 10**9, None, 1))
    found = paper.pdf(made)

    assert found == paper.pdf(made)
    assert found.startswith(b"%PDF-")
    assert b"/CreationDate (D:20261130170000Z" in found
    assert b"JavaScript" not in found
    with pytest.raises(BadInput, match="has 5,002 rows, and a PDF takes 5,000; write it as csv or html"):
        paper.pdf(page([ROW] * 5_001, "de"))


@pytest.mark.parametrize("lang", ["en", "de"])
def test_a_workbook_holds_figures_dates_and_texts(lang: str) -> None:
    """Read back by another library: euros to the cent, real dates, ids and whatever looks like a formula as text."""
    rows: list[Row] = [ROW, ("000123", None, 10**13 + 1, 1, 0), *[(name, None, 0, 0, 0) for name in HOSTILE]]
    book = openpyxl.load_workbook(BytesIO(workbook.xlsx(page(rows, lang, ("Σ", None, 5, None, 7)))))

    assert book.sheetnames == (["Report", "Open invoices", "What it cost"] if lang == "en" else
                               ["Bericht", "Offene Rechnungen", "Was es gekostet hat"])  # fmt: skip
    cells = list(book.worksheets[1].iter_rows(min_row=2))
    assert [cell.value for cell in cells[0]] == ["Müller", datetime(2026, 11, 30), -1234567.89, 3.25, 7]
    assert [cell.data_type for cell in cells[0]] == ["s", "d", "n", "n", "n"]
    assert cells[0][1].number_format == ("yyyy-mm-dd" if lang == "en" else "dd.mm.yyyy")
    assert [(unescape(row[0].value), row[0].data_type) for row in cells[1:-1]] == [(name, "s") for name in ("000123", *HOSTILE)]
    assert cells[1][2].value == 100_000_000_000.01
    assert [cell.value for cell in cells[-1]] == ["Σ", None, 0.05, None, 7]
    assert [cell for row in book.worksheets[0].iter_rows() for cell in row if cell.data_type == "f"] == []
    assert "Größer & kleiner" in [cell.value for cell in book.worksheets[0]["B"]]


def test_a_workbook_is_the_same_bytes() -> None:
    """Made twice it is the same; no clock, no name of a machine or person is in it; nothing in it runs or is fetched."""
    made = page([(name, *ROW[1:]) for name in (*HOSTILE, "https://example.com", "_x0041_", "\x07\ufffe", "x" * 40_000)], "de")
    found = workbook.xlsx(made)

    assert found == workbook.xlsx(made)
    with zipfile.ZipFile(BytesIO(found)) as parts:
        assert {one.date_time for one in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"2026-11-30T17:00:00Z" in parts.read("docProps/core.xml")
        assert re.findall(rb"<f>|<hyperlink|vbaProject", b"".join(map(parts.read, parts.namelist()))) == []
    texts = [row[0] for row in openpyxl.load_workbook(BytesIO(found)).worksheets[1].iter_rows(min_row=2, values_only=True)]
    assert texts[len(HOSTILE) :] == ["https://example.com", "_x0041_", "_x0007__xFFFE_", "x" * 32_000 + "…"]


def test_a_sheet_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than it takes are refused in words, not cut off."""
    monkeypatch.setattr(workbook, "ROWS_MAX", 2)
    with pytest.raises(BadInput, match="invoices has 3 rows, and a sheet takes 2; write it as csv"):
        workbook.xlsx(page([ROW] * 3, "en"))


def test_every_word_has_both_languages_and_is_used() -> None:
    """No empty word, and none that no report says; every fact, account and check has a German one."""
    source = "".join(path.read_text("utf-8") for path in (ROOT / "bridge" / "reports").glob("*.py") if path.name != "words.py")
    source += "".join(
        (ROOT / "bridge" / name).read_text("utf-8")
        for name in (
            "rules/ages.py",
            "rules/breaks.py",
            "rules/proof.py",
            "model/batch.py",
            "model/document.py",
            "settings/sources.py",
        )
    )

    assert [key for key, both in (WORDS | NOTES).items() if not all(both)] == []
    assert [
        key for key in WORDS if not re.search(rf"\b{re.escape(key.removeprefix('table.').removeprefix('report.'))}\b", source)
    ] == []
    facts = {fact.removesuffix(" undone") for fact in lifecycle.POSTINGS}
    assert (set(audit_words.FACTS), set(audit_words.ACCOUNTS)) == (facts, set(SUBJECTS))
    assert set(audit_words.GERMAN) == {*check.IN_THE_PAST, *check.UNALTERED}
    assert [key for key in NOTES if f'note("{key}"' not in source] == []
