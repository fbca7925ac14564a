"""What a person says of notices: letters were posted, a mail came back."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bridge import announcing, audit_trail, books
from bridge.books import Recorder
from bridge.errors import BadInput, UnknownName
from bridge.model import Collection, Notice
from bridge.runtime import Runtime


def posted(runtime: Runtime, actor: str, names: Sequence[str]) -> int:
    """The printed letters of these debits (EndToEndIds), or of all where none is named, go to the post today; returns how many.

    Raises UnknownName for a debit whose letter is not printed.
    """
    return runtime.work(lambda session: _posted(session, runtime, actor, names))


def _posted(session: Session, runtime: Runtime, actor: str, names: Sequence[str]) -> int:
    printed = select(Notice.id, Collection.end_to_end_id, Collection.id).join(Collection, Collection.id == Notice.collection_id)
    found = session.execute(printed.where(Notice.state == "printed")).all()
    wanted = {name.upper() for name in names}
    unknown = wanted - {name.upper() for _, name, _ in found}
    if unknown:
        raise UnknownName(f"no printed letter of {', '.join(sorted(unknown))}; 'bridge notify list' shows them")
    chosen = [row for row in found if not wanted or row[1].upper() in wanted]
    values = {"state": "sent", "sent_on": runtime.today(), "sent_at": runtime.clock(), "actor": actor}
    for notice_id, name, collection_id in chosen:
        session.execute(update(Notice).where(Notice.id == notice_id).values(values))
        by = Recorder(actor, runtime.clock())
        books.close_breaks(
            session, [f"collection:{collection_id}"], by, "the debtor was told by letter", kinds=[announcing.FAILED]
        )
        audit_trail.note(session, at=runtime.clock(), actor=actor, act="notify posted", object=f"collection:{name}", detail="")
    return len(chosen)


def bounced(runtime: Runtime, actor: str, name: str, reason: str) -> None:
    """The notice of a debit came back: it counts no more, and the debit waits for a better address.

    Raises UnknownName for a debit without a notice that went out, BadInput without a reason.
    """
    if not reason.strip():
        raise BadInput(f"say why the notice of {name} came back (--reason)")
    runtime.work(lambda session: _bounced(session, runtime, actor, name, reason))


def _bounced(session: Session, runtime: Runtime, actor: str, name: str, reason: str) -> None:
    of = select(Notice).join(Collection, Collection.id == Notice.collection_id)
    found = session.scalars(of.where(Collection.end_to_end_key == name.upper(), Notice.state == "sent")).all()
    if not found:
        raise UnknownName(f"no notice of {name!r} went out; 'bridge notify list' shows them")
    for notice in found:
        notice.state, notice.reason = "failed", reason
    by = Recorder(actor, runtime.clock())
    books.open_breaks(
        session, [(announcing.FAILED, f"collection:{found[0].collection_id}", reason, announcing.THEN)], by, runtime.today()
    )
    audit_trail.note(session, at=runtime.clock(), actor=actor, act="notify bounced", object=f"collection:{name}", detail="")
