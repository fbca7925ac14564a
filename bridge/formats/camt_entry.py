"""What one entry of a bank statement says, and each of its details: elements to records. Pure.

Signs are the account owner's: CdtDbtInd alone decides. Both shapes of each element (.02 and .08) are read; see camt.
"""

from __future__ import annotations

import re

from lxml import etree

from bridge.errors import BadInput
from bridge.formats import safe_xml
from bridge.formats.safe_xml import cents, find, find_all, need, text
from bridge.records.camt import BatchReference, Charge, EntryDetail, StatementEntry

_RETURN_GVC = ("108", "109")
_RETURN_FAMILIES = ("UPDD", "PRDD", "RCDD")
_USTRD_FULL = (35, 140)


def entry(element: etree._Element, details: tuple[EntryDetail, ...], *, statement: int, ordinal: int) -> StatementEntry:
    """Return one Ntry; its details were read, and freed, before it."""
    batches = tuple(_batch(batch, element) for batch in find_all(element, "NtryDtls/Btch"))
    told = safe_xml.parts(element)
    code, own = _bank_codes(told.get("BkTxCd"))
    status = told.get("Sts")
    amount = signed(element)
    if amount is None or status is None:
        raise BadInput(f"The entry at line {element.sourceline} has no amount or no status")
    return StatementEntry(
        statement=statement,
        ordinal=ordinal,
        amount_cents=amount,
        currency=_amount_currency(element),
        status=(text(status, "Cd") or need(status, "Prtry")) if len(status) else need(element, "Sts"),
        reversal=flag(text(told.get("RvslInd"))) or False,
        booked_on=safe_xml.day(told.get("BookgDt")),
        value_on=safe_xml.day(told.get("ValDt")),
        bank_ref=text(told.get("AcctSvcrRef")),
        bank_code=code,
        bank_code_own=own,
        # Which of several a lump sum is about cannot be told from one of them.
        batch=batches[0] if len(batches) == 1 else None,
        charges=_charges(element) if "Chrgs" in told else (),
        details=details,
        text=text(told.get("AddtlNtryInf")) or "",
        batches=batches,
        is_return=_says_return(code, own),
    )


def _batch(batch: etree._Element, entry: etree._Element) -> BatchReference:
    total = find(batch, "TtlAmt")
    return BatchReference(
        message_id=text(batch, "MsgId"),
        pmt_inf_id=text(batch, "PmtInfId"),
        count=count(text(batch, "NbOfTxs"), "NbOfTxs"),
        total_cents=cents(total) if total is not None and total.get("Ccy") == _amount_currency(entry) else None,
    )


def detail(element: etree._Element, entry: etree._Element, *, ordinal: int) -> EntryDetail:
    """Return one TxDtls of an entry, of which everything that stands before its details is known by now."""
    told = safe_xml.parts(element)
    refs, parties, returned = safe_xml.parts(told.get("Refs")), safe_xml.parts(told.get("RltdPties")), told.get("RtrInf")
    code, own = _bank_codes(told.get("BkTxCd"))
    end_to_end_id = text(refs.get("EndToEndId"))
    amount, original = _detail_amounts(element, entry)
    return EntryDetail(
        ordinal=ordinal,
        amount_cents=amount,
        original_cents=original,
        # NOTPROVIDED is the ISO word for none.
        end_to_end_id=None if end_to_end_id == "NOTPROVIDED" else end_to_end_id,
        mandate_id=text(refs.get("MndtId")),
        message_id=text(refs.get("MsgId")),
        pmt_inf_id=text(refs.get("PmtInfId")),
        bank_ref=text(refs.get("AcctSvcrRef")),
        bank_code=code,
        return_reason=text(returned, "Rsn/Cd") or text(returned, "Rsn/Prtry"),
        is_return=returned is not None or _says_return(code, own) or _says_return(*_bank_codes(find(entry, "BkTxCd"))),
        charges=_charges(element, _amount_currency(entry)) if "Chrgs" in told else (),
        return_info=" ".join(_texts(returned, "AddtlInf")),
        originator_bic=text(returned, "Orgtr/Id/OrgId/AnyBIC") or text(returned, "Orgtr/Id/OrgId/BICOrBEI"),
        originator_name=text(returned, "Orgtr/Nm"),
        debtor_name=_party_name(parties.get("Dbtr")),
        debtor_iban=compact(text(parties.get("DbtrAcct"), "Id/IBAN")),
        creditor_name=_party_name(parties.get("Cdtr")),
        creditor_iban=compact(text(parties.get("CdtrAcct"), "Id/IBAN")),
        remittance=_remittance(element),
        bank_code_own=own,
    )


def _detail_amounts(element: etree._Element, entry: etree._Element) -> tuple[int | None, int | None]:
    """Return the signed amount and the unsigned original of one detail, as they are written; never the entry's amount.

    The amount is TxDtls/Amt, else AmtDtls/TxAmt; the original is InstdAmt, else TxAmt: German banks write what was collected into
    either, and what was booked, fee included, into the other. What is in another currency than the entry is None.
    """
    currency = _amount_currency(entry)
    own, listed = find(element, "Amt"), find(element, "AmtDtls")
    transaction, instructed = find(listed, "TxAmt/Amt"), find(listed, "InstdAmt/Amt")
    booked = _in_currency(own if own is not None else transaction, currency)
    sign = _sign(text(element, "CdtDbtInd") or need(entry, "CdtDbtInd"), element)
    return (
        None if booked is None else sign * booked,
        _in_currency(instructed if instructed is not None else transaction, currency),
    )


def _charges(element: etree._Element, currency: str | None = None) -> tuple[Charge, ...]:
    """Return the charges of an entry or a detail. Zero ones are none; one in another currency explains no cent of this entry."""
    wanted = currency or _amount_currency(element)
    found = []
    for charges in find_all(element, "Chrgs"):
        for record in find_all(charges, "Rcrd") or [charges]:
            amount = find(record, "Amt")
            value = _in_currency(amount if amount is not None else find(record, "TtlChrgsAndTaxAmt"), wanted)
            if value:
                found.append(
                    Charge(
                        amount_cents=value,
                        credit=text(record, "CdtDbtInd") == "CRDT",
                        included=flag(text(record, "ChrgInclInd")),
                        bic=_agent_bic(record),
                    )
                )
    return tuple(found)


def _bank_codes(code: etree._Element | None) -> tuple[str | None, str | None]:
    if code is None or not len(code):
        return None, None
    domain = find(code, "Domn")
    parts = [text(domain, "Cd"), text(domain, "Fmly/Cd"), text(domain, "Fmly/SubFmlyCd")]
    return "/".join(part or "" for part in parts) if domain is not None else None, text(code, "Prtry/Cd")


def _says_return(code: str | None, own: str | None) -> bool:
    # SWIFT+GVC[+Primanota[+Textschluesselergaenzung]]: the GVC is the first part of three digits. A text never says return.
    gvc = next((part for part in (own or "").split("+") if re.fullmatch("[0-9]{3}", part)), None)
    return gvc in _RETURN_GVC or (code or "").rpartition("/")[2] in _RETURN_FAMILIES


def _remittance(element: etree._Element) -> str:
    info = find(element, "RmtInf")
    joined = ""
    for piece in find_all(info, "Ustrd"):
        # A piece of full length was cut by the bank in mid-word; a shorter one ended by itself.
        raw = piece.text or ""
        joined += raw if len(raw) in _USTRD_FULL else raw + " "
    references = [ref for strd in find_all(info, "Strd") if (ref := text(strd, "CdtrRefInf/Ref"))]
    return " ".join([*joined.split(), *references]) or text(element, "AddtlTxInf") or ""


def _party_name(party: etree._Element | None) -> str | None:
    return text(party, "Nm") or text(party, "Pty/Nm") or text(party, "Agt/FinInstnId/Nm")


def _agent_bic(record: etree._Element) -> str | None:
    for agent in (find(record, "Agt/FinInstnId"), find(record, "Pty/FinInstnId")):
        if agent is not None:
            return text(agent, "BICFI") or text(agent, "BIC")
    return None


def signed(element: etree._Element | None) -> int | None:
    """Return the amount of an element with its sign in cents; None for no element. BadInput where either is missing."""
    if element is None:
        return None
    amount = find(element, "Amt")
    if amount is None:
        raise BadInput(f"{etree.QName(element).localname} at line {element.sourceline} has no Amt")
    return _sign(need(element, "CdtDbtInd"), element) * cents(amount)


def _sign(indicator: str, element: etree._Element) -> int:
    if indicator not in ("CRDT", "DBIT"):
        raise BadInput(f"CdtDbtInd at line {element.sourceline} is neither CRDT nor DBIT")
    return 1 if indicator == "CRDT" else -1


def _in_currency(amount: etree._Element | None, currency: str) -> int | None:
    return None if amount is None or amount.get("Ccy") != currency else cents(amount)


def _amount_currency(entry: etree._Element) -> str:
    amount = find(entry, "Amt")
    currency = amount.get("Ccy") if amount is not None else None
    if not currency:
        raise BadInput(f"The entry at line {entry.sourceline} has no amount with a currency")
    return currency


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


def _texts(element: etree._Element | None, name: str) -> list[str]:
    return [piece for line in find_all(element, name) if (piece := text(line))]


def compact(iban: str | None) -> str | None:
    """Return an IBAN in upper case without blanks."""
    return None if iban is None else "".join(iban.split()).upper()
