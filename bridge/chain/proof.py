"""Pure: what a node says of a block becomes true by hashing to it. Headers, receipts, logs and blooms of an EVM chain.

A header is the Keccak-256 of its RLP, in the order of go-ethereum's core/types.Header; its ``receiptsRoot`` is the root of a
hexary Merkle Patricia trie over the receipts (Yellow Paper, 4.3.1 and appendix D; typed receipts EIP-2718); its ``logsBloom`` is
the union of three bits of each address and topic (Yellow Paper, 4.3.1). The packages rlp, trie and eth-bloom say the same and are
the oracle of the tests; trie takes seven times as long over 180 receipts.

Every function raises ValueError with a sentence for what does not hash to what it should, or has not the shape it should have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bridge.chain import wire
from bridge.chain.hashing import keccak
from bridge.records.invoice_log import RawLog

BLOOM_BYTES = 256
RECEIPTS_MAX = 100_000  # of one block: no chain has a tenth of that
EMPTY_ROOT = keccak(b"\x80")  # of a trie without a key

# The fields of a header in the order of their hash. Each fork appended some; a header ends after any of these groups.
_LEGACY = (
    ("parentHash", 32), ("sha3Uncles", 32), ("miner", 20), ("stateRoot", 32), ("transactionsRoot", 32), ("receiptsRoot", 32),
    ("logsBloom", BLOOM_BYTES), ("difficulty", 0), ("number", 0), ("gasLimit", 0), ("gasUsed", 0), ("timestamp", 0),
    ("extraData", -1), ("mixHash", 32), ("nonce", 8),
)  # fmt: skip
_FORKS = (
    (("baseFeePerGas", 0),),  # London
    (("withdrawalsRoot", 32),),  # Shanghai
    (("blobGasUsed", 0), ("excessBlobGas", 0), ("parentBeaconBlockRoot", 32)),  # Cancun
    (("requestsHash", 32),),  # Prague
)
_INTEGER, _ANY_LENGTH = 0, -1
_DEPOSIT = 0x7E  # a transaction type of the OP stack, whose receipts have two fields more


@dataclass(frozen=True, slots=True)
class Header:
    """A block header whose hash was computed from its own fields. ``rlp`` is what was hashed: the evidence."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    receipts_root: bytes
    logs_bloom: bytes
    rlp: bytes


def header(block: Mapping[str, Any]) -> Header:
    """The header of an answer to ``eth_getBlockByNumber``, whose stated hash is the one computed."""
    fields = list(_LEGACY)
    for fork in _FORKS:
        if block.get(fork[0][0]) is None:
            break
        fields += fork
    encoded = encode_rlp([_field(block, name, length) for name, length in fields])
    number, stated = wire.quantity(block.get("number"), "number"), wire.blob(block.get("hash"), "hash", length=32)
    if keccak(encoded) != stated:
        raise ValueError(f"the header of block {number} does not hash to the hash that is stated for it")
    return Header(
        number=number,
        hash=stated,
        parent_hash=wire.blob(block["parentHash"], "parentHash", length=32),
        timestamp=wire.quantity(block["timestamp"], "timestamp"),
        receipts_root=wire.blob(block["receiptsRoot"], "receiptsRoot", length=32),
        logs_bloom=wire.blob(block["logsBloom"], "logsBloom", length=BLOOM_BYTES),
        rlp=encoded,
    )


def logs(of: Header, receipts: Sequence[Any], chain_id: int) -> list[RawLog]:
    """The logs of a block from its receipts, in order, once these make up its receiptsRoot and its bloom."""
    encoded, found, united = receipts_of(of, receipts, chain_id)
    if trie_root(encoded) != of.receipts_root:
        raise ValueError(f"the receipts of block {of.number} do not make up the receiptsRoot of its header")
    if united.to_bytes(BLOOM_BYTES, "big") != of.logs_bloom:
        raise ValueError(f"the logs of block {of.number} do not make up the bloom of its header")
    return found


def receipts_of(of: Header, receipts: Sequence[Any], chain_id: int) -> tuple[list[bytes], list[RawLog], int]:
    """Each receipt as it stands in the trie, the logs of all, numbered by their place, and their bloom. Nothing is proven yet."""
    if len(receipts) > RECEIPTS_MAX:
        raise ValueError(f"block {of.number} has {len(receipts)} receipts; no block has so many")
    encoded: list[bytes] = []
    found: list[RawLog] = []
    united = 0
    for place, receipt in enumerate(receipts):
        if not isinstance(receipt, Mapping):
            raise ValueError(f"a receipt of block {of.number} is {wire.shown(receipt)}")  # noqa: TRY004 - one kind for every lie
        own = _logs_of(of, receipt, place, len(found), chain_id)
        bits = _bloom(own)
        encoded.append(_receipt(receipt, own, bits))
        found += own
        united |= bits
    return encoded, found, united


def bloom(of: Iterable[RawLog]) -> bytes:
    """The bloom of these logs: three bits of 2048 for each address and topic."""
    return _bloom(of).to_bytes(BLOOM_BYTES, "big")


def _bloom(of: Iterable[RawLog]) -> int:
    value = 0
    for item in {item for log in of for item in (bytes.fromhex(log.address[2:]), *log.topics)}:
        value |= _bits(item)
    return value


def may_contain(logs_bloom: bytes, item: bytes) -> bool:
    """Whether a block with this bloom may have a log of this address or topic; False is certain."""
    bits = _bits(item)
    return int.from_bytes(logs_bloom, "big") & bits == bits


@lru_cache(maxsize=4_096)  # a contract's address and most topics come again with every log
def _bits(item: bytes) -> int:
    hashed = keccak(item)
    return (
        1 << (int.from_bytes(hashed[0:2], "big") & 2047)
        | 1 << (int.from_bytes(hashed[2:4], "big") & 2047)
        | 1 << (int.from_bytes(hashed[4:6], "big") & 2047)
    )


def _field(block: Mapping[str, Any], name: str, length: int) -> bytes:
    value = block.get(name)
    if length == _INTEGER:
        return _integer(value, name)
    return wire.blob(value, name, length=None if length == _ANY_LENGTH else length)


def _integer(value: object, name: str) -> bytes:
    """A quantity as RLP has it: big-endian without leading zeros. Some (difficulty, gas) are larger than any that is stored."""
    if isinstance(value, str) and value.startswith("0x") and len(value) <= 66:
        try:
            number = int(value, 16)
        except ValueError:
            number = -1
    else:
        number = value if isinstance(value, int) and not isinstance(value, bool) else -1
    if not 0 <= number < 2**256:
        raise ValueError(f"{name} is {wire.shown(value)}, not a number")
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _logs_of(of: Header, receipt: Mapping[str, Any], place: int, before: int, chain_id: int) -> list[RawLog]:
    """A receipt's logs as records; what the node says of their place must be where they stand."""
    entries = receipt.get("logs")
    if not isinstance(entries, list | tuple):
        raise ValueError(f"a receipt of block {of.number} has logs {wire.shown(entries)}, not a list")  # noqa: TRY004
    found = [wire.raw_log(entry, chain_id, timestamp=of.timestamp) for entry in entries]
    tx_hash = wire.blob(receipt.get("transactionHash"), "transactionHash", length=32)
    for index, log in enumerate(found, before):
        if (log.block_number, log.block_hash, log.tx_index, log.log_index) != (of.number, of.hash, place, index):
            raise ValueError(f"a log of block {of.number} says that it stands elsewhere than its receipt")
        if log.block_timestamp != of.timestamp or log.tx_hash != tx_hash:
            raise ValueError(f"a log of block {of.number} has another time or transaction than its block and receipt")
    return found


def _receipt(receipt: Mapping[str, Any], own: Sequence[RawLog], bits: int) -> bytes:
    """One receipt as it stands in the trie: RLP of status (or root), gas, bloom and logs, behind the byte of its type."""
    kind = wire.quantity(receipt.get("type") or 0, "type")
    if kind > 0x7F:
        raise ValueError(f"type is {kind}; EIP-2718 knows 0 to 127")
    outcome = (
        _integer(receipt["status"], "status")
        if receipt.get("status") is not None
        else wire.blob(receipt.get("root"), "status or root", length=32)  # before Byzantium
    )
    fields = [outcome, _integer(receipt.get("cumulativeGasUsed"), "cumulativeGasUsed"), bits.to_bytes(BLOOM_BYTES, "big")]
    parts = [*map(encode_rlp, fields), _list([_log(log) for log in own])]
    if kind == _DEPOSIT:
        own_fields = ("depositNonce", "depositReceiptVersion")
        parts += [encode_rlp(_integer(receipt[name], name)) for name in own_fields if receipt.get(name) is not None]
    encoded = _list(parts)
    return encoded if kind == 0 else bytes((kind,)) + encoded


def _log(log: RawLog) -> bytes:
    """RLP of address, topics and data: most of a block. An address has 20 bytes and a topic 32, so their prefixes are known."""
    topics = _list([b"\xa0" + topic for topic in log.topics])
    return _list([b"\x94" + bytes.fromhex(log.address[2:]), topics, encode_rlp(log.data)])


# ---- recursive length prefix and the trie --------------------------------------------------------------------------------------

Node = Any  # bytes, or a list of them and of lists


def encode_rlp(item: Node) -> bytes:
    """RLP of bytes, or of a list of items (Yellow Paper, appendix B)."""
    if isinstance(item, bytes):
        return item if len(item) == 1 and item[0] < 0x80 else _prefix(len(item), 0x80) + item
    return _list([encode_rlp(one) for one in item])


def _list(encoded: Sequence[bytes]) -> bytes:
    """RLP of a list whose items are encoded already."""
    body = b"".join(encoded)
    return _prefix(len(body), 0xC0) + body


def _prefix(length: int, offset: int) -> bytes:
    if length < 56:
        return bytes((offset + length,))
    written = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((offset + 55 + len(written),)) + written


def trie_root(values: Sequence[bytes]) -> bytes:
    """The root of the trie that has each value under the RLP of its place: how receipts and transactions are committed to."""
    if not values:
        return EMPTY_ROOT
    pairs = sorted((_nibbles(encode_rlp(_place(at))), value) for at, value in enumerate(values))
    return keccak(encode_rlp(_node(pairs, 0)))


def trie_proof(values: Sequence[bytes], at: int) -> list[bytes]:
    """The nodes from the root to the value at that place, each in RLP: with them anybody can check it against the root."""
    pairs = sorted((_nibbles(encode_rlp(_place(place))), value) for place, value in enumerate(values))
    wanted = _nibbles(encode_rlp(_place(at)))
    nodes: list[bytes] = []
    depth = 0
    while True:
        encoded = encode_rlp(_node(pairs, depth))
        if not nodes or len(encoded) >= 32:  # a shorter one stands inside its parent
            nodes.append(encoded)
        if len(pairs) == 1:
            return nodes
        shared = depth
        while pairs[0][0][shared] == pairs[-1][0][shared]:
            shared += 1
        if shared == depth:
            pairs = [pair for pair in pairs if pair[0][depth] == wanted[depth]]
            shared += 1
        depth = shared


def _place(at: int) -> bytes:
    return at.to_bytes((at.bit_length() + 7) // 8, "big")


def _nibbles(key: bytes) -> bytes:
    return bytes(nibble for byte in key for nibble in (byte >> 4, byte & 15))


def _node(pairs: Sequence[tuple[bytes, bytes]], depth: int) -> Node:
    """The node of these sorted keys, which agree in their first ``depth`` nibbles; a list, not yet encoded."""
    first, last = pairs[0][0], pairs[-1][0]
    if len(pairs) == 1:
        return [_hex_prefix(first[depth:], leaf=True), pairs[0][1]]
    shared = depth
    while first[shared] == last[shared]:  # no key of a block is the beginning of another one: RLP is prefix-free
        shared += 1
    if shared > depth:
        return [_hex_prefix(first[depth:shared], leaf=False), _reference(_node(pairs, shared))]
    branch: list[Node] = [b""] * 17
    start = 0
    while start < len(pairs):
        nibble = pairs[start][0][depth]
        end = start + 1
        while end < len(pairs) and pairs[end][0][depth] == nibble:
            end += 1
        branch[nibble] = _reference(_node(pairs[start:end], depth + 1))
        start = end
    return branch


def _reference(node: Node) -> Node:
    """What a parent holds of a node: itself where it is shorter than a hash, else its hash."""
    encoded = encode_rlp(node)
    return node if len(encoded) < 32 else keccak(encoded)


def _hex_prefix(nibbles: bytes, *, leaf: bool) -> bytes:
    """The compact form of a path (Yellow Paper, appendix C)."""
    flag = 2 if leaf else 0
    padded = bytes((flag + 1,)) + nibbles if len(nibbles) % 2 else bytes((flag, 0)) + nibbles
    return bytes(padded[at] << 4 | padded[at + 1] for at in range(0, len(padded), 2))
