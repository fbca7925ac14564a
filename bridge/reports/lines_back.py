"""Bank lines back to the chain: what each part of a line was explained by, and the log of the invoice that it paid.

In a view: an explanation that was taken back in it is not shown; the act that took it back stands among the changes by hand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import rows
from bridge.model import Collection, Document, Entry, Invoice, Match, Posting, Statement, Voucher
from bridge.reports import provenance
from bridge.reports.asked import Asked


@dataclass(frozen=True, slots=True)
class LinePart:
    """A part of a bank line with what explains it; the rest that nothing explains has no fact."""

    line: str
    booked_on: date
    line_cents: int
    statement: str
    sha256: str
    part_cents: int
    fact: str
    rule: str
    by: str
    why: str
    collection: str
    invoice: str
    log: str


def of_lines(session: Session, asked: Asked, entry_ids: Sequence[int]) -> list[LinePart]:
    """Each part of each of these lines, in the order of the lines."""
    told = (
        select(Entry, Statement.statement_id, Document.sha256)
        .join(Statement, Statement.id == Entry.statement_id)
        .join(Document, Document.id == Statement.document_id)
    )
    lines = rows.sought(session, told, Entry.id, entry_ids)
    parts = _parts(session, asked, entry_ids)
    invoices = _invoices(session, [one for some in parts.values() for one, _ in some])
    found = []
    for entry, statement_id, sha256 in sorted(lines, key=lambda one: one[0].id):
        head = (f"line:{entry.id}", entry.booked_on, entry.amount_cents, statement_id, sha256)
        for match, fact in parts[entry.id]:
            name, invoice = invoices[match.id]
            log = _log(session, asked, invoice)
            number = invoice.number if invoice else ""
            found.append(LinePart(*head, match.amount_cents, fact, match.rule, match.actor, match.evidence, name, number, log))
        rest = entry.amount_cents - sum(match.amount_cents for match, _ in parts[entry.id])
        if rest or not parts[entry.id]:
            found.append(LinePart(*head, rest, "", "", "", "", "", "", ""))
    return found


def _parts(session: Session, asked: Asked, entry_ids: Sequence[int]) -> defaultdict[int, list[tuple[Match, str]]]:
    """The matches of each line that stand in the view, with what their voucher books."""
    told = select(Match, Voucher.fact).join(Voucher, Voucher.id == Match.voucher_id).order_by(Match.id)
    in_view = told.where(*asked.view.conditions(Match.booked_on, Match.recorded_at))
    seen = rows.sought(session, in_view, Match.entry_id, entry_ids)
    gone = {match.undoes_id for match, _ in seen}
    found: defaultdict[int, list[tuple[Match, str]]] = defaultdict(list)
    for match, fact in seen:
        if match.undoes_id is None and match.id not in gone:
            found[match.entry_id].append((match, fact))
    return found


def _invoices(session: Session, matches: Sequence[Match]) -> dict[int, tuple[str, Invoice | None]]:
    """For each match the EndToEndId that it is about, and the invoice: that of the debit, or the one whose account was posted."""
    attempts: dict[int, tuple[str, Invoice]] = {}
    named = select(Collection.id, Collection.end_to_end_id, Invoice).join(Invoice, Invoice.id == Collection.invoice_id)
    wanted = {one.collection_id for one in matches if one.collection_id is not None}
    for row_id, name, invoice in rows.sought(session, named, Collection.id, wanted):
        attempts[row_id] = (name, invoice)
    direct: dict[int, Invoice] = {}
    vouchers = {one.voucher_id for one in matches if one.collection_id is None}
    sides: tuple[tuple[Any, Any], ...] = (
        (Posting.debit_account, Posting.debit_subject),
        (Posting.credit_account, Posting.credit_subject),
    )
    for account, subject in sides:
        posted = select(Posting.voucher_id, Invoice).join(Invoice, Invoice.id == subject).where(account == "Receivable")
        direct |= dict(rows.sought(session, posted, Posting.voucher_id, vouchers))
    return {
        one.id: attempts[one.collection_id] if one.collection_id is not None else ("", direct.get(one.voucher_id))
        for one in matches
    }


def _log(session: Session, asked: Asked, invoice: Invoice | None) -> str:
    if invoice is None:
        return ""
    raw, _ = provenance.log_of(session, invoice, asked.at)
    return f"0x{raw.tx_hash.hex()}/{raw.log_index}"
