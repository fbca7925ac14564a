"""Named checks of a sealed file before it is signed, the calendar of what is due, and anybody's bank file."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from bridge.acts import mandates
from bridge.errors import BadInput, UnknownName
from bridge.model import Batch, Member
from bridge.records.profile import BankProfile
from bridge.reports import calendar, validation
from bridge.steps import batch, collect, ingest
from tests.formats.test_pain008 import FULL, rendered
from tests.steps.place import Bill, Place, half_way, mandate_line

BANK = BankProfile("a bank", "A bank")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.mandates()
    place.bill(Bill(1), Bill(2, 77))
    ingest.run(place.runtime)
    collect.run(place.runtime)
    return place


def failed(place: Place, message_id: str) -> dict[str, str]:
    with place.runtime.reading() as session:
        return {one.id: one.detail for one in validation.of_batch(session, place.runtime, message_id) if not one.ok}


def sealed(place: Place) -> str:
    batch.run(place.runtime)
    return place.batches()[0].message_id


def test_a_sealed_file_passes_every_check_by_name(place: Place) -> None:
    """Each check has an id and a sentence that ends; all are passed."""
    name = sealed(place)
    with place.runtime.reading() as session:
        checks = validation.of_batch(session, place.runtime, name)

    assert all(one.ok and one.title.endswith(".") for one in checks)
    assert {"SEAL", "TWICE", "FIT", "ISO", "SUM", "SIZE", "SECOND", "SDD-001", "SDD-121", "BNK-007"} <= {one.id for one in checks}
    assert len({one.id for one in checks}) == len(checks)


def test_a_mandate_revoked_after_the_seal_fails_the_check(place: Place) -> None:
    """B5: the file says what it said; the check says that a debit may not go out any more."""
    name = sealed(place)
    mandates.run(place.runtime, "anna", "MND-0001", "revoked", "letter")

    assert failed(place, name).keys() == {"FIT"}
    assert "mandate MND-0001 is revoked" in failed(place, name)["FIT"]


def test_another_hash_than_sealed_is_found(place: Place) -> None:
    """The row says another hash than the bytes have."""
    name = sealed(place)
    with place.runtime.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER frozen_batch" + ("" if connection.dialect.name == "sqlite" else " ON batch"))
        connection.execute(update(Batch).values(sha256="0" * 64))

    assert failed(place, name) == {"SEAL": "the bytes were changed; do not send this file"}


def test_a_debit_in_two_files_is_found(place: Place) -> None:
    """B10: the second file that holds a debit of the first, by whatever mistake, fails the check, and so does the first."""
    first = sealed(place)
    place.bill(Bill(3))
    ingest.run(place.runtime)
    collect.run(place.runtime)
    batch.run(place.runtime)
    with place.runtime.engine.begin() as connection:
        rows = connection.execute(Member.__table__.select()).all()
        connection.execute(
            Member.__table__.insert(), {"block_id": rows[-1].block_id, "collection_id": rows[0].collection_id, "ordinal": 9}
        )

    assert failed(place, first) == {"TWICE": "1 of its debits stand in another file that was not discarded"}


def test_the_bank_changed_its_mind(place: Place) -> None:
    """A profile with other limits is asked as it is now."""
    name = sealed(place)
    place.profile(transactions_max=1)
    place.open()

    assert failed(place, name) == {"BNK-002": "file: 2 debits in one file; Test bank takes 1"}


def test_an_unknown_file_is_refused(place: Place) -> None:
    """By name, with the command that lists them."""
    with place.runtime.reading() as session, pytest.raises(UnknownName, match="bridge batch list"):
        validation.of_batch(session, place.runtime, "X")


def test_anybodys_files(tmp_path: Path) -> None:
    """A pain.008 by the rules, a bank's answer by reading it whole, anything else not at all."""
    half_way(tmp_path)
    report, statement = (tmp_path / "inbox" / name for name in ("1.xml", "2.xml"))

    assert validation.validate(rendered(FULL), BANK) == validation.Validation(True, "pain.008", [], 4, 25_032)
    assert validation.validate(report.read_bytes(), BANK) == validation.Validation(True, "pain.002", [])
    assert validation.validate(statement.read_bytes(), BANK).kind == "camt.053"
    cut = validation.validate(statement.read_bytes()[:-60], BANK)
    assert (cut.ok, [one.id for one in cut.findings]) == (False, ["READ"])
    with pytest.raises(BadInput):
        validation.validate(b"no bank wrote this", BANK)


def test_the_calendar_says_until_when(place: Place) -> None:
    """Due date, first day and cut-off of the bank; once it has passed the debits are missed, not forgotten."""
    with place.runtime.reading() as session:
        [day] = calendar.due_days(session, place.runtime)
        days = calendar.bank_days(session, place.runtime)

    assert (day.due_on, day.account, day.pending, day.batched, day.held, day.amount_cents) == (
        date(2026, 12, 1), "main", 2, 0, 0, 10_077,
    )  # fmt: skip
    assert (day.first_day, day.cut_off, day.window) == (date(2026, 11, 17), datetime(2026, 11, 27, 9, 0, tzinfo=UTC), "open")
    assert [(one.day, one.due_first) for one in days[:3]] == [
        (date(2026, 11, 23), date(2026, 11, 25)),
        (date(2026, 11, 24), date(2026, 11, 26)),
        (date(2026, 11, 25), date(2026, 11, 27)),
    ]
    place.now += timedelta(hours=2)
    with place.runtime.reading() as session:
        assert calendar.bank_days(session, place.runtime)[0].day == date(2026, 11, 24), "today's cut-off has passed"
    place.now -= timedelta(hours=2)
    for moved, window in ((timedelta(days=-10), "opens"), (timedelta(days=5), "missed")):
        place.now += moved
        with place.runtime.reading() as session:
            assert calendar.due_days(session, place.runtime)[0].window == window
        place.now -= moved


def test_the_calendar_counts_by_state(place: Place) -> None:
    """Held and batched debits of one day stand beside the pending ones."""
    sealed(place)
    place.mandates(mandate_line(2))
    place.bill(Bill(3, debtor=2), Bill(4, debtor=2))
    ingest.run(place.runtime)
    collect.run(place.runtime)
    mandates.run(place.runtime, "anna", "MND-0002", "paused", "asked")
    batch.run(place.runtime)
    with place.runtime.reading() as session:
        [day] = calendar.due_days(session, place.runtime)

    assert (day.pending, day.batched, day.held) == (0, 2, 2)
