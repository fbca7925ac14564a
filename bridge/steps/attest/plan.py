"""Which outcomes are to be written: one for each move of an invoice that means one; of those not sent, an invoice's last only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import exists, insert, or_, select, update
from sqlalchemy.orm import Session

from bridge.books import Recorder
from bridge.chain.attester import Attester, evidence_hash
from bridge.explaining import written
from bridge.model import Attestation, Invoice, Move
from bridge.rules import outcomes
from bridge.runtime import Runtime

IN_ONE_UNIT = 500
WRITTEN = ("sent", "final")


def run(runtime: Runtime, source_id: int, attester: Attester, by: Recorder) -> int:
    """Plan every outcome that has none yet; returns how many are to be sent."""
    with runtime.reading() as session:
        more = bool(_moves(session, source_id))  # an idle run takes no lock
    planned = 0
    while more:
        found, more = runtime.work(lambda session: _some(session, source_id, attester, by))
        planned += found
    return planned


def _some(session: Session, source_id: int, attester: Attester, by: Recorder) -> tuple[int, bool]:
    """Plan the next few; returns how many, and whether there were any moves to look at."""
    moves = _moves(session, source_id)
    if not moves:
        return 0, False
    said = written.statements(session, [move_id for move_id, _ in moves])
    last = {invoice_id: move_id for move_id, invoice_id in moves}
    before = _written(session, last)
    rows = []
    for move_id, invoice_id in moves:
        meant, statement = said[move_id]
        is_news = (meant.is_news or invoice_id in before) and last[invoice_id] == move_id
        salt = attester.salt(statement)
        row = {"invoice_id": invoice_id, "move_id": move_id, "outcome": meant.outcome, "salt": salt, "recorded_at": by.at}
        row |= {"evidence_hash": evidence_hash(salt, statement), "state": "planned" if is_news else "overtaken"}
        rows.append(row)
    _overtake(session, last)
    session.execute(insert(Attestation), rows)
    return sum(row["state"] == "planned" for row in rows), True


def _moves(session: Session, source_id: int) -> Sequence[tuple[int, int]]:
    """(move, invoice) of this source's moves that mean an outcome and have none, in their order."""
    planned = exists().where(Attestation.move_id == Move.id, Attestation.invoice_id == Invoice.id)
    rows = (
        select(Move.id, Invoice.id)
        .join(Invoice, Invoice.id == Move.noun_id)
        .where(Move.noun == "invoice", Invoice.source_id == source_id, Move.news != outcomes.ON_CHAIN_ALREADY, ~planned)
        .where(or_(Move.to_state.in_(("paid", "cancelled")), Move.from_state == "paid"))
        .order_by(Move.id)
        .limit(IN_ONE_UNIT)
    )
    return [(move_id, invoice_id) for move_id, invoice_id in session.execute(rows)]


def _written(session: Session, invoice_ids: Iterable[int]) -> set[int]:
    """Of these invoices, those of which an outcome is on its way to the chain, or there."""
    rows = select(Attestation.invoice_id).where(Attestation.invoice_id.in_(sorted(invoice_ids)), Attestation.state.in_(WRITTEN))
    return set(session.scalars(rows.distinct()))


def _overtake(session: Session, invoice_ids: Iterable[int]) -> None:
    """What was planned of these invoices and not sent is not what became of them any more."""
    mine = (Attestation.invoice_id.in_(sorted(invoice_ids)), Attestation.state == "planned")
    session.execute(update(Attestation).where(*mine).values(state="overtaken"))
