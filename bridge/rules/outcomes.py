"""What is written back on chain about an invoice, and what exactly its evidence hash stands for. Pure.

Three words, from ``UsageInvoices.Outcome``: settled (the money is here), returned (it was, and is no more), cancelled (taken back
by its issuer, and in the books too). Never a reason: MD07 says that somebody died, AM04 that he has no money (EDPB Guidelines
02/2025 on personal data in chains).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

#: the contract said it itself, when it took the tokens
ON_CHAIN_ALREADY = "paid_on_chain"


@dataclass(frozen=True, slots=True)
class Said:
    """The outcome that a move of an invoice means. ``is_news``: False where it only matters if another was written before."""

    outcome: str
    is_news: bool = True


def of_move(news: str, from_state: str | None, to_state: str) -> Said | None:
    """The outcome of a move of an invoice; None where it has none."""
    if news == ON_CHAIN_ALREADY:
        return None
    if to_state == "paid":
        return Said("settled")
    if to_state == "cancelled":
        return Said("cancelled")
    if from_state == "paid":
        # else a person took a mistaken match back: nothing was returned, but it is settled no more
        return Said("returned", is_news=news in ("returned", "late_debit", "refund"))
    return None


def statement(
    *, chain_id: int, contract: str, claim_id: str, outcome: str, booked_on: date, amount_cents: int, document_sha256: str
) -> bytes:
    """What the evidence hash stands for: keccak of the salt and these bytes. A restored database says the same: no row's number.

    ``document_sha256`` is that of the bank's file; empty where no file is the cause.
    """
    lines = (
        "bridge outcome 1",
        f"chain {chain_id}",
        f"contract {contract}",
        f"invoice {claim_id}",
        f"outcome {outcome}",
        f"booked on {booked_on.isoformat()}",
        f"amount in cents {amount_cents}",
        f"document {document_sha256 or '-'}",
    )
    return "".join(f"{line}\n" for line in lines).encode()
