"""Read a bank profile from TOML: what one bank takes and how (templates/banks/*.toml)."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bridge.errors import ConfigError, UnknownName
from bridge.formats.pain008 import VERSIONS
from bridge.records.profile import BankProfile

# Outside these a value is a slip of the pen, not a bank.
LEAD_DAYS_MAX = 5
EARLIEST_DAYS_MAX = 365
TRANSACTIONS_MAX = 1_000_000
BYTES_MIN, BYTES_MAX = 10_000, 1_000_000_000

_CUT_OFF = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def load(name: str, folders: Sequence[Path]) -> BankProfile:
    """The profile ``name`` from ``name.toml`` in the last folder that has it: a bank's own file replaces the one shipped.

    Raises UnknownName with the profiles there are, and ConfigError naming file and key for a key that is unknown or missing, a
    wrong value, or a file that is no TOML.
    """
    return _profile(name, path(name, folders))


def path(name: str, folders: Sequence[Path]) -> Path:
    """The file of the profile ``name``. Raises UnknownName with the profiles there are."""
    found = _files(folders)
    if name not in found:
        raise UnknownName.among("bank profile", name, found)
    return found[name]


def known(folders: Sequence[Path]) -> list[str]:
    """The names of all profiles in these folders, sorted. A folder that does not exist holds none."""
    return sorted(_files(folders))


def _files(folders: Sequence[Path]) -> dict[str, Path]:
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}


def _profile(name: str, path: Path) -> BankProfile:
    """The profile in a file that says everything: what is left out might be what this bank does otherwise."""
    values = _read(path)
    keys = {field.name for field in fields(BankProfile)} - {"name"}
    for key in values:
        if key not in keys:
            raise ConfigError(f"{path}: {key!r} is not one of: {', '.join(sorted(keys))}")
    for key, value in values.items():
        fault = _CHECKS[key](value)
        if fault:
            raise ConfigError(f"{path}: {key} = {value!r}: {fault}")
    missing = [_by_default(field) for field in fields(BankProfile) if field.name in keys - set(values)]
    if missing:
        raise ConfigError(f"{path}: lines are missing; as default.toml has them: {', '.join(missing)}")
    if values["batch_booking"] == AS_AGREED:
        values["batch_booking"] = None
    profile = BankProfile(name=name, **values)
    _check_window(profile, path)
    _check_address(profile, path)
    return profile


def _by_default(field: Field[Any]) -> str:
    """A key as default.toml has it; the title has no default."""
    return f"{field.name} = {'...' if field.default is MISSING else json.dumps(field.default)}"


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not readable as TOML: {error}") from error


def _check_window(profile: BankProfile, path: Path) -> None:
    # n TARGET days span at most 2n + 3 calendar days (computed over 2024 to 2059: 5 for one, over Easter; 12 for five).
    least = 2 * profile.lead_days + 3
    if profile.earliest_days < least:
        raise ConfigError(
            f"{path}: earliest_days = {profile.earliest_days}: with lead_days = {profile.lead_days} it must be at least {least},"
            " or no day would be left to present a file over Easter"
        )


def _check_address(profile: BankProfile, path: Path) -> None:
    if (profile.address == "lines") != (profile.version == "pain.008.001.02"):
        raise ConfigError(
            f"{path}: address = {profile.address!r} with version = {profile.version!r}: the old form of lines belongs to "
            "pain.008.001.02 and to no other (EPC153-22)"
        )


# ---- what each key takes: a function that says what is wrong, or None ----------------------------------------------------------

AS_AGREED = "as-agreed"


def _text(value: object) -> str | None:
    return None if isinstance(value, str) and value.strip() else "a text is needed"


def _version(value: object) -> str | None:
    return None if isinstance(value, str) and value in VERSIONS else f"not one of: {', '.join(sorted(VERSIONS))}"


def _one_of(*known: str) -> Callable[[object], str | None]:
    return lambda value: None if isinstance(value, str) and value in known else f"not one of: {', '.join(known)}"


def _yes_or_no(value: object) -> str | None:
    return None if isinstance(value, bool) else "true or false is needed"


def _cut_off(value: object) -> str | None:
    return None if isinstance(value, str) and _CUT_OFF.fullmatch(value) else 'a time like "10:00" is needed'


def _timezone(value: object) -> str | None:
    wanted = 'a time zone like "Europe/Berlin" is needed'
    if not isinstance(value, str):
        return wanted
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        return wanted
    return None


def _between(least: int, most: int) -> Callable[[object], str | None]:
    def check(value: object) -> str | None:
        # bool is an int in Python, and "true days" is nonsense.
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return None
        return f"a whole number from {least} to {most} is needed"

    return check


def _batch_booking(value: object) -> str | None:
    return None if isinstance(value, bool) or value == AS_AGREED else f'true, false or "{AS_AGREED}" is needed'


_CHECKS: Mapping[str, Callable[[object], str | None]] = {
    "title": _text,
    "version": _version,
    "address": _one_of("structured", "hybrid", "lines"),
    "characters": _one_of("sepa", "german"),
    "created_in": _timezone,
    "first_sequence": _one_of("RCUR", "FRST"),
    "one_block": _yes_or_no,
    "one_due_date": _yes_or_no,
    "cut_off": _cut_off,
    "timezone": _timezone,
    "lead_days": _between(0, LEAD_DAYS_MAX),
    "earliest_days": _between(1, EARLIEST_DAYS_MAX),
    "batch_booking": _batch_booking,
    "transactions_max": _between(1, TRANSACTIONS_MAX),
    "bytes_max": _between(BYTES_MIN, BYTES_MAX),
}
