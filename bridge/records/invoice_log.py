"""A log of the chain, raw as the node gave it and decoded; and the contract's own word on completeness."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RawLog:
    """One entry of ``eth_getLogs``, its hex turned into bytes and ints; kept as evidence exactly like this.

    ``address`` is lower case with 0x; ``block_timestamp`` is unix seconds; topics are 32 bytes each.
    """

    chain_id: int
    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    block_timestamp: int
    tx_hash: bytes
    tx_index: int
    log_index: int


@dataclass(frozen=True, slots=True)
class InvoiceLog:
    """The eleven arguments of ``InvoiceFinalized``. ``amount_minor`` is in cents; times are unix seconds; ids are 32 bytes."""

    invoice_id: bytes
    debtor_ref: bytes
    agreement_id: bytes
    invoice_no: int
    amount_minor: int
    currency: str
    period_start: int
    period_end: int
    due_date: int
    usage_root: bytes
    document_hash: bytes


@dataclass(frozen=True, slots=True)
class CancelledLog:
    """The arguments of ``InvoiceCancelled``: 32 bytes each. The reason is opaque."""

    invoice_id: bytes
    reason: bytes


@dataclass(frozen=True, slots=True)
class PaidLog:
    """The arguments of ``InvoicePaid``: ``amount`` is in the token's base units; addresses are lower case with 0x."""

    invoice_id: bytes
    token: str
    payer: str
    amount: int


@dataclass(frozen=True, slots=True)
class PeriodLog:
    """The arguments of ``PeriodClosed``: what an amount was computed from.

    ``base_fee`` and ``cap`` are cents, ``unit_price`` is in millionths of a cent; ``readings`` counts the signed readings.
    """

    agreement_id: bytes
    device_id: bytes
    period: int
    counter_start: int
    counter_end: int
    base_fee: int
    unit_price: int
    cap: int
    readings: int
    usage_root: bytes


@dataclass(frozen=True, slots=True)
class DeviceKeyLog:
    """``DeviceRegistered`` or ``DeviceKeyReplaced``: from here on the machine signs with this key (an address)."""

    device_id: bytes
    key: str


#: what is written back about an invoice, as ``UsageInvoices.Outcome`` numbers it
OUTCOMES = {"settled": 1, "returned": 2, "cancelled": 3}


@dataclass(frozen=True, slots=True)
class AttestedLog:
    """The arguments of ``SettlementAttested``: what was written back about an invoice; ``outcome`` is one of OUTCOMES."""

    invoice_id: bytes
    outcome: int
    evidence_hash: bytes


@dataclass(frozen=True, slots=True)
class AdminLog:
    """Something about the contract itself changed: its code, who may do what with it, where it takes money. By event name."""

    event: str


Decoded = InvoiceLog | CancelledLog | PaidLog | PeriodLog | DeviceKeyLog | AttestedLog | AdminLog


@dataclass(frozen=True, slots=True)
class Head:
    """A block that the source calls final."""

    number: int
    hash: bytes
    timestamp: int


@dataclass(frozen=True, slots=True)
class Completeness:
    """What the contract says at one block: how many invoices it ever finalized, and their running hash."""

    invoice_count: int
    invoice_chain: bytes
