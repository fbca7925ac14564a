"""When files are cut, and in which windows: on bank days, once, each window a unit of work of its own."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest

from bridge import tasks
from bridge.errors import SealRefused, Unavailable
from bridge.formats import pain008
from bridge.model import Block, Collection
from bridge.records.pain008 import DebitFile
from bridge.runtime import TurnOver
from bridge.steps import batch, collect, ingest
from bridge.steps.batch import windows
from tests.steps.place import Bill, Place, mandate_line
from tests.steps.test_batch import bytes_of, pending


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_is_due_is_cut_in_windows(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of eleven debits, four in a window at most: three windows about equally full, each in files as the bank takes them."""
    monkeypatch.setattr(windows, "LEAST", 4)
    place.profile(transactions_max=3)
    place.mandates(*(mandate_line(debtor) for debtor in range(1, 12)))
    pending(place, *(Bill(number, debtor=number) for number in range(1, 12)))
    assert batch.run(place.runtime) == {"batches": 5, "collections": 11, "held": 0, "redated": 0, "waiting": 0}

    ids = [pain008.count(BytesIO(bytes_of(place, one))).end_to_end_ids for one in place.batches()]
    assert [len(some) for some in ids] == [2, 2, 2, 2, 3]
    assert len({one for some in ids for one in some}) == 11


@pytest.mark.parametrize(
    ("counted", "most", "cut"),
    [
        ([], 5, []),
        ([(7, 3)], 5, [(7, 7)]),
        ([(1, 2), (2, 2), (3, 2)], 6, [(1, 3)]),
        ([(1, 2), (2, 2), (3, 2)], 5, [(1, 1), (2, 2), (3, 3)]),
        ([(1, 1), (4, 1), (5, 1), (9, 1)], 3, [(1, 4), (5, 9)]),
        ([(1, 9), (2, 1)], 5, [(1, 1), (2, 2)]),
    ],
)
def test_a_window_never_divides_a_mandate(counted: list[tuple[int, int]], most: int, cut: list[windows.Window]) -> None:
    """Windows are ranges of mandates, about equally full; a mandate with more debits than a window holds has one of its own."""
    total = max(1, sum(count for _, count in counted))
    assert list(windows.cut(counted, total, most)) == cut


@pytest.mark.parametrize(
    ("now", "batches", "due"),
    [
        ("2026-11-16T12:00+00:00", 0, date(2026, 12, 1)),  # fifteen days before: the bank would refuse it
        ("2026-11-17T00:30+00:00", 1, date(2026, 12, 1)),  # fourteen days before, in Berlin
        ("2026-11-27T09:00+00:00", 1, date(2026, 12, 1)),  # 10:00 in Berlin two TARGET days before: still counts
        ("2026-11-27T09:01+00:00", 1, date(2026, 12, 2)),  # a minute later: the next reachable day
        ("2026-11-29T12:00+00:00", 1, date(2026, 12, 2)),  # a Sunday
        ("2026-12-24T12:00+00:00", 1, date(2026, 12, 30)),  # Christmas: 25th to 27th closed, presented 28th
    ],
)
def test_the_presentation_window(place: Place, now: str, batches: int, due: date) -> None:
    """A debit due 1 December is cut from 17 November on; after its latest presentation it gets the next date that works."""
    place.mandates()
    place.now = datetime(2026, 11, 12, 12, tzinfo=UTC)
    place.rewrite("hold_minutes = 0", "hold_minutes = 1")
    place.bill(Bill(1))
    ingest.run(place.runtime)
    place.now = datetime(2026, 11, 13, 12, tzinfo=UTC)
    collect.run(place.runtime)
    place.now = datetime.fromisoformat(now)
    counts = batch.run(place.runtime)

    assert counts["batches"] == batches
    assert place.rows(Collection)[0].due_on == due
    assert counts["redated"] == int(due != date(2026, 12, 1))
    assert [row.due_on for row in place.rows(Block)] == [due] * batches


@pytest.mark.parametrize(
    ("now", "cut"),
    [
        ("2026-11-23T07:59+00:00", 0),  # Monday 8:59 in Berlin
        ("2026-11-23T08:00+00:00", 1),
        ("2026-11-22T12:00+00:00", 0),  # a Sunday
        ("2026-11-28T12:00+00:00", 0),  # a Saturday
        ("2026-12-25T12:00+00:00", 0),  # Christmas
    ],
)
def test_files_are_cut_on_bank_days_after_batch_at(tmp_path: Path, now: str, cut: int) -> None:
    """batch_at = "09:00": a run before, or on a day TARGET is closed, cuts nothing; a person may cut at any time."""
    place = Place(tmp_path, now=datetime(2026, 11, 20, 12, tzinfo=UTC), collection='batch_at = "09:00"\n')
    place.mandates()
    pending(place, Bill(1))
    place.now = datetime.fromisoformat(now)
    assert batch.run(place.runtime)["batches"] == cut

    assert batch.cut(place.runtime, actor="anna", scheduled=False)["batches"] == 1 - cut


def test_one_cut_a_bank_day(tmp_path: Path) -> None:
    """What becomes due later that day waits for the next bank day, so that an hourly cron makes no small files."""
    place = Place(tmp_path, collection='batch_at = "09:00"\n')
    place.mandates()
    pending(place, Bill(1))
    assert batch.run(place.runtime)["batches"] == 1
    pending(place, Bill(2))
    assert batch.run(place.runtime)["batches"] == 0
    place.now += timedelta(days=1)

    assert batch.run(place.runtime)["batches"] == 1


def test_a_cut_that_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after the first of three windows: its file stays, the next run of the day cuts the rest, the one after it none."""
    monkeypatch.setattr(windows, "LEAST", 1)
    place = Place(tmp_path, collection='batch_at = "09:00"\n')
    place.profile(transactions_max=1)
    place.mandates(*(mandate_line(debtor) for debtor in range(1, 5)))
    pending(place, *(Bill(number, debtor=number) for number in range(1, 4)))
    with pytest.raises(TurnOver):
        batch.run(replace(place.runtime, fault=ends_at("batch: before commit", 2)))
    assert [one.collections for one in place.batches()] == [1]
    assert batch.run(place.runtime)["batches"] == 2
    pending(place, Bill(4, debtor=4))

    assert batch.run(place.runtime)["batches"] == 0


def ends_at(point: str, count: int) -> Callable[[str], None]:
    """A fault that ends the step's turn where it passes this point for the so-manieth time."""
    passed = Counter[str]()

    def fault(name: str) -> None:
        passed[name] += 1
        if passed[point] == count:
            raise TurnOver

    return fault


def test_a_step_gives_way_after_its_turn(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time is over after the first of two files: that one stays, and the step is rung for again until nothing is left."""
    monkeypatch.setattr(windows, "LEAST", 1)
    place.rewrite("[[accounts]]", "[broker]\nturn_seconds = 1\n[[accounts]]")
    place.profile(transactions_max=1)
    place.mandates(mandate_line(1), mandate_line(2))
    pending(place, Bill(1), Bill(2, debtor=2))
    slow = replace(place.runtime, fault=lambda point: time.sleep(1.01 * (point == "batch: before commit")))
    rings = ["the bell's"]
    sizes = []
    while rings and len(sizes) < 4:
        rings.pop()
        tasks.run("batch", lambda: slow, lambda: rings.append("more"))
        sizes.append(len(place.batches()))

    assert sizes == [1, 2, 2]


def test_a_file_that_is_refused_stops_no_other(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What refuses one window is said, after the others were cut."""
    monkeypatch.setattr(windows, "LEAST", 1)
    place.profile(transactions_max=1)
    place.mandates(*(mandate_line(debtor) for debtor in range(1, 4)))
    pending(place, *(Bill(number, debtor=number) for number in range(1, 4)))
    whole = pain008.write

    def planted(file: DebitFile, out: BinaryIO) -> None:
        whole(file, out) if file.blocks[0].debits[0].mandate_id != "MND-0002" else out.write(b"<broken/>")

    monkeypatch.setattr(pain008, "write", planted)
    with pytest.raises(SealRefused, match="its root is not Document"):
        batch.run(place.runtime)

    assert [one.collections for one in place.batches()] == [1, 1]


def test_a_cut_without_room_for_its_file_is_done_later(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """/tmp is full: the step is refused in one sentence, nothing of the file is stored, and the next run cuts it."""
    place.mandates()
    pending(place, Bill(1))
    with monkeypatch.context() as full:
        full.setattr(batch, "TemporaryFile", lambda: open("/dev/full", "w+b"))  # noqa: PTH123, SIM115 - the step closes it
        with pytest.raises(Unavailable, match=r"no temporary file can be written \(No space left on device\); make room"):
            batch.run(place.runtime)

    assert (place.batches(), set(place.states().values())) == ([], {"pending"})
    assert batch.run(place.runtime)["batches"] == 1
