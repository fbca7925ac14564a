"""docker-compose.yml and the Dockerfile as data, for the tests that hold them against the command line."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from tests.house.code import ROOT


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return found


def ours() -> dict[str, Any]:
    """The services that run our image."""
    return {name: one for name, one in compose()["services"].items() if one["image"].startswith("sdd-bridge:")}


def image() -> list[tuple[str, str]]:
    """The steps of the Dockerfile: (instruction, words)."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def words_of(instruction: str) -> list[str]:
    """The JSON words of the last such instruction."""
    rest = [rest for word, rest in image() if word == instruction][-1]
    found = re.search(r"\[.*\]", rest)
    assert found, rest
    listed: list[str] = json.loads(found[0])
    return listed


def settings_of(service: str) -> dict[str, str]:
    """The variables that compose gives to one of our services."""
    found: dict[str, str] = ours()[service].get("environment", {})
    return found
