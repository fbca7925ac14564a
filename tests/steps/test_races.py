"""Two processes work on the same rows at once, on both engines: each row is worked on once, and one of the two finds nothing.

Both are held where they have read what there is to do and have written nothing, or where only the commit is missing. On
PostgreSQL both come there: each has read before either's work can be seen. On SQLite the second cannot even read while the
first is in its unit of work, so the first waits in vain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bridge import intake, shards
from bridge.model import Approval, Batch, Block, Collection, Invoice, Member, Statement
from bridge.reports import check
from bridge.sim.bank import SimBank
from bridge.steps import PIPELINE
from tests import engines
from tests.steps.child import job, run_jobs
from tests.steps.place import LATER, NOW, OWN_IBAN, Bill, Place, mandate_line

BILLS = (Bill(1, 10_000), Bill(2, 2_500, debtor=2), Bill(3, 700, debtor=3))
FOLDER = 'batch_at = ""\napproval = "none"\nhandover = "folder"\n'
SENT = ("ingest", "collect", "batch", "handover")
#: step -> where two of it meet, what was done before, when it is, and what one of them alone does
RACES: dict[str, tuple[str, tuple[str, ...], datetime, dict[str, int]]] = {
    "ingest": ("ingest: read", (), NOW, {"invoices": 3}),
    "collect": ("collect: read", SENT[:1], NOW, {"opened": 3}),
    "batch": ("batch: read", SENT[:2], NOW, {"batches": 1, "collections": 3}),
    "handover": ("handover: read", SENT[:3], NOW, {}),  # it counts what it found done, too
    "receive": ("receive: read", SENT, LATER, {"stored": 3}),
    "reconcile": ("reconcile: read", (*SENT, "receive"), LATER, {"settled": 3, "returned": 1, "fees": 1}),
}


@pytest.mark.parametrize("step", RACES)
def test_two_who_read_the_same_work_do_it_once(tmp_path: Path, step: str) -> None:
    """What one of the two did, the other did not; together they leave what one alone leaves, to the last row."""
    point, before, now, alone = RACES[step]
    place = _prepared(tmp_path / "raced", before)
    engines.copy(place.folder, tmp_path / "calm")
    calm = Place(tmp_path / "calm", now=now)
    done = PIPELINE[step][0](calm.runtime)
    assert {name: done[name] for name in alone} == alone
    answers = _at_once(place, now, [step, step], point)

    together = Counter(answers[0][step]) + Counter(answers[1][step])
    assert {name: together[name] for name in alone} == alone
    assert place.dump() == calm.dump()
    assert place.outbox() == calm.outbox()
    with place.runtime.reading() as session:
        assert [one for one in check.run(session, place.runtime) if not one.ok] == []


@pytest.mark.parametrize("step", RACES)
def test_who_comes_second_leaves_what_is_claimed(tmp_path: Path, step: str) -> None:
    """As long as another process works on them, these parts are left as they are; then they are done."""
    _, before, now, alone = RACES[step]
    place = _prepared(tmp_path, before)
    place.now = now
    untouched = place.dump()
    with ExitStack() as held:
        for part in (*range(4), "plant-1", *(one.message_id for one in place.batches())):
            held.enter_context(shards.claimed(place.runtime, step, part))
        [[answer]] = run_jobs([job(place.folder, step, now)])

    assert (answer["code"], place.dump() == untouched) == (0, True)
    done = PIPELINE[step][0](place.runtime)
    assert {name: done[name] for name in alone} == alone
    assert place.dump() != untouched


def test_two_cutters_make_one_file_a_day(tmp_path: Path) -> None:
    """Both read that nothing was cut today and that three are due: one cuts the file, the other finds nothing."""
    place = _prepared(tmp_path, SENT[:2], collection=FOLDER.replace('""', '"09:00"'))
    answers = _at_once(place, NOW, ["batch", "batch"], "batch: read")

    assert sorted(answer["batch"]["batches"] for answer in answers) == [0, 1]
    assert len(place.rows(Batch)) == len(place.rows(Block)) == 1
    assert sorted(row.collection_id for row in place.rows(Member)) == [row.id for row in place.rows(Collection)]
    assert [row.state for row in place.rows(Collection)] == ["batched"] * 3


def test_two_signatures_at_once_are_two(tmp_path: Path) -> None:
    """Each of two people signs before he can see the other's signature: the file is approved all the same."""
    place = _prepared(tmp_path, SENT[:3], collection='batch_at = ""\n')
    [one] = place.batches()
    _at_once(place, NOW, [f"approve {one.message_id} anna", f"approve {one.message_id} ben"], "approve: before commit")

    assert sorted(row.actor for row in place.rows(Approval)) == ["anna", "ben"]
    assert [row.state for row in place.rows(Batch)] == ["approved"]


def test_two_statements_that_follow_each_other_are_both_booked(tmp_path: Path) -> None:
    """Each is taken before the other can be seen; the second continues the first, and waits for nothing afterwards.

    The account has a first statement already. Where two are both the first of all, their number keeps them apart.
    """
    place = _prepared(tmp_path, SENT)
    first, *others = sorted((tmp_path / "inbox").glob("*.xml"))
    place.now = LATER
    intake.take(place.runtime, first.name, first.read_bytes(), actor="receive")
    _at_once(place, LATER, [f"take {path}" for path in others], "receive: before commit")

    assert [row.posting for row in place.rows(Statement)] == ["posted"] * 3
    assert place.breaks() == []
    assert place.ledger("Bank") == 500_000 + 13_200 - 10_000 - 300


def test_a_reading_session_sees_one_moment(tmp_path: Path) -> None:
    """Whoever reads a report does not see what is committed meanwhile."""
    place = _prepared(tmp_path, ())
    invoices = select(func.count(Invoice.id))
    with place.runtime.reading() as session:
        before = session.scalar(invoices)
        PIPELINE["ingest"][0](place.runtime)
        seen = session.scalar(invoices)

    assert (before, seen, len(place.rows(Invoice))) == (0, 0, 3)


def _prepared(folder: Path, steps: Sequence[str], *, collection: str = FOLDER) -> Place:
    """Three invoices with mandates, these steps done; once a file was sent, three statements of the bank about it."""
    place = Place(folder, collection=collection)
    place.mandates(*(mandate_line(number) for number in (1, 2, 3)))
    place.bill(*BILLS)
    for step in steps:
        if step == "receive":
            place.now = LATER
        PIPELINE[step][0](place.runtime)
        if step == "handover":
            _answered(folder)
    return place


def _answered(folder: Path) -> None:
    """The bank credits all three, takes the first back with a fee, and has a day on which nothing happens."""
    [path] = (folder / "outbox").glob("*.xml")
    bank = SimBank(OWN_IBAN, opening_cents=500_000, style="single", fees="inside")
    bank.plan({"plant-1-000001-1": "return:AM04:300"})
    bank.upload(path.read_bytes())
    for number, day in enumerate((date(2026, 12, 1), date(2026, 12, 3), date(2026, 12, 4)), 1):
        (folder / "inbox" / f"{number}.xml").write_bytes(bank.statement(day))


def _at_once(place: Place, now: datetime, actions: Sequence[str], point: str) -> list[Any]:
    """Run these in a process each, held at ``point`` until all are there or cannot come; returns what each did."""
    place.now = now
    place.runtime.engine.dispose()
    [answers] = run_jobs([job(place.folder, action, now, meet=(point, len(actions))) for action in actions])
    assert [answer["said"] for answer in answers if answer["code"]] == []
    met = [answer["said"]["met"] for answer in answers]
    assert all(met) == (engines.name() == engines.POSTGRESQL), met
    return [answer["said"]["did"] for answer in answers]
