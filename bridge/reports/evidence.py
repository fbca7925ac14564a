"""What each query of the proof finds for each invoice: the logs decoded anew, the money, what is in flight or owed, the state.

Each is a query of its own over postings, logs or Moves; none is worked out from the others.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from bridge import balances
from bridge.balances import View
from bridge.chain import decoders, mapping
from bridge.model import ChainLog, Collection, Invoice, Move, Observation, Orphan, Posting, Source, Voucher
from bridge.records.invoice_log import InvoiceLog, RawLog
from bridge.rules.proof import InvoiceBalances

START = decoders.CHAIN_START


@dataclass(frozen=True, slots=True)
class Logs:
    """The stored raw logs in view, decoded anew: by invoice, those without one, and the fold of each source."""

    by_invoice: dict[int, int]
    source_of: dict[int, int]
    homeless: dict[int, int]  # log id -> cents, of logs that should have an invoice
    fold: dict[int, tuple[int, bytes]]


def billed(session: Session, view: View) -> Logs:
    """What was billed, decoded from the evidence and not read from the invoice rows."""
    owner = {log_id: invoice_id for log_id, invoice_id in session.execute(select(Invoice.chain_log_id, Invoice.id))}
    sources = {source.id: (source.chain_id, mapping.of(source.mapping)) for source in session.scalars(select(Source))}
    orphans = set(
        session.scalars(select(Orphan.log_id).where(*View(known_at=view.known_at).conditions(recorded_at=Orphan.recorded_at)))
    )
    repeats = set(session.scalars(select(Observation.log_id)))
    found = Logs({}, {}, {}, {})
    rows = session.scalars(
        select(ChainLog)
        .where(*view.conditions(ChainLog.booked_on, ChainLog.recorded_at))
        .order_by(ChainLog.source_id, ChainLog.block_number, ChainLog.log_index)
    )
    for row in rows:
        decoded = _decoded(row, *sources[row.source_id])
        if decoded is None:
            continue
        if row.id not in orphans:
            count, chain = found.fold.get(row.source_id, (0, START))
            found.fold[row.source_id] = (count + 1, decoders.fold(chain, decoded))
        if row.refused is not None or row.id in repeats:
            continue
        if row.id in owner:
            found.by_invoice[owner[row.id]] = decoded.amount_minor
            found.source_of[owner[row.id]] = row.source_id
        else:
            found.homeless[row.id] = decoded.amount_minor
    return found


def _decoded(row: ChainLog, chain_id: int, own: decoders.Own | None) -> InvoiceLog | None:
    topics = tuple(row.topics[start : start + 32] for start in range(0, len(row.topics), 32))
    raw = RawLog(
        chain_id,
        row.address,
        topics,
        row.data,
        row.block_number,
        row.block_hash,
        row.block_timestamp,
        row.tx_hash,
        row.tx_index,
        row.log_index,
    )
    return decoders.invoice_of(raw, own)


def of_invoices(session: Session, view: View, logs: Logs) -> dict[int, InvoiceBalances]:
    """Every invoice with a balance or a log in view."""
    invoice_of = {
        collection_id: invoice_id for collection_id, invoice_id in session.execute(select(Collection.id, Collection.invoice_id))
    }
    clearing: Counter[int] = Counter()
    for collection_id, cents in balances.by_subject(session, "Clearing", view).items():
        clearing[invoice_of.get(collection_id, 0)] += cents
    receivable = balances.by_subject(session, "Receivable", view)
    taken_back = _taken_back(session, view)
    loss = _sums(session, view, "Loss", "Receivable", Posting.credit_subject) - _sums(
        session, view, "Receivable", "Loss", Posting.debit_subject
    )
    direct = _direct_debit(session, view, invoice_of)
    transfer = _facts(session, view, plus=("transfer", "refund bounced"), minus=("refund",)) + _credit_used(session, view)
    on_chain = _sums(session, view, "Token", "Receivable", Posting.credit_subject) - _sums(
        session, view, "Receivable", "Token", Posting.debit_subject
    )
    states, last = last_states(session, view)
    everyone = (
        set(logs.by_invoice)
        | set(receivable)
        | set(clearing)
        | set(direct)
        | set(transfer)
        | set(on_chain)
        | set(loss)
        | set(states)
    )
    found = {
        invoice_id: InvoiceBalances(
            billed_cents=logs.by_invoice.get(invoice_id, 0),
            taken_back_cents=taken_back[invoice_id],
            direct_debit_cents=direct[invoice_id],
            transfer_cents=transfer[invoice_id],
            on_chain_cents=on_chain[invoice_id],
            clearing_cents=clearing[invoice_id],
            loss_cents=loss[invoice_id],
            receivable_cents=receivable.get(invoice_id, 0),
            state=states.get(invoice_id),
            last_collection=last.get(invoice_id),
        )
        for invoice_id in sorted(everyone)
    }
    return found | {-log_id: InvoiceBalances(billed_cents=cents) for log_id, cents in logs.homeless.items()}


def _taken_back(session: Session, view: View) -> _Cents:
    """What of each invoice its issuer or a reorganisation took back, less what came back after all."""
    facts = ("invoice cancelled", "invoice orphaned")
    back = _sums(session, view, "Receivable", "Billed", Posting.debit_subject, Voucher.fact.in_(_undone(facts)))
    return _sums(session, view, "Billed", "Receivable", Posting.credit_subject, Voucher.fact.in_(facts)) - back


class _Cents(dict[int, int]):
    """Sums by subject that may be negative; a subject without a sum is zero."""

    def __missing__(self, subject: int) -> int:
        return 0

    def __add__(self, other: _Cents) -> _Cents:
        return _Cents({subject: self[subject] + other[subject] for subject in {*self, *other}})

    def __sub__(self, other: _Cents) -> _Cents:
        return _Cents({subject: self[subject] - other[subject] for subject in {*self, *other}})


def _sums(session: Session, view: View, debit: str, credit: str, subject: Any, *more: ColumnElement[bool]) -> _Cents:
    statement = (
        select(subject, func.sum(Posting.amount_cents))
        .join(Voucher, Voucher.id == Posting.voucher_id)
        .where(Posting.debit_account == debit, Posting.credit_account == credit, *view.conditions(), *more)
        .group_by(subject)
    )
    return _Cents({found: int(cents) for found, cents in session.execute(statement)})


def _direct_debit(session: Session, view: View, invoice_of: dict[int, int]) -> _Cents:
    """Money that direct debits brought, less what was returned."""
    money = _facts(session, view, plus=("late credit",), minus=("returned", "reversed", "late debit"))
    settled = _sums(session, view, "Suspense", "Clearing", Posting.credit_subject)
    for collection_id, cents in (settled - _sums(session, view, "Clearing", "Suspense", Posting.debit_subject)).items():
        money[invoice_of.get(collection_id, 0)] += cents
    return money


def _facts(session: Session, view: View, *, plus: tuple[str, ...], minus: tuple[str, ...]) -> _Cents:
    """Suspense / Receivable of some facts less Receivable / Suspense of others, by invoice; what was undone counts no more."""
    came = _sums(session, view, "Suspense", "Receivable", Posting.credit_subject, Voucher.fact.in_(plus))
    went = _sums(session, view, "Receivable", "Suspense", Posting.debit_subject, Voucher.fact.in_(minus))
    came_undone = _sums(session, view, "Receivable", "Suspense", Posting.debit_subject, Voucher.fact.in_(_undone(plus)))
    went_undone = _sums(session, view, "Suspense", "Receivable", Posting.credit_subject, Voucher.fact.in_(_undone(minus)))
    return came - went - came_undone + went_undone


def _undone(facts: tuple[str, ...]) -> list[str]:
    return [f"{fact} undone" for fact in facts]


def _credit_used(session: Session, view: View) -> _Cents:
    """What each invoice got of another one's money, less what it gave; an undone use is booked the other way round."""
    got = _sums(session, view, "Receivable", "Receivable", Posting.credit_subject)
    return got - _sums(session, view, "Receivable", "Receivable", Posting.debit_subject)


def states(session: Session, view: View, noun: str) -> dict[int, str]:
    """The state of every invoice, collection, batch or mandate, by the Moves in view."""
    conditions = view.conditions(Move.booked_on, Move.recorded_at)
    moves = select(Move.noun_id, Move.to_state).where(Move.noun == noun, *conditions).order_by(Move.noun_id, Move.version)
    return {noun_id: state for noun_id, state in session.execute(moves)}


def last_states(session: Session, view: View) -> tuple[dict[int, str], dict[int, str]]:
    """The state of every invoice, and of its last attempt."""
    of_collections = states(session, view, "collection")
    attempts = select(Collection.id, Collection.invoice_id).order_by(Collection.attempt)
    last = {
        invoice_id: of_collections[collection_id]
        for collection_id, invoice_id in session.execute(attempts)
        if collection_id in of_collections
    }
    return states(session, view, "invoice"), last
