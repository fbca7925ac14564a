"""Make one collection of each open invoice, or hold it and say why; look again at what a rule held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from bridge import books, forming, judging, rows, shards
from bridge.books import PlannedMove, Recorder, Unit
from bridge.model import Collection, Creditor, Invoice, Move
from bridge.register import lapse
from bridge.rules import retries
from bridge.runtime import Runtime

ACTOR = "collect"
AT_ONCE = 500
LOOKED_AT = 20_000  # row ids in memory at a time
Held = TypeVar("Held", Invoice, Collection)


def run(runtime: Runtime) -> dict[str, int]:
    """Form collections until no open invoice is left that was not looked at; then re-judge what rules hold."""
    counts: Counter[str] = Counter()
    with shards.claimed(runtime, ACTOR) as ours:
        if ours:
            counts["ended"] += runtime.work(lambda session: lapse.run(session, runtime, ACTOR))
    for creditor_id in runtime.work(_creditor_ids):
        with shards.claimed(runtime, ACTOR, creditor_id) as ours:
            counts += _form_all(runtime, creditor_id) if ours else Counter()
    with shards.claimed(runtime, ACTOR) as ours:
        if ours:
            counts += runtime.work(lambda session: _try_again(session, runtime))
            counts += runtime.work(lambda session: _look_again(session, runtime))
    return {name: counts[name] for name in ("opened", "held", "refused", "released", "ended")}


def _creditor_ids(session: Session) -> Sequence[int]:
    return session.scalars(select(Creditor.id).order_by(Creditor.id)).all()


def _form_all(runtime: Runtime, creditor_id: int) -> Counter[str]:
    """All that is found, in the order in which it came; each chunk looks again which of it still waits."""
    counts: Counter[str] = Counter()
    after = 0
    while found := runtime.work(partial(_waiting, runtime=runtime, creditor_id=creditor_id, after=after)):
        for start in range(0, len(found), AT_ONCE):
            some = found[start : start + AT_ONCE]
            counts += runtime.work(partial(_form, runtime=runtime, ids=some), isolation="snapshot")
        after = found[-1]
    return counts


def _waiting(session: Session, runtime: Runtime, creditor_id: int, after: int) -> Sequence[int]:
    """The row ids of a creditor's next invoices that have no collection yet; for each look the database sorts all of them."""
    ids = select(Invoice.id).where(Invoice.creditor_id == creditor_id, Invoice.id > after, *_ready(session, runtime))
    return session.scalars(ids.order_by(Invoice.id).limit(LOOKED_AT)).all()


def _ready(session: Session, runtime: Runtime) -> tuple[ColumnElement[bool], ...]:
    """What makes an invoice ready for its first attempt; one that failed is not repeated here."""
    return (
        Invoice.state == "open",
        Invoice.eligible_at <= runtime.clock(),
        Invoice.source_id.not_in(judging.frozen_sources(session)),
        ~select(Collection.id).where(Collection.invoice_id == Invoice.id).exists(),
    )


def _form(session: Session, runtime: Runtime, ids: Sequence[int]) -> Counter[str]:
    """One chunk, as far as it still waits."""
    ready = select(Invoice).where(*_ready(session, runtime)).order_by(Invoice.id)
    counts = forming.form(session, runtime, [row for (row,) in rows.sought(session, ready, Invoice.id, ids)], ACTOR)
    runtime.fault("collect: before commit")
    return counts


def _try_again(session: Session, runtime: Runtime) -> Counter[str]:
    """Make another attempt of what failed for a reason that time may cure, so often and so late as the creditor's policy says."""
    policies = {c.id: runtime.settings.rules_for(c.creditor_id).retry for c in session.scalars(select(Creditor))}
    if not any(policy.retries_max for policy in policies.values()):
        return Counter()
    frozen = judging.frozen_sources(session)
    again = []
    for invoice, failed in forming.failed(session):
        policy = policies[invoice.creditor_id]
        day = retries.again_on(failed, policy.reasons, policy.retries_max, policy.days_min)
        if day is not None and day <= runtime.today() and invoice.source_id not in frozen:
            again.append(invoice)
    return forming.form(session, runtime, again, ACTOR)


def _look_again(session: Session, runtime: Runtime) -> Counter[str]:
    """What a rule held is judged again, and says today's reason; what a person held waits for a person."""
    by = Recorder(ACTOR, runtime.clock())
    invoices = list(session.scalars(_held_by_rule(Invoice)))
    again = forming.verdicts(session, runtime, invoices)
    ready = [invoice for invoice in invoices if again[invoice.id].mandate]
    moves = [_release(runtime, "invoice", invoice.id, invoice.version, "open") for invoice in ready]
    _say_anew(session, runtime, "invoice", {i: again[i.id].refuse for i in invoices if not again[i.id].mandate}, by)
    collections = list(session.scalars(_held_by_rule(Collection)))
    reasons = _reasons(session, runtime, collections)
    moves += [_release(runtime, "collection", c.id, c.version, "pending") for c in collections if not reasons[c.id]]
    _say_anew(session, runtime, "collection", {c: reasons[c.id] for c in collections if reasons[c.id]}, by)
    books.apply_all(session, [Unit(moves=(move,)) for move in moves], by)
    session.expire_all()
    formed = forming.form(session, runtime, [session.get_one(Invoice, i.id) for i in ready], ACTOR)
    return formed + Counter(released=len(moves))


def _reasons(session: Session, runtime: Runtime, collections: Sequence[Collection]) -> dict[int, str]:
    """Why each collection may not go out, by its id; "" where it may."""
    creditors = {creditor.id: creditor.creditor_id for creditor in session.scalars(select(Creditor))}
    owners: dict[int, int] = {}
    for start in range(0, len(collections), AT_ONCE):
        some = [collection.invoice_id for collection in collections[start : start + AT_ONCE]]
        rows = session.execute(select(Invoice.id, Invoice.creditor_id).where(Invoice.id.in_(some)))
        owners |= {invoice_id: creditor_id for invoice_id, creditor_id in rows}
    found = dict.fromkeys([collection.id for collection in collections], "")
    for creditor_id, name in creditors.items():
        own = [collection for collection in collections if owners[collection.invoice_id] == creditor_id]
        found |= judging.why_not_sent(session, own, runtime.settings.rules_for(name)) if own else {}
    return found


def _say_anew(session: Session, runtime: Runtime, noun: str, reasons: Mapping[Any, str], by: Recorder) -> None:
    """Held things whose reason is another one now: released and held again, so that every reason is a Move."""
    changed = {row: why for row, why in reasons.items() if why != row.reason}
    free = "open" if noun == "invoice" else "pending"
    released = [_release(runtime, noun, row.id, row.version, free) for row in changed]
    held = [
        PlannedMove(noun, row.id, row.version + 1, "held", free, "held", "rule", runtime.today(), why)
        for row, why in changed.items()
    ]
    for moves in (released, held):
        books.apply_all(session, [Unit(moves=(move,)) for move in moves], by)


def _held_by_rule(noun: type[Held]) -> Select[Held]:
    """Held ones whose last Move was not a person's, and not for what their own data would break in a file."""
    moves = select(Move.evidence).where(Move.noun == noun.__tablename__, Move.noun_id == noun.id, Move.version == noun.version)
    return select(noun).where(noun.state == "held", moves.scalar_subquery().not_in(("person", "scheme"))).order_by(noun.id)


def _release(runtime: Runtime, noun: str, noun_id: int, version: int, to_state: str) -> PlannedMove:
    return PlannedMove(noun, noun_id, version, "released", "held", to_state, "rule", runtime.today())
