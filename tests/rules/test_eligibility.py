"""May an invoice be collected, and may a collection go out: each refusal alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from bridge.rules import eligibility
from bridge.rules.eligibility import InvoiceFacts, MandateFacts

SIGNED = date(2026, 6, 1)
MANDATE = MandateFacts(5, "MND-1", 1, "0xaa", "", "CORE", "recurrent", "active", "", None, presented=False)
INVOICE = InvoiceFacts(9, "INV-9", 1, "0xaa", "0xbb", 100_00, "EUR", "open", "", 100_00, 0, ())
LIMIT = 50_000_00


def judge(invoice: InvoiceFacts = INVOICE, *mandates: MandateFacts) -> eligibility.Verdict:
    return eligibility.judge(invoice, mandates or (MANDATE,), amount_max_cents=LIMIT)


def test_one_active_mandate() -> None:
    """One mandate of this debtor and creditor: a collection is formed and may go out."""
    found = judge()
    assert (found.mandate, found.hold, found.refuse) == (MANDATE, "", "")


@pytest.mark.parametrize("other", [{"creditor_id": 2}, {"debtor_ref": "0xcc"}, {"state": "revoked"}, {"agreement": "0xdd"}])
def test_another_ones_mandate_does_not_fit(other: dict[str, object]) -> None:
    """Of another creditor, debtor or agreement, or revoked: no mandate, and no collection is formed."""
    found = judge(INVOICE, replace(MANDATE, **other))  # type: ignore[arg-type]
    assert found.mandate is None
    assert found.refuse.startswith("no mandate for debtor")


def test_two_mandates_are_one_too_many() -> None:
    """Two that fit hold the invoice, and both are named; one that names the agreement goes before one that names none."""
    second = replace(MANDATE, id=6, mandate_id="MND-2")
    assert "MND-1, MND-2" in judge(INVOICE, second, MANDATE).refuse
    exact = replace(second, agreement="0xbb")
    assert judge(INVOICE, MANDATE, exact).mandate == exact


def test_a_debtor_is_shown_by_his_first_letters() -> None:
    """The reference is shown as far as a person needs it to find the debtor."""
    found = judge(replace(INVOICE, debtor_ref="0x12345678" + "9" * 56))
    assert found.refuse == "no mandate for debtor 0x12345678...; import one"


def test_only_euro() -> None:
    """Another currency cannot be collected."""
    assert "USD" in judge(replace(INVOICE, currency="USD")).refuse


@pytest.mark.parametrize(
    ("invoice", "mandate", "words"),
    [
        ({}, {"state": "paused", "reason": "asked"}, "mandate MND-1 is paused: asked"),
        ({}, {"state": "paused"}, "mandate MND-1 is paused"),
        ({}, {"scheme": "B2B"}, "not yet confirmed"),
        ({}, {"kind": "one-off", "presented": True}, "already used"),
        ({"receivable_cents": 99_99}, {}, "99.99 EUR of 100.00 EUR is open"),
        ({"receivable_cents": -1}, {}, "-0.01 EUR of 100.00 EUR is open"),
        ({"receivable_cents": 0}, {}, "0.00 EUR of 100.00 EUR is open"),
        ({"amount_cents": LIMIT + 1, "receivable_cents": LIMIT + 1}, {}, "above the limit of 50,000.00 EUR"),
        ({"open_breaks": ("LATE_CREDIT",)}, {}, "an open break is on it: LATE_CREDIT"),
        ({"open_breaks": ("ORPHANED", "LATE_CREDIT")}, {}, "an open break is on it: LATE_CREDIT, ORPHANED"),
    ],
)
def test_what_makes_a_formed_debit_wait(invoice: dict[str, object], mandate: dict[str, object], words: str) -> None:
    """Each reason alone holds the collection, in words that a person can act on."""
    found = judge(replace(INVOICE, **invoice), replace(MANDATE, **mandate))  # type: ignore[arg-type]
    assert found.mandate is not None
    assert words in found.hold


@pytest.mark.parametrize(
    ("receivable", "state", "words"),
    [
        (100_00, "paused", "mandate MND-1 is paused"),
        (0, "active", "0.00 EUR of 100.00 EUR is open; only the whole amount is collected"),
        (-5, "active", "-0.05 EUR of 100.00 EUR is open; only the whole amount is collected"),
    ],
)
def test_a_reason_to_the_letter(receivable: int, state: str, words: str) -> None:
    """Nothing is said beyond the reason: no colon without a cause, no minus before zero."""
    assert judge(replace(INVOICE, receivable_cents=receivable), replace(MANDATE, state=state)).hold == words


def test_the_limit_itself_may_go_out() -> None:
    """An amount at the limit is not above it."""
    assert judge(replace(INVOICE, amount_cents=LIMIT, receivable_cents=LIMIT)).hold == ""


def test_a_one_off_mandate_may_go_out_once() -> None:
    """Before it was ever put into a file it is as good as a recurrent one, which may be presented again and again."""
    assert judge(INVOICE, replace(MANDATE, kind="one-off")).hold == ""
    assert judge(INVOICE, replace(MANDATE, presented=True)).hold == ""


def test_a_confirmed_b2b_mandate_may_go_out() -> None:
    """A B2B mandate that the debtor's bank confirmed is as good as a Core one."""
    assert judge(INVOICE, replace(MANDATE, scheme="B2B", b2b_confirmed_on=SIGNED)).hold == ""


def test_sequence() -> None:
    """One-off mandates are presented as OOFF, all others as RCUR (FRST is optional since November 2016)."""
    assert eligibility.sequence("recurrent") == "RCUR"
    assert eligibility.sequence("one-off") == "OOFF"
