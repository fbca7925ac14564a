"""Outside data has one door, and CI does not do without it."""

from __future__ import annotations

import os

from tests.house.code import ROOT, where
from tests.testdata import NAMED, TESTDATA, vector_tests


def test_ci_has_the_vectors() -> None:
    """Where CI=true the folder BRIDGE_TESTDATA exists; elsewhere the summary says how many tests wait for it."""
    assert TESTDATA is not None or os.environ.get("CI") != "true", f"BRIDGE_TESTDATA={NAMED!r} is not a folder"


def test_one_door() -> None:
    """Only tests/testdata.py (and the conftest that reports it) reads BRIDGE_TESTDATA."""
    doors = {ROOT / "tests" / name for name in ("testdata.py", "conftest.py", "house/test_testdata.py")}
    found = [
        where(f) for f in sorted((ROOT / "tests").rglob("*.py")) if f not in doors and "BRIDGE_TESTDATA" in f.read_text("utf-8")
    ]
    assert found == []


def test_the_count_is_not_blind() -> None:
    """The vector tests are found by their guard, whether the folder is there or not."""
    assert len(vector_tests()) > 0
