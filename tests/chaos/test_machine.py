"""Whatever happens in whatever order, twice, or until just before a commit: the books hold what the bank really did.

A state machine of hypothesis on a real PostgreSQL. What must be so is kept in plain dicts, and written down when it happens; the
bank's files are written by tests/bank_news/scenario.py, which shares no code with us.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select

from bridge import intake
from bridge.acts import approve, confirm_upload
from bridge.model import Batch, Block, Collection, Member
from bridge.reports.check import CHECKS
from bridge.reports.checks import Reading
from bridge.steps import PIPELINE, handover
from tests import worlds
from tests.bank_news import scenario as bank
from tests.bank_news.scenario import Asked, Booked, Part
from tests.worlds import CORE_DEBTOR, Debtor, Usage, World

#: 50 in ``make test``, 500 in ``make soak``
EXAMPLES = max(settings.default.max_examples // 4, min(settings.default.max_examples, 50))
STEPS_MAX = 12
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]  # so few steps can be read as they are; to make them fewer takes minutes
MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DUE_ON = MONDAY.date() + timedelta(days=8)
PEOPLE = 'approval = "four-eyes"\nhandover = "portal"\nbatch_at = ""'
DEBTORS = tuple(Debtor(f"Kunde {number} GmbH", CORE_DEBTOR.iban, f"MND-{number:04d}") for number in range(1, 5))
AFTER_EACH_STEP = ("clearing", "suspense", "one-file")  # all of them at the end
#: what is cut off just before it commits, and where
CRASHES = {
    "ingest": "ingest: before the cursor",
    "collect": "collect: before commit",
    "batch": "batch: before commit",
    "reconcile": "reconcile: before commit",
    "approve": "approve: before commit",
    "export": "export: before the manifest",
    "receive": "receive: before commit",
}
sampled = st.data()


class PowerCut(BaseException):
    """Nobody catches it, as nobody catches a kill: what was not committed is undone."""


@dataclass(frozen=True, slots=True)
class Start:
    """A world with four mandates, where two debits are at the bank; what its database and its outbox hold."""

    world: World
    usage: tuple[Usage, ...]
    database: bytes = field(repr=False)


@pytest.fixture(scope="module")
def start(engine: str) -> Iterator[Start]:
    assert engine == "postgresql"
    usage = tuple(Usage(debtor, cents, DUE_ON) for debtor, cents in zip(DEBTORS, (100_00, 20_00), strict=False))
    with tempfile.TemporaryDirectory() as folder:
        world = worlds.make(Path(folder), usage, now=MONDAY, collection=PEOPLE)
        world.import_mandates(*DEBTORS)
        world.run("ingest", "collect", "batch")
        sign_and_export(world)
        confirm_upload.run(world.runtime, "clara", world.debits()[0].message_id)
        shutil.copytree(world.folder / "outbox", world.folder / "kept")
        yield Start(world, usage, world.put_away())
        world.close()


def sign_and_export(world: World) -> list[str]:
    """Two people sign each sealed file, one exports it; returns the names of all that stand in the outbox unmarked."""
    for name in files(world, "sealed"):
        for actor in ("anna", "ben"):
            approve.run(world.runtime, actor, name)
    names = files(world, "approved", "exported")
    for name in names:
        handover.export(world.runtime, actor="anna", message_id=name)
    return names


def files(world: World, *states: str) -> list[str]:
    with world.runtime.reading() as session:
        return list(session.scalars(select(Batch.message_id).where(Batch.state.in_(states)).order_by(Batch.id)))


class Machine(RuleBasedStateMachine):
    """``fates``: EndToEndId -> asked, rejected, settled or returned, as the bank has it; ``post``: its files that wait."""

    def __init__(self, start: Start) -> None:
        super().__init__()
        self.world, self.usage = start.world, list(start.usage)
        self.asked: dict[str, Asked] = {}
        self.fates: dict[str, str] = {}
        self.second_returns: list[int] = []
        self.at_the_bank, self.accepted = set[str](), set[str]()
        self.known: set[str] = set()  # files that somebody said are at the bank, or that the bank named
        self.post: list[tuple[str, bytes]] = []
        self.came: list[tuple[str, bytes]] = []
        self.balance, self.day, self.statements = 1_000_00, MONDAY.date(), 0
        self.world.go_back_to(start.database)
        self.world.now = MONDAY
        shutil.rmtree(self.world.folder / "outbox")
        shutil.copytree(self.world.folder / "kept", self.world.folder / "outbox")
        worlds.write_logs(self.world.folder, self.usage)
        self.learn(files(self.world, "submitted"), marked=True)

    # --- ours

    @precondition(lambda self: len(self.usage) < len(DEBTORS))
    @rule(cents=st.sampled_from((1_00, 20_00, 100_00, 100_01)))
    def finalise(self, cents: int) -> None:
        debtor = DEBTORS[len(self.usage)]
        self.usage.append(Usage(debtor, cents, self.world.now.date() + timedelta(days=8)))
        worlds.write_logs(self.world.folder, self.usage)
        self.world.run("ingest")

    @precondition(lambda self: len(self.usage) > len(self.asked))
    @rule()
    def collect(self) -> None:
        self.world.run("collect")

    @precondition(lambda self: len(self.usage) > len(self.asked))
    @rule()
    def batch(self) -> None:
        self.world.run("collect", "batch")

    @precondition(lambda self: len(self.usage) > len(self.asked))
    @rule()
    def approve(self) -> None:
        """One of two."""
        for name in files(self.world, "sealed"):
            approve.run(self.world.runtime, "ben", name)

    @precondition(lambda self: len(self.usage) > len(self.asked))
    @rule(marked=st.booleans())
    def hand_over(self, marked: bool) -> None:
        """Whoever uploads the file tells us, or forgets it."""
        names = sign_and_export(self.world)
        for name in names if marked else ():
            confirm_upload.run(self.world.runtime, "clara", name)
        self.learn(names, marked=marked)

    def learn(self, names: list[str], *, marked: bool) -> None:
        self.at_the_bank.update(names)
        self.known.update(names if marked else ())
        for debit in self.world.debits():
            if debit.message_id in self.at_the_bank and debit.end_to_end_id not in self.asked:
                one = Asked(debit.end_to_end_id, debit.cents, debit.invoice, debit.message_id, debit.pmt_inf_id)
                self.asked[one.name], self.fates[one.name] = one, "asked"

    # --- the bank's

    def of(self, *fates: str) -> list[str]:
        return sorted(name for name, fate in self.fates.items() if fate in fates)

    @precondition(lambda self: self.at_the_bank - self.accepted)
    @rule(data=sampled)
    def accept(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.at_the_bank - self.accepted)))
        self.accepted.add(name)
        self.report(name, rejected=set())

    @precondition(lambda self: self.of("asked"))
    @rule(data=sampled)
    def reject(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.of("asked")))
        self.fates[name] = "rejected"
        self.report(self.asked[name].file, rejected={name})

    def report(self, file: str, rejected: set[str]) -> None:
        blocks: dict[str, list[Asked]] = {}
        for one in self.asked.values():
            if one.file == file:
                blocks.setdefault(one.block, []).append(one)
        self.known.add(file)
        name = f"R{len(self.post) + len(self.came)}-{file}"
        self.post.append((name, bank.report(name[:35], self.day.isoformat(), file, list(blocks.items()), rejected)))

    @precondition(lambda self: self.of("asked"))
    @rule(data=sampled)
    def settle(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.of("asked")))
        self.fates[name] = "settled"
        one = self.asked[name]
        self.book(Booked("credit", one.cents, (Part(one, one.cents),)))

    @precondition(lambda self: self.of("settled"))
    @rule(data=sampled)
    def give_back(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.of("settled")))
        self.fates[name] = "returned"
        self.book(self.returned(name))

    @precondition(lambda self: self.of("returned"))
    @rule(data=sampled)
    def give_back_again(self, data: st.DataObject) -> None:
        """The bank errs: it debits us a second time for the same debit."""
        name = data.draw(st.sampled_from(self.of("returned")))
        self.second_returns.append(self.asked[name].cents)
        self.book(self.returned(name))

    def returned(self, name: str) -> Booked:
        one = self.asked[name]
        return Booked("return", -one.cents, (Part(one, -one.cents, back=True),))

    def book(self, line: Booked) -> None:
        """A statement of a day of its own."""
        self.day += timedelta(days=1)
        self.statements += 1
        self.known.update(part.debit.file for part in line.parts)
        body = bank.statement(worlds.MAIN_IBAN, self.statements, self.day.isoformat(), self.balance, [line])
        self.post.append((f"statement-{self.statements}", body))
        self.balance += line.cents

    # --- its files on their way

    @precondition(lambda self: self.post)
    @rule(data=sampled, then=st.booleans())
    def deliver(self, data: st.DataObject, then: bool) -> None:
        """Any of those that wait."""
        self.take(data.draw(st.integers(0, len(self.post) - 1)))
        if then:
            self.world.run("reconcile")

    def take(self, number: int) -> None:
        name, body = self.post.pop(number)
        self.world.now = max(self.world.now, datetime.combine(self.day, MONDAY.timetz()))
        assert self.world.receive(f"{name}.xml", body) == "stored"
        self.came.append((name, body))

    @precondition(lambda self: self.came)
    @rule(data=sampled, other=st.booleans())
    def duplicate(self, data: st.DataObject, other: bool) -> None:
        """One that came comes again, in the same bytes or in others."""
        name, body = data.draw(st.sampled_from(self.came))
        self.world.receive(f"{name}.xml", bank.same_in_other_bytes(body) if other else body)
        self.world.run("reconcile")

    # --- crashes

    @rule(what=st.sampled_from(sorted(CRASHES)))
    def crash(self, what: str) -> None:
        """It is cut off just before it commits; somebody runs it again, or nobody does."""

        def fault(point: str) -> None:
            if point == CRASHES[what]:
                raise PowerCut

        cut = replace(self.world.runtime, fault=fault)
        names, posted = files(self.world, "sealed" if what == "approve" else "approved"), self.post[:1]
        acts: dict[str, Callable[[], Any]] = {
            "approve": lambda: [approve.run(cut, "anna", name) for name in names],
            "export": lambda: [handover.export(cut, actor="anna", message_id=name) for name in names],
            "receive": lambda: [intake.take(cut, "cut.xml", body, actor="receive") for _, body in posted],
        }
        with suppress(PowerCut):
            acts.get(what, lambda: PIPELINE[what][0](cut))()

    # --- what must hold

    @invariant()
    def nothing_goes_twice(self) -> None:
        """Each invoice owes something between nothing and its amount, and stands in one file at most."""
        owed = self.world.balance_by_name("Receivable")
        amounts = {f"plant-1-{number:06d}": one.cents for number, one in enumerate(self.usage, 1)}
        assert {name: cents for name, cents in owed.items() if not 0 <= cents <= amounts[name]} == {}
        standing = select(Collection.end_to_end_id).join(Member, Member.collection_id == Collection.id)
        standing = standing.join(Block, Block.id == Member.block_id).join(Batch, Batch.id == Block.batch_id)
        with self.world.runtime.reading() as session:
            times = Counter(session.scalars(standing.where(Batch.state != "discarded")))
            now = Reading(session, self.world.runtime)
            assert {name: problems for name in AFTER_EACH_STEP if (problems := list(CHECKS[name][1](now)))} == {}
        assert {name: count for name, count in times.items() if count > 1} == {}

    def teardown(self) -> None:
        """All that was on its way arrives: the books are what the dicts say."""
        while self.post:
            self.take(0)
        self.world.run("ingest", "reconcile", "seal")
        assert self.world.failed_checks() == []
        expected = self.expected()
        assert self.held() == expected

    def expected(self) -> dict[str, Any]:
        flying = {name: self.asked[name] for name in self.of("asked") if self.asked[name].file in self.known}
        paid = Counter[str]()
        for name in self.of("settled"):
            paid[self.asked[name].invoice] += self.asked[name].cents
        for one in flying.values():
            paid[one.invoice] += one.cents
        owed = {f"plant-1-{number:06d}": one.cents for number, one in enumerate(self.usage, 1)}
        return {
            "Bank": self.balance if self.statements else 0,
            "Clearing": sum(one.cents for one in flying.values()),
            "Suspense": sum(self.second_returns),
            "Receivable": {name: cents - paid[name] for name, cents in owed.items()},
            "states": {name: fate for name, fate in self.fates.items() if fate != "asked"},
        }

    def held(self) -> dict[str, Any]:
        total = {name: sum(self.world.balance(name).values()) for name in ("Bank", "Clearing", "Suspense")}
        states = {name: state for name, state in self.world.states().items() if self.fates.get(name, "asked") != "asked"}
        return {**total, "Receivable": self.world.balance_by_name("Receivable"), "states": states}


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True, scope="session")
def test_any_history_ends_in_what_really_happened(start: Start) -> None:
    """After each step nothing is collected twice; at the end every check holds and every balance is the model's."""
    run_state_machine_as_test(
        lambda: Machine(start),
        settings=settings(settings.default, max_examples=EXAMPLES, stateful_step_count=STEPS_MAX, phases=PHASES),
    )
