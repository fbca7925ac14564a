"""Loads what eligibility asks for. Collect, seal, approve, export and hand-over all judge by the same facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from bridge import balances, doubting, rows
from bridge.model import Batch, Block, Break, Collection, Detail, Entry, Invoice, Mandate, Member, Move, Source, Statement
from bridge.rules import eligibility, mandates
from bridge.rules.eligibility import InvoiceFacts, MandateFacts
from bridge.settings import CollectionRules

AT_ONCE = 500  # a statement's list of ids stays short
NOT_BOOKED = ("rejected", "withdrawn")  # before the bank credited them; some credit them all the same


def invoice_facts(session: Session, invoices: Sequence[Invoice]) -> dict[int, InvoiceFacts]:
    """The facts of these invoices by id; an open Break on the invoice's source counts as one on the invoice."""
    ids = [invoice.id for invoice in invoices]
    owed = balances.of_subjects(session, "Receivable", ids)
    attempts: dict[int, int] = defaultdict(int)
    for (invoice_id,) in rows.sought(session, select(Collection.invoice_id), Collection.invoice_id, ids):
        attempts[invoice_id] += 1
    subjects = {f"invoice:{i}" for i in ids} | {f"source:{invoice.source_id}" for invoice in invoices}
    breaks: dict[str, list[str]] = defaultdict(list)
    open_breaks = select(Break.kind, Break.subject).where(Break.closed_at.is_(None))
    for kind, subject in rows.sought(session, open_breaks, Break.subject, subjects):
        breaks[subject].append(kind)
    return {
        invoice.id: InvoiceFacts(
            id=invoice.id,
            number=invoice.number,
            creditor_id=invoice.creditor_id,
            debtor_ref=invoice.debtor_ref,
            agreement=invoice.agreement,
            amount_cents=invoice.amount_cents,
            currency=invoice.currency,
            state=invoice.state,
            reason=invoice.reason,
            receivable_cents=owed[invoice.id],
            attempts=attempts[invoice.id],
            open_breaks=tuple(breaks[f"invoice:{invoice.id}"] + breaks[f"source:{invoice.source_id}"]),
        )
        for invoice in invoices
    }


def mandates_of(session: Session, debtor_refs: Iterable[str]) -> dict[str, list[MandateFacts]]:
    """The mandates of these debtors, by debtor."""
    signed = [row for (row,) in rows.sought(session, select(Mandate), Mandate.debtor_ref, debtor_refs)]
    presented = _presented(session, [row.id for row in signed if row.kind == "one-off"])
    found: dict[str, list[MandateFacts]] = defaultdict(list)
    for row in signed:
        found[row.debtor_ref].append(_mandate_facts(row, presented=row.id in presented))
    return found


def released_by_person(session: Session, collection_ids: Sequence[int]) -> set[int]:
    """Which of these collections a person released: a limit holds these no more."""
    released = select(Move.noun_id).where(Move.noun == "collection", Move.news == "released", Move.evidence == "person")
    return {noun_id for (noun_id,) in rows.sought(session, released, Move.noun_id, collection_ids)}


def why_not(session: Session, collections: Sequence[Collection], rules: CollectionRules) -> dict[int, str]:
    """Why each of these collections may not go out together, by its id; one that may is not in the answer.

    A one-off mandate carries one debit (EPC016-06, sequence OOFF): the first of two takes it.
    """
    reasons: dict[int, str] = {}
    taken: set[int] = set()
    for start in range(0, len(collections), AT_ONCE):
        reasons |= _why_not(session, collections[start : start + AT_ONCE], rules, taken)
    return reasons


def why_not_sent(session: Session, collections: Sequence[Collection], rules: CollectionRules) -> dict[int, str]:
    """The same for debits that are not at the bank yet: none goes out that a line names which nobody has explained."""
    return _named_by_lines(session, collections) | why_not(session, collections, rules)


def frozen_sources(session: Session) -> set[int]:
    """Sources with an open Break: nothing of theirs is collected."""
    subjects = session.scalars(select(Break.subject).where(Break.subject.like("source:%"), Break.closed_at.is_(None)))
    known = set(session.scalars(select(Source.id)))
    return {int(subject.split(":")[1]) for subject in subjects} & known


def _why_not(session: Session, collections: Sequence[Collection], rules: CollectionRules, taken: set[int]) -> dict[int, str]:
    """Why not, for so many as one statement names; ``taken`` are the one-off mandates of those before, and of these."""
    ids = [collection.invoice_id for collection in collections]
    invoices = [row for (row,) in rows.sought(session, select(Invoice), Invoice.id, ids)]
    facts = invoice_facts(session, invoices)
    under = [collection.mandate_id for collection in collections]
    signed = {row.id: row for (row,) in rows.sought(session, select(Mandate), Mandate.id, under)}
    released = released_by_person(session, [collection.id for collection in collections])
    used_by = _presented(session, [row.id for row in signed.values() if row.kind == "one-off"], but=[c.id for c in collections])
    lapse = _lapsing(session, list(signed.values()), max((collection.due_on for collection in collections), default=date.min))
    let_go = {collection.invoice_id for collection in collections if collection.id in released}
    due = {collection.invoice_id: collection.due_on for collection in collections}
    formed = {collection.invoice_id: collection.id for collection in collections}
    doubts = doubting.why_not(session, invoices, due, let_go, rules, formed=formed)
    reasons: dict[int, str] = {}
    for collection in collections:
        limit = 99_999_999_999 if collection.id in released else rules.amount_max_cents
        row = signed[collection.mandate_id]
        mandate = _mandate_facts(row, presented=row.id in used_by, lapses_on=lapse.get(row.id))
        invoice = facts[collection.invoice_id]
        reason = eligibility.may_go_out(invoice, mandate, amount_max_cents=limit, due_on=collection.due_on)
        if not reason and collection.amount_cents != invoice.amount_cents:
            reason = f"it would collect another amount than invoice {invoice.number} has; run 'bridge check'"
        reason = reason or doubts.get(collection.invoice_id, "")
        if not reason and mandate.kind == "one-off":
            reason = f"one-off mandate {mandate.mandate_id} is used by another debit of this file" if mandate.id in taken else ""
            taken.add(mandate.id)
        if reason:
            reasons[collection.id] = reason
    return reasons


def _named_by_lines(session: Session, collections: Sequence[Collection]) -> dict[int, str]:
    """Of these, the ones that an open line names: a payer's own transfer, or a debit that the bank has from who knows where.

    A later attempt waits as well for a line about an earlier one of its invoice: while the bank may still take that money back,
    or leave it here, another debit could collect it twice.
    """
    still = or_(Entry.open_cents > 0, Entry.open_cents < 0)  # so written, SQLite uses the index
    lines = select(Entry.id).join(Statement, Statement.id == Entry.statement_id).where(still, Statement.posting != "refused")
    named = {
        name: entry_id
        for name, entry_id in session.execute(
            select(func.upper(Detail.end_to_end_id), func.min(Entry.id))
            .join(Entry, or_(Entry.id == Detail.entry_id, Entry.told_by_id == Detail.entry_id))  # or by its advice
            .where(Entry.id.in_(lines), Detail.end_to_end_id.is_not(None))
            .group_by(func.upper(Detail.end_to_end_id))
        )
    }
    found: dict[int, str] = {}
    earlier = _earlier(session, collections, lines)
    for c in collections:
        if c.end_to_end_key in named:
            found[c.id] = f"line {named[c.end_to_end_key]} of the bank names it and is not explained yet"
        for name, lump_sum in earlier[c.id]:
            line = named.get(name.upper(), lump_sum)
            if line is not None:
                found[c.id] = f"line {line} of the bank is about {name}, an earlier attempt, and is not explained yet"
    return found


def _earlier(session: Session, collections: Sequence[Collection], lines: Select[int]) -> dict[int, list[tuple[str, int | None]]]:
    """The earlier attempts of each one's invoice: EndToEndId, and the open lump sum of its block or file where it had failed.

    A bank may credit a rejected debit in a lump sum, and debit it again later; until then the sum is open.
    """
    again = {c.invoice_id: c.id for c in collections if c.attempt > 1}
    block, file = func.upper(Block.pmt_inf_id), func.upper(Batch.message_id)
    names_it = or_(
        func.upper(Entry.batch_pmt_inf_id) == block,
        Entry.batch_pmt_inf_id.is_(None) & (func.upper(Entry.batch_message_id) == file),
    )
    lump_sum = (
        select(func.min(Entry.id))
        .where(Entry.id.in_(lines), Entry.open_cents > 0, names_it, Collection.state.in_(NOT_BOOKED))
        .correlate(Block, Batch, Collection)
        .scalar_subquery()
    )
    attempts = (
        select(Collection.id, Collection.invoice_id, Collection.end_to_end_id, lump_sum)
        .join(Member, Member.collection_id == Collection.id)
        .join(Block, Block.id == Member.block_id)
        .join(Batch, Batch.id == Block.batch_id)
        .order_by(Collection.id)
    )
    found: dict[int, list[tuple[str, int | None]]] = defaultdict(list)
    for attempt_id, invoice_id, name, line in rows.sought(session, attempts, Collection.invoice_id, again):
        if attempt_id < again[invoice_id]:
            found[again[invoice_id]].append((name, line))
    return found


def _presented(session: Session, mandate_ids: Sequence[int], but: Sequence[int] = ()) -> set[int]:
    """Which of these mandates were ever used in a file that was not discarded, by another collection than ``but``."""
    excepted = set(but)
    in_files = (
        select(Collection.mandate_id, Collection.id)
        .join(Member, Member.collection_id == Collection.id)
        .join(Block, Block.id == Member.block_id)
        .join(Batch, Batch.id == Block.batch_id)
        .where(Batch.state != "discarded")
    )
    found = rows.sought(session, in_files, Collection.mandate_id, mandate_ids)
    return {mandate_id for mandate_id, collection_id in found if collection_id not in excepted}


def last_presented(session: Session, mandate_ids: Sequence[int]) -> dict[int, date]:
    """The last due date that was presented under each of these mandates, whatever became of the debit."""
    latest = (
        select(Collection.mandate_id, func.max(Block.due_on))
        .join(Member, Member.collection_id == Collection.id)
        .join(Block, Block.id == Member.block_id)
        .join(Batch, Batch.id == Block.batch_id)
        .where(Batch.state.not_in(("sealed", "approved", "discarded")))
        .group_by(Collection.mandate_id)
    )
    return dict(rows.sought(session, latest, Collection.mandate_id, mandate_ids))


def _lapsing(session: Session, signed: Sequence[Mandate], due_on: date) -> dict[int, date]:
    """When those of these mandates lapse that would, by signature and import alone, before a day; few are asked for in full."""
    ends = {row.id: mandates.lapses_on(row.signed_on, row.last_presented_on) for row in signed if row.signed_on is not None}
    near = [row for row in signed if row.id in ends and ends[row.id] < due_on]
    last = last_presented(session, [row.id for row in near])
    found: dict[int, date] = {}
    for row in near:
        assert row.signed_on is not None
        days = [day for day in (row.last_presented_on, last.get(row.id)) if day is not None]
        found[row.id] = mandates.lapses_on(row.signed_on, max(days, default=None))
    return found


def _mandate_facts(row: Mandate, *, presented: bool, lapses_on: date | None = None) -> MandateFacts:
    return MandateFacts(
        id=row.id,
        mandate_id=row.mandate_id,
        creditor_id=row.creditor_id,
        debtor_ref=row.debtor_ref,
        agreement=row.agreement,
        scheme=row.scheme,
        kind=row.kind,
        state=row.state,
        reason=row.reason,
        b2b_confirmed_on=row.b2b_confirmed_on,
        presented=presented,
        lapses_on=lapses_on,
    )
