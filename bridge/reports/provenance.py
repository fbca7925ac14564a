"""One invoice back to the sensor: counters, tariff, arithmetic, the signed readings, and where its logs stand on the chain.

Everything but the readings is read from the stored raw logs; the readings come from the machine's owner (``usage`` of the source
in bridge.toml) and are believed as far as they hash to what the contract was told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import observed
from bridge.balances import View
from bridge.chain import decoders, mapping, usage
from bridge.errors import BadInput, UnknownName
from bridge.explaining import written
from bridge.model import Attestation, ChainLog, Invoice, Observation, Source
from bridge.records.invoice_log import DeviceKeyLog, InvoiceLog, PeriodLog, RawLog
from bridge.rules.metering import amount_cents
from bridge.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Finding:
    """``ok`` is None for what could not be looked at."""

    ok: bool | None
    what: str


@dataclass(frozen=True, slots=True)
class Traced:
    """An invoice's log, decoded, and the period that it bills; None where the contract does not tell."""

    raw: RawLog
    said: InvoiceLog
    period: PeriodLog | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """An outcome on its way to the chain, or there; keccak of ``salt`` and ``statement`` is what is written."""

    outcome: str
    state: str
    call: str | None
    evidence_hash: str
    salt: str
    statement: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Counters are in the machine's units, ``unit_price`` in millionths of a cent; None where the contract does not say."""

    number: str
    block: int
    block_hash: str
    log_index: int
    tx_hash: str
    amount_cents: int
    counter_start: int | None
    counter_end: int | None
    base_fee_cents: int | None
    unit_price: int | None
    cap_cents: int | None
    findings: tuple[Finding, ...]
    written_back: tuple[Written, ...]

    @property
    def ok(self) -> bool:
        return all(one.ok is not False for one in self.findings)


def invoice_named(session: Session, number: str) -> Invoice:
    """Raises UnknownName for a number that is no invoice's."""
    invoice = session.scalar(select(Invoice).where(Invoice.number_key == number.upper()))
    if invoice is None:
        raise UnknownName(f"invoice {number!r} is not one that is known; 'bridge invoice list' shows them")
    return invoice


def source_name(session: Session, invoice: Invoice) -> str:
    """The name of its source in bridge.toml."""
    return session.get_one(Source, invoice.source_id).name


def log_of(session: Session, invoice: Invoice, known_at: datetime | None = None) -> tuple[RawLog, int]:
    """The log on the present chain that speaks of an invoice, and the row's id; the one it was made from where none does.

    ``known_at``: by what was known then.
    """
    until = View(known_at=known_at)
    again = select(Observation.log_id).where(Observation.invoice_id == invoice.id)
    ids = [invoice.chain_log_id, *session.scalars(again.where(*until.conditions(recorded_at=Observation.recorded_at)))]
    standing = select(ChainLog).where(ChainLog.id.in_(ids), observed.stands(known_at))
    rows = session.scalars(standing.order_by(ChainLog.id.desc()))
    row = rows.first() or session.get_one(ChainLog, invoice.chain_log_id)
    return observed.raw(row, invoice.chain_id), row.id


def traced(session: Session, runtime: Runtime, invoice: Invoice, known_at: datetime | None = None) -> Traced:
    """An invoice's log, the period that it bills, and what was found of both."""
    raw, _ = log_of(session, invoice, known_at)
    source = session.get_one(Source, invoice.source_id)
    said = decoders.invoice_of(raw, mapping.of(source.mapping))
    assert said is not None  # an invoice is made of nothing else
    period = _period(session, source, raw, said)
    return Traced(raw, said, period, tuple(_findings(session, runtime, source, raw, said, period)))


def of_invoice(session: Session, runtime: Runtime, number: str) -> Provenance:
    """Raises UnknownName."""
    invoice = invoice_named(session, number)
    found = traced(session, runtime, invoice)
    raw, period = found.raw, found.period
    return Provenance(
        number=invoice.number,
        block=raw.block_number,
        block_hash="0x" + raw.block_hash.hex(),
        log_index=raw.log_index,
        tx_hash="0x" + raw.tx_hash.hex(),
        amount_cents=found.said.amount_minor,
        counter_start=period.counter_start if period else None,
        counter_end=period.counter_end if period else None,
        base_fee_cents=period.base_fee if period else None,
        unit_price=period.unit_price if period else None,
        cap_cents=period.cap if period else None,
        findings=found.findings,
        written_back=_written_back(session, invoice),
    )


def _written_back(session: Session, invoice: Invoice) -> tuple[Written, ...]:
    rows = session.scalars(select(Attestation).where(Attestation.invoice_id == invoice.id).order_by(Attestation.id)).all()
    meant = written.statements(session, [row.move_id for row in rows])
    return tuple(
        Written(
            outcome=row.outcome,
            state=row.state,
            call=None if row.tx_hash is None else "0x" + row.tx_hash.hex(),
            evidence_hash="0x" + row.evidence_hash.hex(),
            salt="0x" + row.salt.hex(),
            statement=meant[row.move_id][1].decode() if row.move_id in meant else "",
        )
        for row in rows
    )


def _period(session: Session, source: Source, raw: RawLog, said: InvoiceLog) -> PeriodLog | None:
    """The PeriodClosed that the same call emitted before the invoice, for the same agreement."""
    topics = decoders.PERIOD_CLOSED_TOPIC + said.agreement_id
    rows = select(ChainLog).where(
        ChainLog.source_id == source.id,
        ChainLog.block_hash == raw.block_hash,
        ChainLog.tx_hash == raw.tx_hash,
        ChainLog.log_index < raw.log_index,
        func.substr(ChainLog.topics, 1, 64) == topics,
    )
    row = session.scalars(rows.order_by(ChainLog.log_index.desc())).first()
    found = decoders.decode(observed.raw(row, source.chain_id)) if row is not None and row.refused is None else None
    return found if isinstance(found, PeriodLog) else None


def _findings(
    session: Session, runtime: Runtime, source: Source, raw: RawLog, said: InvoiceLog, period: PeriodLog | None
) -> Iterator[Finding]:
    if period is None:
        yield Finding(None, "the contract does not say what the amount was computed from")
        return
    units = period.counter_end - period.counter_start
    cents = amount_cents(units, base_fee=period.base_fee, unit_price=period.unit_price, cap=period.cap)
    yield Finding(
        cents == said.amount_minor, f"{units:,} units by the tariff are {cents:,} cents; billed are {said.amount_minor:,}"
    )
    yield Finding(period.usage_root == said.usage_root, f"invoice and period name the same root of {period.readings} readings")
    settings = next((one for one in runtime.settings.sources if one.name == source.name), None)
    folder = runtime.settings.home / (settings.usage if settings is not None else Path("usage"))
    path = folder / f"0x{said.agreement_id.hex()}-{period.period}.json"
    try:
        told = usage.read(path)
    except OSError:
        yield Finding(None, f"the readings were not shown: there is no {path.name} in {folder.name}/")
        return
    except BadInput as problem:
        yield Finding(ok=False, what=str(problem))
        return
    yield from _readings(session, source, raw, period, told)


def _readings(session: Session, source: Source, raw: RawLog, period: PeriodLog, told: usage.Usage) -> Iterator[Finding]:
    here = (told.chain_id, told.contract, told.device_id) == (source.chain_id, source.contract, period.device_id)
    yield Finding(here, "the readings are of this machine, for this contract on this chain")
    yield Finding(told.root == period.usage_root, f"{len(told.readings)} readings hash to the root that was billed")
    yield Finding(told.gapless and len(told.readings) == period.readings, "no reading is missing, no counter goes back")
    last = told.readings[-1].counter if told.readings else period.counter_start
    yield Finding(last == period.counter_end, f"the last reading shows {last:,}")
    keys = set(_keys(session, source, raw, period.device_id))
    strange = sum(signer not in keys for signer in told.signers())
    yield Finding(not strange and bool(keys), f"{len(told.readings) - strange} of {len(told.readings)} are signed by the machine")


def _keys(session: Session, source: Source, raw: RawLog, device_id: bytes) -> Iterator[str]:
    """The keys that the machine had up to the closing of the period."""
    kinds = (decoders.DEVICE_REGISTERED_TOPIC, decoders.DEVICE_KEY_REPLACED_TOPIC)
    rows = select(ChainLog).where(
        ChainLog.source_id == source.id,
        ChainLog.block_number <= raw.block_number,
        ChainLog.refused.is_(None),
        func.substr(ChainLog.topics, 1, 64).in_([kind + device_id for kind in kinds]),
        observed.stands(),
    )
    for row in session.scalars(rows):
        found = decoders.decode(observed.raw(row, source.chain_id))
        if isinstance(found, DeviceKeyLog):
            yield found.key
