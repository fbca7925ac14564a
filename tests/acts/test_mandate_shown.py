"""What a mandate says beside name and account: its address, what is shown of it, and by which reference it is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.acts import amend_mandate
from bridge.register import store
from tests import engines
from tests.steps.place import Place, mandate_line


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
