"""What a move of an invoice means to those who read the chain."""

from __future__ import annotations

from datetime import date

import pytest

from bridge.rules import outcomes
from bridge.rules.outcomes import Said


@pytest.mark.parametrize(
    ("news", "before", "after", "meant"),
    [
        ("settled", "collecting", "paid", Said("settled")),
        ("transfer", "open", "paid", Said("settled")),
        ("undone", "open", "paid", Said("settled")),
        ("paid_on_chain", "open", "paid", None),
        ("returned", "paid", "open", Said("returned")),
        ("late_debit", "paid", "open", Said("returned")),
        ("refund", "paid", "open", Said("returned")),
        ("undone", "paid", "collecting", Said("returned", is_news=False)),
        ("orphaned", "paid", "orphaned", Said("returned", is_news=False)),
        ("cancelled", "paid", "cancelled", Said("cancelled")),
        ("cancelled", "open", "cancelled", Said("cancelled")),
        ("rejected", "collecting", "open", None),
        ("written_off", "open", "written_off", None),
        ("final", None, "open", None),
    ],
)
def test_what_a_move_means(news: str, before: str | None, after: str, meant: Said | None) -> None:
    """T50: paid is settled, what was paid and is no more is returned; a debit that was never credited has no outcome."""
    assert outcomes.of_move(news, before, after) == meant


def test_a_statement_has_no_reason_and_no_number_of_ours() -> None:
    """What is hashed, to the byte: whoever has it and the salt can check it without us."""
    said = outcomes.statement(
        chain_id=100,
        contract="0x" + "c0" * 20,
        claim_id="0x" + "01" * 32,
        outcome="returned",
        booked_on=date(2026, 12, 3),
        amount_cents=119_00,
        document_sha256="",
    )
    assert said == (
        b"bridge outcome 1\nchain 100\ncontract 0x" + b"c0" * 20 + b"\ninvoice 0x" + b"01" * 32 + b"\n"
        b"outcome returned\nbooked on 2026-12-03\namount in cents 11900\ndocument -\n"
    )
