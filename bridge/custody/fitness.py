"""May a file still leave? Approve, export and hand-over each judge every member again."""

from __future__ import annotations

from sqlalchemy.orm import Session

from bridge import judging
from bridge.custody import files
from bridge.errors import NotAllowed
from bridge.model import Account, Batch, Creditor
from bridge.rules import calendar
from bridge.runtime import Runtime


def judge_again(session: Session, runtime: Runtime, batch: Batch) -> None:
    """Raise NotAllowed where a member may not go out any more, or the bank's latest presentation has passed."""
    inside = files.members(session, batch)
    creditor = session.get_one(Creditor, batch.creditor_id)
    reasons = judging.why_not(session, inside, runtime.settings.rules_for(creditor.creditor_id))
    if reasons:
        names = {collection.id: collection.end_to_end_id for collection in inside}
        first = next(iter(sorted(reasons)))
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        raise NotAllowed(
            f"{batch.message_id} may not leave: {names[first]}: {reasons[first]}{more}; discard it and cut a new one"
        )
    profile = runtime.profile(session.get_one(Account, batch.account_id).bank)
    latest = min(calendar.presentation_window(collection.due_on, profile)[1] for collection in inside)
    if runtime.clock() > latest:
        raise NotAllowed(f"{batch.message_id}: the bank took it until {latest:%Y-%m-%d %H:%M %Z}; discard it and cut a new one")
