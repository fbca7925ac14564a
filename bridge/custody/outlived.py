"""Which stored files nothing rests on any more: every invoice that they are about moved last in a year that need not be kept.

A file is about the invoices of the debits that stand in it, or that its lines were explained by; a status report about those of
the file that it answers; an advice about those of the line that it tells of. Whatever is not finished keeps it.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, and_, func, literal, or_, select, union
from sqlalchemy.orm import Session, aliased

from bridge.model import (
    Batch,
    Block,
    Break,
    Collection,
    DataKey,
    Document,
    Entry,
    Invoice,
    LegalHold,
    Mandate,
    Match,
    Member,
    Move,
    Notice,
    Posting,
    Statement,
    StatusReport,
)
from bridge.model.collection import FINAL_STATES
from bridge.runtime import Runtime


def outlived(session: Session, runtime: Runtime, moved_before: date) -> tuple[list[Document], dict[str, int]]:
    """The documents that may be destroyed, in the order in which they came; and why how many others of that age are kept.

    ``moved_before``: what moved on that day or later keeps its files.
    """
    began = datetime.combine(moved_before, time(), tzinfo=runtime.zone)
    old = select(Document.id).join(DataKey, DataKey.uid == Document.key_uid).where(Document.recorded_at < began).cte("old")
    if not session.scalar(select(func.count()).select_from(old)):
        return [], {}
    about = _about(old)
    kept: dict[int, str] = {}
    for why, statement in (
        ("a legal hold is on somebody in it", _held(about)),
        ("something in it is not finished", _open(old, about)),
        (f"something in it moved in {moved_before.year} or later", _moved(old, about, moved_before)),
    ):
        for document_id in session.scalars(statement):
            kept.setdefault(document_id, why)
    documents = session.scalars(select(Document).where(Document.id.in_(select(old.c.id))).order_by(Document.id))
    counted: dict[str, int] = {}
    for why in kept.values():
        counted[why] = counted.get(why, 0) + 1
    return [one for one in documents if one.id not in kept], counted


def _about(old: CTE) -> CTE:
    """(document, invoice) of each invoice that an old file is about."""
    told, teller = aliased(Entry), aliased(Entry)

    def pairs(of: Any, *joined: tuple[Any, ColumnElement[bool]]) -> Select[int, int]:
        found = select(of.label("document_id"), Collection.invoice_id.label("invoice_id")).select_from(old)
        for table, on in joined:
            found = found.join(table, on)
        return found

    of_file = ((Block, Block.batch_id == Batch.id), (Member, Member.block_id == Block.id))
    of_member = (Collection, Collection.id == Member.collection_id)
    sent = pairs(Batch.document_id, (Batch, Batch.document_id == old.c.id), *of_file, of_member)
    answered = pairs(
        StatusReport.document_id,
        (StatusReport, StatusReport.document_id == old.c.id),
        (Batch, Batch.message_id == StatusReport.original_message_id),
        *of_file,
        of_member,
    )
    lines = ((Statement, Statement.document_id == old.c.id), (Entry, Entry.statement_id == Statement.id))
    explained = pairs(
        Statement.document_id, *lines, (Match, Match.entry_id == Entry.id), (Collection, Collection.id == Match.collection_id)
    )
    advised = pairs(
        Statement.document_id,
        (Statement, Statement.document_id == old.c.id),
        (teller, teller.statement_id == Statement.id),
        (told, told.told_by_id == teller.id),
        (Match, Match.entry_id == told.id),
        (Collection, Collection.id == Match.collection_id),
    )
    noticed = pairs(
        Notice.document_id, (Notice, Notice.document_id == old.c.id), (Collection, Collection.id == Notice.collection_id)
    )
    booked = select(Statement.document_id.label("document_id"), Invoice.id.label("invoice_id")).select_from(old)
    for table, on in (*lines, (Match, Match.entry_id == Entry.id), (Posting, Posting.voucher_id == Match.voucher_id)):
        booked = booked.join(table, on)
    paid = booked.join(
        Invoice,
        or_(
            and_(Posting.debit_account.in_(_OF_INVOICES), Invoice.id == Posting.debit_subject),
            and_(Posting.credit_account.in_(_OF_INVOICES), Invoice.id == Posting.credit_subject),
        ),
    )
    return union(sent, answered, explained, advised, noticed, paid).cte("about")


def _held(about: CTE) -> Select[int]:
    """About an invoice of somebody under a legal hold, by whichever mandate of his."""
    last = select(func.max(LegalHold.id)).group_by(LegalHold.mandate_id)
    held = select(Mandate.id).join(LegalHold, LegalHold.mandate_id == Mandate.id)
    held = held.where(LegalHold.id.in_(last), LegalHold.news == "begun")
    his = select(Invoice.id).join(
        Mandate, and_(Mandate.creditor_id == Invoice.creditor_id, Mandate.debtor_ref == Invoice.debtor_ref)
    )
    debited = select(Collection.invoice_id).where(Collection.mandate_id.in_(held))
    return select(about.c.document_id).where(
        or_(about.c.invoice_id.in_(his.where(Mandate.id.in_(held))), about.c.invoice_id.in_(debited))
    )


def _open(old: CTE, about: CTE) -> Select[int]:
    """With a debit under way, a line that nothing explains yet, a statement or page that waits, or an open Break."""
    under_way = select(Collection.invoice_id).where(Collection.state.not_in((*FINAL_STATES, "settled")))
    lines = select(Statement.document_id).join(Entry, Entry.statement_id == Statement.id)
    unexplained = lines.where(Statement.posting == "posted", Entry.open_cents != 0)
    waiting = select(Statement.document_id).where(Statement.posting == "parked")
    broken = select(Document.id).join(Break, Break.subject == literal("document:").concat(Document.sha256))
    return select(old.c.id).where(
        or_(
            old.c.id.in_(select(about.c.document_id).where(about.c.invoice_id.in_(under_way))),
            old.c.id.in_(unexplained),
            old.c.id.in_(waiting),
            old.c.id.in_(broken.where(Break.closed_at.is_(None))),
        )
    )


def _moved(old: CTE, about: CTE, day: date) -> Select[int]:
    """About an invoice that moved on that day or later, itself or a debit of it; or with a line that was booked or explained."""
    invoices = select(Move.noun_id).where(Move.noun == "invoice", Move.booked_on >= day)
    debits = select(Collection.invoice_id).join(Move, and_(Move.noun == "collection", Move.noun_id == Collection.id))
    files = select(Batch.document_id).join(Move, and_(Move.noun == "batch", Move.noun_id == Batch.id))
    lines = select(Statement.document_id).join(Entry, Entry.statement_id == Statement.id)
    return select(old.c.id).where(
        or_(
            old.c.id.in_(select(about.c.document_id).where(about.c.invoice_id.in_(invoices))),
            old.c.id.in_(select(about.c.document_id).where(about.c.invoice_id.in_(debits.where(Move.booked_on >= day)))),
            old.c.id.in_(files.where(Move.booked_on >= day)),
            old.c.id.in_(lines.where(Entry.booked_on >= day)),
            old.c.id.in_(lines.join(Match, Match.entry_id == Entry.id).where(Match.booked_on >= day)),
        )
    )


_OF_INVOICES = ("Receivable", "Billed", "Loss", "Token")
