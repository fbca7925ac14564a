"""An invoice waits for a person, or goes on: held as a whole while it is open, by its collection once that was formed."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import audit_trail, books, custody
from bridge.books import PlannedMove, Recorder, Unit
from bridge.errors import BadInput, IllegalMove, UnknownName
from bridge.model import Batch, Collection, Invoice
from bridge.model.collection import FINAL_STATES
from bridge.rules import lifecycle
from bridge.runtime import Runtime

#: news -> the act, as people and the audit trail call it
ACTS = {"held": "invoice hold", "released": "invoice release"}


def run(runtime: Runtime, actor: str, number: str, news: str, reason: str) -> str:
    """Move an invoice or its collection by ``news`` (held, released); returns which of the two moved.

    A collection that stands in a file which never left is taken out of it: the file is discarded, and the next cut holds the
    others. Raises UnknownName, IllegalMove (one in a file that left, or at the bank, is not held here), BadInput without a reason
    to hold.
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
    if news == "held" and collection is not None and collection.state == "batched":
        _take_out_of_its_file(session, runtime, actor, collection, reason)
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


def _take_out_of_its_file(session: Session, runtime: Runtime, actor: str, collection: Collection, reason: str) -> None:
    batch = session.get_one(Batch, collection.batch_id)
    if batch.state not in custody.NOT_LEFT:
        raise IllegalMove(
            f"{collection.end_to_end_id} stands in {batch.message_id}, which left; if it was not uploaded, two people discard it"
        )
    why = f"{collection.end_to_end_id} is held: {reason}"
    custody.discard(session, runtime, batch, actor=actor, evidence="person", reason=why)
    session.refresh(collection)
