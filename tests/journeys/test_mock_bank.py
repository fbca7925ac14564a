"""One leg through mock-bank 0.9.0 (PyPI, MIT), a bank that nobody here wrote: it takes our file, and we take its answers.

Over HTTP, as a process of its own: what it decides, when it settles and what it writes is its own reading of ISO 20022.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from tests.journeys.plant import OWN_IBAN, Debtor, Plant, config, logs, mandates_csv, recorded_source

CUT, EVENING = "2026-10-05T09:05", "2026-10-19T18:00"
DUE_ON = date(2026, 10, 15)
OPENING_CENTS = 100_000
START_SECONDS = 20

A = Debtor("MND-0001", "Blechwerk Süd GmbH", "DE89370400440532013000", b"\xa1" * 32)
B = Debtor("MND-0002", "Fräserei Ölmann & Söhne", "DE02500105170137075030", b"\xb2" * 32)
C = Debtor("MND-0003", "Hof Lindner", "DE02100500000054540402", b"\xc3" * 32)
BILLED = ((A, 12_345), (B, 20_000), (C, 7_001), (A, 99))
REFUSED, RETURNED = "plant-1-000002-1", "plant-1-000003-1"  # before and after the bank's settlement


class MockBank:
    """The HTTP door of a running mock-bank."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, path: str, body: bytes | None = None, *, kind: str = "application/json", method: str | None = None) -> Any:
        """POST a body, or GET without one; the JSON that comes back."""
        headers = {"Content-Type": kind} if body is not None else {}
        request = Request(self._url + path, data=body, headers=headers, method=method)
        with urlopen(request, timeout=START_SECONDS) as answer:
            return json.load(answer)

    def mail(self, kind: str) -> list[bytes]:
        """The messages of this kind that it has sent since we last looked, oldest first."""
        return [message["body"].encode() for message in self.ask(f"/_mock/mailbox?type={kind}")]


@contextmanager
def mock_bank() -> Iterator[MockBank]:
    """A bank on a free port that holds our account and whose time is that of the journey."""
    command = [sys.executable, "-m", "mockbank", "--port", "0", "--clock", "2026-10-05T09:30", "--timezone", "Europe/Berlin"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8")
    try:
        bank = MockBank(_listening(process))
        account = {"id": "OURS", "iban": OWN_IBAN, "balance": OPENING_CENTS, "name": "Musterwerk Maschinen GmbH"}
        bank.ask("/_mock/accounts", json.dumps(account).encode())
        yield bank
    finally:
        process.terminate()
        process.communicate(timeout=START_SECONDS)


def _listening(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        line = process.stderr.readline()
        if " listening on " in line:
            return line.split(" listening on ")[1].split("/  ")[0]
        if not line:
            break
    raise RuntimeError("mock-bank did not start")


@dataclass(frozen=True, slots=True)
class Leg:
    """The plant after the bank's answers, and what the bank itself says about each collection."""

    plant: Plant
    decision: Any
    collections: dict[str, Any]
    balance_cents: int


@pytest.fixture(scope="module")
def leg(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Leg:
    plant = Plant(tmp_path_factory.mktemp("mock-bank"))
    message_id, sealed = sealed_file(plant)
    with mock_bank() as bank:
        decision = bank.ask("/payments", sealed, kind="application/xml")
        plant.ok("batch", "mark-uploaded", message_id, "--actor", "anna", clock="2026-10-05T09:35")
        bank.ask(f"/_mock/collections/{quote(REFUSED)}/refuse", b'{"reason": "AC04"}')
        reports = bank.mail("pain.002")
        bank.ask("/_mock/advance?to=2026-10-15", b"")
        bank.ask("/_mock/advance?to=2026-10-16", b"")
        bank.ask(f"/_mock/collections/{quote(RETURNED)}/refuse", b'{"reason": "MD06"}')
        bank.ask("/_mock/advance?to=2026-10-20", b"")
        statements = [body for body in bank.mail("camt.053") if OWN_IBAN.encode() in body]
        collections = {one["end_to_end_id"]: one for one in bank.ask("/_mock/collections")}
        balance = bank.ask("/_mock/accounts/OURS")["balance"]
    names = [_kept(plant, f"{number:02d}.xml", body) for number, body in enumerate([*reports, *statements], 1)]
    plant.ok("import", *names, clock=EVENING)
    return Leg(plant, decision, collections, balance)


def sealed_file(plant: Plant) -> tuple[str, bytes]:
    """Invoices of a recorded chain, collected, cut, signed by two and exported: the message id and the bytes."""
    plant.ok("init", str(plant.folder))
    (plant.folder / "bridge.toml").write_text(config(recorded_source()), "utf-8")
    (plant.folder / "logs.jsonl").write_text(logs(BILLED, due_on=DUE_ON), "utf-8")
    path = _kept(plant, "mandates.csv", mandates_csv((A, B, C)).encode())
    plant.ok("mandate", "import", path, "--actor", "clara", clock=CUT)
    plant.ok("run", clock=CUT)
    (batch,) = plant.ok("batch", "list", "--json").json
    for actor in ("anna", "ben"):
        plant.ok("batch", "approve", batch["message_id"], "--actor", actor, clock=CUT)
    exported = plant.ok("batch", "export", batch["message_id"], "--actor", "anna", "--json", clock=CUT).json
    return batch["message_id"], Path(exported["file"]).read_bytes()


def _kept(plant: Plant, name: str, body: bytes) -> str:
    (plant.folder / name).write_bytes(body)
    return str(plant.folder / name)


def test_another_bank_takes_our_file(leg: Leg) -> None:
    """A bank that shares no code with us accepts all four debits of the file, without a finding."""
    assert leg.decision["status"] == "ACCP", leg.decision
    assert set(leg.collections) == {f"plant-1-{number:06d}-1" for number in range(1, 5)}
    assert {name: one["amount"] for name, one in leg.collections.items()} == {
        "plant-1-000001-1": 12_345,
        "plant-1-000002-1": 20_000,
        "plant-1-000003-1": 7_001,
        "plant-1-000004-1": 99,
    }


def test_its_answers_say_what_became_of_every_debit(leg: Leg) -> None:
    """Two are paid; the one refused before settlement is rejected; the one refused after it is returned, with the reason."""
    invoices = leg.plant.ok("invoice", "list", "--json").json
    outcome = {one["number"]: [(c["state"], c["reason"]) for c in one["collections"]] for one in invoices}

    assert outcome["plant-1-000001"][0][0] == "settled"
    assert outcome["plant-1-000002"] == [("rejected", "AC04")]
    assert outcome["plant-1-000003"] == [("returned", "MD06")]
    assert outcome["plant-1-000004"][0][0] == "settled"


def test_its_statements_and_our_books_are_the_same_money(leg: Leg) -> None:
    """The proof adds up, and the account holds what that bank says it holds: 1,000.00 and 123.45 and 0.99."""
    report = leg.plant.ok("report", "reconciliation", "-f", "json", clock=EVENING).json

    assert report["difference_cents"] == 0
    assert {name: part for name, part in report["parts"].items() if part} == {
        "paid_direct_debit": 12_345 + 99,
        "returned_open": 20_000 + 7_001,
    }
    (account,) = report["accounts"]
    assert account["ledger_cents"] == leg.balance_cents == 100_000 + 12_345 + 99
    assert (report["suspense_cents"], report["clearing_cents"]) == (0, 0)
    assert leg.plant.here("check", clock=EVENING).code == 0


def test_nothing_of_it_needs_a_person(leg: Leg) -> None:
    """Every message was understood: no Break is open, and importing all of it again changes nothing."""
    report = leg.plant.ok("report", "reconciliation", "-f", "json", clock=EVENING).json
    files = sorted(str(path) for path in leg.plant.folder.glob("[0-9][0-9].xml"))
    again = leg.plant.ok("import", *files, "--json", clock=EVENING).json

    assert report["breaks"] == []
    assert {one["result"] for one in again} == {"known"}


def test_a_bank_on_a_bad_day_is_not_believed(tmp_path: Path) -> None:
    """A repeated upload is a copy and moves nothing; a statement with a hole books nothing, nor does an advice.

    All of it is kept and needs a person, the money stays in flight, and the books still add up.
    """
    plant = Plant(tmp_path)
    message_id, sealed = sealed_file(plant)
    with mock_bank() as bank:
        bank.ask("/payments", sealed, kind="application/xml")
        plant.ok("batch", "mark-uploaded", message_id, "--actor", "anna", clock="2026-10-05T09:35")
        with pytest.raises(HTTPError, match="422") as again:
            bank.ask("/payments", sealed, kind="application/xml")
        again.value.close()
        bank.ask("/_mock/accounts/OURS", b'{"behaviour": "statement-gap"}', method="PATCH")
        bank.ask("/_mock/advance?to=2026-10-15", b"")
        bank.ask("/_mock/accounts/OURS/report", b"")
        bank.ask("/_mock/advance?to=2026-10-17", b"")
        files = [*bank.mail("pain.002"), *(body for body in bank.mail("camt.053") if OWN_IBAN.encode() in body)]
        interim = _kept(plant, "interim.xml", bank.mail("camt.052")[0])
    names = [_kept(plant, f"{number:02d}.xml", body) for number, body in enumerate(files, 1)]
    plant.ok("import", *names, clock=EVENING)
    told = plant.ok("import", interim, "--json", clock=EVENING)

    report = plant.ok("report", "reconciliation", "-f", "json", clock=EVENING).json
    assert sorted(one["kind"] for one in report["breaks"]) == ["COPY_REJECTED", "STATEMENT_GAP", "STATEMENT_REFUSED"]
    assert (report["parts"]["in_flight"], report["difference_cents"]) == (12_345 + 20_000 + 7_001 + 99, 0)
    assert report["accounts"][0]["ledger_cents"] == 100_000
    assert (told.json[0]["kind"], told.json[0]["result"], told.json[0]["new"]) == ("camt.052", "stored", 0)
    assert plant.here("check", clock=EVENING).code == 0
