"""The values that rules about lines take and give."""

from __future__ import annotations

from datetime import date

from bridge.rules.debts import Debt
from bridge.rules.lines import Candidate, Part

CANDIDATE = Candidate(1, 1, "INV-9-1", "submitted", 100_00, 1, 9, 1, "collecting", date(2026, 11, 20))
DEBT = Debt(8, "INV-8", 1, "0x01", 1, "open", 100_00, 100_00, 0, 0, date(2026, 11, 20))


def test_which_invoice_a_part_concerns() -> None:
    """The one of its collection, else the one that is named without a collection, else none."""
    assert Part("settled", 100_00, CANDIDATE).invoice_id == 9
    assert Part("transfer", 100_00, debt=DEBT).invoice_id == 8
    assert Part("not ours", 100_00).invoice_id is None


def test_what_nobody_said() -> None:
    """A candidate had no late credit, a part has no reason, unless somebody says so."""
    assert CANDIDATE.late_cents == 0
    assert Part("settled", 100_00, CANDIDATE).reason == ""
