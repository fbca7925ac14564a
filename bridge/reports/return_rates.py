"""How many debits come back: by reason, by the debtor's bank, by the age of the mandate; by count, by amount, and what it costs.

``bridge report returns``. What failed and is to be worked off, debit by debit, is ``returns.py``: ``bridge return list``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge.model import Mandate
from bridge.reports import banks, fees, presented, tables
from bridge.reports.asked import Asked
from bridge.reports.fees import Fees
from bridge.reports.presented import RETURNED, Debit
from bridge.reports.rendering import day
from bridge.reports.tables import Page
from bridge.reports.words import note, word
from bridge.rules import ages, reasons
from bridge.rules.ages import Rate
from bridge.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Group:
    """Debits that have something in common. ``rate`` is of those the bank decided: credited, rejected, returned."""

    name: str
    presented: int
    presented_cents: int
    unanswered: int
    unanswered_cents: int
    withdrawn: int
    rejected: int
    rejected_cents: int
    returned: int
    returned_cents: int
    decided: int
    decided_cents: int
    rate_basis_points: int
    rate_of_amount_basis_points: int
    fee_cents: int
    interchange_cents: int  # of the fee: what debtors' banks took, where it is stated apart

    @property
    def of_amount(self) -> Rate:
        """The rate by amount, exactly."""
        return Rate(self.rejected_cents + self.returned_cents, self.decided_cents)


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """A bank's code: how many debits failed by it, and their share of all that the bank decided."""

    reason: str
    rejected: int
    returned: int
    cents: int
    rate_basis_points: int
    rate_of_amount_basis_points: int
    fee_cents: int
    interchange_cents: int  # of the fee: what debtors' banks took, where it is stated apart


@dataclass(frozen=True, slots=True)
class ReturnRates:
    """``since`` is the first day of presentation that counts, None for all. Fees: Charges and Interchange."""

    asked: Asked
    since: date | None
    total: Group
    by_reason: list[ReasonLine]
    by_bank: list[Group]
    by_mandate_age: list[Group]
    fees_kept_cents: int
    fees_apart_cents: int

    @property
    def fees_cents(self) -> int:
        return self.total.fee_cents + self.fees_kept_cents + self.fees_apart_cents

    @property
    def document(self) -> dict[str, object]:
        """The report as JSON has it."""
        return {
            **self.asked.header,
            "since": self.since,
            "total": self.total,
            "by_reason": self.by_reason,
            "by_bank": self.by_bank,
            "by_mandate_age": self.by_mandate_age,
            "fees_of_returns_cents": self.total.fee_cents,
            "interchange_cents": self.total.interchange_cents,
            "fees_kept_cents": self.fees_kept_cents,
            "fees_apart_cents": self.fees_apart_cents,
            "fees_cents": self.fees_cents,
        }


def build(session: Session, runtime: Runtime, asked: Asked, since: date | None = None) -> ReturnRates:
    """Read what was presented in view, since a day or ever, and what became of it."""
    everything = [one for one in presented.debits(session, asked.view) if one.presented]
    inside = [one for one in everything if since is None or (one.presented_on or date.min) >= since]
    cost = fees.of_view(session, asked, since)
    total = group("", inside, cost)
    bank_of = banks.of_debits(session, runtime, inside)
    age_of = _ages(session, everything)
    return ReturnRates(
        asked=asked,
        since=since,
        total=total,
        by_reason=_by_reason(inside, total, cost),
        by_bank=_groups(inside, lambda one: bank_of[one.id], cost),
        by_mandate_age=sorted(
            _groups(inside, lambda one: age_of[one.id], cost), key=lambda one: ages.MANDATE_AGES.index(one.name)
        ),
        fees_kept_cents=cost.kept_cents,
        fees_apart_cents=cost.apart_cents,
    )


def group(name: str, some: Iterable[Debit], cost: Fees | None = None) -> Group:
    """Count these debits, all of them presented."""
    by_state: dict[str, list[Debit]] = defaultdict(list)
    for one in some:
        by_state[one.state].append(one)

    def of(*states: str) -> tuple[int, int]:
        own = [one.amount_cents for state in states for one in by_state[state]]
        return len(own), sum(own)

    all_, all_cents = of(*presented.PRESENTED)
    waiting, waiting_cents = of("submitted", "accepted")
    rejected, rejected_cents = of("rejected")
    returned, returned_cents = of(*RETURNED)
    decided, decided_cents = of("settled", "rejected", *RETURNED)
    return Group(
        name=name,
        presented=all_,
        presented_cents=all_cents,
        unanswered=waiting,
        unanswered_cents=waiting_cents,
        withdrawn=of("withdrawn")[0],
        rejected=rejected,
        rejected_cents=rejected_cents,
        returned=returned,
        returned_cents=returned_cents,
        decided=decided,
        decided_cents=decided_cents,
        rate_basis_points=Rate(rejected + returned, decided).basis_points,
        rate_of_amount_basis_points=Rate(rejected_cents + returned_cents, decided_cents).basis_points,
        fee_cents=sum(cost.of_returns[one.id] for own in by_state.values() for one in own) if cost else 0,
        interchange_cents=sum(cost.interchange[one.id] for own in by_state.values() for one in own) if cost else 0,
    )


def _groups(some: Iterable[Debit], name_of: Callable[[Debit], str], cost: Fees) -> list[Group]:
    own: dict[str, list[Debit]] = defaultdict(list)
    for one in some:
        own[name_of(one)].append(one)
    return [group(name, own[name], cost) for name in sorted(own)]


def _by_reason(some: Iterable[Debit], total: Group, cost: Fees) -> list[ReasonLine]:
    failed: dict[str, list[Debit]] = defaultdict(list)
    for one in some:
        if one.state in ("rejected", *RETURNED):
            failed[one.reason].append(one)
    lines = []
    for reason, own in failed.items():
        cents = sum(one.amount_cents for one in own)
        rejected = sum(one.state == "rejected" for one in own)
        lines.append(
            ReasonLine(
                reason=reason,
                rejected=rejected,
                returned=len(own) - rejected,
                cents=cents,
                rate_basis_points=Rate(len(own), total.decided).basis_points,
                rate_of_amount_basis_points=Rate(cents, total.decided_cents).basis_points,
                fee_cents=sum(cost.of_returns[one.id] for one in own),
                interchange_cents=sum(cost.interchange[one.id] for one in own),
            )
        )
    return sorted(lines, key=lambda one: (-one.cents, one.reason))


def _ages(session: Session, everything: Sequence[Debit]) -> dict[int, str]:
    """How old its mandate was when each debit was presented. One presented before it came to us had its first debit then."""
    rows = session.execute(select(Mandate.id, Mandate.signed_on, Mandate.last_presented_on))
    known = {mandate_id: (signed_on, before) for mandate_id, signed_on, before in rows}
    met: set[int] = set()
    found: dict[int, str] = {}
    for one in sorted(everything, key=lambda one: (one.presented_on or date.min, one.id)):
        signed_on, before = known[one.mandate_id]
        on = one.presented_on or date.min
        first = one.mandate_id not in met and (before is None or before >= on)
        met.add(one.mandate_id)
        found[one.id] = ages.mandate_age(signed_on, on, first=first)
    return found


COLUMNS = (
    "presented:count presented_eur:cents unanswered:count rejected:count rejected_eur:cents returned:count returned_eur:cents "
    "rate:share rate_eur:share fees:cents interchange:cents"
)


def page(found: ReturnRates, lang: str) -> Page:
    """The report in the reader's words."""
    groups = partial(_table, found, lang=lang)
    by_reason = tables.table(
        "by_reason",
        "reason meaning rejected:count returned:count failed_eur:cents rate:share rate_eur:share fees:cents interchange:cents",
        [
            (
                one.reason,
                reasons.meaning(one.reason, lang).removeprefix(f"{one.reason} "),
                one.rejected,
                one.returned,
                one.cents,
                one.rate_basis_points,
                one.rate_of_amount_basis_points,
                one.fee_cents,
                one.interchange_cents,
            )
            for one in found.by_reason
        ],
        lang,
        (
            word("total", lang),
            "",
            found.total.rejected,
            found.total.returned,
            found.total.rejected_cents + found.total.returned_cents,
            found.total.rate_basis_points,
            found.total.rate_of_amount_basis_points,
            found.total.fee_cents,
            found.total.interchange_cents,
        ),
    )
    by_age = [(word(one.name, lang), one) for one in found.by_mandate_age]
    parts = [
        by_reason,
        groups("by_bank", "bank", [(one.name, one) for one in found.by_bank]),
        groups("by_mandate_age", "mandate_age", by_age),
        _cost(found, lang),
    ]
    since = [note("since", lang, day(found.since, lang))] if found.since else []
    notes = [*since, note("returns", lang), note("fees", lang)]
    return tables.page("returns", found.asked, lang, tables=parts, filed="by_reason", notes=notes)


def _table(found: ReturnRates, name: str, first: str, rows: Sequence[tuple[str, Group]], *, lang: str) -> tables.Table:
    def row(title: str, one: Group) -> tables.Row:
        return (
            title,
            one.presented,
            one.presented_cents,
            one.unanswered,
            one.rejected,
            one.rejected_cents,
            one.returned,
            one.returned_cents,
            one.rate_basis_points,
            one.rate_of_amount_basis_points,
            one.fee_cents,
            one.interchange_cents,
        )

    last = row(word("total", lang), found.total)
    return tables.table(name, f"{first} {COLUMNS}", [row(title, one) for title, one in rows], lang, last)


def _cost(found: ReturnRates, lang: str) -> tables.Table:
    rows: list[tables.Row] = [
        (word("fee_interchange", lang), found.total.interchange_cents),
        (word("fee_of_returns", lang), found.total.fee_cents - found.total.interchange_cents),
        (word("fee_of_credits", lang), found.fees_kept_cents),
        (word("fee_apart", lang), found.fees_apart_cents),
    ]
    return tables.table("fees", "what eur:cents", rows, lang, (word("total", lang), found.fees_cents))
