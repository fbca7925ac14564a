"""A debtor is erased when nothing keeps him any more: unreadable for ever, and the books stay whole."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event, select

from bridge import archive
from bridge.acts import amend_mandate, erase, legal_hold, mandates, users
from bridge.errors import BadInput, NotAllowed, UnknownName
from bridge.model import BankAccount, Collection, DataKey, Mandate, Notice, Person
from bridge.model.identifiers import mask
from bridge.register import erasure
from bridge.reports import check, lists
from bridge.steps import PIPELINE
from tests import engines
from tests.journeys.plant import Plant
from tests.steps.place import DEBTOR_IBAN, LATER, Place, csv_of, half_way, mandate_line

WHY = "letter of 2 Jan"
FREE = datetime(2037, 1, 1, 12, tzinfo=UTC)  # ten whole years after 2026, the year of the last booking
OTHER_IBAN = "DE02100100100006820101"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Two debtors with booked debits; the first has another account and his third name by now, and his mandate is revoked."""
    place = half_way(tmp_path / "plant")
    place.now = LATER
    place.open()
    for step in ("receive", "reconcile"):
        PIPELINE[step][0](place.runtime)
    amend_mandate.run(place.runtime, "clara", "MND-0001", {"debtor_name": "Zebra Neu GmbH", "iban": OTHER_IBAN})
    amend_mandate.run(place.runtime, "clara", "MND-0001", {"debtor_name": "Zebra Neu AG"})
    mandates.run(place.runtime, "clara", "MND-0001", "revoked", "moved")
    place.runtime.engine.dispose()
    return place


def erased(place: Place) -> bool:
    """Two people give their word; whether the second one's was the last that was missing."""
    first = erase.run(place.runtime, "anna", "MND-0001", WHY)
    return (first.missing, erase.run(place.runtime, "ben", "MND-0001", WHY).missing) == (1, 0)


def keys_of(place: Place, mandate_id: str) -> list[bytes]:
    """The keys of its debtor, as they are stored."""
    with place.runtime.reading() as session:
        mandate = session.scalars(select(Mandate).where(Mandate.mandate_id == mandate_id)).one()
        return list(session.scalars(select(DataKey.wrapped).where(DataKey.uid.in_(erasure.keys_of(session, mandate)))))


def test_he_is_unreadable_and_the_books_are_whole(place: Place) -> None:
    """Every key of him is gone, of now and of before; every check, the balances and the other debtor stay."""
    place.now = FREE
    if engines.name() == engines.SQLITE:  # as one that was built without it does by itself
        event.listen(place.runtime.engine, "connect", lambda connection, _: connection.execute("PRAGMA secure_delete = OFF"))
    before = {account: place.ledger(account) for account in ("Bank", "Receivable", "Clearing", "Suspense", "Charges")}
    digest = place.runtime.keys.digest("iban", DEBTOR_IBAN)
    gone = keys_of(place, "MND-0001")
    assert len(gone) == 3
    assert erased(place)

    assert (keys_of(place, "MND-0001"), len(keys_of(place, "MND-0002"))) == ([], 1)
    assert {account: place.ledger(account) for account in before} == before
    with place.runtime.reading() as session:
        assert [one.id for one in check.run(session, place.runtime) if not one.ok] == []
        shown = lists.mandate(session, place.runtime, "MND-0001")
    assert (shown.account, shown.debtor_name, shown.email) == ("erased", None, None)
    assert [row.shown for row in place.rows(BankAccount, BankAccount.iban_digest == digest)] == ["DE89…3000"]  # the other's
    assert len(place.rows(Person)) == 4  # the rows stay, as ciphertext without a key
    place.runtime.engine.dispose()
    stored = engines.stored(place.folder)
    assert [key for key in gone if key in stored] == []  # nor does the file of SQLite keep it where it was
    assert mask(OTHER_IBAN).encode() not in stored


def test_what_was_booked_keeps_him_for_ten_years(place: Place) -> None:
    """Refused with the date from which it is allowed, on the day before too; nothing changes, nobody's word counts."""
    with pytest.raises(
        NotAllowed, match=r"may be erased from 2037-01-01 on: 2026-.* was the last day on which something was booked"
    ):
        erase.run(place.runtime, "anna", "MND-0001", WHY)
    place.now = datetime(2036, 12, 31, 12, tzinfo=UTC)
    with pytest.raises(NotAllowed, match="2037-01-01"):
        erase.run(place.runtime, "anna", "MND-0001", WHY)

    assert len(keys_of(place, "MND-0001")) == 3


def test_a_legal_hold_keeps_him_for_as_long_as_it_lasts(place: Place) -> None:
    """Begun and ended by a sentence each, both kept; in between nobody erases him, whatever the date."""
    place.now = FREE
    assert legal_hold.run(place.runtime, "anna", "MND-0001", "begun", "case 4 O 12/26")
    assert not legal_hold.run(place.runtime, "anna", "MND-0001", "begun", "again")
    with pytest.raises(NotAllowed, match=r"is under a legal hold \(case 4 O 12/26\)"):
        erase.run(place.runtime, "anna", "MND-0001", WHY)
    assert legal_hold.run(place.runtime, "anna", "MND-0001", "ended", "case closed")

    assert erased(place)


def test_a_mandate_in_force_or_a_debit_under_way_keeps_him(place: Place) -> None:
    """Whoever may still be debited is not erased, nor is whose debit the bank may still answer."""
    for step, _ in PIPELINE.values():
        step(place.runtime)
    place.now = FREE
    with pytest.raises(BadInput, match="mandate MND-0002 is active"):
        erase.run(place.runtime, "anna", "MND-0002", WHY)
    mandates.run(place.runtime, "clara", "MND-0002", "revoked", "moved")
    with pytest.raises(BadInput, match="debit plant-1-000005-1 is not finished"):
        erase.run(place.runtime, "anna", "MND-0002", WHY)


def test_it_takes_two_people_and_a_reason(place: Place) -> None:
    """One person's word, given twice, erases nobody; a machine is nobody; without a reason nothing happens."""
    place.now = FREE
    users.add(place.runtime, "olga", "cron", "service")
    for _ in range(2):
        assert erase.run(place.runtime, "anna", "MND-0001", WHY).missing == 1
    with pytest.raises(NotAllowed, match="is a machine"):
        erase.run(place.runtime, "cron", "MND-0001", WHY)
    with pytest.raises(BadInput, match="say why"):
        erase.run(place.runtime, "ben", "MND-0001", " ")
    with pytest.raises(UnknownName):
        erase.run(place.runtime, "ben", "MND-0009", WHY)

    assert len(keys_of(place, "MND-0001")) == 3


def test_who_is_erased_stays_so(place: Place) -> None:
    """He is not erased twice, printed, or brought back by a mandate file; the refusals say what to do."""
    place.now = FREE
    assert erased(place)
    with pytest.raises(BadInput, match="was erased before"):
        erase.run(place.runtime, "anna", "MND-0001", WHY)
    path = place.folder / "again.csv"
    path.write_bytes(csv_of(mandate_line(1)))
    place.runtime.engine.dispose()
    plant = Plant(place.folder)
    said = plant.here("mandate", "import", str(path), "--actor", "anna", "--json", clock="2037-01-02T09:30")
    printed = plant.here("mandate", "print", "MND-0001", "--actor", "anna", clock="2037-01-02T09:30")

    assert (said.code, "was erased; a new mandate needs a new reference" in said.out + said.err) == (1, True)
    assert (printed.code, "was erased" in printed.err) == (1, True)
    assert plant.ok("mandate", "list", "--json").json[0]["account"] == "erased"


def test_his_notices_do_not_say_where_they_went(place: Place) -> None:
    """The recipient that people see of a notice is erased with him, and nobody else's is."""
    debits = {row.end_to_end_id: row for row in place.rows(Collection)}
    with place.runtime.session() as session:
        for name in ("plant-1-000001-1", "plant-1-000002-1"):
            body, at = name.encode(), place.now
            letter = archive.keep(
                session, place.runtime.keys, body, direction="sent", kind="notice", name=name, actor="notify", at=at
            )
            said = {"amount_cents": 1, "due_on": at.date(), "channel": "email", "shown": "z...@example.com", "state": "sent"}
            session.add(Notice(collection_id=debits[name].id, document_id=letter.id, actor="notify", recorded_at=at, **said))
    place.now = FREE
    assert erased(place)

    assert [row.shown for row in place.rows(Notice)] == ["erased", "z...@example.com"]
