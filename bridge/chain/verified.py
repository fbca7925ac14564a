"""Several nodes as one ChainSource that believes none of them: a quorum names the blocks, and everything else must hash to these.

    final head (a quorum agrees on number and hash)
      <- parent links <- header hashes, computed anew       profiles full, bloom
      <- receiptsRoot, computed from all receipts           profile full
      <- the block's bloom, computed from all logs          profile bloom
      <- the same logs from a quorum of nodes               profile quorum-only

Which node answers may change from question to question, how many must agree never does. What a node said that is provably wrong
is a Dispute: it is kept for people, and the next node is asked. Where no node's answer holds nothing is used, nothing advances.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, TypeVar

from bridge.chain import proof
from bridge.chain.proof import Header
from bridge.chain.source import RpcSource
from bridge.errors import ConfigError, Unavailable
from bridge.records.invoice_log import Completeness, Head, RawLog

Profile = Literal["full", "bloom", "quorum-only"]
PROFILES: tuple[Profile, ...] = ("full", "bloom", "quorum-only")  # from the strongest to the weakest
TESTED_BLOCKS = 20  # of the start-up self-test
ROUND_BLOCKS = 200  # headers in memory at once
RECEIPTS_BLOCKS = 8  # whose receipts are asked for at once: of a full block of Ethereum they are one or two MB
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Dispute:
    """A node said what cannot be true, or what most others deny. ``host`` is shown to people and holds no secret."""

    host: str
    what: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """The proof of one log, for anybody: a block on which ``hosts`` agree, its header, and the way to the receipt with the log.

    ``header`` and ``receipt`` are RLP (the receipt with its type byte), ``nodes`` are those of the trie under receiptsRoot.
    """

    hosts: tuple[str, ...]
    header: bytes
    receipts_root: bytes
    place: int
    of: int
    receipt: bytes
    nodes: tuple[bytes, ...]


class VerifiedSource:
    """A ``ChainSource`` over ``nodes``, of which ``quorum`` must agree, read by one verification profile.

    Raises ConfigError where the nodes cannot be verified by the profile (see ``self_test``) or are on another chain, and
    Unavailable where too few answer or none of them can prove what it says.
    """

    def __init__(
        self, nodes: Sequence[RpcSource], *, contract: str, topics: Iterable[bytes], quorum: int, profile: Profile
    ) -> None:
        if not 1 <= quorum <= len(nodes):
            raise ConfigError(f"source {nodes[0].name!r}: a quorum of {quorum} cannot be reached by {len(nodes)} node(s)")
        self.name, self.chain_id = nodes[0].name, nodes[0].chain_id
        self.profile: Profile = profile
        self.disputes: list[Dispute] = []
        self._nodes = {f"{node.host} ({place})": node for place, node in enumerate(nodes, 1)}  # by what people read
        self._quorum = quorum
        self._contract, self._topics = contract.lower(), frozenset(topics)
        self._bloom_is_true = False  # until one block with a log has shown it: some chains keep a bloom of zeros

    @property
    def nodes(self) -> Sequence[RpcSource]:
        return tuple(self._nodes.values())

    # ---- what a quorum says

    def final_head(self) -> Head | None:
        """The highest block that a quorum of nodes calls final, by the hash on which a quorum agrees."""
        said = self._everyone(lambda node: node.final_head())
        numbers = sorted((head.number for head in said.values() if head is not None), reverse=True)
        if len(numbers) < self._quorum:
            return None
        return self._agreed(numbers[self._quorum - 1])

    def head_at(self, number: int) -> Head | None:
        """The block of that number by a quorum; None where a quorum does not have it yet."""
        said = self._everyone(lambda node: node.head_at(number))
        known = {host: head for host, head in said.items() if head is not None}
        return self._common(known, f"block {number:,}") if len(known) >= self._quorum else None

    def completeness(self, at: Head) -> Completeness | None:
        """What the contract says of itself at that block, by a quorum that says the same."""
        said = self._everyone(lambda node: node.completeness(at))
        return self._common(said, f"what the contract counts at block {at.number:,}")

    def code_hash(self, at: Head) -> str | None:
        """The hash of the contract's code at that block, by a quorum."""
        said = self._everyone(lambda node: node.code_hash(at))
        return self._common(said, f"the contract's code at block {at.number:,}")

    # ---- what is proven

    def logs(self, first: int, last: int, *, parent: bytes | None = None) -> list[RawLog]:
        """The contract's logs of these blocks, proven by the profile up to the block ``last`` of a quorum.

        ``parent`` is the hash of the block before ``first``, where it is known: the blocks must link to it.
        """
        if first > last:
            return []
        if self.profile == "quorum-only":
            said = self._everyone(lambda node: node.logs(first, last))
            return self._common(said, f"the logs of blocks {first:,} to {last:,}")
        found: list[RawLog] = []
        for start in range(first, last + 1, ROUND_BLOCKS):
            end = self._agreed(min(start + ROUND_BLOCKS - 1, last))
            found += self._any_of(partial(self._proven, first=start, end=end, parent=parent))
            parent = end.hash
        return found

    def evidence(self, log: RawLog) -> Evidence:
        """The proof that a stored log stands on the chain now. Raises Unavailable where the nodes do not prove it."""
        said = self._everyone(lambda node: node.head_at(log.block_number))
        hosts = tuple(host for host, head in said.items() if head is not None and head.hash == log.block_hash)
        if len(hosts) < self._quorum:
            raise Unavailable(
                f"source {self.name!r}: {len(hosts)} of {len(self._nodes)} nodes have the block of this log, {self._quorum} must"
            )
        return self._any_of(partial(self._evidence, log=log, hosts=hosts))

    def _evidence(self, node: RpcSource, log: RawLog, hosts: tuple[str, ...]) -> Evidence:
        [block] = node.blocks(log.block_number, log.block_number)
        header, [receipts] = proof.header(block), node.receipts([block])
        if log not in proof.logs(header, receipts, self.chain_id):
            raise ValueError(f"the receipts of block {log.block_number} do not hold the stored log")
        encoded, _, _ = proof.receipts_of(header, receipts, self.chain_id)
        nodes = tuple(proof.trie_proof(encoded, log.tx_index))
        place, root = log.tx_index, header.receipts_root
        return Evidence(hosts, header.rlp, root, place, len(encoded), encoded[place], nodes)

    def self_test(self, head: Head) -> None:
        """Before anything was read: try on the last blocks up to ``head`` whether this chain and these nodes can prove it.

        Raises ConfigError where a proof failed with every node: a weaker profile is a decision of people, in bridge.toml.
        """
        first = max(0, head.number - TESTED_BLOCKS + 1)
        try:
            if self.profile != "quorum-only":
                self._any_of(lambda node: self._proven(node, first, head, None))
        except _NotProven as problem:
            raise ConfigError(
                f"source {self.name!r} cannot be verified as {self.profile!r} ({problem}); use other nodes,"
                " or choose a weaker verification after reading docs/chain.md"
            ) from problem

    def _proven(self, node: RpcSource, first: int, end: Head, parent: bytes | None) -> list[RawLog]:
        """What one node gives of these blocks, once it hashes to ``end``. Raises ValueError if it does not, and Unavailable."""
        blocks = node.blocks(first, end.number)
        headers = [proof.header(block) for block in blocks]
        _check_links(headers, first, end, parent)
        found: list[RawLog] = []
        pairs = list(zip(headers, blocks, strict=True))
        for start in range(0, len(pairs), RECEIPTS_BLOCKS):
            some = [pair for pair in pairs[start : start + RECEIPTS_BLOCKS] if self._may_hold(pair[0])]
            for logs in self._logs_of(node, some):
                self._bloom_is_true |= bool(logs)
                found += [log for log in logs if self._is_ours(log)]
        return found

    def _may_hold(self, header: Header) -> bool:
        """Whether the block has to be read: its bloom says so, or its bloom is not known to say anything."""
        if header.receipts_root == proof.EMPTY_ROOT:
            return False
        if not self._bloom_is_true:
            return True
        return proof.may_contain(header.logs_bloom, bytes.fromhex(self._contract[2:])) and any(
            proof.may_contain(header.logs_bloom, topic) for topic in self._topics
        )

    def _logs_of(self, node: RpcSource, pairs: Sequence[tuple[Header, Mapping[str, Any]]]) -> Iterator[list[RawLog]]:
        """Every log of each block, of whatever contract, as its header proves them."""
        if self.profile == "full":
            receipts = node.receipts([block for _, block in pairs])
            yield from (
                proof.logs(header, of_block, self.chain_id) for (header, _), of_block in zip(pairs, receipts, strict=True)
            )
            return
        for header, _ in pairs:
            logs = [replace(log, block_timestamp=header.timestamp) for log in node.all_logs(header.hash)]
            if proof.bloom(logs) != header.logs_bloom:
                raise ValueError(f"the logs of block {header.number} do not make up the bloom of its header")
            yield logs

    def _is_ours(self, log: RawLog) -> bool:
        return log.address == self._contract and bool(log.topics) and log.topics[0] in self._topics

    # ---- whom to ask

    def _everyone(self, ask: Callable[[RpcSource], T]) -> dict[str, T]:
        """Each node's answer, by its host. Raises Unavailable where fewer than a quorum answer."""
        said: dict[str, T] = {}
        absent: list[str] = []
        wrong = 0
        for host, node in self._nodes.items():
            try:
                said[host] = ask(node)
            except ConfigError as problem:  # on another chain: it is none of the nodes that count
                self._dispute(host, str(problem))
                absent.append(str(problem))
                wrong += 1
            except Unavailable as problem:
                absent.append(str(problem))
        if len(said) < self._quorum:
            kind = ConfigError if wrong == len(self._nodes) else Unavailable
            raise kind(
                f"source {self.name!r}: {len(said)} of {len(self._nodes)} nodes answered, but {self._quorum} must agree:"
                f" {'; '.join(absent)}"
            )
        return said

    def _any_of(self, ask: Callable[[RpcSource], T]) -> T:
        """The first answer that its node can prove. Raises Unavailable, or _NotProven where all answered and none could."""
        refused: list[str] = []
        silent: list[str] = []
        for host, node in self._nodes.items():
            try:
                return ask(node)
            except ValueError as lie:
                self._dispute(host, str(lie))
                refused.append(f"{host}: {lie}")
            except (Unavailable, ConfigError) as problem:
                silent.append(str(problem))
        kind = Unavailable if silent else _NotProven
        raise kind(f"source {self.name!r}: no node proves what it says: {'; '.join(refused + silent)}")

    def _agreed(self, number: int) -> Head:
        head = self.head_at(number)
        if head is None:
            raise Unavailable(f"source {self.name!r}: fewer than {self._quorum} nodes have block {number:,}; try again later")
        return head

    def _common(self, said: Mapping[str, T], what: str) -> T:
        """The answer that a quorum gives; who says otherwise is noted. Raises Unavailable without one."""
        groups: list[tuple[T, list[str]]] = []
        for host, answer in said.items():
            alike = next((hosts for other, hosts in groups if other == answer), None)
            if alike is None:
                groups.append((answer, [host]))
            else:
                alike.append(host)
        winners = [group for group in groups if len(group[1]) >= self._quorum]
        if len(winners) != 1:
            told = " / ".join(", ".join(hosts) for _, hosts in groups)
            raise Unavailable(f"source {self.name!r}: the nodes do not agree on {what} ({told}); nothing was used")
        answer, hosts = winners[0]
        for host in said:
            if host not in hosts:
                self._dispute(host, f"says otherwise about {what} than {', '.join(hosts)}")
        return answer

    def _dispute(self, host: str, what: str) -> None:
        self.disputes.append(Dispute(host, what))


class _NotProven(Unavailable):
    """Every node answered, and none could prove its answer."""


def _check_links(headers: Sequence[Header], first: int, end: Head, parent: bytes | None) -> None:
    """The headers are the blocks from ``first`` on, each the parent of the next, and the last is ``end``. Raises ValueError."""
    expected = parent
    before = 0
    for number, header in enumerate(headers, first):
        if header.number != number:
            raise ValueError(f"block {header.number} came where block {number} was asked for")
        if expected is not None and header.parent_hash != expected:
            raise ValueError(f"block {number} does not follow the block before it")
        if header.timestamp < before:
            raise ValueError(f"block {number} is older than the block before it")
        expected, before = header.hash, header.timestamp
    if expected != end.hash:
        raise ValueError(f"the blocks up to {end.number} do not lead to the one that the nodes agree on")
