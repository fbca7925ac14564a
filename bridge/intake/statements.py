"""Stores the statements of a camt.053 with their lines and details; what fits the account's chain is posted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import archive, books, rows
from bridge.books import BreakRow, Recorder
from bridge.intake import advices, pages, posting, sameness
from bridge.intake.taken import Taken
from bridge.model import Account, BankAccount, Detail, Document, Entry, Statement
from bridge.model.sealed import Key, seal
from bridge.records.camt import EntryDetail, StatementEntry, StatementHead
from bridge.rules import charges
from bridge.runtime import Runtime

ROWS_AT_ONCE = 500
COPIES = ("COPY", "DUPL", "CODU")  # CpyDplctInd (ISO 20022, CopyDuplicate1Code); a file that is none says nothing
EARLIEST = date(2000, 1, 1)
BOOKED_AHEAD = timedelta(days=10)
VALUED_AHEAD = timedelta(days=60)
"""How far ahead of today a balance or a booking, and a value date, may lie; later ones are mistakes of a bank or a clock."""


def keep(
    session: Session, runtime: Runtime, document: Document, messages: Iterable[StatementHead | StatementEntry], by: Recorder
) -> Taken:
    """Store every statement of a file, then post what fits. Raises BadInput of the reader, possibly at the end of the file."""
    key = archive.key_of(session, runtime.keys, document)
    stored: list[Statement] = []
    rows = new = 0
    for head, entries in _grouped(messages):
        statement = _statement_row(session, runtime, document, head)
        session.add(statement)
        session.flush()
        stored.append(statement)
        total = 0
        for chunk in _chunks(entry for entry in entries if entry.status == "BOOK"):
            _keep_entries(session, statement, chunk, head.servicer_bic, key)
            total += sum(entry.amount_cents for entry in chunk)
            rows += len(chunk)
            _refuse(statement, _fault_of_lines(chunk, runtime.today()))
        _judge(session, statement, head, total)
    parked = {statement.account_id for statement in stored if statement.account_id and statement.posting == "parked"}
    complete: list[Statement] = []
    for account_id in sorted(parked):
        complete += pages.settle(session, account_id, by)
        new += posting.post_chain(session, runtime, account_id, by)
        pages.drop(session, account_id, by)
    breaks: list[BreakRow] = []
    for account_id in sorted({statement.account_id for statement in stored if statement.account_id}):
        breaks += advices.complete(session, account_id, [one.id for one in stored if one.account_id == account_id])
        advices.tell(session, account_id)
    waiting = [statement for statement in stored if statement.posting not in ("posted", "advice")]
    still = [*waiting, *(statement for statement in complete if statement.posting != "posted")]
    breaks += [posting.break_of(statement) for statement in still if statement.reason != sameness.KNOWN]
    books.open_breaks(session, breaks, by, runtime.today())
    known = all(statement.reason == sameness.KNOWN for statement in stored)
    reasons = "; ".join(dict.fromkeys(statement.reason for statement in waiting))
    return Taken("", "", "", "known" if known else "stored", rows, new, reasons)


def _grouped(messages: Iterable[StatementHead | StatementEntry]) -> Iterator[tuple[StatementHead, Iterator[StatementEntry]]]:
    """Each statement's head with its entries, streaming: the entries must be used up before the next head is asked for."""
    stream = iter(messages)
    upcoming: list[StatementHead] = []

    def entries() -> Iterator[StatementEntry]:
        for message in stream:
            if isinstance(message, StatementHead):
                upcoming.append(message)
                return
            yield message

    first = next(stream, None)
    if isinstance(first, StatementHead):
        upcoming.append(first)
    while upcoming:
        head = upcoming.pop()
        rest = entries()
        yield head, rest
        for _ in rest:
            raise AssertionError("entries were left unread")


def _statement_row(session: Session, runtime: Runtime, document: Document, head: StatementHead) -> Statement:
    account = session.scalar(
        select(Account)
        .join(BankAccount, BankAccount.id == Account.bank_account_id)
        .where(BankAccount.iban_digest == runtime.keys.digest("iban", head.iban or ""))
    )
    closing_on = head.closing_on or (head.to_at or head.created_at or runtime.clock()).astimezone(runtime.zone).date()
    advice = head.kind in advices.KINDS
    fault = _fault_of_advice if advice else _fault_of_head
    refused = "the account is none of ours" if account is None else fault(head, closing_on, runtime.today())
    return Statement(
        document_id=document.id,
        ordinal=head.ordinal,
        account_id=account.id if account else None,
        kind=head.kind,
        # a page is a link of the account's chain of its own: the number and the id alone are those of all its pages
        statement_id=f"{head.statement_id} page {head.page or 1}" if pages.is_page(head) else head.statement_id,
        sequence=None if pages.is_page(head) else head.sequence,
        currency=head.currency,
        opening_cents=head.opening_cents,
        closing_cents=head.closing_cents,
        opening_on=head.opening_on,
        closing_on=closing_on,
        posted_no=None,
        posted_at=None,
        posting="refused" if refused else "advice" if advice else "parked",
        reason=refused or ("" if advice else pages.GAP),
        recorded_at=runtime.clock(),
    )


def _fault_of_any(head: StatementHead) -> str:
    """What is wrong with a statement and with an advice alike."""
    if head.currency not in (None, "EUR"):
        return f"the statement is in {head.currency}; only EUR is booked"
    if head.copy in COPIES:
        return f"the bank marks it as a copy ({head.copy}); only originals are booked"
    return ""


def _fault_of_advice(head: StatementHead, closing_on: date, today: date) -> str:
    """Why an advice of ours cannot be used, by its head alone; empty where it can. Pages and balances do not matter to it."""
    dated = _plausible(closing_on, today + BOOKED_AHEAD)
    return _fault_of_any(head) or ("" if dated else f"it is dated {closing_on}, which cannot be")


def _fault_of_head(head: StatementHead, closing_on: date, today: date) -> str:
    """Why a statement of ours cannot be booked, by its head alone; empty where it can."""
    fault = _fault_of_any(head)
    if fault:
        return fault
    if head.opening_cents is None or head.closing_cents is None:
        if pages.is_page(head):
            return f"page {head.page or 1} of several has no balances of its own: ask the bank for the statement in one piece"
        return "it has no opening or no closing balance, so it cannot be checked"
    wrong = [day for day in (head.opening_on, closing_on) if not _plausible(day, today + BOOKED_AHEAD)]
    return f"a balance is dated {wrong[0]}, which cannot be" if wrong else ""


def _keep_entries(
    session: Session, statement: Statement, entries: Sequence[StatementEntry], own_bic: str | None, key: Key
) -> None:
    numbered = list(zip(rows.numbers(session, Entry, len(entries)), entries, strict=True))
    rows.insert(session, Entry, [{"id": entry_id, **_entry_row(statement, entry, own_bic, key)} for entry_id, entry in numbered])
    details = [_detail_row(entry_id, detail, own_bic, key) for entry_id, entry in numbered for detail in entry.details]
    rows.insert(session, Detail, details)


def _entry_row(statement: Statement, entry: StatementEntry, own_bic: str | None, key: Key) -> dict[str, Any]:
    batch, kept = entry.batch, charges.inside(entry.charges)
    return {
        "statement_id": statement.id,
        "ordinal": entry.ordinal,
        "amount_cents": entry.amount_cents,
        "open_cents": 0 if statement.posting == "advice" else entry.amount_cents,
        "status": entry.status,
        "reversal": entry.reversal,
        "booked_on": entry.booked_on or statement.closing_on,
        "value_on": entry.value_on,
        "bank_ref": entry.bank_ref,
        "bank_code": entry.bank_code,
        "bank_code_own": entry.bank_code_own,
        "batch_message_id": batch.message_id if batch else None,
        "batch_pmt_inf_id": batch.pmt_inf_id if batch else None,
        "batch_count": batch.count if batch else None,
        "batch_total_cents": batch.total_cents if batch else None,
        "charges_cents": charges.stated(kept),
        "interchange_cents": charges.interchange(kept, own_bic, None),
        "text": seal(key, f"entry:{statement.id}:{entry.ordinal}", entry.text or None),
    }


def _detail_row(entry_id: int, detail: EntryDetail, own_bic: str | None, key: Key) -> dict[str, Any]:
    kept = charges.inside(detail.charges, detail.amount_cents, detail.original_cents)
    words = {
        "debtor": detail.debtor_name,
        "creditor": detail.creditor_name,
        "text": detail.remittance,
        "info": detail.return_info,
    }
    said = json.dumps({name: word for name, word in words.items() if word}, ensure_ascii=False, sort_keys=True)
    return {
        "entry_id": entry_id,
        "ordinal": detail.ordinal,
        "amount_cents": detail.amount_cents,
        "original_cents": detail.original_cents,
        "end_to_end_id": detail.end_to_end_id,
        "mandate_id": detail.mandate_id,
        "message_id": detail.message_id,
        "pmt_inf_id": detail.pmt_inf_id,
        "bank_ref": detail.bank_ref,
        "return_reason": detail.return_reason,
        "is_return": detail.is_return,
        "by_debtor": detail.originator_name is not None and detail.originator_bic is None,
        "charges_cents": charges.stated(kept),
        "interchange_cents": charges.interchange(kept, own_bic, detail.originator_bic),
        "text": seal(key, f"detail:{entry_id}:{detail.ordinal}", said if said != "{}" else None),
    }


def _fault_of_lines(entries: Sequence[StatementEntry], today: date) -> str:
    """Why these lines cannot be booked; empty where they can."""
    for entry in entries:
        if entry.currency != "EUR":
            return f"a line is in {entry.currency}; only EUR is booked"
        for day, latest in ((entry.booked_on, today + BOOKED_AHEAD), (entry.value_on, today + VALUED_AHEAD)):
            if not _plausible(day, latest):
                return f"line {entry.ordinal + 1} is dated {day}, which cannot be"
    return ""


def _plausible(day: date | None, latest: date) -> bool:
    """A day that the bank leaves out is no wrong one."""
    return day is None or EARLIEST <= day <= latest


def _judge(session: Session, statement: Statement, head: StatementHead, total_cents: int) -> None:
    """Refuse a statement that does not add up, that is known, or that says of known lines something else.

    The others stay parked until they fit.
    """
    if statement.posting == "advice":
        _refuse(statement, sameness.KNOWN if sameness.known(session, statement) else "")
        return
    if statement.posting == "refused":
        return
    assert statement.opening_cents is not None
    assert statement.closing_cents is not None
    if pages.waits(session, statement, head, total_cents):
        _judge_page(session, statement)
    elif statement.opening_cents + total_cents != statement.closing_cents:
        _refuse(statement, "its opening balance and its lines do not add up to its closing balance")
    elif sameness.known(session, statement) or pages.booked_so(session, statement):
        _refuse(statement, sameness.KNOWN)
    else:
        _refuse(statement, sameness.objection(session, statement))


def _judge_page(session: Session, statement: Statement) -> None:
    """A page that waits for the others of its statement; whether all of them add up is seen when they are here."""
    statement.reason = ""
    if sameness.known(session, statement) or pages.in_one_piece(session, statement):
        _refuse(statement, sameness.KNOWN)
    else:
        _refuse(statement, pages.fault(session, statement) or sameness.objection(session, statement))


def _refuse(statement: Statement, why: str) -> None:
    """Refuse a statement that nothing was said against yet; an empty ``why`` says nothing."""
    if why and statement.posting in ("parked", "advice"):
        statement.posting, statement.reason = "refused", why


def _chunks(entries: Iterable[StatementEntry]) -> Iterator[list[StatementEntry]]:
    chunk: list[StatementEntry] = []
    for entry in entries:
        chunk.append(entry)
        if len(chunk) == ROWS_AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
