"""An older backup is brought back: nothing is cut or sent until it has learned again which files left, and nothing goes twice."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests import engines
from tests.journeys import sent
from tests.journeys.plant import Plant
from tests.journeys.sent import (
    CUT,
    DUE_ON,
    EVENING,
    NOON,
    ONE,
    OPENING_CENTS,
    THREE,
    TUESDAY,
    TWO,
    WEDNESDAY,
    balances,
    bank_of,
    breaks,
    discard,
    export,
    files,
    kinds,
    receive,
    sealed,
    sound,
    states,
    unchanged,
)

RELEARN = ("doctor", "--relearn", "--json", "--actor", "anna")


def started(folder: Path) -> tuple[Plant, bytes]:
    """A plant whose invoices are read and judged, before any file was cut; and the backup that was taken then."""
    plant = sent.unstarted(folder)
    plant.ok("run", clock="2026-10-05T08:00")
    return plant, engines.keep(folder)


def cut(plant: Plant) -> str:
    plant.ok("run", clock=CUT)
    message_id = files(plant)[-1][0]
    export(plant, message_id)
    return message_id


def outbox(plant: Plant) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (plant.folder / "outbox").rglob("*") if path.is_file()}


def test_a_backup_from_before_the_cut(tmp_path: Path) -> None:
    """T29: cut and uploaded, then the backup: nothing leaves, it learns the file from the outbox, the bank proves it, once."""
    plant, backup = started(tmp_path)
    message_id = cut(plant)
    bank = bank_of(plant, message_id, plan={THREE: "return:MD06:300"})
    plant.ok("batch", "mark-uploaded", message_id, "--actor", "anna", clock=NOON)
    engines.put_back(tmp_path, backup)
    left = outbox(plant)
    for command in (("run",), ("batch", "create", "--actor", "anna")):
        refused = plant.here(*command, clock=TUESDAY)
        assert (refused.code, "restored backup" in refused.err, "doctor --relearn" in refused.err) == (4, True, True)
    assert plant.here("doctor", clock=TUESDAY).code == 4
    assert (files(plant), outbox(plant)) == ([], left)

    learned = plant.ok(*RELEARN, clock=TUESDAY).json

    assert learned == [{"message_id": message_id, "what": "exported", "problem": ""}]
    assert files(plant) == [(message_id, "exported")]
    assert outbox(plant) == left
    assert balances(plant) == {"Billed": -39_346, "Receivable": 39_346}
    assert kinds(plant) == ["RELEARNED"]
    sound(plant)
    unchanged(plant, *RELEARN, clock=TUESDAY)
    plant.ok("run", clock=TUESDAY)
    assert files(plant) == [(message_id, "exported")]
    for day in (DUE_ON, date(2026, 10, 19)):
        receive(plant, f"{day}.xml", bank.statement(day))
    assert states(plant) == ["settled (paid)", "settled (paid)", "returned (open)"]
    assert balances(plant)["Bank"] == OPENING_CENTS + 32_345 - 300
    assert kinds(plant) == ["RELEARNED", "UPLOAD_NOT_CONFIRMED"]
    assert {name: one["times"] for name, one in bank.truth()["debits"].items()} == {ONE: 1, TWO: 1, THREE: 1}
    sound(plant)
    plant.ok("run", clock=EVENING)
    assert len(files(plant)) == 1


@pytest.mark.parametrize("since", ["sealed", "approved"])
def test_a_backup_that_knows_the_file(tmp_path: Path, since: str) -> None:
    """Backed up between cut and export: the same file is learned, with its number; the next one gets the next number."""
    plant, message_id = sealed(tmp_path)
    if since == "approved":
        for actor in ("anna", "ben"):
            plant.ok("batch", "approve", message_id, "--actor", actor, clock=CUT)
        backup = engines.keep(tmp_path)
        plant.ok("batch", "export", message_id, "--actor", "anna", clock=CUT)
    else:
        backup = engines.keep(tmp_path)
        export(plant, message_id)
    engines.put_back(tmp_path, backup)
    assert plant.here("batch", "export", message_id, "--actor", "anna", clock=TUESDAY).code in (1, 4)
    assert plant.ok(*RELEARN, clock=TUESDAY).json == [{"message_id": message_id, "what": "exported", "problem": ""}]

    assert files(plant) == [(message_id, "exported")]
    sound(plant)
    sent.bill(plant, 4)
    second = sent.rerun(plant, TUESDAY)
    assert second in (tmp_path / "outbox" / "manifest.jsonl").read_text().splitlines()[1]
    sound(plant)


def test_a_report_that_came_too_early(tmp_path: Path) -> None:
    """Read before the file was learned, it was about nobody's file; then it counts, and nobody has to import it again."""
    plant, backup = started(tmp_path)
    message_id = cut(plant)
    bank = bank_of(plant, message_id, plan={TWO: "reject:AC04"})
    engines.put_back(tmp_path, backup)
    receive(plant, "report.xml", bank.status_report(date(2026, 10, 5)), clock=TUESDAY)
    assert kinds(plant) == ["NOT_OUR_FILE"]
    plant.ok(*RELEARN, clock=TUESDAY)
    plant.ok("run", clock=TUESDAY)

    assert states(plant) == ["submitted (collecting)", "rejected (open)", "submitted (collecting)"]
    assert kinds(plant) == ["RELEARNED", "UPLOAD_NOT_CONFIRMED"]
    sound(plant)


def test_a_file_in_void_is_learned_as_given_up(tmp_path: Path) -> None:
    """Two files left since the backup, the first was given up: both are learned as what they are, and the debits stand in one."""
    plant, backup = started(tmp_path)
    first = cut(plant)
    discard(plant, first)
    second = sent.rerun(plant, TUESDAY)
    engines.put_back(tmp_path, backup)
    learned = plant.ok(*RELEARN, clock=WEDNESDAY).json

    assert [(one["message_id"], one["what"]) for one in learned] == [(first, "discarded"), (second, "exported")]
    assert files(plant) == [(first, "discarded"), (second, "exported")]
    assert states(plant) == ["batched (collecting)"] * 3
    sound(plant)


def test_a_file_that_was_given_up_after_the_backup(tmp_path: Path) -> None:
    """The backup has it in the outbox; it lies in void/, and a newer file left: that is what is learned."""
    plant, first = sent.exported(tmp_path)
    backup = engines.keep(tmp_path)
    discard(plant, first)
    second = sent.rerun(plant, TUESDAY)
    engines.put_back(tmp_path, backup)
    learned = plant.ok(*RELEARN, clock=WEDNESDAY).json

    assert [(one["message_id"], one["what"]) for one in learned] == [(first, "discarded"), (second, "exported")]
    assert files(plant) == [(first, "discarded"), (second, "exported")]
    sound(plant)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    """Without the mandates, the chain or the bytes nothing is learned, nothing is sent, and it says what it needs."""
    plant = sent.unstarted(tmp_path)
    backup = engines.keep(tmp_path)
    message_id = cut(plant)
    engines.put_back(tmp_path, backup)
    path = tmp_path / "outbox" / f"{message_id}.xml"
    body = path.read_bytes()

    def missing() -> str:
        said = plant.here(*RELEARN, clock=TUESDAY)
        assert (said.code, [one["what"] for one in said.json]) == (4, ["not learned"])
        assert plant.here("run", "--only", "batch", clock=TUESDAY).code == 4
        assert files(plant) == []
        return str(said.json[0]["problem"])

    path.unlink()
    assert "its bytes are lost: get the file from the bank's portal" in missing()
    path.write_bytes(body.replace(b"123.45", b"923.45"))
    assert "is not the file that left" in missing()
    path.write_bytes(body)
    assert f"3 of its debits are not known yet ({ONE})" in missing()
    plant.here("run", clock=TUESDAY)
    assert plant.ok(*RELEARN, clock=TUESDAY).json[0]["what"] == "exported"
    sound(plant)


@pytest.mark.parametrize("how", ["an invoice has another amount on chain", "a debit stands under another mandate"])
def test_a_file_that_does_not_fit_the_rows(tmp_path: Path, how: str) -> None:
    """What the file collects must be what the chain and the mandates say."""
    plant = sent.declared(tmp_path)
    backup = engines.keep(tmp_path)
    sent.mandates(plant)
    message_id = cut(plant)
    engines.put_back(tmp_path, backup)
    if how == "a debit stands under another mandate":
        sent.mandates(plant, ("MND-0002", "MND-9999"))
    else:
        sent.mandates(plant)
        billed = ((sent.A, 12_346), *sent.BILLED[1:])
        (tmp_path / "logs.jsonl").write_text(sent.logs(billed, due_on=DUE_ON), "utf-8")
    plant.here("run", clock=TUESDAY)
    said = plant.here(*RELEARN, clock=TUESDAY)

    assert said.code == 4
    words = {"a debit stands under another mandate": f"{TWO} stands under another mandate"}.get(how, f"{ONE} has another amount")
    assert words in said.json[0]["problem"]
    assert message_id not in dict(files(plant))


def test_a_manifest_that_is_lost(tmp_path: Path) -> None:
    """Without it the next restored backup could not be noticed: nothing is sent until its lines are written anew."""
    plant, message_id = sent.exported(tmp_path)
    plant.ok("batch", "mark-uploaded", message_id, "--actor", "anna", clock=NOON)
    path = tmp_path / "outbox" / "manifest.jsonl"
    before = path.read_bytes()
    path.unlink()
    sent.bill(plant, 4)
    refused = plant.here("run", clock=TUESDAY)
    assert (refused.code, "has lost 1 file(s) that left" in refused.err) == (4, True)
    checked = plant.here("check", "--json", clock=TUESDAY).json["checks"]
    assert [one["id"] for one in checked if not one["ok"]] == ["manifest"]

    learned = plant.ok(*RELEARN, clock=TUESDAY).json

    assert learned == [{"message_id": message_id, "what": "written to the manifest", "problem": ""}]
    assert path.read_bytes() == before
    sound(plant)
    plant.ok("run", clock=TUESDAY)
    assert [state for _, state in files(plant)] == ["submitted", "sealed"]


def test_relearning_is_a_persons_act(tmp_path: Path) -> None:
    """Nobody learns by himself, and where all is well nothing happens."""
    plant, _ = sent.exported(tmp_path)
    refused = plant.here("doctor", "--relearn", clock=NOON)
    assert (refused.code, "say who acts" in refused.err) == (1, True)

    said = plant.ok("doctor", "--relearn", "--actor", "anna", clock=NOON)

    assert "know the same files" in said.out
    assert breaks(plant) == []
