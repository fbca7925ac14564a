"""Takes one bank file in: keeps every byte, reads it whole or not at all, and books the lines of a statement that fits.

A file is one commit: Document, records, and for statements whose opening continues the ledger's balance the vouchers Bank /
Suspense. The same bytes twice are known; the same statement in other bytes is known too; one that leaves a gap is parked until
the gap closes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from io import BytesIO
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from bridge import archive, books
from bridge.books import BreakRow, PlannedPosting, PlannedVoucher, Recorder, Unit
from bridge.errors import BadInput
from bridge.formats import detect
from bridge.model import Account, BankAccount, Batch, Detail, Document, Entry, Statement, StatusReport, StatusReportLine
from bridge.model.sealed import Key, seal
from bridge.records.camt import Charge, EntryDetail, StatementEntry, StatementHead
from bridge.records.pain002 import StatusLine, StatusReportHead
from bridge.rules import lifecycle
from bridge.runtime import Runtime

ROWS_AT_ONCE = 500
READ = ("pain.002", "camt.053")


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file: ``result`` is "stored" or "known"; ``entries`` are its lines, ``new`` those booked now."""

    file: str
    sha256: str
    kind: str
    result: str
    entries: int = 0
    new: int = 0
    message: str = ""


def take(runtime: Runtime, name: str, body: bytes, *, actor: str) -> Taken:
    """Take one file. Raises BadInput for one that is malformed or of a kind that is not read; nothing of it is stored then."""
    return runtime.work(lambda session: _take(session, runtime, name, body, actor))


def _take(session: Session, runtime: Runtime, name: str, body: bytes, actor: str) -> Taken:
    digest = sha256(body).hexdigest()
    found = archive.known(session, digest)
    if found is not None:
        return Taken(name, digest, found.kind, "known", message="these bytes were stored before")
    kind = detect.detect(BytesIO(body))
    if kind not in READ:
        raise BadInput(f"{name} is a {kind}, which is not read yet; {' and '.join(READ)} are. Keep the file")
    document = archive.keep(
        session, runtime.keys, body, direction="received", kind=kind, name=name, actor=actor, at=runtime.clock()
    )
    runtime.fault("receive: stored")
    by = Recorder(actor, runtime.clock())
    messages = detect.read(kind)(BytesIO(body))
    if kind == "pain.002":
        taken = _status_report(session, runtime, document, messages, by)
    else:
        taken = _statements(session, runtime, document, messages, by)
    return replace(taken, file=name, sha256=digest, kind=kind)


def _status_report(
    session: Session, runtime: Runtime, document: Document, messages: Iterable[StatusReportHead | StatusLine], by: Recorder
) -> Taken:
    head: StatusReportHead | None = None
    lines: list[StatusLine] = []
    for message in messages:
        if isinstance(message, StatusReportHead):
            head = message
        else:
            lines.append(message)
    if head is None:
        raise BadInput("the status report names no original message")
    ours = session.scalar(select(Batch).where(func.upper(Batch.message_id) == head.original_message_id.upper()))
    report = StatusReport(
        document_id=document.id,
        message_id=head.message_id,
        original_message_id=head.original_message_id,
        dated_on=(head.created_at or runtime.clock()).astimezone(runtime.zone).date(),
    )
    session.add(report)
    session.flush()
    rows = [
        {
            "report_id": report.id,
            "ordinal": n,
            "level": line.level,
            "pmt_inf_id": line.pmt_inf_id,
            "end_to_end_id": line.end_to_end_id,
            "status": line.status,
            "reason": _reason(line, head),
            "outcome": "new" if ours else "break",
        }
        for n, line in enumerate(lines)
    ]
    if rows:
        session.execute(insert(StatusReportLine), rows)
    if ours is None:
        what = f"a status report names file {head.original_message_id[:35]}, which is not ours"
        books.open_breaks(
            session, [("NOT_OUR_FILE", f"document:{document.sha256}", what, "ask the bank, or close it")], by, runtime.today()
        )
    return Taken("", "", "", "stored", len(rows), len(rows) if ours else 0)


def _reason(line: StatusLine, head: StatusReportHead) -> str | None:
    reasons = line.reasons or (head.reasons if line.level == "group" else ())
    return reasons[0].code if reasons else None


def _statements(
    session: Session, runtime: Runtime, document: Document, messages: Iterable[StatementHead | StatementEntry], by: Recorder
) -> Taken:
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
            _keep_entries(session, statement, chunk, key)
            total += sum(entry.amount_cents for entry in chunk)
            rows += len(chunk)
            _refuse_other_currency(statement, chunk)
        _judge(session, statement, total)
    parked = {statement.account_id for statement in stored if statement.account_id and statement.posting == "parked"}
    for account_id in sorted(parked):
        new += _post_chain(session, account_id, by)
    breaks = [
        _break_of(statement) for statement in stored if statement.posting != "posted" and not statement.reason.startswith("known")
    ]
    books.open_breaks(session, breaks, by, runtime.today())
    known = bool(stored) and all(statement.reason.startswith("known") for statement in stored)
    waiting = [statement.reason for statement in stored if statement.posting != "posted"]
    return Taken("", "", "", "known" if known else "stored", rows, new, "; ".join(waiting))


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
    refused = ""
    if account is None:
        refused = "the account is none of ours"
    elif head.currency not in (None, "EUR"):
        refused = f"the statement is in {head.currency}; only EUR is booked"
    elif head.copy in ("COPY", "DUPL"):
        refused = f"the bank marks it as a copy ({head.copy}); only originals are booked"
    elif head.opening_cents is None or head.closing_cents is None:
        refused = "it has no opening or no closing balance, so it cannot be checked"
    return Statement(
        document_id=document.id,
        ordinal=head.ordinal,
        account_id=account.id if account else None,
        kind=head.kind,
        statement_id=head.statement_id,
        sequence=head.sequence,
        currency=head.currency,
        opening_cents=head.opening_cents,
        closing_cents=head.closing_cents,
        opening_on=head.opening_on,
        closing_on=head.closing_on or (head.to_at or head.created_at or runtime.clock()).date(),
        posted_no=None,
        posted_at=None,
        posting="refused" if refused else "parked",
        reason=refused or "it does not continue the ledger's balance",
        recorded_at=runtime.clock(),
    )


def _keep_entries(session: Session, statement: Statement, entries: Sequence[StatementEntry], key: Key) -> None:
    rows = [_entry_row(statement, entry, key) for entry in entries]
    ids = list(session.scalars(insert(Entry).returning(Entry.id, sort_by_parameter_order=True), rows))
    details = [
        _detail_row(entry_id, detail, key) for entry_id, entry in zip(ids, entries, strict=True) for detail in entry.details
    ]
    if details:
        session.execute(insert(Detail), details)


def _entry_row(statement: Statement, entry: StatementEntry, key: Key) -> dict[str, Any]:
    batch = entry.batch
    return {
        "statement_id": statement.id,
        "ordinal": entry.ordinal,
        "amount_cents": entry.amount_cents,
        "open_cents": entry.amount_cents,
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
        "charges_cents": _kept(entry.charges),
        "text": seal(key, f"entry:{statement.id}:{entry.ordinal}", entry.text or None),
    }


def _detail_row(entry_id: int, detail: EntryDetail, key: Key) -> dict[str, Any]:
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
        "charges_cents": _kept(detail.charges),
        "text": seal(key, f"detail:{entry_id}:{detail.ordinal}", said if said != "{}" else None),
    }


def _kept(charges: Sequence[Charge]) -> int:
    """What the bank states to have kept (negative) or given back inside the amount; a charge booked beside it does not count."""
    return sum(charge.amount_cents if charge.credit else -charge.amount_cents for charge in charges if charge.included is True)


def _refuse_other_currency(statement: Statement, entries: Sequence[StatementEntry]) -> None:
    other = next((entry.currency for entry in entries if entry.currency != "EUR"), None)
    if other and statement.posting == "parked":
        statement.posting, statement.reason = "refused", f"a line is in {other}; only EUR is booked"


def _judge(session: Session, statement: Statement, total_cents: int) -> None:
    """Refuse a statement that does not add up, or that is known; the others stay parked until they fit."""
    if statement.posting == "refused":
        return
    assert statement.opening_cents is not None
    assert statement.closing_cents is not None
    if statement.opening_cents + total_cents != statement.closing_cents:
        statement.posting, statement.reason = "refused", "its opening balance and its lines do not add up to its closing balance"
        return
    same = [
        Statement.account_id == statement.account_id,
        Statement.statement_id == statement.statement_id,
        Statement.id != statement.id,
    ]
    same += [
        Statement.sequence.is_not_distinct_from(statement.sequence),
        Statement.closing_on == statement.closing_on,
        Statement.posting != "refused",
    ]
    for other in session.scalars(select(Statement).where(*same)):
        equal = _content(session, other) == _content(session, statement)
        words = (
            "known: the same statement was stored before" if equal else "the bank sent this statement before with other content"
        )
        statement.posting, statement.reason = "refused", words


def _content(session: Session, statement: Statement) -> list[tuple[Any, ...]]:
    lines = session.execute(
        select(Entry.amount_cents, Entry.booked_on, Entry.value_on, Entry.bank_ref, Entry.bank_code_own)
        .where(Entry.statement_id == statement.id)
        .order_by(Entry.ordinal)
    )
    return [(statement.opening_cents, statement.closing_cents), *(tuple(line) for line in lines)]


def _post_chain(session: Session, account_id: int, by: Recorder) -> int:
    """Book every parked statement of an account that continues its chain, at either end, until none fits.

    Returns how many lines were booked.
    """
    booked = 0
    while True:
        posted = list(
            session.scalars(
                select(Statement)
                .where(Statement.account_id == account_id, Statement.posting == "posted")
                .order_by(Statement.posted_no)
            )
        )
        parked = list(
            session.scalars(
                select(Statement)
                .where(Statement.account_id == account_id, Statement.posting == "parked")
                .order_by(Statement.closing_on, Statement.sequence, Statement.id)
            )
        )
        fitting = next(((statement, number) for statement in parked if (number := _place(statement, posted)) is not None), None)
        if fitting is None:
            return booked
        booked += _post(session, account_id, *fitting, by)
        books.close_breaks(session, [f"statement:{fitting[0].id}"], by, "it fits now and is booked")


def _place(statement: Statement, posted: Sequence[Statement]) -> int | None:
    """The number a statement would get in its account's chain: after the last, before the first, or the first of all."""
    if not posted:
        return 0
    first, last = posted[0], posted[-1]
    assert statement.closing_on is not None
    if statement.opening_cents == last.closing_cents and statement.closing_on >= (last.closing_on or date.min):
        return (last.posted_no or 0) + 1
    if statement.closing_cents == first.opening_cents and statement.closing_on <= (first.closing_on or date.max):
        return (first.posted_no or 0) - 1
    return None


def _post(session: Session, account_id: int, statement: Statement, number: int, by: Recorder) -> int:
    """Book a statement: its opening if it is the first of all, then every line Bank / Suspense."""
    statement.posting, statement.posted_no, statement.posted_at, statement.reason = "posted", number, by.at, ""
    cause = f"statement:{statement.id}"
    units = []
    opening = {0: statement.opening_cents or 0}.get(number)
    if number < 0:  # an older one: its lines are in the first one's opening already
        opening = (statement.opening_cents or 0) - (statement.closing_cents or 0)
    if opening:
        debit, credit = lifecycle.POSTINGS["opening" if opening > 0 else "opening, overdrawn"]
        booked_on = statement.opening_on or statement.closing_on
        assert booked_on is not None
        posting = PlannedPosting(debit, account_id, credit, account_id, abs(opening))
        units.append(Unit(voucher=PlannedVoucher(f"open:{statement.id}", "opening", cause, booked_on, (posting,))))
    count = 0
    for entry_id, cents, booked_on in session.execute(
        select(Entry.id, Entry.amount_cents, Entry.booked_on).where(Entry.statement_id == statement.id).order_by(Entry.ordinal)
    ):
        count += 1
        if cents:
            units.append(Unit(voucher=_bank_voucher(account_id, entry_id, cents, booked_on, cause)))
    session.flush()
    books.apply(session, units, by)
    return count


def _bank_voucher(account_id: int, entry_id: int, cents: int, booked_on: date, cause: str) -> PlannedVoucher:
    fact = "bank credit" if cents > 0 else "bank debit"
    debit, credit = lifecycle.POSTINGS[fact]
    subject = {"Bank": account_id, "Suspense": entry_id}
    posting = PlannedPosting(debit, subject[debit], credit, subject[credit], abs(cents))
    return PlannedVoucher(f"bank:{entry_id}", fact, cause, booked_on, (posting,))


def _break_of(statement: Statement) -> BreakRow:
    subject = f"statement:{statement.id}"
    if statement.posting == "refused":
        return (
            "STATEMENT_REFUSED",
            subject,
            f"statement {statement.statement_id} is kept, not booked: {statement.reason}",
            "ask the bank for the right one",
        )
    what = f"statement {statement.statement_id} waits: {statement.reason}"
    return "STATEMENT_GAP", subject, what, "import the statement that is missing before it"


def _chunks(entries: Iterable[StatementEntry]) -> Iterator[list[StatementEntry]]:
    chunk: list[StatementEntry] = []
    for entry in entries:
        chunk.append(entry)
        if len(chunk) == ROWS_AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
