"""Which debits their debtors know of: loads what rules.notices asks for. The cut and every later look at a file ask the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import rows
from bridge.model import Collection, Mandate, Notice
from bridge.rules import notices
from bridge.rules.notices import Told
from bridge.settings import CollectionRules

#: the Break of a debtor who could not be told, and what to do
FAILED, THEN = "NOTICE_FAILED", "correct the address: bridge mandate amend MNDID --set email=-"


def why_not(
    session: Session, collections: Sequence[Collection], rules: CollectionRules, dates: Mapping[int, date] | None = None
) -> dict[int, str]:
    """Why each of these debits is not announced for its date (or that of ``dates``), by its id; one that is is left out.

    Empty where the invoice itself announces the debit.
    """
    if rules.prenotification == notices.ELSEWHERE or not collections:
        return {}
    told, days = _told(session, collections), days_of(session, collections, rules)
    found = {
        one.id: notices.why_not(
            one.amount_cents, dates[one.id] if dates else one.due_on, days[one.mandate_id], told.get(one.id, ())
        )
        for one in collections
    }
    return {collection_id: why for collection_id, why in found.items() if why}


def days_of(session: Session, collections: Sequence[Collection], rules: CollectionRules) -> dict[int, int]:
    """Mandate row id -> calendar days between notice and due date."""
    found: dict[int, int] = {}
    for some in rows.among(session, Mandate.id, [one.mandate_id for one in collections]):
        listed = session.execute(select(Mandate.id, Mandate.prenotification_days).where(some))
        found |= {mandate_id: notices.days(own, rules.prenotification_days) for mandate_id, own in listed}
    return found


def _told(session: Session, collections: Sequence[Collection]) -> dict[int, list[Told]]:
    found: dict[int, list[Told]] = defaultdict(list)
    for some in rows.among(session, Notice.collection_id, [one.id for one in collections]):
        sent = select(Notice.collection_id, Notice.amount_cents, Notice.due_on, Notice.sent_on)
        for collection_id, amount_cents, due_on, sent_on in session.execute(sent.where(some, Notice.state == "sent")):
            if sent_on is not None:
                found[collection_id].append(Told(amount_cents, due_on, sent_on))
    return found
