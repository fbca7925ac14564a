"""What whoever waits for a backfill is told."""

from __future__ import annotations

import pytest

from bridge.steps.ingest import pace


@pytest.mark.parametrize(
    ("done", "whole", "seconds", "words"),
    [
        (50, 100, 10.0, "less than a minute left"),
        (10, 100, 10.0, "about 2 minutes left"),
        (1, 8, 10.0, "about 1 minute left"),
        (1, 1_000, 60.0, "about 17 hours left"),
        (1, 2, 7_000.0, "about 117 minutes left"),
    ],
)
def test_how_long_it_takes(done: int, whole: int, seconds: float, words: str) -> None:
    """The rest at the pace so far."""
    assert pace.left(done, whole, seconds) == words


def test_how_far_it_is() -> None:
    """Of the blocks that are read now, not of the whole chain; at the end nothing is left to say."""
    of = pace.Pace(1_001, 2_000)
    assert of.said(1_250).startswith("block 1,250 of 2,000, 25 %, ")
    assert of.said(2_000) == "block 2,000 of 2,000"
