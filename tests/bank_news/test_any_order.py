"""Whatever order the bank's news comes in, and however often: the books hold what the bank really did."""

from __future__ import annotations

import ast
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from bridge.acts import confirm_upload, discard
from tests import worlds
from tests.bank_news import scenario as story
from tests.bank_news.scenario import Asked, Extra, Fate, Scenario
from tests.worlds import B2B_DEBTOR, CORE_DEBTOR, NOBODY, Usage, World

#: two files: Core with two blocks (due on the 25th and the 27th), B2B with one; one invoice has no mandate
USAGE = (
    Usage(CORE_DEBTOR, 101_01, date(2026, 11, 25)),
    Usage(CORE_DEBTOR, 20_02, date(2026, 11, 25)),
    Usage(CORE_DEBTOR, 3_000_03, date(2026, 11, 25)),
    Usage(CORE_DEBTOR, 44_04, date(2026, 11, 27)),
    Usage(CORE_DEBTOR, 5, date(2026, 11, 27)),
    Usage(B2B_DEBTOR, 660_06, date(2026, 11, 26)),
    Usage(B2B_DEBTOR, 77_07, date(2026, 11, 26)),
    Usage(NOBODY, 8_08, date(2026, 11, 26)),
)
IBANS = {"main": worlds.MAIN_IBAN, "other": worlds.OTHER_IBAN}
EVENING = datetime(2026, 12, 2, 20, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Start:
    """The world every example starts from: seven debits in files that the bank has."""

    world: World
    database: bytes = field(repr=False)
    asked: tuple[Asked, ...]


@pytest.fixture(scope="module")
def start(engine: str) -> Iterator[Start]:
    yield from _started(worlds.at_the_bank)


@pytest.fixture(scope="module")
def unmarked(engine: str) -> Iterator[Start]:
    """The same, but the files only stand in the outbox: nobody said that the bank has them."""
    yield from _started(worlds.exported)


def _started(make: Callable[[Path, Sequence[Usage]], World]) -> Iterator[Start]:
    with tempfile.TemporaryDirectory() as folder:
        world = make(Path(folder), USAGE)
        asked = tuple(Asked(d.end_to_end_id, d.cents, d.invoice, d.message_id, d.pmt_inf_id) for d in world.debits())
        world.now = EVENING
        yield Start(world, world.put_away(), asked)
        world.close()


@st.composite
def scenarios(draw: st.DrawFn, asked: tuple[Asked, ...]) -> Scenario:
    """Any story the bank could write about these debits."""
    cents = st.integers(1, 30_00)
    fates = {}
    for one in asked:
        what, shape = draw(st.sampled_from(story.FATES)), draw(st.sampled_from(story.FEE_SHAPES))
        fates[one.name] = Fate(what, shape, draw(cents) if shape != "none" else 0)
    bookings = {block: draw(st.sampled_from(story.BOOKINGS)) for block in dict.fromkeys(one.block for one in asked)}
    extras = draw(st.lists(_extras(), max_size=4))
    openings = {account: draw(st.sampled_from((0, 10_000_00, -5_000_00))) for account in IBANS}
    return Scenario(asked, fates, bookings, openings, IBANS, tuple(extras), draw(st.booleans()))


def _extras() -> st.SearchStrategy[Extra]:
    account, day = st.sampled_from(tuple(IBANS)), st.sampled_from(story.STATEMENT_DAYS)
    like_ours = st.sampled_from((-101_01, -42, 42, 20_02, 3_000_03))
    fee = st.builds(Extra, account, day, st.just("fee"), st.integers(-9_90, -1))
    return fee | st.builds(Extra, account, day, st.sampled_from(("stranger", "pending")), like_ours)


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that the bank sends; without a body: a run of reconcile in between, or a person who marks a file as uploaded."""

    name: str
    body: bytes | None = field(default=None, repr=False)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.name)


@st.composite
def deliveries(draw: st.DrawFn, scenario: Scenario) -> list[Sent]:
    """The files of a story in any order, some of them again and in other bytes, with runs of reconcile in between."""
    files = [Sent(*item) for item in {**scenario.statements(), **scenario.reports()}.items()]
    again = draw(st.lists(st.sampled_from(files), max_size=3))
    other = [Sent(f"other bytes of {one.name}", story.same_in_other_bytes(one.body or b"")) for one in again[:2]]
    names = sorted({one.file for one in scenario.asked})
    copies = [Sent(f"copy-{name}", story.copy_report(name)) for name in draw(st.sets(st.sampled_from(names)))]
    strays = [Sent("stray", story.stray_report(scenario.asked[0].file, scenario.asked[0].block))] if draw(st.booleans()) else []
    runs = [Sent("reconcile")] * draw(st.integers(0, 4))
    return list(draw(st.permutations([*files, *again, *other, *copies, *strays, *runs])))


FEWER = "the rules are the same; fewer stories show that the rows are, too"


@pytest.mark.only_on("sqlite", FEWER)
@settings(max_examples=max(1, settings.default.max_examples * 3 // 5))
@given(data=st.data())
def test_the_books_hold_what_the_bank_did(start: Start, data: st.DataObject) -> None:
    """For any order of bank news, with repeats, the books equal the balances that the story itself gives."""
    scenario = data.draw(scenarios(start.asked), label="story")
    delivered = data.draw(deliveries(scenario), label="delivered")
    start.world.go_back_to(start.database)

    _live(start, scenario, delivered)


@pytest.mark.only_on("postgresql", FEWER)
@settings(max_examples=max(1, settings.default.max_examples // 8))
@given(data=st.data())
def test_the_books_hold_what_the_bank_did_on_a_server(start: Start, data: st.DataObject) -> None:
    """The same on PostgreSQL."""
    scenario = data.draw(scenarios(start.asked), label="story")
    delivered = data.draw(deliveries(scenario), label="delivered")
    start.world.go_back_to(start.database)

    _live(start, scenario, delivered)


@pytest.mark.only_on("sqlite", FEWER)
@settings(max_examples=max(1, settings.default.max_examples // 4))
@given(data=st.data())
def test_an_upload_that_nobody_marked_ends_in_the_same_books(unmarked: Start, data: st.DataObject) -> None:
    """The same, for files that nobody marked, that people discarded as not uploaded, or that are marked in between."""
    scenario = data.draw(scenarios(unmarked.asked), label="story")
    names = sorted({one.file for one in scenario.asked})
    discarded = data.draw(st.sets(st.sampled_from(names)), label="discarded")
    marks = [Sent(f"mark {name}") for name in sorted(data.draw(st.sets(st.sampled_from(names)), label="marked"))]
    delivered = data.draw(st.permutations([*data.draw(deliveries(scenario)), *marks]), label="delivered")
    unmarked.world.go_back_to(unmarked.database)

    for name in sorted(discarded):
        for actor in ("anna", "ben"):
            discard.run(unmarked.world.runtime, actor, name, "the portal was down", not_uploaded=True)
    _live(unmarked, scenario, delivered)


def _live(start: Start, scenario: Scenario, delivered: Sequence[Sent]) -> None:
    """Deliver all this; the books must hold what the story says, and another run must find nothing."""
    world = start.world
    for one in delivered:
        if one.body is not None:
            world.receive(one.name, one.body)
        elif one.name.startswith("mark "):
            confirm_upload.run(world.runtime, "clara", one.name.removeprefix("mark "))
        else:
            world.run("reconcile")
    world.run("reconcile")
    again = world.run("reconcile")["reconcile"]

    note(f"states: {world.states()}\nbreaks: {world.open_breaks()}")
    held, expected = _held(world, start.asked), scenario.expected()
    note(
        "\n".join(
            f"{name}: the books hold {held[name]}, the bank did {expected[name]}" for name in held if held[name] != expected[name]
        )
    )
    assert held == expected
    assert world.report().difference_cents == 0
    assert world.failed_checks() == []
    assert set(again.values()) == {0}


def _held(world: World, debits: tuple[Asked, ...]) -> dict[str, object]:
    """What the books hold, in the words of the story."""
    report = world.report()
    receivable, parts = world.balance_by_name("Receivable"), world.parts_by_invoice()
    accounts = world.balance_by_name("Bank")
    return {
        "Bank": {name: accounts.get(name, 0) for name in IBANS},
        "Suspense, credits": report.suspense_credit_cents,
        "Suspense, debits": report.suspense_debit_cents,
        "Clearing": report.clearing_cents,
        "Charges": report.charges_cents,
        "invoices": {
            one.invoice: {
                "Receivable": receivable.get(one.invoice, 0),
                "paid": parts[one.invoice]["paid_direct_debit"],
                "in flight": parts[one.invoice]["in_flight"],
                "returned, open": parts[one.invoice]["returned_open"],
            }
            for one in debits
        },
    }


def test_the_story_shares_no_code_with_us() -> None:
    """The story imports nothing but the standard library: an error must be made twice to pass."""
    parsed = ast.parse(Path(story.__file__).read_text(encoding="utf-8"))
    names = [name.name for node in ast.walk(parsed) if isinstance(node, ast.Import) for name in node.names]
    names += [node.module or "" for node in ast.walk(parsed) if isinstance(node, ast.ImportFrom)]
    assert [name for name in names if name.split(".")[0] not in sys.stdlib_module_names] == []
