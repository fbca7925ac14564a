"""In whose hands a file is: given up by two, proven by the bank, frozen, never at the bank twice without a word.

Each journey goes through the command line and reads the printed journal, so that a finance person can review it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tests.journeys import sent
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
    exported,
    files,
    journal,
    kinds,
    nameless,
    receive,
    rerun,
    sound,
    states,
    unchanged,
)


def test_two_people_give_an_exported_file_up(tmp_path: Path) -> None:
    """One is not enough, nor the same one twice; with the second the file lies in void/, and the next one holds its debits."""
    plant, first = exported(tmp_path)
    said = ("batch", "discard", first, "--not-uploaded", "--reason", "no portal", "--json", "--actor")
    alone = plant.here("batch", "discard", first, "--reason", "no portal", "--actor", "anna", clock=NOON)
    one = plant.ok(*said, "anna", clock=NOON)
    again = plant.ok(*said, "Anna ", clock=NOON)
    machine = plant.here(*said, "cron", clock=NOON)
    assert (alone.code, "two people say so" in alone.err) == (1, True)
    assert (machine.code, "counts as nobody" in machine.err) == (1, True)
    assert [(answer.json["missing"], answer.json["freed"]) for answer in (one, again)] == [(1, 0), (1, 0)]
    assert files(plant) == [(first, "exported")]

    two = plant.ok(*said, "ben", clock=NOON)

    assert (two.json["missing"], two.json["freed"]) == (0, 3)
    assert sorted(path.name for path in (tmp_path / "outbox").iterdir()) == ["manifest.jsonl", "void"]
    assert [path.name for path in (tmp_path / "outbox" / "void").iterdir()] == [f"{first}.xml"]
    second = rerun(plant, TUESDAY)
    assert files(plant) == [(first, "discarded"), (second, "exported")]
    body = (tmp_path / "outbox" / f"{second}.xml").read_text()
    assert [name in body for name in (ONE, TWO, THREE)] == [True] * 3
    assert balances(plant) == {"Billed": -39_346, "Receivable": 39_346}
    sound(plant)


@pytest.mark.parametrize("words", ["of a status report", "of a statement that is not booked yet"])
def test_what_the_bank_names_is_not_given_up(tmp_path: Path, words: str) -> None:
    """A bank file that nobody has reconciled yet names the file: two people cannot say that it is not there."""
    plant, message_id = exported(tmp_path)
    bank = bank_of(plant, message_id)
    if words == "of a status report":
        body = bank.status_report(date(2026, 10, 5))
    else:
        receive(plant, "opening.xml", bank.statement(date(2026, 10, 6)))
        bank.statement(date(2026, 10, 7))  # lost on its way: the next one is parked
        body = bank.statement(DUE_ON)
    (tmp_path / "inbox" / "news.xml").write_bytes(body)
    plant.ok("run", "--only", "receive", clock=EVENING)

    for actor in ("anna", "ben"):
        refused = plant.here(
            "batch", "discard", message_id, "--not-uploaded", "--reason", "no portal", "--actor", actor, clock=EVENING
        )
        assert (refused.code, "is at the bank" in refused.err) == (1, True)
    assert files(plant) == [(message_id, "exported")]


@pytest.mark.parametrize(("style", "written"), [("batch", bytes), ("detailed", bytes), ("single", nameless)])
def test_the_bank_proves_what_nobody_marked(tmp_path: Path, style: str, written: Callable[[bytes], bytes]) -> None:
    """However the bank names a file, its word moves it whole: the books end as if somebody had marked it, with one Break."""
    plant, message_id = exported(tmp_path)
    bank = bank_of(plant, message_id, style=style, plan={TWO: "reject:AC04", THREE: "return:MD06:300"})
    for day in (DUE_ON, date(2026, 10, 19)):
        receive(plant, f"{day}.xml", written(bank.statement(day)))
    receive(plant, "report.xml", bank.status_report(date(2026, 10, 6)))

    sound(plant)
    assert states(plant) == ["settled (paid)", "rejected (open)", "returned (open)"]
    assert balances(plant) == {
        "Bank": OPENING_CENTS + 12_345 - 300,
        "Billed": -39_346,
        "Charges": 300,
        "Opening": -OPENING_CENTS,
        "Receivable": 27_001,
    }
    assert breaks(plant) == [("UPLOAD_NOT_CONFIRMED", f"the bank answers about {message_id}, which nobody marked as uploaded")]
    assert journal(plant, 1) == [
        "2026-10-01 invoice final: Receivable 123.45 Billed -123.45",
        "2026-10-15 submitted: Clearing 123.45 Receivable -123.45",
        "2026-10-15 settled: Suspense 123.45 Clearing -123.45",
    ]
    plant.ok("batch", "mark-uploaded", message_id, "--actor", "anna", clock=EVENING)
    assert kinds(plant) == []
    plant.ok("run", clock=EVENING)
    unchanged(plant, "run")


def test_a_file_that_two_people_gave_up_is_proven_all_the_same(tmp_path: Path) -> None:
    """Its discard is void; the newer file, which never left, is taken back by rule, and what else stood in it is free."""
    plant, first = exported(tmp_path)
    bank = bank_of(plant, first)
    discard(plant, first)
    sent.bill(plant, 4)
    plant.ok("run", clock=TUESDAY)
    second = files(plant)[-1][0]
    assert states(plant) == ["batched (collecting)"] * 4

    receive(plant, "report.xml", bank.status_report(date(2026, 10, 5)), clock=TUESDAY)

    assert files(plant) == [(first, "answered"), (second, "discarded")]
    assert states(plant) == ["accepted (collecting)"] * 3 + ["pending (collecting)"]
    assert kinds(plant) == ["UPLOAD_NOT_CONFIRMED"]
    assert "people had discarded it" in breaks(plant)[0][1]
    plant.ok("run", clock=WEDNESDAY)
    third = files(plant)[-1][0]
    assert [plant.ok("batch", "show", third, "--json").json[name] for name in ("collections", "control_sum_cents")] == [1, 900]
    receive(plant, "statement.xml", bank.statement(DUE_ON))
    assert states(plant) == ["settled (paid)"] * 3 + ["batched (collecting)"]
    sound(plant)


def frozen(folder: Path) -> tuple[sent.Plant, str, str, sent.SimBank]:
    """The first file was uploaded, given up all the same, and a second with its debits and one more left too; then the bank
    answers about the first."""
    plant, first = exported(folder)
    bank = bank_of(plant, first, style="single")
    discard(plant, first)
    sent.bill(plant, 4)
    second = rerun(plant, TUESDAY)
    receive(plant, "report.xml", bank.status_report(date(2026, 10, 5)), clock=TUESDAY)
    return plant, first, second, bank


def test_the_bank_freezes_the_newer_file(tmp_path: Path) -> None:
    """The newer file holds the same debits: it is not exported again and no person closes its Break; money is a late credit."""
    plant, first, second, bank = frozen(tmp_path)

    assert files(plant) == [(first, "submitted"), (second, "exported")]
    assert states(plant) == ["batched (collecting)"] * 4
    assert kinds(plant) == ["FILE_FROZEN", "OLD_FILE", "UPLOAD_NOT_CONFIRMED"]
    again = plant.here("batch", "export", second, "--actor", "anna", clock=TUESDAY)
    assert (again.code, "is frozen" in again.err) == (1, True)
    number = next(one["id"] for one in plant.ok("status", "--json", clock=EVENING).json["breaks"] if one["kind"] == "FILE_FROZEN")
    closed = plant.here("resolve", str(number), "--resolution", "fine", "--actor", "anna", clock=TUESDAY)
    assert (closed.code, "closes by itself" in closed.err) == (1, True)
    receive(plant, "statement.xml", bank.statement(DUE_ON))
    assert balances(plant) == {"Bank": OPENING_CENTS + 39_346, "Billed": -40_246, "Opening": -OPENING_CENTS, "Receivable": 900}
    assert kinds(plant) == ["FILE_FROZEN", *["LATE_CREDIT"] * 3, "OLD_FILE", *["PAID_TWICE"] * 3, "UPLOAD_NOT_CONFIRMED"]
    sound(plant)


def test_a_frozen_file_is_given_up_by_two(tmp_path: Path) -> None:
    """What of it is at the bank joins the first file and hears its news; the rest is free; nothing is collected twice."""
    plant, first, second, bank = frozen(tmp_path)
    discard(plant, second, WEDNESDAY)

    assert files(plant) == [(first, "submitted"), (second, "discarded")]
    assert states(plant) == ["submitted (collecting)"] * 3 + ["pending (collecting)"]
    receive(plant, "statement.xml", bank.statement(DUE_ON))
    assert states(plant) == ["settled (paid)"] * 3 + ["pending (collecting)"]
    assert journal(plant, 1) == [
        "2026-10-01 invoice final: Receivable 123.45 Billed -123.45",
        "2026-10-07 submitted: Clearing 123.45 Receivable -123.45",
        "2026-10-15 settled: Suspense 123.45 Clearing -123.45",
    ]
    assert kinds(plant) == ["UPLOAD_NOT_CONFIRMED"]
    sound(plant)


def test_a_frozen_file_that_is_given_up_after_its_money_came(tmp_path: Path) -> None:
    """The late credits paid the invoices: their debits are cancelled, not sent again."""
    plant, first, second, bank = frozen(tmp_path)
    receive(plant, "statement.xml", bank.statement(DUE_ON))
    discard(plant, second, EVENING)

    assert states(plant) == ["cancelled (paid)"] * 3 + ["pending (collecting)"]
    plant.ok("run", clock=EVENING)
    assert files(plant)[:2] == [(first, "booked"), (second, "discarded")]
    assert balances(plant) == {"Bank": OPENING_CENTS + 39_346, "Billed": -40_246, "Opening": -OPENING_CENTS, "Receivable": 900}
    sound(plant)


def test_a_frozen_file_that_was_uploaded_too(tmp_path: Path) -> None:
    """That is a fact: it is recorded, each debit that is at the bank twice has a Break, the second money is the customer's."""
    plant, first, second, bank = frozen(tmp_path)
    sent.upload(bank, plant, second)
    plant.ok("batch", "mark-uploaded", second, "--actor", "anna", clock=WEDNESDAY)

    assert files(plant) == [(first, "submitted"), (second, "submitted")]
    assert kinds(plant) == ["DEBIT_TWICE", "DEBIT_TWICE", "DEBIT_TWICE", "OLD_FILE", "UPLOAD_NOT_CONFIRMED"]
    sound(plant)
    receive(plant, "statement.xml", bank.statement(DUE_ON))
    report = plant.ok("report", "reconciliation", "-f", "json", clock=EVENING).json
    assert {name: one["times"] for name, one in bank.truth()["debits"].items()} == {ONE: 2, TWO: 2, THREE: 2, sent.FOUR: 1}
    assert (report["parts"]["paid_direct_debit"], report["customer_credit_cents"]) == (40_246, 39_346)
    sound(plant)


def test_a_debit_in_two_files_that_left_proves_neither(tmp_path: Path) -> None:
    """The bank names it alone: its invoice waits, and a person says which file it was; then everything is explained."""
    plant, first = exported(tmp_path)
    discard(plant, first)
    second = rerun(plant, TUESDAY)
    bank = bank_of(plant, second, style="single")
    receive(plant, "statement.xml", nameless(bank.statement(DUE_ON)))

    assert files(plant) == [(first, "discarded"), (second, "exported")]
    assert kinds(plant) == ["NOT_HANDED_OVER", *["UPLOAD_UNCLEAR"] * 6]  # the file; three lines, three invoices
    plant.here("run", clock=EVENING)
    assert files(plant) == [(first, "discarded"), (second, "exported")]
    assert "DO_NOT_UPLOAD" in kinds(plant)
    plant.ok("batch", "mark-uploaded", second, "--actor", "anna", clock=EVENING)
    plant.ok("run", clock=EVENING)
    assert states(plant) == ["settled (paid)"] * 3
    assert kinds(plant) == []
    sound(plant)


def test_a_person_says_that_a_discarded_file_was_uploaded(tmp_path: Path) -> None:
    """Marked after its discard: the discard is void, and nothing of it is cut again."""
    plant, message_id = exported(tmp_path)
    discard(plant, message_id)
    plant.ok("batch", "mark-uploaded", message_id, "--reference", "order 7", "--actor", "anna", clock=NOON)

    assert files(plant) == [(message_id, "submitted")]
    assert balances(plant) == {"Billed": -39_346, "Clearing": 39_346}
    plant.ok("run", clock=TUESDAY)
    assert files(plant) == [(message_id, "submitted")]
    assert kinds(plant) == []
    sound(plant)


def test_a_file_that_never_left_is_not_marked(tmp_path: Path) -> None:
    """Discarded before its export, it cannot be at the bank."""
    plant, message_id = sent.sealed(tmp_path)
    plant.ok("batch", "discard", message_id, "--reason", "wrong day", "--actor", "anna", clock=CUT)
    refused = plant.here("batch", "mark-uploaded", message_id, "--actor", "anna", clock=CUT)

    assert (refused.code, "is discarded" in refused.err) == (1, True)
    assert balances(plant) == {"Billed": -39_346, "Receivable": 39_346}
