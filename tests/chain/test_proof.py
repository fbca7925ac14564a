"""The proof arithmetic, against the packages that say the same and against real blocks."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import date
from typing import Any

import pytest
import rlp
from eth_bloom.bloom import BloomFilter
from hypothesis import given
from hypothesis import strategies as st
from trie.hexary import HexaryTrie

from bridge.chain import proof
from bridge.chain.decoders import invoice_of
from bridge.sim import chain, machines
from bridge.sim.fake_chain import FakeChain, invoice
from tests.nodes import ANVIL_CHAIN_ID, anvil

ITEMS = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=6), max_leaves=12)


@given(ITEMS)
def test_rlp_is_the_packages(item: Any) -> None:
    """Bytes and lists of any depth and length are written as the package rlp writes them."""
    assert proof.encode_rlp(item) == rlp.encode(item)


@pytest.mark.parametrize("length", [54, 55, 56, 57, 255, 256, 257, 65_535, 65_536])
def test_rlp_at_the_ends_of_its_prefixes(length: int) -> None:
    """Where the prefix grows by a byte, for a text and for a list."""
    assert proof.encode_rlp(b"x" * length) == rlp.encode(b"x" * length)
    assert proof.encode_rlp([b"x"] * length) == rlp.encode([b"x"] * length)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 16, 17, 127, 128, 129, 130, 255, 256, 300, 1_000])
def test_a_root_is_the_packages(count: int) -> None:
    """The trie of that many receipts has the root that the package trie gives it; long and short ones mixed."""
    values = [b"%d" % at + b"v" * (at % 70) for at in range(count)]
    trie = HexaryTrie({})
    for at, value in enumerate(values):
        trie[rlp.encode(at)] = value
    assert proof.trie_root(values) == trie.root_hash


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=20), st.binary(min_size=1, max_size=40))
def test_a_bloom_is_the_packages(items: list[bytes], other: bytes) -> None:
    """What is in a bloom may be there; what eth-bloom says of anything else is what we say."""
    theirs = BloomFilter()
    for item in items:
        theirs.add(item)
    ours = int(theirs).to_bytes(256, "big")

    assert all(proof.may_contain(ours, item) for item in items)
    assert proof.may_contain(ours, other) == (other in theirs)


def test_real_blocks_hash_to_what_they_say() -> None:
    """Every header of a node, its receipts and its blooms are what is computed from them."""
    with anvil() as url:
        node, compiled = chain.node(url), chain.artefact()
        contract = chain.deploy(node, compiled)
        chain.bill(node, compiled, contract, machines.usage("proof", until=date(2026, 11, 16), count=6))
        head = int(chain.ask(node, "eth_blockNumber", []), 16)
        found = []
        for number in range(head + 1):
            block = chain.ask(node, "eth_getBlockByNumber", [hex(number), False])
            header = proof.header(block)
            found += proof.logs(header, chain.ask(node, "eth_getBlockReceipts", [hex(number)]) or [], ANVIL_CHAIN_ID)
            assert (header.number, header.hash.hex()) == (number, block["hash"][2:])
    assert len([log for log in found if invoice_of(log)]) == 6
    assert {log.address for log in found} == {contract}


# ---- what does not hash --------------------------------------------------------------------------------------------------


def mined() -> tuple[dict[str, Any], list[dict[str, Any]], int]:
    """A header, its receipts (three, one of them without a log) and the chain id."""
    made = FakeChain()
    block = made.mine([invoice(1, 100), invoice(2, 200)], [], [invoice(3, 300)])
    return block.header, block.receipts, made.chain_id


Change = Callable[[list[dict[str, Any]]], object]
CHANGES: dict[str, Change] = {
    "the status": lambda receipts: receipts[1].update(status="0x0"),
    "the gas": lambda receipts: receipts[1].update(cumulativeGasUsed="0x1"),
    "the type": lambda receipts: receipts[1].update(type="0x1"),
    "no type": lambda receipts: receipts[1].pop("type"),
    "an address": lambda receipts: receipts[0]["logs"][0].update(address="0x" + "ee" * 20),
    "a topic": lambda receipts: receipts[0]["logs"][0]["topics"].__setitem__(1, "0x" + "00" * 32),
    "no topic": lambda receipts: receipts[0]["logs"][0]["topics"].pop(),
    "the data": lambda receipts: receipts[0]["logs"][0].update(data=receipts[0]["logs"][0]["data"][:-2] + "01"),
    "more data": lambda receipts: receipts[0]["logs"][0].update(data=receipts[0]["logs"][0]["data"] + "00"),
    "a log less": lambda receipts: receipts[2]["logs"].pop(),
    "two logs changed places": lambda receipts: receipts[0]["logs"].reverse(),
    "a receipt less": lambda receipts: receipts.pop(),
    "a receipt more": lambda receipts: receipts.append(receipts[1]),
    "two receipts changed places": lambda receipts: receipts.reverse(),
    "another place of a log": lambda receipts: receipts[0]["logs"][0].update(logIndex="0x5"),
    "another transaction of a log": lambda receipts: receipts[0]["logs"][0].update(transactionHash="0x" + "11" * 32),
    "another time of a log": lambda receipts: receipts[0]["logs"][0].update(blockTimestamp="0x1"),
    "another block of a log": lambda receipts: receipts[0]["logs"][0].update(blockHash="0x" + "11" * 32),
    "a log that was removed": lambda receipts: receipts[0]["logs"][0].update(removed=True),
    "logs that are none": lambda receipts: receipts[0].update(logs="0x"),
    "no logs": lambda receipts: receipts[0].pop("logs"),
    "no status": lambda receipts: receipts[0].pop("status"),
    "a type that is none": lambda receipts: receipts[0].update(type="0x80"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_is_changed_in_the_receipts_is_noticed(what: str) -> None:
    """The receipts as they are make up the root; with any single thing changed they do not, or are refused before."""
    header, receipts, chain_id = mined()
    assert [log.log_index for log in proof.logs(proof.header(header), receipts, chain_id)] == [0, 1, 2]
    changed = deepcopy(receipts)
    CHANGES[what](changed)

    with pytest.raises(ValueError, match=r"block|log|type|status|removed"):
        proof.logs(proof.header(header), changed, chain_id)


@pytest.mark.parametrize("name", [name for name in mined()[0] if name != "transactions"])
def test_whatever_is_changed_in_a_header_is_noticed(name: str) -> None:
    """Every field is part of the hash, and a field that is missing or no number is refused as such."""
    header, _, _ = mined()
    value = header[name]
    longer = value[:-1] + ("0" if value[-1] != "0" else "1") if len(value) > 3 else hex(int(value, 16) + 1)
    for wrong in (longer, None, "0x", [1], 2**300):
        with pytest.raises(ValueError, match=r"hash|block|is .*(number|bytes)|has \d+ bytes"):
            proof.header(header | {name: wrong})


def test_a_bloom_that_lies_is_no_proof() -> None:
    """T24: a header may commit to a bloom of zeros; that its receipts have logs is noticed, so that no block is passed over."""
    header, receipts, chain_id = mined()
    found = proof.header(header)
    lying = proof.Header(found.number, found.hash, found.parent_hash, found.timestamp, found.receipts_root, bytes(256), found.rlp)
    with pytest.raises(ValueError, match="do not make up the bloom"):
        proof.logs(lying, receipts, chain_id)


def test_receipts_of_every_kind() -> None:
    """Legacy, typed, before Byzantium (a root instead of a status) and a deposit of the OP stack, as the package encodes them."""
    header, receipts, chain_id = mined()
    empty = receipts[1]
    of = proof.header(header)
    gas = 100_000
    deposit = {"type": "0x7e", "depositNonce": "0x7"}
    kinds: list[tuple[dict[str, Any], bytes]] = [
        ({"type": "0x0"}, rlp.encode([1, gas, bytes(256), []])),
        ({"type": "0x3"}, b"\3" + rlp.encode([1, gas, bytes(256), []])),
        ({"type": None, "status": None, "root": "0x" + "11" * 32}, rlp.encode([b"\x11" * 32, gas, bytes(256), []])),
        (deposit, b"\x7e" + rlp.encode([1, gas, bytes(256), [], 7])),
        (deposit | {"depositReceiptVersion": "0x1"}, b"\x7e" + rlp.encode([1, gas, bytes(256), [], 7, 1])),
    ]
    for changed, expected in kinds:
        assert proof.receipts_of(of, [empty | changed], chain_id)[0] == [expected]
