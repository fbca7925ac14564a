"""Finds for each detail of a direct debit that gives no EndToEndId the debits that it may mean; rules.naming decides."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import rows
from bridge.explaining import candidates
from bridge.model import Collection, DataKey, Detail, Document, Entry, Mandate, Statement
from bridge.model.sealed import Key, Keyring, unseal
from bridge.rules import naming
from bridge.rules.lines import Candidate
from bridge.rules.naming import Meant, Nameless


def said(key: Key, detail: Detail) -> dict[str, str]:
    """What the bank wrote beside the detail: "debtor", "creditor", "text", "info"; only those it gives."""
    found: dict[str, str] = json.loads(unseal(key, f"detail:{detail.entry_id}:{detail.ordinal}", detail.text) or "{}")
    return found


def meant(session: Session, keys: Keyring, details: Iterable[tuple[Entry, int, Detail]]) -> dict[int, Meant]:
    """For each detail (with its line and the account of it), by its id, the one debit that it means; none where it is unclear."""
    looked_at = [one for one in details if _is_nameless(one[0], one[2])]
    if not looked_at:
        return {}
    opened = _opened(session, keys, [detail for *_, detail in looked_at])
    asked = [_nameless(account_id, detail, opened.get(detail.id, "")) for _, account_id, detail in looked_at]
    of_mandate = _of_mandates(session, asked)
    in_text = candidates.by_end_to_end(session, set().union(*(naming.keys(one.words) for one in asked)))
    found = {}
    for one in asked:
        named = [in_text[key] for key in naming.keys(one.words) if key in in_text]
        answer = naming.meant(one, of_mandate.get(one.mandate_id, ()), named)
        if answer is not None:
            found[one.id] = answer
    return found


def _is_nameless(entry: Entry, detail: Detail) -> bool:
    """Whether the rule looks at it: a direct debit with an amount and without an EndToEndId."""
    named = detail.end_to_end_id is not None and detail.end_to_end_id != naming.NOT_PROVIDED
    return not named and detail.amount_cents is not None and naming.is_direct_debit(entry.bank_code, entry.bank_code_own)


def _nameless(account_id: int, detail: Detail, text: str) -> Nameless:
    return Nameless(
        id=detail.id,
        account_id=account_id,
        cents=detail.amount_cents or 0,
        is_return=detail.is_return,
        charges_cents=detail.charges_cents,
        mandate_id=(detail.mandate_id or "").upper(),
        words=naming.numbers(text),
    )


def _opened(session: Session, keys: Keyring, details: Sequence[Detail]) -> dict[int, str]:
    """The remittance text of each, by its id; one whose file's key was erased is left out."""
    of_line: dict[int, Key] = {}
    for some in rows.among(session, Entry.id, {detail.entry_id for detail in details}):
        sealed = (
            select(Entry.id, DataKey)
            .join(Statement, Statement.id == Entry.statement_id)
            .join(Document, Document.id == Statement.document_id)
            .join(DataKey, DataKey.uid == Document.key_uid)
            .where(some)
        )
        of_line |= {entry_id: keys.unwrap(row) for entry_id, row in session.execute(sealed)}
    return {one.id: said(of_line[one.entry_id], one).get("text", "") for one in details if one.entry_id in of_line}


def _of_mandates(session: Session, asked: Sequence[Nameless]) -> Mapping[str, list[Candidate]]:
    """The debits under these mandates, by the mandate's reference, of the amounts that are asked for."""
    wanted = {one.mandate_id for one in asked if one.mandate_id}
    amounts = {abs(one.cents) for one in asked} | {abs(one.cents) - abs(one.charges_cents) for one in asked}
    amounts |= {abs(one.cents) + abs(one.charges_cents) for one in asked}
    pairs = [
        pair
        for some in rows.among(session, Mandate.mandate_key, wanted)
        for pair in session.execute(
            select(Mandate.mandate_key, Collection.end_to_end_key)
            .join(Collection, Collection.mandate_id == Mandate.id)
            .where(some, Collection.amount_cents.in_(sorted(amounts)), Collection.state.in_(("submitted", "accepted", "settled")))
        )
    ]
    loaded = candidates.by_end_to_end(session, [name for _, name in pairs])
    found: dict[str, list[Candidate]] = defaultdict(list)
    for mandate, name in pairs:
        found[mandate].append(loaded[name])
    return found
