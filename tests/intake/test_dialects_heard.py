"""What each status report of golden/answers/ does to three debits of one file at the bank: states, reasons, and who must look.

Each row is a trick of sepa.md 9 (levels, inheritance, copies, words that are no money, debits without a name).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge import intake
from bridge.model import Block, Break, Collection
from bridge.steps import batch, collect, handover, ingest, reconcile
from tests.formats.test_dialects import FILES, FOLDER
from tests.steps.place import Bill, Place, mandate_line

ASK = 'batch_at = ""\napproval = "none"\nhandover = "folder"\n'
SENT = ("submitted", "")
TAKEN = ("accepted", "")


def no(reason: str = "") -> tuple[str, str]:
    return ("rejected", reason)


#: file -> state and reason of each debit, kinds of the Breaks
HEARD: dict[str, tuple[list[tuple[str, str]], list[str]]] = {
    "pain002_file_refused": ([no("FF01"), no("FF01"), no("FF01")], []),
    "pain002_block_refused": ([no("BE05"), no("BE05"), no("BE05")], []),
    "pain002_partial": ([SENT, no("MD01"), SENT], []),
    "pain002_part": ([SENT, no("AC04"), no("B17")], []),
    "pain002_reason_above": ([no("MD06"), no("AC04"), SENT], []),
    "pain002_reason_below": ([no("AC04"), no("MD07"), no()], []),
    "pain002_reason_at_file": ([no("BE05"), no("BE05"), no("BE05")], []),
    "pain002_reason_only": ([SENT, SENT, SENT], ["UNKNOWN_STATUS"]),
    "pain002_not_money": ([TAKEN, TAKEN, SENT], []),
    "pain002_payee": ([SENT, SENT, SENT], []),
    "pain002_unknown": ([SENT, SENT, SENT], ["UNKNOWN_STATUS"]),
    "pain002_copy_of_file": ([SENT, SENT, SENT], ["COPY_REJECTED"]),
    "pain002_copy_unsaid": ([SENT, SENT, SENT], ["COPY_REJECTED"]),
    "pain002_copy_of_block": ([SENT, SENT, SENT], ["COPY_REJECTED"]),
    "pain002_copy_of_debit": ([SENT, no("AC04"), SENT], ["COPY_REJECTED"]),
    "pain002_nameless": ([no("AC04"), no("MS03"), SENT], ["NOT_IN_THIS_FILE"]),
    "pain002_transfer": ([SENT, SENT, SENT], ["NOT_OUR_FILE"]),
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place with three debits of 100, 20 and 30 euros in one block at the bank, each under a mandate of its own."""
    place = Place(tmp_path, collection=ASK)
    place.mandates(*map(mandate_line, (1, 2, 3)))
    place.bill(Bill(1), Bill(2, 2_000, debtor=2), Bill(3, 3_000, debtor=3))
    for step in (ingest, collect, batch, handover):
        step.run(place.runtime)
    return place


def of_place(place: Place, file: str) -> bytes:
    """A golden report with the ids of the place's file in the places of its own."""
    text = (FOLDER / f"{file}.xml").read_text(encoding="utf-8")
    [block] = place.rows(Block)
    text = text.replace("GOLDEN-F1", place.batches()[0].message_id).replace("GOLDEN-R1", block.pmt_inf_id)
    for n, debit in enumerate(place.rows(Collection), 1):
        text = text.replace(f"GOLDEN-E{n}", debit.end_to_end_id)
    assert "GOLDEN-" not in text
    return text.encode()


def moved(place: Place) -> list[object]:
    """The rows of what a report may move."""
    dumped = place.dump()
    return [dumped[name] for name in ("collection", "invoice", "mandate", "batch", "move", "voucher", "posting")]


@pytest.mark.parametrize("file", HEARD)
def test_what_a_report_does(place: Place, file: str) -> None:
    """States, reasons and Breaks are those of its row; money moves with no status, and the same report again changes nothing."""
    intake.take(place.runtime, "a.xml", of_place(place, file), actor="anna")
    reconcile.run(place.runtime)

    assert ([(row.state, row.reason) for row in place.rows(Collection)], [row.kind for row in place.rows(Break)]) == HEARD[file]
    assert (place.ledger("Bank"), place.ledger("Suspense")) == (0, 0)
    before = moved(place)
    intake.take(place.runtime, "b.xml", of_place(place, file) + b"\n", actor="anna")
    reconcile.run(place.runtime)
    assert moved(place) == before


def test_every_report_is_heard() -> None:
    """No golden report without its row."""
    assert set(HEARD) == {file for file in FILES if file.startswith("pain002")}
