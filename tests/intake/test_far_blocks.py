"""Recorded logs of blocks that no chain has are refused; far ones are reached at once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.errors import BadInput
from bridge.model import ChainLog, Cursor, Invoice
from bridge.steps import ingest
from tests.steps.place import Bill, Place, log_line


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def record(place: Place, bill: Bill, **changed: str) -> None:
    with (place.folder / "plant-1.jsonl").open("a") as file:
        file.write(json.dumps({**log_line(bill), **changed}) + "\n")


def at(*day: int) -> str:
    return hex(int(datetime(*day, tzinfo=UTC).timestamp()))  # type: ignore[arg-type, misc]  # year, month, day ...


def test_a_far_block_is_reached_at_once(place: Place) -> None:
    """Three logs, a billion of billions of blocks apart: as many commits as logs, not one for each thousand blocks."""
    said: list[str] = []
    for n, block in enumerate((5, 4_000_000, 2**53), start=1):
        record(place, Bill(n, block=block), blockTimestamp=at(2026, 11, 20, n))
    object.__setattr__(place.runtime, "progress", said.append)
    assert ingest.run(place.runtime)["invoices"] == 3

    assert [row.block_number for row in place.rows(ChainLog)] == [5, 4_000_000, 2**53]
    assert place.rows(Cursor)[0].block_number == 2**53
    assert len(said) == 3


@pytest.mark.parametrize("block", [2**53 + 1, 2**63 - 1])
def test_a_block_that_no_chain_has_is_refused(place: Place, block: int) -> None:
    """Above 2**53 the file is refused before anything is read from it."""
    place.bill(Bill(1))
    record(place, Bill(2, block=block), blockTimestamp=at(2026, 11, 21))
    with pytest.raises(BadInput, match=f"its last block is {block}; no chain has so many; correct the file"):
        ingest.run(place.runtime)

    assert place.rows(Cursor) == []


@pytest.mark.parametrize("stamp", [at(2014, 12, 31), "0x0", at(2100, 1, 1), hex(2**40), hex(2**63 - 1)])
def test_a_time_that_no_block_has_is_refused(place: Place, stamp: str) -> None:
    """Before 2015 or after 2099: refused, and the cursor stays, so that a corrected line is read."""
    record(place, Bill(1), blockTimestamp=stamp)
    with pytest.raises(BadInput, match=r"block 101 with time \d+.*correct or remove the line"):
        ingest.run(place.runtime)
    assert (place.rows(Cursor), place.rows(Invoice)) == ([], [])
    (place.folder / "plant-1.jsonl").write_text("")
    place.bill(Bill(1))

    assert ingest.run(place.runtime)["invoices"] == 1
