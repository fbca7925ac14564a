"""The one hand: it alone writes Move, Voucher, Posting, Match, and the columns ``state`` and ``version``.

A ``Unit`` is one decision: the moves, vouchers and matches that belong together. ``apply`` writes many units set-based: every
noun is updated with its expected version in the WHERE clause, so that of two movers exactly one wins. A unit that lost all its
moves is returned and nothing of it is written; one that lost only some raises LostRace, and the caller's unit of work is
repeated.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Any, cast

from sqlalchemy import CursorResult, insert, select, update
from sqlalchemy.orm import Session

from bridge import rows
from bridge.errors import IntegrityError, LostRace
from bridge.model import Batch, Break, Collection, Entry, Invoice, Mandate, Match, Move, Posting, Voucher

NOUNS: dict[str, type[Any]] = {"invoice": Invoice, "collection": Collection, "batch": Batch, "mandate": Mandate}
BreakRow = tuple[str, str, str, str]  # kind, subject, what, next


@dataclass(frozen=True, slots=True)
class PlannedPosting:
    """``amount_cents`` (> 0) from the credit account to the debit account."""

    debit_account: str
    debit_subject: int
    credit_account: str
    credit_subject: int
    amount_cents: int


@dataclass(frozen=True, slots=True)
class PlannedVoucher:
    """One fact to be booked once, for ever: ``idem_key`` names it."""

    idem_key: str
    fact: str
    evidence: str
    booked_on: date
    postings: tuple[PlannedPosting, ...]
    reverses_id: int | None = None  # the voucher that this one takes back as a whole

    @property
    def payload_sha256(self) -> str:
        """What was booked, as a hash: the same key with another payload is not a repeat."""
        postings = [[p.debit_account, p.debit_subject, p.credit_account, p.credit_subject, p.amount_cents] for p in self.postings]
        return sha256(json.dumps([self.fact, postings]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PlannedMove:
    """A state change of one noun, expected at ``version`` (before the move). ``sets`` are columns that change with the state."""

    noun: str
    noun_id: int
    version: int
    news: str
    from_state: str
    to_state: str
    evidence: str
    booked_on: date
    reason: str = ""
    sets: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedMatch:
    """A signed part of an entry that the unit's voucher explains."""

    entry_id: int
    amount_cents: int
    rule: str
    evidence: str
    booked_on: date
    detail_id: int | None = None
    collection_id: int | None = None
    other_entry_id: int | None = None
    undoes_id: int | None = None  # the match that this one takes back


@dataclass(frozen=True, slots=True)
class Unit:
    """What belongs together. Matches need exactly one voucher."""

    moves: tuple[PlannedMove, ...] = ()
    voucher: PlannedVoucher | None = None
    matches: tuple[PlannedMatch, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    done: list[Unit] = field(default_factory=list)
    lost: list[Unit] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Recorder:
    """Who books, and when."""

    actor: str
    at: datetime


def apply(session: Session, units: Sequence[Unit], by: Recorder, *, all_new: bool = False) -> Applied:
    """Write the units. Returns those done and those lost to another mover.

    ``all_new``: what they book was admitted in this very unit of work, so nobody looks whether it is booked; if it is, the key is
    taken, and the unit of work is undone.

    A unit without moves whose voucher is booked already is a repeat: nothing of it is written again. Raises LostRace where a unit
    lost only a part (repeat the unit of work), IntegrityError where a voucher's key is already booked with another content.
    """
    won = _move_states(session, [move for unit in units for move in unit.moves])
    applied = Applied()
    for unit in units:
        hits = sum(_identity(move) in won for move in unit.moves)
        if 0 < hits < len(unit.moves):
            raise LostRace("another worker moved a part of this first; the step repeats it")
        (applied.done if hits == len(unit.moves) else applied.lost).append(unit)
    booking = [unit.voucher for unit in applied.done if unit.voucher]
    known = {} if all_new else _known(session, [voucher.idem_key for voucher in booking])
    vouchers, repeats = _book(session, booking, known, by)
    fresh = [unit for unit in applied.done if unit.voucher is None or unit.voucher.idem_key not in repeats]
    again = next((unit for unit in applied.done if unit.voucher and unit.voucher.idem_key in repeats and unit.moves), None)
    if again is not None and again.voucher is not None:
        raise IntegrityError(f"{again.voucher.idem_key} is already booked, but its move was not; run 'bridge check'")
    _write_moves(session, fresh, vouchers, by)
    _write_matches(session, fresh, vouchers, by)
    return applied


def apply_all(session: Session, units: Sequence[Unit], by: Recorder) -> None:
    """Like ``apply`` for what must not be lost, an act of a person above all: raises LostRace where another mover was first."""
    if apply(session, units, by).lost:
        raise LostRace("another worker moved this first; look at it again")


def admit(
    session: Session, noun: str, new: Sequence[dict[str, Any]], by: Recorder, *, news: str, evidence: str = ""
) -> list[int]:
    """Insert new nouns in their first state (version 1) with their first Move; returns their ids in the order of ``new``.

    A row brings ``state`` and may bring ``evidence`` and ``booked_on`` for its Move.
    """
    if not new:
        return []
    extra = [(row.get("evidence", evidence), row.get("booked_on", by.at.date())) for row in new]
    table = NOUNS[noun]
    plain = [{k: v for k, v in row.items() if k not in {"evidence", "booked_on"}} | {"version": 1} for row in new]
    ids = rows.numbers(session, table, len(plain))
    rows.insert(session, table, [{"id": noun_id, **row} for noun_id, row in zip(ids, plain, strict=True)])
    rows.insert(
        session,
        Move,
        [
            {
                "noun": noun,
                "noun_id": noun_id,
                "version": 1,
                "news": news,
                "from_state": None,
                "to_state": row["state"],
                "evidence": cause,
                "reason": row.get("reason", ""),
                "actor": by.actor,
                "booked_on": booked_on,
                "recorded_at": by.at,
                "voucher_id": None,
            }
            for noun_id, row, (cause, booked_on) in zip(ids, plain, extra, strict=True)
        ],
    )
    return ids


def open_breaks(session: Session, wanted: Iterable[BreakRow], by: Recorder, today: date) -> int:
    """Open a Break for each (kind, subject, what, next) that has none open; returns how many were opened."""
    asked = {(kind, subject): (what, then) for kind, subject, what, then in wanted}
    known: dict[tuple[str, str], list[Break]] = defaultdict(list)
    for (found,) in rows.sought(session, select(Break), Break.subject, {subject for _, subject in asked}):
        known[(found.kind, found.subject)].append(found)
    new = [
        {
            "kind": kind,
            "subject": subject,
            "what": what,
            "next": then,
            "opened_on": today,
            "opened_at": by.at,
            "ordinal": len(known[(kind, subject)]) + 1,
        }
        for (kind, subject), (what, then) in asked.items()
        if all(found.closed_at is not None for found in known[(kind, subject)])
    ]
    if new:
        session.execute(insert(Break), new)
    return len(new)


def close_breaks(
    session: Session, subjects: Iterable[str], by: Recorder, resolution: str, *, kinds: Iterable[str] | None = None
) -> int:
    """Close the open Breaks of these subjects (of these kinds only, if given); returns how many."""
    closed = 0
    for some in rows.among(session, Break.subject, subjects):
        statement = update(Break).where(some, Break.closed_at.is_(None))
        if kinds is not None:
            statement = statement.where(Break.kind.in_(sorted(kinds)))
        result = session.execute(statement.values(closed_at=by.at, closed_by=by.actor, resolution=resolution))
        closed += cast("CursorResult[Any]", result).rowcount  # an UPDATE always gives one
    return closed


def _move_states(session: Session, moves: Sequence[PlannedMove]) -> set[tuple[str, int]]:
    """Update every noun whose version is the expected one; returns (noun, id) of the winners.

    Objects in the session are not brought up to date: comparing each of them with each statement is quadratic (measured).
    """
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for move in moves:
        groups[(move.noun, move.version, move.from_state, move.to_state, move.reason, move.sets)].append(move.noun_id)
    won: set[tuple[str, int]] = set()
    for (noun, version, from_state, to_state, reason, sets), ids in groups.items():
        table = NOUNS[noun]
        values = {"state": to_state, "version": version + 1, "reason": reason, **dict(sets)}
        for some in rows.among(session, table.id, ids):
            statement = update(table).where(some, table.version == version, table.state == from_state)
            moved = statement.values(values).returning(table.id).execution_options(synchronize_session=False)
            won |= {(noun, found) for found in session.scalars(moved)}
    return won


def _book(
    session: Session, vouchers: Sequence[PlannedVoucher], known: dict[str, tuple[int, str]], by: Recorder
) -> tuple[dict[str, int], set[str]]:
    """Insert the vouchers that are not booked yet; returns the id of each by its key, and the keys that were booked before."""
    for voucher in vouchers:
        booked = known.get(voucher.idem_key)
        if booked and booked[1] != voucher.payload_sha256:
            raise IntegrityError(f"{voucher.idem_key} is already booked with another content; run 'bridge check'")
    fresh = {voucher.idem_key: voucher for voucher in vouchers if voucher.idem_key not in known}
    ids = dict(zip(fresh, rows.numbers(session, Voucher, len(fresh)), strict=True))
    rows.insert(session, Voucher, [{"id": ids[key], **_voucher_row(voucher, by)} for key, voucher in fresh.items()])
    postings = [_posting_row(ids[key], n, p) for key, voucher in fresh.items() for n, p in enumerate(voucher.postings)]
    rows.insert(session, Posting, postings)
    return ids | {key: found for key, (found, _) in known.items()}, set(known)


def _known(session: Session, keys: Sequence[str]) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    for some in rows.among(session, Voucher.idem_key, keys):
        booked = session.execute(select(Voucher.idem_key, Voucher.id, Voucher.payload_sha256).where(some))
        found.update({key: (voucher_id, payload) for key, voucher_id, payload in booked})
    return found


def _voucher_row(voucher: PlannedVoucher, by: Recorder) -> dict[str, Any]:
    return {
        "idem_key": voucher.idem_key,
        "payload_sha256": voucher.payload_sha256,
        "fact": voucher.fact,
        "evidence": voucher.evidence,
        "posting_count": len(voucher.postings),
        "amount_cents": sum(posting.amount_cents for posting in voucher.postings),
        "actor": by.actor,
        "booked_on": voucher.booked_on,
        "recorded_at": by.at,
        "reverses_id": voucher.reverses_id,
    }


def _posting_row(voucher_id: int, ordinal: int, posting: PlannedPosting) -> dict[str, Any]:
    return {
        "voucher_id": voucher_id,
        "ordinal": ordinal,
        "debit_account": posting.debit_account,
        "debit_subject": posting.debit_subject,
        "credit_account": posting.credit_account,
        "credit_subject": posting.credit_subject,
        "amount_cents": posting.amount_cents,
    }


def _write_moves(session: Session, units: Sequence[Unit], vouchers: dict[str, int], by: Recorder) -> None:
    made = [
        {
            "noun": move.noun,
            "noun_id": move.noun_id,
            "version": move.version + 1,
            "news": move.news,
            "from_state": move.from_state,
            "to_state": move.to_state,
            "evidence": move.evidence,
            "reason": move.reason,
            "actor": by.actor,
            "booked_on": move.booked_on,
            "recorded_at": by.at,
            "voucher_id": vouchers[unit.voucher.idem_key] if unit.voucher else None,
        }
        for unit in units
        for move in unit.moves
    ]
    rows.insert(session, Move, made)


def _write_matches(session: Session, units: Sequence[Unit], vouchers: dict[str, int], by: Recorder) -> None:
    """Record what explains each line, and take it off the line's open part."""
    explaining = [(match, vouchers[unit.voucher.idem_key]) for unit in units if unit.voucher for match in unit.matches]
    if not explaining:
        return
    rows.insert(session, Match, [_match_row(match, voucher_id, by) for match, voucher_id in explaining])
    taken: dict[int, int] = defaultdict(int)
    for match, _ in explaining:
        taken[match.entry_id] += match.amount_cents
    rows.take_off(session, Entry, "open_cents", taken)


def _match_row(match: PlannedMatch, voucher_id: int, by: Recorder) -> dict[str, Any]:
    return {
        "entry_id": match.entry_id,
        "detail_id": match.detail_id,
        "collection_id": match.collection_id,
        "other_entry_id": match.other_entry_id,
        "amount_cents": match.amount_cents,
        "rule": match.rule,
        "evidence": match.evidence,
        "voucher_id": voucher_id,
        "undoes_id": match.undoes_id,
        "actor": by.actor,
        "booked_on": match.booked_on,
        "recorded_at": by.at,
    }


def _identity(move: PlannedMove) -> tuple[str, int]:
    return move.noun, move.noun_id
