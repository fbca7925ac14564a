"""``bridge run`` is killed before its n-th statement, for n all over the run; the next run ends where an undisturbed one ends."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.steps.child import job, run_jobs
from tests.steps.place import LATER, Place, half_way

POINTS = 25


def test_a_kill_at_any_statement_changes_nothing_in_the_end(tmp_path: Path) -> None:
    """The whole pass, from log to bank line, killed at 25 places: every row as without the kill, each file once in the outbox."""
    template = half_way(tmp_path / "template")
    calm = _copy(template, tmp_path / "calm")
    [[counted]] = run_jobs([job(calm.folder, "count", LATER)])
    statements = counted["said"]
    assert statements > POINTS
    wanted, files = calm.dump(), calm.outbox()
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
        assert place.outbox() == files, f"killed before statement {number} of {statements}"


def _copy(template: Place, folder: Path) -> Place:
    shutil.copytree(template.folder, folder)
    return Place(folder, now=LATER)
