"""``bridge run`` is killed before its n-th statement, for n all over the run; the next run ends where an undisturbed one ends."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

from bridge.sim.bank import SimBank
from bridge.steps import PIPELINE
from tests.steps.child import job, run_jobs
from tests.steps.place import NOW, OWN_IBAN, Bill, Place, mandate_line

POINTS = 25
LATER = NOW + timedelta(days=10)


def test_a_kill_at_any_statement_changes_nothing_in_the_end(tmp_path: Path) -> None:
    """The whole pass, from log to bank line, killed at 25 places: every row as without the kill, each file once in the outbox."""
    template = _prepared(tmp_path / "template")
    calm = _copy(template, tmp_path / "calm")
    [[counted]] = run_jobs([job(calm.folder, "count", LATER)])
    statements = counted["said"]
    assert statements > POINTS
    wanted, files = calm.dump(), _outbox(calm)
    assert calm.ledger("Bank") == 500_000 + 10_000 + 2_500 - 10_000 - 300
    assert calm.ledger("Clearing") == 900 + 800  # the two that are on their way

    numbers = sorted({1 + (statements - 1) * n // (POINTS - 1) for n in range(POINTS)})
    places = {number: _copy(template, tmp_path / f"killed-{number}") for number in numbers}
    groups = [
        [job(place.folder, "run", LATER, statement=statement)] for number, place in places.items() for statement in (number, None)
    ]
    answers = [answer for [answer] in run_jobs(*groups)]
    assert [answer["code"] for answer in answers[::2]] == [-9] * len(numbers)
    assert [answer for answer in answers[1::2] if answer["code"]] == []
    for number, place in places.items():
        assert place.dump() == wanted, f"killed before statement {number} of {statements}"
        assert _outbox(place) == files, f"killed before statement {number} of {statements}"


def _prepared(folder: Path) -> Place:
    """One file was sent at NOW and the bank's answers lie in the inbox; two new invoices wait to go the whole way."""
    place = Place(folder, collection='batch_at = ""\napproval = "none"\nhandover = "folder"\n')
    place.mandates(mandate_line(1), mandate_line(2))
    place.bill(Bill(1), Bill(2, 2_500, debtor=2), Bill(3, 700, debtor=3))
    for step, _ in PIPELINE.values():
        step(place.runtime)
    [path] = (folder / "outbox").glob("*.xml")
    bank = SimBank(OWN_IBAN, opening_cents=500_000, style="single", fees="inside")
    bank.plan({"plant-1-000001-1": "return:AM04:300"})
    bank.upload(path.read_bytes())
    (folder / "inbox" / "1.xml").write_bytes(bank.status_report(NOW.date()))
    (folder / "inbox" / "2.xml").write_bytes(bank.statement(date(2026, 12, 1)))
    (folder / "inbox" / "3.xml").write_bytes(bank.statement(date(2026, 12, 3)))
    (folder / "inbox" / "4.xml").write_bytes(b"no bank wrote this")
    due = int(LATER.timestamp()) + 10 * 86_400
    place.bill(Bill(4, 900, due=due, block=5_000), Bill(5, 800, debtor=2, due=due, block=5_001))
    place.runtime.engine.dispose()
    return place


def _copy(template: Place, folder: Path) -> Place:
    shutil.copytree(template.folder, folder)
    return Place(folder, now=LATER)


def _outbox(place: Place) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (place.folder / "outbox").iterdir()}
