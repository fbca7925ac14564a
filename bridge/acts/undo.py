"""Take the explanation of a bank line back. From then on the line is in a person's hands: no rule explains it again."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import audit_trail, books
from bridge.books import Recorder
from bridge.errors import BadInput, IllegalMove, UnknownName
from bridge.explaining import beyond, noted, undoing
from bridge.explaining.undoing import Booked
from bridge.model import Entry
from bridge.runtime import Runtime


def run(runtime: Runtime, actor: str, entry_id: int, reason: str, *, voucher: str = "") -> list[str]:
    """Take back all that explains a line, the last voucher first, or the one named; returns the keys of the vouchers.

    A voucher about several lines or debits is taken back as a whole. Raises UnknownName, BadInput without a reason, IllegalMove
    for a line that nothing explains, NotAllowed where something later rests on it.
    """
    if not reason.strip():
        raise BadInput(f"say why the explanation of line {entry_id} is taken back (--reason)")
    return runtime.work(lambda session: _undo(session, runtime, actor, entry_id, reason, voucher))


def _undo(session: Session, runtime: Runtime, actor: str, entry_id: int, reason: str, voucher: str) -> list[str]:
    line = session.scalar(select(Entry.id).where(Entry.id == entry_id).with_for_update())
    if line is None:
        raise UnknownName(f"line {entry_id} is none that is known; 'bridge reconcile queue' lists those that are open")
    keys = undoing.of_line(session, entry_id)
    if voucher and voucher not in keys:
        raise UnknownName.among(f"voucher of line {entry_id}", voucher, keys)
    if not keys:
        raise IllegalMove(f"line {entry_id} is not explained; there is nothing to take back")
    by, today = Recorder(actor, runtime.clock()), runtime.today()
    keys = [voucher] if voucher else keys
    taken = [undoing.take_back(session, key, reason=reason, by=by, today=today) for key in keys]
    runtime.fault("undo: before the breaks")
    noted.hear_again(session, {one for booked in taken for one in booked.attempts})
    _breaks(session, runtime, by, taken, reason)
    audit_trail.note(
        session,
        at=runtime.clock(),
        actor=actor,
        act="reconcile undo",
        object=f"entry:{entry_id}",
        detail=f"{', '.join(keys)}: {reason}",
    )
    return keys


def _breaks(session: Session, runtime: Runtime, by: Recorder, taken: list[Booked], reason: str) -> None:
    """Each line stands in the queue again with the reason; what was asked because of the explanation is asked no more."""
    lines = sorted({match.entry_id for booked in taken for match in booked.matches})
    books.close_breaks(session, [f"charge:{line}" for line in lines], by, "its explanation was taken back", kinds=["HIGH_FEE"])
    books.close_breaks(session, [f"entry:{line}" for line in lines], by, "a person has it in hand")
    opened = [
        (
            "UNDONE",
            f"entry:{line}",
            f"its explanation was taken back: {reason}",
            f"accept, split or ignore it; or give it back to the rules: bridge reconcile release {line}",
        )
        for line in lines
    ]
    books.open_breaks(session, opened, by, runtime.today())
    invoices = {invoice_id for booked in taken for invoice_id in booked.invoices}
    beyond.look(session, invoices, by, runtime.today())
