"""How the last turn of each step ended stands in one row, on both engines; the turn itself is not changed by that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bridge import turns
from bridge.errors import ConfigError, Unavailable
from bridge.model import StepRun
from bridge.runtime import TurnOver
from bridge.tasks import OutOfTime
from tests import engines
from tests.steps.place import LATER, NOW, Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def row(place: Place) -> Any:
    [found] = place.rows(StepRun)
    return found


@pytest.mark.parametrize(
    ("ending", "outcome"),
    [
        (None, "done"),
        (TurnOver(), "more"),
        (OutOfTime(), "stopped"),
        (Unavailable("the node does not answer"), "refused"),
        (ValueError("DE89370400440532013000"), "bug"),
    ],
)
def test_each_ending_is_written_down_and_goes_on_its_way(place: Place, ending: BaseException | None, outcome: str) -> None:
    """What ended the turn comes out as it was; only a turn that went well moves the moment of success."""
    with turns.remembered(place.runtime, "ingest"):
        pass
    place.now = LATER
    heard = None
    try:
        with turns.remembered(place.runtime, "ingest"):
            if ending is not None:
                raise ending
    except BaseException as raised:  # noqa: BLE001 - an interruption, too
        heard = raised

    found = row(place)
    assert heard is ending
    assert (found.step, found.outcome, found.started_at, found.finished_at) == ("ingest", outcome, LATER, LATER)
    assert found.succeeded_at == (LATER if outcome in {"done", "more"} else NOW)


def test_a_turn_that_cannot_be_written_down_is_done_all_the_same(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """Without its table the step's own result stands; one line says so, without any value."""
    with engines.plain(place.folder) as connection:
        connection.exec_driver_sql("DROP TABLE step_run")
    with turns.remembered(place.runtime, "ingest"):
        done = True

    [line] = [one.getMessage() for one in caplog.records if one.name == "bridge"]
    assert done
    assert line.startswith("ingest: how its turn ended could not be written down (")


def test_a_turn_over_a_newer_migration_is_refused(place: Place) -> None:
    """A process that runs on while the database is upgraded works no more, and its steps say what they would say at the start."""
    with turns.remembered(place.runtime, "ingest"):
        pass
    with engines.plain(place.folder) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    place.now = LATER
    worked = False
    for _ in range(2):
        with pytest.raises(ConfigError, match="stands at migration '9999', this version knows 0001 to"):  # noqa: SIM117
            with turns.remembered(place.runtime, "ingest"):
                worked = True

    assert not worked
    assert (row(place).outcome, row(place).succeeded_at) == ("refused", NOW)
