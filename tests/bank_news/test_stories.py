"""Single stories: each an order of bank news that once ended in wrong books, or in a Break that never opened or never closed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bridge.acts import confirm_upload, retry
from bridge.runtime import Runtime
from bridge.steps import batch
from tests import worlds
from tests.bank_news import scenario as story
from tests.bank_news.scenario import Asked, Fate, Scenario
from tests.worlds import CORE_DEBTOR, Usage, World

USAGE = tuple(Usage(CORE_DEBTOR, cents, date(2026, 11, 25)) for cents in (100_00, 20_00, 3_00))
EVENING = datetime(2026, 12, 2, 20, 0, tzinfo=UTC)
PORTAL = 'approval = "none"\nhandover = "portal"\nbatch_at = ""'


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Three debits of 100, 20 and 3 euros in one block at the bank."""
    made = worlds.at_the_bank(tmp_path / "world", USAGE)
    made.now = EVENING
    yield made
    made.put_away()


def told(world: World, booking: str, *whats: str) -> Scenario:
    """The block booked this way, each debit with this fate."""
    asked = tuple(Asked(d.end_to_end_id, d.cents, d.invoice, d.message_id, d.pmt_inf_id) for d in world.debits())
    fates = {one.name: Fate(what) for one, what in zip(asked, whats, strict=True)}
    return Scenario(asked, fates, {asked[0].block: booking}, {"main": 0}, {"main": worlds.MAIN_IBAN})


def deliver(world: World, files: dict[str, bytes], starts: Sequence[str]) -> None:
    """Deliver each file whose name begins like this, and reconcile after each."""
    for start in starts:
        [name] = [name for name in files if name.startswith(start)]
        world.receive(name, files[name])
        world.run("reconcile")


def right(world: World, scenario: Scenario) -> None:
    """Suspense and Clearing are as the bank left them, each Receivable too, and every check holds."""
    expected = scenario.expected()
    receivable = world.balance_by_name("Receivable")
    invoices = expected["invoices"]
    assert isinstance(invoices, dict)
    assert {name: receivable[name] for name in invoices} == {name: one["Receivable"] for name, one in invoices.items()}
    assert (world.balance("Suspense"), sum(world.balance("Clearing").values())) == ({}, expected["Clearing"])
    assert world.failed_checks() == []


def test_the_debit_of_a_reject_is_read_before_its_gross_lump_sum(world: World) -> None:
    """The debit is taken off the lump sum first; the other members are settled all the same."""
    scenario = told(world, "gross", "rejected", "paid", "paid")
    files = {**scenario.reports(), **scenario.statements()}
    deliver(world, files, ["report-", "main-2026-11-30", "main-2026-11-27"])
    right(world, scenario)
    assert world.open_breaks() == []


def test_a_lump_sum_that_holds_a_reject_of_a_later_day(world: World) -> None:
    """Net of the early reject, with the later one inside; both reports are read before any statement."""
    scenario = told(world, "net", "rejected", "rejected late", "paid")
    files = {**scenario.reports(), **scenario.statements()}
    deliver(world, files, ["report-", "late-", "main-2026-11-27", "main-2026-11-30"])
    right(world, scenario)
    assert world.open_breaks() == []


def test_a_later_credit_is_read_first(world: World) -> None:
    """A re-credit settles the debit, then the older statements come with its lump sum and its return."""
    scenario = told(world, "net", "credited again", "paid", "paid")
    files = scenario.statements()
    deliver(world, files, ["main-2026-12-01", "main-2026-11-30", "main-2026-11-27"])
    right(world, scenario)


def test_a_second_return_takes_the_late_credit_back(world: World) -> None:
    """Credited, returned, credited again: a person looks; returned again: nobody needs to any more."""
    scenario = told(world, "singly", "returned twice", "paid", "paid")
    files = scenario.statements()
    deliver(world, files, ["main-2026-11-27", "main-2026-11-30", "main-2026-12-01"])
    assert [kind for kind, _ in world.open_breaks()] == ["LATE_CREDIT"]

    deliver(world, files, ["main-2026-12-02"])

    right(world, scenario)
    assert world.open_breaks() == []


def test_a_copy_that_names_its_blocks_rejects_nothing(world: World) -> None:
    """DUPL for the second upload, its block repeated as RJCT without a reason: the first file stands."""
    scenario = told(world, "singly", "paid", "paid", "paid")
    world.receive("copy", story.copy_report(scenario.asked[0].file))
    world.run("reconcile")
    assert set(world.states().values()) == {"submitted"}

    deliver(world, scenario.statements(), ["main-2026-11-27"])

    right(world, scenario)


def test_a_file_rejected_after_its_credit(world: World) -> None:
    """RJCT of a whole file that was credited is asked about after five TARGET days, and not any more once the debits came."""
    scenario = told(world, "singly", *["rejected late"] * 3)
    files = {**scenario.reports(), **scenario.statements()}
    deliver(world, files, ["main-2026-11-27", "late-"])
    assert world.open_breaks() == []

    world.now = EVENING + timedelta(days=10)
    world.run("reconcile")
    assert [kind for kind, _ in world.open_breaks()] == ["REJECT_AFTER_SETTLE"] * 3
    deliver(world, files, ["main-2026-11-30"])

    right(world, scenario)
    assert world.open_breaks() == []


def test_an_upload_that_the_bank_proves(tmp_path: Path) -> None:
    """Nobody marked it: the lump sum proves the file, an early reject does not become a late one by it, and a person is asked."""
    world = worlds.make(tmp_path / "world", USAGE, collection=PORTAL)
    world.import_mandates(CORE_DEBTOR)
    world.run("ingest", "collect")
    batch.cut(world.runtime, actor="clara", scheduled=False)
    world.run("handover")
    scenario = told(world, "net", "rejected", "paid", "paid")
    world.now = EVENING
    deliver(world, {**scenario.reports(), **scenario.statements()}, ["main-2026-11-27", "report-"])
    right(world, scenario)
    assert world.open_breaks() == [("UPLOAD_NOT_CONFIRMED", f"batch:{scenario.asked[0].file}")]
    assert confirm_upload.run(world.runtime, "anna", scenario.asked[0].file) is False

    right(world, scenario)
    assert world.open_breaks() == []
    world.put_away()


def test_a_run_that_is_killed_and_repeated(world: World) -> None:
    """A run that dies before its commit leaves nothing; the next one ends where it would have."""
    scenario = told(world, "gross", "rejected", "returned", "paid")
    for name, body in {**scenario.statements(), **scenario.reports()}.items():
        world.receive(name, body)
    whole = world.runtime
    world.runtime = killed_at(world, "reconcile: before commit")
    with pytest.raises(KeyboardInterrupt):
        world.run("reconcile")

    world.runtime = whole
    world.run("reconcile")

    right(world, scenario)


def killed_at(world: World, point: str) -> Runtime:
    """The runtime of a process that is killed at a named point."""

    def fault(name: str) -> None:
        if name == point:
            raise KeyboardInterrupt

    return replace(world.runtime, fault=fault)


@pytest.mark.parametrize("booking", ["singly", "gross"])
def test_no_second_debit_while_the_money_of_the_first_is_here(world: World, booking: str) -> None:
    """The bank rejects what it credits all the same; until its debit comes, another attempt would collect twice."""
    scenario = told(world, booking, "rejected" if booking == "gross" else "rejected late", "paid", "paid")
    papers = {**scenario.reports(), **scenario.statements()}
    files = {name: body.replace(b"AC04", b"AM04") for name, body in papers.items()}  # lack of funds: it may be tried again
    deliver(world, files, ["report-" if booking == "gross" else "late-", "main-2026-11-27"])
    first = scenario.asked[0].name
    [second] = retry.run(world.runtime, "clara", first)
    world.run("collect", "batch", "handover")
    assert (world.states()[first], world.states()[second]) == ("rejected", "held")

    deliver(world, files, ["main-2026-11-30"])
    world.run("collect", "batch", "handover")
    assert world.states()[second] == "submitted"
