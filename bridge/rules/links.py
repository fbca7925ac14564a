"""What a link of the voucher chain covers: the link before, and every column of a voucher and its postings, or of an act. Pure.

A column that is empty is left out, so that one which a later version adds does not change what older links say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from hashlib import sha256

#: what the first link has as the hash of the link before
NOTHING_BEFORE = "0" * 64


def link_hash(
    prev_hash: str, *, number: int, sealed_at: datetime, voucher: Mapping[str, object], postings: Sequence[Mapping[str, object]]
) -> str:
    """The hash of link ``number``, 64 hex digits; the postings come in their order. Values: numbers, texts, dates, instants."""
    return _hash([prev_hash, number, _plain(sealed_at), _row(voucher), [_row(posting) for posting in postings]])


def act_hash(prev_hash: str, *, number: int, sealed_at: datetime, act: Mapping[str, object]) -> str:
    """The same of a link that covers an act of the audit trail. It has no list of postings, so no voucher has its hash."""
    return _hash([prev_hash, number, _plain(sealed_at), _row(act)])


def _hash(body: list[object]) -> str:
    return sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _row(values: Mapping[str, object]) -> dict[str, object]:
    return {name: _plain(value) for name, value in values.items() if value is not None}


def _plain(value: object) -> object:
    """A value as every database and every version writes it; an instant in UTC, to the microsecond."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value.isoformat() if isinstance(value, date) else value
