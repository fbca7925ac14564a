"""What the bank leaves unanswered becomes a Break after five TARGET days, not earlier, and closes when the answer comes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests import worlds
from tests.worlds import CORE_DEBTOR, Usage, World

DUE = date(2026, 11, 25)  # a Wednesday; five TARGET days later is Wednesday, 2 December


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One debit at the bank, due on 25 November."""
    made = worlds.at_the_bank(tmp_path / "world", (Usage(CORE_DEBTOR, 100_00, DUE),))
    yield made
    made.put_away()


@pytest.mark.parametrize(
    ("today", "kinds"),
    [(datetime(2026, 12, 2, 20, tzinfo=UTC), []), (datetime(2026, 12, 3, 8, tzinfo=UTC), ["NO_ANSWER"])],
)
def test_a_debit_without_an_answer(world: World, today: datetime, kinds: list[str]) -> None:
    """Five TARGET days after the due date are not too long; the sixth is, and a person asks the bank. Once."""
    world.now = today
    world.run("reconcile")
    world.run("reconcile")

    assert [kind for kind, _ in world.open_breaks()] == kinds
