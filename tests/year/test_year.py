"""A seeded business of some weeks, or of a year: the books equal a second computation that imports none of our rules.

YEAR_SEEDS="7 8" YEAR_DAYS=365 YEAR_DAILY=3 python -m pytest tests/year
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.year.run import Year

SEEDS = [int(seed) for seed in os.environ.get("YEAR_SEEDS", "1 2").split()]
DAYS = int(os.environ.get("YEAR_DAYS", "21"))
DAILY = float(os.environ.get("YEAR_DAILY", "3"))


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"seed-{seed}")
def test_the_books_of_a_business_equal_a_second_computation(tmp_path: Path, seed: int) -> None:
    """Whatever happens in the business and at the bank, and however its papers come: the checks hold, both computations agree."""
    year = Year(tmp_path, seed, DAILY)
    year.live(DAYS)
    year.settle()
    print(len(year.business.invoices), year.compared, year.post.tricks, year.people.done)
    year.world.close()
