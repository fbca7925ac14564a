"""What docs/operations.md gives to be copied: the units of systemd and the alarms, held against our settings and gauges."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from bridge import health
from bridge.reports import metrics
from bridge.settings import Broker
from bridge.steps import PIPELINE
from tests.house.code import ROOT
from tests.steps.place import Place

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
UNIT_SECONDS = 60  # what a unit of work may take after the end of its step's turn


def unit() -> dict[str, str]:
    """What the unit of the worker says under [Service]; of a name that stands there twice the last."""
    found = re.search(r"^\[Service\]\n(.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return dict(line.split("=", 1) for line in found[1].splitlines() if not line.startswith("#"))


def test_a_worker_of_systemd_is_stopped_as_one_of_compose() -> None:
    """SIGTERM reaches the worker alone, for it would end the processes of its steps; a turn and a unit of work have time."""
    assert unit()["KillMode"] == "mixed"
    assert int(unit()["TimeoutStopSec"]) >= Broker().turn_seconds + UNIT_SECONDS


def test_a_step_of_systemd_has_room_for_its_file() -> None:
    """ProtectSystem=strict takes /tmp away; the cut writes there."""
    assert unit()["ProtectSystem"] == "strict"
    assert unit()["PrivateTmp"] == "yes"


def alarms() -> dict[str, str]:
    """Name -> the expression that rings it."""
    found = re.search(r"^```\n(groups:\n.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    [group] = yaml.safe_load(found[1])["groups"]
    return {rule["alert"]: rule["expr"] for rule in group["rules"]}


def test_the_alarms_and_the_table_ask_for_gauges_that_there_are(tmp_path: Path) -> None:
    """And the table tells of every gauge."""
    place = Place(tmp_path)
    with place.runtime.reading() as session:
        gauges = {one.name for one in metrics.build(session, place.runtime)}
    rows = PAGE.partition("| gauge (")[2].partition("\n\n")[0].splitlines()[2:]
    table = {one for row in rows for one in re.findall(r"`(\w+)`", row.split(" | ")[0])}

    assert {one for said in alarms().values() for one in re.findall(rf"{health.PREFIX}(\w+)", said)} <= gauges
    assert table == gauges


def test_a_dead_worker_is_noticed_before_a_busy_one() -> None:
    """The limits lie just above what a busy worker of one process reaches: a ring, its turn, and the turns of all other steps."""
    limits = {name: int(re.sub(r".*> ", "", alarms()[name])) for name in ("NobodyWorks", "StepStopped")}
    ring, turn = Broker().ring_seconds, Broker().turn_seconds

    assert ring + turn < limits["NobodyWorks"] <= 2 * (ring + turn)
    assert ring + len(PIPELINE) * turn < limits["StepStopped"] <= 2 * (ring + len(PIPELINE) * turn)
