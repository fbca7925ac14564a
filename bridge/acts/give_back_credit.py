"""Credit that paid another invoice goes back to where it came from: the last use of it, as a whole."""

from __future__ import annotations

from sqlalchemy.orm import Session

from bridge import audit_trail
from bridge.books import Recorder
from bridge.errors import BadInput
from bridge.explaining import beyond, credit, undoing
from bridge.explaining.credit import Used
from bridge.runtime import Runtime


def run(runtime: Runtime, actor: str, giving: str, taking: str, reason: str) -> Used:
    """Take back the last use of ``giving``'s credit for ``taking``.

    Raises UnknownName, BadInput without a reason, NotAllowed where the money was refunded or used again since.
    """
    if not reason.strip():
        raise BadInput(f"say why the credit goes back to invoice {giving} (--reason)")
    return runtime.work(lambda session: _give_back(session, runtime, actor, giving, taking, reason))


def _give_back(session: Session, runtime: Runtime, actor: str, giving: str, taking: str, reason: str) -> Used:
    one, other = credit.pair(session, giving, taking)
    by = Recorder(actor, runtime.clock())
    booked = undoing.take_back(session, credit.last_use(session, one, other), reason=reason, by=by, today=runtime.today())
    beyond.look(session, booked.invoices, by, runtime.today())
    audit_trail.note(
        session,
        at=runtime.clock(),
        actor=actor,
        act="invoice give-back-credit",
        object=f"invoice:{one.number}",
        detail=f"{booked.key}: {reason}",
    )
    return Used(one.number, other.number, booked.postings[0].amount_cents, booked.key)
