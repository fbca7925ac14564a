"""Pure: six machines that bill their own use, the same for the same seed. Product code for the demo, training and tests.

A machine counts units (hours, strokes, hectares); a period's readings make a Merkle root, its units times the tariff the amount.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from eth_hash.auto import keccak


@dataclass(frozen=True, slots=True)
class Machine:
    """``unit_cents`` is the price of one unit; ``units_max`` the most it does in a day."""

    name: str
    debtor: str
    unit: str
    unit_cents: int
    units_max: int


@dataclass(frozen=True, slots=True)
class MachineInvoice:
    """One machine's use in one period, as the contract is told it.

    Times are unix seconds (``period_end`` exclusive, ``due_date`` noon UTC of the day); ids, root and hash are 32 bytes.
    ``amount_cents`` = ``units`` * the machine's ``unit_cents``.
    """

    machine: str
    debtor: str
    debtor_ref: bytes
    agreement_id: bytes
    period: int
    units: int
    amount_cents: int
    period_start: int
    period_end: int
    due_date: int
    usage_root: bytes
    document_hash: bytes


MACHINES: tuple[Machine, ...] = (
    Machine("laser-cutter-1", "customer-1", "minute", 185, 420),
    Machine("press-2", "customer-1", "stroke", 7, 9_000),
    Machine("milling-centre-3", "customer-2", "minute", 140, 600),
    Machine("tractor-4", "customer-3", "hectare", 2_450, 35),
    Machine("compressor-5", "customer-2", "cubic metre", 3, 16_000),
    Machine("printer-6", "customer-4", "layer", 12, 4_000),
)


def usage(seed: str, *, until: date, count: int = 40, days: int = 7, due_days: int = 14) -> tuple[MachineInvoice, ...]:
    """The last ``count`` invoices of the six machines up to ``until`` (exclusive), oldest period first.

    A period has ``days`` days and is due ``due_days`` days after its end. The same arguments give the same invoices.
    """
    periods = -(-count // len(MACHINES))
    starts = [until - timedelta(days=days * back) for back in range(periods, 0, -1)]
    invoices = [_invoice(seed, machine, start, days, due_days) for start in starts for machine in MACHINES]
    return tuple(invoices[len(invoices) - count :])


def debtor_ref(seed: str, debtor: str) -> bytes:
    """The opaque 32 bytes that stand for a debtor on chain: an HMAC, so that nobody can try names against it."""
    return hmac.digest(_secret(seed, "debtor"), debtor.encode(), "sha256")


def agreement_id(seed: str, machine: Machine) -> bytes:
    """Machine, debtor and tariff in 32 opaque bytes."""
    return hmac.digest(_secret(seed, "agreement"), f"{machine.name}|{machine.debtor}|{machine.unit_cents}".encode(), "sha256")


def usage_root(readings: list[bytes]) -> bytes:
    """Merkle root of the readings: leaves keccak(00 reading), nodes keccak(01 left right), an odd one moves up as it is.

    The first byte keeps a node from being shown as a reading (RFC 6962, section 2.1).
    """
    level = [keccak(b"\x00" + reading) for reading in readings]
    while len(level) > 1:
        pairs = [keccak(b"\x01" + level[at] + level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


def _invoice(seed: str, machine: Machine, start: date, days: int, due_days: int) -> MachineInvoice:
    agreement = agreement_id(seed, machine)
    dates = [start + timedelta(days=day) for day in range(days)]
    units = [_units(seed, machine, day) for day in dates]
    readings = [
        agreement + _noon(day).to_bytes(8, "big") + done.to_bytes(16, "big") for day, done in zip(dates, units, strict=True)
    ]
    end = start + timedelta(days=days)
    document = f"{machine.name}|{start}|{end}|{sum(units)} {machine.unit}|{machine.unit_cents}"
    return MachineInvoice(
        machine=machine.name,
        debtor=machine.debtor,
        debtor_ref=debtor_ref(seed, machine.debtor),
        agreement_id=agreement,
        period=int(start.strftime("%Y%m%d")),
        units=sum(units),
        amount_cents=sum(units) * machine.unit_cents,
        period_start=_midnight(start),
        period_end=_midnight(end),
        due_date=_noon(end + timedelta(days=due_days)),
        usage_root=usage_root(readings),
        document_hash=hashlib.sha256(_secret(seed, "document") + document.encode()).digest(),
    )


def _units(seed: str, machine: Machine, day: date) -> int:
    """Units of one day, 1 to the machine's most: never 0, because an invoice of 0 cents does not exist."""
    drawn = int.from_bytes(hashlib.sha256(f"{seed}|{machine.name}|{day}".encode()).digest()[:8], "big")
    return 1 + drawn % machine.units_max


def _secret(seed: str, purpose: str) -> bytes:
    return hashlib.sha256(f"{seed}|{purpose}".encode()).digest()


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time.min, UTC).timestamp())


def _noon(day: date) -> int:
    return _midnight(day) + 12 * 3600  # the same date from Reykjavik to Helsinki
