"""A node as a ChainSource: raw JSON-RPC in, records out. Every answer is checked against what was asked."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from bridge.chain import wire
from bridge.chain.decoders import DECODERS
from bridge.chain.endpoint import Busy, HttpEndpoint, Provider
from bridge.chain.hashing import keccak
from bridge.errors import ConfigError, Unavailable
from bridge.records.invoice_log import Completeness, Head, RawLog

INVOICE_COUNT_CALL = "0x" + keccak(b"invoiceCount()")[:4].hex()
INVOICE_CHAIN_CALL = "0x" + keccak(b"invoiceChain()")[:4].hex()
BATCH = 50  # headers in one request: 11,400 a second from anvil over loopback, 930 one by one
PATIENCE = (1, 2, 4, 8, 15)  # seconds between the questions to a node that is busy; then it is Unavailable
NO_SUCH_METHOD = -32601
UNKNOWN_BLOCK = -39001  # what geth answers to "finalized" before there is such a block (execution-apis, error groups)
REVERTED = 3  # execution reverted (go-ethereum, reth, anvil)
TAGS = ("finalized", "safe")
T = TypeVar("T")
# "call rate limit exhausted", "daily request count exceeded", "quota", "throttled": waiting helps, a smaller range does not.
_BUSY = re.compile(
    r"rate limit|too many requests|request count|requests per|quota|throttl|capacity|try again later", re.IGNORECASE
)


class RpcSource:
    """A ``ChainSource`` over one JSON-RPC node.

    ``endpoint`` is a URL or any object with ``make_request(method, params)``. ``finality`` is "finalized", "safe", or the number
    of blocks that must stand on top of a final one. A tag that the node does not know is never replaced by a number.
    The node's chain id is compared before the first answer is used, and again with every final head.
    Raises ConfigError (chain id, finality) and Unavailable (no answer, or one that contradicts itself).
    """

    def __init__(
        self,
        name: str,
        endpoint: str | Provider,
        chain_id: int,
        contract: str,
        finality: str | int = "finalized",
        *,
        topics: Collection[bytes] = tuple(DECODERS),
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        if finality not in TAGS and (isinstance(finality, bool) or not isinstance(finality, int) or finality < 0):
            raise ConfigError(f"source {name!r}: finality {finality!r} is not one of: finalized, safe, a number of confirmations")
        self.name = name
        self.chain_id = chain_id
        self._provider: Provider = HttpEndpoint(endpoint) if isinstance(endpoint, str) else endpoint
        self.host: str = getattr(self._provider, "host", "this process")
        self._contract = contract.lower()
        self._finality = finality
        self._topics = frozenset(topics)
        self._pause = pause
        self._batches: Any = self._provider if hasattr(self._provider, "make_batch_request") else None
        self._chain_id_checked = False

    @property
    def nodes(self) -> Sequence[RpcSource]:
        return (self,)

    def final_head(self) -> Head | None:
        self._check_chain_id()
        if isinstance(self._finality, str):
            return self._tagged(self._finality)
        number = self._number("eth_blockNumber", []) - self._finality
        return None if number < 0 else self.head_at(number)

    def head_at(self, number: int) -> Head | None:
        head = self._head(hex(number))
        if head is not None and head.number != number:
            raise self.inconsistent(f"it gave block {head.number} when block {number} was asked for")
        return head

    def logs(self, first: int, last: int, *, parent: bytes | None = None) -> list[RawLog]:  # noqa: ARG002 - nothing is proven here
        """As the protocol says. A range the node refuses is asked for in halves, down to single blocks."""
        if first > last:
            return []
        # A node that is behind answers a range beyond its head with what it has, without an error (ethereum/execution-apis#534).
        if self.head_at(last) is None:
            raise self.inconsistent(f"it has no block {last}, the last of the range asked for")
        entries = self._entries(first, last)
        headers: dict[int, Head] = {}
        logs = [self._log(entry, first, last, headers) for entry in entries]
        try:
            return wire.in_order(logs)
        except ValueError as error:
            raise self.inconsistent(str(error)) from error

    def blocks(self, first: int, last: int) -> list[Mapping[str, Any]]:
        """The blocks ``first`` to ``last`` as the node gives them, with the hashes of their transactions; each is there."""
        wanted = range(first, last + 1)
        found = self._ask_each([("eth_getBlockByNumber", [hex(number), False]) for number in wanted])
        for number, block in zip(wanted, found, strict=True):
            if not isinstance(block, Mapping):
                raise self.inconsistent(f"block {number} is {wire.shown(block)}")
        return found

    def receipts(self, blocks: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
        """All receipts of each of these blocks that ``blocks`` gave; one by one where the node cannot give a block's at once."""
        try:
            found = self._ask_each([("eth_getBlockReceipts", [block.get("number")]) for block in blocks])
        except Refused as refusal:
            if refusal.code != NO_SUCH_METHOD:
                raise
            found = [self.receipts_of_calls(block.get("transactions") or []) for block in blocks]
        for block, receipts in zip(blocks, found, strict=True):
            if not isinstance(receipts, list | tuple):
                number = wire.shown(block.get("number"))
                raise self.inconsistent(f"it has block {number} but its receipts are {wire.shown(receipts)}")
        return [list(receipts) for receipts in found]

    def receipts_of_calls(self, hashes: Sequence[Any]) -> list[Any]:
        """The receipt of each of these calls, None for one that is in no block; many to a message where the node takes that."""
        return self._ask_each([("eth_getTransactionReceipt", [one]) for one in hashes])

    def all_logs(self, block_hash: bytes) -> list[RawLog]:
        """Every log of one block, of whatever contract."""
        found = self.ask("eth_getLogs", [{"blockHash": "0x" + block_hash.hex()}])
        if not isinstance(found, list | tuple):
            raise self.inconsistent(f"the logs are {wire.shown(found)}, not a list")
        try:
            logs = wire.in_order(wire.raw_log(entry, self.chain_id, timestamp=0) for entry in found)
        except ValueError as error:
            raise self.inconsistent(str(error)) from error
        if any(log.block_hash != block_hash for log in logs):
            raise self.inconsistent("it gave logs of another block than it was asked for")
        return logs

    def self_test(self, head: Head) -> None:
        """Nothing is proven, so nothing can fail."""

    def completeness(self, at: Head) -> Completeness | None:
        """``invoiceCount`` and ``invoiceChain`` at that block; None where the contract has no such functions."""
        count = self._word(INVOICE_COUNT_CALL, at)
        chain = self._word(INVOICE_CHAIN_CALL, at)
        if count is None or chain is None:
            return None
        return Completeness(invoice_count=int.from_bytes(count, "big"), invoice_chain=chain)

    def code_hash(self, at: Head) -> str | None:
        """keccak of the code at that block, in hex; None where there is none."""
        try:
            code = wire.blob(self.ask("eth_getCode", [self._contract, hex(at.number)]), "the answer to eth_getCode")
        except ValueError as error:
            raise self.inconsistent(str(error)) from error
        return "0x" + keccak(code).hex() if code else None

    def _tagged(self, tag: str) -> Head | None:
        try:
            return self._head(tag)
        except Refused as refusal:
            if refusal.code == UNKNOWN_BLOCK:
                return None
            raise

    def _head(self, block: str) -> Head | None:
        answer = self.ask("eth_getBlockByNumber", [block, False])
        if answer is None:
            return None
        if not isinstance(answer, Mapping):
            raise self.inconsistent(f"block {block} is {wire.shown(answer)}")
        try:
            return Head(
                number=wire.quantity(answer.get("number"), "number"),
                hash=wire.blob(answer.get("hash"), "hash", length=32),
                timestamp=wire.quantity(answer.get("timestamp"), "timestamp"),
            )
        except ValueError as error:
            raise self.inconsistent(f"in block {block} {error}") from error

    def _entries(self, first: int, last: int) -> list[Any]:
        topics = sorted("0x" + topic.hex() for topic in self._topics)
        wanted = {"address": self._contract, "fromBlock": hex(first), "toBlock": hex(last), "topics": [topics]}
        try:
            found = self.ask("eth_getLogs", [wanted])
        except Refused:
            # Providers say "too many results" in fifty ways that change; so the text is never read.
            if first == last:
                raise
            middle = (first + last) // 2
            return self._entries(first, middle) + self._entries(middle + 1, last)
        if not isinstance(found, list | tuple):
            raise self.inconsistent(f"the logs are {wire.shown(found)}, not a list")
        return list(found)

    def _log(self, entry: Any, first: int, last: int, headers: dict[int, Head]) -> RawLog:
        """One entry as a RawLog; refused where it is not what was asked for. ``headers`` saves asking for a block twice."""
        try:
            header = self._header_of(entry, headers)
            log = wire.raw_log(entry, self.chain_id, timestamp=None if header is None else header.timestamp)
        except ValueError as error:
            raise self.inconsistent(str(error)) from error
        if header is not None and header.hash != log.block_hash:
            raise self.inconsistent(f"a log names another hash for block {log.block_number} than the block itself")
        if not first <= log.block_number <= last:
            raise self.inconsistent(f"it gave a log of block {log.block_number} when {first} to {last} were asked for")
        if log.address != self._contract:
            raise self.inconsistent(f"it gave a log of contract {log.address} when {self._contract} was asked for")
        if not log.topics or log.topics[0] not in self._topics:
            raise self.inconsistent("it gave a log of an event that was not asked for")
        return log

    def _header_of(self, entry: Any, headers: dict[int, Head]) -> Head | None:
        """The block of a log that carries no time of its own (eth-tester, older nodes); None where it does."""
        if not isinstance(entry, Mapping) or entry.get("blockTimestamp") is not None or entry.get("blockNumber") is None:
            return None
        number = wire.quantity(entry["blockNumber"], "blockNumber")
        if number not in headers:
            head = self.head_at(number)
            if head is None:
                raise self.inconsistent(f"it gave a log of block {number} but not the block")
            headers[number] = head
        return headers[number]

    def _word(self, call: str, at: Head) -> bytes | None:
        try:
            answer = self.ask("eth_call", [{"to": self._contract, "data": call}, hex(at.number)])
        except Refused as refusal:
            if refusal.code == REVERTED:
                return None
            raise  # rate limit, pruned state, timeout: not an answer, and never "no proof"
        try:
            word = wire.blob(answer, "the answer to eth_call")
        except ValueError as error:
            raise self.inconsistent(str(error)) from error
        if not word:
            return None
        if len(word) != 32:
            raise self.inconsistent(f"the answer to eth_call has {len(word)} bytes instead of 32")
        return word

    def _number(self, method: str, params: list[Any]) -> int:
        try:
            return wire.quantity(self.ask(method, params), method)
        except ValueError as error:
            raise self.inconsistent(str(error)) from error

    def _check_chain_id(self) -> None:
        self._chain_id_checked = True  # before asking: the question itself goes through ask
        try:
            found = self._number("eth_chainId", [])
            if found != self.chain_id:
                raise ConfigError(
                    f"source {self.name!r}: the node at {self.host} is on chain {found},"
                    f" but bridge.toml says chain_id = {self.chain_id}; correct chain_id or rpc"
                )
        except BaseException:
            self._chain_id_checked = False
            raise

    def ask(self, method: str, params: list[Any]) -> Any:
        """The result of one request; Refused for a JSON-RPC error, Unavailable for anything else."""
        if not self._chain_id_checked:
            self._check_chain_id()
        return self._patiently(lambda: self._result(method, self._provider.make_request(method, params)))

    def _ask_each(self, requests: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        """The results of these requests, many to a message where the node takes that."""
        if not self._chain_id_checked:
            self._check_chain_id()
        found: list[Any] = []
        for start in range(0, len(requests), BATCH):
            some = requests[start : start + BATCH]
            if self._batches is not None and len(some) > 1:
                try:
                    found += self._patiently(partial(self._at_once, some))
                    continue
                except Busy:
                    raise
                except Unavailable:  # some nodes take none, or only a few; the same questions one by one decide
                    self._batches = None
            found += [self.ask(method, params) for method, params in some]
        return found

    def _at_once(self, requests: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        answers = self._batches.make_batch_request(requests)
        return [self._result(method, answer) for (method, _), answer in zip(requests, answers, strict=True)]

    def _patiently(self, asked: Callable[[], T]) -> T:
        """Ask again after a while where the node is busy; never a smaller question, and never for longer than PATIENCE."""
        for seconds in PATIENCE:
            try:
                return asked()
            except Busy:
                self._pause(seconds)
        return asked()

    def _result(self, method: str, answer: Any) -> Any:
        if not isinstance(answer, Mapping):
            raise self.inconsistent(f"the answer to {method} is no object")
        error = answer.get("error")
        if error is not None:
            raise self._refused(method, error)
        if "result" not in answer:
            raise self.inconsistent(f"the answer to {method} has neither result nor error")
        return answer["result"]

    def _refused(self, method: str, error: Any) -> Unavailable:
        code = error.get("code") if isinstance(error, Mapping) else None
        text = str(error.get("message") if isinstance(error, Mapping) else error)
        if isinstance(self._provider, HttpEndpoint):
            text = self._provider.masked(text)
        said = (
            f"source {self.name!r}: the node at {self.host} refused {method}: {wire.shown(text)} (code {code});"
            " try again, or set another rpc in bridge.toml"
        )
        if _BUSY.search(text):
            return Busy(said)
        return Refused(said, code if isinstance(code, int) else None)

    def inconsistent(self, what: str) -> Unavailable:
        return Unavailable(
            f"source {self.name!r}: the node at {self.host} is inconsistent: {what}; nothing of it was used;"
            " try again, or set another rpc in bridge.toml"
        )


class Refused(Unavailable):
    """The node answered with a JSON-RPC error of this ``code``."""

    def __init__(self, message: str, code: int | None) -> None:
        super().__init__(message)
        self.code = code
