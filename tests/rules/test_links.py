"""What a link of the voucher chain covers. The expected hashes are taken of texts that are written out here."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any

import pytest

from bridge.rules.links import NOTHING_BEFORE, act_hash, link_hash

AT = datetime(2026, 11, 25, 8, 30, tzinfo=UTC)
VOUCHER = {"id": 7, "idem_key": "inv:7", "booked_on": date(2026, 11, 23), "recorded_at": AT, "reverses_id": None}
POSTINGS = ({"voucher_id": 7, "ordinal": 0, "amount_cents": 100}, {"voucher_id": 7, "ordinal": 1, "amount_cents": 50})


def hashed(**changed: Any) -> str:
    given = {"number": 1, "sealed_at": AT, "voucher": VOUCHER, "postings": POSTINGS} | changed
    return link_hash(given.pop("before", NOTHING_BEFORE), **given)


def test_a_link_is_the_hash_of_this_text() -> None:
    """Link before, number, time, the voucher's columns by name, and each posting's: without blanks, without what is empty."""
    text = (
        '["0000000000000000000000000000000000000000000000000000000000000000",1,"2026-11-25T08:30:00.000000+00:00",'
        '{"booked_on":"2026-11-23","id":7,"idem_key":"inv:7","recorded_at":"2026-11-25T08:30:00.000000+00:00"},'
        '[{"amount_cents":100,"ordinal":0,"voucher_id":7},{"amount_cents":50,"ordinal":1,"voucher_id":7}]]'
    )

    assert hashed() == sha256(text.encode()).hexdigest()


def test_the_same_instant_is_the_same_in_any_zone() -> None:
    """A database that answers in another time zone says the same."""
    there = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert hashed(sealed_at=there, voucher=VOUCHER | {"recorded_at": there}) == hashed()


def test_a_column_of_a_later_version_changes_nothing_while_it_is_empty() -> None:
    """And it is covered once it holds something."""
    assert hashed(voucher=VOUCHER | {"newer": None}) == hashed()
    assert hashed(voucher=VOUCHER | {"newer": 0}) != hashed()


@pytest.mark.parametrize(
    "changed",
    [
        {"before": "1" * 64},
        {"number": 2},
        {"sealed_at": AT + timedelta(microseconds=1)},
        {"voucher": VOUCHER | {"id": 8}},
        {"voucher": VOUCHER | {"reverses_id": 1}},
        {"voucher": {name: value for name, value in VOUCHER.items() if name != "idem_key"}},
        {"voucher": VOUCHER | {"booked_on": date(2026, 11, 24)}},
        {"postings": POSTINGS[:1]},
        {"postings": POSTINGS[::-1]},
        {"postings": (*POSTINGS, POSTINGS[1])},
        {"postings": (POSTINGS[0], POSTINGS[1] | {"amount_cents": 51})},
    ],
)
def test_whatever_is_another_gives_another_hash(changed: dict[str, Any]) -> None:
    """The link before, the place, the time, each value, and number and order of the postings."""
    assert hashed(**changed) != hashed()


def test_a_link_of_an_act_is_the_hash_of_this_text() -> None:
    """Link before, number, time, the act's columns by name; it differs from every voucher's, which has postings."""
    text = (
        '["0000000000000000000000000000000000000000000000000000000000000000",2,"2026-11-25T08:30:00.000000+00:00",'
        '{"act":"batch approve","actor":"anna","id":7}]'
    )
    act = {"id": 7, "actor": "anna", "act": "batch approve"}

    assert act_hash(NOTHING_BEFORE, number=2, sealed_at=AT, act=act) == sha256(text.encode()).hexdigest()
    assert act_hash(NOTHING_BEFORE, number=2, sealed_at=AT, act=act) != hashed(number=2, voucher=act, postings=())
