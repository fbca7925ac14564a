"""What one entry of a bank statement says, and each of its details: elements to records. Pure.

Signs are the account owner's: CdtDbtInd alone decides. Both shapes of each element (.02 and .08) are read; see camt.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypedDict

from bridge.errors import BadInput
from bridge.formats import xml_pieces
from bridge.formats.xml_pieces import Piece, Told, cents, every, first, groups, mark, text, words
from bridge.records.camt import BatchReference, Charge, EntryDetail, StatementEntry

_RETURN_GVC = ("108", "109")
_RETURN_FAMILIES = ("UPDD", "PRDD", "RCDD")
_USTRD_FULL = (35, 140)
_DEBTOR, _CREDITOR = (
    tuple(f"RltdPties/{party}/{name}" for name in ("Nm", "Pty/Nm", "Agt/FinInstnId/Nm")) for party in ("Dbtr", "Cdtr")
)


class Returned(TypedDict):
    """What a detail says of a return: fields of EntryDetail."""

    return_reason: str | None
    return_info: str
    originator_bic: str | None
    originator_name: str | None


NOT_RETURNED: Returned = {"return_reason": None, "return_info": "", "originator_bic": None, "originator_name": None}


@dataclass(frozen=True, slots=True)
class Beginning:
    """What an entry says before its details, and they refer to; a lump sum with 100,000 of them says it once."""

    currency: str
    sign: int  # 1 for a credit, -1 for a debit
    code: str | None
    code_own: str | None
    is_return: bool


def beginning(piece: Piece) -> Beginning:
    """Return what stands in an Ntry before its details. BadInput for one without amount, currency or sign."""
    told, line = piece.told, piece.line
    code, own, is_return = _bank_codes(told)
    amount = first(told, "Amt")
    if amount is None:
        raise BadInput(f"Ntry at line {line} has no Amt")
    currency = mark(amount, "Ccy")
    if not currency:
        raise BadInput(f"The entry at line {line} has no amount with a currency")
    return Beginning(currency, sign(words(told, "CdtDbtInd"), line), code, own, is_return)


def entry(piece: Piece, begun: Beginning, details: tuple[EntryDetail, ...], *, statement: int, ordinal: int) -> StatementEntry:
    """Return one Ntry; its details were read, and freed, before it."""
    told, line = piece.told, piece.line
    named = words(told, "Sts/Cd") or words(told, "Sts") or words(told, "Sts/Prtry")
    if named is None:
        raise BadInput(f"The entry at line {line} has no status")
    batches = tuple(_batch(batch, begun.currency, line) for batch in groups(told, "NtryDtls/Btch"))
    amount_cents = begun.sign * cents(first(told, "Amt"), "Amt", line)
    return StatementEntry(
        statement=statement,
        ordinal=ordinal,
        amount_cents=amount_cents,
        currency=begun.currency,
        status=named,
        reversal=flag(words(told, "RvslInd")) or False,
        booked_on=xml_pieces.day(told, "BookgDt", line),
        value_on=xml_pieces.day(told, "ValDt", line),
        bank_ref=words(told, "AcctSvcrRef"),
        bank_code=begun.code,
        bank_code_own=begun.code_own,
        # Which of several a lump sum is about cannot be told from one of them.
        batch=batches[0] if len(batches) == 1 else None,
        charges=_charges(told, begun.currency, line) if "Chrgs" in told else (),
        details=_adding_up(details, amount_cents),
        text=words(told, "AddtlNtryInf") or "",
        batches=batches,
        is_return=begun.is_return,
    )


def _adding_up(details: tuple[EntryDetail, ...], amount_cents: int) -> tuple[EntryDetail, ...]:
    """The details with what was booked of each, where what was collected and what that cost add up to the entry's amount.

    .02 has no TxDtls/Amt: a bank writes there what was collected (InstdAmt or TxAmt) and the charge beside it, or all of a lump
    sum's parts as InstdAmt. Where the sum is another one the details stay as they are written: no amount is spread over them.
    """
    if not details or (len(details) == 1 and details[0].amount_cents == amount_cents):  # as nearly all are
        return details
    unknown = [one for one in details if one.amount_cents is None]
    if any(one.original_cents is None for one in unknown):
        return details
    if not unknown and sum(one.amount_cents or 0 for one in details) == amount_cents:
        return details
    side = 1 if amount_cents >= 0 else -1
    plain = [side * (one.original_cents or 0) if one.amount_cents is None else one.amount_cents for one in details]
    whole = [cents + (_kept(one) if abs(cents) == one.original_cents else 0) for one, cents in zip(details, plain, strict=True)]
    found = next((amounts for amounts in (plain, whole) if sum(amounts) == amount_cents), None)
    if found is None:
        return details
    return tuple(replace(one, amount_cents=cents) for one, cents in zip(details, found, strict=True))


def _kept(detail: EntryDetail) -> int:
    """What the charges of a detail change in the booked amount, signed; one that is said not to be included changes nothing."""
    inside = (charge for charge in detail.charges if charge.included is not False)
    return sum(charge.amount_cents if charge.credit else -charge.amount_cents for charge in inside)


def _batch(batch: Told, currency: str, line: int) -> BatchReference:
    return BatchReference(
        message_id=words(batch, "MsgId"),
        pmt_inf_id=words(batch, "PmtInfId"),
        count=count(words(batch, "NbOfTxs"), "NbOfTxs"),
        total_cents=_in_currency(first(batch, "TtlAmt"), currency, "TtlAmt", line),
    )


def detail(piece: Piece, begun: Beginning, *, ordinal: int) -> EntryDetail:
    """Return one TxDtls of an entry that began so."""
    told, line = piece.told, piece.line
    code, own, is_return = _bank_codes(told)
    end_to_end_id = words(told, "Refs/EndToEndId")
    amount, original = _detail_amounts(told, begun, line)
    return EntryDetail(
        ordinal=ordinal,
        amount_cents=amount,
        original_cents=original,
        # NOTPROVIDED is the ISO word for none.
        end_to_end_id=None if end_to_end_id == "NOTPROVIDED" else end_to_end_id,
        mandate_id=words(told, "Refs/MndtId"),
        message_id=words(told, "Refs/MsgId"),
        pmt_inf_id=words(told, "Refs/PmtInfId"),
        bank_ref=words(told, "Refs/AcctSvcrRef"),
        bank_code=code,
        is_return=is_return or begun.is_return or "RtrInf" in told,
        charges=_charges(told, begun.currency, line) if "Chrgs" in told else (),
        **(_returned(groups(told, "RtrInf")[0]) if "RtrInf" in told else NOT_RETURNED),
        debtor_name=_party_name(told, _DEBTOR),
        debtor_iban=compact(words(told, "RltdPties/DbtrAcct/Id/IBAN")),
        creditor_name=_party_name(told, _CREDITOR),
        creditor_iban=compact(words(told, "RltdPties/CdtrAcct/Id/IBAN")),
        remittance=_remittance(told) or words(told, "AddtlTxInf") or "",
        bank_code_own=own,
    )


def _returned(info: Told) -> Returned:
    return {
        "return_reason": words(info, "Rsn/Cd") or words(info, "Rsn/Prtry"),
        "return_info": " ".join(piece for line in every(info, "AddtlInf") if (piece := text(line))),
        "originator_bic": words(info, "Orgtr/Id/OrgId/AnyBIC") or words(info, "Orgtr/Id/OrgId/BICOrBEI"),
        "originator_name": words(info, "Orgtr/Nm"),
    }


def _detail_amounts(told: Told, begun: Beginning, line: int) -> tuple[int | None, int | None]:
    """Return the signed amount and the unsigned original of one detail, as they are written; never the entry's amount.

    The amount is TxDtls/Amt, else AmtDtls/TxAmt; the original is InstdAmt, else TxAmt: German banks write what was collected into
    either, and what was booked, fee included, into the other. What is in another currency than the entry is None.
    """
    transaction, instructed = first(told, "AmtDtls/TxAmt/Amt"), first(told, "AmtDtls/InstdAmt/Amt")
    own = first(told, "Amt")
    booked = _in_currency(own if own is not None else transaction, begun.currency, "Amt", line)
    indicator = words(told, "CdtDbtInd")
    return (
        None if booked is None else (begun.sign if indicator is None else sign(indicator, line)) * booked,
        _in_currency(instructed if instructed is not None else transaction, begun.currency, "Amt", line),
    )


def _charges(told: Told, currency: str, line: int) -> tuple[Charge, ...]:
    """Return the charges of an entry or a detail. Zero ones are none; one in another currency explains no cent of this entry."""
    found = []
    for charges in groups(told, "Chrgs"):
        for record in groups(charges, "Rcrd") or [charges]:
            amount = first(record, "Amt")
            value = _in_currency(amount if amount is not None else first(record, "TtlChrgsAndTaxAmt"), currency, "Amt", line)
            if value:
                found.append(
                    Charge(
                        amount_cents=value,
                        credit=words(record, "CdtDbtInd") == "CRDT",
                        included=flag(words(record, "ChrgInclInd")),
                        bic=agent_bic(record, ("Agt", "Pty")),
                    )
                )
    return tuple(found)


def _bank_codes(told: Told) -> tuple[str | None, str | None, bool]:
    """Return ISO's code, the bank's own, and whether they speak of a return."""
    return _codes(
        words(told, "BkTxCd/Domn/Cd"),
        words(told, "BkTxCd/Domn/Fmly/Cd"),
        words(told, "BkTxCd/Domn/Fmly/SubFmlyCd"),
        words(told, "BkTxCd/Prtry/Cd"),
    )


@lru_cache(maxsize=1024)
def _codes(
    domain: str | None, family: str | None, sub_family: str | None, own: str | None
) -> tuple[str | None, str | None, bool]:
    parts = (domain, family, sub_family)
    code = "/".join(part or "" for part in parts) if any(parts) else None
    # SWIFT+GVC[+Primanota[+Textschluesselergaenzung]]: the GVC is the first part of three digits. A text never says return.
    gvc = next((part for part in (own or "").split("+") if re.fullmatch("[0-9]{3}", part)), None)
    return code, own, gvc in _RETURN_GVC or sub_family in _RETURN_FAMILIES


def _remittance(told: Told) -> str:
    alone = told.get("RmtInf/Ustrd")
    if alone.__class__ is str and "RmtInf/Strd" not in told:  # as most are; what follows gives the same
        return " ".join(alone.split())
    joined = ""
    for piece in every(told, "RmtInf/Ustrd"):
        # A piece of full length was cut by the bank in mid-word; a shorter one ended by itself.
        joined += piece if len(piece) in _USTRD_FULL else piece + " "
    references = [ref for strd in groups(told, "RmtInf/Strd") if (ref := words(strd, "CdtrRefInf/Ref"))]
    return " ".join([*joined.split(), *references])


def _party_name(told: Told, paths: Sequence[str]) -> str | None:
    return next((name for path in paths if path in told and (name := words(told, path))), None)


def agent_bic(told: Told, agents: Sequence[str]) -> str | None:
    """Return the BIC of the first of these agents that has one, in either version's word for it."""
    paths = (f"{agent}/FinInstnId/{name}" for agent in agents for name in ("BICFI", "BIC"))
    return next((bic for path in paths if (bic := words(told, path))), None)


def sign(indicator: str | None, line: int) -> int:
    """Return 1 for CRDT, -1 for DBIT; BadInput for anything else."""
    if indicator == "CRDT":
        return 1
    if indicator == "DBIT":
        return -1
    raise BadInput(f"CdtDbtInd at line {line} is neither CRDT nor DBIT")


def _in_currency(value: Any, currency: str, name: str, line: int) -> int | None:
    return cents(value, name, line) if mark(value, "Ccy") == currency else None


def count(written: str | None, what: str) -> int | None:
    """Return a number of digits only, or None."""
    if written is None:
        return None
    if not re.fullmatch("[0-9]{1,18}", written):
        raise BadInput(f"{what} is not a number")
    return int(written)


def flag(written: str | None) -> bool | None:
    """Return an indicator as a bool, or None."""
    if written not in (None, "true", "false", "1", "0"):
        raise BadInput("An indicator is neither true nor false")
    return None if written is None else written in ("true", "1")


def compact(iban: str | None) -> str | None:
    """Return an IBAN in upper case without blanks."""
    return None if iban is None else "".join(iban.split()).upper()
