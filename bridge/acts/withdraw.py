"""The bank takes debits back before it books them, and says so in writing: two people record its word.

The invoice is open again; trying again is a new collection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from bridge import audit_trail, books, consent, custody
from bridge.books import PlannedMove, PlannedPosting, PlannedVoucher, Recorder, Unit
from bridge.errors import BadInput, IllegalMove, UnknownName
from bridge.explaining import debts
from bridge.explaining.units import invoice_moves
from bridge.model import Collection
from bridge.rules import lifecycle
from bridge.rules.debts import Debt, attempt_over
from bridge.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """``withdrawn``: the EndToEndIds; ``missing``: how many more people must say so, with the same reference, first."""

    message_id: str
    withdrawn: tuple[str, ...]
    missing: int
    said_by: tuple[str, ...]


def run(runtime: Runtime, actor: str, message_id: str, *, reference: str, only: Sequence[str] = ()) -> Withdrawn:
    """Withdraw a whole file, or ``only`` these EndToEndIds of it; ``reference`` is the bank's written word.

    Raises UnknownName, BadInput without a reference, IllegalMove for a debit that is not in flight, NotAllowed for a machine.
    """
    if not reference.strip():
        raise BadInput(f"give the bank's written word about {message_id} (--reference)")
    return runtime.work(lambda session: _withdraw(session, runtime, actor, message_id, reference.strip(), only))


def _withdraw(session: Session, runtime: Runtime, actor: str, message_id: str, reference: str, only: Sequence[str]) -> Withdrawn:
    batch = custody.named(session, message_id, among=custody.AT_THE_BANK)
    if batch.state not in custody.AT_THE_BANK:
        raise IllegalMove(f"{message_id} is {batch.state}; only what is at the bank is withdrawn")
    chosen = _chosen([c for c in custody.members(session, batch) if c.batch_id == batch.id], message_id, only)
    agreed = consent.give(
        session,
        act="batch withdraw",
        object=f"batch:{message_id}",
        said={"reference": reference, "debits": [[c.end_to_end_id, c.version] for c in chosen]},
        actor=actor,
        at=runtime.clock(),
    )
    if not agreed.missing:
        owed = debts.load(session, [c.invoice_id for c in chosen])
        units = [_unit(runtime, c, owed[c.invoice_id], message_id, reference) for c in chosen]
        books.apply_all(session, units, Recorder(actor, runtime.clock()))
    names = tuple(c.end_to_end_id for c in chosen)
    audit_trail.note(
        session,
        at=runtime.clock(),
        actor=actor,
        act="batch withdraw",
        object=f"batch:{message_id}",
        detail=f"{len(names)} debit(s), {names[0]} first: {reference}",
    )
    return Withdrawn(message_id, () if agreed.missing else names, agreed.missing, agreed.by)


def _chosen(inside: Sequence[Collection], message_id: str, only: Sequence[str]) -> list[Collection]:
    """The debits to withdraw, each in flight."""
    by_name = {c.end_to_end_key: c for c in inside}
    unknown = next((name for name in only if name.upper() not in by_name), None)
    if unknown is not None:
        raise UnknownName.among(f"debit of {message_id}", unknown, [c.end_to_end_id for c in inside])
    wanted = {name.upper() for name in only} or set(by_name)
    chosen = [c for c in inside if c.end_to_end_key in wanted]
    for collection in chosen:
        lifecycle.step("collection", collection.end_to_end_id, collection.state, "withdrawn")
    if not chosen:
        raise IllegalMove(f"no debit of {message_id} is in flight")
    return chosen


def _unit(runtime: Runtime, collection: Collection, debt: Debt, message_id: str, reference: str) -> Unit:
    today, cause = runtime.today(), "person"
    state = lifecycle.step("collection", collection.end_to_end_id, collection.state, "withdrawn")
    moves = [
        PlannedMove(
            "collection", collection.id, collection.version, "withdrawn", collection.state, state, cause, today, reference
        )
    ]
    moves += invoice_moves(debt, attempt_over(debt, collection.amount_cents), "withdrawn", cause, today, reference)
    debit, credit = lifecycle.POSTINGS["withdrawn"]
    posting = PlannedPosting(debit, debt.id, credit, collection.id, collection.amount_cents)
    voucher = PlannedVoucher(f"wdr:{collection.end_to_end_id}:1", "withdrawn", f"batch:{message_id}", today, (posting,))
    return Unit(moves=tuple(moves), voucher=voucher)
