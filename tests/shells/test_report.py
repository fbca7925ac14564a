"""``bridge report``: every report in every form, also of nothing; what is none of them is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.plant import Plant

REPORTS = ("reconciliation", "ageing", "returns", "forecast", "batches", "audit")
FORMS = ("text", "json", "csv", "xlsx", "html", "pdf")
CLOCK = "2026-11-23T12:00"


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    """A plant in which nothing has happened yet."""
    plant = Plant(tmp_path_factory.mktemp("reports"))
    plant.ok("init", str(plant.folder))
    return plant


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("lang", ["en", "de"])
def test_a_report_of_nothing_is_a_report(plant: Plant, name: str, lang: str) -> None:
    """In every form and both languages; JSON says the view, and a CSV begins as its language wants."""
    said = {form: plant.ok("report", name, "-f", form, "--lang", lang, clock=CLOCK) for form in FORMS}

    assert said["html"].out.startswith("<!doctype html>")
    assert said["csv"].out.startswith("\ufeff") == (lang == "de")
    assert {"as_of", "known_at"} <= set(said["json"].json)
    assert said["pdf"].out.startswith("%PDF-")
    assert said["xlsx"].out.startswith("PK")
    assert said["text"].out


@pytest.mark.parametrize("name", REPORTS[1:])
def test_the_moment_is_printed_to_ask_again(plant: Plant, name: str) -> None:
    """What a report of now prints as its moment, given as ``--known-at`` later, gives the same bytes."""
    said = plant.ok("report", name, "-f", "json", clock=CLOCK)
    again = plant.ok("report", name, "-f", "json", "--known-at", said.json["known_at"], clock="2031-05-05T12:00")
    page = plant.ok("report", name, "-f", "html", clock=CLOCK).out
    later = plant.ok("report", name, "-f", "html", "--known-at", said.json["known_at"], clock="2031-05-05T12:00").out

    assert (again.out, later) == (said.out, page)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("ageing", "-f", "ods"), "format 'ods' is not one of: csv, html, json, pdf, text, xlsx"),
        (("ageing", "-f", "csv", "--table", "mandates"), "table 'mandates' is not one of: buckets, debtors, invoices"),
        (("returns", "--since", "Monday"), "--since takes a date like 2026-11-30"),
        (("batches", "--as-of", "30.11.2026"), "--as-of takes a date like 2026-11-30"),
    ],
)
def test_what_is_none_is_refused_by_name(plant: Plant, words: tuple[str, ...], why: str) -> None:
    """One sentence that lists what there is."""
    said = plant.here("report", *words, clock=CLOCK)

    assert said.code == 1
    assert why in said.err
    assert said.out == ""


def test_a_template_of_the_plant_is_used(plant: Plant) -> None:
    """``templates/reports/page.html`` beside bridge.toml replaces the product's."""
    own = Path(plant.folder) / "templates" / "reports"
    own.mkdir(parents=True)
    (own / "page.html").write_text("our look: $title", "utf-8")

    assert plant.ok("report", "forecast", "-f", "html", "--lang", "de", clock=CLOCK).out == "our look: Liquiditätsvorschau"
