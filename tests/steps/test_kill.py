"""A process is killed before its n-th statement; the next run ends where an undisturbed one ends."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from bridge.steps import PIPELINE
from tests import engines
from tests.steps.child import job, run_jobs
from tests.steps.place import LATER, NOW, Bill, Place, half_way, mandate_line

#: how many places of a whole pass; a place costs half a second
POINTS = {engines.SQLITE: 19, engines.POSTGRESQL: 12}
#: between the commits: from which statement on, and every how many
BETWEEN = {engines.SQLITE: (1, 4), engines.POSTGRESQL: (3, 8)}


def test_a_kill_at_any_statement_changes_nothing_in_the_end(tmp_path: Path) -> None:
    """T26: the whole pass, from log to bank line, killed all over the run: every row as without it, each file once."""
    template = half_way(tmp_path / "template")
    calm = _copy(template, "calm", LATER)
    statements, points = len(_undisturbed(calm, "run", LATER)), POINTS[engines.name()]
    assert statements > points
    assert calm.ledger("Bank") == 500_000 + 10_000 + 2_500 - 10_000 - 300
    assert calm.ledger("Clearing") == 900 + 800  # the two that are on their way

    _kill(template, calm, "run", LATER, {1 + (statements - 1) * n // (points - 1) for n in range(points)})


def test_a_kill_between_two_statements_of_batch_export_and_hand_over(tmp_path: Path) -> None:
    """T26: from collections that are due to a file that is handed over, killed before any statement, and around every commit.

    A database undoes a unit of work whole, wherever in it the client was: so all around the commits, and between them some on
    each engine, at places of its own.
    """
    template = Place(tmp_path / "template", collection='batch_at = ""\napproval = "none"\nhandover = "folder"\n')
    template.mandates(mandate_line(1), mandate_line(2))
    template.bill(Bill(1), Bill(2, 2_500, debtor=2))
    for step in ("ingest", "collect"):
        PIPELINE[step][0](template.runtime)
    calm = _copy(template, "calm", NOW)
    sent = _undisturbed(calm, "batch+handover", NOW)
    assert (calm.ledger("Clearing"), len(calm.outbox())) == (12_500, 2)  # the file, and the manifest

    first, every = BETWEEN[engines.name()]
    commits = {number for number, commit in enumerate(sent, 1) if commit}
    numbers = commits | {number + 1 for number in commits if number < len(sent)} | set(range(first, len(sent), every))
    _kill(template, calm, "batch+handover", NOW, numbers)


def _undisturbed(calm: Place, action: str, now: datetime) -> list[bool]:
    """Let it run; returns for each statement that it sent whether it was a commit."""
    [[counted]] = run_jobs([job(calm.folder, action, now, count=True)])
    assert counted["code"] == 0, counted["said"]
    return list(counted["said"])


def _kill(template: Place, calm: Place, action: str, now: datetime, numbers: set[int]) -> None:
    """Kill the action before each of these statements and let it run again: then all is as in the calm place."""
    wanted, files = calm.dump(), calm.outbox()
    warm = _copy(template, "warm", now)
    places = {number: _copy(template, f"killed-{number}", now) for number in sorted(numbers)}
    groups = [
        [job(place.folder, action, now, statement=statement)] for number, place in places.items() for statement in (number, None)
    ]
    answers = [answer for [answer] in run_jobs(*groups, warm=job(warm.folder, action, now))]
    assert [answer["code"] for answer in answers[::2]] == [-9] * len(numbers)
    assert [answer for answer in answers[1::2] if answer["code"]] == []
    for number, place in places.items():
        assert place.dump() == wanted, f"killed before statement {number}"
        assert place.outbox() == files, f"killed before statement {number}"


def _copy(template: Place, name: str, now: datetime) -> Place:
    template.runtime.engine.dispose()
    folder = template.folder.with_name(name)
    engines.copy(template.folder, folder)
    return Place(folder, now=now)
