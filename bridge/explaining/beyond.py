"""What lies beyond an invoice's amount has an open Break: customer credit, a debit of what was paid, what must be reclaimed.

Opened and closed by the balances, so none can be closed while its cause is there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import books
from bridge.books import BreakRow, Recorder
from bridge.explaining import debts
from bridge.explaining.standing import stands
from bridge.model import Break, Collection, Match, Voucher
from bridge.rules.debts import Debt

KINDS = ("CUSTOMER_CREDIT", "PAID_TWICE", "RECLAIM")
IN_ONE_STATEMENT = 500


def look(session: Session, invoice_ids: Iterable[int], by: Recorder, today: date) -> int:
    """Open and close the Breaks of these invoices; returns how many were opened."""
    ids = sorted(set(invoice_ids))
    opened = 0
    for start in range(0, len(ids), IN_ONE_STATEMENT):
        opened += _look(session, ids[start : start + IN_ONE_STATEMENT], by, today)
    return opened


def look_again(session: Session, by: Recorder, today: date) -> int:
    """The same for every invoice that has such a Break: a bank answer or a return may have ended its cause."""
    found = session.scalars(select(Break.subject).where(Break.kind.in_(KINDS), Break.closed_at.is_(None)))
    return look(session, [int(subject.removeprefix("invoice:")) for subject in found], by, today)


def _look(session: Session, ids: Sequence[int], by: Recorder, today: date) -> int:
    owed, late = debts.load(session, ids), _late(session, ids)
    subjects = [f"invoice:{invoice_id}" for invoice_id in ids]
    rows = select(Break.kind, Break.subject, Break.what).where(Break.subject.in_(subjects), Break.closed_at.is_(None))
    known = {(kind, subject): what for kind, subject, what in session.execute(rows)}
    wanted: dict[tuple[str, str], BreakRow] = {}
    for invoice_id, debt in owed.items():
        subject = f"invoice:{invoice_id}"
        if ("LATE_CREDIT", subject) in known and late[invoice_id] <= debt.spent_cents:
            books.close_breaks(session, [subject], by, "the late credit is gone", kinds=["LATE_CREDIT"])
            del known[("LATE_CREDIT", subject)]
        for row in _wanted(debt, subject):
            if row[0] != "CUSTOMER_CREDIT" or ("LATE_CREDIT", subject) not in known:  # that one asks for the same already
                wanted[(row[0], subject)] = row
    for (kind, subject), what in known.items():
        if kind in KINDS and (wanted.get((kind, subject)) or ("", "", "", ""))[2] != what:
            resolution = "its amount changed" if (kind, subject) in wanted else "its cause is gone"
            books.close_breaks(session, [subject], by, resolution, kinds=[kind])
    return books.open_breaks(session, wanted.values(), by, today)


def _wanted(debt: Debt, subject: str) -> Iterable[BreakRow]:
    beyond = debt.beyond
    if beyond.customer_credit_cents:
        what = f"{_euro(beyond.customer_credit_cents)} is the customer's: invoice {debt.number} was paid beyond its amount"
        yield "CUSTOMER_CREDIT", subject, what, "refund it and accept the line, or: bridge invoice use-credit"
    if debt.paid_twice_cents and debt.live is not None:
        how = {"cancelled": "was cancelled", "orphaned": "is on the chain no more"}.get(debt.state, "was paid otherwise")
        what = f"invoice {debt.number} {how}, and its debit {debt.live.end_to_end_id} is {debt.live.state}"
        yield (
            "PAID_TWICE",
            subject,
            what,
            "discard its file if it was not uploaded; else have the bank recall it, or refund it once it is credited",
        )
    if beyond.reclaim_cents:
        what = f"{_euro(beyond.reclaim_cents)} more went back than came for invoice {debt.number}"
        yield "RECLAIM", subject, what, "ask the bank or the customer for it"


def _late(session: Session, ids: Sequence[int]) -> dict[int, int]:
    """What late credits less late debits brought for each invoice."""
    found: dict[int, int] = defaultdict(int)
    rows = session.execute(
        select(Collection.invoice_id, func.sum(Match.amount_cents))
        .join(Match, Match.collection_id == Collection.id)
        .join(Voucher, Voucher.id == Match.voucher_id)
        .where(Collection.invoice_id.in_(ids), Voucher.fact.in_(("late credit", "late debit")), stands())
        .group_by(Collection.invoice_id)
    )
    for invoice_id, cents in rows:
        found[invoice_id] += int(cents)
    return found


def _euro(cents: int) -> str:
    return f"{cents // 100:,}.{cents % 100:02d} EUR"
