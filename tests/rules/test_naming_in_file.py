"""Which debit of its file a status report means that gives no EndToEndId."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from bridge.rules import naming
from bridge.rules.naming import InFile

DUE, LATER = date(2026, 12, 1), date(2026, 12, 8)
DEBITS = (
    InFile("INV-1-1", "R1", "MND-1", 1_000, DUE),
    InFile("INV-2-1", "R1", "MND-1", 2_000, DUE),
    InFile("INV-3-1", "R1", "MND-2", 1_000, DUE),
    InFile("INV-4-1", "R2", "MND-2", 1_000, LATER),
    InFile("INV-5-1", "R2", "MND-3", 5_000, LATER),
    InFile("INV-6-1", "R2", "MND-3", 5_000, LATER),
)


def said(**changed: Any) -> InFile:
    """What a report says of a debit: nothing, but for what is changed."""
    silent: dict[str, Any] = {"end_to_end_key": "", "block_key": "", "mandate_key": "", "amount_cents": None, "due_on": None}
    return InFile(**(silent | changed))


@pytest.mark.parametrize(
    ("of", "meant"),
    [
        ({"end_to_end_key": "INV-1-1"}, "INV-1-1"),
        ({"end_to_end_key": "INV-1-1", "block_key": "R2"}, ""),
        ({"end_to_end_key": "7", "mandate_key": "MND-1", "amount_cents": 2_000}, "INV-2-1"),
        ({"mandate_key": "MND-1", "amount_cents": 1_000}, "INV-1-1"),
        ({"mandate_key": "MND-1", "amount_cents": 1_000, "due_on": LATER}, ""),
        ({"mandate_key": "MND-1", "amount_cents": 1_001}, ""),
        ({"mandate_key": "MND-1"}, ""),
        ({"amount_cents": 2_000}, ""),
        ({"mandate_key": "MND-2", "amount_cents": 1_000}, ""),
        ({"mandate_key": "MND-2", "amount_cents": 1_000, "due_on": LATER}, "INV-4-1"),
        ({"mandate_key": "MND-2", "amount_cents": 1_000, "block_key": "R1"}, "INV-3-1"),
        ({"mandate_key": "MND-3", "amount_cents": 5_000, "block_key": "R2"}, ""),
        ({}, ""),
    ],
)
def test_who_is_meant(of: dict[str, Any], meant: str) -> None:
    """OrgnlInstrId where it holds our EndToEndId; else mandate, amount and date where they leave one (sepa.md 9)."""
    assert naming.in_file(said(**of), DEBITS) == meant
