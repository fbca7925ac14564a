"""Debits that failed and what is next for each: tried again on a day, by a person, or never."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from bridge import forming, rows
from bridge.errors import UnknownName
from bridge.explaining.standing import stands
from bridge.model import Collection, Creditor, Detail, Entry, Invoice, Mandate, Match, Voucher
from bridge.rules import reasons, retries
from bridge.rules.retries import Failed
from bridge.runtime import Runtime

#: whether another account would do -> English, German
_NEVER = {
    False: ("never tried again", "nie erneut einziehen"),
    True: ("not tried again before the mandate has another account", "nicht erneut, bevor das Mandat ein anderes Konto hat"),
}


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """An open invoice whose last attempt failed. ``again_on`` is the policy's day; ``next`` is what a person does."""

    end_to_end_id: str
    invoice: str
    amount_cents: int
    mandate_id: str
    mandate_state: str
    state: str
    how: str  # a key of reasons.HOW: rejected, returned by a bank, refunded to the debtor
    failed_on: date
    reason: str
    meaning: str
    note: str  # what the code alone does not say
    attempt: int
    again_on: date | None
    next: str


@dataclass(frozen=True, slots=True)
class AttemptLine:
    end_to_end_id: str
    due_on: date
    amount_cents: int
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class Shown:
    line: ReturnLine
    attempts: list[AttemptLine]


def listed(session: Session, runtime: Runtime, lang: str = "en") -> list[ReturnLine]:
    """Every open invoice whose last attempt failed, oldest first."""
    found = forming.failed(session)
    creditors = {creditor.id: creditor.creditor_id for creditor in session.scalars(select(Creditor))}
    mandates = _mandates(session, [invoice.id for invoice, _ in found])
    refunded = _by_debtor(session, [failed.end_to_end_id for _, failed in found if failed.state == "returned"])
    return [
        _line(
            runtime,
            invoice,
            failed,
            creditors[invoice.creditor_id],
            *mandates[failed.end_to_end_id],
            lang,
            by_debtor=failed.end_to_end_id in refunded,
        )
        for invoice, failed in found
    ]


def show(session: Session, runtime: Runtime, end_to_end_id: str, lang: str = "en") -> Shown:
    """One of them with all attempts of its invoice. Raises UnknownName."""
    line = next((one for one in listed(session, runtime, lang) if one.end_to_end_id.upper() == end_to_end_id.upper()), None)
    if line is None:
        raise UnknownName(
            f"{end_to_end_id[:35]} is not the failed last attempt of an open invoice; 'bridge return list' shows those"
        )
    attempts = session.scalars(
        select(Collection)
        .join(Invoice, Invoice.id == Collection.invoice_id)
        .where(Invoice.number == line.invoice)
        .order_by(Collection.attempt)
    )
    return Shown(line, [AttemptLine(a.end_to_end_id, a.due_on, a.amount_cents, a.state, a.reason) for a in attempts])


def _mandates(session: Session, invoice_ids: Sequence[int]) -> dict[str, tuple[str, str]]:
    """EndToEndId -> reference and state of its mandate, of all attempts of these invoices."""
    named = select(Collection.end_to_end_id, Mandate.mandate_id, Mandate.state).join(Mandate)
    return {
        name: (mandate_id, state)
        for some in rows.among(session, Collection.invoice_id, invoice_ids)
        for name, mandate_id, state in session.execute(named.where(some))
    }


def _by_debtor(session: Session, names: Sequence[str]) -> set[str]:
    """Those of these returned debits whose return names the debtor as its originator, in the line or in its advice."""
    line, advice = aliased(Detail), aliased(Detail)
    own_words = (advice.entry_id == Entry.told_by_id) & (func.upper(advice.end_to_end_id) == Collection.end_to_end_key)
    told = (
        select(Collection.end_to_end_id)
        .join(Match, Match.collection_id == Collection.id)
        .join(Voucher, Voucher.id == Match.voucher_id)
        .join(Entry, Entry.id == Match.entry_id)
        .outerjoin(line, line.id == Match.detail_id)
        .outerjoin(advice, own_words)
        .where(Voucher.fact == "returned", stands(), line.by_debtor | advice.by_debtor)
    )
    return {name for (name,) in rows.sought(session, told, Collection.end_to_end_id, names)}


def _line(
    runtime: Runtime,
    invoice: Invoice,
    failed: Failed,
    creditor_id: str,
    mandate_id: str,
    mandate_state: str,
    lang: str,
    *,
    by_debtor: bool,
) -> ReturnLine:
    policy = runtime.settings.rules_for(creditor_id).retry
    withdrawn = failed.state == "withdrawn"
    return ReturnLine(
        end_to_end_id=failed.end_to_end_id,
        invoice=invoice.number,
        amount_cents=invoice.amount_cents,
        mandate_id=mandate_id,
        mandate_state=mandate_state,
        state=failed.state,
        how=reasons.how(failed.state, failed.reason, by_debtor=by_debtor),
        failed_on=failed.failed_on,
        reason="" if withdrawn else failed.reason,
        meaning=failed.reason if withdrawn else reasons.meaning(failed.reason, lang),
        note="" if withdrawn else reasons.NOTES.get(failed.reason, ("", ""))[lang == "de"],
        attempt=failed.attempt,
        again_on=retries.again_on(failed, policy.reasons, policy.retries_max, policy.days_min),
        next=_next(failed, lang),
    )


def _next(failed: Failed, lang: str) -> str:
    step = "" if failed.state == "withdrawn" else reasons.next_step(failed.reason, lang)
    if retries.why_not(failed):
        return f"{step}; {_NEVER[retries.needs_account(failed)][lang == 'de']}"
    command = f"bridge return retry {failed.end_to_end_id}"
    return f"{step}; {'dann' if lang == 'de' else 'then'} {command}" if step else command
