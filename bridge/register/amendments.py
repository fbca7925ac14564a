"""What changed about a mandate, and what the debtor's bank is told of it with each debit, until one with it has settled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import rows
from bridge.books import Recorder
from bridge.model import Amendment, BankAccount, Batch, Block, Collection, Creditor, Mandate, Member
from bridge.records import pain008
from bridge.rules import mandates
from bridge.rules.mandates import Change

#: files with these states never reached the bank
NOT_SENT = ("sealed", "approved", "discarded")
#: the kinds of change that concern the debtor's bank
TOLD = ("mandate_id", "creditor_id", "creditor_name", "account")
NOT_IN_A_FILE = ("contact", "terms")  # what changed there makes no file untrue
CREDITED = ("settled", "returned", "reversed")


def note(
    session: Session,
    mandate_ids: Iterable[int],
    kind: str,
    by: Recorder,
    on: date,
    *,
    was: str | None = None,
    account_id: int | None = None,
    person_id: int | None = None,
) -> None:
    """Record a change of these mandates, with the value before."""
    rows.insert(
        session,
        Amendment,
        [
            {
                "mandate_id": mandate_id, "kind": kind, "was": was, "was_account_id": account_id, "was_person_id": person_id,
                "actor": by.actor, "booked_on": on, "recorded_at": by.at,
            }
            for mandate_id in mandate_ids
        ],
    )  # fmt: skip


def to_tell(session: Session, mandate_ids: Sequence[int]) -> dict[int, pain008.Amendment]:
    """What the next debit of each of these mandates must say; a mandate of which there is nothing to say is left out."""
    changes = _changes(session, mandate_ids)
    settled = _last_settled(session, list(changes))
    presented = first_presented(session, list(changes))
    found: dict[int, pain008.Amendment] = {}
    for mandate_id, listed in changes.items():
        since = settled.get(mandate_id)
        known_since = presented.get(mandate_id)
        open_ = [
            change
            for change, at, migrated in listed
            if (since is None or at > since) and (migrated or (known_since is not None and known_since < at))
        ]
        told = mandates.told(open_, _now(session, mandate_id)) if open_ else None
        if told is not None:
            found[mandate_id] = told
    return found


def amended_since(session: Session, batch: Batch) -> list[str]:
    """The references of this file's mandates that were changed after it was made: it says what is no longer so."""
    inside = (
        select(Mandate.mandate_id)
        .join(Amendment, Amendment.mandate_id == Mandate.id)
        .join(Collection, Collection.mandate_id == Mandate.id)
        .join(Member, Member.collection_id == Collection.id)
        .join(Block, Block.id == Member.block_id)
        .where(Block.batch_id == batch.id, Amendment.recorded_at > batch.created_at, Amendment.kind.not_in(NOT_IN_A_FILE))
        .distinct()
        .order_by(Mandate.mandate_id)
    )
    return list(session.scalars(inside))


def first_presented(session: Session, mandate_ids: Sequence[int]) -> dict[int, datetime]:
    """When the first file with a debit of each of these mandates was made."""
    found: dict[int, datetime] = {}
    for some in rows.among(session, Collection.mandate_id, mandate_ids):
        first = _in_files(select(Collection.mandate_id, func.min(Batch.created_at))).where(some).group_by(Collection.mandate_id)
        found |= {mandate_id: at for mandate_id, at in session.execute(first)}
    return found


def _in_files(query: Any) -> Any:
    """The query over collections that stand in a file which left."""
    return (
        query.join(Member, Member.collection_id == Collection.id)
        .join(Block, Block.id == Member.block_id)
        .join(Batch, Batch.id == Block.batch_id)
        .where(Batch.state.not_in(NOT_SENT))
    )


def _changes(session: Session, mandate_ids: Sequence[int]) -> dict[int, list[tuple[Change, datetime, bool]]]:
    """Per mandate, oldest first: what changed, when, and whether the mandate was used before it came to us."""
    found: dict[int, list[tuple[Change, datetime, bool]]] = defaultdict(list)
    for some in rows.among(session, Amendment.mandate_id, mandate_ids):
        both = (
            select(Amendment, Mandate.last_presented_on, BankAccount.iban_digest)
            .join(Mandate, Mandate.id == Amendment.mandate_id)
            .outerjoin(BankAccount, BankAccount.id == Amendment.was_account_id)
            .where(some, Amendment.kind.in_(TOLD))
            .order_by(Amendment.id)
        )
        for row, last, digest in session.execute(both):
            was = digest.hex() if row.kind == "account" else row.was or ""
            found[row.mandate_id].append((Change(row.kind, was), row.recorded_at, last is not None))
    return found


def _last_settled(session: Session, mandate_ids: Sequence[int]) -> dict[int, datetime]:
    """When the newest file was made of which a debit of the mandate was credited."""
    found: dict[int, datetime] = {}
    for some in rows.among(session, Collection.mandate_id, mandate_ids):
        query = _in_files(select(Collection.mandate_id, func.max(Batch.created_at)))
        newest = query.where(some, Collection.state.in_(CREDITED)).group_by(Collection.mandate_id)
        found |= {mandate_id: at for mandate_id, at in session.execute(newest)}
    return found


def _now(session: Session, mandate_id: int) -> dict[str, str]:
    """What is so now, by the kinds of change."""
    mandate = session.get_one(Mandate, mandate_id)
    creditor = session.get_one(Creditor, mandate.creditor_id)
    account = session.get_one(BankAccount, mandate.bank_account_id)
    return {
        "mandate_id": mandate.mandate_id,
        "creditor_id": creditor.creditor_id,
        "creditor_name": creditor.name,
        "account": account.iban_digest.hex(),
    }
