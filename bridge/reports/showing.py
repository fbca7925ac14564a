"""What a bank file says, without storing it: one plain document for a person or a script."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import IO, Any

from bridge.errors import BadInput
from bridge.formats import detect, pain008_reader, unpack
from bridge.records.camt import Charge, EntryDetail, StatementEntry, StatementHead
from bridge.records.pain002 import StatusLine, StatusReason, StatusReportHead
from bridge.records.pain008 import DebitFile

Shown = dict[str, Any]


def show_file(name: str, body: bytes) -> Shown:
    """The same of a file of any shape in which banks send one: a ZIP, a gzip, several documents behind one another.

    Several are each in "documents", with the "file" they stand in; "statements" are then those of all, and "kind" is "several"
    where they are not of one. Raises BadInput, naming the document that cannot be read.
    """
    parts = unpack.members(name, body)
    if len(parts) == 1:
        return show(BytesIO(parts[0][1]))
    documents = [{"file": part, **_shown(part, inside)} for part, inside in parts]
    kinds = {document["kind"] for document in documents}
    return {
        "kind": kinds.pop() if len(kinds) == 1 else "several",
        "statements": [statement for document in documents for statement in document["statements"]],
        "report": None,
        "documents": documents,
    }


def _shown(part: str, inside: bytes) -> Shown:
    try:
        return show(BytesIO(inside))
    except BadInput as problem:
        raise BadInput(f"{part}: {problem}") from None


def show(stream: IO[bytes]) -> Shown:
    """Kind and content of a pain.002 ("report"), a camt.052, 053 or 054 ("statements") or a pain.008 ("blocks").

    Raises BadInput for what is no such file, and for one of which a part cannot be read.
    """
    kind = detect.detect(stream)
    if kind == "pain.008":
        return {"kind": kind, "statements": [], "report": None, **_file(pain008_reader.read(stream, strict=False))}
    said: list[Any] = list(detect.read(kind)(stream))
    if kind == "pain.002":
        return {"kind": kind, "statements": [], "report": _report(said)}
    return {"kind": kind, "statements": _statements(said), "report": None}


def _file(file: DebitFile) -> Shown:
    return {
        "message_id": file.message_id,
        "created_at": file.created_at,
        "control_sum_cents": file.control_sum_cents,
        "blocks": [
            {
                "pmt_inf_id": block.pmt_inf_id,
                "scheme": block.scheme,
                "sequence": block.sequence,
                "due_on": block.due_on,
                "creditor_id": block.creditor_id,
                "control_sum_cents": block.control_sum_cents,
                "debits": [
                    {
                        "end_to_end_id": debit.end_to_end_id,
                        "amount_cents": debit.amount_cents,
                        "mandate_id": debit.mandate_id,
                        "signed_on": debit.signed_on,
                        "debtor_name": debit.debtor_name,
                        "remittance": debit.remittance or debit.creditor_reference,
                    }
                    for debit in block.debits
                ],
            }
            for block in file.blocks
        ],
    }


def _statements(said: Iterable[Any]) -> list[Shown]:
    found: list[Shown] = []
    for one in said:
        if isinstance(one, StatementHead):
            found.append(
                {
                    "id": one.statement_id,
                    "iban": one.iban or one.account_other,
                    "sequence": one.sequence,
                    "opening_cents": one.opening_cents,
                    "closing_cents": one.closing_cents,
                    "copy": one.copy,
                    "page": one.page,
                    "last_page": one.last_page,
                    "entries": [],
                }
            )
        elif isinstance(one, StatementEntry):
            found[one.statement]["entries"].append(_entry(one))
    return found


def _entry(entry: StatementEntry) -> Shown:
    batch = entry.batch
    return {
        "amount_cents": entry.amount_cents,
        "currency": entry.currency,
        "status": entry.status,
        "booked_on": entry.booked_on,
        "value_on": entry.value_on,
        "reversal": entry.reversal,
        "bank_code": entry.bank_code or entry.bank_code_own,
        "bank_code_own": entry.bank_code_own,
        "batch": None
        if batch is None
        else {
            "message_id": batch.message_id,
            "pmt_inf_id": batch.pmt_inf_id,
            "count": batch.count,
            "total_cents": batch.total_cents,
        },
        "charges_cents": _charges(entry.charges),
        "text": entry.text,
        "is_return": entry.is_return or any(detail.is_return for detail in entry.details),
        "details": [_detail(detail) for detail in entry.details],
    }


def _detail(detail: EntryDetail) -> Shown:
    return {
        "end_to_end_id": detail.end_to_end_id,
        "mandate_id": detail.mandate_id,
        "amount_cents": detail.amount_cents,
        "original_cents": detail.original_cents,
        "is_return": detail.is_return,
        "return_reason": detail.return_reason,
        "return_info": detail.return_info,
        "charges_cents": _charges(detail.charges),
        "originator": detail.originator_bic or detail.originator_name,
        "debtor_name": detail.debtor_name,
        "remittance": detail.remittance,
    }


def _charges(charges: Iterable[Charge]) -> int:
    """What was charged, less what was given back."""
    return sum(-charge.amount_cents if charge.credit else charge.amount_cents for charge in charges)


def _report(said: Iterable[Any]) -> Shown:
    found: Shown = {"lines": []}
    for one in said:
        if isinstance(one, StatusReportHead):
            found |= {
                "message_id": one.message_id,
                "original_message_id": one.original_message_id,
                "original_message_name": one.original_message_name,
                "group_status": one.group_status,
                "reasons": [_reason(reason) for reason in one.reasons],
            }
        elif isinstance(one, StatusLine):
            found["lines"].append(
                {
                    "level": one.level,
                    "pmt_inf_id": one.pmt_inf_id,
                    "end_to_end_id": one.end_to_end_id,
                    "status": one.status,
                    "amount_cents": one.amount_cents,
                    "mandate_id": one.mandate_id,
                    "reasons": [_reason(reason) for reason in one.reasons],
                }
            )
    return found


def _reason(reason: StatusReason) -> Shown:
    return {"code": reason.code, "info": reason.info, "originator": reason.originator_bic or reason.originator_name}
