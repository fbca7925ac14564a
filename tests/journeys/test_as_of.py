"""A report of the past says what it said then: ``--known-at`` what was known then, ``--as-of`` what was booked until a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bridge.sim.bank import SimBank
from tests.journeys.plant import OWN_IBAN, Debtor, Plant, config, logs, mandates_csv, recorded_source

DUE_ON = date(2026, 10, 15)
OPENING_CENTS = 100_000
A = Debtor("MND-0001", "Blechwerk Süd GmbH", "DE89370400440532013000", b"\xa1" * 32)
B = Debtor("MND-0002", "Fräserei Ölmann & Söhne", "DE02500105170137075030", b"\xb2" * 32)
NOBODY = Debtor("", "", "", b"\xff" * 32)
#: paid, rejected, returned, and one without a mandate
BILLED = ((A, 12_345), (B, 20_000), (A, 7_001), (NOBODY, 5_000))
#: what a report says of its question and of today, not of the books; and a proof that is only asked for now
NOT_FIGURES = ("as_of", "known_at", "sources", "breaks", "waiting")

CUT, UPLOADED, REPORTED, CREDITED, RETURNED = (
    "2026-10-05T09:05",
    "2026-10-05T09:40",
    "2026-10-06T08:00",
    "2026-10-15T20:00",
    "2026-10-19T20:00",
)
END = "2026-10-30T12:00"


@dataclass(slots=True)
class Past:
    """A finished journey, and what the report said at each of its times."""

    plant: Plant
    said: dict[str, Any]


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Past:
    plant = Plant(tmp_path_factory.mktemp("past"))
    plant.ok("init", str(plant.folder))
    (plant.folder / "bridge.toml").write_text(config(recorded_source()), "utf-8")
    (plant.folder / "logs.jsonl").write_text(logs(BILLED, due_on=DUE_ON), "utf-8")
    (plant.folder / "mandates.csv").write_text(mandates_csv((A, B)), "utf-8")
    plant.ok("mandate", "import", str(plant.folder / "mandates.csv"), "--actor", "clara", clock=CUT)
    plant.ok("run", clock=CUT)
    past = Past(plant, {CUT: report(plant, clock=CUT)})
    bank = SimBank(OWN_IBAN, opening_cents=OPENING_CENTS, style="detailed")
    bank.plan({"plant-1-000002-1": "reject:AC01", "plant-1-000003-1": "return:AC04:300"})
    bank.upload(uploaded(plant))
    past.said[UPLOADED] = report(plant, clock=UPLOADED)
    for at, answer in (
        (REPORTED, bank.status_report(date(2026, 10, 5))),
        (CREDITED, bank.statement(DUE_ON)),
        (RETURNED, bank.statement(date(2026, 10, 19))),
    ):
        (plant.folder / "inbox" / f"{at[:10]}.xml").write_bytes(answer)
        plant.ok("run", clock=at)
        past.said[at] = report(plant, clock=at)
    return past


def uploaded(plant: Plant) -> bytes:
    """Two sign, one exports and uploads; the bytes."""
    (batch,) = plant.ok("batch", "list", "--json").json
    for actor in ("anna", "ben"):
        plant.ok("batch", "approve", batch["message_id"], "--actor", actor, clock=CUT)
    path = Path(plant.ok("batch", "export", batch["message_id"], "--actor", "anna", "--json", clock=CUT).json["file"])
    plant.ok("batch", "mark-uploaded", batch["message_id"], "--actor", "anna", clock=UPLOADED)
    return path.read_bytes()


def report(plant: Plant, *words: str, clock: str) -> Any:
    return plant.ok("report", "reconciliation", "-f", "json", *words, clock=clock).json


def figures(said: Any) -> Any:
    """Everything that is a figure, those of each source too."""
    sources = [{name: line[name] for name in ("name", "invoices", "billed_cents", "parts")} for line in said["sources"]]
    return {name: value for name, value in said.items() if name not in NOT_FIGURES} | {"of sources": sources}


def parts(said: Any) -> dict[str, int]:
    return {name: cents for name, cents in said["parts"].items() if cents}


def test_every_stage_had_the_figures_of_its_time(past: Past) -> None:
    """The same 443.46 wander: open, in flight, paid or returned; held stays held. Nothing is ever missing."""
    assert {at: parts(said) for at, said in past.said.items()} == {
        CUT: {"held": 5_000, "open": 12_345 + 20_000 + 7_001},
        UPLOADED: {"held": 5_000, "in_flight": 12_345 + 20_000 + 7_001},
        REPORTED: {"held": 5_000, "in_flight": 12_345 + 7_001, "returned_open": 20_000},
        CREDITED: {"held": 5_000, "paid_direct_debit": 12_345 + 7_001, "returned_open": 20_000},
        RETURNED: {"held": 5_000, "paid_direct_debit": 12_345, "returned_open": 20_000 + 7_001},
    }
    assert {said["difference_cents"] for said in past.said.values()} == {0}
    assert {said["billed_cents"] for said in past.said.values()} == {44_346}


@pytest.mark.parametrize("at", [CUT, UPLOADED, REPORTED, CREDITED, RETURNED])
def test_what_was_known_then_is_what_was_said_then(past: Past, at: str) -> None:
    """Asked at the end with ``--known-at``, every figure is the one that the report showed at that time."""
    assert figures(report(past.plant, "--known-at", at, clock=END)) == figures(past.said[at])


def test_what_was_open_then_was_open_then(past: Past) -> None:
    """Breaks too are those of the time: none was open before the upload, and none is invented later."""
    for at, said in past.said.items():
        again = report(past.plant, "--known-at", at, clock=END)
        assert [(one["id"], one["kind"]) for one in again["breaks"]] == [(one["id"], one["kind"]) for one in said["breaks"]]


def test_what_was_booked_until_a_day_is_asked_by_its_date(past: Past) -> None:
    """As of a date the books are those of its evening, whenever it became known: the credit of 15 October, not yet its return."""
    before = report(past.plant, "--as-of", "2026-10-14", clock=END)
    credited = report(past.plant, "--as-of", "2026-10-15", clock=END)
    returned = report(past.plant, "--as-of", "2026-10-19", clock=END)

    assert parts(before) == parts(past.said[REPORTED])
    assert parts(credited) == parts(past.said[CREDITED])
    assert parts(returned) == parts(past.said[RETURNED])
    assert [one["difference_cents"] for one in (before, credited, returned)] == [0, 0, 0]
    assert [one["accounts"][0]["ledger_cents"] for one in (before, credited, returned)] == [
        100_000,
        100_000 + 12_345 + 7_001,
        100_000 + 12_345 - 300,
    ]


def test_the_two_questions_are_two(past: Past) -> None:
    """As of 15 October, but only by what was known on the 6th: the bank's credit is not there yet, it was booked later."""
    said = report(past.plant, "--as-of", "2026-10-15", "--known-at", REPORTED, clock=END)

    assert parts(said) == parts(past.said[REPORTED])
    assert (said["as_of"], said["difference_cents"]) == ("2026-10-15", 0)


def test_a_time_without_a_zone_is_the_time_of_the_plant(past: Past) -> None:
    """``--known-at`` reads a time as ``--clock`` does: in the time zone of bridge.toml, not in that of the computer."""
    # 09:40 in Berlin, the moment of the upload, is 07:40 UTC in October
    berlin = report(past.plant, "--known-at", "2026-10-05T09:40", clock=END)
    same = report(past.plant, "--known-at", "2026-10-05T07:40:00+00:00", clock=END)
    just_before = report(past.plant, "--known-at", "2026-10-05T09:39", clock=END)

    assert figures(berlin) == figures(same) == figures(past.said[UPLOADED])
    assert parts(just_before) == parts(past.said[CUT])


def test_the_trial_balance_of_the_past_is_balanced(past: Past) -> None:
    """``ledger balance --as-of`` a day before the bank's first balance: what is owed and what is in flight is what was billed."""
    lines = past.plant.ok("ledger", "balance", "--json", "--as-of", "2026-10-13", clock=END).json

    balance = {line["account"]: line["balance_cents"] for line in lines if line["balance_cents"]}
    assert balance == {"Billed": -44_346, "Receivable": 5_000 + 20_000, "Clearing": 12_345 + 7_001}
