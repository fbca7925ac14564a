"""What a line about a mandate says, checked: a line of a file, or what a person types. No IBAN or name stands in a refusal."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from bridge.errors import BadInput
from bridge.model.identifiers import check_bic, check_creditor_id, check_iban, check_mandate_id, creditor_key, in_eea
from bridge.model.mandate import KINDS, SCHEMES
from bridge.records.pain008 import Address
from bridge.rules.scheme import ADDRESS_LIMITS, ADDRESS_LINE_MAX
from bridge.rules.text import sepa_text

COLUMNS = (
    "mandate_id", "creditor_id", "debtor_ref", "agreement", "scheme", "kind", "signed_on",
    "debtor_name", "iban", "bic", "email", "language", "street", "building", "postcode", "town", "country",
    "address_line_1", "address_line_2", "ultimate_debtor", "b2b_confirmed_on", "prenotification_days", "last_presented_on",
)  # fmt: skip
#: what may differ between a mandate and the same one amended
FIELDS = (
    "mandate_id", "debtor_name", "iban", "bic", "email", "language", "address", "ultimate_debtor", "agreement",
    "b2b_confirmed_on", "prenotification_days",
)  # fmt: skip
STRUCTURED, FREE = ("street", "building", "postcode", "town", "country"), ("address_line_1", "address_line_2")
NEEDED = ("mandate_id", "debtor_ref", "signed_on", "debtor_name", "iban")


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
    signed_on: date | None
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


def checked(number: int, values: Mapping[str, str], creditors: Mapping[str, int], today: date, *, draft: bool = False) -> Row:
    """Check one line. ``creditors``: row id by key. Raises BadInput with the reason, never with an IBAN or a name.

    A ``draft`` is not signed yet.
    """
    get = {name: values.get(name, "") for name in COLUMNS}
    for name in NEEDED:
        if not get[name] and not (draft and name == "signed_on"):
            raise BadInput(f"{name} is empty")
    verdict = check_iban(get["iban"])
    signed_on = _date(get["signed_on"], "signed_on")
    if signed_on is not None and signed_on > today:
        raise BadInput(f"signed_on {get['signed_on']} lies in the future")
    address = _address(get)
    bic = check_bic(get["bic"]) if get["bic"] else None
    if not in_eea(verdict.country) and not (bic and address and (address.lines or (address.street and address.postcode))):
        raise BadInput(
            f"an account in {verdict.country} (outside the EEA) needs bic, street, postcode, town and country"
            " (or address_line_1 for street and postcode, where the bank takes hybrid addresses)"
        )
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


def _creditor(text: str, creditors: Mapping[str, int]) -> int:
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
    """Structured, or hybrid: up to two free lines beside town and country, which they do not repeat (EPC153-22)."""
    parts, lines = [get[name] or None for name in STRUCTURED], tuple(get[name] for name in FREE if get[name])
    if not any(parts) and not lines:
        return None
    if not get["town"] or not re.fullmatch(r"[A-Z]{2}", get["country"]):
        raise BadInput("an address needs at least town and country (two capital letters)")
    for name, most in (*ADDRESS_LIMITS.items(), *((name, ADDRESS_LINE_MAX) for name in FREE)):
        if len(sepa_text(get[name], limit=200)) > most or any(ord(char) < 32 for char in get[name]):
            raise BadInput(f"{name} is longer than {most} characters as the bank prints it, or holds a control character")
    where = set(_words(get["postcode"], get["town"], get["country"]))
    for name in FREE:
        if get[name] and not set(_words(get[name])) - where:
            raise BadInput(f"{name} repeats the town or the country; they stand in columns of their own alone")
    street, building, postcode, town, country = parts
    return Address(street, building, postcode, town, country, lines)


def columns_of(address: Address) -> dict[str, str | None]:
    """An address by the columns of a mandate file; what it has not is None."""
    free = dict(zip(FREE, (*address.lines, None, None), strict=False))
    return {**{name: getattr(address, name) for name in STRUCTURED}, **free}


def _words(*texts: str) -> list[str]:
    return re.findall(r"\w+", " ".join(texts).casefold())
