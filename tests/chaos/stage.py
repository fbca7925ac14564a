"""The plant that is struck, the faults of bank and chain, how it is struck, how it recovers, and what must hold then."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select

from bridge import archive, balances
from bridge.acts import relearn
from bridge.errors import BridgeError, IllegalMove, IntegrityError, NotAllowed
from bridge.model import Batch, Block, Collection, Document, Entry, Member, Statement
from bridge.model.collection import IN_FLIGHT_STATES
from bridge.reports import check
from bridge.runtime import Runtime
from bridge.sim import bank_files
from bridge.sim.bank import SimBank
from bridge.sim.fake_chain import CANCELLED
from bridge.steps import PIPELINE
from bridge.transport import folder
from tests import engines
from tests.chaos import crews, people
from tests.chaos.matrix import ACTS, CREW, Scenario
from tests.servers import postgres
from tests.steps.child import job, run_jobs
from tests.steps.place import LATER, NOW, OWN_IBAN, Bill, Place, log_line, mandate_line

FOLDER = 'batch_at = ""\napproval = "none"\nhandover = "folder"\n'
AFTERWARDS = LATER + timedelta(minutes=1)  # what is rendered anew has other bytes than what was rendered before the kill
ROUNDS_MAX = 5
#: what a commit that was answered needs to outlive kill -9 of the server; the disk itself is never lost here
DURABLE = postgres.QUICK | {"synchronous_commit": "on"}


@dataclass(slots=True)
class Stage:
    """A server that may be killed, the plant that every scenario starts from, and what each fault alone leads to."""

    server: postgres.Running
    folder: Path
    calm: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def place(self, name: str, how: str = "run") -> Place:
        """A plant of its own; ``how`` files move in it: by steps alone ("run"), or "people" sign, upload and think again."""
        engines.copy(self.folder / f"template {how}", self.folder / name)
        return Place(self.folder / name, now=LATER)

    def undisturbed(self, fault: str, how: str = "run") -> dict[str, Any]:
        """The facts that this fault leads to where nothing is killed."""
        if (fault, how) not in self.calm:
            place = self.place(f"calm {how} {fault}", how)
            FAULTS[fault].before(place)
            HOW[how].work(place.runtime)
            FAULTS[fault].after(place)
            recover(place, how)
            self.calm[(fault, how)] = facts(place)
            place.runtime.engine.dispose()
        return self.calm[(fault, how)]


class Hands(NamedTuple):
    """Who moves files: what bridge.toml says about it, how the first file left, and what is done when it is struck."""

    rules: str
    first: Callable[[Runtime], None]
    work: Callable[[Runtime], None]


HOW = {"run": Hands(FOLDER, people.steps, people.steps), "people": Hands(people.RULES, people.upload, people.think_again)}


def hands(scenario: Scenario) -> str:
    """Who moves files where it strikes."""
    return "people" if scenario.point in ACTS else "run"


@contextmanager
def stage(place: Path) -> Iterator[Stage]:
    with postgres.running(DURABLE, again=True) as server, engines.on_server(server.url):
        for how in HOW:
            _template(place / f"template {how}", how)
        found = Stage(server, place)
        warm = found.place("warm").folder
        engines.let_go()
        run_jobs([], warm=job(warm, "run", LATER))  # what this loads and compiles is there in each fork
        yield found


def _template(where: Path, how: str) -> None:
    """One file was sent and the bank's answers lie in the inbox; two new invoices wait. Yesterday's dump is from before the file.

    Of four debits one is returned with a fee and one was rejected; a stranger paid in, so that Suspense is not empty either.
    """
    place = Place(where, now=NOW, collection=HOW[how].rules)
    place.mandates(*(mandate_line(number) for number in (1, 2, 3)))
    place.bill(Bill(1), Bill(2, 2_500, debtor=2), Bill(3, 700, debtor=3), Bill(6, 900, debtor=9))
    for step in ("ingest", "collect"):
        PIPELINE[step][0](place.runtime)
    place.runtime.engine.dispose()
    engines.keep(where)
    PIPELINE["batch"][0](place.runtime)
    HOW[how].first(place.runtime)
    [path] = (where / "outbox").glob("*.xml")
    bank = SimBank(OWN_IBAN, opening_cents=500_000, style="single", fees="inside")
    bank.plan({"plant-1-000001-1": "return:AM04:300", "plant-1-000002-1": "reject:AC04"})
    bank.upload(path.read_bytes())
    bank.foreign_transfer(4_200, "A stranger", "thanks")
    (where / "inbox" / "1-report.xml").write_bytes(bank.status_report(NOW.date()))
    (where / "inbox" / "2-credit.xml").write_bytes(bank.statement(date(2026, 12, 1)))
    (where / "inbox" / "3-return.xml").write_bytes(bank.statement(date(2026, 12, 3)))
    due = int(LATER.timestamp()) + 10 * 86_400
    place.bill(Bill(4, 1_100, due=due, block=5_000), Bill(5, 800, debtor=2, due=due, block=5_001))
    place.runtime.engine.dispose()


# --- faults: what lies there before the kill, and what happens after it ----------------------------------------------------


def nothing(_: Place) -> None:
    pass


def _twice(place: Place, name: str) -> None:
    """The same bytes again, and the same message in other bytes."""
    body = (place.folder / "inbox" / name).read_bytes()
    (place.folder / "inbox" / f"{name}.again.xml").write_bytes(body)
    (place.folder / "inbox" / f"{name}.other.xml").write_bytes(body + b"<!-- sent again -->\n")


def _reordered(place: Place) -> None:
    for number, path in enumerate(sorted((place.folder / "inbox").glob("*.xml"), reverse=True)):
        path.rename(path.with_name(f"0-{number}.xml"))


def _truncated(place: Place) -> None:
    """The bank's transfer broke off; the whole file comes later under the same name."""
    path = place.folder / "inbox" / "2-credit.xml"
    _put_aside(place, path.name)
    path.write_bytes((place.folder / path.name).read_bytes()[:-400])


def _put_aside(place: Place, name: str) -> None:
    (place.folder / "inbox" / name).rename(place.folder / name)


def _bring(place: Place, name: str) -> None:
    (place.folder / name).rename(place.folder / "inbox" / name)


def _logs(place: Place, *more: dict[str, Any], changed: Callable[[str], str] = lambda line: line) -> None:
    path = place.folder / "plant-1.jsonl"
    lines = [changed(line) for line in path.read_text("utf-8").splitlines()]
    path.write_text("\n".join([*lines, *map(json.dumps, more)]) + "\n", "utf-8")


def _finalized_again(place: Place) -> None:
    _logs(place, log_line(Bill(3, 999, debtor=3, block=6_000)))


def _cancelled(place: Place) -> None:
    """The contract takes invoice 4 back."""
    log = log_line(Bill(4, block=6_000))
    _logs(place, {**log, "topics": ["0x" + CANCELLED.hex(), log["topics"][1]], "data": "0x" + bytes(32).hex(), "logIndex": "0x9"})


def _gone(place: Place) -> None:
    """The block of the last invoice is another one now, and the invoice stands in neither."""
    other, gone = log_line(Bill(7, 300, debtor=9, block=5_001), block_hash=77), log_line(Bill(5, block=5_001))["blockHash"]
    path = place.folder / "plant-1.jsonl"
    kept = [line for line in path.read_text("utf-8").splitlines() if gone not in line]
    path.write_text("\n".join([*kept, json.dumps(other)]) + "\n", "utf-8")


def _silent(place: Place) -> None:
    """The steps run while the chain cannot be read; then it is there again."""
    path = place.folder / "plant-1.jsonl"
    path.rename(place.folder / "away")
    for name in PIPELINE:
        with suppress(BridgeError):
            PIPELINE[name][0](place.runtime)
    (place.folder / "away").rename(path)


def _restored(place: Place) -> None:
    """The disk with the rows is lost, that with the files is not: the bank's files are fetched again, what left is learned."""
    place.runtime.engine.dispose()
    engines.put_back(place.folder, b"")
    for name in ("1-report.xml", "2-credit.xml", "3-return.xml"):
        shutil.copy(place.folder / "archive" / name, place.folder / "inbox" / name)
    place.now = AFTERWARDS
    left = list((place.folder / "outbox").glob("*.xml"))
    with pytest.raises(IntegrityError, match="restored backup"):
        PIPELINE["batch"][0](place.runtime)
    PIPELINE["ingest"][0](place.runtime)
    PIPELINE["collect"][0](place.runtime)
    learned = relearn.run(place.runtime, "anna")
    assert [one.problem for one in learned if one.problem] == []
    assert len(learned) >= len(left) > 0


def _archived(place: Place) -> None:
    shutil.copytree(place.folder / "inbox", place.folder / "archive")


BUT_BREAKS = ("ledger", "collections", "collected")


class Fault(NamedTuple):
    """``same``: the facts that do not depend on how far the steps had come when ``after`` happened."""

    before: Callable[[Place], None] = nothing
    after: Callable[[Place], None] = nothing
    same: tuple[str, ...] = ("ledger", "collections", "breaks", "collected")


FAULTS: dict[str, Fault] = {
    "none": Fault(),
    "a file twice": Fault(lambda place: _twice(place, "2-credit.xml")),
    "files in another order": Fault(_reordered),
    "a truncated file": Fault(_truncated, lambda place: _bring(place, "2-credit.xml"), BUT_BREAKS),
    "a return before its credit": Fault(
        lambda place: _put_aside(place, "2-credit.xml"), lambda place: _bring(place, "2-credit.xml")
    ),
    "a status report twice": Fault(lambda place: _twice(place, "1-report.xml")),
    "a repeated log": Fault(lambda place: _logs(place, log_line(Bill(1)))),
    "a claim that is finalized again": Fault(after=_finalized_again, same=()),
    "a cancelled invoice": Fault(after=_cancelled, same=()),
    "a block that is gone": Fault(after=_gone, same=()),
    "a chain that does not answer": Fault(after=_silent),
    "yesterday's dump": Fault(_archived, _restored, BUT_BREAKS),
}


# --- the kill ----------------------------------------------------------------------------------------------------------------


def strike(stage: Stage, scenario: Scenario, place: Place) -> str:
    """Run every step until the kill; returns what was noted when it fired, "" if it never did."""
    place.runtime.engine.dispose()
    engines.let_go()
    if scenario.victim in CREW:
        crews.strike(place, scenario.point, scenario.victim)
    else:
        _strike_fork(stage, scenario, place)
    note = place.folder / "kills"
    return note.read_text("utf-8") if note.exists() else ""


def _strike_fork(stage: Stage, scenario: Scenario, place: Place) -> None:
    before = postgres.postmaster(stage.server)
    victim = before if scenario.victim == "PostgreSQL" else 0
    [[answer]] = run_jobs([job(place.folder, hands(scenario), LATER, fault=scenario.point, victim=victim)])
    if scenario.victim == "PostgreSQL":
        postgres.postmaster(stage.server, after=before)
        assert answer["code"] == 0 or "does not answer" in answer["said"], answer
    else:
        assert answer["code"] == -9, answer


# --- afterwards --------------------------------------------------------------------------------------------------------------


def recover(place: Place, how: str = "run") -> None:
    """Run the steps, and let people go on, until nothing changes any more."""
    place.now = AFTERWARDS
    before: Any = None
    for _ in range(ROUNDS_MAX):
        with suppress(NotAllowed, IllegalMove):  # what may not leave; nothing more is moved then
            HOW[how].work(place.runtime)
        people.heed(place.runtime)
        after = place.dump("cursor"), place.outbox()
        if after == before:
            return
        before = after
    raise AssertionError(f"it does not come to rest within {ROUNDS_MAX} runs")


def facts(place: Place) -> dict[str, Any]:
    """What came of it, without what a repeat may do otherwise: the moment, and so the bytes, of a file."""
    accounts = ("Bank", "Suspense", "Clearing", "Receivable", "Billed", "Charges")
    return {
        "ledger": {name: place.ledger(name) for name in accounts},
        "collections": place.states(),
        "breaks": sorted(kind for kind, _ in place.breaks()),
        "collected": collected(place),
    }


def collected(place: Place) -> Counter[str]:
    """EndToEndId -> in how many files of the outbox it stands, read from their bytes by the bank's own reader."""
    found = [bank_files.parse(path.read_bytes()) for path in sorted((place.folder / "outbox").glob("*.xml"))]
    return Counter(debit["e2e"] for file in found for block in file["blocks"] for debit in block["debits"])


def wrong(place: Place) -> list[str]:
    """Every invariant that does not hold."""
    found = [f"{name} stands in {times} files of the outbox" for name, times in collected(place).items() if times > 1]
    with place.runtime.reading() as session:
        found += [f"check {one.id}: {one.detail}" for one in check.run(session, place.runtime) if not one.ok]
        standing = select(Collection.end_to_end_id).join(Member, Member.collection_id == Collection.id)
        standing = standing.join(Block, Block.id == Member.block_id).join(Batch, Batch.id == Block.batch_id)
        counted = Counter(session.scalars(standing.where(Batch.state != "discarded")))
        found += [f"{name} is in {times} undiscarded batches" for name, times in counted.items() if times > 1]
        for batch in session.scalars(select(Batch).order_by(Batch.id)):
            body = archive.fetch(session, place.runtime.keys, session.get_one(Document, batch.document_id))
            there = folder.find(place.folder / "outbox", batch.file_name) if batch.manifest_no else None
            must_be_there = batch.manifest_no and batch.state != "discarded"  # that may have been given up before it got there
            bodies = [body, *([there.read_bytes()] if there else [b"gone"] if must_be_there else [])]
            found += [f"{batch.message_id} is not what was sealed" for one in bodies if sha256(one).hexdigest() != batch.sha256]
        flying = session.scalars(select(Collection.amount_cents).where(Collection.state.in_(IN_FLIGHT_STATES)))
        booked = select(Entry.open_cents).join(Statement, Statement.id == Entry.statement_id)
        unexplained = session.scalars(booked.where(Statement.posting == "posted"))
        found += [] if sum(flying) == sum(balances.by_subject(session, "Clearing").values()) else ["Clearing is not in flight"]
        suspense = sum(balances.by_subject(session, "Suspense").values())
        found += [] if sum(unexplained) == -suspense else ["Suspense is not what is unexplained"]
    sealed = {batch.file_name for batch in place.batches()}
    return found + [f"{name} was never sealed" for name in place.outbox() if name.endswith(".xml") and name not in sealed]
