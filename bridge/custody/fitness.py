"""May a file still leave? Approve, export and hand-over each judge every member again."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import announcing, judging
from bridge.custody import files
from bridge.errors import NotAllowed
from bridge.model import Account, Batch, Break, Collection, Creditor
from bridge.register import amendments
from bridge.rules import calendar
from bridge.runtime import Runtime
from bridge.settings import CollectionRules

FROZEN = "FILE_FROZEN"


def unfit(session: Session, runtime: Runtime, batch: Batch) -> str:
    """Why a file may not leave: a member that may not go out any more, or the bank's latest presentation; "" where it may."""
    inside = files.members(session, batch)
    if amended := amendments.amended_since(session, batch):
        more = f" (and {len(amended) - 1} more)" if len(amended) > 1 else ""
        return f"mandate {amended[0]}{more} was amended after the file was made, which says what is no longer so"
    rules = _rules(session, runtime, batch)
    reasons = judging.why_not_sent(session, inside, rules) | announcing.why_not(session, inside, rules)
    if reasons:
        first = next(collection for collection in inside if collection.id in reasons)
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        return f"{first.end_to_end_id}: {reasons[first.id]}{more}"
    profile = runtime.profile(session.get_one(Account, batch.account_id).bank)
    latest = min(calendar.presentation_window(collection.due_on, profile)[1] for collection in inside)
    return f"the bank took it until {latest:%Y-%m-%d %H:%M %Z}" if runtime.clock() > latest else ""


def unfit_members(session: Session, runtime: Runtime, batch: Batch, inside: Sequence[Collection]) -> dict[int, str]:
    """Why some of these members may not be collected, whoever has the file; one that may is not in the answer."""
    return judging.why_not(session, inside, _rules(session, runtime, batch))


def _rules(session: Session, runtime: Runtime, batch: Batch) -> CollectionRules:
    return runtime.settings.rules_for(session.get_one(Creditor, batch.creditor_id).creditor_id)


def frozen(session: Session) -> set[str]:
    """MsgIds of the files of which a part is at the bank in another file already."""
    subjects = session.scalars(select(Break.subject).where(Break.kind == FROZEN, Break.closed_at.is_(None)))
    return {subject.removeprefix("batch:") for subject in subjects}


def refuse_frozen(session: Session, batch: Batch) -> None:
    """Raise NotAllowed for a frozen file."""
    if batch.message_id in frozen(session):
        raise NotAllowed(
            f"{batch.message_id} is frozen: a part of it is at the bank in another file; two people discard it, or say with "
            "'bridge batch mark-uploaded' that it is at the bank too"
        )
