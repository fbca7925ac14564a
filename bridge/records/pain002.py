"""A bank's status report (ISO 20022 pain.002): a head, then one line for each status at each of its three levels."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class StatusReason:
    """Why (StsRsnInf): an ISO code like AC04 or the bank's own, its text, and who said so (BIC = a bank, name = the debtor)."""

    code: str | None
    info: str = field(default="", repr=False)
    originator_bic: str | None = None
    originator_name: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StatusReportHead:
    """GrpHdr and OrgnlGrpInfAndSts. ``original_message_name`` may lack a version or be empty: compare by prefix."""

    message_id: str
    created_at: datetime | None
    namespace: str
    original_message_id: str
    original_message_name: str
    group_status: str | None
    reasons: tuple[StatusReason, ...]


@dataclass(frozen=True, slots=True)
class StatusLine:
    """One status. ``level`` is "group", "block" or "debit"; what the level does not name is None.

    ``status`` is an ISO code (RJCT, CANC, PART, ACCP ...) or None. Lines say what stands in the file; inheriting a rejection
    downwards is a rule, not a matter of reading.
    """

    level: str
    original_message_id: str
    pmt_inf_id: str | None
    end_to_end_id: str | None
    status: str | None
    reasons: tuple[StatusReason, ...]
    instruction_id: str | None = None
    mandate_id: str | None = None
    amount_cents: int | None = None
    due_on: date | None = None
