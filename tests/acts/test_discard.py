"""An exported file is given up: by whom, in which order of database and folder, and whatever happens in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge import books
from bridge.acts import approve, confirm_upload, discard, undo_upload
from bridge.books import PlannedPosting, PlannedVoucher, Recorder, Unit
from bridge.errors import IllegalMove, NotAllowed
from bridge.model import Collection, Consent, Invoice
from bridge.reports import check
from bridge.steps import batch, collect, handover, ingest
from tests.steps.child import job, run_jobs
from tests.steps.place import NOW, Bill, Place

FAULTS = ["discard: before the database", "discard: before the file", "void: before the move", "void: after the move"]


def exported(folder: Path) -> tuple[Place, str]:
    place = Place(folder)
    place.mandates()
    place.bill(Bill(1), Bill(2, 2_500))
    for step in (ingest, collect, batch):
        step.run(place.runtime)
    message_id = place.batches()[0].message_id
    for actor in ("anna", "ben"):
        approve.run(place.runtime, actor, message_id)
    handover.export(place.runtime, actor="anna", message_id=message_id)
    return place, message_id


def void(place: Place) -> list[str]:
    return sorted(path.name for path in (place.folder / "outbox" / "void").glob("*"))


def test_a_word_given_before_counts_for_nothing(tmp_path: Path) -> None:
    """Anna's statement is about the file as it was: marked and taken back since, it needs two who say it now."""
    place, message_id = exported(tmp_path)
    assert discard.run(place.runtime, "anna", message_id, "no portal", not_uploaded=True).missing == 1
    confirm_upload.run(place.runtime, "carla", message_id)
    for actor in ("carla", "dora"):
        undo_upload.run(place.runtime, actor, message_id, "wrong button")

    assert discard.run(place.runtime, "ben", message_id, "no portal", not_uploaded=True).missing == 1
    assert place.batches()[0].state == "exported"
    assert discard.run(place.runtime, "anna", message_id, "no portal", not_uploaded=True).missing == 0


def test_before_its_export_one_person_is_enough(tmp_path: Path) -> None:
    """Who states that a file was not uploaded which never left says nothing new: it is given up at once."""
    place = Place(tmp_path)
    place.mandates()
    place.bill(Bill(1))
    for step in (ingest, collect, batch):
        step.run(place.runtime)
    message_id = place.batches()[0].message_id
    done = discard.run(place.runtime, "anna", message_id, "wrong day", not_uploaded=True)

    assert (done.freed, done.missing) == (1, 0)
    assert place.rows(Consent) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_kill_during_a_discard_is_repaired(tmp_path: Path, fault: str) -> None:
    """SIGKILL at each point: what is left is found, by the same command again or by the next run; the file is in one place."""
    place, message_id = exported(tmp_path)
    discard.run(place.runtime, "anna", message_id, "no portal", not_uploaded=True)
    [[killed]] = run_jobs([job(tmp_path, f"discard {message_id}", NOW, fault=fault)])
    assert killed["code"] == -9
    if place.batches()[0].state == "exported":
        discard.run(place.runtime, "ben", message_id, "no portal", not_uploaded=True)
    handover.run(place.runtime)

    assert place.batches()[0].state == "discarded"
    assert void(place) == [f"{message_id}.xml"]
    assert not (tmp_path / "outbox" / f"{message_id}.xml").exists()
    assert [row.state for row in place.rows(Collection)] == ["pending", "pending"]
    with place.runtime.reading() as session:
        assert [one.id for one in check.run(session, place.runtime) if not one.ok] == []


def test_a_kill_during_the_export_and_then_a_discard(tmp_path: Path) -> None:
    """Exported in the database alone, then given up: the manifest has its line all the same, or a backup could not be told."""
    place = Place(tmp_path, collection='batch_at = ""\napproval = "none"\n')
    place.mandates()
    place.bill(Bill(1))
    for step in (ingest, collect, batch):
        step.run(place.runtime)
    message_id = place.batches()[0].message_id
    [[killed]] = run_jobs([job(tmp_path, "handover", NOW, fault="export: before the manifest")])
    assert (killed["code"], (tmp_path / "outbox" / "manifest.jsonl").exists()) == (-9, False)
    for actor in ("anna", "ben"):
        discard.run(place.runtime, actor, message_id, "no portal", not_uploaded=True)

    assert message_id in (tmp_path / "outbox" / "manifest.jsonl").read_text()
    assert place.batches()[0].state == "discarded"


def test_a_discarded_file_does_not_leave_again(tmp_path: Path) -> None:
    """Neither an export by hand nor a run brings it back, and it is not discarded twice."""
    place, message_id = exported(tmp_path)
    for actor in ("anna", "ben"):
        discard.run(place.runtime, actor, message_id, "no portal", not_uploaded=True)
    handover.run(place.runtime)
    with pytest.raises(IllegalMove, match="is discarded"):
        handover.export(place.runtime, actor="anna", message_id=message_id)
    with pytest.raises(IllegalMove, match="is discarded"):
        discard.run(place.runtime, "anna", message_id, "again", not_uploaded=True)

    assert void(place) == [f"{message_id}.xml"]


@pytest.mark.parametrize(("cents", "state"), [(10_000, "paid"), (4_000, "open")])
def test_a_debit_that_was_paid_otherwise_is_not_free_again(tmp_path: Path, cents: int, state: str) -> None:
    """The customer paid, even in part, while his debit stood in a file: given up with it, the debit is over."""
    place = Place(tmp_path)
    place.mandates()
    place.bill(Bill(1), Bill(2, 2_500))
    for step in (ingest, collect, batch):
        step.run(place.runtime)
    transfer = PlannedPosting("Suspense", 1, "Receivable", 1, cents)
    with place.runtime.session() as session:
        voucher = PlannedVoucher("line:1:1", "transfer", "entry:1", NOW.date(), (transfer,))
        books.apply_all(session, [Unit(voucher=voucher)], Recorder("reconcile", NOW))
    done = discard.run(place.runtime, "anna", place.batches()[0].message_id, "wrong day")

    assert done.freed == 1
    assert [row.state for row in place.rows(Collection)] == ["cancelled", "pending"]
    assert [row.state for row in place.rows(Invoice)] == [state, "collecting"]


@pytest.mark.parametrize("machine", ["handover", "cron"])
def test_a_machine_states_nothing(tmp_path: Path, machine: str) -> None:
    """Nobody's word is no word."""
    place, message_id = exported(tmp_path)
    with pytest.raises(NotAllowed, match="counts as nobody"):
        discard.run(place.runtime, machine, message_id, "no portal", not_uploaded=True)

    assert place.rows(Consent) == []
