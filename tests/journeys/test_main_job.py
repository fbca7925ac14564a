"""The main job, as people do it: from invoices on a chain to a direct debit, to the bank's answer, to books that add up.

A real node, the real contract, the real command line; every command is given twice, and the second time changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from bridge.sim import chain, machines
from bridge.sim.bank import SimBank
from bridge.sim.machines import MachineInvoice
from tests.journeys.plant import OWN_IBAN, Debtor, Plant, config, mandates_csv
from tests.nodes import ANVIL_CHAIN_ID, anvil
from tests.testdata import TESTDATA

MONDAY = date(2026, 11, 16)  # a bank day; the node's clock starts here, so that the journey is the same on any date
GENESIS = int(datetime(2026, 11, 16, 7, 0, tzinfo=UTC).timestamp())
CUT, UPLOAD, EVENING = "2026-11-16T09:05", "2026-11-16T09:40", "2026-12-02T18:00"
OPENING_CENTS = 250_000
NS = "{urn:iso:std:iso:20022:tech:xsd:pain.008.001.08}"

# One period of seven days of each of the six machines, due 14 days after its end; twelve invoices in this order, twice.
LASER, PRESS, MILLING, TRACTOR, COMPRESSOR, PRINTER = range(6)
BILLED: tuple[MachineInvoice, ...] = machines.usage("journey", until=MONDAY, count=12)
MANDATES = {
    "laser-cutter-1": ("MND-0001", "Blechwerk Süd GmbH", "DE89370400440532013000"),
    "press-2": ("MND-0002", "Blechwerk Süd GmbH", "DE89370400440532013000"),
    "milling-centre-3": ("MND-0003", "Fräserei Ölmann & Söhne", "DE02500105170137075030"),
    "tractor-4": ("MND-0004", "Hof Lindner", "DE02100500000054540402"),
    "printer-6": ("MND-0006", "Modellbau Groß", "DE93999999990000000001"),  # a bank code in no list: paused
}  # compressor-5 has no mandate


def cents(*invoices: int) -> int:
    """What these invoices come to, by what the machines themselves billed."""
    return sum(BILLED[number - 1].amount_cents for number in invoices)


# What becomes of each invoice, by its number. 5, 11: no mandate. 6, 12: the mandate is paused.
HELD = (5, 11, 6, 12)
SENT = (1, 2, 3, 4, 7, 8, 9, 10)
REJECTED = 2  # by pain.002, AC01
RETURNED = {3: ("AC04", 300), 8: ("MD06", 500)}
PAID = (1, 4, 7, 9, 10)


@dataclass(slots=True)
class Journey:
    """What the journey left: the plant, the file, and what the reports said at its end."""

    plant: Plant
    sealed: bytes
    batch: dict[str, Any]
    report: dict[str, Any]


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Journey:
    plant = Plant(tmp_path_factory.mktemp("plant"))
    with finalized() as (url, contract):
        plant.twice("init", codes=(0, 1))
        source = f'rpc = ["{url}"]\nchain_id = {ANVIL_CHAIN_ID}\ncontract = "{contract}"'
        (plant.folder / "bridge.toml").write_text(config(source), "utf-8")
        (plant.folder / "mandates.csv").write_text(mandates_csv(debtors()), "utf-8")
        plant.twice("mandate", "import", "mandates.csv", "--actor", "clara", clock=CUT)
        plant.twice("run", clock=CUT)
        (batch,) = plant.bridge("batch", "list", "--json").json
        sealed = hand_over(plant, batch["message_id"])
        take_answers(plant, sealed)
        plant.twice("run", clock=EVENING)
    report = plant.twice("report", "reconciliation", "-f", "json", clock=EVENING).json
    return Journey(plant, sealed, batch, report)


@contextmanager
def finalized() -> Iterator[tuple[str, str]]:
    """A node on which the contract has finalized BILLED, all of it final: its URL and the contract's address."""
    with anvil("--timestamp", str(GENESIS)) as url:
        node, compiled = chain.node(url), chain.artefact()
        contract = chain.deploy(node, compiled)
        chain.bill(node, compiled, contract, BILLED)
        for _ in range(3):  # final is the head less two epochs of one slot
            chain.ask(node, "evm_mine", [])
        yield url, contract


def debtors() -> list[Debtor]:
    by_machine = {invoice.machine: invoice for invoice in BILLED}
    return [
        Debtor(mandate_id, name, iban, by_machine[machine].debtor_ref, by_machine[machine].agreement_id)
        for machine, (mandate_id, name, iban) in MANDATES.items()
    ]


def hand_over(plant: Plant, message_id: str) -> bytes:
    """Two people approve, one exports and uploads; gives the bytes that stood in the outbox."""
    refused = plant.here("batch", "approve", message_id, "--actor", "clara", clock=CUT)
    assert (refused.code, "last to edit a mandate" in refused.err) == (1, True)
    early = plant.here("batch", "export", message_id, "--actor", "anna", clock=CUT)
    assert (early.code, "is sealed" in early.err) == (1, True)
    plant.twice("batch", "approve", message_id, "--actor", "anna", clock=CUT)
    plant.twice("batch", "approve", message_id, "--actor", "ben", clock=CUT)
    path = Path(plant.twice("batch", "export", message_id, "--actor", "anna", "--json", clock=CUT).json["file"])
    sealed = path.read_bytes()
    plant.twice("batch", "mark-uploaded", message_id, "--actor", "anna", "--reference", "order 4711", clock=UPLOAD)
    assert path.read_bytes() == sealed
    assert len((plant.folder / "outbox" / "manifest.jsonl").read_text("utf-8").splitlines()) == 1
    return sealed


def take_answers(plant: Plant, sealed: bytes) -> None:
    """The bank takes the file, books three days and answers; everything is imported at once, and again."""
    bank = SimBank(OWN_IBAN, opening_cents=OPENING_CENTS, style="batch", fees="inside")
    plan = {f"plant-1-{number:06d}-1": f"return:{code}:{fee}" for number, (code, fee) in RETURNED.items()}
    bank.plan(plan | {f"plant-1-{REJECTED:06d}-1": "reject:AC01"})
    bank.upload(sealed)
    answers = [bank.status_report(MONDAY), bank.statement(date(2026, 11, 23)), bank.statement(date(2026, 11, 30))]
    bank.foreign_transfer(4_200, "Unbekannt GmbH", "Danke")
    bank.bank_fee(390)
    answers.append(bank.statement(date(2026, 12, 2)))
    names = []
    for number, body in enumerate(answers, 1):
        names.append(f"answer-{number}.xml")
        (plant.folder / names[-1]).write_bytes(body)
    taken = plant.twice("import", *names, "--json", clock=EVENING).json
    assert [(one["kind"], one["result"]) for one in taken] == [("pain.002", "stored"), *[("camt.053", "stored")] * 3]


def test_the_file_holds_every_collectable_invoice_to_the_cent(journey: Journey) -> None:
    """What two people sign is one debit for each invoice that may be collected, of the amount that the machine billed."""
    root = etree.fromstring(journey.sealed)

    debits = {
        debit.findtext(f"{NS}PmtId/{NS}EndToEndId"): debit.findtext(f"{NS}InstdAmt") for debit in root.iter(f"{NS}DrctDbtTxInf")
    }
    assert debits == {f"plant-1-{number:06d}-1": f"{cents(number) // 100}.{cents(number) % 100:02d}" for number in SENT}
    assert journey.batch["control_sum_cents"] == cents(*SENT)
    assert journey.batch["due_on"] == ["2026-11-23", "2026-11-30"]


def test_every_euro_that_was_billed_is_somewhere(journey: Journey) -> None:
    """The report's parts are what the machines billed and the bank did, added up here; nothing is missing."""
    report = journey.report

    assert report["difference_cents"] == 0
    assert report["billed_cents"] == sum(invoice.amount_cents for invoice in BILLED)
    assert {name: part for name, part in report["parts"].items() if part} == {
        "paid_direct_debit": cents(*PAID),
        "held": cents(*HELD),
        "returned_open": cents(REJECTED, *RETURNED),
    }
    assert report["charges_cents"] == 300 + 500 + 390
    assert report["suspense_credit_cents"] == 4_200
    assert report["receivable_cents"] == cents(REJECTED, *HELD, *RETURNED)
    assert report["clearing_cents"] == 0


def test_the_bank_in_the_ledger_is_the_bank_in_the_statement(journey: Journey) -> None:
    """The account holds its opening, what was collected and stayed, a stranger's 42.00, less all fees."""
    (account,) = journey.report["accounts"]

    expected = OPENING_CENTS + cents(*PAID) - (300 + 500 + 390) + 4_200
    assert (account["ledger_cents"], account["statement_cents"]) == (expected, expected)
    assert account["statement_on"] == "2026-12-02"


def test_the_contract_counts_what_was_read(journey: Journey) -> None:
    """One storage read at a final block proves that no invoice is missing."""
    (source,) = journey.report["sources"]

    assert (source["completeness"], source["invoices"]) == ("proven", 12)


def test_every_invariant_holds(journey: Journey) -> None:
    """``bridge check`` recomputes everything from the rows and finds nothing, twice."""
    found = journey.plant.twice("check", "--json", clock=EVENING).json

    assert found["ok"], found
    assert [one["id"] for one in found["checks"] if not one["ok"]] == []


def test_what_needs_a_person_is_listed(journey: Journey) -> None:
    """The only open question is the stranger's transfer; the invoices that wait say why in words."""
    held = journey.plant.ok("invoice", "list", "--state", "held", "--json", clock=EVENING).json
    collections = journey.plant.ok("invoice", "list", "--state", "collecting", "--json", clock=EVENING).json

    assert [one["kind"] for one in journey.report["breaks"]] == ["UNKNOWN_CREDIT"]
    assert {one["number"]: one["hold_reason"] for one in held} == {
        one["number"]: f"no mandate for debtor {one['debtor_ref'][:10]}...; import one" for one in held
    }
    assert [one["number"] for one in held] == ["plant-1-000005", "plant-1-000011"]
    assert [(one["number"], one["collections"][0]["state"]) for one in collections] == [
        ("plant-1-000006", "held"),
        ("plant-1-000012", "held"),
    ]


def test_the_journal_of_one_invoice_reads_like_its_story(journey: Journey) -> None:
    """Invoice 3 was billed, sent, credited and came back: four vouchers that an accountant can follow."""
    printed = journey.plant.ok("ledger", "journal", "--invoice", "plant-1-000003", clock=EVENING).out
    amount = f"{cents(3) // 100}.{cents(3) % 100:02d}"

    shown = [line.rstrip() for line in printed.splitlines() if line and not line.startswith("    ;")]
    assert [" ".join(words.split()) for words in shown if not words.startswith("20")] == [
        "decimal-mark .",
        "commodity 1000.00 EUR",
        f"Assets:Receivable:plant-1-000003 {amount} EUR",
        f"Revenues:Billed:plant-1-000003 -{amount} EUR",
        f"Assets:Clearing:plant-1-000003-1 {amount} EUR",
        f"Assets:Receivable:plant-1-000003 -{amount} EUR",
        f"Assets:Suspense:line-1 {amount} EUR",
        f"Assets:Clearing:plant-1-000003-1 -{amount} EUR",
        f"Assets:Receivable:plant-1-000003 {amount} EUR",
        f"Assets:Suspense:line-3 -{amount} EUR",
    ]
    heads = [(line[:10], line.rsplit(") ", 1)[1]) for line in shown if line.startswith("20")]
    assert heads == [
        ("2026-11-16", "invoice final"),
        ("2026-11-16", "submitted"),
        ("2026-11-23", "settled"),
        ("2026-11-30", "returned"),
    ]


def test_nobody_reads_a_name_or_an_account_in_passing(journey: Journey) -> None:
    """No debtor's name and no IBAN is on the screen of the whole journey; names are shown where they are asked for."""
    secrets = [OWN_IBAN, *(word for _, name, iban in MANDATES.values() for word in (name, iban))]
    printed = "\n".join(said.out + said.err for said in journey.plant.said)
    asked = journey.plant.ok("mandate", "show", "MND-0004", "--json").out

    assert [secret for secret in secrets if secret in printed] == []
    assert "Hof Lindner" in asked
    assert "DE02100500000054540402" not in asked


def test_the_manifest_outside_the_database_remembers_the_file(journey: Journey) -> None:
    """One line: the number, the message id and the SHA-256 of the bytes that were exported."""
    (line,) = (journey.plant.folder / "outbox" / "manifest.jsonl").read_text("utf-8").splitlines()

    assert journey.batch["sha256"] in line
    assert json.loads(line)["message_id"] == journey.batch["message_id"]


if TESTDATA is not None:

    def test_the_file_is_valid_by_the_official_schema(journey: Journey) -> None:
        """The sealed bytes validate against ISO's own pain.008.001.08."""
        assert TESTDATA is not None
        schema = etree.XMLSchema(etree.parse(TESTDATA / "xsd" / "pain.008.001.08.xsd"))

        schema.assertValid(etree.fromstring(journey.sealed))
