"""What a mandate says beside name and account: its address, what is shown of it, and by which reference it is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete

from bridge.acts import amend_mandate, mandates
from bridge.errors import BadInput, UnknownName
from bridge.model import DataKey, Person
from bridge.register import store
from bridge.reports import lists
from tests import engines
from tests.steps.place import DEBTOR_IBAN, OTHER_CREDITOR_ID, Place, mandate_line


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_free_lines_of_an_address_stay_when_something_else_changes(place: Place) -> None:
    """Each of them is a column of its own: kept, changed alone, emptied alone; and sealed as the rest of the address is."""
    place.mandates(mandate_line(1, town="Biel", country="CH", address_line_1="Haus Zebra", address_line_2="Postfach 12"))
    amend_mandate.run(place.runtime, "anna", "MND-0001", {"debtor_name": "Werk Nord SE"})
    assert lines_of(place) == ("Haus Zebra", "Postfach 12")
    done = amend_mandate.run(place.runtime, "anna", "MND-0001", {"address_line_2": "Postfach 13"})
    assert (done.changed, lines_of(place)) == (["address"], ("Haus Zebra", "Postfach 13"))
    amend_mandate.run(place.runtime, "anna", "MND-0001", {"address_line_2": ""})
    assert lines_of(place) == ("Haus Zebra",)
    place.runtime.engine.dispose()

    assert b"Haus Zebra" not in engines.stored(place.folder)


def lines_of(place: Place) -> tuple[str, ...]:
    with place.runtime.reading() as session:
        line = store.as_line(session, place.runtime, store.known(session, "MND-0001"))
    return tuple(line[name] for name in ("address_line_1", "address_line_2") if line[name])


def shown(place: Place, reference: str) -> lists.MandateLine:
    with place.runtime.reading() as session:
        return lists.mandate(session, place.runtime, reference)


def test_what_was_entered_is_shown(place: Place) -> None:
    """Address by its columns, e-mail, language, days, and that a last debit is wanted; the account stays masked."""
    said = {
        "street": "Am Kai",
        "town": "Ulm",
        "country": "DE",
        "address_line_1": "Tor 3",
        "email": "a@example.com",
        "language": "en",
    }
    place.mandates(mandate_line(1, **said, prenotification_days="5", ultimate_debtor="Werk Ost"), mandate_line(2))
    amend_mandate.run(place.runtime, "anna", "MND-0001", {}, final=True)
    one, other = shown(place, "mnd-0001"), shown(place, "MND-0002")

    written = {name: part for name, part in (one.address or {}).items() if part}
    assert written == {"street": "Am Kai", "town": "Ulm", "country": "DE", "address_line_1": "Tor 3"}
    assert (one.email, one.language, one.prenotification_days, one.ultimate_debtor) == ("a@example.com", "en", 5, "Werk Ost")
    assert (one.last_debit_wanted, other.last_debit_wanted) == (True, False)
    assert (other.address, other.email, other.prenotification_days) == (None, None, None)
    assert DEBTOR_IBAN not in str(one)


def test_a_list_says_not_where_debtors_live(place: Place) -> None:
    """Only a screen that asks for one mandate opens what is sealed; of an erased debtor nothing is left to open."""
    place.mandates(mandate_line(1, town="Ulm", country="DE", email="a@example.com", ultimate_debtor="Werk Ost"))
    with place.runtime.reading() as session:
        [line] = lists.mandates(session, place.runtime)
    assert (line.debtor_name, line.address, line.email, line.ultimate_debtor) == (None, None, None, None)
    [person] = place.rows(Person)
    with place.runtime.engine.begin() as connection:
        connection.execute(delete(DataKey).where(DataKey.uid == person.key_uid))
    erased = shown(place, "MND-0001")

    assert (erased.debtor_name, erased.address, erased.email, erased.ultimate_debtor) == (None, None, None, None)


def test_a_former_reference_finds_its_mandate(place: Place) -> None:
    """In whatever case; the mandate says what it was called, and an act under the old reference is refused with the new one."""
    place.mandates(mandate_line(1), mandate_line(2))
    amend_mandate.run(place.runtime, "anna", "MND-0001", {"mandate_id": "MND-NEW"})
    found = shown(place, " mnd-0001 ")
    assert (found.mandate_id, found.formerly) == ("MND-NEW", ["MND-0001"])
    assert shown(place, "MND-0002").formerly == []
    with pytest.raises(UnknownName, match="was amended; its reference is MND-NEW now"):
        mandates.run(place.runtime, "anna", "MND-0001", "paused", "dispute")

    with pytest.raises(UnknownName, match="bridge mandate list"):
        shown(place, "MND-0003")


def test_one_reference_of_two_creditors_is_not_guessed(place: Place) -> None:
    """Both may have called a mandate the same; neither is shown for the other."""
    other = f'[[creditors]]\nname = "Ostwerk GmbH"\ncreditor_id = "{OTHER_CREDITOR_ID}"\naccount = "main"\n'
    place.rewrite("[[sources]]", other + "[[sources]]")
    place.mandates(mandate_line(1), mandate_line(1, creditor_id=OTHER_CREDITOR_ID))
    with pytest.raises(BadInput, match="2 mandates of different creditors"):
        shown(place, "MND-0001")
