"""Export what was approved; where a folder is the bank's, hand it over.

The file in the outbox is the sealed bytes, never rendered again. Export may be repeated at any time and gives the same file; the
ledger moves only at the hand-over (Clearing / Receivable, one voucher a batch). A file that never left and whose member may not
go out any more is discarded by rule; one that waits in the outbox for its upload gets a Break instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import archive, books, custody, shards, signing
from bridge.books import PlannedMove, Recorder, Unit
from bridge.custody import Word
from bridge.errors import BridgeError, IllegalMove, IntegrityError, NotAllowed
from bridge.model import Batch, Break, Creditor, Document, Move
from bridge.rules import lifecycle
from bridge.runtime import Runtime
from bridge.transport import folder
from bridge.transport.folder import ManifestLine

ACTOR = "handover"
DO_NOT_UPLOAD = "DO_NOT_UPLOAD"
Marked = tuple[bytes, ManifestLine, str]


@dataclass(frozen=True, slots=True)
class Stays:
    """A file that does not leave, and why: it was discarded, or waits for another signature."""

    why: str
    discarded: bool


def run(runtime: Runtime) -> dict[str, int]:
    """Approve what needs nobody, export what is approved, hand over where the folder is the hand-over.

    A file that may not leave does not stop the others: one that never left is discarded by rule, another is reported at the end.
    Raises IntegrityError before anything is sent where the manifest knows more than the database; NotAllowed or IntegrityError
    for the files that stay; Unavailable.
    """
    custody.check_manifest(runtime)
    custody.tidy(runtime)
    custody.purge(runtime)
    counts: Counter[str] = Counter()
    stayed: list[BridgeError] = []

    def each(what: str, message_ids: Iterable[str], act: Callable[[str], object]) -> None:
        for message_id in message_ids:
            with shards.claimed(runtime, ACTOR, message_id) as ours:
                if not ours:
                    continue
                try:
                    answer = act(message_id)
                except (NotAllowed, IllegalMove, IntegrityError) as problem:
                    stayed.append(problem)
                    continue
            if isinstance(answer, Stays) and not answer.discarded:
                stayed.append(NotAllowed(answer.why))
            else:
                counts["discarded" if isinstance(answer, Stays) else what] += 1

    found = partial(_in_state, runtime)
    each("approved", found("sealed", approval="none"), partial(_approve_by_rule, runtime))
    each("looked at", found("sealed"), partial(_judge_again, runtime))
    with shards.claimed(runtime, ACTOR) as ours:  # files leave one after the other: they are numbered, and stand in one manifest
        if ours:
            each("exported", found("approved"), lambda message_id: _export(runtime, ACTOR, message_id))
            each("again", _left_halfway(runtime), lambda message_id: _export(runtime, ACTOR, message_id))
    each("submitted", _in_the_folder(runtime), partial(_hand_over, runtime))
    each("looked at", found("exported"), partial(_warn, runtime))
    if stayed:
        raise type(stayed[0])("; ".join(str(problem) for problem in stayed)) from stayed[0]
    return {name: counts[name] for name in ("approved", "exported", "submitted", "discarded")}


def export(runtime: Runtime, *, actor: str, message_id: str) -> Path:
    """Put the sealed file into the outbox and remember it in the manifest; returns its path.

    In this order, so that a crash anywhere repeats harmlessly: number and state in the database, the manifest line, the file. A
    file that is in nobody's manifest never stands in the outbox. Raises IllegalMove, IntegrityError, Unavailable, UnknownName,
    and NotAllowed for a file that is frozen, may not leave any more (it is discarded then), or lost a signature.
    """
    custody.check_manifest(runtime)
    path = _export(runtime, actor, message_id)
    if isinstance(path, Stays):
        raise NotAllowed(path.why)
    return path


def _export(runtime: Runtime, actor: str, message_id: str) -> Path | Stays:
    """The path of the file; or why it stays."""
    outbox = runtime.settings.folder("outbox")
    marked = runtime.work(lambda session: _mark(session, runtime, message_id, actor))
    if isinstance(marked, Stays):
        return marked
    body, line, name = marked
    runtime.fault("export: before the manifest")
    folder.remember(outbox, line)
    runtime.fault("export: before the file")
    path = folder.write(outbox, name, body, before_rename=partial(runtime.fault, "export: before the rename"))
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
    exported = _without_frozen(runtime, _in_state(runtime, "exported"))
    return [message_id for message_id in exported if message_id not in remembered or not (outbox / f"{message_id}.xml").exists()]


def _in_the_folder(runtime: Runtime) -> list[str]:
    """The files that the folder hands over: those that stand there, but for one that people took back from the bank."""
    missing = set(_left_halfway(runtime))
    exported = _without_frozen(runtime, _in_state(runtime, "exported", handover="folder"))
    with runtime.reading() as session:
        last = select(Batch.message_id).join(Move, (Move.noun_id == Batch.id) & (Move.version == Batch.version))
        undone = set(session.scalars(last.where(Move.noun == "batch", Move.news == "handover_undone")))
    return [message_id for message_id in exported if message_id not in undone | missing]


def _without_frozen(runtime: Runtime, message_ids: Iterable[str]) -> list[str]:
    with runtime.reading() as session:
        frozen = custody.frozen(session)
    return [message_id for message_id in message_ids if message_id not in frozen]


def _approve_by_rule(runtime: Runtime, message_id: str) -> Stays | None:
    fit = runtime.work(lambda session: _approve(session, runtime, message_id), isolation="snapshot")
    return None if fit else _discard_unfit(runtime, message_id)


def _approve(session: Session, runtime: Runtime, message_id: str) -> bool:
    """Whether it may leave; then it is approved."""
    batch = custody.named(session, message_id)
    if batch.state != "sealed":
        return True  # another worker was first
    if custody.unfit(session, runtime, batch):
        return False
    runtime.fault("handover: read")
    state = lifecycle.step("batch", message_id, batch.state, "approved")
    move = PlannedMove(
        "batch", batch.id, batch.version, "approved", batch.state, state, "config: approval = none", runtime.today()
    )
    books.apply_all(session, [Unit(moves=(move,))], Recorder(ACTOR, runtime.clock()))
    return True


def _judge_again(runtime: Runtime, message_id: str) -> Stays | None:
    """A sealed file that waits for signatures is looked at again, so that nobody signs what may not leave."""
    with runtime.reading() as session:
        batch = custody.named(session, message_id)
        fit = batch.state != "sealed" or not custody.unfit(session, runtime, batch)
    return None if fit else _discard_unfit(runtime, message_id)


def _discard_unfit(runtime: Runtime, message_id: str) -> Stays | None:
    """Judged once more, as if alone: what becomes of its debits hangs on what came for them, and nobody judges that again."""

    def look(session: Session) -> Stays | None:
        batch = custody.named(session, message_id)
        why = custody.judge_again(session, runtime, batch, actor=ACTOR) if batch.state == "sealed" else ""
        runtime.fault("handover: discarded")
        return Stays(why, discarded=True) if why else None

    return runtime.work(look)


def _hand_over(runtime: Runtime, message_id: str) -> None:
    """The folder is the bank's: a file that stands there, remembered in the manifest, is handed over. Raises IntegrityError."""
    outbox = runtime.settings.folder("outbox")
    remembered = {line.message_id for line in folder.manifest(outbox)}
    if message_id not in remembered or not (outbox / f"{message_id}.xml").exists():
        raise IntegrityError(f"{message_id} does not stand in {outbox}, so it is not handed over")
    word = Word("submitted", "folder", runtime.today())

    def submit(session: Session) -> None:
        custody.submit(session, runtime, custody.named(session, message_id), word, actor=ACTOR)
        runtime.fault("handover: before commit")

    runtime.work(submit)  # as if alone: whether a debit is owed, or at the bank already, is judged here for the last time


def _warn(runtime: Runtime, message_id: str) -> None:
    """A file that waits for its upload and has a member that may not go out any more: a Break, as long as that is so."""
    with runtime.reading() as session:
        said, what = _warning(session, runtime, message_id)
    if said != what:
        runtime.work(partial(_say_warning, runtime=runtime, message_id=message_id))


def _warning(session: Session, runtime: Runtime, message_id: str) -> tuple[str, str]:
    """What its open Break says of this file, and what it should say; "" for none."""
    known = select(Break.what).where(
        Break.kind == DO_NOT_UPLOAD, Break.subject == f"batch:{message_id}", Break.closed_at.is_(None)
    )
    said = session.scalar(known) or ""
    batch = custody.named(session, message_id)
    if batch.state != "exported":
        return said, said
    why = custody.unfit(session, runtime, batch)
    return said, f"{message_id} waits for its upload, but {why}" if why else ""


def _say_warning(session: Session, runtime: Runtime, message_id: str) -> None:
    """As if alone: nobody is told not to upload what was uploaded or discarded in the same moment."""
    said, what = _warning(session, runtime, message_id)
    by, subject = Recorder(ACTOR, runtime.clock()), f"batch:{message_id}"
    if said != what:
        books.close_breaks(session, [subject], by, "it is otherwise now", kinds=[DO_NOT_UPLOAD])
    if what:
        then = f"do not upload it: two people run 'bridge batch discard {message_id} --not-uploaded'"
        books.open_breaks(session, [(DO_NOT_UPLOAD, subject, what, then)], by, runtime.today())


def _not_again(session: Session, runtime: Runtime, batch: Batch) -> str:
    """Why an exported file that does not stand in the outbox is not put there now; "" where it is, or may be.

    A crash came before the file, and what is true since (a source is frozen, a mandate revoked, the bank's hour over) counts. It
    is not discarded by rule: a file that is missing may have been fetched, and only people know. As long as it stays, it has a
    Break, 'bridge run' says so, and so does the check of the manifest; once it may leave again, the next run puts it there.
    """
    if (runtime.settings.folder("outbox") / batch.file_name).exists():
        return ""
    why = custody.unfit(session, runtime, batch)
    return f"{batch.message_id} does not stand in the outbox, and is not put there: {why}" if why else ""


def _mark(session: Session, runtime: Runtime, message_id: str, actor: str) -> Marked | Stays:
    """Number the file and move it to exported; one that was exported before keeps its number. Or why it stays."""
    batch = custody.named(session, message_id, among=("sealed", "approved", "exported", *custody.AT_THE_BANK))
    again = batch.manifest_no is not None
    if not again:
        state = lifecycle.step("batch", message_id, batch.state, "exported")
        why = custody.judge_again(session, runtime, batch, actor=actor)
        unsigned = "" if why else signing.refuse_unsigned(session, runtime, batch, actor=actor)
        if why or unsigned:
            return Stays(why or unsigned, discarded=bool(why))
        words = signing.under(session, runtime, batch).sentence
        sets = (("manifest_no", custody.next_manifest_no(session)),)
        move = PlannedMove(
            "batch", batch.id, batch.version, "exported", batch.state, state, "outbox", runtime.today(), words, sets
        )
        books.apply_all(session, [Unit(moves=(move,))], Recorder(actor, runtime.clock()))
        session.refresh(batch)
    elif batch.state == "discarded":
        lifecycle.step("batch", message_id, batch.state, "exported")
    custody.refuse_frozen(session, batch)
    if again and batch.state == "exported" and (why := _not_again(session, runtime, batch)):
        return Stays(why, discarded=False)
    body = archive.fetch(session, runtime.keys, session.get_one(Document, batch.document_id))
    if sha256(body).hexdigest() != batch.sha256:
        raise IntegrityError(
            f"{message_id}: the stored bytes are not those that were sealed; restore the database from your backup"
        )
    return body, custody.manifest_line(session, batch), batch.file_name
