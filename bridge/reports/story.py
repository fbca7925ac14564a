"""One invoice from the log to the bank line: what each border crossing left behind, for a reader who wants to see it once."""

from __future__ import annotations

import io
import json
import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import archive
from bridge.balances import NOW
from bridge.errors import UnknownName
from bridge.explaining.standing import stands
from bridge.formats import hledger
from bridge.model import Batch, Block, ChainLog, Collection, Document, Entry, Invoice, Mandate, Match, Member, Move, Statement
from bridge.reports import ledger
from bridge.runtime import Runtime


def of_invoice(session: Session, runtime: Runtime, number: str) -> str:
    """A Markdown page. It names no block or transaction hash, so that the demo writes the same page every time.

    Raises UnknownName for a number that is no invoice's.
    """
    invoice = session.scalar(select(Invoice).where(Invoice.number_key == number.upper()))
    if invoice is None:
        raise UnknownName(f"invoice {number!r} is not one that is known; 'bridge invoice list' shows them")
    parts = [
        f"# One invoice: {invoice.number}",
        "Written by `bridge demo`. Everything below is read back from the database; the parties are invented.",
        "## 1. The log",
        _log(session.get_one(ChainLog, invoice.chain_log_id)),
        (
            f"It is invoice {invoice.invoice_no} of its contract: {_euro(invoice.amount_cents)} EUR, "
            f"to be collected from {invoice.due_on} on."
        ),
    ]
    collections = session.scalars(select(Collection).where(Collection.invoice_id == invoice.id).order_by(Collection.attempt))
    for collection in collections:
        parts += _collection(session, runtime, collection)
    parts += ["## 5. The postings", _journal(session, number), "## 6. Every move", _moves(session, invoice)]
    return "\n\n".join(parts) + "\n"


def _log(log: ChainLog) -> str:
    body = {
        "address": log.address,
        "topics": ["0x" + log.topics[start : start + 32].hex() for start in range(0, len(log.topics), 32)],
        "data": "0x" + log.data.hex(),
        "blockNumber": log.block_number,
        "logIndex": log.log_index,
    }
    return f"```json\n{json.dumps(body, indent=1)}\n```"


def _collection(session: Session, runtime: Runtime, collection: Collection) -> list[str]:
    mandate = session.get_one(Mandate, collection.mandate_id)
    told = (
        f"Attempt {collection.attempt} is collection `{collection.end_to_end_id}`: {_euro(collection.amount_cents)} EUR "
        f"under mandate {mandate.mandate_id}, scheme {collection.scheme}, sequence {collection.sequence}, "
        f"due {collection.due_on}. It is {collection.state}."
    )
    parts = ["## 2. The collection", told]
    batch = session.scalar(
        select(Batch)
        .join(Block, Block.batch_id == Batch.id)
        .join(Member, Member.block_id == Block.id)
        .where(Member.collection_id == collection.id)
    )
    if batch is not None:
        body = archive.fetch(session, runtime.keys, session.get_one(Document, batch.document_id)).decode()
        found = re.search(
            rf"<DrctDbtTxInf>(?:(?!<DrctDbtTxInf>).)*<EndToEndId>{re.escape(collection.end_to_end_id)}</EndToEndId>.*?</DrctDbtTxInf>",
            body,
            re.DOTALL,
        )
        parts += [
            "## 3. The debit in the file",
            f"File `{batch.file_name}` with SHA-256 `{batch.sha256}`:",
            f"```xml\n{_indented(found.group(0)) if found else ''}\n```",
        ]
    return [*parts, "## 4. The bank's lines", _lines(session, collection)]


def _indented(xml: str) -> str:
    """One element a line, for reading; the file itself has no white space between its elements."""
    out, depth = [], 0
    for piece in re.findall(r"<[^/][^>]*>[^<]*</[^>]+>|<[^>]+>", xml):
        depth -= piece.startswith("</")
        out.append(" " * depth + piece)
        depth += bool(re.fullmatch(r"<[^/][^>]*>", piece)) and not piece.endswith("/>")
    return "\n".join(out)


def _lines(session: Session, collection: Collection) -> str:
    rows = session.execute(
        select(Entry, Statement.statement_id, Match.amount_cents, Match.rule, Match.evidence)
        .join(Match, Match.entry_id == Entry.id)
        .join(Statement, Statement.id == Entry.statement_id)
        .where(Match.collection_id == collection.id, stands())
        .order_by(Entry.id)
    )
    told = [
        "| statement | booked | line, EUR | of it for this collection | matched by | evidence |",
        "|---|---|---:|---:|---|---|",
    ]
    told += [
        f"| {name} | {entry.booked_on} | {_euro(entry.amount_cents)} | {_euro(cents)} | {rule} | {evidence} |"
        for entry, name, cents, rule, evidence in rows
    ]
    return "\n".join(told)


def _journal(session: Session, number: str) -> str:
    vouchers = [v.__class__(v.booked_on, v.code, v.description, v.lines) for v in ledger.journal(session, NOW, invoice=number)]
    out = io.StringIO()
    hledger.journal(vouchers, out)
    return f"```journal\n{out.getvalue().strip()}\n```"


def _moves(session: Session, invoice: Invoice) -> str:
    ids = list(session.scalars(select(Collection.id).where(Collection.invoice_id == invoice.id)))
    own = ((Move.noun == "invoice") & (Move.noun_id == invoice.id)) | ((Move.noun == "collection") & Move.noun_id.in_(ids))
    told = ["| what | news | from | to | booked | evidence | actor | reason |", "|---|---|---|---|---|---|---|---|"]
    for move in session.scalars(select(Move).where(own).order_by(Move.id)):
        states = (move.noun, move.news, move.from_state or "", move.to_state, str(move.booked_on))
        told += [f"| {' | '.join((*states, move.evidence, move.actor, move.reason))} |"]
    return "\n".join(told)


def _euro(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"
