"""What people did: their rights, their acts, and every amount that a person and not a rule moved, with the reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import rows
from bridge.model import Audit, Invoice, Match, Move, Posting, User, Voucher
from bridge.reports.asked import Asked
from bridge.rules.people import is_machine

#: a person says that a file was uploaded: that is his part in every file, and stands there
HANDOVER = ("submitted",)


@dataclass(frozen=True, slots=True)
class Rights:
    """A user with the rights that he had in the view."""

    name: str
    role: str
    since: datetime
    added_by: str
    disabled_at: datetime | None
    disabled_by: str


@dataclass(frozen=True, slots=True)
class Act:
    """One act of a person, as the audit trail has it."""

    at: datetime
    actor: str
    act: str
    object: str
    detail: str


@dataclass(frozen=True, slots=True)
class Change:
    """A voucher that a person booked: what was explained, ignored, taken back, used or written off by hand, and why."""

    on: date
    actor: str
    fact: str
    objects: list[str]
    reason: str
    voucher: str
    cents: int


def people(session: Session, asked: Asked) -> list[Rights]:
    """Everybody who was added by then, by name."""
    later: dict[str, str] = {}
    for name, detail, at in session.execute(
        select(Audit.object, Audit.detail, Audit.recorded_at).where(Audit.act == "user role").order_by(Audit.id.desc())
    ):
        if not asked.saw(at):  # "old to new": what he had before the first change that is not in view
            later[name] = detail.partition(" to ")[0]
    return [
        Rights(
            row.name,
            later.get(f"user:{row.name}", row.role),
            row.recorded_at,
            row.created_by,
            row.disabled_at if row.disabled_at is not None and asked.saw(row.disabled_at) else None,
            row.disabled_by or "" if row.disabled_at is not None and asked.saw(row.disabled_at) else "",
        )
        for row in session.scalars(select(User).order_by(User.name_key))
        if asked.saw(row.recorded_at)
    ]


def acts(session: Session, asked: Asked, since: date) -> list[Act]:
    """The audit trail of the period, as it was written."""
    return [
        Act(row.recorded_at, row.actor, row.act, row.object, row.detail)
        for row in session.scalars(select(Audit).order_by(Audit.id))
        if asked.saw(row.recorded_at) and asked.day(row.recorded_at) >= since
    ]


def changes(session: Session, asked: Asked, since: date) -> list[Change]:
    """The vouchers of the period that a person booked, but for hand-overs."""
    told = select(Voucher).where(Voucher.booked_on >= since, Voucher.fact.not_in(HANDOVER), *asked.view.conditions())
    vouchers = [one for one in session.scalars(told.order_by(Voucher.booked_on, Voucher.id)) if not is_machine(one.actor)]
    ids = [one.id for one in vouchers]
    matches = _of_vouchers(session, select(Match.voucher_id, Match.entry_id, Match.evidence).order_by(Match.id), Match, ids)
    moves = _of_vouchers(session, select(Move.voucher_id, Move.reason).order_by(Move.id), Move, ids)
    invoices = _invoices(session, ids)
    notes = _notes(session)
    found = []
    for one in vouchers:
        objects = sorted({f"line:{entry_id}" for entry_id, _ in matches[one.id]})
        objects += sorted(f"invoice:{number}" for number in invoices[one.id])
        reason = next((text for (text,) in moves[one.id] if text), "") or _noted(one, objects, notes)
        reason = reason or next((text for _, text in matches[one.id] if text != "person"), "")
        found.append(Change(one.booked_on, one.actor, one.fact, objects, reason, one.idem_key, one.amount_cents))
    return found


def _of_vouchers(session: Session, wanted: Any, noun: Any, ids: Sequence[int]) -> defaultdict[int, list[Any]]:
    found: defaultdict[int, list[Any]] = defaultdict(list)
    for some in rows.among(session, noun.voucher_id, ids):
        for voucher_id, *rest in session.execute(wanted.where(some)):
            found[voucher_id].append(tuple(rest))
    return found


def _invoices(session: Session, ids: Sequence[int]) -> defaultdict[int, set[str]]:
    """The invoices whose accounts each voucher touches."""
    found: defaultdict[int, set[str]] = defaultdict(set)
    sides: tuple[tuple[Any, Any], ...] = (
        (Posting.debit_account, Posting.debit_subject),
        (Posting.credit_account, Posting.credit_subject),
    )
    for account, subject in sides:
        named = select(Posting.voucher_id, Invoice.number).join(Invoice, Invoice.id == subject).where(account == "Receivable")
        for some in rows.among(session, Posting.voucher_id, ids):
            for voucher_id, number in session.execute(named.where(some)):
                found[voucher_id].add(number)
    return found


def _notes(session: Session) -> dict[tuple[str, str], list[Audit]]:
    found: defaultdict[tuple[str, str], list[Audit]] = defaultdict(list)
    for row in session.scalars(select(Audit).where(Audit.detail != "").order_by(Audit.id)):
        found[(row.actor, row.object.replace("entry:", "line:"))].append(row)
    return found


def _noted(voucher: Voucher, objects: Iterable[str], notes: dict[tuple[str, str], list[Audit]]) -> str:
    """What the audit trail says of the act: it is written in the same unit of work, after the voucher."""
    own = [row for name in objects for row in notes.get((voucher.actor, name), []) if row.recorded_at >= voucher.recorded_at]
    return min(own, key=lambda row: row.id).detail if own else ""
