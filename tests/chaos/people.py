"""People who move files: they sign, upload and mark; of one file they say that it was not uploaded after all, and give it up.

Whoever comes looks at what stands there and does what is next, so whoever was cut off goes on where he was. Of two people the
second one is cut off: his word is the one that moves the file.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from sqlalchemy import select

from bridge.acts import approve, confirm_upload, discard, undo_upload
from bridge.errors import NotAllowed
from bridge.model import Batch, Break, Move
from bridge.runtime import Runtime
from bridge.steps import PIPELINE
from bridge.steps.handover import DO_NOT_UPLOAD

RULES = 'batch_at = ""\napproval = "four-eyes"\nhandover = "portal"\n'
MISTAKEN = "-20261203-001-"  # in the name of the first file that is cut at LATER
STATIONS_MAX = 6


def upload(runtime: Runtime) -> None:
    """Every file that is ready is signed, exported and marked."""
    for name in _files(runtime, "sealed"):
        _sign(runtime, name)
    steps(runtime)
    for name in _files(runtime, "exported"):
        confirm_upload.run(runtime, "clara", name)


def think_again(runtime: Runtime) -> None:
    """The first new file is marked, but was not uploaded: two people take that back, two give it up; the next one leaves."""
    steps(runtime)
    for name in _files(runtime, "sealed", "approved", "exported", "submitted", like=f"%{MISTAKEN}%"):
        for _ in range(STATIONS_MAX):
            _next(runtime, name)
    steps(runtime)
    upload(runtime)


def heed(runtime: Runtime) -> None:
    """Two people do what DO_NOT_UPLOAD asks them for."""
    with runtime.reading() as session:
        asked = select(Break.subject).where(Break.kind == DO_NOT_UPLOAD, Break.closed_at.is_(None)).order_by(Break.id)
        names = [subject.removeprefix("batch:") for subject in session.scalars(asked)]
    for name in names:
        _give_up(runtime, name)


def steps(runtime: Runtime) -> None:
    """Every step once; that a file stays is told by its Break."""
    for step, _ in PIPELINE.values():
        with suppress(NotAllowed):
            step(runtime)


def _next(runtime: Runtime, name: str) -> None:
    """One station on the way of the file that was marked by mistake."""
    with runtime.reading() as session:
        batch_id, state = session.execute(select(Batch.id, Batch.state).where(Batch.message_id == name)).one()
        news = set(session.scalars(select(Move.news).where(Move.noun == "batch", Move.noun_id == batch_id)))
    if state == "sealed":
        _sign(runtime, name)
    elif state == "approved":
        steps(runtime)
    elif state == "submitted":
        undo_upload.run(_uncut(runtime), "anna", name, "the portal was down")
        undo_upload.run(runtime, "ben", name, "the portal was down")
    elif state == "exported" and "handover_undone" in news:
        _give_up(runtime, name)
    elif state == "exported":
        confirm_upload.run(runtime, "clara", name)


def _sign(runtime: Runtime, name: str) -> None:
    approve.run(_uncut(runtime), "anna", name)
    approve.run(runtime, "ben", name)


def _give_up(runtime: Runtime, name: str) -> None:
    discard.run(_uncut(runtime), "anna", name, "no portal", not_uploaded=True)
    discard.run(runtime, "ben", name, "no portal", not_uploaded=True)


def _uncut(runtime: Runtime) -> Runtime:
    return replace(runtime, fault=lambda _: None)


def _files(runtime: Runtime, *states: str, like: str = "%") -> list[str]:
    with runtime.reading() as session:
        found = select(Batch.message_id).where(Batch.state.in_(states), Batch.message_id.like(like)).order_by(Batch.id)
        return list(session.scalars(found))
