"""An invoice waits for a person, or goes on: held as a whole while it is open, by its collection once that was formed."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import audit_trail, books
from bridge.books import PlannedMove, Recorder, Unit
from bridge.errors import BadInput, UnknownName
from bridge.model import Collection, Invoice
from bridge.model.collection import FINAL_STATES
from bridge.rules import lifecycle
from bridge.runtime import Runtime

#: news -> the act, as people and the audit trail call it
ACTS = {"held": "invoice hold", "released": "invoice release"}


def run(runtime: Runtime, actor: str, number: str, news: str, reason: str) -> str:
    """Move an invoice or its collection by ``news`` (held, released); returns which of the two moved.

    Raises UnknownName, IllegalMove (a collection that is in a file or at the bank is not held here), BadInput without a reason to
    hold.
    """
    if news == "held" and not reason.strip():
        raise BadInput(f"say why invoice {number} is held (--reason)")
    return runtime.work(lambda session: _move(session, runtime, actor, number, news, reason))


def _move(session: Session, runtime: Runtime, actor: str, number: str, news: str, reason: str) -> str:
    found = list(session.scalars(select(Invoice).where(Invoice.number_key == number.upper())))
    if len(found) != 1:
        raise UnknownName(f"invoice {number!r} is not one that is known; 'bridge invoice list' shows them")
    invoice = found[0]
    collection = session.scalar(
        select(Collection).where(Collection.invoice_id == invoice.id, Collection.state.not_in(FINAL_STATES))
    )
    row: Invoice | Collection = invoice if collection is None else collection
    noun, name = (
        ("invoice", f"invoice {invoice.number}")
        if collection is None
        else ("collection", f"collection {collection.end_to_end_id}")
    )
    state = lifecycle.step(noun, name, row.state, news)
    move = PlannedMove(noun, row.id, row.version, news, row.state, state, "person", runtime.today(), reason)
    books.apply_all(session, [Unit(moves=(move,))], Recorder(actor, runtime.clock()))
    audit_trail.note(session, at=runtime.clock(), actor=actor, act=ACTS[news], object=name.replace(" ", ":"), detail=reason)
    return name
