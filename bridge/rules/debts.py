"""What one invoice owes, and what an amount that comes or goes does to it. Pure.

Source: ARCHITECTURE.md, "Postings": Receivable is signed, and whatever takes a written-off invoice below zero also books the
loss back, up to what was written off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from bridge.rules import proof
from bridge.rules.lifecycle import INVOICE_OF, KEPT
from bridge.rules.proof import InvoiceBalances, Split

#: its debit stands in a file that may be at the bank, or is there
UNDER_WAY = ("batched", "submitted", "accepted")
NOT_SENT = ("pending", "held")


@dataclass(frozen=True, slots=True)
class Attempt:
    """The collection of an invoice that is not final."""

    id: int
    version: int
    end_to_end_id: str
    state: str
    amount_cents: int


@dataclass(frozen=True, slots=True)
class Debt:
    """One invoice by the books. Amounts are balances, debits less credits; ``billed_cents`` is less what was taken back.

    ``closes_on`` is the date of the last voucher on its Receivable; ``live`` its attempt that is not final; ``spent_cents`` what
    of its money was refunded or used for other invoices.
    """

    id: int
    number: str
    creditor_id: int
    debtor_ref: str
    version: int
    state: str
    billed_cents: int
    receivable_cents: int
    clearing_cents: int
    loss_cents: int
    closes_on: date
    live: Attempt | None = None
    spent_cents: int = 0

    @property
    def money_cents(self) -> int:
        """What lines and logs brought for it, less what went back."""
        return self.billed_cents - self.receivable_cents - self.clearing_cents - self.loss_cents

    @property
    def credit_cents(self) -> int:
        """The customer's, paid beyond what is billed: all that may be refunded or used for another invoice."""
        return max(0, self.money_cents - self.billed_cents)

    @property
    def beyond(self) -> Split:
        """The proof's split of it, for what lies beyond its amount."""
        return proof.split(
            InvoiceBalances(
                billed_cents=self.billed_cents,
                transfer_cents=self.money_cents,
                clearing_cents=self.clearing_cents,
                loss_cents=self.loss_cents,
                receivable_cents=self.receivable_cents,
            )
        )

    @property
    def paid_twice_cents(self) -> int:
        """What of a debit that is under way, or may be, is owed no more because it was paid otherwise."""
        if self.live is None or self.live.state not in UNDER_WAY:
            return 0
        owed = max(0, self.billed_cents - max(0, self.money_cents) - self.loss_cents)
        return max(0, self.live.amount_cents - owed)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change does to the rest of the invoice: its state, the loss made good, the attempt that is owed no more."""

    state: str
    made_good_cents: int = 0
    cancels: Attempt | None = None


def credited(debt: Debt, cents: int) -> Effect:
    """The effect of ``cents`` credited to its Receivable; below zero: debited."""
    rest = debt.receivable_cents - cents
    good = made_good(rest + debt.clearing_cents, debt.loss_cents)
    live = debt.live
    # an attempt is for the whole amount: once less is open, it is not sent
    cancels = live if live is not None and live.state in NOT_SENT and rest < debt.billed_cents else None
    going_on = live.state if live is not None and cancels is None else None
    return Effect(state_after(debt.state, going_on, rest + good, debt.loss_cents - good), good, cancels)


def taken_back(debt: Debt) -> Effect:
    """The effect of its issuer taking the whole invoice back: nothing is owed any more, and what was paid is the customer's."""
    return credited(replace(debt, state="cancelled"), debt.billed_cents)


def attempt_over(debt: Debt, cents: int) -> Effect:
    """The effect of its attempt coming to its end without money: ``cents`` are debited to its Receivable again.

    What came otherwise meanwhile may pay it all the same.
    """
    return Effect(state_after(debt.state, None, debt.receivable_cents + cents, debt.loss_cents))


def made_good(owed_cents: int, loss_cents: int) -> int:
    """How much of a loss an invoice that stands at ``owed_cents`` (below zero: the customer's) makes good."""
    return max(0, min(-owed_cents, loss_cents))


def state_after(before: str, live: str | None, receivable_cents: int, loss_cents: int) -> str:
    """The state of an invoice by what is on it. ``live`` is the state of its attempt that is not final.

    ``before`` counts only where a person or the chain said it: held while something is open, cancelled, orphaned.
    """
    if before in KEPT:
        return before
    if live is not None:
        return INVOICE_OF[live]
    if receivable_cents > 0:
        return "held" if before == "held" else "open"
    return "written_off" if loss_cents > 0 else "paid"
