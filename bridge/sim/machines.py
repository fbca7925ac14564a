"""Pure: six machines that bill their own use, the same for the same seed. Product code for the demo, training and tests.

A machine's counter (minutes, strokes, hectares) only ever grows; it takes one reading a day at noon. A period's readings make a
Merkle root, what the counter grew by times the tariff is the amount. bridge.sim.device signs what is said here.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from eth_hash.auto import keccak

PRICE_SCALE = 1_000_000  # a unit price is in millionths of a cent
READING_TYPE = keccak(b"UsageReading(bytes32 deviceId,uint64 seq,uint64 readAt,uint128 counter)")


@dataclass(frozen=True, slots=True)
class Tariff:
    """Base fee of a period in cents, price of one unit in millionths of a cent, and the most that a period may cost in cents."""

    base_fee: int
    unit_price: int
    cap: int

    def amount(self, units: int) -> int:
        """Cents for so many units, rounded down: the contract's arithmetic."""
        return min(self.cap, self.base_fee + units * self.unit_price // PRICE_SCALE)


@dataclass(frozen=True, slots=True)
class Machine:
    """``units_max`` is the most it does in a day."""

    name: str
    debtor: str
    unit: str
    tariff: Tariff
    units_max: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What a machine's counter showed: the ``seq``-th reading, at ``read_at`` in unix seconds. ``device_id`` has 32 bytes."""

    device_id: bytes
    seq: int
    read_at: int
    counter: int

    @property
    def struct_hash(self) -> bytes:
        """EIP-712 hashStruct of ``UsageReading``; the same on every chain, which only the signature names."""
        words = (self.seq, self.read_at, self.counter)
        return keccak(READING_TYPE + self.device_id + b"".join(word.to_bytes(32, "big") for word in words))


@dataclass(frozen=True, slots=True)
class MachineInvoice:
    """One machine's use in one period, from its readings to the amount that the contract must compute.

    Times are unix seconds (``period_end`` exclusive, ``due_date`` noon UTC of the day); ids, root and hash are 32 bytes.
    ``period`` counts from 0; ``units`` is the last reading's counter less ``counter_start``. ``device_key`` is the machine's
    secret, which no real machine would give away.
    """

    machine: str
    debtor: str
    debtor_ref: bytes
    device_id: bytes
    device_key: bytes = field(repr=False)
    agreement_id: bytes
    period: int
    tariff: Tariff
    counter_start: int
    readings: tuple[Reading, ...]
    period_start: int
    period_end: int
    due_date: int
    document_hash: bytes

    @property
    def units(self) -> int:
        return self.readings[-1].counter - self.counter_start

    @property
    def amount_cents(self) -> int:
        return self.tariff.amount(self.units)

    @property
    def usage_root(self) -> bytes:
        return usage_root([reading.struct_hash for reading in self.readings])


def _cents(unit_cents: int) -> int:
    return unit_cents * PRICE_SCALE


MACHINES: tuple[Machine, ...] = (
    Machine("laser-cutter-1", "customer-1", "minute", Tariff(4_900, _cents(185), 1_500_000), 420),
    Machine("press-2", "customer-1", "stroke", Tariff(0, 7_250_000, 1_000_000), 9_000),
    Machine("milling-centre-3", "customer-2", "minute", Tariff(9_900, _cents(140), 1_000_000), 600),
    Machine("tractor-4", "customer-3", "hectare", Tariff(15_000, _cents(2_450), 750_000), 35),
    Machine("compressor-5", "customer-2", "cubic metre", Tariff(2_500, 3_125_000, 400_000), 16_000),
    Machine("printer-6", "customer-4", "layer", Tariff(0, _cents(12), 400_000), 4_000),
)


def usage(seed: str, *, until: date, count: int = 40, days: int = 7, due_days: int = 14) -> tuple[MachineInvoice, ...]:
    """The last ``count`` invoices of the six machines up to ``until`` (exclusive), oldest period first.

    A period has ``days`` days and is due ``due_days`` days after its end. The same arguments give the same invoices.
    """
    periods = -(-count // len(MACHINES))
    left_out = periods * len(MACHINES) - count  # machines that were first rented one period later
    first = [1 if place < left_out else 0 for place in range(len(MACHINES))]
    invoices = []
    for period in range(periods):
        start = until - timedelta(days=days * (periods - period))
        for machine, begun in zip(MACHINES, first, strict=True):
            if period >= begun:
                invoices.append(_invoice(seed, machine, period - begun, start, days, due_days))
    return tuple(invoices)


def debtor_ref(seed: str, debtor: str) -> bytes:
    """The opaque 32 bytes that stand for a debtor on chain: an HMAC, so that nobody can try names against it."""
    return hmac.digest(_secret(seed, "debtor"), debtor.encode(), "sha256")


def agreement_id(seed: str, machine: Machine) -> bytes:
    """Machine, debtor and tariff in 32 opaque bytes."""
    return hmac.digest(_secret(seed, "agreement"), f"{machine.name}|{machine.debtor}|{machine.tariff}".encode(), "sha256")


def usage_root(struct_hashes: list[bytes]) -> bytes:
    """Merkle root of readings: leaves keccak(00 struct hash), nodes keccak(01 left right), an odd one moves up as it is.

    The first byte keeps a node from being shown as a reading (RFC 6962, section 2.1).
    """
    level = [keccak(b"\x00" + one) for one in struct_hashes]
    while len(level) > 1:
        pairs = [keccak(b"\x01" + level[at] + level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


def _invoice(seed: str, machine: Machine, period: int, start: date, days: int, due_days: int) -> MachineInvoice:
    first_day = start - timedelta(days=days * period)
    device_id = hmac.digest(_secret(seed, "device"), machine.name.encode(), "sha256")
    counter_start = _counter(seed, machine, first_day, period * days)
    end = start + timedelta(days=days)
    document = f"{machine.name}|{start}|{end}|{machine.unit}|{machine.tariff}"
    return MachineInvoice(
        machine=machine.name,
        debtor=machine.debtor,
        debtor_ref=debtor_ref(seed, machine.debtor),
        device_id=device_id,
        device_key=_secret(seed, f"key of {machine.name}"),
        agreement_id=agreement_id(seed, machine),
        period=period,
        tariff=machine.tariff,
        counter_start=counter_start,
        readings=tuple(
            Reading(device_id, day, _noon(first_day + timedelta(days=day - 1)), _counter(seed, machine, first_day, day))
            for day in range(period * days + 1, (period + 1) * days + 1)
        ),
        period_start=_midnight(start),
        period_end=_midnight(end),
        due_date=_noon(end + timedelta(days=due_days)),
        document_hash=hashlib.sha256(_secret(seed, "document") + document.encode()).digest(),
    )


def _counter(seed: str, machine: Machine, first_day: date, days: int) -> int:
    """What the counter shows after so many days: it was not new when it was first rented."""
    return _drawn(seed, machine, "new") % 100_000 + sum(
        _units(seed, machine, first_day + timedelta(days=day)) for day in range(days)
    )


def _units(seed: str, machine: Machine, day: date) -> int:
    """Units of one day, 1 to the machine's most: never 0, because an invoice of 0 cents does not exist."""
    return 1 + _drawn(seed, machine, str(day)) % machine.units_max


def _drawn(seed: str, machine: Machine, what: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}|{machine.name}|{what}".encode()).digest()[:8], "big")


def _secret(seed: str, purpose: str) -> bytes:
    return hashlib.sha256(f"{seed}|{purpose}".encode()).digest()


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time.min, UTC).timestamp())


def _noon(day: date) -> int:
    return _midnight(day) + 12 * 3600  # the same date from Reykjavik to Helsinki
