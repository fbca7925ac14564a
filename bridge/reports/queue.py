"""What a person works off: bank lines that nobody explained, one line with all that is known of it, statements not booked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from bridge.balances import NOW
from bridge.errors import UnknownName
from bridge.explaining import completed
from bridge.explaining.nameless import said
from bridge.model import (
    Account,
    Break,
    Collection,
    DataKey,
    Detail,
    Document,
    Entry,
    Invoice,
    Match,
    Posting,
    Statement,
    Voucher,
)
from bridge.model.sealed import Key, unseal
from bridge.reports import breaks
from bridge.reports.asked import ask
from bridge.reports.breaks import BreakLine
from bridge.reports.checks import booked
from bridge.rules import ages
from bridge.rules.breaks import said as said_in
from bridge.rules.lifecycle import POSTINGS
from bridge.runtime import Runtime

SHOWN = 5
WORDS_MAX = 200
#: why a line without a Break is open: English, German
WAITS = ("it waits for its counterpart", "sie wartet auf ihren Gegenposten")
#: collections that a credit of their amount may be about
MAY_BE_CREDITED = ("submitted", "accepted", "returned", "rejected")


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a line may be about, for a person to choose from. ``name`` is what he types; never taken by itself."""

    name: str
    end_to_end_id: str
    evidence: list[str]


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A bank line that is not explained: what it says, why it is here, and what it may be about."""

    entry: int
    booked_on: date
    amount_cents: int
    age_days: int  # since it was booked
    bucket: str  # one of ages.WAITING
    owner: str  # a role, until a person takes one of its Breaks
    taken_by: str | None
    text: str
    why: str
    candidates: list[Candidate]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A part of a line that is explained, or was: ``taken_back_by`` names the voucher that took it back."""

    voucher: str
    fact: str
    cents: int
    about: str
    rule: str
    evidence: str
    actor: str
    booked_on: date
    taken_back_by: str


@dataclass(frozen=True, slots=True)
class DetailLine:
    cents: int | None
    end_to_end_id: str | None
    return_reason: str | None
    charges_cents: int
    interchange_cents: int  # of the charges: what the debtor's bank takes


@dataclass(frozen=True, slots=True)
class Shown:
    """One line: what the bank wrote, what explains it, and what it may be about."""

    entry: int
    account: str
    statement: str
    booked_on: date
    value_on: date | None
    amount_cents: int
    open_cents: int
    bank_code: str
    by_hand: bool
    text: str
    why: list[str]
    details: list[DetailLine]
    explanations: list[Explanation]
    candidates: list[Candidate]


def queue(session: Session, runtime: Runtime, lang: str = "en") -> list[QueueLine]:
    """Every line of a booked statement with something unexplained, oldest first; why it is here in the reader's language."""
    asked = ask(runtime, NOW)
    told: dict[str, list[BreakLine]] = {}
    for one in breaks.listed(session, asked):
        told.setdefault(one.subject, []).append(breaks.in_words(one, lang))
    rows = session.execute(
        select(Entry, DataKey)
        .join(Statement, Statement.id == Entry.statement_id)
        .join(Document, Document.id == Statement.document_id)
        .outerjoin(DataKey, DataKey.uid == Document.key_uid)
        .where(Entry.open_cents != 0, Statement.posting == "posted")
        .order_by(Entry.booked_on, Entry.id)
    )
    lines = []
    for entry, key_row in rows:
        words = _words(session, runtime, entry, key_row)
        lines.append(_queued(entry, told.get(f"entry:{entry.id}", []), asked.on, words, _candidates(session, entry, words), lang))
    return lines


def _queued(
    entry: Entry, told: Sequence[BreakLine], today: date, words: str, candidates: list[Candidate], lang: str
) -> QueueLine:
    """A line with what its open Breaks say of it; without one it waits, and nobody has to act yet."""
    days = max(0, (today - entry.booked_on).days)
    return QueueLine(
        entry=entry.id,
        booked_on=entry.booked_on,
        amount_cents=entry.open_cents,
        age_days=days,
        bucket=ages.waiting(days),
        owner=next((one.owner for one in told), "clerk"),
        taken_by=next((one.taken_by for one in told if one.taken_by), None),
        text=words,
        why="; ".join(one.what for one in told) or WAITS[lang == "de"],
        candidates=candidates,
    )


def show(session: Session, runtime: Runtime, entry_id: int, lang: str = "en") -> Shown:
    """One line of a booked statement. Raises UnknownName."""
    row = session.execute(
        select(Entry, Account.name, Statement.statement_id, DataKey)
        .join(Statement, Statement.id == Entry.statement_id)
        .join(Account, Account.id == Statement.account_id)
        .join(Document, Document.id == Statement.document_id)
        .outerjoin(DataKey, DataKey.uid == Document.key_uid)
        .where(Entry.id == entry_id, Statement.posting == "posted")
    ).first()
    if row is None:
        raise UnknownName(f"line {entry_id} is none of a booked statement; 'bridge reconcile queue' lists those that are open")
    entry, account, statement, key_row = row
    words = _words(session, runtime, entry, key_row)
    details = completed.of_lines(session, [entry]).get(entry.id, [])
    return Shown(
        entry=entry.id,
        account=account,
        statement=statement,
        booked_on=entry.booked_on,
        value_on=entry.value_on,
        amount_cents=entry.amount_cents,
        open_cents=entry.open_cents,
        bank_code=entry.bank_code or entry.bank_code_own or "",
        by_hand=entry.by_hand,
        text=words,
        why=_why(session, entry.id, lang),
        details=[
            DetailLine(one.amount_cents, one.end_to_end_id, one.return_reason, one.charges_cents, one.interchange_cents)
            for one in details
        ],
        explanations=_explanations(session, entry.id),
        candidates=_candidates(session, entry, words) if entry.open_cents else [],
    )


def _why(session: Session, entry_id: int, lang: str) -> list[str]:
    """What the open Breaks say of a line."""
    told = select(Break.kind, Break.what).where(Break.closed_at.is_(None), Break.subject == f"entry:{entry_id}")
    return [said_in(kind, what, lang) for kind, what in session.execute(told.order_by(Break.id))]


def _words(session: Session, runtime: Runtime, entry: Entry, key_row: DataKey | None) -> str:
    """What the bank wrote, opened for the person who works the queue."""
    if key_row is None:
        return "(erased)"
    key = runtime.keys.unwrap(key_row)
    parts = [unseal(key, f"entry:{entry.statement_id}:{entry.ordinal}", entry.text) or ""]
    parts += _words_of_details(session, entry, entry.id, key)
    if entry.told_by_id is not None:
        of_advice = _key_of_advice(session, entry.told_by_id)
        advised = (
            ["(erased)"]
            if of_advice is None
            else _words_of_details(session, entry, entry.told_by_id, runtime.keys.unwrap(of_advice))
        )
        parts += advised
    return " / ".join(dict.fromkeys(part for part in parts if part))


def _words_of_details(session: Session, entry: Entry, entry_id: int, key: Key) -> list[str]:
    """Names and texts of the first details of a line, or of its advice."""
    parts = []
    for detail in session.scalars(select(Detail).where(Detail.entry_id == entry_id).order_by(Detail.ordinal).limit(3)):
        told = said(key, detail)
        parts += [told.get("debtor", "") if entry.amount_cents > 0 else told.get("creditor", ""), told.get("text", "")]
    return parts


def _key_of_advice(session: Session, advice_id: int) -> DataKey | None:
    """The key of the file in which an advice came; None where it was erased."""
    of_advice = (
        select(DataKey)
        .join(Document, Document.key_uid == DataKey.uid)
        .join(Statement, Statement.document_id == Document.id)
        .join(Entry, Entry.statement_id == Statement.id)
    )
    return session.scalar(of_advice.where(Entry.id == advice_id))


def _explanations(session: Session, entry_id: int) -> list[Explanation]:
    """All matches of a line but those that take others back, first to last."""
    taker, undo = aliased(Match), aliased(Voucher)
    rows = session.execute(
        select(Match, Voucher.idem_key, Voucher.fact, Collection.end_to_end_id, undo.idem_key)
        .join(Voucher, Voucher.id == Match.voucher_id)
        .outerjoin(Collection, Collection.id == Match.collection_id)
        .outerjoin(taker, taker.undoes_id == Match.id)
        .outerjoin(undo, undo.id == taker.voucher_id)
        .where(Match.entry_id == entry_id, Match.undoes_id.is_(None))
        .order_by(Match.id)
    ).all()
    facts = _facts(session, entry_id, [(match, fact) for match, _, fact, *_ in rows])
    return [
        Explanation(
            voucher=key,
            fact=facts[match.id],
            cents=match.amount_cents,
            about=name or (f"line:{match.other_entry_id}" if match.other_entry_id else ""),
            rule=match.rule,
            evidence=match.evidence,
            actor=match.actor,
            booked_on=match.booked_on,
            taken_back_by=taken_back_by or "",
        )
        for match, key, fact, name, taken_back_by in rows
    ]


def _facts(session: Session, entry_id: int, matches: Sequence[tuple[Match, str]]) -> dict[int, str]:
    """What each of a line's matches is by its own posting: a voucher of a return may book interchange and a fee beside it."""
    charge = {POSTINGS[name]: name for name in booked.FEES}
    postings: dict[int, list[tuple[str, str]]] = {}
    rows = session.execute(
        select(Posting.voucher_id, Posting.debit_account, Posting.credit_account)
        .where(
            Posting.voucher_id.in_({match.voucher_id for match, _ in matches}),
            ((Posting.debit_account == "Suspense") & (Posting.debit_subject == entry_id))
            | ((Posting.credit_account == "Suspense") & (Posting.credit_subject == entry_id)),
        )
        .order_by(Posting.voucher_id, Posting.ordinal)
    )
    for voucher_id, debit, credit in rows:
        postings.setdefault(voucher_id, []).append((debit, credit))
    return {match.id: charge.get(postings[match.voucher_id].pop(0), fact) for match, fact in matches}


def _candidates(session: Session, entry: Entry, words: str) -> list[Candidate]:
    """Collections and invoices that the line names, or whose amount it has: for a person to choose from, never by itself."""
    of_line = Detail.entry_id.in_((entry.id, entry.told_by_id or entry.id))
    names = [name.upper() for name in session.scalars(select(Detail.end_to_end_id).where(of_line)) if name]
    named = select(Collection.end_to_end_id).where(Collection.end_to_end_key.in_(names)).order_by(Collection.id)
    found = [Candidate(name, name, ["EndToEndId"]) for name in session.scalars(named)]
    said = sorted(set(re.findall(r"[A-Z0-9][A-Z0-9-]*", words.upper())))[:WORDS_MAX]
    numbers = select(Invoice.number).where(Invoice.number_key.in_(said)).order_by(Invoice.id).limit(SHOWN)
    found += [Candidate(number, "", ["number in the text"]) for number in session.scalars(numbers)]
    return found or list(_of_this_amount(session, entry))


def _of_this_amount(session: Session, entry: Entry) -> Sequence[Candidate]:
    opposite = (
        select(Entry.id)
        .join(Statement, Statement.id == Entry.statement_id)
        .where(Entry.open_cents == -entry.open_cents, Statement.posting == "posted")
        .order_by(Entry.id)
        .limit(SHOWN)
    )
    found = [Candidate(f"line:{other}", "", ["the opposite amount"]) for other in session.scalars(opposite)]
    if entry.open_cents < 0:
        return found
    same = (
        select(Collection.end_to_end_id)
        .where(Collection.amount_cents == entry.open_cents, Collection.state.in_(MAY_BE_CREDITED))
        .order_by(Collection.id)
        .limit(SHOWN)
    )
    return [Candidate(name, name, ["amount"]) for name in session.scalars(same)] + found
