"""Whatever people say about bank lines, take back and say again: the books add up at every moment, seen from any day."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, note, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bridge.acts import accept, give_back_credit, ignore, release, split, undo, use_credit, write_off
from bridge.balances import View
from bridge.errors import BadInput, IllegalMove, NotAllowed, UnknownName
from bridge.explaining.by_hand import Named
from bridge.model import Collection, Entry, Invoice
from bridge.model.ledger import SUBJECTS
from tests import worlds
from tests.bank_news.scenario import Asked, Extra, Fate, Scenario
from tests.worlds import CORE_DEBTOR, NOBODY, Usage, World

#: four debits at the bank, one whose file is not cut yet, one invoice without a mandate
USAGE = (
    *(Usage(CORE_DEBTOR, cents, date(2026, 11, 25)) for cents in (100_00, 20_00, 3_00, 100_00)),
    Usage(CORE_DEBTOR, 50_00, date(2027, 3, 1)),
    Usage(NOBODY, 8_00, date(2026, 11, 26)),
)
EVENING = datetime(2026, 12, 2, 20, 0, tzinfo=UTC)
FATES = ("paid", "rejected", "rejected late", "returned", "credited again", "returned twice")
REFUSED = (BadInput, IllegalMove, NotAllowed, UnknownName)
FEWER = max(settings.default.max_examples // 12, 1)  # an example is a long story: five seconds of work


@dataclass(frozen=True, slots=True)
class Start:
    """The world every example starts from, the debits that the bank has, and the names that a person may type."""

    world: World
    database: bytes = field(repr=False)
    asked: tuple[Asked, ...]
    names: tuple[str, ...]
    numbers: tuple[str, ...]


@pytest.fixture(scope="module")
def start(engine: str) -> Iterator[Start]:
    with tempfile.TemporaryDirectory() as folder:
        world = worlds.make(Path(folder), USAGE)
        world.import_mandates(CORE_DEBTOR)
        world.run("ingest", "collect", "batch", "handover")
        asked = tuple(Asked(d.end_to_end_id, d.cents, d.invoice, d.message_id, d.pmt_inf_id) for d in world.debits())
        with world.runtime.reading() as session:
            names = tuple(session.scalars(select(Collection.end_to_end_id).order_by(Collection.id)))
            numbers = tuple(session.scalars(select(Invoice.number).order_by(Invoice.id)))
        assert (len(asked), len(names), len(numbers)) == (4, 5, 6)
        world.now = EVENING
        yield Start(world, world.put_away(), asked, names, numbers)
        world.put_away()


@st.composite
def scenarios(draw: st.DrawFn, asked: tuple[Asked, ...]) -> Scenario:
    """What the bank did: any fate of the debits, and strangers' lines of amounts like ours."""
    fates = {
        one.name: Fate(draw(st.sampled_from(FATES)), *draw(st.sampled_from((("none", 0), ("silent", 3_00))))) for one in asked
    }
    days = st.sampled_from(("2026-11-27", "2026-11-30", "2026-12-01", "2026-12-02"))
    amounts = st.sampled_from((-100_00, -20_00, -5_00, 5_00, 8_00, 20_00, 50_00, 100_00, 120_00))
    extras = draw(st.lists(st.builds(Extra, st.just("main"), days, st.just("stranger"), amounts), min_size=1, max_size=4))
    booking = draw(st.sampled_from(("singly", "gross", "net", "listed")))
    return Scenario(asked, fates, {asked[0].block: booking}, {"main": 1_000_00}, {"main": worlds.MAIN_IBAN}, tuple(extras))


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a person does, by its words."""

    what: str
    entry: int
    names: tuple[Named, ...]
    numbers: tuple[str, str]
    fee_cents: int

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        said = ", ".join(one.name if one.cents is None else f"{one.name}={one.cents}" for one in self.names)
        printer.text(f"{self.what} line {self.entry}: {said}; {self.numbers}; fee {self.fee_cents}")


@st.composite
def acts(draw: st.DrawFn, start: Start) -> Act:
    """Mostly what makes sense: an open line is explained, an explained one is taken back."""
    with start.world.runtime.reading() as session:
        lines = {entry_id: cents for entry_id, cents in session.execute(select(Entry.id, Entry.open_cents).order_by(Entry.id))}
    open_lines, done = [one for one in lines if lines[one]], [one for one in lines if not lines[one]]
    what = draw(st.sampled_from(("undo", "undo", "release", "run", "accept", "accept", "split", "ignore", "off", "use", "back")))
    fitting = (done if what == "undo" else open_lines) or [1]
    cents = st.none() | st.none() | st.sampled_from((1_00, 3_00, 5_00, 20_00, 100_00))
    others = [f"refund:{number}" for number in start.numbers] + [f"line:{number}" for number in open_lines]
    names = st.builds(Named, st.sampled_from((*start.names, *start.numbers, *start.numbers, *others)), cents)
    return Act(
        what,
        draw(st.sampled_from(fitting) | st.integers(1, 9)),
        tuple(draw(st.lists(names, min_size=1, max_size=3))),
        (draw(st.sampled_from(start.numbers)), draw(st.sampled_from(start.numbers))),
        draw(st.sampled_from((0, 0, 3_00, -3_00))),
    )


def do(world: World, act: Act) -> None:
    """Do it; a refusal is an answer too."""
    runtime, entry, number, other = world.runtime, act.entry, *act.numbers
    match act.what:
        case "undo":
            undo.run(runtime, "anna", entry, "mistake")
        case "release":
            release.run(runtime, "anna", entry)
        case "run":
            world.run("collect", "reconcile")
        case "accept":
            accept.run(runtime, "anna", entry, act.names[0])
        case "split":
            split.run(runtime, "anna", entry, act.names, fee_cents=act.fee_cents)
        case "ignore":
            ignore.run(runtime, "anna", entry, "not ours")
        case "off":
            write_off.run(runtime, "anna", number, "gone")
            write_off.run(runtime, "ben", number, "gone")
        case "use":
            use_credit.run(runtime, "anna", number, other)
        case "back":
            give_back_credit.run(runtime, "anna", number, other, "mistake")


@settings(max_examples=FEWER)
@given(data=st.data())
def test_any_history_of_people_adds_up(start: Start, data: st.DataObject) -> None:
    """After any acts between any bank files every check holds, and the proof's difference is 0 for every day and moment."""
    scenario = data.draw(scenarios(start.asked), label="story")
    files = sorted({**scenario.reports(), **scenario.statements()}.items())
    world = start.world
    world.go_back_to(start.database)
    world.now = EVENING
    seen = []

    for name, body in files:
        world.receive(name, body)
        world.run("reconcile")
        for act in data.draw(st.lists(acts(start), max_size=6), label=f"after {name}"):
            world.now += timedelta(hours=7)
            seen.append(world.now)
            try:
                do(world, act)
                event(f"{act.what} done")
            except REFUSED as refusal:
                note(f"{act.what} refused: {refusal}")
            assert world.report().difference_cents == 0, act
    world.run("reconcile")

    assert world.failed_checks() == []
    days = (world.now.date() - date(2026, 11, 22)).days
    for day in data.draw(st.sets(st.integers(0, days), max_size=3), label="seen as of"):
        assert world.report(View(as_of=date(2026, 11, 22) + timedelta(days=day))).difference_cents == 0, day
    for moment in data.draw(st.sets(st.sampled_from(seen or [EVENING]), max_size=3), label="as known at"):
        assert world.report(View(known_at=moment)).difference_cents == 0, moment


def books(world: World) -> dict[str, Any]:
    """Every balance by account and subject, and every state."""
    with world.runtime.reading() as session:
        states = {number: state for number, state in session.execute(select(Invoice.number, Invoice.state))}
        open_cents = {entry_id: cents for entry_id, cents in session.execute(select(Entry.id, Entry.open_cents))}
    return {
        **{account: world.balance(account) for account in SUBJECTS},
        "invoices": states,
        "collections": world.states(),
        "open": open_cents,
    }


def _changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """The collections whose state is another one now: name -> before, after."""
    pairs = {name: (state, after["collections"][name]) for name, state in before["collections"].items()}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


@settings(max_examples=FEWER)
@given(data=st.data())
def test_taking_back_and_explaining_again_is_nothing(start: Start, data: st.DataObject) -> None:
    """Every explanation that can be taken back, the last line first, given back to the rules: the books end where they were.

    A rejection that came after its credit was only noted; once the credit is taken back it is heard, and a returned debit ends as
    a rejected one, with the same postings.
    """
    scenario = data.draw(scenarios(start.asked), label="story")
    world = start.world
    world.go_back_to(start.database)
    world.now = EVENING
    for name, body in sorted({**scenario.reports(), **scenario.statements()}.items()):
        world.receive(name, body)
        world.run("reconcile")
    before, breaks = books(world), world.open_breaks()
    with world.runtime.reading() as session:
        lines = list(session.scalars(select(Entry.id).order_by(Entry.id.desc())))

    taken = data.draw(st.lists(st.sampled_from(lines), min_size=1, unique=True), label="taken back")
    world.now += timedelta(days=1)
    back = []
    for entry in sorted(taken, reverse=True):
        try:
            undo.run(world.runtime, "anna", entry, "to see")
            back.append(entry)
        except REFUSED as refusal:
            note(f"{entry}: {refusal}")
    world.run("reconcile")
    for entry in range(1, len(lines) + 1):
        try:
            release.run(world.runtime, "anna", entry)
        except IllegalMove as refusal:
            note(f"{entry}: {refusal}")
    world.run("reconcile")

    event(f"{len(back)} lines taken back")
    after = books(world)
    noted = {one.name for one in start.asked if scenario.fate(one).startswith("rejected")}
    assert {name: pair for name, pair in _changed(before, after).items() if name not in noted} == {}
    assert set(_changed(before, after).values()) <= {("returned", "rejected")}
    assert {**after, "collections": before["collections"]} == before
    assert world.open_breaks() == breaks
    assert world.failed_checks() == []
