"""A file is kept as long as an invoice that it is about: also one that only tells of another's line, or announces a debit."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from bridge.acts import destroy, legal_hold
from bridge.steps import collect, ingest, notify
from tests import worlds
from tests.intake.papers import Line, Paper, advice, camt, details
from tests.steps.place import Bill, Place, mandate_line
from tests.worlds import CORE_DEBTOR, Usage

FREE = datetime(2037, 1, 1, 12, tzinfo=UTC)  # ten whole years after 2026
LUMP = Line(12_000, "LUMP-1", on="2026-12-01", value="2026-12-01")
ADDRESS = {"street": "Hauptstr.", "building": "1", "postcode": "70173", "town": "Stuttgart", "country": "DE"}


def test_an_advice_is_about_the_invoices_of_the_line_it_tells_of(tmp_path: Path) -> None:
    """Its own lines are never matched; those of the statement are, and a hold on a debtor in them keeps the advice as well."""
    world = worlds.at_the_bank(tmp_path / "world", [Usage(CORE_DEBTOR, cents, date(2026, 11, 25)) for cents in (10_000, 2_000)])
    world.now = datetime(2026, 12, 2, 20, tzinfo=UTC)
    said = details(*((debit.end_to_end_id, f"{debit.cents / 100:.2f}") for debit in world.debits()))
    world.receive("1.xml", advice(Line(LUMP.cents, LUMP.ref, LUMP.on, LUMP.value, said)))
    world.receive("2.xml", camt(Paper((LUMP,), on="2026-12-02", opened_on="2026-12-01", opening=0)))
    world.run("reconcile")
    world.now = FREE
    assert destroy.look(world.runtime).kinds == {"camt.053 received": 1, "camt.054 received": 1, "pain.008 sent": 1}
    legal_hold.run(world.runtime, "anna", CORE_DEBTOR.mandate, "begun", "case 4 O 12/26")

    found = destroy.look(world.runtime)
    assert (found.kinds, found.kept) == ({}, {"a legal hold is on somebody in it": 3})
    world.close()


def test_an_announcement_is_about_the_debit_that_it_announces(tmp_path: Path) -> None:
    """As long as that is under way the letter is kept, whatever its age."""
    place = Place(tmp_path, collection='batch_at = ""\nprenotification = "letter"\n')
    place.mandates(mandate_line(1, **ADDRESS))
    place.bill(Bill(1))
    for step in (ingest, collect, notify):
        step.run(place.runtime)
    place.now = FREE

    found = destroy.look(place.runtime)
    assert (found.kinds, found.kept) == ({}, {"something in it is not finished": 1})
