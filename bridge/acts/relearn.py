"""A restored backup learns again which files left since: from the manifest, and from the bytes in the outbox.

A file that the manifest knows and the database does not is exported once more, without being sent: the same bytes, number and
EndToEndIds. Where the backup does not even know that it was cut, its rows are made again from its bytes, once the chain and the
mandates have given the debits back. Whether it was uploaded then says a person, or the bank by naming it. Who signed it cannot be
learned again: a Break asks somebody to look.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from bridge import audit_trail, books, custody
from bridge.books import PlannedMove, Recorder, Unit
from bridge.errors import BadInput
from bridge.intake.statuses import UNKNOWN_FILE
from bridge.model import (
    Batch,
    Break,
    Document,
    StatusReport,
    StatusReportLine,
)
from bridge.rules import lifecycle
from bridge.runtime import Runtime
from bridge.transport import folder
from bridge.transport.folder import VOID, ManifestLine

NAME = re.compile(r"[A-Z0-9-]{1,35}")


@dataclass(frozen=True, slots=True)
class Learned:
    """What became of a file. ``problem`` says what is missing; "" where the database and the manifest agree about it now."""

    message_id: str
    what: str  # "exported", "discarded", "written to the manifest" or "not learned"
    problem: str = ""


def run(runtime: Runtime, actor: str) -> list[Learned]:
    """Bring database and manifest to the same files; returns one answer for each file that they did not agree about.

    Nothing is sent. May be repeated: what could not be learned says what it needs first. Raises IntegrityError for a manifest
    that cannot be read or has another file under a name, Unavailable.
    """
    found = custody.compare(runtime)
    answers = []
    for message_id in found.lost:
        custody.remember(runtime, message_id)
        runtime.work(partial(_note, runtime=runtime, actor=actor, message_id=message_id, words="written to the manifest"))
        answers.append(Learned(message_id, "written to the manifest"))
    if found.ahead:
        answers += _given_up_since(runtime, actor)
    for line in found.ahead:
        try:
            what = runtime.work(partial(_learn, runtime=runtime, actor=actor, line=line))
            answers.append(Learned(line.message_id, what))
        except BadInput as problem:
            answers.append(Learned(line.message_id, "not learned", str(problem)))
    custody.tidy(runtime)
    return answers


def _given_up_since(runtime: Runtime, actor: str) -> list[Learned]:
    """Files that left before the backup and lie in void/ alone: people gave them up after it."""
    outbox = runtime.settings.folder("outbox")
    with runtime.reading() as session:
        names = list(session.scalars(select(Batch.message_id).where(Batch.state == "exported").order_by(Batch.id)))
    places = {name: folder.find(outbox, f"{name}.xml") for name in names}
    void = [name for name, place in places.items() if place is not None and place.parent.name == VOID]

    def give_up(session: Session, message_id: str) -> None:
        _give_up(session, runtime, actor, custody.named(session, message_id))
        _note(session, runtime, actor, message_id, "discarded")

    for name in void:
        runtime.work(partial(give_up, message_id=name))
    return [Learned(name, "discarded") for name in void]


def _give_up(session: Session, runtime: Runtime, actor: str, batch: Batch) -> None:
    why = "it lies in outbox/void: people had stated that it was not uploaded"
    custody.discard(session, runtime, batch, actor=actor, evidence="manifest", reason=why)


def _learn(session: Session, runtime: Runtime, actor: str, line: ManifestLine) -> str:
    if not NAME.fullmatch(line.message_id):
        raise BadInput("its name is none that we give; restore the manifest from your backup")
    taken = select(Batch.message_id).where(Batch.manifest_no == line.sequence, Batch.message_id != line.message_id)
    other = session.scalar(taken)
    if other is not None:
        raise BadInput(f"the database has {other} as number {line.sequence}; restore the manifest from your backup")
    place = folder.find(runtime.settings.folder("outbox"), f"{line.message_id}.xml")
    batch = session.scalar(select(Batch).where(Batch.message_id == line.message_id))
    batch = (
        custody.remade(session, runtime, actor, line, place) if batch is None else _exported(session, runtime, actor, line, batch)
    )
    _hear_again(session, runtime, actor, batch)
    given_up = place is not None and place.parent.name == VOID
    if given_up:
        _give_up(session, runtime, actor, batch)
    what = f"{batch.message_id} left before this backup was restored; who signed it is not known here"
    then = "see in the portal whether it was uploaded (bridge batch mark-uploaded, or two discard it), then close this"
    books.open_breaks(
        session, [("RELEARNED", f"batch:{batch.message_id}", what, then)], Recorder(actor, runtime.clock()), runtime.today()
    )
    _note(session, runtime, actor, batch.message_id, "discarded" if given_up else "exported")
    return "discarded" if given_up else "exported"


def _exported(session: Session, runtime: Runtime, actor: str, line: ManifestLine, batch: Batch) -> Batch:
    """The backup knows the file, but not that it left."""
    if batch.sha256 != line.sha256:
        raise BadInput("the database has other bytes under this name; restore the newest backup")
    if batch.state not in custody.NOT_LEFT:
        raise BadInput(f"the database has it as {batch.state}, and yet it left; restore the newest backup")
    state = lifecycle.step("batch", batch.message_id, batch.state, "relearned")
    sets = (("manifest_no", line.sequence),)
    move = PlannedMove("batch", batch.id, batch.version, "relearned", batch.state, state, "manifest", runtime.today(), sets=sets)
    books.apply_all(session, [Unit(moves=(move,))], Recorder(actor, runtime.clock()))
    session.refresh(batch)
    return batch


def _hear_again(session: Session, runtime: Runtime, actor: str, batch: Batch) -> None:
    """Status reports that came while the file was not known are read by the next reconciliation."""
    about = select(StatusReport).where(func.upper(StatusReport.original_message_id) == batch.message_id.upper())
    for report in session.scalars(about).all():
        subject = f"document:{session.get_one(Document, report.document_id).sha256}"
        was = select(Break.id).where(Break.subject == subject, Break.kind == "NOT_OUR_FILE", Break.what.startswith(UNKNOWN_FILE))
        if session.scalar(was.limit(1)) is None:
            continue
        session.execute(update(StatusReportLine).where(StatusReportLine.report_id == report.id).values(outcome="new"))
        by = Recorder(actor, runtime.clock())
        books.close_breaks(session, [subject], by, "its file was learned again", kinds=["NOT_OUR_FILE"])


def _note(session: Session, runtime: Runtime, actor: str, message_id: str, words: str) -> None:
    audit_trail.note(session, at=runtime.clock(), actor=actor, act="doctor --relearn", object=f"batch:{message_id}", detail=words)


def problems(answers: Sequence[Learned]) -> list[Learned]:
    """The files about which database and manifest still do not agree."""
    return [answer for answer in answers if answer.problem]
