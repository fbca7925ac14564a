"""What the evidence hash of an outcome stands for, from the move that means it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import rows
from bridge.model import Document, Entry, Invoice, Move, Statement
from bridge.rules import outcomes

#: the columns of an outcome that is not on its way
UNSENT = {"nonce": None, "fee_wei": None, "tx_hash": None, "raw_call": None, "sent_at": None}


def statements(session: Session, move_ids: Iterable[int]) -> dict[int, tuple[outcomes.Said, bytes]]:
    """The outcome that each of these moves of invoices means, and its statement, by the move's id."""
    both = select(Move, Invoice).join(Invoice, Invoice.id == Move.noun_id).where(Move.noun == "invoice")
    pairs = [
        (move, invoice) for some in rows.among(session, Move.id, move_ids) for move, invoice in session.execute(both.where(some))
    ]
    documents = _documents(session, {move.evidence for move, _ in pairs})
    found: dict[int, tuple[outcomes.Said, bytes]] = {}
    for move, invoice in pairs:
        said = outcomes.of_move(move.news, move.from_state, move.to_state)
        if said is not None:
            found[move.id] = said, _statement(move, invoice, said.outcome, documents)
    return found


def _statement(move: Move, invoice: Invoice, outcome: str, documents: Mapping[str, str]) -> bytes:
    return outcomes.statement(
        chain_id=invoice.chain_id,
        contract=invoice.contract,
        claim_id=invoice.claim_id,
        outcome=outcome,
        booked_on=move.booked_on,
        amount_cents=invoice.amount_cents,
        document_sha256=documents.get(move.evidence, ""),
    )


def _documents(session: Session, evidence: Iterable[str]) -> dict[str, str]:
    """entry:ID -> sha256 of the bank's file in which the line stood."""
    ids = [int(one.partition(":")[2]) for one in evidence if re.fullmatch(r"entry:\d+", one)]
    of_entry = (
        select(Entry.id, Document.sha256)
        .join(Statement, Statement.id == Entry.statement_id)
        .join(Document, Document.id == Statement.document_id)
    )
    return {
        f"entry:{entry_id}": sha256
        for some in rows.among(session, Entry.id, ids)
        for entry_id, sha256 in session.execute(of_entry.where(some))
    }
