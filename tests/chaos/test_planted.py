"""Crashes that must be noticed where a step did things in a wrong order; tests/defences.toml plants the wrong orders."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import engines
from tests.chaos import stage as chaos
from tests.chaos.matrix import Scenario
from tests.chaos.stage import Stage
from tests.steps.child import job, run_jobs
from tests.steps.place import LATER


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with chaos.stage(tmp_path_factory.mktemp("planted")) as found:
        yield found


@pytest.mark.parametrize("point", ["batch: before commit", "export: before the rename"])
def test_what_leaves_is_sealed_and_what_is_marked_has_left(stage: Stage, point: str) -> None:
    """Killed before a file is sealed, nothing of it lies in the outbox; killed before it lies there, nobody says that it left."""
    place = stage.place(point)
    chaos.strike(stage, Scenario(1, 1, point, "the process", "none"), place)
    chaos.recover(place)

    assert chaos.wrong(place) == []
    assert chaos.facts(place) == stage.undisturbed("none")


def test_a_worker_that_slept_through_the_work_of_another(stage: Stage) -> None:
    """It read a sealed file, and wakes up when the file is at the bank: the version alone, without isolation, stops it."""
    place = stage.place("slept")
    for step in ("receive", "reconcile", "ingest", "collect", "batch"):
        chaos.PIPELINE[step][0](place.runtime)
    place.runtime.engine.dispose()
    engines.let_go()
    sleeper = job(place.folder, "handover", LATER, meet=("handover: read", 2), isolation="READ COMMITTED")
    [answers] = run_jobs([sleeper, job(place.folder, "run", LATER, meet=("seal: after a chunk", 2))])
    assert [(one["code"], one["said"]["met"]) for one in answers] == [(0, True)] * 2
    chaos.recover(place)

    assert chaos.wrong(place) == []
    assert chaos.facts(place) == stage.undisturbed("none")
