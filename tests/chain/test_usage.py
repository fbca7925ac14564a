"""Signed readings as the owner of a machine keeps them, and the proof of one receipt: nothing of either is believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import rlp
from trie.hexary import HexaryTrie

from bridge.chain import open_source, proof, usage
from bridge.chain.verified import VerifiedSource
from bridge.errors import BadInput, Unavailable
from bridge.sim import device, machines
from bridge.sim.fake_chain import CHAIN_ID, CONTRACT, FakeChain, FakeNode, invoice

TOLD = machines.usage("usage", until=date(2026, 11, 16), count=6)[0]
DOMAIN = device.Domain(CHAIN_ID, CONTRACT)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return device.write_usage(tmp_path, DOMAIN, TOLD)


def test_what_the_machine_signed_is_recognised(file: Path) -> None:
    """Seven readings, each signed by its key, without a gap, hash to the root that the contract was told."""
    found = usage.read(file)

    assert (found.chain_id, found.contract, found.device_id) == (CHAIN_ID, CONTRACT, TOLD.device_id)
    assert found.root == TOLD.usage_root
    assert found.signers() == [device.address(TOLD.device_key)] * 7
    assert found.gapless


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "a counter": lambda told: told["readings"][3].update(counter=told["readings"][3]["counter"] + 1),
    "a time": lambda told: told["readings"][3].update(readAt=told["readings"][3]["readAt"] + 1),
    "a reading less": lambda told: told["readings"].pop(3),
    "two changed places": lambda told: told["readings"].reverse(),
    "another machine": lambda told: told.update(deviceId="0x" + "00" * 32),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_file_does_not_hash_to_the_root(file: Path, what: str) -> None:
    """Whatever is changed in the readings, the root is another one."""
    told = json.loads(file.read_text())
    CHANGES[what](told)
    file.write_text(json.dumps(told))

    assert usage.read(file).root != TOLD.usage_root


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told["readings"][3].update(signature=told["readings"][2]["signature"]),
        lambda told: told["readings"][3].update(signature="0x" + "00" * 65),
        lambda told: told.update(chainId=1),
        lambda told: told.update(contract="0x" + "11" * 20),
    ],
)
def test_a_signature_of_something_else_is_none(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Another reading's signature, an empty one, or one for another chain or contract is not the machine's."""
    told = json.loads(file.read_text())
    change(told)
    file.write_text(json.dumps(told))

    assert device.address(TOLD.device_key) != usage.read(file).signers()[3]


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"chainId": 1, "contract": "0x", "deviceId": "0x", "readings": []}'])
def test_a_file_that_is_none_is_refused(file: Path, body: str) -> None:
    """It is named, and the page that says how it should be."""
    file.write_text(body)
    with pytest.raises(BadInput, match=r"is no file of readings.*docs/files\.md"):
        usage.read(file)


@pytest.mark.parametrize("count", [1, 2, 16, 17, 128, 129, 300])
def test_the_way_to_a_receipt_is_that_of_the_trie(count: int) -> None:
    """Anybody's trie finds each value by the nodes given, under the root computed from all."""
    values = [b"%d" % at * (at % 40 + 1) for at in range(count)]
    root = proof.trie_root(values)
    for at in {0, 1, count // 2, count - 1} & set(range(count)):
        nodes = [rlp.decode(node) for node in proof.trie_proof(values, at)]
        assert HexaryTrie.get_from_proof(root, rlp.encode(at), nodes) == values[at]


def test_the_proof_of_one_log() -> None:
    """Two nodes agree on the block; its header hashes to it and its trie holds the receipt. A log that is not there has none."""
    chain = FakeChain()
    chain.mine([invoice(1, 100)], [], [invoice(2, 200), invoice(3, 300)])
    source = open_source(
        name="p", chain_id=CHAIN_ID, contract=CONTRACT, rpc=[FakeNode(chain), FakeNode(chain)], verification="full"
    )
    assert isinstance(source, VerifiedSource)
    log = source.logs(1, 1)[1]
    found = source.evidence(log)

    assert (len(found.hosts), found.place, found.of) == (2, 2, 3)
    held = HexaryTrie.get_from_proof(found.receipts_root, rlp.encode(2), [rlp.decode(node) for node in found.nodes])
    assert held == found.receipt
    assert found.receipts_root in found.header
    chain.reorg(1)
    chain.mine()
    with pytest.raises(Unavailable, match="0 of 2 nodes have the block"):
        source.evidence(log)
