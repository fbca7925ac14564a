"""A simulated machine's signing chip: EIP-712 signatures over its readings, and the file of them that it keeps.

The contract sees the last reading of a period and the Merkle root of all, signed together; the readings stay with the machine's
owner, in one file for each period (docs/files.md), until somebody wants to see what an invoice was computed from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.sim.machines import MachineInvoice, Reading

READING = [("deviceId", "bytes32"), ("seq", "uint64"), ("readAt", "uint64"), ("counter", "uint128")]
BATCH = [
    ("deviceId", "bytes32"), ("firstSeq", "uint64"), ("seq", "uint64"), ("readAt", "uint64"), ("counter", "uint128"),
    ("root", "bytes32"),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Domain:
    """The contract that a signature is meant for (EIP-712); on any other it is worth nothing."""

    chain_id: int
    contract: str


def address(key: bytes) -> str:
    """The address that a machine's signatures are checked against, in lower case."""
    from eth_account import Account

    found: str = Account.from_key(key).address
    return found.lower()


def signed_reading(key: bytes, domain: Domain, reading: Reading) -> bytes:
    """65 bytes over one reading."""
    values = (reading.device_id, reading.seq, reading.read_at, reading.counter)
    return _signed(key, domain, "UsageReading", READING, values)


def signed_batch(key: bytes, domain: Domain, readings: tuple[Reading, ...], root: bytes) -> bytes:
    """65 bytes over the last of these readings and the root of all."""
    last = readings[-1]
    values = (last.device_id, readings[0].seq, last.seq, last.read_at, last.counter, root)
    return _signed(key, domain, "UsageBatch", BATCH, values)


def write_usage(folder: Path, domain: Domain, invoice: MachineInvoice) -> Path:
    """The file of one period's signed readings, as the owner of the machine keeps it; returns its path."""
    signatures = [signed_reading(invoice.device_key, domain, reading) for reading in invoice.readings]
    path = folder / f"0x{invoice.agreement_id.hex()}-{invoice.period}.json"
    readings = [
        {"seq": one.seq, "readAt": one.read_at, "counter": one.counter, "signature": "0x" + signature.hex()}
        for one, signature in zip(invoice.readings, signatures, strict=True)
    ]
    found = {
        "chainId": domain.chain_id,
        "contract": domain.contract,
        "deviceId": "0x" + invoice.device_id.hex(),
        "readings": readings,
    }
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return path


def _signed(key: bytes, domain: Domain, kind: str, fields: list[tuple[str, str]], values: tuple[Any, ...]) -> bytes:
    from eth_account import Account

    stated = {
        "name": "UsageInvoices",
        "version": "1",
        "chainId": domain.chain_id,
        "verifyingContract": domain.contract,
    }
    types = {kind: [{"name": name, "type": type_} for name, type_ in fields]}
    message = {name: value for (name, _), value in zip(fields, values, strict=True)}
    signed = Account.sign_typed_data(key, stated, types, message)
    return bytes(signed.signature)
