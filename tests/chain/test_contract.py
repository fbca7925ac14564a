from __future__ import annotations

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
from bridge.chain.decoders import CHAIN_START, decode, fold
from bridge.errors import BadInput
from bridge.records.invoice_log import Completeness, Head
from bridge.sim.chain import DemoChain, artefact, ask, finalize_call
from bridge.sim.machines import usage
from tests.nodes import ROOT

INVOICES = usage("contract", until=date(2026, 11, 16), count=5)
STARTED = 1_795_000_000


@pytest.fixture(scope="module")
def demo() -> DemoChain:
    return DemoChain(started_at=STARTED)


@pytest.fixture
def fresh() -> DemoChain:
    return DemoChain(started_at=STARTED)


@pytest.fixture(scope="module")
def billed(demo: DemoChain) -> tuple[list[bytes], ChainSource, Head]:
    """Five invoices finalized on an in-process chain: their ids, the source that reads them, the final head."""
    ids = demo.finalize(INVOICES)
    source = open_source(**demo.source("plant-1"))
    head = source.final_head()
    assert head is not None
    return ids, source, head


def test_the_contract_says_what_it_was_told(billed: tuple[list[bytes], ChainSource, Head]) -> None:
    """Each finalized invoice is one log with the arguments given, in order, numbered from 1 without a gap."""
    ids, source, head = billed
    logs = [decode(raw) for raw in source.logs(0, head.number)]

    assert [log.invoice_id for log in logs] == ids
    assert [log.invoice_no for log in logs] == [1, 2, 3, 4, 5]
    assert [log.amount_minor for log in logs] == [invoice.amount_cents for invoice in INVOICES]
    assert [log.debtor_ref for log in logs] == [invoice.debtor_ref for invoice in INVOICES]
    assert [log.agreement_id for log in logs] == [invoice.agreement_id for invoice in INVOICES]
    assert [log.usage_root for log in logs] == [invoice.usage_root for invoice in INVOICES]
    assert [log.document_hash for log in logs] == [invoice.document_hash for invoice in INVOICES]
    assert [(log.period_start, log.period_end, log.due_date) for log in logs] == [
        (invoice.period_start, invoice.period_end, invoice.due_date) for invoice in INVOICES
    ]


def test_the_invoice_id_is_derived(demo: DemoChain, billed: tuple[list[bytes], ChainSource, Head]) -> None:
    """An invoice id is keccak of chain id, contract, agreement and period: nobody can choose it."""
    expected = encode(
        ["uint256", "address", "bytes32", "uint64"],
        [demo.chain_id, demo.contract, INVOICES[0].agreement_id, INVOICES[0].period],
    )

    assert billed[0][0] == keccak(expected)


def test_the_readers_fold_equals_the_contracts(billed: tuple[list[bytes], ChainSource, Head]) -> None:
    """Folding the decoded logs gives the contract's own count and running hash, at the head and at every block before it."""
    _, source, head = billed
    chain, count = CHAIN_START, 0
    by_block = {raw.block_number: decode(raw) for raw in source.logs(0, head.number)}
    for number in range(1, head.number + 1):  # block 1 deployed the contract
        if number in by_block:
            chain, count = fold(chain, by_block[number]), count + 1
        at = source.head_at(number)
        assert at is not None
        assert source.completeness(at) == Completeness(invoice_count=count, invoice_chain=chain)

    assert count == 5


def test_a_missed_or_changed_log_shows(billed: tuple[list[bytes], ChainSource, Head]) -> None:
    """Leaving out one log, swapping two, or changing one cent gives another running hash than the contract's."""
    _, source, head = billed
    logs = [decode(raw) for raw in source.logs(0, head.number)]
    proof = source.completeness(head)
    assert proof is not None
    dearer = [replace(logs[0], amount_minor=logs[0].amount_minor + 1), *logs[1:]]
    swapped = [logs[1], logs[0], *logs[2:]]
    for wrong in (logs[1:], logs[:-1], swapped, dearer):
        chain = CHAIN_START
        for log in wrong:
            chain = fold(chain, log)
        assert chain != proof.invoice_chain


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_cents": 0},
        {"amount_cents": 100_000_000_000},
        {"period_start": 0},
        {"period_end": INVOICES[0].period_start},
        {"due_date": INVOICES[0].period_start - 1},
        {"due_date": INVOICES[0].due_date * 1000},
    ],
)
def test_the_contract_emits_nothing_its_reader_refuses(demo: DemoChain, wrong: dict[str, Any]) -> None:
    """What the decoder would refuse, the contract already refuses."""
    with pytest.raises(BadInput, match="the contract refused"):
        demo.finalize([replace(INVOICES[0], period=1, **wrong)])


def test_one_agreement_and_period_is_billed_once(fresh: DemoChain) -> None:
    """The same agreement and period is refused the second time, even with another amount; the count stays."""
    fresh.finalize(INVOICES[:1])
    with pytest.raises(BadInput):
        fresh.finalize([replace(INVOICES[0], amount_cents=1)])
    source = open_source(**fresh.source("plant-1"))
    head = source.final_head()
    assert head is not None

    assert len(source.logs(0, head.number)) == 1
    proof = source.completeness(head)
    assert proof is not None
    assert proof.invoice_count == 1


def test_a_cancelled_invoice_stays_in_the_running_hash(fresh: DemoChain) -> None:
    """Cancelling emits InvoiceCancelled once, needs a finalized invoice, and changes neither count nor running hash."""
    (invoice_id,) = fresh.finalize(INVOICES[:1])
    source = open_source(**fresh.source("plant-1"))
    before = source.final_head()
    fresh.cancel(invoice_id, b"\x07" * 32)
    after = source.final_head()
    assert before is not None
    assert after is not None

    assert source.completeness(before) == source.completeness(after)
    entries = ask(fresh.provider, "eth_getLogs", [{"fromBlock": hex(after.number), "toBlock": hex(after.number)}])
    assert [entry["topics"] for entry in entries] == [
        ["0x" + keccak(b"InvoiceCancelled(bytes32,bytes32)").hex(), "0x" + invoice_id.hex()]
    ]
    assert entries[0]["data"] == "0x" + "07" * 32
    for again in (invoice_id, bytes(32)):
        with pytest.raises(BadInput):
            fresh.cancel(again, bytes(32))


def test_only_the_owner_finalizes_and_cancels(fresh: DemoChain) -> None:
    """Another account's call to finalize or cancel is refused and emits nothing."""
    stranger = ask(fresh.provider, "eth_accounts", [])[1]
    (invoice_id,) = fresh.finalize(INVOICES[:1])
    cancel = "0x" + (keccak(b"cancelInvoice(bytes32,bytes32)")[:4] + invoice_id + bytes(32)).hex()
    for data in (finalize_call(artefact(), INVOICES[1]), cancel):
        call = {"from": stranger, "to": fresh.contract, "data": data, "gas": hex(300_000)}
        sent = ask(fresh.provider, "eth_sendTransaction", [call])
        receipt = ask(fresh.provider, "eth_getTransactionReceipt", [sent])
        assert (receipt["status"], receipt["logs"]) == (0, [])


def test_the_demo_chain_keeps_the_time_it_is_told(fresh: DemoChain) -> None:
    """Blocks carry the given time, twelve seconds apart; time jumps forward and never back."""
    fresh.wait_until(STARTED + 86_400)
    fresh.finalize(INVOICES[:2])
    source = open_source(**fresh.source("plant-1"))

    assert [raw.block_timestamp for raw in source.logs(0, 3)] == [STARTED + 86_400, STARTED + 86_412]
    with pytest.raises(ValueError, match="cannot be of"):
        fresh.wait_until(STARTED)


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


def test_nothing_personal_goes_on_chain(demo: DemoChain, billed: tuple[list[bytes], ChainSource, Head]) -> None:
    """Neither a machine's nor a debtor's name stands in any log."""
    _, source, head = billed
    everything = b"".join(raw.data + b"".join(raw.topics) for raw in source.logs(0, head.number))

    assert not [name for invoice in INVOICES for name in (invoice.machine, invoice.debtor) if name.encode() in everything]
