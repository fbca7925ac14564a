"""Two processes that write no common row, each of which read what the other is about to change: on PostgreSQL, without claims.

What a unit of work at "snapshot" decides is judged again by a later one, or it meets the other at a lock, a key or a version.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import text

from bridge import shards
from bridge.acts import amend_creditor, amend_mandate, discard, mandates
from bridge.custody import discards
from bridge.model import Block
from bridge.reports import check, validation
from bridge.runtime import Runtime
from bridge.sim.bank import SimBank
from bridge.steps import PIPELINE, batch, handover
from bridge.steps.batch import preflight, schedule
from tests.steps.contract import Contract, billed
from tests.steps.place import CREDITOR_ID, NOW, OWN_IBAN, Bill, Place, mandate_line

pytestmark = pytest.mark.only_on("postgresql", "on SQLite one unit of work is there at a time")
NEW_IBAN = "DE75512108001245126199"
PORTAL = 'batch_at = ""\napproval = "none"\nhandover = "portal"\n'
FOLDER = PORTAL.replace("portal", "folder")
AMENDED: dict[str, tuple[Callable[[Runtime], Any], str]] = {
    "mandate": (lambda one: amend_mandate.run(one, "anna", "MND-0001", {"iban": NEW_IBAN}), NEW_IBAN),
    "creditor": (lambda one: amend_creditor.run(one, "anna", CREDITOR_ID, name="Other AG"), "Other AG"),
}


@pytest.fixture(autouse=True)
def _no_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "claimed", lambda *_: nullcontext(True))


@pytest.mark.parametrize("what", AMENDED)
def test_amended_before_a_cut_and_committed_within_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """The change is older than the file, which could not see it: the file is made again, and says what is so now."""
    place = _collected(tmp_path)
    act, says = AMENDED[what]
    cutter = Thread(target=batch.run, args=(place.runtime,))
    with place.runtime.session() as amending:
        with monkeypatch.context() as within:
            within.setattr(Runtime, "work", lambda _, unit: unit(amending))
            act(place.runtime)
        place.now += timedelta(seconds=1)
        cutter.start()
        _until_somebody_waits(place)
    cutter.join()
    [one] = place.batches()
    assert says in _export(place, one.message_id)


@pytest.mark.parametrize("what", AMENDED)
def test_amended_while_a_file_is_made(tmp_path: Path, what: str) -> None:
    """Who amends what is being written waits for the file; his change is younger, and the file may not leave."""
    place = _collected(tmp_path)
    act, _ = AMENDED[what]
    amending = Thread(target=act, args=(place.runtime,))

    def begun() -> None:
        amending.start()
        _until_somebody_waits(place)
        place.now += timedelta(seconds=1)

    batch.run(_with_faults(place, {"batch: rendered": begun}))
    amending.join()
    [one] = place.batches()
    with place.runtime.reading() as session:
        failed = [found.id for found in validation.of_batch(session, place.runtime, one.message_id) if not found.ok]
    assert failed == ["FIT"]


def test_two_cutters_of_which_each_sees_one_debit_make_one_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each could not ask another source: who is second sees the other's file, or meets its number; the second debit waits."""
    place = Place(tmp_path, collection=FOLDER, sources=2)
    place.profile(first_sequence="FRST")
    place.mandates(mandate_line(1))
    place.bill(Bill(1), source="plant-1")
    place.bill(Bill(2), source="plant-2")
    _run(place, "ingest", "collect")
    barred = iter([frozenset({1}), frozenset({2})])
    monkeypatch.setattr(preflight, "run", lambda _: (next(barred), []))
    number, other = schedule.next_cut_no, place.runtime

    def while_numbered(*asked: Any) -> int:
        monkeypatch.setattr(schedule, "next_cut_no", number)
        batch.run(other)
        return number(*asked)

    monkeypatch.setattr(schedule, "next_cut_no", while_numbered)
    batch.run(place.runtime)
    assert [(block.sequence, block.collections) for block in place.rows(Block)] == [("FRST", 1)]
    assert sorted(place.states().values()) == ["batched", "pending"]


def test_a_one_off_mandate_in_two_files_is_debited_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each cutter saw one of the two debits, on two days: both files are sealed, and one of them leaves at most."""
    place = Place(tmp_path, collection=FOLDER, sources=2)
    place.mandates(mandate_line(1, kind="one-off"))
    place.bill(Bill(1), source="plant-1")
    place.bill(Bill(2), source="plant-2")
    _run(place, "ingest", "collect")
    barred = iter([frozenset({1}), frozenset({2})])
    monkeypatch.setattr(preflight, "run", lambda _: (next(barred), []))
    tomorrow = replace(place.runtime, clock=lambda: NOW + timedelta(days=1))
    batch.run(_with_faults(place, {"batch: read": lambda: batch.run(tomorrow)}))
    assert sorted(place.states().values()) == ["batched", "batched"]

    for _ in range(3):
        monkeypatch.setattr(preflight, "run", lambda _: (frozenset(), []))
        handover.run(place.runtime)
        batch.run(place.runtime)
    assert sorted(place.states().values()) in (["held", "submitted"], ["batched", "held"])
    assert _wrong(place) == []


def test_cancelled_on_chain_while_its_file_is_discarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The debit is cancelled with its invoice, not held for ever because nothing is owed."""
    contract = Contract(tmp_path)
    contract.mine(billed(1), billed(2))
    contract.run("ingest", "collect", "batch")
    mandates.run(contract.place.runtime, "anna", "MND-0001", "paused", "wait")
    _once(monkeypatch, discards, "give_up", contract.cancel)
    contract.run("handover")
    assert contract.place.states() == {"plant-1-000001-1": "cancelled", "plant-1-000002-1": "pending"}
    assert contract.holds() == []


def test_the_bank_names_a_file_while_its_successor_is_handed_over(tmp_path: Path) -> None:
    """Three debits are at the bank twice, and each has its Break."""
    place = _collected(tmp_path, PORTAL)
    _run(place, "batch", "handover")
    [first] = place.batches()
    bank = SimBank(OWN_IBAN, opening_cents=0, style="single")
    bank.upload(place.outbox()[first.file_name])
    for who in ("anna", "ben"):
        discard.run(place.runtime, who, first.message_id, "no portal", not_uploaded=True)
    _run(place, "batch", "handover")
    (tmp_path / "inbox" / "answer.xml").write_bytes(bank.status_report(NOW.date()))
    _run(place, "receive")
    other = place.rewrite("portal", "folder")
    handover.run(_with_faults(place, {"handover: before commit": lambda: PIPELINE["reconcile"][0](other)}))
    assert [kind for kind, _ in place.breaks() if kind in ("DEBIT_TWICE", "FILE_FROZEN")] == ["DEBIT_TWICE"] * 3


def test_revoked_while_its_debit_is_handed_over(tmp_path: Path) -> None:
    """Either who revokes hears that one is at the bank, or that is a Break."""
    place = _collected(tmp_path)
    at_the_bank: list[int] = []
    other = place.runtime

    def revoke() -> None:
        at_the_bank.append(mandates.run(other, "anna", "MND-0001", "revoked", "he wants no more"))

    _run(place, "batch")
    handover.run(_with_faults(place, {"handover: before commit": revoke}))
    assert (at_the_bank, place.breaks()) == ([0], [("DEBIT_NOT_OWED", "invoice:1")])


def test_discarded_while_somebody_is_to_be_warned_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told not to upload what was given up in the same moment."""
    place = _collected(tmp_path, PORTAL)
    _run(place, "batch", "handover")
    [one] = place.batches()
    mandates.run(place.runtime, "anna", "MND-0001", "paused", "wait")
    discard.run(place.runtime, "anna", one.message_id, "no portal", not_uploaded=True)

    def second_word() -> None:
        discard.run(place.runtime, "ben", one.message_id, "no portal", not_uploaded=True)

    _once(monkeypatch, handover.books, "open_breaks", second_word)
    _run(place, "handover")
    assert place.breaks() == []


def _collected(folder: Path, collection: str = FOLDER) -> Place:
    place = Place(folder, collection=collection)
    place.mandates(*(mandate_line(number) for number in (1, 2, 3)))
    place.bill(Bill(1, 10_000), Bill(2, 2_500, debtor=2), Bill(3, 700, debtor=3))
    _run(place, "ingest", "collect")
    return place


def _run(place: Place, *steps: str) -> None:
    for step in steps:
        PIPELINE[step][0](place.runtime)


def _with_faults(place: Place, acts: dict[str, Callable[[], Any]]) -> Runtime:
    """A runtime that does each of these once, at its point."""
    left = dict(acts)

    def fault(point: str) -> None:
        if point in left:
            left.pop(point)()

    return replace(place.runtime, fault=fault)


def _once(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, act: Callable[[], Any]) -> None:
    """Before the next call of this function another process does something."""
    as_it_was = getattr(where, name)

    def called(*args: Any, **named: Any) -> Any:
        monkeypatch.setattr(where, name, as_it_was)
        act()
        return as_it_was(*args, **named)

    monkeypatch.setattr(where, name, called)


def _until_somebody_waits(place: Place) -> None:
    waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
    with place.runtime.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for _ in range(400):
            if connection.scalar(waits):
                return
            connection.execute(text("SELECT pg_sleep(0.02)"))
    pytest.fail("nobody waits")


def _export(place: Place, message_id: str) -> str:
    place.now += timedelta(seconds=1)
    handover.run(place.runtime)
    return place.outbox()[f"{message_id}.xml"].decode()


def _wrong(place: Place) -> list[Any]:
    with place.runtime.reading() as session:
        return [one for one in check.run(session, place.runtime) if not one.ok]
