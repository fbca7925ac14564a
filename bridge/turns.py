"""Writes down how the last turn of each step ended; both shells, the command line and Celery, go through here."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, insert, update
from sqlalchemy.orm import Session

from bridge.errors import BridgeError
from bridge.model import StepRun
from bridge.model.step_run import WELL
from bridge.runtime import Runtime, TurnOver, migrated

log = logging.getLogger("bridge")


@contextmanager
def remembered(runtime: Runtime, step: str) -> Iterator[dict[str, int]]:
    """Around a turn of a step: whatever ends it is written down, told to whom bridge.toml names, and goes on its way.

    What was done is put into what this gives. Raises ConfigError, before any work, where the database was migrated meanwhile.
    """
    started_at, outcome = runtime.clock(), "bug"
    counts: dict[str, int] = {}
    bug: Exception | None = None
    try:
        migrated(runtime.engine)  # a process outlives an upgrade, and does not know what the new version's rows mean
        yield counts
        outcome = "done"
    except TurnOver:
        outcome = "more"
        raise
    except KeyboardInterrupt:  # a person's, or that of a step that took too long
        outcome = "stopped"
        raise
    except BridgeError:
        outcome = "refused"
        raise
    except Exception as problem:
        bug = problem
        raise
    finally:
        _remember(runtime, step, started_at, outcome)
        if runtime.tell is not None:
            from bridge.telemetry import Turn

            runtime.tell(Turn(step, outcome, started_at, runtime.clock(), counts, bug))


def _remember(runtime: Runtime, step: str, started_at: datetime, outcome: str) -> None:
    """In a unit of work of its own; what cannot be written down costs a wrong alarm, not the turn."""
    ended = {"started_at": started_at, "finished_at": runtime.clock(), "outcome": outcome}
    if outcome in WELL:
        ended["succeeded_at"] = ended["finished_at"]

    def unit(session: Session) -> None:
        changed = cast("CursorResult[Any]", session.execute(update(StepRun).where(StepRun.step == step).values(ended)))
        if not changed.rowcount:
            session.execute(insert(StepRun).values(step=step, **ended))

    try:
        runtime.work(unit)
    except Exception as problem:  # noqa: BLE001 - most likely what ended the turn as well, and that is said already
        log.warning("%s: how its turn ended could not be written down (%s)", step, type(problem).__name__)
