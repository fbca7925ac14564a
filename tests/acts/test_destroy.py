"""A stored file is destroyed when nothing that must be kept rests on it: unreadable for ever, and the books stay whole."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event, select, text

from bridge import archive
from bridge.acts import destroy, legal_hold, users
from bridge.errors import BadInput, NotAllowed
from bridge.model import Audit, DataKey, Document, Entry
from bridge.reports import check, queue
from bridge.steps import PIPELINE
from tests import engines
from tests.journeys.plant import Plant
from tests.steps.place import LATER, Place, half_way

WHY = "retention of 2026 is over"
FREE = datetime(2037, 1, 1, 12, tzinfo=UTC)  # ten whole years after 2026, the year of the last booking
KINDS = {"camt.053 received": 2, "pain.002 received": 1, "pain.008 sent": 1}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Two debits, one of them returned: a file, the bank's answer and two statements; nothing is under way any more."""
    place = half_way(tmp_path / "plant")
    place.now = LATER
    place.open()
    for step in ("receive", "reconcile", "seal"):
        PIPELINE[step][0](place.runtime)
    place.runtime.engine.dispose()
    return place


def destroyed(place: Place) -> int:
    """Two people give their word; how many files then have no key."""
    assert destroy.run(place.runtime, "anna", WHY).missing == 1
    assert keyless(place) == 0
    assert destroy.run(place.runtime, "ben", WHY).missing == 0
    return keyless(place)


def keyless(place: Place) -> int:
    keys = {row.uid for row in place.rows(DataKey)}
    return sum(one.key_uid not in keys for one in place.rows(Document))


def failed(place: Place) -> list[str]:
    """The checks of today that do not hold."""
    with place.runtime.reading() as session:
        return [one.id for one in check.run(session, place.runtime) if not one.ok]


def test_the_bytes_are_gone_and_the_books_are_whole(place: Place) -> None:
    """Every key of a file is gone from the disk too; rows, hashes, balances and every check stay; the trail has each hash."""
    place.now = FREE
    if engines.name() == engines.SQLITE:  # as one that was built without it does by itself
        event.listen(place.runtime.engine, "connect", lambda connection, _: connection.execute("PRAGMA secure_delete = OFF"))
    before = {account: place.ledger(account) for account in ("Bank", "Receivable", "Clearing", "Suspense", "Charges")}
    hashes = {one.sha256 for one in place.rows(Document)}
    of_files = {one.key_uid for one in place.rows(Document)}
    gone = [row.wrapped for row in place.rows(DataKey) if row.uid in of_files]
    assert destroy.look(place.runtime).kinds == KINDS
    assert destroyed(place) == len(gone) == 4

    PIPELINE["seal"][0](place.runtime)
    assert failed(place) == []
    assert {account: place.ledger(account) for account in before} == before
    noted = place.rows(Audit, Audit.act == destroy.ACT)
    assert {row.object for row in noted} == {"documents:2026", *(f"document:{one}" for one in hashes)}
    assert [row.detail.partition(":")[0].split(",")[0] for row in noted if row.object == "documents:2026"] == ["4 files"] * 2
    place.runtime.engine.dispose()
    stored = engines.stored(place.folder)
    assert [key for key in gone if key in stored] == []
    with pytest.raises(BadInput, match="nothing is to be destroyed"):
        destroy.run(place.runtime, "anna", WHY)


def test_what_is_asked_of_it_says_when(place: Place) -> None:
    """A refusal with the date where bytes are asked for, "(erased)" for the words of a line; its rows are shown as ever."""
    message_id = place.batches()[0].message_id
    [line, *_] = place.rows(Entry)
    place.now = FREE
    assert destroyed(place) == 4
    with place.runtime.reading() as session:
        with pytest.raises(NotAllowed, match=r"was destroyed on 2037-01-01: its retention was over"):
            archive.fetch(session, place.runtime.keys, session.scalars(select(Document)).first())
        assert queue.show(session, place.runtime, line.id).text == "(erased)"
    place.runtime.engine.dispose()
    plant = Plant(place.folder)
    checked = plant.here("batch", "check", message_id, clock="2037-01-02T09:30")

    assert (checked.code, "was destroyed on 2037-01-01" in checked.err) == (1, True)
    assert plant.ok("batch", "show", message_id).out
    assert "nothing is to be destroyed" in plant.here("document", "destroy", "--reason", WHY, "--actor", "anna").err


def test_what_must_be_kept_is_kept(place: Place) -> None:
    """The day before; a legal hold on anybody in it; an invoice of it that moved later; a line that nothing explains."""
    place.now = datetime(2036, 12, 31, 12, tzinfo=UTC)
    assert destroy.look(place.runtime).kinds == {}
    legal_hold.run(place.runtime, "anna", "MND-0002", "begun", "case 4 O 12/26")
    place.now = FREE
    held = destroy.look(place.runtime)
    assert held.kinds == {"camt.053 received": 1}  # the statement with the return of the other one
    assert held.kept == {"a legal hold is on somebody in it": 3}
    first = destroy.run(place.runtime, "anna", WHY)
    legal_hold.run(place.runtime, "anna", "MND-0002", "ended", "case closed")

    assert destroy.run(place.runtime, "ben", WHY).missing == 1  # about other files than anna's word was
    assert first.found.digest != destroy.look(place.runtime).digest
    with engines.past_the_triggers(place.folder) as connection:
        connection.exec_driver_sql("UPDATE entry SET open_cents = 1 WHERE id = (SELECT max(id) FROM entry)")
        connection.exec_driver_sql("UPDATE move SET booked_on = '2027-01-01' WHERE noun = 'collection' AND noun_id = 2")
    assert destroy.look(place.runtime).kept == {
        "something in it is not finished": 1,
        "something in it moved in 2027 or later": 3,
    }


def test_it_takes_two_people_and_a_reason(place: Place) -> None:
    """One person's word, given twice, destroys nothing; a machine is nobody; without a reason nothing happens."""
    place.now = FREE
    users.add(place.runtime, "olga", "cron", "service")
    for _ in range(2):
        assert destroy.run(place.runtime, "anna", WHY).missing == 1
    with pytest.raises(NotAllowed, match="is a machine"):
        destroy.run(place.runtime, "cron", WHY)
    with pytest.raises(BadInput, match="say why"):
        destroy.run(place.runtime, "ben", " ")

    assert keyless(place) == 0


def put_back(place: Place, kept: list[DataKey]) -> None:
    """The keys that are missing, as somebody with an old backup could."""
    with place.runtime.session() as session:
        there = set(session.scalars(select(DataKey.uid)))
        missing = [one for one in kept if one.uid not in there]
        session.add_all(DataKey(uid=one.uid, wrapped_by=one.wrapped_by, wrapped=one.wrapped) for one in missing)


def test_a_key_that_others_deleted_or_put_back_is_found(place: Place) -> None:
    """Without a line of ours a missing key is a fault, as ever; with one, a key that is there again is."""
    place.now = FREE
    kept = place.rows(DataKey)
    with place.runtime.session() as session:
        session.execute(text("DELETE FROM data_key WHERE uid = (SELECT key_uid FROM document WHERE id = 1)"))
    assert "documents" in failed(place)
    put_back(place, kept)
    assert failed(place) == []
    assert destroyed(place) == 4
    put_back(place, kept)

    PIPELINE["seal"][0](place.runtime)
    assert failed(place) == ["documents"]
