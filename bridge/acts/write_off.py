"""What nobody will pay any more is written off, by two people. A debit that was not sent is cancelled with it.

Nothing takes a write-off back: what comes all the same makes the loss good by itself, up to what was written off.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import audit_trail, books, consent
from bridge.books import PlannedMove, PlannedPosting, PlannedVoucher, Recorder, Unit
from bridge.errors import BadInput, IllegalMove, UnknownName
from bridge.explaining import beyond, debts
from bridge.model import Invoice, Voucher
from bridge.rules import lifecycle
from bridge.rules.debts import NOT_SENT, Debt
from bridge.runtime import Runtime

ACT = "invoice write-off"


@dataclass(frozen=True, slots=True)
class WrittenOff:
    """Who agreed, and how many people are still missing; ``cents`` are written off once none is."""

    number: str
    cents: int
    agreed: tuple[str, ...]
    missing: int


def run(runtime: Runtime, actor: str, number: str, reason: str) -> WrittenOff:
    """Agree to write off all that is open of an invoice; the second person's word does it.

    Both agree on the invoice as it is: a word given before something came in counts for nothing. Raises UnknownName, BadInput
    without a reason, IllegalMove where nothing is open or a debit is under way, NotAllowed for a machine.
    """
    if not reason.strip():
        raise BadInput(f"say why invoice {number} is written off (--reason)")
    return runtime.work(lambda session: _write_off(session, runtime, actor, number, reason))


def _write_off(session: Session, runtime: Runtime, actor: str, number: str, reason: str) -> WrittenOff:
    found = list(session.scalars(select(Invoice.id).where(Invoice.number_key == number.upper())))
    if len(found) != 1:
        raise UnknownName(f"invoice {number!r} is not one that is known; 'bridge invoice list' shows them")
    debt = debts.load(session, found)[found[0]]
    _may(debt)
    name = f"invoice:{debt.number}"
    said = [debt.version, debt.receivable_cents, debt.loss_cents, debt.live.version if debt.live else None]
    agreed = consent.give(session, act=ACT, object=name, said=said, actor=actor, at=runtime.clock())
    audit_trail.note(session, at=runtime.clock(), actor=actor, act=ACT, object=name, detail=reason)
    if not agreed.missing:
        _book(session, runtime, debt, actor, f"{reason} ({' and '.join(agreed.by)})")
    return WrittenOff(debt.number, debt.receivable_cents, agreed.by, agreed.missing)


def _may(debt: Debt) -> None:
    """Raise IllegalMove where nothing is open, or a debit of it may still bring the money."""
    if debt.live is not None and debt.live.state not in NOT_SENT:
        raise IllegalMove(f"{debt.live.end_to_end_id} is {debt.live.state}; invoice {debt.number} is written off only after it")
    if debt.clearing_cents or debt.receivable_cents <= 0:
        raise IllegalMove(f"nothing is open of invoice {debt.number}, which is {debt.state}; there is nothing to write off")


def _book(session: Session, runtime: Runtime, debt: Debt, actor: str, reason: str) -> None:
    on = max(runtime.today(), debt.closes_on)
    state = lifecycle.step("invoice", f"invoice {debt.number}", debt.state, "written_off")
    moves = [PlannedMove("invoice", debt.id, debt.version, "written_off", debt.state, state, "person", on, reason)]
    if debt.live is not None:
        one = debt.live
        gone = lifecycle.step("collection", one.end_to_end_id, one.state, "cancelled")
        moves.append(PlannedMove("collection", one.id, one.version, "cancelled", one.state, gone, "person", on, reason))
    key = f"off:{debt.id}"
    number = session.scalar(select(func.count()).select_from(Voucher).where(Voucher.idem_key.startswith(f"{key}:"))) or 0
    debit, credit = lifecycle.POSTINGS["written off"]
    posting = PlannedPosting(debit, debt.id, credit, debt.id, debt.receivable_cents)
    voucher = PlannedVoucher(f"{key}:{number + 1}", "written off", "person", on, (posting,))
    by = Recorder(actor, runtime.clock())
    books.apply_all(session, [Unit(tuple(moves), voucher)], by)
    beyond.look(session, [debt.id], by, runtime.today())
