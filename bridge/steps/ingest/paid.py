"""An InvoicePaid is money: Token / Receivable, once, whatever the state of the invoice.

A debit that was not sent goes with it; a file that holds it and has not left is discarded by rule when somebody wants to sign or
export it. One that may be at the bank becomes a visible double payment, whose money goes back to the customer. There is no lock
on chain: which payment came first is decided by what is final when the file is sealed (contracts/README.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import books, observed
from bridge.books import BreakRow, PlannedPosting, PlannedVoucher, Recorder, Unit
from bridge.chain import decoders
from bridge.explaining import beyond, debts, on_chain, units
from bridge.explaining.standing import voucher_stands
from bridge.model import ChainLog, Orphan, Source, Voucher
from bridge.records.invoice_log import PaidLog
from bridge.rules import lifecycle
from bridge.rules.debts import Debt, credited
from bridge.runtime import Runtime
from bridge.settings import SourceSettings
from bridge.steps.ingest import claims
from bridge.steps.ingest.claims import Told

NEXT = "see the creditor's wallet, and give it back or write to the debtor"


def book(
    session: Session, runtime: Runtime, settings: SourceSettings, source: Source, told: Sequence[Told], by: Recorder
) -> list[BreakRow]:
    """Book each payment; returns a Break for each that cannot be: no such invoice, an unknown token, a part of a cent."""
    paid = [(one, one.said) for one in told if isinstance(one.said, PaidLog)]
    known = claims.invoices(session, source, [said.invoice_id for _, said in paid])
    breaks: list[BreakRow] = []
    for one, said in paid:  # one after the other: a second payment of an invoice must see the first
        cents, why = in_cents(said, settings.tokens)
        invoice_id = known.get(said.invoice_id)
        if invoice_id is None:
            why = f"invoice id {claims.claim_id(said.invoice_id)[:10]}... is not an invoice here"
        if why:
            what = f"a payment in tokens was not booked: {why}"
            breaks.append(
                (
                    "TOKEN_PAYMENT",
                    f"chain_log:{one.log_id}",
                    what,
                    "see the creditor's wallet; give it back, or correct bridge.toml",
                )
            )
            continue
        assert invoice_id is not None
        if _carried_over(session, source, said):
            continue
        debt = debts.load(session, [invoice_id])[invoice_id]
        books.apply_all(session, [_unit(source, one, said, debt, cents)], by)
    beyond.look(session, known.values(), by, runtime.today())
    return breaks


def in_cents(said: PaidLog, decimals_of: dict[str, int]) -> tuple[int, str]:
    """The payment in cents; or 0 and why it is none. ``decimals_of`` has the decimals of each token that is taken."""
    decimals = decimals_of.get(said.token)
    if decimals is None:
        return 0, f"token {said.token} is not in [sources.tokens]"
    cents, rest = divmod(said.amount, 10 ** (decimals - 2))
    if rest or not 0 < cents <= 2**53:
        return 0, f"{Decimal(said.amount).scaleb(-decimals)} of token {said.token} is no amount in whole cents"
    return cents, ""


def _carried_over(session: Session, source: Source, said: PaidLog) -> bool:
    """Whether this very payment is booked, by a log that a reorganisation replaced with this one."""
    gone = select(ChainLog).join(Orphan, Orphan.log_id == ChainLog.id).where(ChainLog.source_id == source.id)
    about = func.substr(ChainLog.topics, 1, 64) == decoders.INVOICE_PAID_TOPIC + said.invoice_id
    for log in session.scalars(gone.where(about)):
        if decoders.decode(observed.raw(log, source.chain_id)) == said:
            booked = select(Voucher.id).where(Voucher.evidence == f"chain_log:{log.id}", Voucher.fact == on_chain.PAID)
            if session.scalar(booked.where(voucher_stands())) is not None:
                return True
    return False


def _unit(source: Source, one: Told, said: PaidLog, debt: Debt, cents: int) -> Unit:
    effect = credited(debt, cents)
    on = max(one.on, debt.closes_on)
    evidence = f"chain_log:{one.log_id}"
    moves = units.invoice_moves(debt, effect, "paid_on_chain", evidence, on, f"paid in tokens by {said.payer[:10]}...")
    debit, credit = lifecycle.POSTINGS[on_chain.PAID]
    postings = [PlannedPosting(debit, debt.id, credit, debt.id, cents)]
    if effect.made_good_cents:
        postings.append(units.made_good(debt.id, effect.made_good_cents))
    key = f"token:{source.chain_id}:{source.contract}:{one.log_id}"
    return Unit(tuple(moves), PlannedVoucher(key, on_chain.PAID, evidence, on, tuple(postings)))
