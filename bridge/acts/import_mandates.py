"""A CSV becomes mandates, all or none. A dry run lists every bad line with its number and reason and changes nothing.

A line that says what a stored mandate says already is known; one that says something else is refused: amendments are an act of
their own. A warning about an IBAN (national check digits, unknown bank code) pauses the mandate until a person accepts it.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from bridge import audit_trail
from bridge.errors import BadInput
from bridge.model import BankAccount, Creditor, DataKey, Mandate, Person
from bridge.register import lines, store
from bridge.register.lines import COLUMNS, NEEDED, Row
from bridge.runtime import Runtime

BYTES_MAX = 50_000_000


@dataclass(frozen=True, slots=True)
class BadLine:
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did, or in a dry run would do."""

    new: int
    known: int
    paused: int
    bad: tuple[BadLine, ...]
    warnings: tuple[BadLine, ...]


def run(runtime: Runtime, actor: str, body: bytes, *, dry_run: bool) -> Outcome:
    """Import a CSV: all of it, or nothing where a line is bad; the outcome names such lines.

    Raises BadInput for a file that cannot be read at all.
    """
    found = list(_lines(body))
    return runtime.work(lambda session: _import(session, runtime, actor, found, body, dry_run=dry_run))


def _lines(body: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, values by column) of a UTF-8 CSV with ',' or ';' and a header in any order."""
    if len(body) > BYTES_MAX:
        raise BadInput(f"the file is larger than {BYTES_MAX:,} bytes; split it")
    try:
        words = body.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise BadInput(f"the file is not UTF-8 (byte {problem.start:,}); save it as CSV UTF-8") from None
    if "\0" in words:
        raise BadInput("the file holds a NUL character; it is no CSV")
    first = words.split("\n", 1)[0]
    reader = csv.reader(
        io.StringIO(words, newline=""), delimiter=";" if first.count(";") > first.count(",") else ",", strict=True
    )
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(header)
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            if len(values) != len(header):
                raise BadInput(
                    f"line {reader.line_num} has {len(values)} fields, the header {len(header)}; "
                    "is a quote or a separator missing?"
                )
            yield reader.line_num, {name: value.strip() for name, value in zip(header, values, strict=True)}
    except csv.Error as problem:
        raise BadInput(f"line {reader.line_num} is no CSV: {problem}") from None


def _check_header(header: Sequence[str]) -> None:
    unknown = [name for name in header if name not in COLUMNS]
    missing = [name for name in NEEDED if name not in header]
    twice = [name for name, count in Counter(header).items() if count > 1]
    if unknown or missing or twice:
        parts = [("unknown", unknown), ("missing", missing), ("twice", twice)]
        said = "; ".join(f"{word}: {', '.join(names)}" for word, names in parts if names)
        raise BadInput(f"the header is not that of a mandate file ({said}); known columns are {', '.join(COLUMNS)}")


def _import(
    session: Session, runtime: Runtime, actor: str, found: Sequence[tuple[int, dict[str, str]]], body: bytes, *, dry_run: bool
) -> Outcome:
    creditors = {row.key: row.id for row in session.scalars(select(Creditor))}
    bad: list[BadLine] = []
    rows: list[Row] = []
    seen: dict[tuple[int, str], int] = {}
    for number, values in found:
        try:
            row = lines.checked(number, values, creditors, runtime.today())
        except BadInput as problem:
            bad.append(BadLine(number, str(problem)))
            continue
        place = (row.creditor_id, row.mandate_id.upper())
        if place in seen:
            bad.append(BadLine(number, f"mandate {row.mandate_id} stands in line {seen[place]} already"))
            continue
        seen[place] = number
        rows.append(row)
    fresh, known, differing = _sort_out(session, runtime, rows)
    bad = sorted(bad + differing, key=lambda line: line.line)
    warnings = tuple(BadLine(row.line, row.warning) for row in fresh if row.warning)
    if not bad and not dry_run:
        store.store(session, runtime, actor, fresh)
        detail = f"new {len(fresh)}, known {known}, sha256 {sha256(body).hexdigest()}"
        audit_trail.note(session, at=runtime.clock(), actor=actor, act="mandate import", object="mandates", detail=detail)
    return Outcome(len(fresh), known, len(warnings), tuple(bad), warnings)


def _sort_out(session: Session, runtime: Runtime, rows: Sequence[Row]) -> tuple[list[Row], int, list[BadLine]]:
    """The new ones, how many are known, and those that contradict what is stored."""
    account_key = aliased(DataKey)
    stored: dict[tuple[int, str], tuple[Mandate, Person, BankAccount, DataKey | None, DataKey | None]] = {}
    keys = [row.mandate_id.upper() for row in rows]
    for start in range(0, len(keys), 500):
        found = session.execute(
            select(Mandate, Person, BankAccount, DataKey, account_key)
            .join(Person, Person.id == Mandate.person_id)
            .join(BankAccount, BankAccount.id == Mandate.bank_account_id)
            .outerjoin(DataKey, DataKey.uid == Person.key_uid)
            .outerjoin(account_key, account_key.uid == BankAccount.key_uid)
            .where(Mandate.mandate_key.in_(keys[start : start + 500]))
        )
        for mandate, person, account, key, other in found:
            stored[(mandate.creditor_id, mandate.mandate_key)] = mandate, person, account, key, other
    former = store.former_references(session, [row.creditor_id for row in rows])
    fresh, known, differing = [], 0, []
    for row in rows:
        there = stored.get((row.creditor_id, row.mandate_id.upper()))
        if there is None and (row.creditor_id, row.mandate_id.upper()) in former:
            what = f"mandate reference {row.mandate_id} is one that was amended since; a reference names one mandate for ever"
            differing.append(BadLine(row.line, what))
        elif there is None:
            fresh.append(row)
        elif not (there[3] and there[4]):
            differing.append(
                BadLine(row.line, f"the debtor of mandate {row.mandate_id} was erased; a new mandate needs a new reference")
            )
        elif names := ", ".join(store.differences(runtime, row, *there[:3], there[3], there[4])):
            differing.append(
                BadLine(
                    row.line,
                    f"mandate {row.mandate_id} is stored with another {names}; 'bridge mandate amend' changes it",
                )
            )
        else:
            known += 1
    return fresh, known, differing
