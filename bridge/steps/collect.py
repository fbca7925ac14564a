"""Make one collection of each open invoice, or hold it and say why; look again at what a rule held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from bridge import books, doubting, judging
from bridge.books import PlannedMove, Recorder, Unit
from bridge.model import Account, Collection, Creditor, Invoice, Move
from bridge.register import lapse
from bridge.rules import calendar, eligibility
from bridge.rules.eligibility import Verdict
from bridge.runtime import Runtime

ACTOR = "collect"
AT_ONCE = 500
Held = TypeVar("Held", Invoice, Collection)


def run(runtime: Runtime) -> dict[str, int]:
    """Form collections until no open invoice is left that was not looked at; then re-judge what rules hold."""
    counts: Counter[str] = Counter(ended=runtime.work(lambda session: lapse.run(session, runtime, ACTOR)))
    after = 0
    while True:
        done, after = runtime.work(partial(_form, runtime=runtime, after=after))
        counts += done
        if not after:
            break
    counts += runtime.work(lambda session: _look_again(session, runtime))
    return {name: counts[name] for name in ("opened", "held", "refused", "released", "ended")}


def _form(session: Session, runtime: Runtime, after: int) -> tuple[Counter[str], int]:
    """One chunk of invoices that have no collection yet, by id; returns the counts and the last id, 0 at the end.

    A first attempt that failed is not repeated here: what happens then a person decides.
    """
    now = runtime.clock()
    frozen = judging.frozen_sources(session)
    invoices = list(
        session.scalars(
            select(Invoice)
            .where(Invoice.id > after, Invoice.state == "open", Invoice.eligible_at <= now, Invoice.source_id.not_in(frozen))
            .where(~select(Collection.id).where(Collection.invoice_id == Invoice.id).exists())
            .order_by(Invoice.id)
            .limit(AT_ONCE)
        )
    )
    if not invoices:
        return Counter(), 0
    counts = _decide(session, runtime, invoices, now)
    runtime.fault("collect: before commit")
    return counts, invoices[-1].id


def _decide(session: Session, runtime: Runtime, invoices: Sequence[Invoice], now: datetime) -> Counter[str]:
    verdicts = _verdicts(session, runtime, invoices)
    by = Recorder(ACTOR, now)
    refused = [invoice for invoice in invoices if verdicts[invoice.id].refuse and invoice.state == "open"]
    formed = [invoice for invoice in invoices if verdicts[invoice.id].mandate]
    moves = [_hold(runtime, invoice, verdicts[invoice.id].refuse) for invoice in refused]
    moves += [_collecting(runtime, invoice) for invoice in formed]
    runtime.fault("collect: read")
    books.apply_all(session, [Unit(moves=(move,)) for move in moves], by)
    creditors = {creditor.id: creditor for creditor in session.scalars(select(Creditor))}
    banks = {account.id: account.bank for account in session.scalars(select(Account))}
    due = {
        invoice.id: calendar.due_on(
            invoice.due_on, now.astimezone(runtime.zone), runtime.profile(banks[creditors[invoice.creditor_id].account_id])
        )
        for invoice in formed
    }
    doubts = _doubts(session, runtime, formed, due, creditors)
    rows = []
    for invoice in formed:
        verdict, creditor = verdicts[invoice.id], creditors[invoice.creditor_id]
        assert verdict.mandate is not None
        hold = verdict.hold or doubts.get(invoice.id, "")
        end_to_end_id = f"{invoice.number}-1"
        rows.append(
            {
                "invoice_id": invoice.id,
                "mandate_id": verdict.mandate.id,
                "account_id": creditor.account_id,
                "attempt": 1,
                "end_to_end_id": end_to_end_id,
                "end_to_end_key": end_to_end_id.upper(),
                "amount_cents": invoice.amount_cents,
                "scheme": verdict.mandate.scheme,
                "sequence": eligibility.sequence(verdict.mandate.kind),
                "due_on": due[invoice.id],
                "recorded_at": now,
                "state": "held" if hold else "pending",
                "reason": hold,
                "evidence": f"invoice:{invoice.id}",
                "booked_on": runtime.today(),
            }
        )
    books.admit(session, "collection", rows, by, news="opened")
    held = sum(row["state"] == "held" for row in rows)
    return Counter(opened=len(rows) - held, held=held, refused=len(refused))


def _doubts(
    session: Session,
    runtime: Runtime,
    invoices: Sequence[Invoice],
    due: Mapping[int, date],
    creditors: Mapping[int, Creditor],
) -> dict[int, str]:
    """Why some of these wait for a look, creditor by creditor: each has his own limits."""
    found: dict[int, str] = {}
    for creditor_id in {invoice.creditor_id for invoice in invoices}:
        rules = runtime.settings.rules_for(creditors[creditor_id].creditor_id)
        own = [invoice for invoice in invoices if invoice.creditor_id == creditor_id]
        found |= doubting.why_not(session, own, due, set(), rules)
    return found


def _verdicts(session: Session, runtime: Runtime, invoices: Sequence[Invoice]) -> dict[int, Verdict]:
    facts = judging.invoice_facts(session, invoices)
    mandates = judging.mandates_of(session, [invoice.debtor_ref for invoice in invoices])
    creditors = {creditor.id: creditor.creditor_id for creditor in session.scalars(select(Creditor))}
    return {
        invoice.id: eligibility.judge(
            facts[invoice.id],
            mandates.get(invoice.debtor_ref, []),
            amount_max_cents=runtime.settings.rules_for(creditors[invoice.creditor_id]).amount_max_cents,
        )
        for invoice in invoices
    }


def _look_again(session: Session, runtime: Runtime) -> Counter[str]:
    """What a rule held is judged again, and says today's reason; what a person held waits for a person."""
    by = Recorder(ACTOR, runtime.clock())
    invoices = list(session.scalars(_held_by_rule(Invoice)))
    again = _verdicts(session, runtime, invoices)
    ready = [invoice for invoice in invoices if again[invoice.id].mandate]
    moves = [_release(runtime, "invoice", invoice.id, invoice.version, "open") for invoice in ready]
    _say_anew(session, runtime, "invoice", {i: again[i.id].refuse for i in invoices if not again[i.id].mandate}, by)
    collections = list(session.scalars(_held_by_rule(Collection)))
    reasons = _reasons(session, runtime, collections)
    moves += [_release(runtime, "collection", c.id, c.version, "pending") for c in collections if not reasons[c.id]]
    _say_anew(session, runtime, "collection", {c: reasons[c.id] for c in collections if reasons[c.id]}, by)
    books.apply_all(session, [Unit(moves=(move,)) for move in moves], by)
    session.expire_all()
    formed = _decide(session, runtime, [session.get_one(Invoice, i.id) for i in ready], runtime.clock()) if ready else Counter()
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


def _hold(runtime: Runtime, invoice: Invoice, why: str) -> PlannedMove:
    return PlannedMove("invoice", invoice.id, invoice.version, "held", "open", "held", "rule", runtime.today(), why)


def _release(runtime: Runtime, noun: str, noun_id: int, version: int, to_state: str) -> PlannedMove:
    return PlannedMove(noun, noun_id, version, "released", "held", to_state, "rule", runtime.today())


def _collecting(runtime: Runtime, invoice: Invoice) -> PlannedMove:
    return PlannedMove("invoice", invoice.id, invoice.version, "collecting", "open", "collecting", "rule", runtime.today())
