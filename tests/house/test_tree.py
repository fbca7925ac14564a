"""ARCHITECTURE.md shows the tree that is there: nothing named is missing, nothing that exists is unnamed."""

from __future__ import annotations

import re
from pathlib import Path

from tests.house.code import BRIDGE, ROOT, modules

HEADING = "## Tree"
CLOSE_UP = {"__init__", "__main__"}  # every package has them; their first line says what they are


def test_what_is_named_exists() -> None:
    """Each ``name.py`` and ``folder/`` that a line of the block begins with is there, in bridge/ or in the project."""
    missing = [name for name in _entries() if not any(_exists(place, name) for place in (ROOT, BRIDGE, *_folders()))]
    assert missing == []


def test_what_exists_is_named() -> None:
    """Every package and module below bridge/ is named in the block."""
    words = set(re.findall(r"[a-z_0-9]+", _block()))
    found = {part for file in modules() for part in file.relative_to(BRIDGE).with_suffix("").parts} - CLOSE_UP
    assert sorted(found - words) == []


def _block() -> str:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    after = text.partition(f"\n{HEADING}")[2]
    found = re.search(r"```\w*\n(.*?)```", after, re.DOTALL)
    assert found, f"ARCHITECTURE.md has no block under {HEADING!r}"
    return found[1]


def _entries() -> list[str]:
    """What a line begins with: ``steps/``, ``books.py``, several of them side by side."""
    entries = []
    for line in _block().splitlines():
        for word in line.split():
            if not re.fullmatch(r"[\w.-]+(/|\.py)", word):
                break
            entries.append(word)
    return entries


def _folders() -> list[Path]:
    return [p for p in BRIDGE.rglob("*") if p.is_dir()]


def _exists(place: Path, name: str) -> bool:
    return place.joinpath(name).exists()
