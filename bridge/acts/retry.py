"""A person has a failed debit tried again: a new collection with a new EndToEndId, a new date and a new notice."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import audit_trail, custody, forming, rows
from bridge.errors import IllegalMove, NotAllowed, UnknownName
from bridge.model import Collection, Invoice
from bridge.rules import retries
from bridge.runtime import Runtime


def run(runtime: Runtime, actor: str, end_to_end_id: str) -> list[str]:
    """Try one again; returns the EndToEndId of the new attempt, none where the invoice is held now.

    Raises UnknownName, IllegalMove for a debit that is no invoice's last attempt or did not fail, NotAllowed where another debit
    would be a wrong one.
    """
    return runtime.work(lambda session: _retry(session, runtime, actor, [end_to_end_id], end_to_end_id))


def run_batch(runtime: Runtime, actor: str, message_id: str) -> list[str]:
    """Try all that failed of a file again, after its data were repaired; the same errors, for the first that may not be."""
    return runtime.work(lambda session: _retry_batch(session, runtime, actor, message_id))


def _retry_batch(session: Session, runtime: Runtime, actor: str, message_id: str) -> list[str]:
    members = custody.members(session, custody.named(session, message_id, among=custody.AT_THE_BANK))
    refused = {one.invoice_id for one in members if one.state == "rejected" and retries.technical(one.reason)}
    here = {one.end_to_end_id for one in members}  # one that was tried again since is the concern of its next file
    technical = [failed.end_to_end_id for _, failed in forming.failed(session, sorted(refused)) if failed.end_to_end_id in here]
    if not technical:
        raise IllegalMove(f"no debit of {message_id} was rejected for what could be repaired; 'bridge return list' says why")
    return _retry(session, runtime, actor, technical, message_id)


def _retry(session: Session, runtime: Runtime, actor: str, names: Sequence[str], object_: str) -> list[str]:
    wanted = {name.upper(): name for name in names}
    named = select(Collection.end_to_end_key, Collection.invoice_id)
    known = {
        key: invoice_id
        for some in rows.among(session, Collection.end_to_end_key, wanted)
        for key, invoice_id in session.execute(named.where(some))
    }
    unknown = next((name for key, name in wanted.items() if key not in known), None)
    if unknown is not None:
        raise UnknownName(f"no debit is called {unknown[:35]}; 'bridge return list' shows those that failed")
    last = {failed.end_to_end_id.upper(): (invoice, failed) for invoice, failed in forming.failed(session, list(known.values()))}
    for key, name in wanted.items():
        if key not in last:
            raise IllegalMove(f"{name} is not the failed last attempt of an open invoice; 'bridge return list' shows those")
        why = retries.why_not(last[key][1])
        if why:
            raise NotAllowed(why)
    invoices: list[Invoice] = [last[key][0] for key in wanted]
    forming.form(session, runtime, invoices, actor)
    made = _made(session, invoices)
    audit_trail.note(
        session, at=runtime.clock(), actor=actor, act="return retry", object=f"return:{object_}", detail=", ".join(made) or "held"
    )
    return made


def _made(session: Session, invoices: Sequence[Invoice]) -> list[str]:
    """The live attempts of these invoices."""
    live = select(Collection.end_to_end_id).where(Collection.state.in_(("pending", "held"))).order_by(Collection.id)
    some = rows.among(session, Collection.invoice_id, [invoice.id for invoice in invoices])
    return [name for one in some for name in session.scalars(live.where(one))]
