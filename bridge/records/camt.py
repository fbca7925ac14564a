"""A bank statement (ISO 20022 camt.052/053/054): a head with its balances, then its entries with their details.

Amounts are signed from the account owner's side: a credit is positive, a debit negative. ``RvslInd`` never flips a sign.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class StatementHead:
    """One Stmt, Rpt or Ntfctn, read before its entries. Balances are None where the bank gives none.

    ``kind`` is "camt.052", "camt.053" or "camt.054"; ``ordinal`` counts the statements of a file from 0. ``opening_kind`` is
    OPBD or PRCD, ITBD for a page that begins between the day's ends; ``closing_kind`` is CLBD or ITBD likewise. ``copy`` is
    CpyDplctInd (COPY, DUPL, CODU) or None. ``iban`` is upper case without blanks, or None where the bank names the account
    otherwise (then ``account_other``).
    """

    kind: str
    namespace: str
    ordinal: int
    message_id: str
    statement_id: str
    sequence: int | None
    created_at: datetime | None
    from_at: datetime | None
    to_at: datetime | None
    iban: str | None = field(repr=False)
    account_other: str | None = field(repr=False)
    currency: str | None
    opening_cents: int | None
    opening_kind: str | None
    opening_on: date | None
    closing_cents: int | None
    closing_on: date | None
    copy: str | None = None
    page: int | None = None
    last_page: bool | None = None
    servicer_bic: str | None = None  # the bank that keeps the account
    closing_kind: str | None = None
    paper_number: int | None = None  # LglSeqNb
    pages_of_file: bool = False  # the file says which page it is (MsgPgntn), not the statement


@dataclass(frozen=True, slots=True)
class BatchReference:
    """NtryDtls/Btch: which of our files or blocks a lump-sum entry is about. Every part is optional."""

    message_id: str | None
    pmt_inf_id: str | None
    count: int | None
    total_cents: int | None


@dataclass(frozen=True, slots=True)
class Charge:
    """One charge record. ``amount_cents`` is positive; ``credit`` tells a charge given back; ``included`` is ChrgInclInd."""

    amount_cents: int
    credit: bool
    included: bool | None
    bic: str | None = None


@dataclass(frozen=True, slots=True)
class EntryDetail:
    """One TxDtls. ``amount_cents`` is what was booked of it, signed; None where none is given and none follows from what was
    collected (``original_cents``, unsigned) and what that cost."""

    ordinal: int
    amount_cents: int | None
    original_cents: int | None
    end_to_end_id: str | None
    mandate_id: str | None
    message_id: str | None
    pmt_inf_id: str | None
    bank_ref: str | None
    bank_code: str | None
    return_reason: str | None
    is_return: bool
    charges: tuple[Charge, ...] = ()
    return_info: str = field(default="", repr=False)
    originator_bic: str | None = None
    originator_name: str | None = field(default=None, repr=False)
    debtor_name: str | None = field(default=None, repr=False)
    debtor_iban: str | None = field(default=None, repr=False)
    creditor_name: str | None = field(default=None, repr=False)
    creditor_iban: str | None = field(default=None, repr=False)
    remittance: str = field(default="", repr=False)
    bank_code_own: str | None = None


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """One Ntry. ``statement`` is the head's ordinal, ``ordinal`` counts the entries of that statement from 0.

    ``status`` is BOOK, PDNG, INFO or what the bank wrote. ``bank_code`` is domain/family/sub-family ("PMNT/IDDT/UPDD"),
    ``bank_code_own`` the proprietary one ("NRTI+109+0002+917"). ``batch`` is the only one of ``batches``, None where a bank names
    several. ``is_return`` is what the entry's own codes say; a detail may say so alone.
    """

    statement: int
    ordinal: int
    amount_cents: int
    currency: str
    status: str
    reversal: bool
    booked_on: date | None
    value_on: date | None
    bank_ref: str | None
    bank_code: str | None
    bank_code_own: str | None
    batch: BatchReference | None
    charges: tuple[Charge, ...]
    details: tuple[EntryDetail, ...]
    text: str = field(default="", repr=False)
    batches: tuple[BatchReference, ...] = ()
    is_return: bool = False
