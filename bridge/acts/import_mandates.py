"""A CSV becomes mandates, all or none. A dry run lists every bad line with its number and reason and changes nothing.

A line that says what a stored mandate says already is known; one that says something else is refused: amendments are an act of
their own. A warning about an IBAN (national check digits, unknown bank code) pauses the mandate until a person accepts it.
"""

from __future__ import annotations

import csv
import io
import re
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import audit_trail, books
from bridge.books import Recorder
from bridge.errors import BadInput
from bridge.model import BankAccount, Creditor, DataKey, Mandate, Person
from bridge.model.identifiers import check_bic, check_creditor_id, check_iban, check_mandate_id, creditor_key, in_eea, mask
from bridge.model.mandate import KINDS, SCHEMES
from bridge.model.parties import open_address, open_iban, open_name, open_ultimate_debtor, seal_account, seal_person
from bridge.records.pain008 import Address
from bridge.rules.scheme import ADDRESS_LIMITS
from bridge.rules.text import sepa_text
from bridge.runtime import Runtime

COLUMNS = (
    "mandate_id", "creditor_id", "debtor_ref", "agreement", "scheme", "kind", "signed_on",
    "debtor_name", "iban", "bic", "email", "language", "street", "building", "postcode", "town", "country",
    "ultimate_debtor", "b2b_confirmed_on", "prenotification_days", "last_presented_on",
)  # fmt: skip
NEEDED = ("mandate_id", "debtor_ref", "signed_on", "debtor_name", "iban")
BYTES_MAX = 50_000_000


@dataclass(frozen=True, slots=True)
class BadLine:
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Row:
    """One good line; the personal fields stay out of ``repr``."""

    line: int
    creditor_id: int
    mandate_id: str
    debtor_ref: str
    agreement: str
    scheme: str
    kind: str
    signed_on: date
    b2b_confirmed_on: date | None
    prenotification_days: int | None
    last_presented_on: date | None
    language: str
    warning: str
    debtor_name: str = field(repr=False)
    iban: str = field(repr=False)
    bic: str | None = field(repr=False)
    email: str | None = field(repr=False)
    address: Address | None = field(repr=False)
    ultimate_debtor: str | None = field(repr=False)


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
    lines = list(_lines(body))
    return runtime.work(lambda session: _import(session, runtime, actor, lines, body, dry_run=dry_run))


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
    session: Session, runtime: Runtime, actor: str, lines: Sequence[tuple[int, dict[str, str]]], body: bytes, *, dry_run: bool
) -> Outcome:
    creditors = {row.key: row.id for row in session.scalars(select(Creditor))}
    bad: list[BadLine] = []
    rows: list[Row] = []
    seen: dict[tuple[int, str], int] = {}
    for number, values in lines:
        try:
            row = _row(number, values, creditors, runtime.today())
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
        _store(session, runtime, actor, fresh)
        detail = f"new {len(fresh)}, known {known}, sha256 {sha256(body).hexdigest()}"
        audit_trail.note(session, at=runtime.clock(), actor=actor, act="mandate import", object="mandates", detail=detail)
    return Outcome(len(fresh), known, len(warnings), tuple(bad), warnings)


def _row(number: int, values: dict[str, str], creditors: dict[str, int], today: date) -> Row:
    """Check one line. Raises BadInput with the reason, never with an IBAN or a name."""
    get = {name: values.get(name, "") for name in COLUMNS}
    for name in NEEDED:
        if not get[name]:
            raise BadInput(f"{name} is empty")
    verdict = check_iban(get["iban"])
    signed_on = _date(get["signed_on"], "signed_on")
    if signed_on is None or signed_on > today:
        raise BadInput(f"signed_on {get['signed_on']} lies in the future")
    address = _address(get)
    bic = check_bic(get["bic"]) if get["bic"] else None
    if not in_eea(verdict.country) and not (bic and address and address.street and address.postcode):
        raise BadInput(f"an account in {verdict.country} (outside the EEA) needs bic, street, postcode, town and country")
    for name in ("debtor_name", "ultimate_debtor"):
        if len(get[name]) > 140 or any(ord(char) < 32 for char in get[name]):
            raise BadInput(f"{name} is longer than 140 characters or holds a control character")
        if get[name] and not any(char.isalnum() for char in sepa_text(get[name], limit=70)):
            raise BadInput(f"{name} has no letter that a bank can print; write it in Latin letters")
    return Row(
        line=number,
        creditor_id=_creditor(get["creditor_id"], creditors),
        mandate_id=check_mandate_id(get["mandate_id"]),
        debtor_ref=_ref(get["debtor_ref"], "debtor_ref"),
        agreement=_ref(get["agreement"], "agreement") if get["agreement"] else "",
        scheme=_choice(get["scheme"].upper() or "CORE", SCHEMES, "scheme"),
        kind=_choice(get["kind"].lower() or "recurrent", KINDS, "kind"),
        signed_on=signed_on,
        b2b_confirmed_on=_date(get["b2b_confirmed_on"], "b2b_confirmed_on"),
        prenotification_days=_number(get["prenotification_days"], "prenotification_days", 1, 30),
        last_presented_on=_date(get["last_presented_on"], "last_presented_on"),
        language=_choice(get["language"].lower() or "de", ("de", "en"), "language"),
        warning="; ".join(verdict.warnings),
        debtor_name=get["debtor_name"],
        iban=verdict.iban,
        bic=bic,
        email=get["email"] or None,
        address=address,
        ultimate_debtor=get["ultimate_debtor"] or None,
    )


def _creditor(text: str, creditors: dict[str, int]) -> int:
    if not text:
        if len(creditors) == 1:
            return next(iter(creditors.values()))
        raise BadInput(f"creditor_id is empty, and bridge.toml declares {len(creditors)} creditors")
    key = creditor_key(check_creditor_id(text))
    if key not in creditors:
        raise BadInput(f"creditor {text} is not declared in bridge.toml")
    return creditors[key]


def _ref(text: str, name: str) -> str:
    """An opaque 32-byte reference as the chain has it."""
    word = text.lower().removeprefix("0x")
    if not re.fullmatch(r"[0-9a-f]{64}", word):
        raise BadInput(f"{name} must be 0x and 64 hex digits, as on chain")
    return "0x" + word


def _date(text: str, name: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else _no_date(text, name)
    except ValueError:
        return _no_date(text, name)


def _no_date(text: str, name: str) -> date:
    raise BadInput(f"{name} {text[:20]!r} is no date like 2026-11-22")


def _number(text: str, name: str, least: int, most: int) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"\d{1,4}", text) or not least <= int(text) <= most:
        raise BadInput(f"{name} must be a number from {least} to {most}")
    return int(text)


def _choice(text: str, known: Sequence[str], name: str) -> str:
    if text not in known:
        raise BadInput(f"{name} {text[:20]!r} is not one of: {', '.join(known)}")
    return text


def _address(get: dict[str, str]) -> Address | None:
    parts = [get[name] or None for name in ("street", "building", "postcode", "town", "country")]
    if not any(parts):
        return None
    if not get["town"] or not re.fullmatch(r"[A-Z]{2}", get["country"]):
        raise BadInput("an address needs at least town and country (two capital letters)")
    for name, most in ADDRESS_LIMITS.items():
        if len(sepa_text(get[name], limit=200)) > most or any(ord(char) < 32 for char in get[name]):
            raise BadInput(f"{name} is longer than {most} characters as the bank prints it, or holds a control character")
    return Address(*parts)


def _sort_out(session: Session, runtime: Runtime, rows: Sequence[Row]) -> tuple[list[Row], int, list[BadLine]]:
    """The new ones, how many are known, and those that contradict what is stored."""
    stored: dict[tuple[int, str], tuple[Mandate, Person, BankAccount, DataKey]] = {}
    keys = [row.mandate_id.upper() for row in rows]
    for start in range(0, len(keys), 500):
        found = session.execute(
            select(Mandate, Person, BankAccount, DataKey)
            .join(Person, Person.id == Mandate.person_id)
            .join(BankAccount, BankAccount.id == Mandate.bank_account_id)
            .join(DataKey, DataKey.uid == Person.key_uid)
            .where(Mandate.mandate_key.in_(keys[start : start + 500]))
        )
        stored |= {
            (mandate.creditor_id, mandate.mandate_key): (mandate, person, account, key) for mandate, person, account, key in found
        }
    fresh, known, differing = [], 0, []
    for row in rows:
        there = stored.get((row.creditor_id, row.mandate_id.upper()))
        if there is None:
            fresh.append(row)
        elif _differences(runtime, row, *there):
            names = ", ".join(_differences(runtime, row, *there))
            differing.append(
                BadLine(
                    row.line,
                    f"mandate {row.mandate_id} is stored with another {names}; a stored mandate is not changed by an import",
                )
            )
        else:
            known += 1
    return fresh, known, differing


def _differences(
    runtime: Runtime, row: Row, mandate: Mandate, person: Person, account: BankAccount, key_row: DataKey
) -> list[str]:
    key = runtime.keys.unwrap(key_row)
    pairs: dict[str, tuple[Any, Any]] = {
        "debtor_ref": (row.debtor_ref, mandate.debtor_ref),
        "agreement": (row.agreement, mandate.agreement),
        "scheme": (row.scheme, mandate.scheme),
        "kind": (row.kind, mandate.kind),
        "signed_on": (row.signed_on, mandate.signed_on),
        "debtor_name": (row.debtor_name, open_name(key, person)),
        "iban": (row.iban, open_iban(key, account)),
        "bic": (row.bic, account.bic),
        "address": (row.address, open_address(key, person)),
        "ultimate_debtor": (row.ultimate_debtor, open_ultimate_debtor(key, person)),
        "b2b_confirmed_on": (row.b2b_confirmed_on, mandate.b2b_confirmed_on),
    }
    return [name for name, (ours, theirs) in pairs.items() if ours != theirs]


def _store(session: Session, runtime: Runtime, actor: str, rows: Sequence[Row]) -> None:
    people = [_people(session, runtime, row) for row in rows]
    session.flush()
    by = Recorder(actor, runtime.clock())
    mandates = [
        {
            "creditor_id": row.creditor_id,
            "mandate_id": row.mandate_id,
            "mandate_key": row.mandate_id.upper(),
            "debtor_ref": row.debtor_ref,
            "agreement": row.agreement,
            "scheme": row.scheme,
            "kind": row.kind,
            "signed_on": row.signed_on,
            "person_id": person.id,
            "bank_account_id": account.id,
            "b2b_confirmed_on": row.b2b_confirmed_on,
            "prenotification_days": row.prenotification_days,
            "last_presented_on": row.last_presented_on,
            "warning": row.warning,
            "warning_accepted_by": None,
            "edited_by": actor,
            "recorded_at": runtime.clock(),
            "state": "paused" if row.warning else "active",
            "reason": row.warning,
            "booked_on": runtime.today(),
        }
        for row, (person, account) in zip(rows, people, strict=True)
    ]
    books.admit(session, "mandate", mandates, by, news="imported", evidence="person")


def _people(session: Session, runtime: Runtime, row: Row) -> tuple[Person, BankAccount]:
    key, key_row = runtime.keys.new_key()
    person = seal_person(
        key,
        name=row.debtor_name,
        email=row.email,
        address=row.address,
        ultimate_debtor=row.ultimate_debtor,
        language=row.language,
    )
    account = seal_account(runtime.keys, key, uid=secrets.token_hex(16), iban=row.iban, shown=mask(row.iban), bic=row.bic)
    session.add_all([key_row, person, account])
    return person, account
