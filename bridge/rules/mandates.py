"""Pure: when a mandate lapses, and what the debtor's bank must be told about one that changed."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bridge.records.pain008 import Amendment

LAPSE_MONTHS = 36  # EPC016-06: without a collection presented for so long the creditor must cancel the mandate


def lapses_on(signed_on: date, last_presented_on: date | None) -> date:
    """The last day on which a debit may be due: 36 months after the last due date presented, else after the signature.

    A debit that was presented counts whatever became of it: rejected, returned or refunded (EPC016-06).
    """
    since = last_presented_on or signed_on
    month = since.month - 1 + LAPSE_MONTHS
    year, month = since.year + month // 12, month % 12 + 1
    return date(year, month, min(since.day, monthrange(year, month)[1]))


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed: ``was`` the value before (an account by its digest)."""

    kind: str
    was: str


def told(changes: Sequence[Change], now: dict[str, str]) -> Amendment | None:
    """What a debit says of changes that no settled debit has said yet, oldest first; None where nothing is to be told.

    The bank knows the value before the oldest of them; what came back to that value has not changed for it (else MD02).
    """
    known: dict[str, str] = {}
    for change in changes:
        known.setdefault(change.kind, change.was)
    changed = {kind: was for kind, was in known.items() if kind in now and was != now[kind]}
    if not changed:
        return None
    return Amendment(
        mandate_id=changed.get("mandate_id"),
        creditor_id=changed.get("creditor_id"),
        creditor_name=changed.get("creditor_name"),
        new_account="account" in changed,
    )
