"""No test of the chain waits as a node that is busy would let it wait; the one that is about waiting counts the pauses."""

from __future__ import annotations

import pytest

from bridge.chain import source


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last word of a busy node at once."""
    monkeypatch.setattr(source, "PATIENCE", ())
