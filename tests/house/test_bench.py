"""The bench measures right results only: it knows by itself what the books must say."""

from __future__ import annotations

from pathlib import Path

from tools import bench_pipeline
from tools.bench_pipeline import STAGES, Plant

BEFORE = ("set-up", "mandates", "ingest", "collect", "batch", "approve", "export", "hand-over", "bank", "receive")


def test_the_bench_compares_the_books_with_its_plan(tmp_path: Path) -> None:
    """While the bank's lines are unexplained the bench names what is not as planned; after that nothing, to the cent."""
    plant = Plant(tmp_path, invoices=100, url="sqlite:///bridge.db", style="batch")
    for stage in BEFORE:
        STAGES[stage](plant)()

    early = STAGES["verify"](plant)()
    STAGES["reconcile"](plant)()
    late = STAGES["verify"](plant)()

    # of 100: one without a mandate, ten due later, two rejected, four returned
    assert "collections is {'in flight': 99}, planned {'settled': 83, 'in flight': 10, 'rejected': 2, 'returned': 4}" in early
    assert late == []


def test_what_becomes_of_an_invoice_is_planned_by_its_number() -> None:
    """Of every hundred invoices 83 are settled, ten in flight, four returned, two rejected, one held."""
    fates = [bench_pipeline.fate(number) for number in range(1, 101)]

    assert {fate: fates.count(fate) for fate in fates} == {
        "settled": 83,
        "returned": 4,
        "rejected": 2,
        "in flight": 10,
        "held": 1,
    }
