"""What the bank leaves unanswered becomes a Break after five TARGET days, not earlier, and closes when the answer comes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bridge.acts import confirm_upload
from tests import worlds
from tests.intake.papers import Line, Paper, camt, details
from tests.worlds import CORE_DEBTOR, Usage, World

DUE = date(2026, 11, 25)  # a Wednesday; five TARGET days later is Wednesday, 2 December


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One debit at the bank, due on 25 November."""
    made = worlds.at_the_bank(tmp_path / "world", (Usage(CORE_DEBTOR, 100_00, DUE),))
    yield made
    made.put_away()


@pytest.mark.parametrize(
    ("today", "kinds"),
    [
        (datetime(2026, 11, 27, 20, tzinfo=UTC), []),
        (datetime(2026, 12, 2, 20, tzinfo=UTC), ["STATEMENT_MISSING"]),
        (datetime(2026, 12, 3, 8, tzinfo=UTC), ["NO_ANSWER", "STATEMENT_MISSING"]),
    ],
)
def test_a_debit_without_an_answer(world: World, today: datetime, kinds: list[str]) -> None:
    """Five TARGET days after the due date are not too long; the sixth is, and a person asks the bank. Once."""
    world.now = today
    world.run("reconcile")
    world.run("reconcile")

    assert [kind for kind, _ in world.open_breaks()] == kinds


@pytest.mark.parametrize(
    ("today", "kinds"),
    [(datetime(2026, 11, 27, 22, tzinfo=UTC), []), (datetime(2026, 11, 30, 8, tzinfo=UTC), ["STATEMENT_MISSING"])],
)
def test_a_statement_that_did_not_come(world: World, today: datetime, kinds: list[str]) -> None:
    """Two TARGET days after debits were due their statement is missed; one of that day ends it, whatever is in it."""
    world.now = today
    world.run("reconcile")
    world.run("reconcile")
    assert [kind for kind, _ in world.open_breaks()] == kinds
    world.receive("s.xml", camt(Paper((), on="2026-11-25", opened_on="2026-11-25", opening=0)))
    world.run("reconcile")

    assert world.open_breaks() == []


def test_an_older_statement_is_not_the_missing_one(world: World) -> None:
    """That of the day before says nothing about the day on which the debits were due."""
    world.now = datetime(2026, 11, 30, 8, tzinfo=UTC)
    world.receive("s.xml", camt(Paper((), on="2026-11-24", opened_on="2026-11-24", opening=0)))
    world.run("reconcile")

    assert world.open_breaks() == [("STATEMENT_MISSING", "account:main")]


@pytest.mark.parametrize(("closes", "kinds"), [(100_00, []), (99_00, ["STATEMENT_MISSING"])])
def test_a_statement_of_which_a_page_did_not_come(world: World, closes: int, kinds: list[str]) -> None:
    """While a page waits the others are asked for, not the statement; where all do not add up, none of that day is there."""
    world.now = datetime(2026, 11, 30, 8, tzinfo=UTC)
    day = Paper((), on="2026-11-25", opened_on="2026-11-25", opening=0, closes=closes)
    paging = "<StmtPgntn><PgNb>{}</PgNb><LastPgInd>{}</LastPgInd></StmtPgntn>"
    world.receive("1.xml", camt(replace(day, head=paging.format(1, "false")), message="M-1"))
    world.run("reconcile")
    assert [kind for kind, _ in world.open_breaks()] == ["STATEMENT_GAP"]
    line = Line(100_00, "R-1", on="2026-11-25", more=details((world.debits()[0].end_to_end_id, "100.00")))
    world.receive("2.xml", camt(replace(day, lines=(line,), head=paging.format(2, "true")), message="M-2"))
    world.run("reconcile")

    assert [kind for kind, _ in world.open_breaks() if kind != "STATEMENT_REFUSED"] == kinds
    assert set(world.states().values()) == {"submitted" if kinds else "settled"}
    assert world.failed_checks() == []


@pytest.mark.parametrize(
    ("today", "kinds"),
    [(datetime(2026, 11, 24, 20, tzinfo=UTC), []), (datetime(2026, 11, 25, 8, tzinfo=UTC), ["NOT_HANDED_OVER"])],
)
def test_a_signed_file_that_does_not_leave(tmp_path: Path, today: datetime, kinds: list[str]) -> None:
    """A bank day after the cut somebody is asked for it; when it was uploaded, nobody is any more."""
    world = worlds.make(
        tmp_path / "world", (Usage(CORE_DEBTOR, 100_00, date(2026, 12, 1)),), collection='approval = "none"\nbatch_at = ""'
    )
    world.import_mandates(CORE_DEBTOR)
    world.run("ingest", "collect", "batch", "handover")
    file = world.debits()[0].message_id
    world.now = today
    world.run("reconcile")
    assert [kind for kind, _ in world.open_breaks()] == kinds
    confirm_upload.run(world.runtime, "anna", file, reference="order 1")
    world.run("reconcile")

    assert world.open_breaks() == []
