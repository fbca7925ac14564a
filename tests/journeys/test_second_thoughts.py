"""What changes its mind between a file's cut and the bank's answer: marks, mandates, people, and the bank itself."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

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
    exported,
    files,
    journal,
    kinds,
    receive,
    sealed,
    sound,
    states,
)


def marked(folder: Path) -> tuple[Plant, str]:
    plant, message_id = exported(folder)
    plant.ok("batch", "mark-uploaded", message_id, "--actor", "anna", clock=NOON)
    return plant, message_id


def test_a_mark_is_taken_back_by_two(tmp_path: Path) -> None:
    """The whole file moves back and its voucher is reversed; marked again, it is the second hand-over of the same file."""
    plant, message_id = marked(tmp_path)
    said = ("batch", "undo-upload", message_id, "--json", "--reason", "wrong button", "--actor")
    silent = plant.here("batch", "undo-upload", message_id, "--actor", "anna", clock=NOON)
    assert (silent.code, "say why" in silent.err) == (1, True)
    assert [plant.ok(*said, name, clock=NOON).json["missing"] for name in ("anna", "anna", "ben")] == [1, 1, 0]

    assert files(plant) == [(message_id, "exported")]
    assert states(plant) == ["batched (collecting)"] * 3
    assert balances(plant) == {"Billed": -39_346, "Receivable": 39_346}
    sound(plant)
    plant.ok("batch", "mark-uploaded", message_id, "--actor", "anna", clock=TUESDAY)
    assert journal(plant, 3) == [
        "2026-10-01 invoice final: Receivable 70.01 Billed -70.01",
        "2026-10-05 submitted: Clearing 70.01 Receivable -70.01",
        "2026-10-05 submitted undone: Receivable 70.01 Clearing -70.01",
        "2026-10-06 submitted: Clearing 70.01 Receivable -70.01",
    ]
    sound(plant)


def test_a_hand_over_by_folder_that_was_taken_back_waits_for_people(tmp_path: Path) -> None:
    """Two people said that the file in the folder is not at the bank: no run hands it over again by itself."""
    plant, message_id = sealed(tmp_path, approval="none", handover="folder")
    assert files(plant) == [(message_id, "submitted")]
    for actor in ("anna", "ben"):
        plant.ok("batch", "undo-upload", message_id, "--reason", "the line was cut", "--actor", actor, clock=NOON)
    plant.ok("run", clock=NOON)

    assert files(plant) == [(message_id, "exported")]
    sent.discard(plant, message_id)
    assert states(plant) == ["pending (collecting)"] * 3


@pytest.mark.parametrize("words", ["a status report", "a statement"])
def test_a_mark_stands_once_the_bank_has_answered(tmp_path: Path, words: str) -> None:
    """Any word of the bank about the file, read or not, and the mark is not taken back."""
    plant, message_id = marked(tmp_path)
    bank = bank_of(plant, message_id)
    body = bank.status_report(date(2026, 10, 5)) if words == "a status report" else bank.statement(DUE_ON)
    (tmp_path / "inbox" / "news.xml").write_bytes(body)
    for steps in (("receive",), ("reconcile",)):
        plant.ok("run", "--only", *steps, clock=EVENING)
        refused = plant.here("batch", "undo-upload", message_id, "--reason", "wrong button", "--actor", "anna", clock=EVENING)
        assert (refused.code, "bank" in refused.err) == (1, True)


def test_the_bank_takes_debits_back_in_writing(tmp_path: Path) -> None:
    """Two people give the bank's written word, the same one: these debits are withdrawn, their invoices open again."""
    plant, message_id = marked(tmp_path)
    said = ("batch", "withdraw", message_id, "--only", TWO, "--only", THREE, "--json", "--reference")
    silent = plant.here("batch", "withdraw", message_id, "--actor", "anna", clock=TUESDAY)
    foreign = plant.here(
        "batch", "withdraw", message_id, "--only", "X-1", "--reference", "4711", "--actor", "anna", clock=TUESDAY
    )
    assert [silent.code, foreign.code] == [1, 1]
    assert ("written word" in silent.err, "'X-1' is not one of" in foreign.err) == (True, True)
    words = [("letter 4711", "anna"), ("letter 4712", "ben"), ("letter 4711", "ben")]
    answers = [plant.ok(*said, reference, "--actor", name, clock=TUESDAY).json for reference, name in words]
    assert [(one["missing"], one["withdrawn"]) for one in answers] == [(1, []), (1, []), (0, [TWO, THREE])]

    assert states(plant) == ["submitted (collecting)", "withdrawn (open)", "withdrawn (open)"]
    assert journal(plant, 3) == [
        "2026-10-01 invoice final: Receivable 70.01 Billed -70.01",
        "2026-10-05 submitted: Clearing 70.01 Receivable -70.01",
        "2026-10-06 withdrawn: Receivable 70.01 Clearing -70.01",
    ]
    moves = plant.ok("invoice", "list", "--json").json
    assert moves[2]["collections"][0]["reason"] == "letter 4711"
    bank = bank_of(plant, message_id, style="single", plan={TWO: "reject:AC04", THREE: "reject:AC04"})
    receive(plant, "statement.xml", bank.statement(DUE_ON))
    assert states(plant)[0] == "settled (paid)"
    assert files(plant) == [(message_id, "booked")]
    again = plant.here("batch", "withdraw", message_id, "--reference", "4711", "--actor", "anna", clock=EVENING)
    assert (again.code, f"{ONE} is settled" in again.err) == (1, True)
    sound(plant)


def test_a_withdrawn_debit_that_was_booked_all_the_same(tmp_path: Path) -> None:
    """Its credit waits for its debit, and the one is taken off the other: nobody paid, nobody owes less."""
    plant, message_id = marked(tmp_path)
    for actor in ("anna", "ben"):
        plant.ok("batch", "withdraw", message_id, "--only", THREE, "--reference", "4711", "--actor", actor, clock=TUESDAY)
    bank = bank_of(plant, message_id, style="single", plan={THREE: "return:MD06"})
    receive(plant, "1.xml", bank.statement(DUE_ON))
    receive(plant, "2.xml", bank.statement(date(2026, 10, 19)))

    assert states(plant) == ["settled (paid)", "settled (paid)", "withdrawn (open)"]
    assert balances(plant) == {"Bank": OPENING_CENTS + 32_345, "Billed": -39_346, "Opening": -OPENING_CENTS, "Receivable": 7_001}
    sound(plant)


@pytest.mark.parametrize("when", ["before a signature", "between two", "after both"])
def test_a_file_with_a_debit_that_may_not_go_is_given_up(tmp_path: Path, when: str) -> None:
    """Whoever signs or exports next is told, and it is discarded; the same day's next cut holds the others, not this one."""
    plant, first = sealed(tmp_path)
    for actor in {"before a signature": (), "between two": ("anna",), "after both": ("anna", "ben")}[when]:
        plant.ok("batch", "approve", first, "--actor", actor, clock=CUT)
    plant.ok("mandate", "revoke", "MND-0002", "--reason", "by letter", "--actor", "dora", clock=NOON)
    act = ("export", "--actor", "anna") if when == "after both" else ("approve", "--actor", "ben")
    refused = plant.here("batch", act[0], first, *act[1:], clock=NOON)

    assert refused.code == 1
    assert f"{first} may not leave: {TWO}: mandate MND-0002 is revoked: by letter; it is discarded" in refused.err
    assert files(plant) == [(first, "discarded")]
    plant.ok("run", clock="2026-10-05T12:05")
    (_, second) = files(plant)
    assert second[1] == "sealed"
    assert states(plant) == ["batched (collecting)", "held (collecting)", "batched (collecting)"]
    assert plant.ok("batch", "show", second[0], "--json").json["approved_by"] == []
    assert plant.ok("invoice", "list", "--json").json[1]["hold_reason"] == "mandate MND-0002 is revoked: by letter"
    sound(plant)


def test_a_run_gives_up_what_may_not_leave(tmp_path: Path) -> None:
    """The step finds it before anybody signs, says why in the file's row, and needs nobody."""
    plant, first = sealed(tmp_path)
    plant.ok("mandate", "pause", "MND-0001", "--reason", "question", "--actor", "dora", clock=NOON)
    done = plant.ok("run", "--json", clock=NOON).json

    assert [one["counts"]["discarded"] for one in done["steps"] if one["step"] == "handover"] == [1]
    assert files(plant) == [(first, "discarded")]
    plant.ok("run", clock="2026-10-05T12:05")
    assert states(plant) == ["held (collecting)", "batched (collecting)", "batched (collecting)"]


def test_a_file_whose_day_has_passed_is_given_up(tmp_path: Path) -> None:
    """Nobody signed until the bank's latest presentation: it is discarded, and its debits get the next day that is possible."""
    plant, first = sealed(tmp_path)
    late = "2026-10-14T12:00"
    plant.ok("run", clock=late)
    plant.ok("run", clock=late)

    assert [state for _, state in files(plant)] == ["discarded", "sealed"]
    listed = plant.ok("batch", "list", "--json").json
    assert [one["due_on"] for one in listed] == [["2026-10-15"], ["2026-10-19"]]
    assert first != files(plant)[1][0]


def test_a_file_that_waits_for_its_upload_is_warned_about(tmp_path: Path) -> None:
    """A Break says which debit may not go and why; it closes when the debit may go again, and no sentence closes it."""
    plant, message_id = exported(tmp_path)
    plant.ok("mandate", "pause", "MND-0001", "--reason", "question", "--actor", "dora", clock=NOON)
    plant.ok("run", clock=NOON)
    why = f"{message_id} waits for its upload, but {ONE}: mandate MND-0001 is paused: question"
    assert breaks(plant) == [("DO_NOT_UPLOAD", why)]
    number = plant.ok("status", "--json", clock=NOON).json["breaks"][0]["id"]
    assert plant.here("resolve", str(number), "--resolution", "fine", "--actor", "anna", clock=NOON).code == 1

    plant.ok("mandate", "resume", "MND-0001", "--actor", "dora", clock=TUESDAY)
    plant.ok("run", clock=TUESDAY)

    assert breaks(plant) == []
    assert files(plant) == [(message_id, "exported")]


def test_an_upload_that_was_not_allowed_is_a_fact(tmp_path: Path) -> None:
    """Marked all the same: it is recorded, with a Break on the invoice of the debit that may not be collected, and no other."""
    plant, message_id = exported(tmp_path)
    plant.ok("mandate", "revoke", "MND-0003", "--reason", "by letter", "--actor", "dora", clock=NOON)
    plant.ok("run", clock=NOON)
    assert kinds(plant) == ["DO_NOT_UPLOAD"]
    plant.ok("batch", "mark-uploaded", message_id, "--actor", "anna", clock=WEDNESDAY)

    assert balances(plant) == {"Billed": -39_346, "Clearing": 39_346}
    why = f"{THREE} is at the bank in {message_id}, but mandate MND-0003 is revoked: by letter"
    assert breaks(plant) == [("DEBIT_NOT_OWED", why)]
    sound(plant)


def test_an_invoice_is_taken_out_of_a_file_that_never_left(tmp_path: Path) -> None:
    """Held by a person: its file is given up, the next one holds the others; once the file left, it takes two people."""
    plant, first = sealed(tmp_path)
    hold = ("invoice", "hold", "plant-1-000002", "--reason", "complains", "--actor", "dora")
    plant.ok(*hold, clock=NOON)

    assert files(plant) == [(first, "discarded")]
    plant.ok("run", clock="2026-10-05T12:05")
    assert states(plant) == ["batched (collecting)", "held (collecting)", "batched (collecting)"]
    second = files(plant)[1][0]
    sent.export(plant, second, NOON)
    refused = plant.here("invoice", "hold", "plant-1-000001", "--reason", "complains", "--actor", "dora", clock=NOON)
    assert (refused.code, f"{ONE} stands in {second}, which left" in refused.err) == (1, True)
    sound(plant)


def test_a_debit_that_an_open_line_names_does_not_go(tmp_path: Path) -> None:
    """A customer's own transfer carries the id of our debit: nobody knows yet what he paid, so it is not collected meanwhile."""
    plant, first = sealed(tmp_path)
    bank = sent.SimBank(sent.OWN_IBAN, opening_cents=OPENING_CENTS)
    bank.foreign_transfer(12_345, "Blechwerk Sued GmbH", "Rechnung 1")
    receive(plant, "1.xml", bank.statement(date(2026, 10, 5)).replace(b"NOTPROVIDED", ONE.encode()), clock=NOON)
    plant.ok("run", clock=NOON)

    assert files(plant) == [(first, "discarded")]
    plant.ok("run", clock=TUESDAY)
    assert states(plant) == ["held (collecting)", "batched (collecting)", "batched (collecting)"]
    why = "line 1 of the bank names it and is not explained yet"
    assert plant.ok("invoice", "list", "--json").json[0]["hold_reason"] == why
    plant.ok("run", clock=WEDNESDAY)
    assert states(plant) == ["held (collecting)", "batched (collecting)", "batched (collecting)"]
    sound(plant)
