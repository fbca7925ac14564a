"""What docs/operations.md gives to be copied: the units of systemd, held against our settings. No engine is needed."""

from __future__ import annotations

import re

from bridge.settings import Broker
from tests.house.code import ROOT

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
