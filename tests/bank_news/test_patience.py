"""What the bank leaves unanswered becomes a Break after five TARGET days, not earlier, and closes when the answer comes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bridge.acts import confirm_upload
from tests import engines, worlds
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
        (datetime(2026, 12, 3, 8, tzinfo=UTC), ["CLEARING_NOT_ZERO", "NO_ANSWER", "STATEMENT_MISSING"]),
    ],
)
def test_a_debit_without_an_answer(world: World, today: datetime, kinds: list[str]) -> None:
    """Five TARGET days after the due date are not too long; the sixth is, and a person asks the bank. Once."""
    world.now = today
    world.run("reconcile")
    world.run("reconcile")

    assert [kind for kind, _ in world.open_breaks()] == kinds


def test_what_stays_in_clearing_is_told_of_the_file(tmp_path: Path) -> None:
    """One row for the file with its euros, another one when a part of it is credited, and none when all of it is."""
    usage = (Usage(CORE_DEBTOR, 100_00, DUE), Usage(CORE_DEBTOR, 20_00, DUE), Usage(CORE_DEBTOR, 3_00, date(2026, 12, 4)))
    world = worlds.at_the_bank(tmp_path / "world", usage)
    names = {debit.cents: debit for debit in world.debits()}
    file = names[100_00].message_id
    world.now = datetime(2026, 12, 3, 8, tzinfo=UTC)
    told = "EUR of {} debit(s) in file " + f"{file} stand in clearing, the last of them due on {DUE}"
    world.run("reconcile")
    assert in_clearing(world) == [f"120.00 {told.format(2)}"]
    for day, cents, left in (("2026-12-01", 100_00, [f"20.00 {told.format(1)}"]), ("2026-12-02", 20_00, [])):
        line = Line(cents, on=day, value=day, more=details((names[cents].end_to_end_id, f"{cents // 100}.00")))
        opening = 0 if left else 100_00
        world.receive(f"{day}.xml", camt(Paper((line,), id=day, on=day, opened_on=day, opening=opening, sequence=None)))
        world.run("reconcile")
        assert in_clearing(world) == left

    world.put_away()


def test_a_debit_that_left_clearing_by_no_voucher_is_told(world: World) -> None:
    """Its row says that it failed, its balance that it is at the bank; the Break ends with its cause."""
    file = world.debits()[0].message_id
    for state, told in (
        ("rejected", [f"100.00 EUR of 1 debit(s) in file {file} stand in clearing, and none of them is at the bank"]),
        ("submitted", []),
    ):
        world.close()
        with engines.past_the_triggers(world.folder) as connection:
            connection.exec_driver_sql(f"UPDATE collection SET state = '{state}'")
        for _ in range(2):
            world.run("reconcile")
            assert in_clearing(world) == told


def in_clearing(world: World) -> list[str]:
    """What the open Breaks say of files whose clearing is not zero."""
    return [one.what for one in world.report().breaks if one.kind == "CLEARING_NOT_ZERO"]


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
