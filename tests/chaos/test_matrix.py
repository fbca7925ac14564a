"""kill -9 of whatever works, wherever it works, while bank and chain misbehave: the books are right, no debit goes twice."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from tests.chaos import stage as chaos
from tests.chaos.matrix import Scenario, scenarios
from tests.chaos.stage import Stage

log = logging.getLogger("chaos")
SEED, COUNT = int(os.environ.get("CHAOS_SEED", "1")), int(os.environ.get("CHAOS_COUNT", "12"))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with chaos.stage(tmp_path_factory.mktemp("chaos")) as found:
        yield found


@pytest.mark.parametrize("scenario", list(islice(scenarios(SEED), COUNT)), ids=str)
def test_a_crash(stage: Stage, scenario: Scenario, record_property: Callable[[str, object], None]) -> None:
    """After the recovery every invariant holds, and what came of it is what the same fault alone leads to."""
    record_property("scenario", str(scenario))
    how = chaos.hands(scenario)
    place = stage.place(f"{scenario.number}", how)
    fault = chaos.FAULTS[scenario.fault]
    fault.before(place)
    said = chaos.strike(stage, scenario, place)
    record_property("kill", said)
    log.info("%s: %s", scenario, said.strip())
    assert said == f"{scenario.point}: kill -9\n"
    fault.after(place)
    chaos.recover(place, how)

    assert chaos.wrong(place) == []
    if fault.same:
        calm, found = stage.undisturbed(scenario.fault, how), chaos.facts(place)
        assert {name: found[name] for name in fault.same} == {name: calm[name] for name in fault.same}
