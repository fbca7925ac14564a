"""Who comes second to a part of a step goes on to another; a claim ends with its block, or with the process that held it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge import shards
from bridge.errors import Unavailable
from bridge.model import Account
from bridge.steps import batch
from tests.steps.place import Place

PATIENCE_SECONDS = 10


def elsewhere(act: Callable[[], int]) -> int:
    """Do it in a process of its own, which ends with what it returns."""
    pid = os.fork()
    if not pid:
        os._exit(act())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def got(place: Place, step: str, part: int | str) -> int:
    with shards.claimed(place.runtime, step, part) as ours:
        return int(ours)


def test_a_part_is_one_process_s_until_it_ends_with_it(tmp_path: Path) -> None:
    """Another part, and the same part of another step, are free."""
    place = Place(tmp_path)
    with shards.claimed(place.runtime, "batch", 1) as ours:
        assert ours
        asked = (("batch", 1), ("batch", 2), ("collect", 1))
        assert [elsewhere(lambda what=what: got(place, *what)) for what in asked] == [0, 1, 1]  # type: ignore[misc]

    assert elsewhere(lambda: got(place, "batch", 1)) == 1


def test_a_person_is_told_that_another_is_cutting(tmp_path: Path) -> None:
    """A step goes on to other work and says nothing; a person who asks for files shall not take silence for "none is due"."""
    place = Place(tmp_path)
    [account] = place.rows(Account)

    def asked(scheduled: bool) -> int:
        try:
            batch.cut(place.runtime, actor="anna", scheduled=scheduled)
        except Unavailable as problem:
            return 1 if "another process is cutting the files of DE98ZZZ09999999999's account" in str(problem) else 2
        return 0

    with shards.claimed(place.runtime, "batch", account.id):
        assert [elsewhere(lambda scheduled=scheduled: asked(scheduled)) for scheduled in (True, False)] == [0, 1]  # type: ignore[misc]
    assert elsewhere(lambda: asked(False)) == 0


def test_a_claim_dies_with_its_process(tmp_path: Path) -> None:
    place = Place(tmp_path)
    pid = os.fork()
    if not pid:
        with shards.claimed(place.runtime, "batch", 1):
            (tmp_path / "held").touch()
            time.sleep(3 * PATIENCE_SECONDS)
            os._exit(0)
    until((tmp_path / "held").exists)
    held = elsewhere(lambda: got(place, "batch", 1))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)

    assert held == 0
    until(lambda: elsewhere(lambda: got(place, "batch", 1)) == 1)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.only_on("sqlite", "PostgreSQL has no file beside it")
def test_whoever_may_write_the_database_may_claim(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (tmp_path / "bridge.db").chmod(0o660)
    got(place, "batch", 1)

    assert (tmp_path / "bridge.db-claims").stat().st_mode & 0o777 == 0o660
