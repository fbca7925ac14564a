"""Takes an explanation back: the opposite of its whole voucher, its matches, and the states that followed from it.

What rests on it must be taken back first; a voucher is never taken back in part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select, update
from sqlalchemy.orm import Session, aliased

from bridge import books
from bridge.books import PlannedMatch, PlannedMove, PlannedPosting, PlannedVoucher, Recorder, Unit
from bridge.errors import IllegalMove, NotAllowed
from bridge.explaining import debts
from bridge.explaining.standing import stands, voucher_stands
from bridge.explaining.units import made_good
from bridge.model import Batch, Collection, Entry, Match, Move, Posting, Voucher
from bridge.rules import debts as rule
from bridge.rules import lifecycle
from bridge.rules.debts import Debt

IN_ONE_STATEMENT = 500


@dataclass(frozen=True, slots=True)
class Booked:
    """A voucher that stands, with all that was booked by it. ``attempts`` are its collections as they are now, by id."""

    id: int
    key: str
    fact: str
    booked_on: date
    postings: tuple[PlannedPosting, ...]
    matches: tuple[Match, ...]
    moves: tuple[Move, ...]
    attempts: dict[int, Collection]

    @property
    def opposite(self) -> tuple[PlannedPosting, ...]:
        """Every posting the other way round."""
        return tuple(
            PlannedPosting(p.credit_account, p.credit_subject, p.debit_account, p.debit_subject, p.amount_cents)
            for p in self.postings
        )

    @property
    def invoices(self) -> set[int]:
        """Every invoice whose money or state it touched."""
        touched = {one.invoice_id for one in self.attempts.values()}
        touched |= {move.noun_id for move in self.moves if move.noun == "invoice"}
        touched |= {p.debit_subject for p in self.postings if p.debit_account == "Receivable"}
        return touched | {p.credit_subject for p in self.postings if p.credit_account == "Receivable"}


def of_line(session: Session, entry_id: int) -> list[str]:
    """The keys of the vouchers that explain a line and stand, the last one first."""
    explaining = select(Match.voucher_id).where(Match.entry_id == entry_id, stands())
    return list(session.scalars(select(Voucher.idem_key).where(Voucher.id.in_(explaining)).order_by(Voucher.id.desc())))


def take_back(session: Session, key: str, *, reason: str, by: Recorder, today: date, evidence: str = "person") -> Booked:
    """Take a voucher back; returns what it was. Raises NotAllowed or IllegalMove, naming what rests on it."""
    booked = _load(session, key)
    _nothing_rests_on(session, booked)
    owed = debts.load(session, booked.invoices)
    after = {invoice_id: _after(booked, debt) for invoice_id, debt in owed.items()}
    for invoice_id, debt in owed.items():
        _not_spent(booked, debt, after[invoice_id])
    on = max(today, booked.booked_on)
    moves = [move for one in booked.moves if one.noun == "collection" for move in _back(booked, one, on, reason, evidence)]
    goods: list[PlannedPosting] = []
    for invoice_id, debt in owed.items():
        good = rule.made_good(after[invoice_id].receivable_cents + after[invoice_id].clearing_cents, after[invoice_id].loss_cents)
        goods += [made_good(invoice_id, good)] if good else []
        moves += _invoice_follows(booked, debt, after[invoice_id], good, on, reason, evidence)
    undo = f"undo:{booked.key}"
    opposite = PlannedVoucher(undo, f"{booked.fact} undone", evidence, on, booked.opposite, booked.id)
    units = [Unit(tuple(moves), opposite, tuple(_taken_back(match, on) for match in booked.matches))]
    if goods:  # a voucher of its own: what takes another one back is its opposite and nothing else
        units.append(Unit(voucher=PlannedVoucher(f"good:{undo}", "loss made good", evidence, on, tuple(goods))))
    books.apply_all(session, units, by)
    _reopen_files(session, booked, by, on, reason)
    in_hand = {match.entry_id for match in booked.matches}
    session.execute(update(Entry).where(Entry.id.in_(in_hand)).values(by_hand=True).execution_options(synchronize_session=False))
    return booked


def _load(session: Session, key: str) -> Booked:
    fresh = {"populate_existing": True}
    voucher = session.scalars(select(Voucher).where(Voucher.idem_key == key)).one()
    if f"{voucher.fact} undone" not in lifecycle.POSTINGS:
        raise NotAllowed(f"{key} books {voucher.fact!r}, which is not taken back")
    if session.scalar(select(Voucher.id).where(Voucher.id == voucher.id, voucher_stands())) is None:
        raise NotAllowed(f"{key} was taken back before")
    postings = session.scalars(select(Posting).where(Posting.voucher_id == voucher.id).order_by(Posting.ordinal))
    matches = tuple(session.scalars(select(Match).where(Match.voucher_id == voucher.id).order_by(Match.id)))
    moves = tuple(session.scalars(select(Move).where(Move.voucher_id == voucher.id).order_by(Move.id)))
    about = {match.collection_id for match in matches if match.collection_id is not None}
    about |= {move.noun_id for move in moves if move.noun == "collection"}
    attempts: dict[int, Collection] = {}
    for some in _slices(sorted(about)):
        rows = session.scalars(select(Collection).where(Collection.id.in_(some)).execution_options(**fresh))
        attempts |= {row.id: row for row in rows}
    return Booked(
        id=voucher.id,
        key=key,
        fact=voucher.fact,
        booked_on=voucher.booked_on,
        postings=tuple(
            PlannedPosting(p.debit_account, p.debit_subject, p.credit_account, p.credit_subject, p.amount_cents) for p in postings
        ),
        matches=matches,
        moves=moves,
        attempts=attempts,
    )


def _nothing_rests_on(session: Session, booked: Booked) -> None:
    """Raise where something later was booked because of it: a later attempt, a return after a credit, a debit after a credit."""
    if booked.fact == "line to line":  # nothing but the two lines followed from it
        return
    for some in _slices(sorted(booked.attempts)):
        earlier, later = aliased(Collection), aliased(Collection)
        attempt = session.execute(
            select(earlier.end_to_end_id, later.end_to_end_id)
            .join(later, (later.invoice_id == earlier.invoice_id) & (later.attempt > earlier.attempt))
            .where(earlier.id.in_(some))
            .limit(1)
        ).first()
        if attempt is not None:
            raise NotAllowed(f"{attempt[0]} was tried again as {attempt[1]}; what it was cannot be taken back any more")
        moved = {move.noun_id: move.version for move in booked.moves if move.noun == "collection"}
        after = session.execute(
            select(Move.noun_id, Move.version, Voucher.idem_key)
            .join(Voucher, Voucher.id == Move.voucher_id)
            .where(Move.noun == "collection", Move.noun_id.in_(some), voucher_stands())
            .order_by(Move.id.desc())
        )
        for collection_id, version, key in after:
            if version > moved.get(collection_id, version):
                raise NotAllowed(f"{key} rests on it: {booked.attempts[collection_id].end_to_end_id}; take that back first")
        _no_debit_of(session, booked, some)


def _no_debit_of(session: Session, booked: Booked, some: Sequence[int]) -> None:
    """Raise where a late credit is taken back, but a later debit of the same collection took it back already."""
    if booked.fact != "late credit":
        return
    rows = session.execute(
        select(Match.collection_id, Match.amount_cents, Voucher.idem_key, Voucher.fact, Voucher.id)
        .join(Voucher, Voucher.id == Match.voucher_id)
        .where(Match.collection_id.in_(some), Voucher.fact.in_(("late credit", "late debit")), stands())
        .order_by(Voucher.id)
    ).all()
    left: Counter[int] = Counter()
    for collection_id, cents, _, _, voucher_id in rows:
        left[collection_id or 0] += cents if voucher_id != booked.id else 0
    for collection_id, _, key, fact, voucher_id in rows:
        if left[collection_id or 0] < 0 and fact == "late debit" and voucher_id > booked.id:
            name = booked.attempts[collection_id or 0].end_to_end_id
            raise NotAllowed(f"{key} rests on it: {name} was debited again; take that back first")


@dataclass(frozen=True, slots=True)
class _After:
    """The balances of an invoice once the opposite is booked."""

    receivable_cents: int
    clearing_cents: int
    loss_cents: int


def _after(booked: Booked, debt: Debt) -> _After:
    change: Counter[str] = Counter()
    for p in booked.opposite:
        for account, subject, cents in (
            (p.debit_account, p.debit_subject, p.amount_cents),
            (p.credit_account, p.credit_subject, -p.amount_cents),
        ):
            owner = booked.attempts[subject].invoice_id if account == "Clearing" else subject
            if account in ("Receivable", "Clearing", "Loss") and owner == debt.id:
                change[account] += cents
    return _After(
        debt.receivable_cents + change["Receivable"],
        debt.clearing_cents + change["Clearing"],
        debt.loss_cents + change["Loss"],
    )


def _not_spent(booked: Booked, debt: Debt, after: _After) -> None:
    """Raise where money would be taken away that was refunded or used for another invoice."""
    money = debt.billed_cents - after.receivable_cents - after.clearing_cents - after.loss_cents
    if debt.spent_cents > 0 and debt.money_cents - money > debt.credit_cents:
        raise NotAllowed(
            f"money of invoice {debt.number} was refunded or used for another invoice, which rests on {booked.key}; "
            "take that back first"
        )


def _back(booked: Booked, move: Move, on: date, reason: str, evidence: str) -> list[PlannedMove]:
    """The collection goes back to where it was."""
    one = booked.attempts[move.noun_id]
    if move.news not in lifecycle.TAKEN_BACK_BY:
        raise IllegalMove(f"{one.end_to_end_id} was {move.news}, which is not taken back")
    news = lifecycle.TAKEN_BACK_BY[move.news]
    state = lifecycle.step("collection", one.end_to_end_id, one.state, news)
    return [PlannedMove("collection", one.id, one.version, news, one.state, state, evidence, on, reason)]


def _invoice_follows(
    booked: Booked, debt: Debt, after: _After, good: int, on: date, reason: str, evidence: str
) -> list[PlannedMove]:
    """The invoice's state by what is on it now; one that a person held is held again."""
    own = {move.noun_id: move.from_state for move in booked.moves if move.noun == "invoice"}
    live = debt.live.state if debt.live is not None else None
    for move in booked.moves:
        if move.noun == "collection" and booked.attempts[move.noun_id].invoice_id == debt.id:
            live = lifecycle.OWN_NEWS[lifecycle.TAKEN_BACK_BY[move.news]][1]
    # what was cancelled since stays so, whatever it was before this was booked, unless it is the cancellation that goes
    kept = debt.state in lifecycle.KEPT and booked.fact != f"invoice {debt.state}"
    before = debt.state if kept else own.get(debt.id) or debt.state
    state = rule.state_after(before, live, after.receivable_cents + good, after.loss_cents - good)
    if state == debt.state:
        return []
    return [PlannedMove("invoice", debt.id, debt.version, "undone", debt.state, state, evidence, on, reason)]


def _taken_back(match: Match, on: date) -> PlannedMatch:
    said = ("UNDONE", f"takes back {match.rule}")
    about = (match.detail_id, match.collection_id, match.other_entry_id)
    return PlannedMatch(match.entry_id, -match.amount_cents, *said, on, *about, match.id)


def _reopen_files(session: Session, booked: Booked, by: Recorder, on: date, reason: str) -> None:
    """A file of which a debit is in flight again is not booked."""
    again = {move.noun_id for move in booked.moves if move.noun == "collection" and move.news == "settled"}
    files = {one.batch_id for one in booked.attempts.values() if one.id in again and one.batch_id is not None}
    rows = session.scalars(
        select(Batch).where(Batch.id.in_(files), Batch.state == "booked").execution_options(populate_existing=True)
    )
    moves = [
        PlannedMove(
            "batch",
            row.id,
            row.version,
            "reopened",
            row.state,
            lifecycle.step("batch", row.message_id, row.state, "reopened"),
            "person",
            on,
            reason,
        )
        for row in rows
    ]
    books.apply_all(session, [Unit(moves=(move,)) for move in moves], by)


def _slices(items: Sequence[int]) -> Iterable[Sequence[int]]:
    return (items[start : start + IN_ONE_STATEMENT] for start in range(0, len(items), IN_ONE_STATEMENT))
