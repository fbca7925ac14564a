"""A status report moves only members of our files, and never because of a copy; one with an impossible date is not kept."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bridge import intake
from bridge.errors import BadInput
from bridge.model import Break, Collection, Document, StatusReport, StatusReportLine
from bridge.steps import batch, collect, handover, ingest, reconcile
from tests.intake.papers import pain002, reason
from tests.steps.place import Bill, Place

PEOPLELESS = 'batch_at = ""\napproval = "none"\nhandover = "folder"\n'


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place with one debit at the bank."""
    place = Place(tmp_path, collection=PEOPLELESS)
    place.mandates()
    place.bill(Bill(1))
    for step in (ingest, collect, batch, handover):
        step.run(place.runtime)
    assert states(place) == ["submitted"]
    return place


def states(place: Place) -> list[str]:
    return [row.state for row in place.rows(Collection)]


def hear(place: Place, inside: str, **more: str) -> None:
    """Take a status report about the place's file, and let it be heard."""
    intake.take(place.runtime, "a.xml", pain002(place.batches()[0].message_id, inside, **more), actor="anna")
    reconcile.run(place.runtime)


@pytest.mark.parametrize("codes", [("MS03", "AM05"), ("AM05", "MS03"), ("MS03", "DU01", "AC04"), ("MS03", "am05")])
def test_a_copy_code_anywhere_in_the_list_moves_nothing(place: Place, codes: tuple[str, ...]) -> None:
    """A rejection with several reasons, one of which says copy, is about a copy: the first file stands."""
    hear(place, "<GrpSts>RJCT</GrpSts>" + "".join(map(reason, codes)))

    assert states(place) == ["submitted"]
    assert [row.kind for row in place.rows(Break)] == ["COPY_REJECTED"]


def test_codes_are_kept_in_upper_case(place: Place) -> None:
    """The first reason is kept where none says copy; ISO codes are upper case, whoever wrote them."""
    hear(place, "<GrpSts>RJCT</GrpSts>" + reason("ms03") + reason("AC04"))

    assert [row.reason for row in place.rows(StatusReportLine)] == ["MS03"]
    assert states(place) == ["rejected"]


@pytest.mark.parametrize("name", ["pain.001.001.09", "camt.055.001.08", "pacs.003"])
def test_a_report_about_another_message_moves_nothing(place: Place, name: str) -> None:
    """The id is ours, but the bank speaks of a credit transfer (or worse): kept, a Break, no move."""
    hear(place, "<GrpSts>RJCT</GrpSts>" + reason("MS03"), name=name)

    assert states(place) == ["submitted"]
    assert place.breaks() == [("NOT_OUR_FILE", f"document:{place.rows(Document)[-1].sha256}")]
    assert name in place.rows(Break)[0].what
    assert [row.outcome for row in place.rows(StatusReportLine)] == ["break"]


@pytest.mark.parametrize("name", ["pain.008.001.08", "pain.008", "PAIN.008.001.02", ""])
def test_a_report_about_a_debit_file_is_heard(place: Place, name: str) -> None:
    """The version may be missing, the name too: the file's id decides."""
    hear(place, "<GrpSts>RJCT</GrpSts>" + reason("MS03"), name=name)

    assert states(place) == ["rejected"]


@pytest.mark.parametrize(
    "at",
    [
        "1999-12-31T23:59:59Z",
        "2026-12-04T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
        "9999-12-31T23:59:59",
    ],
)
def test_a_report_of_an_impossible_date_is_refused(place: Place, at: str) -> None:
    """Before 2000 or more than ten days ahead: the file is refused, nothing of it is stored, nothing moves."""
    before = place.dump()
    with pytest.raises(BadInput, match=r"cannot be|not a date"):
        hear(place, "<GrpSts>RJCT</GrpSts>" + reason("MS03"), at=at)

    assert place.dump() == before


def test_a_time_without_an_offset_is_read_in_the_place_of_business(tmp_path: Path) -> None:
    """Half past midnight in Berlin is the evening before in New York; bridge.toml says which it is."""
    place = Place(tmp_path)
    place.rewrite('timezone = "Europe/Berlin"', 'timezone = "America/New_York"')
    intake.take(place.runtime, "a.xml", pain002("X", "", at="2026-11-23T00:30:00"), actor="anna")

    assert [report.dated_on for report in place.rows(StatusReport)] == [date(2026, 11, 23)]
