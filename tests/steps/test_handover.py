"""A sealed file leaves once, as it was sealed, and is remembered outside the database; the ledger moves only at the hand-over."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from bridge import books, custody
from bridge.acts import approve, confirm_upload, discard, mandates
from bridge.books import Recorder
from bridge.errors import BadInput, IllegalMove, IntegrityError, NotAllowed, Unavailable, UnknownName
from bridge.model import Batch, Collection, Voucher
from bridge.reports import check, status
from bridge.steps import batch, collect, handover, ingest
from tests import engines
from tests.steps.child import job, run_jobs
from tests.steps.place import NOW, Bill, Place, mandate_line

AUTOMATIC = 'batch_at = ""\napproval = "none"\n'
TO_FOLDER = AUTOMATIC + 'handover = "folder"\n'
FAULTS = ["export: before the manifest", "export: before the file", "export: after the file"]


def sealed(folder: Path, *bills: Bill, collection: str = "") -> tuple[Place, str]:
    """A place with one sealed file, and its MsgId."""
    place = Place(folder, collection=collection)
    place.mandates()
    place.bill(*(bills or (Bill(1), Bill(2, 2_500))))
    ingest.run(place.runtime)
    collect.run(place.runtime)
    batch.run(place.runtime)
    [one] = place.batches()
    return place, one.message_id


def approved(folder: Path, *bills: Bill) -> tuple[Place, str]:
    place, message_id = sealed(folder, *bills)
    for actor in ("anna", "ben"):
        approve.run(place.runtime, actor, message_id)
    return place, message_id


def outbox(place: Place) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((place.folder / "outbox").iterdir())}


def manifest(place: Place) -> list[dict[str, object]]:
    return [json.loads(line) for line in (place.folder / "outbox" / "manifest.jsonl").read_text().splitlines()]


def test_an_export_is_the_sealed_bytes(tmp_path: Path) -> None:
    """The file in the outbox hashes to the batch's SHA-256; the manifest has one line with ids and hashes; no money moved."""
    place, message_id = approved(tmp_path)
    path = handover.export(place.runtime, actor="anna", message_id=message_id)

    [one] = place.batches()
    assert sha256(path.read_bytes()).hexdigest() == one.sha256
    assert (one.state, one.manifest_no) == ("exported", 1)
    digest = sha256(b"PLANT-1-000001-1\nPLANT-1-000002-1").hexdigest()
    assert manifest(place) == [{"sequence": 1, "message_id": message_id, "sha256": one.sha256, "end_to_end_digest": digest}]
    assert place.ledger("Clearing") == 0


def test_an_export_repeats(tmp_path: Path) -> None:
    """Exported three times, also after the file was removed: the same bytes, one manifest line, one number."""
    place, message_id = approved(tmp_path)
    handover.export(place.runtime, actor="anna", message_id=message_id)
    before = outbox(place)
    handover.export(place.runtime, actor="ben", message_id=message_id)
    (place.folder / "outbox" / f"{message_id}.xml").unlink()
    handover.export(place.runtime, actor="anna", message_id=message_id)

    assert outbox(place) == before
    assert place.batches()[0].version == 3


@pytest.mark.parametrize("fault", FAULTS)
def test_a_kill_during_the_export_is_repaired(tmp_path: Path, fault: str) -> None:
    """SIGKILL at each point of an export; the next run completes it: one file with the sealed bytes, one manifest line."""
    place, message_id = approved(tmp_path)
    [[killed]] = run_jobs([job(tmp_path, f"export {message_id}", NOW, fault=fault)])
    assert killed["code"] == -9
    handover.run(place.runtime)

    assert sorted(outbox(place)) == [f"{message_id}.xml", "manifest.jsonl"]
    assert sha256(outbox(place)[f"{message_id}.xml"]).hexdigest() == place.batches()[0].sha256
    assert [line["sequence"] for line in manifest(place)] == [1]


def test_two_processes_export_the_same_file(tmp_path: Path) -> None:
    """Two exports at once: one file, one manifest line, and neither fails."""
    place, message_id = approved(tmp_path)
    [answers] = run_jobs([job(tmp_path, f"export {message_id}", NOW) for _ in range(3)])

    assert [answer["code"] for answer in answers] == [0, 0, 0], answers
    assert len(manifest(place)) == 1
    assert sorted(outbox(place)) == [f"{message_id}.xml", "manifest.jsonl"]


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    """A file in the outbox that is not what was sealed is never overwritten and never passed over."""
    place, message_id = approved(tmp_path)
    path = handover.export(place.runtime, actor="anna", message_id=message_id)
    path.write_bytes(path.read_bytes().replace(b"100.00", b"900.00"))
    with pytest.raises(IntegrityError, match="was changed after it was written"):
        handover.export(place.runtime, actor="anna", message_id=message_id)

    assert b"900.00" in path.read_bytes()


def test_a_restored_backup_sends_nothing(tmp_path: Path) -> None:
    """The manifest knows a file that the database does not: export, confirmation and the step refuse, and nothing leaves."""
    place, message_id = approved(tmp_path)
    place.runtime.engine.dispose()
    backup = engines.keep(tmp_path)
    handover.export(place.runtime, actor="anna", message_id=message_id)
    place.runtime.engine.dispose()
    engines.put_back(tmp_path, backup)
    place.open()
    before = outbox(place)
    for refused in (
        lambda: handover.export(place.runtime, actor="anna", message_id=message_id),
        lambda: confirm_upload.run(place.runtime, "anna", message_id),
        lambda: handover.run(place.runtime),
    ):
        with pytest.raises(IntegrityError, match="restored backup"):
            refused()

    assert outbox(place) == before
    assert place.batches()[0].state == "approved"


def test_a_torn_last_line_is_written_again(tmp_path: Path) -> None:
    """A crash while appending leaves half a line: it is not read, and the repeated export writes it whole."""
    place, message_id = approved(tmp_path)
    handover.export(place.runtime, actor="anna", message_id=message_id)
    path = tmp_path / "outbox" / "manifest.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    handover.run(place.runtime)

    assert path.read_bytes() == whole


def test_a_manifest_that_was_edited_is_refused(tmp_path: Path) -> None:
    """A line in the middle that cannot be read is no crash: restore the file."""
    place, message_id = approved(tmp_path)
    handover.export(place.runtime, actor="anna", message_id=message_id)
    path = tmp_path / "outbox" / "manifest.jsonl"
    path.write_text("garbage\n" + path.read_text())
    with pytest.raises(IntegrityError, match="line 1 cannot be read"):
        handover.run(place.runtime)


def test_a_full_disk_leaves_no_torn_file(tmp_path: Path) -> None:
    """No room for the file: refused as unavailable, nothing torn under its name, and the next run completes it."""
    place, message_id = approved(tmp_path, *(Bill(n, block=100) for n in range(1, 301)))
    assert place.batches()[0].bytes > 140_000
    (tmp_path / "outbox" / "manifest.jsonl").touch()
    [[full]] = run_jobs([job(tmp_path, f"export {message_id}", NOW, file_bytes_max=140_000)])
    assert full["code"] == 1
    assert "could not be written" in full["said"] or "did not take the work" in full["said"]
    assert f"{message_id}.xml" not in outbox(place)
    assert not [name for name in outbox(place) if name.endswith(".tmp")]
    handover.run(place.runtime)
    if place.batches()[0].state == "approved":
        handover.export(place.runtime, actor="anna", message_id=message_id)

    assert sha256(outbox(place)[f"{message_id}.xml"]).hexdigest() == place.batches()[0].sha256


def test_an_outbox_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    """The manifest cannot be written: refused as unavailable, and no file stands in the outbox."""
    place, message_id = approved(tmp_path)
    (tmp_path / "outbox").rmdir()
    (tmp_path / "outbox").write_text("in the way")
    with pytest.raises(Unavailable, match="could not be written"):
        handover.export(place.runtime, actor="anna", message_id=message_id)


def test_the_ledger_moves_at_the_confirmation(tmp_path: Path) -> None:
    """Only mark-uploaded books Clearing / Receivable, in one voucher, once."""
    place, message_id = approved(tmp_path)
    with pytest.raises(IllegalMove, match="is approved"):
        confirm_upload.run(place.runtime, "anna", message_id)
    handover.export(place.runtime, actor="anna", message_id=message_id)
    assert place.ledger("Receivable") == 12_500
    assert confirm_upload.run(place.runtime, "anna", message_id, reference="order 7") is True
    before = place.dump()
    assert confirm_upload.run(place.runtime, "ben", message_id) is False

    assert place.dump() == before
    assert (place.ledger("Clearing"), place.ledger("Receivable")) == (12_500, 0)
    assert len(place.rows(Voucher, Voucher.fact == "submitted")) == 1
    assert [row.state for row in place.rows(Collection)] == ["submitted", "submitted"]


@pytest.mark.parametrize("digits", ["", "0", "ffffffffffff"])
def test_the_hash_of_another_file_is_refused(tmp_path: Path, digits: str) -> None:
    """What the portal shows must be of this file: eight digits at least, as they stand in its hash."""
    place, message_id = approved(tmp_path)
    handover.export(place.runtime, actor="anna", message_id=message_id)
    with pytest.raises(BadInput, match="of another file"):
        confirm_upload.run(place.runtime, "anna", message_id, sha256=digits)

    assert confirm_upload.run(place.runtime, "anna", message_id, sha256=place.batches()[0].sha256[-8:].upper())


def test_a_folder_is_the_hand_over(tmp_path: Path) -> None:
    """approval = "none", handover = "folder": one run approves, exports and hands over; a second does nothing."""
    place, message_id = sealed(tmp_path, collection=TO_FOLDER)
    assert handover.run(place.runtime) == {"approved": 1, "exported": 1, "submitted": 1, "discarded": 0}
    before = place.dump()
    assert handover.run(place.runtime) == {"approved": 0, "exported": 0, "submitted": 0, "discarded": 0}

    assert place.dump() == before
    assert place.ledger("Clearing") == 12_500
    assert f"{message_id}.xml" in outbox(place)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_kill_during_the_folder_hand_over(tmp_path: Path, fault: str) -> None:
    """SIGKILL anywhere, then a run: the file is in the folder once, and the ledger moved once."""
    place, _ = sealed(tmp_path, collection=TO_FOLDER)
    [[killed], [again]] = run_jobs([job(tmp_path, "handover", NOW, fault=fault)], [job(tmp_path, "handover", NOW)])
    assert (killed["code"], again["code"]) == (-9, 0)

    assert len(manifest(place)) == 1
    assert place.ledger("Clearing") == 12_500


@pytest.mark.parametrize(("where", "how"), [("export: before the manifest", TO_FOLDER), ("export: before the file", AUTOMATIC)])
def test_what_may_not_leave_after_a_kill_stays_and_is_seen(tmp_path: Path, where: str, how: str) -> None:
    """Exported in the database alone when the source freezes: it is put nowhere, everybody is told; unfrozen, it goes on."""
    place, message_id = sealed(tmp_path, collection=how)
    by, frozen = Recorder("ingest", NOW), ("REORG_BELOW_FINAL", "source:1", "block 7 is another one now", "two people look")
    [[killed]] = run_jobs([job(tmp_path, "handover", NOW, fault=where)])
    place.runtime.work(lambda session: books.open_breaks(session, [frozen], by, NOW.date()))
    stays = f"{message_id} does not stand in the outbox, and is not put there: plant-1-000001-1: an open break is on it"
    for _ in range(2):
        with pytest.raises(NotAllowed, match=stays):
            handover.run(place.runtime)

    assert (killed["code"], [name for name in outbox(place) if name.endswith(".xml")], place.ledger("Clearing")) == (-9, [], 0)
    assert ("DO_NOT_UPLOAD", f"batch:{message_id}") in place.breaks()
    with place.runtime.reading() as session:
        assert status.build(session, place.runtime).to_upload == [message_id]
    place.runtime.work(lambda session: books.close_breaks(session, ["source:1"], by, "two people looked"))
    handover.run(place.runtime)
    assert sha256(outbox(place)[f"{message_id}.xml"]).hexdigest() == place.batches()[0].sha256
    assert (len(manifest(place)), place.breaks()) == (1, [])


def test_one_file_that_may_not_leave_does_not_stop_the_others(tmp_path: Path) -> None:
    """A file whose member may not go out is discarded by rule; the other file is handed over."""
    place = Place(tmp_path, collection=TO_FOLDER)
    place.profile(transactions_max=1)
    place.mandates(mandate_line(1), mandate_line(2))
    place.bill(Bill(1), Bill(2, debtor=2))
    for step in (ingest, collect, batch):
        step.run(place.runtime)
    mandates.run(place.runtime, "anna", "MND-0001", "paused", "question")
    assert handover.run(place.runtime) == {"approved": 1, "exported": 1, "submitted": 1, "discarded": 1}

    assert [one.state for one in place.batches()] == ["discarded", "submitted"]
    assert place.batches()[0].reason == "plant-1-000001-1: mandate MND-0001 is paused: question"
    assert place.ledger("Clearing") == 10_000


def test_a_portal_waits_for_a_person(tmp_path: Path) -> None:
    """approval = "none" with a portal: the file is exported, and nothing is submitted by itself."""
    place, _ = sealed(tmp_path, collection=AUTOMATIC)
    assert handover.run(place.runtime) == {"approved": 1, "exported": 1, "submitted": 0, "discarded": 0}

    assert place.batches()[0].state == "exported"


def test_a_file_past_its_latest_presentation_is_given_up(tmp_path: Path) -> None:
    """After the bank's cut-off for its due date a file is not exported but discarded; its debits get a later date."""
    place, message_id = approved(tmp_path)
    place.now = datetime(2026, 11, 27, 9, 1, tzinfo=UTC)  # a minute after 10:00 in Berlin, two TARGET days before
    with pytest.raises(NotAllowed, match="the bank took it until 2026-11-27 09:00 UTC"):
        handover.export(place.runtime, actor="anna", message_id=message_id)
    assert outbox(place) == {}
    batch.run(place.runtime)

    assert [one.state for one in place.batches()] == ["discarded", "sealed"]
    assert {row.due_on for row in place.rows(Collection)} == {date(2026, 12, 2)}


def test_a_mandate_revoked_after_approval_keeps_the_file_here(tmp_path: Path) -> None:
    """Every member is judged again at the export; the file is discarded, and nothing of it is in a file any more."""
    place, message_id = approved(tmp_path)
    mandates.run(place.runtime, "anna", "MND-0001", "revoked", "by letter")
    with pytest.raises(NotAllowed, match=r"mandate MND-0001 is revoked: by letter \(and 1 more\); it is discarded"):
        handover.export(place.runtime, actor="anna", message_id=message_id)

    assert [one.state for one in place.batches()] == ["discarded"]
    assert [row.state for row in place.rows(Collection)] == ["pending", "pending"]


def test_an_upload_is_a_fact(tmp_path: Path) -> None:
    """A mandate revoked after the export: the upload is recorded all the same, with a Break on each debit that is not owed."""
    place, message_id = approved(tmp_path)
    handover.export(place.runtime, actor="anna", message_id=message_id)
    mandates.run(place.runtime, "anna", "MND-0001", "revoked", "by letter")
    assert confirm_upload.run(place.runtime, "anna", message_id) is True

    assert place.ledger("Clearing") == 12_500
    assert place.breaks() == [("DEBIT_NOT_OWED", "invoice:1"), ("DEBIT_NOT_OWED", "invoice:2")]


def test_a_discard_frees_the_collections(tmp_path: Path) -> None:
    """Before its export a file is given up; its collections keep their EndToEndIds and the next file has another MsgId."""
    place, message_id = approved(tmp_path)
    names = [row.end_to_end_id for row in place.rows(Collection)]
    with pytest.raises(BadInput, match="say why"):
        discard.run(place.runtime, "anna", message_id, " ")
    assert discard.run(place.runtime, "anna", message_id, "wrong day").freed == 2
    assert [row.state for row in place.rows(Collection)] == ["pending", "pending"]
    batch.run(place.runtime)

    first, second = place.batches()
    assert (first.state, second.state) == ("discarded", "sealed")
    assert first.message_id != second.message_id
    assert [row.end_to_end_id for row in place.rows(Collection)] == names
    with pytest.raises(IllegalMove, match="is discarded"):
        handover.export(place.runtime, actor="anna", message_id=message_id)


def test_an_unknown_file_is_refused_by_name(tmp_path: Path) -> None:
    """The refusal lists the files there are."""
    place, message_id = sealed(tmp_path)
    for act in (
        lambda: handover.export(place.runtime, actor="anna", message_id="NOPE"),
        lambda: approve.run(place.runtime, "anna", "NOPE"),
        lambda: discard.run(place.runtime, "anna", "NOPE", "why"),
    ):
        with pytest.raises(UnknownName, match=message_id):
            act()
    assert place.rows(Batch)[0].state == "sealed"


def test_old_copies_leave_the_outbox(tmp_path: Path) -> None:
    """So many days after the hand-over; not one that was changed; the manifest keeps each line, and every check holds."""
    place = Place(tmp_path, collection=TO_FOLDER + "[retention]\noutbox_days = 30\n")
    place.mandates()
    names = []
    for number in range(1, 4):
        place.bill(Bill(number))
        for step in (ingest, collect, batch, handover):
            step.run(place.runtime)
        names.append(place.batches()[-1].file_name)
    (place.folder / "outbox" / names[1]).write_bytes(b"changed")
    place.now = NOW + timedelta(days=30)
    handover.run(place.runtime)
    assert set(outbox(place)) == {*names, "manifest.jsonl"}
    place.now += timedelta(days=1)
    handover.run(place.runtime)

    assert set(outbox(place)) == {names[1], "manifest.jsonl"}
    assert len(manifest(place)) == 3
    with place.runtime.reading() as session:
        assert [one.id for one in check.run(session, place.runtime) if not one.ok] == []
    handover.run(place.runtime)


def test_a_file_that_waits_stays_and_a_void_one_goes(tmp_path: Path) -> None:
    """One that is not uploaded yet is never deleted, however old; one that two people gave up goes from outbox/void/."""
    place, message_id = approved(tmp_path)
    place.rewrite("[collection]", "[retention]\noutbox_days = 30\n[collection]")
    handover.export(place.runtime, actor="anna", message_id=message_id)
    place.now = NOW + timedelta(days=40)
    assert len(custody_left(place)) == 1
    for actor in ("anna", "ben"):
        discard.run(place.runtime, actor, message_id, "not uploaded", not_uploaded=True)
    assert len(custody_left(place)) == 1
    place.now += timedelta(days=31)

    assert custody_left(place) == []


def custody_left(place: Place) -> list[str]:
    """The files of ours that lie about after a purge."""
    custody.tidy(place.runtime)
    custody.purge(place.runtime)
    return [path.name for path in (place.folder / "outbox").rglob("*.xml")]
