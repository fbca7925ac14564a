"""``bridge demo``: the tour computes what it shows, ends with books that add up, and leaves a folder that works."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bridge.sim import machines
from tests.journeys.plant import Plant, Said


@pytest.fixture(scope="module")
def toured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plant, Said]:
    """The folder that the tour left, and what it said."""
    plant = Plant(tmp_path_factory.mktemp("tour"))
    return plant, plant.bridge("demo", "--keep", str(plant.folder), "--json")


def test_it_ends_with_one_document_whose_books_add_up(toured: tuple[Plant, Said]) -> None:
    """40 invoices of six machines are billed, and the difference is 0; the chapters are on stderr where JSON is asked for."""
    _, said = toured
    billed = machines.usage("demo", until=date(2026, 11, 22), count=40)

    assert said.code == 0
    assert said.json["report"]["billed_cents"] == sum(invoice.amount_cents for invoice in billed)
    assert said.json["report"]["difference_cents"] == 0
    assert [line for line in said.err.splitlines() if line[:1].isdigit()][-2:] == [
        "8. One invoice, from the log to the bank line",
        "9. And back to the sensor: bridge invoice show plant-1-000038",
    ]


def test_what_it_keeps_can_be_looked_at(toured: tuple[Plant, Said]) -> None:
    """The folder is a plant like any other: every invariant holds, and the file lies in its outbox."""
    plant, _ = toured
    (batch,) = plant.ok("batch", "list", "--json").json

    assert plant.here("check").code == 0
    assert (plant.folder / "outbox" / f"{batch['message_id']}.xml").stat().st_size == batch["bytes"]


def test_it_does_not_work_in_a_folder_that_holds_something(toured: tuple[Plant, Said], tmp_path: Path) -> None:
    """A folder with files in it is left alone."""
    (tmp_path / "letter.txt").write_text("mine", "utf-8")
    said = Plant(tmp_path).bridge("demo", "--keep", str(tmp_path))

    assert said.code == 1
    assert "is not empty" in said.err
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
