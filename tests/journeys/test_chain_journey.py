"""From the sensor to the bank and back to the chain, with a reorganisation, a node that drops logs and one that forges them.

A real node, the real contract, proxies that lie in front of it, the real command line. What is in the file is what the machines
used, to the cent; what the bank said of it stands on the chain afterwards.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from eth_hash.auto import keccak
from lxml import etree

from bridge.sim import chain, machines
from bridge.sim.bank import SimBank
from bridge.sim.chain import ask, call, calls
from bridge.sim.device import Domain
from bridge.sim.machines import MachineInvoice
from tests.journeys.plant import OWN_IBAN, Debtor, Plant, config, mandates_csv
from tests.nodes import ANVIL_CHAIN_ID, anvil, lying

GENESIS = int(datetime(2026, 11, 16, 7, 0, tzinfo=UTC).timestamp())
EARLY, CUT, UPLOAD, EVENING = "2026-11-16T08:30", "2026-11-16T09:05", "2026-11-16T09:40", "2026-12-02T18:00"
NS = "{urn:iso:std:iso:20022:tech:xsd:pain.008.001.08}"
BILLED = machines.usage("chain journey", until=date(2026, 11, 16), count=6)
LAST = BILLED[5]
CHANGED = replace(LAST, readings=LAST.readings[:4])  # what stands on the chain in the end: less was used
IBANS = ("DE89370400440532013000", "DE02500105170137075030", "DE02100500000054540402")
WITHOUT = 4  # the place of the machine whose customer gave no mandate
RETURNED = 1
KEY = "0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6"  # of anvil's last account, known to everybody
ACCOUNT = "0xa0ee7a142d267c1f36714e4a8f75612f20a79720"
FINALIZED = (
    "0x" + keccak(b"InvoiceFinalized(bytes32,bytes32,bytes32,uint64,uint128,bytes3,uint64,uint64,uint64,bytes32,bytes32)").hex()
)
ATTESTED = "0x" + keccak(b"SettlementAttested(bytes32,uint8,bytes32)").hex()


@dataclass(slots=True)
class Journey:
    """What the journey left: the plant, the file, the ids on chain by number, and what was written back."""

    plant: Plant
    sealed: bytes
    written: list[tuple[int, int]]
    told: list[dict[str, Any]]


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Journey:
    plant = Plant(tmp_path_factory.mktemp("plant"))
    with anvil("--timestamp", str(GENESIS)) as url, lying(url, forged) as forger, lying(url, dropped) as dropper:
        node, compiled = chain.node(url), chain.artefact()
        contract = chain.deploy(node, compiled, settlement=ACCOUNT)
        plant.ok("init", str(plant.folder))
        set_up(plant, contract, [forger, dropper, url])
        ids = chain.bill(node, compiled, contract, BILLED[:5])
        lead_up, close = closing(contract, LAST)
        for data in (*lead_up, *close):
            call(node, contract, data)
        plant.ok("run", clock=EARLY)  # what is not final yet is not read
        ask(node, "anvil_reorg", [len(close), []])
        for data in closing(contract, CHANGED)[1]:
            ids.append(closed(call(node, contract, data)))
        ask(node, "anvil_mine", ["0x3"])
        plant.twice("run", clock=CUT)
        told = plant.ok("report", "reconciliation", "-f", "json", clock=CUT).json["breaks"]
        sealed = hand_over(plant)
        take_answers(plant, sealed)
        plant.ok("run", clock=EVENING)
        ask(node, "anvil_mine", ["0x3"])
        plant.twice("run", clock=EVENING)
        logs = ask(node, "eth_getLogs", [{"address": contract, "fromBlock": "0x0", "topics": [ATTESTED]}])
        known = [one for one in ids if one]
        written = [(known.index(bytes.fromhex(log["topics"][1][2:])) + 1, int(log["data"][2:66], 16)) for log in logs]
    return Journey(plant, sealed, sorted(written), told)


def forged(method: str, result: Any) -> Any:
    """Every invoice costs ten cents more, in logs and in receipts alike."""
    changed = copy.deepcopy(result)
    for log in _logs(method, changed):
        if log["topics"][0] == FINALIZED:
            words = log["data"][2:]
            log["data"] = "0x" + words[:64] + f"{int(words[64:128], 16) + 10:064x}" + words[128:]
    return changed


def dropped(method: str, result: Any) -> Any:
    """No invoice at all."""
    changed = copy.deepcopy(result)
    if method == "eth_getLogs":
        return []
    for receipt in changed if method == "eth_getBlockReceipts" else []:
        receipt["logs"] = [log for log in receipt["logs"] if log["topics"][0] != FINALIZED]
    return changed


def _logs(method: str, result: Any) -> Iterator[Any]:
    if method == "eth_getLogs":
        yield from result
    elif method == "eth_getBlockReceipts":
        yield from (log for receipt in result for log in receipt["logs"])


def set_up(plant: Plant, contract: str, nodes: list[str]) -> None:
    source = f"""\
rpc = {nodes}
chain_id = {ANVIL_CHAIN_ID}
contract = "{contract}"
quorum = 2
finality_alarm_minutes = 0
[sources.attest]
key = "attest.key"
"""
    text = config(source.replace("'", '"')).replace('verification = "none"', 'verification = "full"')
    (plant.folder / "bridge.toml").write_text(text, "utf-8")
    (plant.folder / "attest.key").write_text(KEY)
    (plant.folder / "attest.key").chmod(0o600)
    customers = [
        Debtor(f"MND-000{place + 1}", f"Customer {place} GmbH", IBANS[place % 3], one.debtor_ref, one.agreement_id)
        for place, one in enumerate(BILLED)
        if place != WITHOUT
    ]
    (plant.folder / "mandates.csv").write_text(mandates_csv(customers), "utf-8")
    plant.ok("mandate", "import", str(plant.folder / "mandates.csv"), "--actor", "clara", clock=EARLY)


def closing(contract: str, invoice: MachineInvoice) -> tuple[list[str], list[str]]:
    """The calls that register a machine and open its agreement, and those that tell its use and close its period."""
    found = list(calls(chain.artefact(), Domain(ANVIL_CHAIN_ID, contract), invoice))
    return found[:2], found[2:]


def closed(receipt: Any) -> bytes:
    """The id of the invoice that a call finalized; empty for another call."""
    return next((bytes.fromhex(log["topics"][1][2:]) for log in receipt["logs"] if log["topics"][0] == FINALIZED), b"")


def hand_over(plant: Plant) -> bytes:
    (batch,) = plant.ok("batch", "list", "--json").json
    for name in ("anna", "ben"):
        plant.ok("batch", "approve", batch["message_id"], "--actor", name, clock=CUT)
    path = Path(plant.ok("batch", "export", batch["message_id"], "--actor", "anna", "--json", clock=CUT).json["file"])
    sealed = path.read_bytes()
    plant.ok("batch", "mark-uploaded", batch["message_id"], "--actor", "anna", clock=UPLOAD)
    return sealed


def take_answers(plant: Plant, sealed: bytes) -> None:
    bank = SimBank(OWN_IBAN, opening_cents=0, style="batch", fees="inside")
    bank.plan({f"plant-1-{RETURNED + 1:06d}-1": "return:MD06"})
    bank.upload(sealed)
    for day in (date(2026, 11, 30), date(2026, 12, 2)):
        (plant.folder / "inbox" / f"{day}.xml").write_bytes(bank.statement(day))


def test_the_file_holds_what_the_machines_used(journey: Journey) -> None:
    """T4, T9: five debits to the cent; the invoice that was reorganised is in it with the amount that the chain has now."""
    root = etree.fromstring(journey.sealed)
    debits = {
        debit.findtext(f"{NS}PmtId/{NS}EndToEndId"): debit.findtext(f"{NS}InstdAmt") for debit in root.iter(f"{NS}DrctDbtTxInf")
    }
    used = [one.amount_cents for one in (*BILLED[:5], CHANGED)]
    assert CHANGED.amount_cents < LAST.amount_cents
    assert debits == {
        f"plant-1-{place + 1:06d}-1": f"{cents // 100}.{cents % 100:02d}" for place, cents in enumerate(used) if place != WITHOUT
    }


def test_both_liars_are_named(journey: Journey) -> None:
    """The forging and the dropping node are shown to people; the third one's answer was proven, and nothing waited."""
    found = [one["subject"].rpartition(" ")[2] for one in journey.told if one["kind"] == "NODE_DISPUTE"]
    assert sorted(found) == ["(1)", "(2)"]


def test_what_became_of_each_is_on_the_chain(journey: Journey) -> None:
    """T49: every invoice that the bank credited is settled there, the one that came back is returned; each once."""
    assert journey.written == [(1, 1), (2, 2), (3, 1), (4, 1), (6, 1)]


def test_every_invariant_holds(journey: Journey) -> None:
    """The books, the raw logs, the count of the contract and the outcomes agree."""
    found = journey.plant.ok("check", "--json", clock=EVENING).json
    assert [one for one in found["checks"] if not one["ok"]] == []


def test_an_invoice_is_explained_from_its_sensor_to_its_outcome(journey: Journey) -> None:
    """The changed invoice: counters, tariff and arithmetic of the readings that count, and what was written back about it."""
    told = journey.plant.ok("invoice", "show", "plant-1-000006", "--json", clock=EVENING).json["provenance"]

    assert (told["ok"], told["amount_cents"]) == (True, CHANGED.amount_cents)
    assert told["counter_end"] - told["counter_start"] == CHANGED.units
    shown = journey.plant.ok("invoice", "show", "plant-1-000006", clock=EVENING).out
    assert "settled: on chain: 0x" in " ".join(shown.split())  # a narrow screen breaks the line
    [outcome] = told["written_back"]
    hashed = keccak(bytes.fromhex(outcome["salt"][2:]) + outcome["statement"].encode())
    assert (outcome["outcome"], outcome["state"], outcome["evidence_hash"]) == ("settled", "final", "0x" + hashed.hex())
