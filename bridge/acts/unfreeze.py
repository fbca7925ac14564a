"""A frozen source goes on after two people looked: a block that was final is another one now, or the contract was changed.

What stands on the chain no more is set aside (Orphan), and what it had booked is taken back: an invoice that is not on the new
chain is orphaned like one that its issuer cancelled; a payment in tokens and a cancellation that are gone are undone. What the
new chain says just the same stays as it is: no money moves. The source is then read again from the last block that both chains
share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, exists, insert, select, update
from sqlalchemy.orm import Session, aliased

from bridge import audit_trail, books, consent, observed, sources
from bridge.books import Recorder
from bridge.chain import ChainSource, decoders, mapping
from bridge.errors import BadInput, IllegalMove, LostRace, UnknownName
from bridge.explaining import beyond, debts, on_chain, written
from bridge.model import Attestation, Break, ChainLog, Cursor, Invoice, Orphan, Source
from bridge.records.invoice_log import AttestedLog, CancelledLog, Decoded, InvoiceLog, PaidLog, RawLog
from bridge.rules import lifecycle
from bridge.runtime import Runtime
from bridge.settings import SourceSettings

#: what two people may end
KINDS = ("REORG_BELOW_FINAL", "CONTRACT_CHANGED", "CODE_CHANGED", "CLAIM_CONFLICT", "PROOF_LOST", "LOG_NOT_ON_CHAIN")
HASH_DIGITS = 8  # of a block hash, at least, are named


@dataclass(frozen=True, slots=True)
class Plan:
    """What unfreezing would do. ``block`` and ``block_hash`` are the last that both chains share, None for none; ``now`` is the
    hash of the block up to which was read, as it is now: the one to name. ``gone``, ``changed``, ``again`` are the invoices
    that the chain has no more, has with other content, has unchanged.
    """

    source: str
    breaks: tuple[str, ...]
    read_to: int
    now: str
    block: int | None
    block_hash: bytes | None
    logs: tuple[int, ...]
    gone: tuple[str, ...]
    changed: tuple[str, ...]
    again: tuple[str, ...]
    code_hash: str | None


@dataclass(frozen=True, slots=True)
class Unfrozen:
    """``missing``: how many more people must say so, naming the same block, first."""

    plan: Plan
    missing: int
    said_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Chain:
    """What the nodes say now, asked before the unit of work."""

    cursor: tuple[int, bytes, int]
    now: bytes
    common: tuple[int, bytes] | None
    logs: tuple[RawLog, ...]  # of the blocks above the last common one
    code_hash: str | None


def plan(runtime: Runtime, name: str, *, from_block: int | None = None) -> Plan:
    """What unfreezing would do now; nothing is changed. ``from_block``: read again from there, whatever both chains share.

    Raises UnknownName, IllegalMove for a source that was never read, Unavailable where the nodes do not agree.
    """
    settings = _settings(runtime, name)
    chain = _ask(runtime, settings, from_block)
    with runtime.reading() as session:
        return _plan(session, settings, chain)


def run(runtime: Runtime, actor: str, name: str, *, block_hash: str, reason: str, from_block: int | None = None) -> Unfrozen:
    """Give one's word, and with the second one's unfreeze. ``block_hash``: the plan's ``now``, or its first digits.

    Raises as ``plan`` does, and BadInput for another hash or without a reason, NotAllowed for a machine.
    """
    if not reason.strip():
        raise BadInput(f"say what happened to {name} (--reason)")
    settings = _settings(runtime, name)
    chain = _ask(runtime, settings, from_block)
    return runtime.work(lambda session: _unfreeze(session, runtime, settings, actor, chain, block_hash, reason))


def _settings(runtime: Runtime, name: str) -> SourceSettings:
    found = next((one for one in runtime.settings.sources if one.name == name), None)
    if found is None:
        raise UnknownName.among("source", name, [one.name for one in runtime.settings.sources])
    return found


def _ask(runtime: Runtime, settings: SourceSettings, from_block: int | None) -> _Chain:
    with runtime.reading() as session:
        row = sources.row(session, settings)
        cursor = session.get(Cursor, row.id)
        if cursor is None:
            raise IllegalMove(f"source {settings.name} was never read; nothing of it is frozen")
        read = (cursor.block_number, cursor.block_hash, cursor.version)
        rows = select(ChainLog.block_number, ChainLog.block_hash).where(ChainLog.source_id == row.id, observed.stands())
        blocks = dict.fromkeys([read[:2], *((number, hash_) for number, hash_ in session.execute(rows.distinct()))])
    source = runtime.source(settings)
    head, now = source.final_head(), source.head_at(read[0])
    if head is None or now is None or head.number < read[0]:
        raise IllegalMove(f"the nodes of {settings.name} do not call block {read[0]:,} final again yet; wait for them")
    common = _common(source, sorted(blocks, reverse=True), from_block)
    first = settings.start_block if common is None else common[0] + 1
    logs = source.logs(first, read[0], parent=None if common is None else common[1])
    return _Chain(read, now.hash, common, tuple(logs), source.code_hash(head))


def _common(source: ChainSource, stored: Sequence[tuple[int, bytes]], from_block: int | None) -> tuple[int, bytes] | None:
    """The last of the stored blocks that the chain still has, from the highest downwards."""
    for number, hash_ in stored:
        if from_block is not None and number >= from_block:
            continue
        head = source.head_at(number)
        if head is not None and head.hash == hash_:
            return number, hash_
    return None


def _plan(session: Session, settings: SourceSettings, chain: _Chain) -> Plan:
    row = sources.row(session, settings)
    own = mapping.of(row.mapping)
    after = -1 if chain.common is None else chain.common[0]
    old = list(observed.standing(session, row, after=after))
    spots = {(log.block_hash, log.log_index) for log in chain.logs}
    gone = [log for log in old if (log.block_hash, log.log_index) not in spots]
    says = {found.invoice_id: found for log in chain.logs if (found := decoders.invoice_of(log, own))}
    sorted_out: dict[str, list[str]] = {"gone": [], "changed": [], "again": []}
    for log in gone:
        before = decoders.invoice_of(observed.raw(log, row.chain_id), own)
        if before is not None and log.refused is None:
            kind = "gone" if before.invoice_id not in says else "again" if says[before.invoice_id] == before else "changed"
            sorted_out[kind].append(settings.number(before.invoice_no))
    open_ones = select(Break.kind).where(Break.subject == f"source:{row.id}", Break.closed_at.is_(None))
    return Plan(
        source=settings.name,
        breaks=tuple(sorted(set(session.scalars(open_ones)))),
        read_to=chain.cursor[0],
        now="0x" + chain.now.hex(),
        block=None if chain.common is None else chain.common[0],
        block_hash=None if chain.common is None else chain.common[1],
        logs=tuple(log.id for log in gone),
        gone=tuple(sorted_out["gone"]),
        changed=tuple(sorted_out["changed"]),
        again=tuple(sorted_out["again"]),
        code_hash=chain.code_hash,
    )


def _unfreeze(
    session: Session, runtime: Runtime, settings: SourceSettings, actor: str, chain: _Chain, block_hash: str, reason: str
) -> Unfrozen:
    wanted = _plan(session, settings, chain)
    named = block_hash.lower().removeprefix("0x")
    if len(named) < HASH_DIGITS or not wanted.now.startswith(f"0x{named}"):
        raise BadInput(
            f"block {wanted.read_to:,} is {wanted.now} now; name it (--block-hash), with at least {HASH_DIGITS} digits"
        )
    agreed = consent.give(
        session,
        act="chain unfreeze",
        object=f"source:{settings.name}",
        said={"block": wanted.now, "from": wanted.block, "logs": wanted.logs, "gone": wanted.gone, "code": wanted.code_hash},
        actor=actor,
        at=runtime.clock(),
    )
    if not agreed.missing:
        _go_on(session, runtime, sources.row(session, settings), chain, wanted, Recorder(actor, runtime.clock()))
    gone = f"{len(wanted.gone)} invoice(s) gone, {len(wanted.changed)} changed, {len(wanted.again)} again"
    detail = f"block {wanted.read_to} is {wanted.now}; {gone}: {reason}"
    audit_trail.note(
        session, at=runtime.clock(), actor=actor, act="chain unfreeze", object=f"source:{settings.name}", detail=detail
    )
    return Unfrozen(wanted, agreed.missing, agreed.by)


def _go_on(session: Session, runtime: Runtime, row: Source, chain: _Chain, wanted: Plan, by: Recorder) -> None:
    touched = _set_aside(session, runtime, row, chain, wanted, by)
    _rewind(session, row, chain, by)
    row.code_hash = chain.code_hash
    books.close_breaks(session, [f"source:{row.id}"], by, "two people unfroze the source", kinds=KINDS)
    beyond.look(session, touched, by, runtime.today())


def _set_aside(session: Session, runtime: Runtime, row: Source, chain: _Chain, wanted: Plan, by: Recorder) -> set[int]:
    """Mark the logs that are gone, and take back what they had booked; returns the invoices that this changed."""
    if not wanted.logs:
        return set()
    session.execute(insert(Orphan), [{"log_id": log_id, "recorded_at": by.at} for log_id in wanted.logs])
    rows = select(ChainLog).where(ChainLog.id.in_(wanted.logs)).order_by(ChainLog.block_number, ChainLog.log_index)
    gone = [(log.id, observed.raw(log, row.chain_id)) for log in session.scalars(rows)]
    own = mapping.of(row.mapping)
    stays = [said for log in chain.logs if (said := _said(log, own)) is not None]
    changed: set[int] = set()
    for log_id, log in gone:
        said = _said(log, own)
        if said in stays:
            continue
        if isinstance(said, AttestedLog):
            _unwritten(session, said)
        if not isinstance(said, InvoiceLog | CancelledLog | PaidLog):
            continue
        invoice_id = session.scalar(
            select(Invoice.id).where(
                Invoice.chain_id == row.chain_id,
                Invoice.contract == row.contract,
                Invoice.claim_id == "0x" + said.invoice_id.hex(),
            )
        )
        if invoice_id is None:
            continue
        _take_back(session, said, invoice_id, log_id, runtime.today(), by)
        changed.add(invoice_id)
    return changed


def _unwritten(session: Session, said: AttestedLog) -> None:
    """An outcome that was written is on the chain no more: it is written again, unless another one of the invoice came after."""
    later = aliased(Attestation)
    newer = exists().where(later.invoice_id == Attestation.invoice_id, later.id > Attestation.id, later.state != "overtaken")
    mine = (Attestation.evidence_hash == said.evidence_hash, Attestation.state == "final", ~newer)
    session.execute(update(Attestation).where(*mine).values(state="planned", **written.UNSENT))


def _said(log: RawLog, own: decoders.Own | None) -> Decoded | None:
    """What a log says; None for one that was refused, and for none of ours."""
    try:
        return decoders.decode(log, own)
    except BadInput:
        return None


def _take_back(
    session: Session, said: InvoiceLog | CancelledLog | PaidLog, invoice_id: int, log_id: int, today: date, by: Recorder
) -> None:
    """Take back what a log had booked, if it had."""
    evidence, words = f"chain_log:{log_id}", "its log is on the chain no more"
    if isinstance(said, InvoiceLog):
        debt = debts.load(session, [invoice_id])[invoice_id]
        if debt.state not in lifecycle.KEPT:
            books.apply_all(session, [on_chain.gone(on_chain.ORPHANED, debt, f"orphan:{log_id}", today, evidence, words)], by)
        return
    fact = on_chain.CANCELLED if isinstance(said, CancelledLog) else on_chain.PAID
    on_chain.back(session, fact, invoice_id, today, evidence, words, by, of=evidence)


def _rewind(session: Session, row: Source, chain: _Chain, by: Recorder) -> None:
    """Read again from the last common block on; lost to an ingest that moved the cursor meanwhile."""
    number, _, version = chain.cursor
    if chain.common == chain.cursor[:2]:
        return
    here = (Cursor.source_id == row.id, Cursor.version == version, Cursor.block_number == number)
    if chain.common is None:
        moved = session.execute(delete(Cursor).where(*here).returning(Cursor.source_id)).all()
    else:
        count, folded = observed.fold(session, row, upto=chain.common[0])
        values = {"block_number": chain.common[0], "block_hash": chain.common[1], "invoice_count": count}
        values |= {"invoice_chain": folded, "version": version + 1, "moved_at": by.at}
        moved = session.execute(update(Cursor).where(*here).values(values).returning(Cursor.source_id)).all()
    if len(moved) != 1:
        raise LostRace(f"source {row.name} was read further meanwhile; look at it again")
