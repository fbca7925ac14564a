"""Plain values for tests of rules, with a good default for whatever a test does not care about."""

from __future__ import annotations

from datetime import date
from typing import Any

from bridge.rules.answers import ReportLine
from bridge.rules.lines import Candidate, DetailFacts, Line, Pass

FRIDAY, MONDAY = date(2026, 11, 27), date(2026, 11, 30)


def candidate(number: int = 1, state: str = "submitted", cents: int = 100_00, **changed: Any) -> Candidate:
    """A collection INV-<number>-1 on account 1, of invoice 100 + number."""
    values: dict[str, Any] = {
        "id": number,
        "version": 3,
        "end_to_end_id": f"INV-{number}-1",
        "state": state,
        "amount_cents": cents,
        "account_id": 1,
        "invoice_id": 100 + number,
        "invoice_version": 2,
        "invoice_state": "collecting",
        "closes_on": date(2026, 11, 23),
    }
    return Candidate(**{**values, **changed})


def detail(number: int = 1, cents: int | None = 100_00, **changed: Any) -> DetailFacts:
    """A detail that names INV-<number>-1; a negative amount is a return."""
    values: dict[str, Any] = {
        "id": 50 + number,
        "amount_cents": cents,
        "original_cents": None,
        "end_to_end_id": f"INV-{number}-1",
        "is_return": cents is not None and cents < 0,
        "reason": "AM04" if cents is not None and cents < 0 else None,
        "charges_cents": 0,
        "done": False,
    }
    return DetailFacts(**{**values, **changed})


def line(cents: int, *details: DetailFacts, **changed: Any) -> Line:
    """A booked line of account 1 on a Friday, all of it open."""
    values: dict[str, Any] = {
        "id": 7,
        "account_id": 1,
        "amount_cents": cents,
        "open_cents": cents,
        "booked_on": FRIDAY,
        "bank_code": None,
        "bank_code_own": None,
        "charges_cents": 0,
        "batch_count": None,
        "details": details,
    }
    return Line(**{**values, **changed})


def lump_sum(cents: int, *members: Candidate, **changed: Any) -> Line:
    """A line that names a batch of these members and has no details."""
    return line(cents, members=members, **changed)


def seen(*candidates: Candidate, **changed: Any) -> Pass:
    """A pass that knows these collections by name."""
    return Pass(**{"by_end_to_end": {one.end_to_end_id.upper(): one for one in candidates}, "open_credits": {}, **changed})


def status(number: int, level: str, word: str | None, name: str | None = None, **changed: Any) -> ReportLine:
    """A line of a status report; ``name`` is the PmtInfId of a block or the EndToEndId of a debit in block B1."""
    block = name if level == "block" else "B1" if level == "debit" else None
    values: dict[str, Any] = {
        "id": number,
        "level": level,
        "pmt_inf_id": block,
        "end_to_end_id": name if level == "debit" else None,
        "status": word,
        "reason": None,
    }
    return ReportLine(**{**values, **changed})
