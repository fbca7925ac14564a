"""What a bank line says, what it may be about, and what explains it: the values that rules about lines take and give. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from bridge.rules import lifecycle
from bridge.rules.debts import Debt
from bridge.rules.lifecycle import Decision

BreakRow = tuple[str, str, str, str]  # kind, subject, what, next


@dataclass(frozen=True, slots=True)
class Candidate:
    """A collection that a line may be about. ``closes_on`` is the date of the voucher whose balance the line would close.

    ``elsewhere``: it is batched in a file that left, while another file with it is at the bank. ``unclear``: it stands in several
    files that left, and nobody knows which one was uploaded.
    """

    id: int
    version: int
    end_to_end_id: str
    state: str
    amount_cents: int
    account_id: int
    invoice_id: int
    invoice_version: int
    invoice_state: str
    closes_on: date
    rejected_on: date | None = None
    late_cents: int = 0
    elsewhere: bool = False
    unclear: bool = False

    def hear(self, news: str) -> Decision:
        """What this news does to it."""
        return lifecycle.hear(lifecycle.ELSEWHERE if self.elsewhere else self.state, news)


@dataclass(frozen=True, slots=True)
class DetailFacts:
    id: int
    amount_cents: int | None
    original_cents: int | None
    end_to_end_id: str | None
    is_return: bool
    reason: str | None
    charges_cents: int
    done: bool
    interchange_cents: int = 0  # of the charges: what the debtor's bank takes
    named_by: tuple[str, str] = ("", "")  # the rule that found whom it means, and what shows it; the bank gave no EndToEndId


@dataclass(frozen=True, slots=True)
class OpenCredit:
    """A credit line with an open rest that contains a rejected collection: where its later debit belongs."""

    entry_id: int
    open_cents: int
    closes_on: date


@dataclass(frozen=True, slots=True)
class Line:
    """A booked line with something still open. ``members`` are the candidates of the file or block that a credit names."""

    id: int
    account_id: int
    amount_cents: int
    open_cents: int
    booked_on: date
    bank_code: str | None
    bank_code_own: str | None
    charges_cents: int
    batch_count: int | None
    details: tuple[DetailFacts, ...]
    members: tuple[Candidate, ...] = ()
    members_settled: bool = False  # a lump sum that did its work: its rest waits for the debits of rejected members
    reopened_on: date | None = None  # when a person last took an explanation of it back
    interchange_cents: int = 0  # of the charges stated at the entry
    fee_booked: bool = False  # a charge stated at the entry was booked before

    @property
    def closes_on(self) -> date:
        """The date of the voucher whose balance an explanation closes."""
        return max(self.booked_on, self.reopened_on or self.booked_on)


@dataclass(frozen=True, slots=True)
class Part:
    """One posting that explains a part of the line. ``cents`` is signed as the line; ``fact`` is a key of lifecycle.POSTINGS."""

    fact: str
    cents: int
    candidate: Candidate | None = None
    to_state: str | None = None
    reason: str = ""
    other_entry_id: int | None = None
    debt: Debt | None = None  # the invoice, where no collection is meant

    @property
    def invoice_id(self) -> int | None:
        """The invoice that it concerns, if any."""
        if self.candidate is not None:
            return self.candidate.invoice_id
        return self.debt.id if self.debt is not None else None


@dataclass(frozen=True, slots=True)
class Explained:
    """Parts that belong together: one voucher."""

    rule: str
    evidence: str
    booked_on: date
    parts: tuple[Part, ...]
    detail_id: int | None = None
    opens: tuple[BreakRow, ...] = ()  # Breaks beside it: kind, subject, what, next


@dataclass(frozen=True, slots=True)
class Result:
    explained: tuple[Explained, ...] = ()
    opens: tuple[BreakRow, ...] = ()


@dataclass(slots=True)
class Pass:
    """What one pass over a chunk has already used: an invoice (in ``touched``) moves at most once a pass."""

    by_end_to_end: Mapping[str, Candidate]
    open_credits: Mapping[int, Sequence[OpenCredit]]
    touched: set[int] = field(default_factory=set)
    spent: dict[int, int] = field(default_factory=dict)
