"""Breaks as rows that somebody owns: what they are about, their evidence, age, owner, ending; the same years later; in German."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from hashlib import sha256

import pytest

from bridge.acts import resolve, take_break, users
from bridge.balances import NOW, View
from bridge.cli import main
from bridge.errors import NotAllowed, UnknownName
from bridge.reports import breaks, queue, reconciliation, reconciliation_page, rendering
from bridge.reports.asked import ask
from bridge.reports.breaks import BreakLine
from tests import worlds
from tests.intake.papers import Line, Paper, camt, details
from tests.worlds import CORE_DEBTOR, Usage, World

OPENED, TAKEN, LATER = (datetime(2026, month, day, 9, tzinfo=UTC) for month, day in ((11, 26), (11, 27), (12, 4)))
STATEMENT = camt(
    Paper(
        (
            Line(100_00, on="2026-11-25", value="2026-11-25", more=details(("plant-1-000001-1", "100.00"))),
            Line(42_00, on="2026-11-25", value="2026-11-25"),
            Line(1_234_50, on="2026-11-25", value="2026-11-25", more=details(("plant-1-000001-1", "1234.50"))),
        ),
        on="2026-11-25",
        opened_on="2026-11-25",
    )
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, engine: str) -> tuple[World, bytes]:
    """A stranger's 42.00 and a credit of another amount than its debit's, both on the 25th; seen on the 26th."""
    made = worlds.at_the_bank(tmp_path_factory.mktemp("breaks") / "world", (Usage(CORE_DEBTOR, 100_00, date(2026, 11, 25)),))
    made.now = OPENED
    made.receive("s.xml", STATEMENT)
    made.run("reconcile")
    return made, made.put_away()


@pytest.fixture
def world(finished: tuple[World, bytes]) -> Iterator[World]:
    """The same for each test."""
    made, as_it_was = finished
    made.now = OPENED
    yield made
    assert made.only_in_english() == []
    made.go_back_to(as_it_was)


def listed(world: World, view: View = NOW, *, closed: bool = False) -> dict[str, BreakLine]:
    """Kind -> Break."""
    with world.runtime.reading() as session:
        return {one.kind: one for one in breaks.listed(session, ask(world.runtime, view), closed=closed)}


def test_a_break_has_evidence_age_and_owner(world: World) -> None:
    """The line it is about, the hash of the file that shows it, days since it was opened with their bucket, a role."""
    world.now = LATER
    stranger = listed(world)["UNKNOWN_CREDIT"]

    assert (stranger.about, stranger.evidence) == (stranger.subject.replace("entry", "line"), sha256(STATEMENT).hexdigest())
    assert (stranger.age_days, stranger.bucket, stranger.owner, stranger.taken_by) == (8, "days_6_30", "clerk", None)


def test_who_takes_a_break_owns_it_from_then_on(world: World) -> None:
    """The last word counts; a report of before names who had it then; whose role may not act on it, takes none."""
    number = listed(world)["UNKNOWN_CREDIT"].id
    world.now = TAKEN
    assert take_break.run(world.runtime, "anna", number) == "anna"
    world.now = LATER
    assert take_break.run(world.runtime, "anna", number, "Ben") == "Ben"
    users.add(world.runtime, "root", "Vera", "viewer")
    with pytest.raises(NotAllowed, match="Vera is viewer; 'break take' needs the role clerk, approver or admin"):
        take_break.run(world.runtime, "anna", number, "Vera")
    with pytest.raises(UnknownName, match="break 999 is not an open one"):
        take_break.run(world.runtime, "anna", 999)

    views = {None: View(known_at=OPENED), "anna": View(known_at=TAKEN), "Ben": View(known_at=LATER)}
    assert {name: listed(world, view)["UNKNOWN_CREDIT"].taken_by for name, view in views.items()} == {one: one for one in views}
    with world.runtime.reading() as session:
        [line] = [one for one in queue.queue(session, world.runtime) if one.amount_cents == 42_00]
    assert (line.owner, line.taken_by, line.age_days, line.bucket) == ("clerk", "Ben", 9, "days_6_30")


def test_how_a_break_ended_is_shown_and_not_before(world: World) -> None:
    """Who closed it, when and with which words; known at an earlier moment it was open, and aged until then."""
    number = listed(world)["AMOUNT_DIFF"].id
    world.now = LATER
    resolve.run(world.runtime, "anna", number, "the bank corrects it")
    world.now = datetime(2027, 3, 1, 9, tzinfo=UTC)
    with world.runtime.reading() as session:
        over = breaks.shown(session, ask(world.runtime, NOW), number)
        before = breaks.shown(session, ask(world.runtime, View(known_at=TAKEN)), number)
        with pytest.raises(UnknownName, match="break 999 is not one"):
            breaks.shown(session, ask(world.runtime, NOW), 999)

    assert (over.closed_at, over.closed_by, over.resolution, over.age_days) == (LATER, "anna", "the bank corrects it", 8)
    assert (before.closed_at, before.closed_by, before.resolution, before.age_days) == (None, None, None, 1)
    assert number not in {one.id for one in listed(world).values()}
    assert number in {one.id for one in listed(world, closed=True).values()}


def test_a_german_report_says_it_in_german(world: World) -> None:
    """What, next, age and owner of every Break in the reconciliation; JSON keeps the stored words."""
    with world.runtime.reading() as session:
        found = reconciliation.build(session, world.runtime, NOW)
        page = reconciliation_page.page(found, ask(world.runtime, NOW), "de")
    written = rendering.csv(page, "breaks")
    stranger = listed(world)["UNKNOWN_CREDIT"]

    assert written.splitlines()[0].lstrip("\ufeff") == "Nr.;Art;Gegenstand;Tage;Alter;zuständig;was;nächster Schritt"
    expected = (
        f"{stranger.id};UNKNOWN_CREDIT;{stranger.about};0;0-5 Tage;Sachbearbeitung;42,00 EUR vom 25.11.2026 nennen nichts, "
    )
    assert f"{expected}was wir kennen;herausfinden, wer wofür gezahlt hat" in written.splitlines()
    assert "42.00 EUR on 2026-11-25 names nothing that we know" in [one.what for one in found.breaks]


def test_the_commands(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """List, take and show on the command line, in both languages and as JSON."""
    monkeypatch.setenv("COLUMNS", "200")

    def said(*words: str) -> str:
        assert main.run([*words, "--config", str(world.folder / "bridge.toml"), "--clock", "2026-12-04T10:00"]) == 0
        return capsys.readouterr().out

    number = str(listed(world)["UNKNOWN_CREDIT"].id)
    rows = {one["kind"]: one for one in json.loads(said("break", "list", "--json"))}
    assert (rows["UNKNOWN_CREDIT"]["owner"], rows["UNKNOWN_CREDIT"]["bucket"]) == ("clerk", "days_6_30")
    assert said("break", "take", number, "--actor", "anna") == f"break {number} is with anna\n"
    shown = said("break", "show", number, "--lang", "de")
    assert [word for word in ("herausfinden, wer wofür", "anna", sha256(STATEMENT).hexdigest()) if word not in shown] == []
    assert "find out who paid" in said("break", "list", "--closed")
