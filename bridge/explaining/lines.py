"""Loads what bank lines say, what of each is open, and what was explained of it before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import rows
from bridge.explaining import candidates, completed, nameless
from bridge.explaining.completed import Completed
from bridge.explaining.standing import reopened_on, stands
from bridge.model import Entry, Match
from bridge.model.sealed import Keyring
from bridge.rules.lines import Candidate, DetailFacts, Line, Pass
from bridge.rules.naming import Meant


@dataclass(frozen=True, slots=True)
class Loaded:
    """Lines with all that a rule asks for. ``vouchers`` counts those booked for each line, also the ones taken back."""

    session: Session
    entries: Sequence[tuple[Entry, int]]
    seen: Pass
    vouchers: Counter[int]
    details: dict[int, list[DetailFacts]]
    lump_sums: set[int]
    fees: set[int]
    reopened: dict[int, date]

    def __iter__(self) -> Iterator[Line]:
        """Each line; the members of a lump sum are read when its turn comes."""
        return (self._line(entry, account_id) for entry, account_id in self.entries)

    def _line(self, entry: Entry, account_id: int) -> Line:
        details = self.details.get(entry.id, [])
        named = any((detail.end_to_end_id or "").upper() in self.seen.by_end_to_end for detail in details)
        names_batch = bool(entry.batch_pmt_inf_id or entry.batch_message_id) and not named and entry.amount_cents > 0
        settled = entry.id in self.lump_sums
        return Line(
            id=entry.id,
            account_id=account_id,
            amount_cents=entry.amount_cents,
            open_cents=entry.open_cents,
            booked_on=entry.booked_on,
            bank_code=entry.bank_code,
            bank_code_own=entry.bank_code_own,
            charges_cents=entry.charges_cents,
            interchange_cents=entry.interchange_cents,
            batch_count=entry.batch_count,
            details=tuple(details),
            members=candidates.of_batch(self.session, entry) if names_batch and not settled else (),
            members_settled=settled,
            reopened_on=self.reopened.get(entry.id),
            fee_booked=entry.id in self.fees,
        )


def load(session: Session, entries: Sequence[tuple[Entry, int]], keys: Keyring | None = None) -> Loaded:
    """Load these lines, each with the account it is on.

    With ``keys`` a detail that gives no EndToEndId gets that of the one debit it can mean; a person says it himself.
    """
    ids = [entry.id for entry, _ in entries]
    details = _details(session, entries, keys)
    named = {detail.end_to_end_id.upper() for some in details.values() for detail in some if detail.end_to_end_id}
    by_name: dict[str, Candidate] = candidates.by_end_to_end(session, named)
    return Loaded(
        session=session,
        entries=entries,
        seen=Pass(by_name, candidates.open_credits(session, list(by_name.values()))),
        vouchers=_vouchers_so_far(session, ids),
        details=details,
        lump_sums=_explained_by(session, ids, "BATCH"),
        fees=_explained_by(session, ids, "FEE"),
        reopened=reopened_on(session, ids),
    )


def _details(session: Session, entries: Sequence[tuple[Entry, int]], keys: Keyring | None) -> dict[int, list[DetailFacts]]:
    """What explains each of these lines: its details, completed by the advice that tells what it is about."""
    ids = [entry.id for entry, _ in entries]
    explained = select(Match.detail_id).where(Match.detail_id.is_not(None), stands())
    done = {detail_id for (detail_id,) in rows.sought(session, explained, Match.entry_id, ids)}
    listed = completed.of_lines(session, [entry for entry, _ in entries])
    of_details = [
        (entry, account_id, one.row)
        for entry, account_id in entries
        for one in listed.get(entry.id, ())
        if done.isdisjoint(row.id for row in one.rows)
    ]
    meant = nameless.meant(session, keys, of_details) if keys is not None else {}
    return {entry_id: [_facts(one, done, meant.get(one.row.id)) for one in some] for entry_id, some in listed.items()}


def _facts(one: Completed, done: set[int | None], answer: Meant | None) -> DetailFacts:
    return DetailFacts(
        id=one.row.id,
        amount_cents=one.amount_cents,
        original_cents=one.original_cents,
        end_to_end_id=one.end_to_end_id if answer is None else answer.candidate.end_to_end_id,
        is_return=one.is_return,
        reason=one.return_reason,
        charges_cents=one.charges_cents,
        interchange_cents=one.interchange_cents,
        done=not done.isdisjoint(row.id for row in one.rows),
        named_by=("", "") if answer is None else (answer.rule, answer.evidence),
    )


def _vouchers_so_far(session: Session, entry_ids: Sequence[int]) -> Counter[int]:
    counted = select(Match.entry_id, func.count(Match.voucher_id.distinct())).where(Match.undoes_id.is_(None))
    found = rows.sought(session, counted.group_by(Match.entry_id), Match.entry_id, entry_ids)
    return Counter({entry_id: count for entry_id, count in found})


def _explained_by(session: Session, entry_ids: Sequence[int], rule: str) -> set[int]:
    explained = select(Match.entry_id).where(Match.rule == rule, stands())
    return {entry_id for (entry_id,) in rows.sought(session, explained, Match.entry_id, entry_ids)}
