from __future__ import annotations

import ast
import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from bridge.chain import ChainSource, open_source
from bridge.chain.decoders import CHAIN_START, decode, fold, invoice_of
from bridge.errors import BadInput
from bridge.records.invoice_log import CancelledLog, Completeness, Head, InvoiceLog, PeriodLog
from bridge.sim import device
from bridge.sim.chain import DemoChain, artefact, ask, calls, encoded
from bridge.sim.device import Domain
from bridge.sim.machines import MachineInvoice, Tariff, usage
from tests.nodes import ROOT

USAGE = usage("contract", until=date(2026, 11, 16), count=12)
FIRST = USAGE[:6]  # each machine's first period; USAGE[6:] is its second
STARTED = 1_795_000_000  # two days after the last period
Billed = tuple[list[bytes], ChainSource, Head]


@pytest.fixture(scope="module")
def demo() -> DemoChain:
    return DemoChain(started_at=STARTED)


@pytest.fixture
def fresh() -> DemoChain:
    return DemoChain(started_at=STARTED)


@pytest.fixture(scope="module")
def billed(demo: DemoChain) -> Billed:
    """Twelve invoices on an in-process chain: their ids, the source that reads them, the final head."""
    ids = demo.bill(USAGE)
    source = open_source(**demo.source("plant-1"))
    head = source.final_head()
    assert head is not None
    return ids, source, head


def invoices(source: ChainSource, head: Head) -> list[InvoiceLog]:
    return [found for raw in source.logs(0, head.number) if (found := invoice_of(raw))]


def send(chain: DemoChain, function: str, *arguments: Any) -> dict[str, Any]:
    return dict(chain.call(encoded(artefact(), function, list(arguments))))


def refused(chain: DemoChain, function: str, *arguments: Any) -> None:
    with pytest.raises(BadInput, match="the contract refused"):
        send(chain, function, *arguments)


def opened(chain: DemoChain, invoice: MachineInvoice) -> None:
    """The machine registered and its agreement opened, nothing read yet."""
    for data in list(calls(artefact(), chain.domain, invoice))[:2]:
        chain.call(data)


# ---- what an invoice says ------------------------------------------------------------------------------------------------


def test_the_contract_computes_what_the_machines_counted(billed: Billed) -> None:
    """Each closed period is one log with amount, root and dates of the machine's own account, numbered from 1 without a gap."""
    ids, source, head = billed
    logs = invoices(source, head)

    assert [log.invoice_id for log in logs] == ids
    assert [log.invoice_no for log in logs] == list(range(1, 13))
    for log, told in zip(logs, USAGE, strict=True):
        assert log.amount_minor == told.amount_cents
        assert (log.debtor_ref, log.agreement_id, log.usage_root) == (told.debtor_ref, told.agreement_id, told.usage_root)
        assert (log.period_start, log.period_end, log.due_date) == (told.period_start, told.period_end, told.due_date)
        assert log.document_hash == told.document_hash


def test_the_arithmetic_stands_beside_the_invoice(billed: Billed) -> None:
    """PeriodClosed names counters, tariff and readings: min(cap, base + units * price / 10^6) is the amount."""
    _, source, head = billed
    found = [decode(raw) for raw in source.logs(0, head.number)]
    periods = [one for one in found if isinstance(one, PeriodLog)]

    assert len(periods) == 12
    for period, told in zip(periods, USAGE, strict=True):
        units = period.counter_end - period.counter_start
        assert min(period.cap, period.base_fee + units * period.unit_price // 10**6) == told.amount_cents
        assert (period.readings, period.period) == (7, told.period)


def test_the_invoice_id_is_derived(demo: DemoChain, billed: Billed) -> None:
    """An invoice id is keccak of chain id, contract, agreement and period: nobody can choose it."""
    expected = encode(["uint256", "address", "bytes32", "uint64"], [demo.chain_id, demo.contract, USAGE[6].agreement_id, 1])

    assert billed[0][6] == keccak(expected)


def test_the_readers_fold_equals_the_contracts(billed: Billed) -> None:
    """Folding the decoded logs gives the contract's own count and running hash, at the head and at every block before it."""
    _, source, head = billed
    chain, count = CHAIN_START, 0
    by_block = {raw.block_number: one for raw in source.logs(0, head.number) if (one := invoice_of(raw))}
    for number in range(1, head.number + 1):  # block 1 deployed the contract
        if number in by_block:
            chain, count = fold(chain, by_block[number]), count + 1
        at = source.head_at(number)
        assert at is not None
        assert source.completeness(at) == Completeness(invoice_count=count, invoice_chain=chain)

    assert count == 12


def test_a_missed_or_changed_log_shows(billed: Billed) -> None:
    """Leaving out one log, swapping two, or changing one cent gives another running hash than the contract's."""
    _, source, head = billed
    logs = invoices(source, head)
    proof = source.completeness(head)
    assert proof is not None
    dearer = [replace(logs[0], amount_minor=logs[0].amount_minor + 1), *logs[1:]]
    swapped = [logs[1], logs[0], *logs[2:]]
    for wrong in (logs[1:], logs[:-1], swapped, dearer):
        chain = CHAIN_START
        for log in wrong:
            chain = fold(chain, log)
        assert chain != proof.invoice_chain


def test_nothing_personal_goes_on_chain(billed: Billed) -> None:
    """Neither a machine's nor a debtor's name stands in any log."""
    _, source, head = billed
    everything = b"".join(raw.data + b"".join(raw.topics) for raw in source.logs(0, head.number))

    assert not [name for invoice in USAGE for name in (invoice.machine, invoice.debtor) if name.encode() in everything]


# ---- readings ------------------------------------------------------------------------------------------------------------


def reading(chain: DemoChain, invoice: MachineInvoice, at: int, **changed: Any) -> tuple[Any, ...]:
    """The arguments of submitReading for the ``at``-th reading; what is changed is changed before the machine signs."""
    key, domain = changed.pop("key", invoice.device_key), changed.pop("domain", chain.domain)
    one = replace(invoice.readings[at], **changed)
    return one.device_id, one.seq, one.read_at, one.counter, device.signed_reading(key, domain, one)


def test_readings_one_by_one_make_the_same_invoice(fresh: DemoChain) -> None:
    """Seven readings relayed singly, by anybody, give the root and the amount that they give as a batch."""
    told = FIRST[0]
    opened(fresh, told)
    stranger = ask(fresh.provider, "eth_accounts", [])[5]
    for at in range(7):
        fresh.call(encoded(artefact(), "submitReading", list(reading(fresh, told, at))), sender=stranger)
    send(fresh, "closePeriod", told.agreement_id, told.period_end, told.due_date, told.document_hash)
    source = open_source(**fresh.source("plant-1"))
    head = source.final_head()
    assert head is not None
    (log,) = invoices(source, head)

    assert (log.usage_root, log.amount_minor) == (told.usage_root, told.amount_cents)


@pytest.mark.parametrize("count", range(1, 10))
def test_the_root_of_any_number_of_readings_is_that_of_the_tree(fresh: DemoChain, count: int) -> None:
    """The contract keeps one node for each bit of the count; the root is that of RFC 6962 over all leaves."""
    from bridge.sim.machines import usage_root

    days = usage("root", until=date(2026, 11, 16), count=6, days=count)[0]
    opened(fresh, days)
    for at in range(count):
        send(fresh, "submitReading", *reading(fresh, days, at))
    asked = {"to": fresh.contract, "data": encoded(artefact(), "openPeriod", [days.agreement_id])}
    answer = ask(fresh.provider, "eth_call", [asked, "latest"])

    assert answer[-64:] == usage_root([one.struct_hash for one in days.readings]).hex()
    assert int(answer[-128:-64], 16) == count


WRONG_READINGS: dict[str, dict[str, Any]] = {
    "a gap": {"seq": 4},
    "the same again": {"seq": 2},
    "a counter that went back": {"counter": 1},
    "a counter beyond all counters": {"counter": 2**127},
    "a time that went back": {"read_at": FIRST[0].readings[1].read_at - 1},
    "a time six minutes ahead": {"read_at": STARTED + 86_400},
    "another machine's key": {"key": FIRST[1].device_key},
    "another machine": {"device_id": FIRST[1].device_id},
    "an unknown machine": {"device_id": b"\x09" * 32},
    "another chain's signature": {"domain": Domain(1, "0x" + "00" * 20)},
}


@pytest.mark.parametrize("wrong", WRONG_READINGS)
def test_a_reading_that_is_not_the_next_one_is_refused(fresh: DemoChain, wrong: str) -> None:
    """After two good readings the third must be the third: number, counter, time, machine, key, chain and contract."""
    told = FIRST[0]
    opened(fresh, told)
    opened(fresh, FIRST[1])
    for at in range(2):
        send(fresh, "submitReading", *reading(fresh, told, at))

    refused(fresh, "submitReading", *reading(fresh, told, 2, **WRONG_READINGS[wrong]))
    send(fresh, "submitReading", *reading(fresh, told, 2))


def test_a_signature_covers_every_word(fresh: DemoChain) -> None:
    """A relayer who changes the counter, the time or a byte of the signature is refused; so is the mirrored signature."""
    told = FIRST[0]
    opened(fresh, told)
    device_id, seq, read_at, counter, signature = reading(fresh, told, 0)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    mirrored = signature[:32] + (order - int.from_bytes(signature[32:64], "big")).to_bytes(32, "big")
    mirrored += bytes([55 - signature[64]])
    for changed in (
        (device_id, seq, read_at, counter + 1, signature),
        (device_id, seq, read_at + 1, counter, signature),
        (device_id, seq, read_at, counter, signature[:-2] + bytes(2)),
        (device_id, seq, read_at, counter, mirrored),
        (device_id, seq, read_at, counter, b""),
    ):
        refused(fresh, "submitReading", *changed)
    send(fresh, "submitReading", device_id, seq, read_at, counter, signature)


def batch(chain: DemoChain, told: MachineInvoice, **changed: Any) -> tuple[Any, ...]:
    first, last = told.readings[0], told.readings[-1]
    signature = device.signed_batch(told.device_key, chain.domain, told.readings, told.usage_root)
    fields = {
        "device": told.device_id, "first": first.seq, "seq": last.seq, "at": last.read_at, "counter": last.counter,
        "root": told.usage_root, "signature": signature,
    }  # fmt: skip
    return tuple((fields | changed).values())


def test_a_batch_is_signed_as_a_whole(fresh: DemoChain) -> None:
    """Its numbers follow the last one, its root and counter are the machine's own, and a period has one batch or readings."""
    told = FIRST[0]
    opened(fresh, told)
    for changed in (
        {"root": b"\x01" * 32}, {"counter": told.readings[-1].counter + 1}, {"first": 2}, {"first": 3, "seq": 2}, {"seq": 8},
    ):  # fmt: skip
        refused(fresh, "submitBatch", *batch(fresh, told, **changed))
    send(fresh, "submitBatch", *batch(fresh, told))
    refused(fresh, "submitBatch", *batch(fresh, told))
    refused(fresh, "submitReading", *reading(fresh, USAGE[6], 0))
    send(fresh, "closePeriod", told.agreement_id, told.period_end, told.due_date, bytes(32))
    send(fresh, "submitReading", *reading(fresh, USAGE[6], 0))
    later = replace(USAGE[6], readings=USAGE[6].readings[1:])
    refused(fresh, "submitBatch", *batch(fresh, later))


def test_a_replaced_key_signs_from_then_on(fresh: DemoChain) -> None:
    """After its key was replaced a machine's old signatures are refused and its new ones taken."""
    told = FIRST[0]
    opened(fresh, told)
    send(fresh, "replaceDeviceKey", told.device_id, device.address(b"\x05" * 32))

    refused(fresh, "submitReading", *reading(fresh, told, 0))
    send(fresh, "submitReading", *reading(fresh, told, 0, key=b"\x05" * 32))
    for wrong in ((told.device_id, "0x" + "00" * 20), (b"\x09" * 32, device.address(b"\x05" * 32))):
        refused(fresh, "replaceDeviceKey", *wrong)


# ---- periods and tariffs -------------------------------------------------------------------------------------------------


def amounts(chain: DemoChain) -> list[int]:
    source = open_source(**chain.source("plant-1"))
    head = source.final_head()
    assert head is not None
    return [log.amount_minor for log in invoices(source, head)]


@pytest.mark.parametrize(
    ("tariff", "units", "cents"),
    [
        (Tariff(0, 1_999_999, 1_000_000), 1, 1),  # 1.999999 cents are rounded down
        (Tariff(0, 1, 1_000_000), 999_999, 0),  # a millionth of a cent for each: nothing yet, and no invoice
        (Tariff(0, 1, 1_000_000), 1_000_000, 1),
        (Tariff(500, 0, 1_000_000), 0, 500),  # the base fee is due without any use
        (Tariff(500, 2_000_000, 900), 1_000, 900),  # the cap
        (Tariff(900, 2_000_000, 900), 1_000, 900),
        (Tariff(0, 99_999_999_999 * 10**6, 99_999_999_999), 2**126, 99_999_999_999),  # the largest of everything
    ],
)
def test_an_amount_is_rounded_down_and_capped(fresh: DemoChain, tariff: Tariff, units: int, cents: int) -> None:
    """min(cap, base fee + units * price / 10^6), in whole cents; nothing to pay is no invoice."""
    told = replace(FIRST[0], tariff=tariff, readings=(replace(FIRST[0].readings[0], counter=FIRST[0].counter_start + units),))
    opened(fresh, told)
    if units:
        send(fresh, "submitReading", *reading(fresh, told, 0))
    send(fresh, "closePeriod", told.agreement_id, told.period_end, told.due_date, bytes(32))

    assert amounts(fresh) == [cents] * (cents > 0)
    assert tariff.amount(units) == cents


def test_a_tariff_changes_at_the_end_of_a_period(fresh: DemoChain) -> None:
    """What was used under the old tariff is billed by the old one, whenever the new one was told."""
    told, then = FIRST[0], USAGE[6]
    opened(fresh, told)
    send(fresh, "submitBatch", *batch(fresh, told))
    send(fresh, "scheduleTariff", told.agreement_id, (0, 1_000_000, 1_000_000))
    for each in (told, then):
        if each is then:
            send(fresh, "submitBatch", *batch(fresh, then))
        send(fresh, "closePeriod", each.agreement_id, each.period_end, each.due_date, bytes(32))

    assert amounts(fresh) == [told.amount_cents, then.units]


@pytest.mark.parametrize("tariff", [(0, 1, 0), (0, 1, 100_000_000_000), (11, 1, 10), (0, 99_999_999_999 * 10**6 + 1, 10)])
def test_a_tariff_that_no_invoice_could_carry_is_refused(fresh: DemoChain, tariff: tuple[int, int, int]) -> None:
    """A cap is 1 to the most that one direct debit carries, the base fee at most the cap."""
    told = FIRST[0]
    send(fresh, "registerDevice", told.device_id, device.address(told.device_key), 0)
    refused(fresh, "openAgreement", told.agreement_id, told.device_id, told.debtor_ref, told.period_start, tariff)
    send(fresh, "openAgreement", told.agreement_id, told.device_id, told.debtor_ref, told.period_start, (0, 1, 10))
    refused(fresh, "scheduleTariff", told.agreement_id, tariff)


def test_a_period_is_closed_once_and_not_before_its_end(fresh: DemoChain) -> None:
    """Not before it began, not into the future, not past a reading, not twice, and due when a direct debit can be."""
    told = FIRST[0]
    opened(fresh, told)
    send(fresh, "submitBatch", *batch(fresh, told))
    for end, due in (
        (told.period_start, told.due_date), (STARTED + 86_400, told.due_date), (told.readings[-1].read_at, told.due_date),
        (told.period_end, told.period_start - 1), (told.period_end, told.due_date * 1000),
    ):  # fmt: skip
        refused(fresh, "closePeriod", told.agreement_id, end, due, bytes(32))
    send(fresh, "closePeriod", told.agreement_id, told.period_end, told.due_date, bytes(32))
    refused(fresh, "closePeriod", told.agreement_id, told.period_end, told.due_date, bytes(32))

    assert amounts(fresh) == [told.amount_cents]


def test_a_machine_has_one_agreement_at_a_time(fresh: DemoChain) -> None:
    """Registered once, rented to one; given back only when everything was billed, then free for the next from its counter on."""
    told, then = FIRST[0], USAGE[6]
    opened(fresh, told)
    tariff = (0, 1_000_000, 1_000_000)
    key = device.address(told.device_key)
    refused(fresh, "registerDevice", told.device_id, key, 0)
    refused(fresh, "registerDevice", b"\x08" * 32, "0x" + "00" * 20, 0)
    refused(fresh, "openAgreement", b"\x07" * 32, told.device_id, told.debtor_ref, told.period_end, tariff)
    send(fresh, "submitBatch", *batch(fresh, told))
    refused(fresh, "endAgreement", told.agreement_id)
    send(fresh, "closePeriod", told.agreement_id, told.period_end, told.due_date, bytes(32))
    send(fresh, "endAgreement", told.agreement_id)
    refused(fresh, "closePeriod", told.agreement_id, told.period_end + 1, told.due_date, bytes(32))
    refused(fresh, "openAgreement", told.agreement_id, told.device_id, told.debtor_ref, told.period_end, tariff)
    refused(fresh, "submitBatch", *batch(fresh, then))
    send(fresh, "openAgreement", b"\x07" * 32, told.device_id, told.debtor_ref, told.period_end, tariff)
    send(fresh, "submitBatch", *batch(fresh, then))
    send(fresh, "closePeriod", b"\x07" * 32, then.period_end, then.due_date, bytes(32))

    assert amounts(fresh) == [told.amount_cents, then.units]


# ---- cancelling, writing back, roles, pause ------------------------------------------------------------------------------


def test_a_cancelled_invoice_stays_in_the_running_hash(fresh: DemoChain) -> None:
    """Cancelling emits InvoiceCancelled once, needs a finalized invoice, and changes neither count nor running hash."""
    (invoice_id,) = fresh.bill(FIRST[:1])
    source = open_source(**fresh.source("plant-1"))
    before = source.final_head()
    fresh.cancel(invoice_id, b"\x07" * 32)
    after = source.final_head()
    assert before is not None
    assert after is not None

    assert source.completeness(before) == source.completeness(after)
    (raw,) = source.logs(after.number, after.number)
    assert decode(raw) == CancelledLog(invoice_id=invoice_id, reason=b"\x07" * 32)
    for again in (invoice_id, bytes(32)):
        with pytest.raises(BadInput):
            fresh.cancel(again, bytes(32))


def test_writing_back_the_same_again_does_nothing(fresh: DemoChain) -> None:
    """An outcome is emitted once for each evidence; returned may follow settled, and there are three outcomes."""
    (invoice_id,) = fresh.bill(FIRST[:1])
    logs = [
        len(send(fresh, "attest", invoice_id, outcome, evidence * 32)["logs"])
        for outcome, evidence in ((1, b"a"), (1, b"a"), (1, b"b"), (2, b"b"), (2, b"b"), (1, b"c"))
    ]

    assert logs == [1, 0, 1, 1, 0, 1]
    for wrong in ((invoice_id, 0), (invoice_id, 4), (bytes(32), 1)):
        refused(fresh, "attest", *wrong, bytes(32))


ROLES = {
    "operator": ["registerDevice", "replaceDeviceKey", "openAgreement", "endAgreement", "scheduleTariff"],
    "billing": ["closePeriod", "cancelInvoice"],
    "settlement": ["attest"],
    "pauser": ["pause", "unpause"],
    "admin": ["allowToken", "setPayee"],
}


def test_each_role_can_do_its_own_and_nothing_else() -> None:
    """Five accounts with one role each, and a sixth with none: every other function refuses them before it looks at anything."""
    chain = DemoChain(started_at=STARTED)
    accounts = ask(chain.provider, "eth_accounts", [])
    holders = dict(zip(ROLES, (accounts[at] for at in (2, 3, 4, 5, 1)), strict=True))
    arguments = encode(["address"] * 6, [accounts[at] for at in (1, 2, 3, 4, 5, 6)])
    creation = {"from": accounts[0], "data": artefact()["bytecode"] + arguments.hex(), "gas": hex(5_000_000)}
    sent = ask(chain.provider, "eth_sendTransaction", [creation])
    contract = ask(chain.provider, "eth_getTransactionReceipt", [sent])["contractAddress"]
    missing_role = keccak(b"AccessControlUnauthorizedAccount(address,bytes32)")[:4]
    samples = {"bytes32": bytes(32), "address": accounts[7], "tuple": (0, 0, 1), "bytes": b""}
    for owner, functions in ROLES.items():
        for function in functions:
            entry = next(one for one in artefact()["abi"] if one.get("name") == function)
            data = encoded(artefact(), function, [samples.get(one["type"], 1) for one in entry["inputs"]])
            for role, account in [*holders.items(), ("nobody", accounts[8])]:
                answer = chain.provider.make_request("eth_call", [{"from": account, "to": contract, "data": data}, "latest"])
                said = answer.get("error", {}).get("message", "")
                reverted = ast.literal_eval(said.partition("reverted: ")[2] or "b''")
                assert (reverted[:4] == missing_role) == (role != owner), (function, role)


def test_pausing_stops_what_makes_or_pays_invoices(fresh: DemoChain) -> None:
    """While paused nothing is read, closed or paid; cancelling and writing back go on."""
    first, second = fresh.bill(FIRST[:2])
    then = USAGE[6]
    send(fresh, "pause")
    refused(fresh, "submitReading", *reading(fresh, then, 0))
    refused(fresh, "submitBatch", *batch(fresh, then))
    refused(fresh, "closePeriod", then.agreement_id, then.period_end, then.due_date, bytes(32))
    refused(fresh, "payWithToken", first, fresh.contract)
    fresh.cancel(first, bytes(32))
    send(fresh, "attest", second, 1, bytes(32))
    send(fresh, "unpause")
    send(fresh, "submitBatch", *batch(fresh, then))


# ---- the artefact --------------------------------------------------------------------------------------------------------


def test_the_artefact_is_what_the_source_compiles_to() -> None:
    """A fresh build gives the checked-in bytes, and the code deployed is the artefact's, whoever deployed it."""
    run = subprocess.run([sys.executable, "contracts/build.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    compiled = artefact()
    source = (ROOT / "contracts" / "UsageInvoices.sol").read_bytes()
    chain = DemoChain()

    assert compiled["sourceSha256"] == hashlib.sha256(source).hexdigest()
    assert ask(chain.provider, "eth_getCode", [chain.contract, "latest"]) == compiled["runtimeBytecode"]


def test_the_lock_names_no_host() -> None:
    """The lock file of the node packages pins versions and hashes, not the registry of whoever made it."""
    lock = json.loads((ROOT / "contracts" / "package-lock.json").read_text())

    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    assert lock["packages"]["node_modules/solc"]["integrity"].startswith("sha512-")


def test_without_the_extra_the_demo_chain_says_what_to_install() -> None:
    """Where eth-tester is missing the refusal names the command that installs it."""
    code = (
        "import sys; sys.modules['eth_tester'] = None\n"
        "from bridge.sim.chain import DemoChain\n"
        "from bridge.errors import ConfigError\n"
        "try: DemoChain()\n"
        "except ConfigError as error: print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "pip install 'sdd-bridge[demo]'" in run.stdout


def test_the_demo_chain_keeps_the_time_it_is_told(fresh: DemoChain) -> None:
    """Blocks carry the given time, twelve seconds apart; time jumps forward and never back."""
    fresh.wait_until(STARTED + 86_400)
    fresh.bill(FIRST[:1])
    source = open_source(**fresh.source("plant-1"))
    times = sorted({raw.block_timestamp for raw in source.logs(2, 5)})

    assert times == [STARTED + 86_400, STARTED + 86_436]  # the registration is read, and the closing three blocks later
    with pytest.raises(ValueError, match="cannot be of"):
        fresh.wait_until(STARTED)
