"""Raw logs and lines for the tests of this folder, written out by hand."""

from __future__ import annotations

from typing import Any

from bridge.records.invoice_log import RawLog

CONTRACT = "0x00000000000000000000000000000000000000c0"
CHAIN_ID = 31337
# cast keccak "InvoiceFinalized(bytes32,bytes32,bytes32,uint64,uint128,bytes3,uint64,uint64,uint64,bytes32,bytes32)"
TOPIC = bytes.fromhex("dd70e00b35e2d27bc3c0ed11327442befbf342cb9a4558756b3bffa699eb9b64")
INVOICE_ID = bytes.fromhex("11" * 32)
DEBTOR_REF = bytes.fromhex("22" * 32)
AGREEMENT_ID = bytes.fromhex("33" * 32)
USAGE_ROOT = bytes.fromhex("44" * 32)
DOCUMENT_HASH = bytes.fromhex("55" * 32)
SEPTEMBER = 1788220800  # 2026-09-01 00:00 UTC
OCTOBER = 1790812800  # 2026-10-01 00:00 UTC, 30 days later
DUE = 1792065600  # 2026-10-15 12:00 UTC


def number(value: int) -> bytes:
    return value.to_bytes(32, "big")


WORDS = (
    number(7),  # invoiceNo
    number(123_45),  # amountMinor
    b"EUR" + bytes(29),
    number(SEPTEMBER),
    number(OCTOBER),
    number(DUE),
    USAGE_ROOT,
    DOCUMENT_HASH,
)


def words(**changed: bytes) -> bytes:
    """The eight words of data, some replaced: ``words(w1=number(0))``."""
    return b"".join(changed.get(f"w{at}", word) for at, word in enumerate(WORDS))


def raw_log(**changed: Any) -> RawLog:
    """A well-formed log, some fields replaced."""
    fields: dict[str, Any] = {
        "chain_id": CHAIN_ID,
        "address": CONTRACT,
        "topics": (TOPIC, INVOICE_ID, DEBTOR_REF, AGREEMENT_ID),
        "data": words(),
        "block_number": 100,
        "block_hash": bytes.fromhex("aa" * 32),
        "block_timestamp": OCTOBER + 60,
        "tx_hash": bytes.fromhex("bb" * 32),
        "tx_index": 2,
        "log_index": 5,
    }
    return RawLog(**{**fields, **changed})


def line(**changed: Any) -> dict[str, Any]:
    """The same log as eth_getLogs returns it, some fields replaced; None leaves one out."""
    entry: dict[str, Any] = {
        "address": CONTRACT,
        "topics": ["0x" + part.hex() for part in (TOPIC, INVOICE_ID, DEBTOR_REF, AGREEMENT_ID)],
        "data": "0x" + words().hex(),
        "blockNumber": "0x64",
        "blockHash": "0x" + "aa" * 32,
        "blockTimestamp": hex(OCTOBER + 60),
        "transactionHash": "0x" + "bb" * 32,
        "transactionIndex": "0x2",
        "logIndex": "0x5",
        "removed": False,
    }
    return {name: value for name, value in {**entry, **changed}.items() if value is not None}
