"""A chain of one's own making, and nodes that lie about it: for training, demos and the tests of the listener.

Blocks have real hashes, receipt tries and blooms, made with the packages rlp, trie and eth-bloom: nothing here is shared with
bridge.chain, so each is the other's oracle. A ``FakeChain`` is mined, finalized and reorganised by hand; a ``FakeNode`` answers
JSON-RPC about it, honestly or by the lies that are switched on. Several nodes may share one chain, or have one each.

    chain = FakeChain()
    chain.mine([chain.invoice(1, 119_00)])
    node = FakeNode(chain)
    node.drop = 1                       # from now on every first log of an answer is missing
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import rlp
from eth_abi.abi import encode
from eth_bloom.bloom import BloomFilter
from eth_hash.auto import keccak
from trie.hexary import HexaryTrie

from bridge.errors import Unavailable

CHAIN_ID = 31337
CONTRACT = "0x" + "c0" * 20
GENESIS_AT = 1_790_000_000  # September 2026
BLOCK_SECONDS = 12
ZERO = bytes(32)
FINALIZED = keccak(b"InvoiceFinalized(bytes32,bytes32,bytes32,uint64,uint128,bytes3,uint64,uint64,uint64,bytes32,bytes32)")
CANCELLED = keccak(b"InvoiceCancelled(bytes32,bytes32)")
PAID = keccak(b"InvoicePaid(bytes32,address,address,uint256)")
_WORDS = ["uint64", "uint128", "bytes3", "uint64", "uint64", "uint64", "bytes32", "bytes32"]
METHODS = {
    "eth_chainId": "_chain_id",
    "eth_blockNumber": "_block_number",
    "eth_getBlockByNumber": "_get_block_by_number",
    "eth_getBlockReceipts": "_get_block_receipts",
    "eth_getTransactionReceipt": "_get_transaction_receipt",
    "eth_getLogs": "_get_logs",
    "eth_call": "_call",
    "eth_getCode": "_get_code",
}
_COUNT, _CHAIN = "0x" + keccak(b"invoiceCount()")[:4].hex(), "0x" + keccak(b"invoiceChain()")[:4].hex()


@dataclass(frozen=True, slots=True)
class FakeLog:
    """A log before it is mined. ``address`` is lower case with 0x."""

    topics: tuple[bytes, ...]
    data: bytes
    address: str = CONTRACT


def invoice(number: int, cents: int, *, address: str = CONTRACT, currency: bytes = b"EUR", **changed: Any) -> FakeLog:
    """The log of an invoice finalized by the reference contract; its id, debtor and agreement follow from its number."""
    told = {
        "invoice_id": keccak(b"invoice %d" % number),
        "debtor_ref": keccak(b"debtor"),
        "agreement_id": keccak(b"agreement %d" % number),
        "period_start": 1_780_000_000,
        "period_end": 1_780_600_000,
        "due_date": 1_781_200_000,
        "usage_root": keccak(b"usage %d" % number),
        "document_hash": ZERO,
        **changed,
    }
    words = [number, cents, currency, told["period_start"], told["period_end"], told["due_date"], told["usage_root"]]
    data = encode(_WORDS, [*words, told["document_hash"]])
    return FakeLog((FINALIZED, told["invoice_id"], told["debtor_ref"], told["agreement_id"]), data, address)


def cancellation(number: int, *, address: str = CONTRACT) -> FakeLog:
    """The log that takes the invoice of that number back."""
    return FakeLog((CANCELLED, keccak(b"invoice %d" % number)), keccak(b"reason"), address)


def payment(number: int, base_units: int, *, token: str, address: str = CONTRACT) -> FakeLog:
    """The log of a payment of the invoice of that number, in base units of a token."""
    topics = (PAID, keccak(b"invoice %d" % number), _address(token), _address("0x" + "fa" * 20))
    return FakeLog(topics, base_units.to_bytes(32, "big"), address)


def administration(event: str, *, address: str = CONTRACT) -> FakeLog:
    """The log of an event that changes the contract itself, by its signature: "Paused(address)"."""
    return FakeLog((keccak(event.encode()),), bytes(32), address)


@dataclass(slots=True)
class Block:
    """A block as a node gives it, its receipts, and what the contract says of itself after it."""

    header: dict[str, Any]
    receipts: list[dict[str, Any]]
    count: int
    fold: bytes

    @property
    def number(self) -> int:
        return int(self.header["number"], 16)

    @property
    def logs(self) -> list[dict[str, Any]]:
        return [log for receipt in self.receipts for log in receipt["logs"]]


@dataclass(slots=True)
class FakeChain:
    """Blocks from a genesis on. ``finalized`` and ``safe`` are block numbers, None for a chain that has none yet."""

    chain_id: int = CHAIN_ID
    contract: str = CONTRACT
    code: bytes = b"\xfe"  # of the contract, at every block
    blocks: list[Block] = field(default_factory=list)
    finalized: int | None = None
    safe: int | None = None
    _salt: int = 0

    def __post_init__(self) -> None:
        self.blocks.append(self._block([], 0, ZERO))

    def mine(self, *calls: Sequence[FakeLog], final: bool = True) -> Block:
        """Append a block of these calls, each the list of its logs; ``final``: it is final at once."""
        last = self.blocks[-1]
        count, fold = last.count, last.fold
        for log in (log for logs in calls for log in logs):
            if log.address == self.contract and log.topics[:1] == (FINALIZED,):
                count, fold = count + 1, _folded(fold, log)
        self.blocks.append(self._block(calls, count, fold))
        if final:
            self.finalized = self.safe = self.blocks[-1].number
        return self.blocks[-1]

    def mine_empty(self, count: int, *, final: bool = True) -> None:
        """Append that many blocks without a call."""
        for _ in range(count):
            self.mine(final=final)

    def reorg(self, depth: int) -> None:
        """Take the last ``depth`` blocks away, below ``finalized`` too; what is mined afterwards has other hashes."""
        del self.blocks[len(self.blocks) - depth :]
        self._salt += 1

    def at(self, number: int) -> Block | None:
        """The block of that number, None beyond the head."""
        return self.blocks[number] if 0 <= number < len(self.blocks) else None

    def _block(self, calls: Sequence[Sequence[FakeLog]], count: int, fold: bytes) -> Block:
        number = len(self.blocks)
        parent = bytes.fromhex(self.blocks[-1].header["hash"][2:]) if self.blocks else ZERO
        return build(number, parent, calls, count, fold, salt=self._salt)


def build(number: int, parent: bytes, calls: Sequence[Sequence[FakeLog]], count: int, fold: bytes, *, salt: int = 0) -> Block:
    """A block with a hash, a receiptsRoot and a bloom that are true of what is in it."""
    tx_hashes = [keccak(b"tx %d %d %d" % (number, salt, place)) for place in range(len(calls))]
    trie = HexaryTrie({})
    whole = BloomFilter()
    receipts: list[dict[str, Any]] = []
    for place, logs in enumerate(calls):
        own = BloomFilter()
        for log in logs:
            for item in (bytes.fromhex(log.address[2:]), *log.topics):
                own.add(item)
                whole.add(item)
        gas = 50_000 * (place + 1)
        entries = [[bytes.fromhex(log.address[2:]), list(log.topics), log.data] for log in logs]
        trie[rlp.encode(place)] = b"\x02" + rlp.encode([1, gas, int(own).to_bytes(256, "big"), entries])
        receipts.append({"type": "0x2", "status": "0x1", "cumulativeGasUsed": hex(gas), "logsBloom": _hex(_bloom(own))})
    fields: dict[str, Any] = {
        "parentHash": parent, "sha3Uncles": keccak(rlp.encode([])), "miner": bytes(20), "stateRoot": keccak(b"%d" % salt),
        "transactionsRoot": keccak(b"".join(tx_hashes)), "receiptsRoot": trie.root_hash, "logsBloom": _bloom(whole),
        "difficulty": 0, "number": number, "gasLimit": 30_000_000, "gasUsed": 50_000 * len(calls),
        "timestamp": GENESIS_AT + BLOCK_SECONDS * number, "extraData": b"fake", "mixHash": ZERO, "nonce": bytes(8),
        "baseFeePerGas": 7, "withdrawalsRoot": keccak(b"\x80"), "blobGasUsed": 0, "excessBlobGas": 0,
        "parentBeaconBlockRoot": ZERO, "requestsHash": ZERO,
    }  # fmt: skip
    block_hash = keccak(rlp.encode(list(fields.values())))
    header: dict[str, Any] = {name: _hex(value) if isinstance(value, bytes) else hex(value) for name, value in fields.items()}
    header |= {"hash": _hex(block_hash), "transactions": [_hex(tx_hash) for tx_hash in tx_hashes]}
    index = 0
    for place, (receipt, logs) in enumerate(zip(receipts, calls, strict=True)):
        where = {
            "blockNumber": hex(number), "blockHash": _hex(block_hash), "blockTimestamp": header["timestamp"],
            "transactionHash": _hex(tx_hashes[place]), "transactionIndex": hex(place), "removed": False,
        }  # fmt: skip
        told = [
            {"address": log.address, "topics": [_hex(t) for t in log.topics], "data": _hex(log.data), **where} for log in logs
        ]
        for entry in told:
            entry["logIndex"], index = hex(index), index + 1
        receipt |= {"transactionHash": where["transactionHash"], "transactionIndex": hex(place), "logs": told}
    return Block(header, receipts, count, fold)


@dataclass(slots=True)
class FakeNode:
    """A provider over a chain (``make_request``). Each lie is a field that rests at honesty; ``asked`` holds every method.

    lag                     how many blocks it is behind
    drop                    the place of the log that is left out of every answer, or "all"
    forged                  a log added to every answer with logs
    shuffled, doubled, removed   what is done to every list of logs
    also_in_receipts        the lies about logs are told in receipts, too
    range_max, refusal      a range of more blocks is refused with this (code, text)
    busy, busy_words        so many next calls are refused as too many, with this (code, text)
    silent                  no answer at all
    answer                  method -> what is answered instead: a value, or a function of the true answer
    """

    chain: FakeChain
    host: str = "fake-node"
    chain_id: int | None = None
    lag: int = 0
    drop: int | str | None = None
    also_in_receipts: bool = False
    forged: FakeLog | None = None
    doubled: bool = False
    shuffled: bool = False
    removed: bool = False
    range_max: int | None = None
    refusal: tuple[int, str] = (-32005, "query returned more than 10000 results")
    busy: int = 0
    busy_words: tuple[int, str] = (429, "Too Many Requests")
    silent: bool = False
    answer: dict[str, Callable[[Any], Any] | Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def make_request(self, method: Any, params: Any, /) -> Mapping[str, Any]:
        """One request, as a node would answer it."""
        self.asked.append(method)
        if self.silent:
            raise Unavailable(f"the node at {self.host} could not be reached; try again, or set another rpc in bridge.toml")
        if self.busy:
            self.busy -= 1
            return _error(*self.busy_words)
        if method not in METHODS:
            return _error(-32601, f"the method {method} does not exist")
        found = getattr(self, METHODS[method])(*params)
        if method in self.answer:
            instead = self.answer[method]
            found = {"result": instead(deepcopy(found.get("result"))) if callable(instead) else instead}
        return found if "error" in found else {"jsonrpc": "2.0", "id": 1, **found}

    @property
    def _head(self) -> int:
        return len(self.chain.blocks) - 1 - self.lag

    def _chain_id(self) -> dict[str, Any]:
        return {"result": hex(self.chain_id or self.chain.chain_id)}

    def _block_number(self) -> dict[str, Any]:
        return {"result": hex(self._head)}

    def _get_block_by_number(self, which: str, *_: object) -> dict[str, Any]:
        block = self._find(which)
        return {"result": None if block is None else dict(block.header)}

    def _get_block_receipts(self, which: str) -> dict[str, Any]:
        block = self._find(which)
        if block is None:
            return {"result": None}
        receipts = deepcopy(block.receipts)
        if self.also_in_receipts:
            for receipt in receipts:
                receipt["logs"] = self._told(receipt["logs"])
        return {"result": receipts}

    def _get_transaction_receipt(self, tx_hash: str) -> dict[str, Any]:
        known = (receipt for block in self.chain.blocks for receipt in block.receipts if receipt["transactionHash"] == tx_hash)
        return {"result": next(known, None)}

    def _get_logs(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        if "blockHash" in wanted:
            blocks = [block for block in self.chain.blocks if block.header["hash"] == wanted["blockHash"]]
        else:
            first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
            if self.range_max is not None and last - first + 1 > self.range_max:
                return _error(*self.refusal)
            blocks = self.chain.blocks[first : min(last, self._head) + 1]  # beyond its head a node is silent, not wrong
        logs = [deepcopy(log) for block in blocks for log in block.logs if _fits(log, wanted)]
        return {"result": self._told(logs)}

    def _call(self, call: Mapping[str, Any], which: str) -> dict[str, Any]:
        block = self._find(which)
        if block is None:
            return _error(-32000, "unknown block")
        if call["to"].lower() != self.chain.contract or call["data"] not in (_COUNT, _CHAIN):
            return _error(3, "execution reverted")
        return {"result": _hex(block.count.to_bytes(32, "big") if call["data"] == _COUNT else block.fold)}

    def _get_code(self, address: str, which: str) -> dict[str, Any]:
        if self._find(which) is None:
            return _error(-32000, "unknown block")
        return {"result": _hex(self.chain.code) if address.lower() == self.chain.contract else "0x"}

    def _find(self, which: str) -> Block | None:
        tags = {"latest": self._head, "finalized": self.chain.finalized, "safe": self.chain.safe, "earliest": 0}
        number = tags[which] if which in tags else int(which, 16)
        return None if number is None or number > self._head else self.chain.at(number)

    def _told(self, logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """A list of logs with the lies that are switched on."""
        if self.drop == "all":
            logs = []
        elif isinstance(self.drop, int):
            logs = [log for place, log in enumerate(logs) if place != self.drop]
        if self.forged is not None and logs:
            told = {"topics": [_hex(topic) for topic in self.forged.topics], "data": _hex(self.forged.data)}
            logs = [*logs, logs[-1] | told | {"address": self.forged.address, "logIndex": hex(int(logs[-1]["logIndex"], 16) + 1)}]
        if self.doubled:
            logs = [log for log in logs for _ in range(2)]
        if self.shuffled:
            logs = logs[::-1]
        return [log | {"removed": True} for log in logs] if self.removed else logs


def _fits(log: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    topics = wanted.get("topics") or []
    first = topics[0] if topics else None
    known = log["topics"][:1] and log["topics"][0] in ([first] if isinstance(first, str) else first or [])
    return wanted.get("address") in (None, log["address"]) and (first is None or bool(known))


def _folded(fold: bytes, log: FakeLog) -> bytes:
    """invoiceChain after one more invoice, computed from the encoded event: keccak(chain, invoiceId, keccak(all arguments))."""
    return keccak(fold + log.topics[1] + keccak(b"".join(log.topics[1:4]) + log.data))


def _address(of: str) -> bytes:
    return bytes(12) + bytes.fromhex(of[2:])


def _bloom(of: BloomFilter) -> bytes:
    return int(of).to_bytes(256, "big")


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _error(code: int, text: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": text}}
