"""A file that is signed, sent, taken back and discarded, and its successor: each report shows what was so at its time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest

from bridge.acts import approve, confirm_upload, discard, undo_upload
from bridge.balances import NOW, View
from bridge.reports import batches, forecast
from bridge.reports.asked import ask
from bridge.reports.batches import Files
from bridge.reports.forecast import Forecast
from bridge.steps import handover
from tests.reports.forms import written
from tests.worlds import CORE_DEBTOR, Usage, World, make

#: the reports that a file's way changes
ABOUT = ("ageing", "batches", "forecast", "audit")
DUE = date(2026, 11, 25)
#: the bank's cut-off is 10:00 in Berlin, 9:00 here
CUT, SIGNED, SENT, BACK = (datetime(2026, 11, 23, 7, minute, tzinfo=UTC) for minute in (0, 15, 30, 45))
GONE, AGAIN, END = (datetime(2026, 11, day, hour, tzinfo=UTC) for day, hour in ((23, 12), (24, 8), (30, 8)))


@dataclass(frozen=True, slots=True)
class Story:
    world: World
    said: dict[datetime, dict[str, str]]

    def files(self, at: datetime) -> Files:
        with self.world.runtime.reading() as session:
            return batches.build(session, ask(self.world.runtime, View(known_at=at)))

    def ahead(self, at: datetime) -> Forecast:
        with self.world.runtime.reading() as session:
            return forecast.build(session, self.world.runtime, ask(self.world.runtime, View(known_at=at)))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Story:
    words = 'approval = "four-eyes"\nhandover = "portal"\nbatch_at = ""'
    world = make(tmp_path_factory.mktemp("files"), [Usage(CORE_DEBTOR, 100_00, DUE)], now=CUT, collection=words)
    said: dict[datetime, dict[str, str]] = {}

    def at(when: datetime) -> None:
        """Keep what the reports say before the clock goes on."""
        said[world.now] = written(world, NOW, ABOUT)
        world.now = when

    def send() -> None:
        message_id = newest(world)
        for actor in ("anna", "ben"):
            approve.run(world.runtime, actor, message_id)
        handover.export(world.runtime, actor="anna", message_id=message_id)
        confirm_upload.run(world.runtime, "anna", message_id)

    world.import_mandates(CORE_DEBTOR)
    world.run("ingest", "collect", "batch")
    first = newest(world)
    at(SIGNED)
    for actor in ("anna", "ben"):
        approve.run(world.runtime, actor, first)
    at(SENT)
    handover.export(world.runtime, actor="anna", message_id=first)
    confirm_upload.run(world.runtime, "anna", first)
    at(BACK)
    for actor in ("carla", "dora"):
        undo_upload.run(world.runtime, actor, first, "wrong button")
    at(GONE)
    for actor in ("carla", "dora"):
        discard.run(world.runtime, actor, first, "no portal", not_uploaded=True)
    at(AGAIN)
    world.run("collect", "batch")
    send()
    at(END)
    return Story(world, said)


def newest(world: World) -> str:
    return world.debits()[-1].message_id


@pytest.mark.parametrize("at", [CUT, SIGNED, SENT, BACK, GONE, AGAIN])
def test_a_file_of_the_past_is_as_it_was(story: Story, at: datetime) -> None:
    """Signed, sent, undone, discarded, sent anew: at the end each moment still says what it said."""
    again = written(story.world, View(known_at=at), ABOUT)
    assert {name for name, text in story.said[at].items() if again[name] != text} <= {"reconciliation", "reconciliation.sources"}


def test_who_signed_and_when_it_left(story: Story) -> None:
    """The signatures are those given until then; a hand-over that was undone is none."""
    seen = {
        at: [
            (one.state, one.approved_by, one.handed_over_on, one.unanswered_cents, one.difference_cents)
            for one in story.files(at).files
        ]
        for at in (CUT, SIGNED, SENT, BACK, GONE)
    }
    both = ["anna", "ben"]
    assert seen == {
        CUT: [("sealed", [], None, 0, 0)],
        SIGNED: [("approved", both, None, 0, 0)],
        SENT: [("submitted", both, date(2026, 11, 23), 100_00, 0)],
        BACK: [("exported", both, None, 0, 0)],
        GONE: [("discarded", both, None, 0, 0)],
    }
    assert [(one.state, one.handed_over_on) for one in story.files(AGAIN).files] == [
        ("discarded", None),
        ("submitted", date(2026, 11, 24)),
    ]


def test_the_forecast_follows_the_file(story: Story) -> None:
    """In a file, at the bank, in a file again, in none, and at the bank with the date of the second file."""
    seen = {
        at: [(one.day, one.submitted_cents, one.in_files_cents, one.formed_cents) for one in story.ahead(at).days]
        for at in (CUT, SENT, BACK, GONE, AGAIN)
    }
    second = date(2026, 11, 26)
    assert seen == {
        CUT: [(DUE, 0, 100_00, 0)],
        SENT: [(DUE, 100_00, 0, 0)],
        BACK: [(DUE, 0, 100_00, 0)],
        GONE: [(second, 0, 0, 100_00)],  # after the cut-off of the 23rd
        AGAIN: [(second, 100_00, 0, 0)],
    }
