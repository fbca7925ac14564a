"""Every file with what became of it: who cut and approved it, when it left, and its sum against what the ledger has of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import balances
from bridge.model import Approval, Batch, Block, Match, Posting, Voucher
from bridge.model.batch import AT_THE_BANK_STATES
from bridge.reports import presented, tables
from bridge.reports.asked import Asked
from bridge.reports.presented import File
from bridge.reports.tables import Page
from bridge.reports.words import note, word

RETURNED = ("returned", "returned undone")


@dataclass(frozen=True, slots=True)
class FileLine:
    """A file as of the view. ``sum_cents`` is the control sum in its bytes; the rest are balances of the ledger.

    ``returned_cents`` is what of ``credited_cents`` came back; ``difference_cents`` is 0 for a file that has not left.
    """

    message_id: str
    state: str
    scheme: str
    due_on: list[date]
    created_by: str
    approved_by: list[str]
    handed_over_on: date | None
    handed_over_by: str | None
    collections: int
    sum_cents: int
    credited_cents: int
    returned_cents: int
    rejected_cents: int
    withdrawn_cents: int
    unanswered_cents: int
    difference_cents: int


@dataclass(frozen=True, slots=True)
class Files:
    asked: Asked
    files: list[FileLine]

    @property
    def difference_cents(self) -> int:
        """Added up without netting."""
        return sum(abs(one.difference_cents) for one in self.files)

    @property
    def ok(self) -> bool:
        return self.difference_cents == 0

    @property
    def document(self) -> dict[str, object]:
        """The report as JSON has it."""
        return {**self.asked.header, "difference_cents": self.difference_cents, "files": self.files}


def build(session: Session, asked: Asked) -> Files:
    """Read every file in view, oldest first."""
    files = presented.files(session, asked.view)
    sums = _sums(session, asked)
    signed: dict[int, list[str]] = defaultdict(list)
    for batch_id, actor, at in session.execute(
        select(Approval.batch_id, Approval.actor, Approval.recorded_at).order_by(Approval.id)
    ):
        if asked.saw(at):
            signed[batch_id].append(actor)
    due: dict[int, set[date]] = defaultdict(set)
    for batch_id, due_on in session.execute(select(Block.batch_id, Block.due_on)):
        due[batch_id].add(due_on)
    rows = session.scalars(select(Batch).order_by(Batch.id))
    return Files(
        asked, [_line(row, files[row.id], sums[row.id], signed[row.id], sorted(due[row.id])) for row in rows if row.id in files]
    )


def _line(row: Batch, file: File, sums: Counter[str], signed: list[str], due_on: list[date]) -> FileLine:
    left = file.state in AT_THE_BANK_STATES
    told = sums["credited"] + sums["rejected"] + sums["withdrawn"] + sums["unanswered"]
    return FileLine(
        message_id=row.message_id,
        state=file.state,
        scheme=row.scheme,
        due_on=due_on,
        created_by=row.created_by,
        approved_by=signed,
        handed_over_on=file.left_on if left else None,
        handed_over_by=file.left_by if left else None,
        collections=row.collections,
        sum_cents=row.control_sum_cents,
        credited_cents=sums["credited"],
        returned_cents=sums["returned"],
        rejected_cents=sums["rejected"],
        withdrawn_cents=sums["withdrawn"],
        unanswered_cents=sums["unanswered"],
        difference_cents=row.control_sum_cents - told if left else 0,
    )


def _sums(session: Session, asked: Asked) -> dict[int, Counter[str]]:
    """What the ledger has of each file, by the file that its debits are at the bank with."""
    file_of = {one.id: one.file.id for one in presented.debits(session, asked.view) if one.file is not None}
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for name, by_collection in (
        ("credited", _clearing(session, asked, "settled")),
        ("rejected", _clearing(session, asked, "rejected")),
        ("withdrawn", _clearing(session, asked, "withdrawn")),
        ("unanswered", balances.by_subject(session, "Clearing", asked.view)),
        ("returned", _returned(session, asked)),
    ):
        for collection_id, cents in by_collection.items():
            if collection_id in file_of:
                found[file_of[collection_id]][name] += cents
    return found


def _clearing(session: Session, asked: Asked, fact: str) -> Counter[int]:
    """What a fact took off Clearing, by collection, less what of it was undone. A voucher's other postings are not among it."""
    found: Counter[int] = Counter()
    sides: tuple[tuple[Any, Any, str, int], ...] = (
        (Posting.credit_account, Posting.credit_subject, fact, 1),
        (Posting.debit_account, Posting.debit_subject, f"{fact} undone", -1),
    )
    for account, subject, named, sign in sides:
        rows = (
            select(subject, func.sum(Posting.amount_cents))
            .join(Voucher, Voucher.id == Posting.voucher_id)
            .where(account == "Clearing", Voucher.fact == named, *asked.view.conditions())
            .group_by(subject)
        )
        for collection_id, cents in session.execute(rows):
            found[collection_id] += sign * int(cents)
    return found


def _returned(session: Session, asked: Asked) -> Counter[int]:
    """What came back of each debit's own amount, without the fee."""
    rows = (
        select(Match.collection_id, func.sum(Match.amount_cents))
        .join(Voucher, Voucher.id == Match.voucher_id)
        .where(Match.collection_id.is_not(None), Voucher.fact.in_(RETURNED))
        .where(*asked.view.conditions(Match.booked_on, Match.recorded_at))
        .group_by(Match.collection_id)
    )
    return Counter({collection_id: -int(cents) for collection_id, cents in session.execute(rows) if collection_id is not None})


def page(found: Files, lang: str) -> Page:
    """The report in the reader's words."""
    rows: list[tables.Row] = [
        (
            one.message_id,
            word(one.state, lang),
            one.scheme,
            one.due_on[0] if one.due_on else None,
            one.created_by,
            ", ".join(one.approved_by),
            one.handed_over_on,
            one.collections,
            one.sum_cents,
            one.credited_cents,
            one.returned_cents,
            one.rejected_cents,
            one.withdrawn_cents,
            one.unanswered_cents,
            one.difference_cents,
        )
        for one in found.files
    ]
    totals = tables.sums(rows, 7, 15)
    files = tables.table(
        "batches",
        "message_id state scheme due_on:date created_by approved_by handed_over_on:date debits:count sum:cents credited:cents "
        "returned:cents rejected:cents withdrawn:cents unanswered:cents difference:cents",
        rows,
        lang,
        (word("total", lang), "", "", None, "", "", None, *totals),
    )
    return tables.page("batches", found.asked, lang, tables=[files], filed="batches", notes=[note("batches", lang)])
