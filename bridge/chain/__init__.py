"""Logs of an EVM chain become records. The only package that knows web3, and it imports it inside functions.

verified   several nodes of which a quorum must agree, and the proofs that all else hashes to what they agree on
proof      header hashes, receipt roots, blooms (pure)
source     one node over JSON-RPC: final head, logs of a range, the contract's own count
endpoint   one HTTP address: timeouts, answers that are none, the JSON-RPC id
recorded   the same from a file: one log a line, taken as final
hashing    Keccak-256
wire       hex on the wire to bytes and ints (pure)
attester   the account that writes outcomes back, and its signed calls
mapping    a customer's own event, as bridge.toml describes it
decoders   raw log to InvoiceLog, and the running hash over them (pure)

``open_source`` picks the source a configuration asks for; everything a step needs of it is the protocol ``ChainSource``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bridge.errors import ConfigError

if TYPE_CHECKING:
    from bridge.chain.attester import Attester
    from bridge.chain.endpoint import Provider
    from bridge.chain.source import RpcSource
    from bridge.records.invoice_log import Completeness, Head, RawLog

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class ChainSource(Protocol):
    """Where the final logs of one contract come from. ``name`` is the [[sources]] entry's; every method may raise Unavailable."""

    @property
    def name(self) -> str: ...

    @property
    def chain_id(self) -> int: ...

    @property
    def nodes(self) -> Sequence[RpcSource]:
        """Who can be asked, one by one; nobody for a file."""

    def final_head(self) -> Head | None:
        """The last block that the source's finality calls final; None when nothing is final yet."""

    def head_at(self, number: int) -> Head | None:
        """The block of that number as the source sees it now; None beyond its head. To compare a stored cursor's hash."""

    def logs(self, first: int, last: int, *, parent: bytes | None = None) -> list[RawLog]:
        """The contract's logs with a known topic in blocks ``first`` to ``last``, both included, by block and log index.

        ``parent`` is the hash of the block before ``first``, where it is known; a source that proves links the blocks to it.
        """

    def self_test(self, head: Head) -> None:
        """Asked once, before a source is read for the first time: ConfigError where what it shall prove cannot be proven."""

    def code_hash(self, at: Head) -> str | None:
        """keccak of the code at the contract's address at that block, in hex; None where there is none, or nobody to ask."""

    def completeness(self, at: Head) -> Completeness | None:
        """What the contract says of itself at that block; None where nobody can be asked (recorded logs, a foreign contract)."""


def open_source(
    *,
    name: str,
    chain_id: int,
    contract: str,
    rpc: Sequence[str | Provider] = (),
    recorded: str | Path | None = None,
    finality: str | int = "finalized",
    verification: str = "none",
    quorum: int | None = None,
    mapping: str | None = None,
) -> ChainSource:
    """The source that one [[sources]] entry describes; nothing is asked of a node or read from a file yet.

    Each of ``rpc`` is a URL, or any object with ``make_request(method, params)`` that speaks JSON-RPC. ``quorum`` is how many of
    them must agree: two by default, one where there is only one; ``mapping`` describes the event of another contract than ours.
    Raises ConfigError where both or neither of ``rpc`` and ``recorded`` are given, and for an unusable address, finality, URL,
    verification, quorum or mapping.
    """
    if recorded is not None and rpc:
        raise ConfigError(f"source {name!r} has both rpc and recorded; keep one of them")
    if not _ADDRESS.fullmatch(contract):
        raise ConfigError(f"source {name!r}: contract {contract!r} is no address; give it as 0x and 40 hex digits")
    from bridge.chain import decoders
    from bridge.chain import mapping as mappings

    topics = decoders.topics_of(mappings.of(mapping))
    if recorded is not None:
        from bridge.chain.recorded import RecordedSource

        if verification != "none":
            raise ConfigError(f'source {name!r}: recorded logs prove nothing; set verification = "none"')
        return RecordedSource(name, Path(recorded), chain_id, contract, topics=topics)
    if not rpc:
        raise ConfigError(f"source {name!r} has neither rpc nor recorded; add the address of a node or a file of logs")
    from bridge.chain.source import RpcSource
    from bridge.chain.verified import PROFILES, VerifiedSource

    nodes = [RpcSource(name, one, chain_id, contract, finality, topics=topics) for one in rpc]
    if verification == "none":
        if len(nodes) > 1:  # taking the first of several would look like a cross-check and be none
            raise ConfigError(f'source {name!r} lists {len(nodes)} rpc endpoints and verification = "none"; keep one, or verify')
        return nodes[0]
    profile = next((known for known in PROFILES if known == verification), None)
    if profile is None:
        raise ConfigError(f"source {name!r}: verification {verification!r} is none of: {', '.join(PROFILES)}, none")
    wanted = min(2, len(nodes)) if quorum is None else quorum
    return VerifiedSource(nodes, contract=contract, topics=topics, quorum=wanted, profile=profile)


def open_attester(source: ChainSource, *, contract: str, key: str) -> Attester:
    """The account with this private key (hex) that writes outcomes back, through the nodes of ``source``. Raises ConfigError."""
    from bridge.chain.attester import Attester

    return Attester(source.nodes, contract=contract, key=key)
