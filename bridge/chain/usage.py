"""Signed readings of a machine, as its owner keeps them, checked against what the contract was told (docs/files.md).

A reading is EIP-712 ``UsageReading(deviceId, seq, readAt, counter)`` in the domain of the contract. Nothing of the file is
believed: every signature must be one of the machine's keys, and all readings together must hash to the root of the period.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.chain import wire
from bridge.chain.hashing import keccak
from bridge.errors import BadInput

BYTES_MAX = 16 * 1024 * 1024
_READING = keccak(b"UsageReading(bytes32 deviceId,uint64 seq,uint64 readAt,uint128 counter)")
_DOMAIN = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")


@dataclass(frozen=True, slots=True)
class SignedReading:
    """``read_at`` is unix seconds; ``signature`` has 65 bytes."""

    seq: int
    read_at: int
    counter: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class Usage:
    """The readings of one period of one machine, for one contract."""

    chain_id: int
    contract: str
    device_id: bytes
    readings: tuple[SignedReading, ...]

    @property
    def root(self) -> bytes:
        """The Merkle root over all readings."""
        return merkle_root([self._struct_hash(one) for one in self.readings])

    def signers(self) -> list[str]:
        """The address that signed each reading, "" for a signature that is none."""
        return [self._signer(one) for one in self.readings]

    @property
    def gapless(self) -> bool:
        """Whether the numbers follow each other, and counters and times never go back."""
        pairs = list(zip(self.readings, self.readings[1:], strict=False))
        return all(b.seq == a.seq + 1 and b.counter >= a.counter and b.read_at >= a.read_at for a, b in pairs)

    def _struct_hash(self, one: SignedReading) -> bytes:
        words = b"".join(value.to_bytes(32, "big") for value in (one.seq, one.read_at, one.counter))
        return keccak(_READING + self.device_id + words)

    def _signer(self, one: SignedReading) -> str:
        from eth_keys.datatypes import Signature
        from eth_keys.exceptions import BadSignature
        from eth_utils.exceptions import ValidationError

        contract = bytes(12) + bytes.fromhex(self.contract[2:])
        domain = keccak(_DOMAIN + keccak(b"UsageInvoices") + keccak(b"1") + self.chain_id.to_bytes(32, "big") + contract)
        digest = keccak(b"\x19\x01" + domain + self._struct_hash(one))
        try:
            signature = Signature(one.signature[:64] + bytes([one.signature[64] - 27]))
            return str(signature.recover_public_key_from_msg_hash(digest).to_address())
        except (BadSignature, ValidationError, ValueError, IndexError):
            return ""


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root of RFC 6962 with Keccak-256: leaf 00, node 01, split at the largest power of two; 32 zero bytes for no leaf."""
    if not leaves:
        return bytes(32)
    if len(leaves) == 1:
        return keccak(b"\x00" + leaves[0])
    middle = 1 << (len(leaves) - 1).bit_length() - 1
    return keccak(b"\x01" + merkle_root(leaves[:middle]) + merkle_root(leaves[middle:]))


def read(path: Path) -> Usage:
    """The file of a period. Raises BadInput naming the file and what is wrong with it; OSError where it cannot be read."""
    if path.stat().st_size > BYTES_MAX:
        raise BadInput(f"{path.name} has more than {BYTES_MAX:,} bytes; no period has so many readings")
    try:
        told: dict[str, Any] = json.loads(path.read_bytes())
        return Usage(
            chain_id=wire.quantity(told["chainId"], "chainId"),
            contract=wire.address(told["contract"], "contract"),
            device_id=wire.blob(told["deviceId"], "deviceId", length=32),
            readings=tuple(_reading(one) for one in told["readings"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        raise BadInput(f"{path.name} is no file of readings: {type(problem).__name__} {problem}; see docs/files.md") from problem


def _reading(one: dict[str, Any]) -> SignedReading:
    return SignedReading(
        seq=wire.quantity(one["seq"], "seq"),
        read_at=wire.quantity(one["readAt"], "readAt"),
        counter=_counter(one["counter"]),
        signature=wire.blob(one["signature"], "signature", length=65),
    )


def _counter(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**128:
        raise ValueError(f"counter is {wire.shown(value)}, not a number of 128 bits")
    return value
