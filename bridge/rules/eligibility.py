"""May this invoice be collected, and may this collection go out? Pure.

What prevents forming a debit holds the *Invoice* (no Collection is opened); what makes a formed debit wait holds the
*Collection*. Every refusal is a sentence a finance person can act on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class MandateFacts:
    """A mandate as a rule sees it; ``creditor_id`` and ``id`` are row ids."""

    id: int
    mandate_id: str
    creditor_id: int
    debtor_ref: str
    agreement: str
    scheme: str
    kind: str
    state: str
    reason: str
    b2b_confirmed_on: date | None
    presented: bool  # a collection under it was ever put into a file
    lapses_on: date | None = None  # the last day a debit may be due; None where that is far away, or it is a draft


@dataclass(frozen=True, slots=True)
class InvoiceFacts:
    """An invoice as a rule sees it; ``receivable_cents`` is what it still owes by the ledger."""

    id: int
    number: str
    creditor_id: int
    debtor_ref: str
    agreement: str
    amount_cents: int
    currency: str
    state: str
    reason: str
    receivable_cents: int
    attempts: int
    open_breaks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``mandate`` is set where a collection may be formed; ``hold`` says why it must wait, ``refuse`` why none is formed."""

    mandate: MandateFacts | None = None
    hold: str = ""
    refuse: str = ""


def judge(invoice: InvoiceFacts, mandates: Sequence[MandateFacts], *, amount_max_cents: int) -> Verdict:
    """Decide about an invoice that is open: form a collection (perhaps held), or refuse with the reason."""
    if invoice.currency != "EUR":
        return Verdict(refuse=f"the currency is {invoice.currency}; only EUR can be collected")
    fitting = _fitting(invoice, mandates)
    if not fitting:
        return Verdict(refuse=f"no mandate for debtor {invoice.debtor_ref[:10]}...; import one")
    if len(fitting) > 1:
        listed = ", ".join(sorted(mandate.mandate_id for mandate in fitting))
        return Verdict(refuse=f"more than one mandate fits this debtor ({listed}); revoke all but one")
    mandate = fitting[0]
    return Verdict(mandate=mandate, hold=may_go_out(invoice, mandate, amount_max_cents=amount_max_cents))


def may_go_out(invoice: InvoiceFacts, mandate: MandateFacts, *, amount_max_cents: int, due_on: date | None = None) -> str:
    """Why a formed collection must wait; empty where it may go out. Asked at collect, at seal, and again before it leaves."""
    if mandate.state != "active":
        because = f": {mandate.reason}" if mandate.reason else ""
        return f"mandate {mandate.mandate_id} is {mandate.state}{because}"
    if due_on is not None and mandate.lapses_on is not None and due_on > mandate.lapses_on:
        return f"mandate {mandate.mandate_id} lapses on {mandate.lapses_on}, 36 months after its last debit; get a new one"
    if mandate.scheme == "B2B" and mandate.b2b_confirmed_on is None:
        return f"B2B mandate {mandate.mandate_id} is not yet confirmed with the debtor's bank"
    if mandate.kind == "one-off" and mandate.presented:
        return f"one-off mandate {mandate.mandate_id} was already used"
    if invoice.receivable_cents != invoice.amount_cents:
        return f"{_euro(invoice.receivable_cents)} of {_euro(invoice.amount_cents)} is open; only the whole amount is collected"
    if invoice.amount_cents > amount_max_cents:
        return f"{_euro(invoice.amount_cents)} is above the limit of {_euro(amount_max_cents)}; a person releases it"
    if invoice.open_breaks:
        return f"an open break is on it: {', '.join(sorted(invoice.open_breaks))}"
    return ""


def sequence(kind: str) -> str:
    """RCUR for a recurrent mandate (FRST is optional since November 2016, EPC016-06), OOFF for a one-off."""
    return "OOFF" if kind == "one-off" else "RCUR"


def _fitting(invoice: InvoiceFacts, mandates: Sequence[MandateFacts]) -> list[MandateFacts]:
    """The debtor's mandates of this creditor that are not ended; one that names the agreement goes before one that names none."""
    alive = [
        mandate
        for mandate in mandates
        if mandate.creditor_id == invoice.creditor_id
        and mandate.debtor_ref == invoice.debtor_ref
        and mandate.state in ("active", "paused")
        and mandate.agreement in ("", invoice.agreement)
    ]
    exact = [mandate for mandate in alive if mandate.agreement]
    return exact or alive


def _euro(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100:,}.{abs(cents) % 100:02d} EUR"
