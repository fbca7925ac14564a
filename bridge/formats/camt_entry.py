"""What one entry of a bank statement says, and each of its details: elements to records. Pure.

Signs are the account owner's: CdtDbtInd alone decides. Both shapes of each element (.02 and .08) are read; see camt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypedDict

from lxml import etree

from bridge.errors import BadInput
from bridge.formats import safe_xml
from bridge.formats.safe_xml import Tree, cents, every, find, first, need, words
from bridge.records.camt import BatchReference, Charge, EntryDetail, StatementEntry

_RETURN_GVC = ("108", "109")
_RETURN_FAMILIES = ("UPDD", "PRDD", "RCDD")
_USTRD_FULL = (35, 140)


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
    indicator: str
    code: str | None
    code_own: str | None
    is_return: bool


def beginning(element: etree._Element) -> Beginning:
    """Return what stands in an Ntry before its details. BadInput for one without amount, currency or sign."""
    code, own = _bank_codes(find(element, "BkTxCd"))
    amount = find(element, "Amt")
    if amount is None:
        raise BadInput(f"Ntry at line {element.sourceline} has no Amt")
    currency = amount.get("Ccy")
    if not currency:
        raise BadInput(f"The entry at line {element.sourceline} has no amount with a currency")
    return Beginning(currency, need(element, "CdtDbtInd"), code, own, _says_return(code, own))


def entry(
    element: etree._Element, begun: Beginning, details: tuple[EntryDetail, ...], *, statement: int, ordinal: int
) -> StatementEntry:
    """Return one Ntry; its details were read, and freed, before it."""
    told, line = safe_xml.tree(element), element.sourceline
    batches = tuple(_batch(batch, begun.currency) for batch in every(told, "NtryDtls", "Btch"))
    status, amount = first(told, "Sts"), _amount(first(told, "Amt"), line)
    named = words(status, "Cd") or words(status, "Prtry") if isinstance(status, dict) else words(status)
    if named is None:
        raise BadInput(f"The entry at line {line} has no status")
    return StatementEntry(
        statement=statement,
        ordinal=ordinal,
        amount_cents=_sign(begun.indicator, line) * cents(amount),
        currency=begun.currency,
        status=named,
        reversal=flag(words(told, "RvslInd")) or False,
        booked_on=safe_xml.day_of(told, "BookgDt", line),
        value_on=safe_xml.day_of(told, "ValDt", line),
        bank_ref=words(told, "AcctSvcrRef"),
        bank_code=begun.code,
        bank_code_own=begun.code_own,
        # Which of several a lump sum is about cannot be told from one of them.
        batch=batches[0] if len(batches) == 1 else None,
        charges=_charges(told, begun.currency) if "Chrgs" in told else (),
        details=details,
        text=words(told, "AddtlNtryInf") or "",
        batches=batches,
        is_return=begun.is_return,
    )


def _batch(batch: Any, currency: str) -> BatchReference:
    return BatchReference(
        message_id=words(batch, "MsgId"),
        pmt_inf_id=words(batch, "PmtInfId"),
        count=count(words(batch, "NbOfTxs"), "NbOfTxs"),
        total_cents=_in_currency(first(batch, "TtlAmt"), currency),
    )


def detail(element: etree._Element, begun: Beginning, *, ordinal: int) -> EntryDetail:
    """Return one TxDtls of an entry that began so."""
    told, line = safe_xml.tree(element), element.sourceline
    refs, parties, returned = first(told, "Refs"), first(told, "RltdPties"), first(told, "RtrInf")
    is_return = "RtrInf" in told or begun.is_return
    code = own = None
    if "BkTxCd" in told:
        code, own = _bank_codes(find(element, "BkTxCd"))
        is_return = is_return or _says_return(code, own)
    end_to_end_id = words(refs, "EndToEndId")
    amount, original = _detail_amounts(told, begun, line)
    return EntryDetail(
        ordinal=ordinal,
        amount_cents=amount,
        original_cents=original,
        # NOTPROVIDED is the ISO word for none.
        end_to_end_id=None if end_to_end_id == "NOTPROVIDED" else end_to_end_id,
        mandate_id=words(refs, "MndtId"),
        message_id=words(refs, "MsgId"),
        pmt_inf_id=words(refs, "PmtInfId"),
        bank_ref=words(refs, "AcctSvcrRef"),
        bank_code=code,
        is_return=is_return,
        charges=_charges(told, begun.currency) if "Chrgs" in told else (),
        **(_returned(returned) if returned is not None else NOT_RETURNED),
        debtor_name=_party_name(first(parties, "Dbtr")),
        debtor_iban=compact(words(parties, "DbtrAcct", "Id", "IBAN")),
        creditor_name=_party_name(first(parties, "Cdtr")),
        creditor_iban=compact(words(parties, "CdtrAcct", "Id", "IBAN")),
        remittance=_remittance(told) or words(told, "AddtlTxInf") or "",
        bank_code_own=own,
    )


def _returned(info: Any) -> Returned:
    return {
        "return_reason": words(info, "Rsn", "Cd") or words(info, "Rsn", "Prtry"),
        "return_info": " ".join(piece for line in every(info, "AddtlInf") if (piece := words(line))),
        "originator_bic": words(info, "Orgtr", "Id", "OrgId", "AnyBIC") or words(info, "Orgtr", "Id", "OrgId", "BICOrBEI"),
        "originator_name": words(info, "Orgtr", "Nm"),
    }


def _detail_amounts(told: Tree, begun: Beginning, line: Any) -> tuple[int | None, int | None]:
    """Return the signed amount and the unsigned original of one detail, as they are written; never the entry's amount.

    The amount is TxDtls/Amt, else AmtDtls/TxAmt; the original is InstdAmt, else TxAmt: German banks write what was collected into
    either, and what was booked, fee included, into the other. What is in another currency than the entry is None.
    """
    transaction, instructed = first(told, "AmtDtls", "TxAmt", "Amt"), first(told, "AmtDtls", "InstdAmt", "Amt")
    own = first(told, "Amt")
    booked = _in_currency(own if own is not None else transaction, begun.currency)
    sign = _sign(words(told, "CdtDbtInd") or begun.indicator, line)
    return (
        None if booked is None else sign * booked,
        _in_currency(instructed if instructed is not None else transaction, begun.currency),
    )


def _charges(told: Tree, currency: str) -> tuple[Charge, ...]:
    """Return the charges of an entry or a detail. Zero ones are none; one in another currency explains no cent of this entry."""
    found = []
    for charges in every(told, "Chrgs"):
        for record in every(charges, "Rcrd") or [charges]:
            amount = first(record, "Amt")
            value = _in_currency(amount if amount is not None else first(record, "TtlChrgsAndTaxAmt"), currency)
            if value:
                found.append(
                    Charge(
                        amount_cents=value,
                        credit=words(record, "CdtDbtInd") == "CRDT",
                        included=flag(words(record, "ChrgInclInd")),
                        bic=_agent_bic(record),
                    )
                )
    return tuple(found)


def _bank_codes(code: etree._Element | None) -> tuple[str | None, str | None]:
    if code is None or not len(code):
        return None, None
    told = safe_xml.tree(code)
    own = words(told, "Prtry", "Cd")
    if "Domn" not in told:
        return None, own
    parts = (words(told, "Domn", "Cd"), words(told, "Domn", "Fmly", "Cd"), words(told, "Domn", "Fmly", "SubFmlyCd"))
    return "/".join(part or "" for part in parts), own


@lru_cache(maxsize=1024)
def _says_return(code: str | None, own: str | None) -> bool:
    # SWIFT+GVC[+Primanota[+Textschluesselergaenzung]]: the GVC is the first part of three digits. A text never says return.
    gvc = next((part for part in (own or "").split("+") if re.fullmatch("[0-9]{3}", part)), None)
    return gvc in _RETURN_GVC or (code or "").rpartition("/")[2] in _RETURN_FAMILIES


def _remittance(told: Tree) -> str:
    joined = ""
    for piece in every(told, "RmtInf", "Ustrd"):
        # A piece of full length was cut by the bank in mid-word; a shorter one ended by itself.
        raw = piece if isinstance(piece, str) else ""
        joined += raw if len(raw) in _USTRD_FULL else raw + " "
    references = [ref for strd in every(told, "RmtInf", "Strd") if (ref := words(strd, "CdtrRefInf", "Ref"))]
    return " ".join([*joined.split(), *references])


def _party_name(party: Any) -> str | None:
    return words(party, "Nm") or words(party, "Pty", "Nm") or words(party, "Agt", "FinInstnId", "Nm")


def _agent_bic(record: Any) -> str | None:
    for agent in (first(record, "Agt", "FinInstnId"), first(record, "Pty", "FinInstnId")):
        if agent is not None:
            return words(agent, "BICFI") or words(agent, "BIC")
    return None


def signed(element: etree._Element | None) -> int | None:
    """Return the amount of an element with its sign in cents; None for no element. BadInput where either is missing."""
    if element is None:
        return None
    amount = find(element, "Amt")
    if amount is None:
        raise BadInput(f"{etree.QName(element).localname} at line {element.sourceline} has no Amt")
    return _sign(need(element, "CdtDbtInd"), element.sourceline) * cents(amount)


def _sign(indicator: str, line: Any) -> int:
    if indicator not in ("CRDT", "DBIT"):
        raise BadInput(f"CdtDbtInd at line {line} is neither CRDT nor DBIT")
    return 1 if indicator == "CRDT" else -1


def _amount(value: Any, line: Any) -> etree._Element:
    if value is None or isinstance(value, dict):
        raise BadInput(f"Amt at line {line} holds elements where text belongs, or is missing")
    found: etree._Element = value
    return found


def _in_currency(value: Any, currency: str) -> int | None:
    if value is None:
        return None
    amount = _amount(value, None)
    return None if amount.get("Ccy") != currency else cents(amount)


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
