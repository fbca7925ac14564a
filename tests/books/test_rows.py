"""Many rows at a time: both engines store the same, and refuse the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from bridge import rows
from bridge.model import Break, Consent
from tests.steps.place import Place

MANY = 3 * rows.COPY_FROM
AT = datetime(2026, 11, 27, 12, 30, tzinfo=timezone(timedelta(hours=1)))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def words(count: int) -> list[dict[str, Any]]:
    """Rows of people's words: text with every kind of letter, an instant of another zone."""
    return [
        {"act": 'try \t\\N \n"ß"', "object": f"batch:{number}", "digest": "0" * 64, "actor": f"anna {number}", "recorded_at": AT}
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [1, rows.COPY_FROM - 1, rows.COPY_FROM, MANY])
def test_what_was_put_in_comes_out(place: Place, count: int) -> None:
    """Few or many, by INSERT or COPY: each value is what it was, and each number is new."""
    with place.runtime.session() as session:
        numbers = rows.numbers(session, Consent, count)
        rows.insert(session, Consent, [{"id": number, **row} for number, row in zip(numbers, words(count), strict=True)])
    with place.runtime.session() as session:
        stored = session.scalars(select(Consent).order_by(Consent.id)).all()
        again = rows.numbers(session, Consent, 2)

    assert [(one.id, one.act, one.object, one.actor, one.recorded_at) for one in stored] == [
        (number, row["act"], row["object"], row["actor"], AT.astimezone(UTC))
        for number, row in zip(numbers, words(count), strict=True)
    ]
    assert not set(numbers) & set(again)


def test_what_a_row_leaves_out_gets_its_default(place: Place) -> None:
    """A column that some rows have and others not, and one with a default of the model's that none has."""
    some = {"kind": "TRIAL", "what": "", "next": "", "opened_on": AT.date(), "opened_at": AT}
    with place.runtime.session() as session:
        rows.insert(
            session,
            Break,
            [{**some, "subject": f"trial:{n}", **({"resolution": "done"} if n % 2 else {})} for n in range(MANY)],
        )
    found = place.rows(Break)
    assert {(one.ordinal, one.resolution) for one in found} == {(1, None), (1, "done")}


def test_a_key_that_is_taken_undoes_the_unit_of_work(place: Place) -> None:
    """The last of many rows has a number that is taken: the error is SQLAlchemy's own, and none of them stays."""
    with place.runtime.session() as session:
        [taken] = rows.numbers(session, Consent, 1)
        rows.insert(session, Consent, [{"id": taken, **words(1)[0]}])
    numbers = [*range(taken + 1, taken + MANY), taken]
    many = [{"id": number, **row} for number, row in zip(numbers, words(MANY), strict=True)]
    with place.runtime.session() as session, pytest.raises(IntegrityError):
        rows.insert(session, Consent, many)
    assert [one.id for one in place.rows(Consent)] == [taken]


def test_many_values_are_sought_at_once(place: Place) -> None:
    """The conditions together cover every value once, text or number, and none for none."""
    with place.runtime.session() as session:
        numbers = rows.numbers(session, Consent, MANY)
        rows.insert(session, Consent, [{"id": number, **row} for number, row in zip(numbers, words(MANY), strict=True)])
    wanted = [f"batch:{number}" for number in range(0, 2_000, 2)]
    with place.runtime.reading() as session:
        found = [
            o for some in rows.among(session, Consent.object, wanted) for o in session.scalars(select(Consent.object).where(some))
        ]
        ids = [i for some in rows.among(session, Consent.id, numbers) for i in session.scalars(select(Consent.id).where(some))]
        assert list(rows.among(session, Consent.object, [])) == []
    assert sorted(found) == sorted(f"batch:{number}" for number in range(0, MANY, 2))
    assert sorted(ids) == numbers
