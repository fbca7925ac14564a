"""Export what was approved; where a folder is the bank's, hand it over.

The file in the outbox is the sealed bytes, never rendered again. Export may be repeated at any time and gives the same file; the
ledger moves only at the hand-over (Clearing / Receivable, one voucher a batch).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from hashlib import sha256
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import archive, books, custody, signing
from bridge.books import PlannedMove, Recorder, Unit
from bridge.errors import BridgeError, IllegalMove, IntegrityError, NotAllowed, UnknownName
from bridge.model import Batch, Creditor, Document
from bridge.rules import lifecycle
from bridge.runtime import Runtime
from bridge.transport import folder
from bridge.transport.folder import ManifestLine

ACTOR = "handover"


def run(runtime: Runtime) -> dict[str, int]:
    """Approve what needs nobody, export what is approved, hand over where the folder is the hand-over.

    A file that may not leave does not stop the others; it is reported at the end. Raises IntegrityError before anything is sent
    where the manifest knows more than the database; NotAllowed or IntegrityError for the files that stay; Unavailable.
    """
    custody.check_manifest(runtime)
    counts: Counter[str] = Counter()
    stayed: list[BridgeError] = []

    def each(what: str, message_ids: Iterable[str], act: Callable[[str], object]) -> None:
        for message_id in message_ids:
            try:
                act(message_id)
            except (NotAllowed, IllegalMove, IntegrityError) as problem:
                stayed.append(problem)
            else:
                counts[what] += 1

    found = partial(_in_state, runtime)
    each("approved", found("sealed", approval="none"), partial(_approve_by_rule, runtime))
    each("exported", found("approved"), lambda message_id: export(runtime, actor=ACTOR, message_id=message_id))
    each("again", _left_halfway(runtime), lambda message_id: export(runtime, actor=ACTOR, message_id=message_id))
    each("submitted", found("exported", handover="folder"), partial(_hand_over, runtime))
    if stayed:
        raise type(stayed[0])("; ".join(str(problem) for problem in stayed)) from stayed[0]
    return {name: counts[name] for name in ("approved", "exported", "submitted")}


def export(runtime: Runtime, *, actor: str, message_id: str) -> Path:
    """Put the sealed file into the outbox and remember it in the manifest; returns its path.

    In this order, so that a crash anywhere repeats harmlessly: number and state in the database, the manifest line, the file. A
    file that is in nobody's manifest never stands in the outbox. Raises IllegalMove, IntegrityError, Unavailable, UnknownName.
    """
    outbox = runtime.settings.folder("outbox")
    custody.check_manifest(runtime)
    marked = runtime.work(lambda session: _mark(session, runtime, message_id, actor))
    if isinstance(marked, str):
        raise NotAllowed(marked)
    body, line, name = marked
    runtime.fault("export: before the manifest")
    folder.remember(outbox, line)
    runtime.fault("export: before the file")
    path = folder.write(outbox, name, body)
    runtime.fault("export: after the file")
    return path


def _in_state(runtime: Runtime, state: str, *, approval: str | None = None, handover: str | None = None) -> list[str]:
    """MsgIds of the files in this state, oldest first; only those whose creditor has this approval and hand-over, if given."""
    with runtime.reading() as session:
        rows = session.execute(
            select(Batch.message_id, Creditor.creditor_id)
            .join(Creditor, Creditor.id == Batch.creditor_id)
            .where(Batch.state == state)
            .order_by(Batch.id)
        ).all()
    found = []
    for message_id, creditor_id in rows:
        rules = runtime.settings.rules_for(creditor_id)
        if approval in (None, rules.approval) and handover in (None, rules.handover):
            found.append(message_id)
    return found


def _left_halfway(runtime: Runtime) -> list[str]:
    """Exported in the database, but a crash came before the manifest line or the file."""
    outbox = runtime.settings.folder("outbox")
    remembered = {line.message_id for line in folder.manifest(outbox)}
    exported = _in_state(runtime, "exported")
    return [message_id for message_id in exported if message_id not in remembered or not (outbox / f"{message_id}.xml").exists()]


def _approve_by_rule(runtime: Runtime, message_id: str) -> None:
    runtime.work(lambda session: _approve(session, runtime, message_id))


def _approve(session: Session, runtime: Runtime, message_id: str) -> None:
    batch = session.scalars(select(Batch).where(Batch.message_id == message_id)).one()
    custody.judge_again(session, runtime, batch)
    state = lifecycle.step("batch", message_id, batch.state, "approved")
    move = PlannedMove(
        "batch", batch.id, batch.version, "approved", batch.state, state, "config: approval = none", runtime.today()
    )
    books.apply_all(session, [Unit(moves=(move,))], Recorder(ACTOR, runtime.clock()))


def _hand_over(runtime: Runtime, message_id: str) -> None:
    """The folder is the bank's: a file that stands there, remembered in the manifest, is handed over. Raises IntegrityError."""
    outbox = runtime.settings.folder("outbox")
    remembered = {line.message_id for line in folder.manifest(outbox)}
    if message_id not in remembered or not (outbox / f"{message_id}.xml").exists():
        raise IntegrityError(f"{message_id} does not stand in {outbox}, so it is not handed over")
    runtime.work(lambda session: custody.submit(session, runtime, message_id, actor=ACTOR, evidence="folder"))


def _mark(session: Session, runtime: Runtime, message_id: str, actor: str) -> tuple[bytes, ManifestLine, str] | str:
    """Number the file and move it to exported; one that was exported before keeps its number. Returns why it may not leave."""
    batch = session.scalar(select(Batch).where(Batch.message_id == message_id))
    if batch is None:
        raise UnknownName.among("batch", message_id, session.scalars(select(Batch.message_id).where(Batch.state != "discarded")))
    if batch.manifest_no is None:
        custody.judge_again(session, runtime, batch)
        why = signing.refuse_unsigned(session, runtime, batch, actor=actor)
        if why:
            return why
        state = lifecycle.step("batch", message_id, batch.state, "exported")
        number = custody.next_manifest_no(session)
        move = PlannedMove(
            "batch",
            batch.id,
            batch.version,
            "exported",
            batch.state,
            state,
            "outbox",
            runtime.today(),
            signing.under(session, runtime, batch).sentence,
            sets=(("manifest_no", number),),
        )
        books.apply_all(session, [Unit(moves=(move,))], Recorder(actor, runtime.clock()))
        session.refresh(batch)
    elif batch.state == "discarded":
        lifecycle.step("batch", message_id, batch.state, "exported")
    body = archive.fetch(session, runtime.keys, session.get_one(Document, batch.document_id))
    if sha256(body).hexdigest() != batch.sha256:
        raise IntegrityError(
            f"{message_id}: the stored bytes are not those that were sealed; restore the database from your backup"
        )
    return body, custody.manifest_line(session, batch), batch.file_name
