"""Make a debit attempt of an open invoice, the first or another: decided by rules.eligibility, written by books.

The collect step makes the first attempts and, where a policy says so, later ones; a person may ask for another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from bridge import books, doubting, judging, rows
from bridge.books import PlannedMove, Recorder, Unit
from bridge.model import Account, Amendment, BankAccount, Batch, Collection, Creditor, Invoice, Mandate, Move
from bridge.records.profile import BankProfile
from bridge.rules import calendar, eligibility, retries
from bridge.rules.eligibility import Verdict
from bridge.rules.proof import FAILED
from bridge.rules.retries import Failed
from bridge.runtime import Runtime


def form(session: Session, runtime: Runtime, invoices: Sequence[Invoice], actor: str) -> Counter[str]:
    """Make the next attempt of each of these open invoices, pending or held, or hold the invoice where none may be made.

    The names count on: "INV-7-1", "INV-7-2"; none is ever used twice. Counts "opened", "held" and "refused".
    """
    if not invoices:
        return Counter()
    now = runtime.clock()
    decided = verdicts(session, runtime, invoices)
    by = Recorder(actor, now)
    refused = [invoice for invoice in invoices if decided[invoice.id].refuse and invoice.state == "open"]
    formed = [invoice for invoice in invoices if decided[invoice.id].mandate]
    moves = [_hold(runtime, invoice, decided[invoice.id].refuse) for invoice in refused]
    moves += [_collecting(runtime, invoice) for invoice in formed]
    runtime.fault("collect: read")
    books.apply_all(session, [Unit(moves=(move,)) for move in moves], by)
    creditors = {creditor.id: creditor for creditor in session.scalars(select(Creditor))}
    profiles = _profiles(session, runtime, [creditors[creditor_id] for creditor_id in {one.creditor_id for one in formed}])
    due = {one.id: calendar.due_on(one.due_on, now.astimezone(runtime.zone), profiles[one.creditor_id]) for one in formed}
    made = _made(session, formed)
    doubts = _doubts(session, runtime, formed, due, creditors)
    opened = []
    for invoice in formed:
        verdict, creditor = decided[invoice.id], creditors[invoice.creditor_id]
        assert verdict.mandate is not None
        hold = verdict.hold or doubts.get(invoice.id, "")
        attempt = 1 + made.get(invoice.id, 0)
        end_to_end_id = f"{invoice.number}-{attempt}"
        opened.append(
            {
                "invoice_id": invoice.id,
                "mandate_id": verdict.mandate.id,
                "account_id": creditor.account_id,
                "attempt": attempt,
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
    books.admit(session, "collection", opened, by, news="opened")
    held = sum(row["state"] == "held" for row in opened)
    return Counter(opened=len(opened) - held, held=held, refused=len(refused))


def _profiles(session: Session, runtime: Runtime, creditors: Sequence[Creditor]) -> dict[int, BankProfile]:
    """What the bank of each of these creditors can, by the creditor's row id; read once, not for each invoice."""
    banks = {account.id: account.bank for account in session.scalars(select(Account))}
    return {creditor.id: runtime.profile(banks[creditor.account_id]) for creditor in creditors}


def _made(session: Session, invoices: Sequence[Invoice]) -> dict[int, int]:
    """The number of the last attempt of each of these invoices; none for one without."""
    found: dict[int, int] = {}
    for some in rows.among(session, Collection.invoice_id, [invoice.id for invoice in invoices]):
        last = select(Collection.invoice_id, func.max(Collection.attempt)).where(some).group_by(Collection.invoice_id)
        found |= {invoice_id: attempt for invoice_id, attempt in session.execute(last)}
    return found


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


def verdicts(session: Session, runtime: Runtime, invoices: Sequence[Invoice]) -> dict[int, Verdict]:
    """What eligibility says of each of these invoices, by its id."""
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


def _hold(runtime: Runtime, invoice: Invoice, why: str) -> PlannedMove:
    return PlannedMove("invoice", invoice.id, invoice.version, "held", "open", "held", "rule", runtime.today(), why)


def _collecting(runtime: Runtime, invoice: Invoice) -> PlannedMove:
    return PlannedMove("invoice", invoice.id, invoice.version, "collecting", "open", "collecting", "rule", runtime.today())


def failed(session: Session, invoice_ids: Sequence[int] | None = None) -> list[tuple[Invoice, Failed]]:
    """Open invoices whose last attempt failed, each with that attempt; all of them, or these."""
    later = (
        select(Collection.invoice_id, func.max(Collection.attempt).label("attempt")).group_by(Collection.invoice_id).subquery()
    )
    chosen = (
        select(Invoice, Collection, Move.booked_on)
        .join(Collection, Collection.invoice_id == Invoice.id)
        .join(later, (later.c.invoice_id == Collection.invoice_id) & (later.c.attempt == Collection.attempt))
        .join(Move, (Move.noun == "collection") & (Move.noun_id == Collection.id) & (Move.version == Collection.version))
        .where(Invoice.state == "open", Collection.state.in_(FAILED))
        .order_by(Collection.id)
    )
    conditions = [None] if invoice_ids is None else list(rows.among(session, Invoice.id, invoice_ids))
    found = [row for some in conditions for row in session.execute(chosen if some is None else chosen.where(some))]
    counted = _counted(session, [invoice.id for invoice, *_ in found])
    changed = _account_changed(session, [one.id for _, one, _ in found])
    return [
        (
            invoice,
            Failed(
                one.end_to_end_id, one.state, one.reason, failed_on, one.attempt, counted.get(invoice.id, 0), one.id in changed
            ),
        )
        for invoice, one, failed_on in found
    ]


def _counted(session: Session, invoice_ids: Sequence[int]) -> dict[int, int]:
    """How many attempts of each invoice failed for no technical reason; the others cost the debtor nothing."""
    found: Counter[int] = Counter()
    for some in rows.among(session, Collection.invoice_id, invoice_ids):
        of_them = select(Collection.invoice_id, Collection.reason).where(some, Collection.state.in_(FAILED))
        found.update(invoice_id for invoice_id, reason in session.execute(of_them) if not retries.technical(reason))
    return found


def _account_changed(session: Session, collection_ids: Sequence[int]) -> set[int]:
    """Those whose mandate debits another account now than it did when their file was made."""
    then, now = aliased(BankAccount), aliased(BankAccount)
    of_them = (
        select(Collection.id, then.iban_digest, now.iban_digest)
        .join(Batch, Batch.id == Collection.batch_id)
        .join(Mandate, Mandate.id == Collection.mandate_id)
        .join(Amendment, (Amendment.mandate_id == Mandate.id) & (Amendment.recorded_at > Batch.created_at))
        .join(then, then.id == Amendment.was_account_id)
        .join(now, now.id == Mandate.bank_account_id)
        .order_by(Collection.id, Amendment.id)
    )
    debited: dict[int, bool] = {}  # the first change after the file names the account that the file debited
    for some in rows.among(session, Collection.id, collection_ids):
        for collection_id, was, is_ in session.execute(of_them.where(some)):
            debited.setdefault(collection_id, was != is_)
    return {collection_id for collection_id, changed in debited.items() if changed}
