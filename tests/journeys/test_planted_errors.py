"""Books that add up are no proof if they always say so: each of these errors is planted into a finished journey, and is found.

The triggers that forbid it are taken away for the planting and put back after it, so that nothing but the error itself can
turn the reports red.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bridge.sim.bank import SimBank
from tests import engines
from tests.journeys.plant import OWN_IBAN, Debtor, Plant, config, logs, mandates_csv, recorded_source

CUT, EVENING = "2026-10-05T09:05", "2026-10-19T18:00"
DUE_ON = date(2026, 10, 15)
OPENING_CENTS = 100_000

A = Debtor("MND-0001", "Blechwerk Süd GmbH", "DE89370400440532013000", b"\xa1" * 32)
B = Debtor("MND-0002", "Fräserei Ölmann & Söhne", "DE02500105170137075030", b"\xb2" * 32)
NOBODY = Debtor("", "", "", b"\xff" * 32)
#: paid, rejected, returned with a fee, paid, and one without a mandate
BILLED = ((A, 12_345), (B, 20_000), (A, 7_001), (B, 99), (NOBODY, 5_000))

FACTS = (
    "invoice final",
    "opening",
    "submitted",
    "rejected",
    "bank credit",
    "bank debit",
    "settled",
    "returned",
    "bank fee",
    "line to line",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Plant:
    """A journey to its end; a bank that credits the whole file and takes the rejected debit back beside it."""
    plant = Plant(tmp_path_factory.mktemp("finished"))
    plant.ok("init", str(plant.folder))
    (plant.folder / "bridge.toml").write_text(config(recorded_source(), collection='[ledger]\nchart = "SKR04"'), "utf-8")
    (plant.folder / "logs.jsonl").write_text(logs(BILLED, due_on=DUE_ON), "utf-8")
    (plant.folder / "mandates.csv").write_text(mandates_csv((A, B)), "utf-8")
    plant.ok("mandate", "import", str(plant.folder / "mandates.csv"), "--actor", "clara", clock=CUT)
    plant.ok("run", clock=CUT)
    (batch,) = plant.ok("batch", "list", "--json").json
    for actor in ("anna", "ben"):
        plant.ok("batch", "approve", batch["message_id"], "--actor", actor, clock=CUT)
    path = Path(plant.ok("batch", "export", batch["message_id"], "--actor", "anna", "--json", clock=CUT).json["file"])
    plant.ok("batch", "mark-uploaded", batch["message_id"], "--actor", "anna", clock=CUT)
    bank = SimBank(OWN_IBAN, opening_cents=OPENING_CENTS, style="batch", net=False, fees="inside")
    bank.plan({"plant-1-000002-1": "reject:AC01", "plant-1-000003-1": "return:AC04:300"})
    bank.upload(path.read_bytes())
    bank.bank_fee(390)
    answers = [bank.status_report(date(2026, 10, 5)), bank.statement(DUE_ON), bank.statement(date(2026, 10, 19))]
    for number, body in enumerate(answers, 1):
        (plant.folder / "inbox" / f"{number}.xml").write_bytes(body)
    plant.ok("run", clock=EVENING)
    return plant


@pytest.fixture
def spoiled(finished: Plant, tmp_path: Path) -> Plant:
    """A copy of the finished journey, to plant an error in."""
    engines.copy(finished.folder, tmp_path)
    return Plant(tmp_path)


def first_voucher(connection: Connection, fact: str) -> int:
    found: int = connection.execute(text("SELECT min(id) FROM voucher WHERE fact = :fact"), {"fact": fact}).scalar_one()
    return found


def assert_found(plant: Plant) -> None:
    """The report's difference is not zero, and both the report and ``check`` end with 4."""
    report = plant.here("report", "reconciliation", "-f", "json", clock=EVENING)
    check = plant.here("check", "--json", clock=EVENING)

    assert report.json["difference_cents"] != 0
    assert (report.code, check.code) == (4, 4)
    assert {one["id"] for one in check.json["checks"] if not one["ok"]} - {"triggers"}


def test_without_an_error_nothing_is_found(spoiled: Plant) -> None:
    """Taking the triggers away and putting them back is no error: the difference stays 0, and both commands end with 0."""
    with engines.past_the_triggers(spoiled.folder):
        pass
    report = spoiled.here("report", "reconciliation", "-f", "json", clock=EVENING)

    assert (report.code, spoiled.here("check", clock=EVENING).code) == (0, 0)
    assert report.json["difference_cents"] == 0
    assert {name: part for name, part in report.json["parts"].items() if part} == {
        "paid_direct_debit": 12_345 + 99,
        "returned_open": 20_000 + 7_001,
        "held": 5_000,
    }
    assert report.json["accounts"][0]["ledger_cents"] == 100_000 + 12_345 + 99 - 300 - 390


def test_every_kind_of_voucher_stands_in_these_books(finished: Plant) -> None:
    """The errors below are planted into each fact that this journey books, and it books every fact that a journey can."""
    with engines.plain(finished.folder) as connection:
        facts = set(connection.scalars(text("SELECT DISTINCT fact FROM voucher")))

    assert facts == set(FACTS)


@pytest.mark.parametrize("number", [1, 2, 5])
def test_a_lost_log_is_found(spoiled: Plant, number: int) -> None:
    """What was billed is decoded from the stored logs: an invoice without its log is a difference."""
    with engines.past_the_triggers(spoiled.folder) as connection:
        connection.execute(text("DELETE FROM chain_log WHERE block_number = :it"), {"it": 100 + number})

    assert_found(spoiled)


@pytest.mark.parametrize("fact", FACTS)
def test_a_doubled_posting_is_found(spoiled: Plant, fact: str) -> None:
    """A posting that stands twice in its voucher is a difference, whatever it is about."""
    columns = "debit_account, debit_subject, credit_account, credit_subject, amount_cents"
    again = (
        f"INSERT INTO posting (voucher_id, ordinal, {columns}) SELECT voucher_id, (SELECT count(*) FROM posting "
        f"WHERE voucher_id = :it), {columns} FROM posting WHERE voucher_id = :it AND ordinal = 0"
    )
    with engines.past_the_triggers(spoiled.folder) as connection:
        connection.execute(text(again), {"it": first_voucher(connection, fact)})

    assert_found(spoiled)


@pytest.mark.parametrize("fact", FACTS)
def test_a_deleted_voucher_is_found(spoiled: Plant, fact: str) -> None:
    """A voucher that is gone with its postings leaves a difference, whatever it booked."""
    with engines.past_the_triggers(spoiled.folder) as connection:
        voucher = {"it": first_voucher(connection, fact)}
        connection.execute(text("DELETE FROM posting WHERE voucher_id = :it"), voucher)
        connection.execute(text("DELETE FROM voucher WHERE id = :it"), voucher)

    assert_found(spoiled)
