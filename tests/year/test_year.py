"""A seeded business of some weeks, or of a year: the books equal a second computation that imports none of our rules.

A year, and any other: YEAR_KIND=year YEAR_SEEDS="7 8" YEAR_DAYS=365 python -m pytest tests/year -k seed
"""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import pytest

from tests.year import bank, business, papers, post, second, truth
from tests.year.run import Year

SEEDS = [int(seed) for seed in os.environ.get("YEAR_SEEDS", "9").split()]
DAYS = int(os.environ.get("YEAR_DAYS", "12"))
KIND = os.environ.get("YEAR_KIND", "weeks")
WHY = "the same days on both engines would only take longer"


@pytest.mark.only_on("postgresql", WHY)
@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"seed-{seed}")
def test_the_books_of_a_business_equal_a_second_computation(tmp_path: Path, seed: int) -> None:
    """Whatever happens in the business and at the bank, and however its papers come: the checks hold, both computations agree."""
    _live(Year(tmp_path, seed, KIND), DAYS)


@pytest.mark.only_on("sqlite", WHY)
def test_the_same_in_one_file(tmp_path: Path) -> None:
    """Another seed, on SQLite."""
    _live(Year(tmp_path, 10, "weeks"), 12)


def _live(year: Year, days: int) -> None:
    year.live(days)
    year.settle()
    year.world.close()


@pytest.mark.only_on("sqlite", "nothing is stored")
def test_the_second_computation_imports_none_of_our_rules() -> None:
    """It knows what happened, and nothing of the product; who makes it happen knows the files of the simulated bank."""
    allowed = {
        second: {"tests"},
        truth: set(),
        papers: {"tests"},
        post: {"tests"},
        business: {"tests"},
        bank: {"tests", "bridge.sim"},
    }
    for module, known in allowed.items():
        parsed = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
        names = [name.name for node in ast.walk(parsed) if isinstance(node, ast.Import) for name in node.names]
        names += [node.module or "" for node in ast.walk(parsed) if isinstance(node, ast.ImportFrom)]
        foreign = [name for name in names if name.split(".")[0] not in sys.stdlib_module_names and name not in known]
        assert [name for name in foreign if name != "tests.year" and not name.startswith("tests.year.")] == [], module.__name__
