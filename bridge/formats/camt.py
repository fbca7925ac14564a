"""Bytes of a bank statement (ISO 20022 camt.052/053/054) to records, streaming, signs turned to the account owner's side.

Read by local name with the namespace checked: the versions differ in shape (a status as text or as code, charges flat or as records,
parties with or without a Pty level), and every shape is read in every version, because banks mix them. No database, no network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO
from zoneinfo import ZoneInfo

from lxml import etree

from bridge.errors import BadInput
from bridge.formats import safe_xml
from bridge.formats.safe_xml import cents, find, find_all, need, text
from bridge.records.camt import BatchReference, Charge, EntryDetail, StatementEntry, StatementHead

_BERLIN = ZoneInfo("Europe/Berlin")
_RETURN_GVC = ("108", "109")
_RETURN_FAMILIES = ("UPDD", "PRDD", "RCDD")
_USTRD_FULL = (35, 140)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What one message calls its statements."""

    kind: str
    container: str
    statement: str
    paging: str


_SHAPES = (
    _Shape("camt.052", "BkToCstmrAcctRpt", "Rpt", "RptPgntn"),
    _Shape("camt.053", "BkToCstmrStmt", "Stmt", "StmtPgntn"),
    _Shape("camt.054", "BkToCstmrDbtCdtNtfctn", "Ntfctn", "NtfctnPgntn"),
)
# .02 and .08 are what banks send (sepa.md 1); .04 and .10 were met in the wild and differ in nothing that is read here.
READERS: dict[str, _Shape] = {
    f"urn:iso:std:iso:20022:tech:xsd:{shape.kind}.001.{version}": shape
    for shape in _SHAPES
    for version in ("02", "04", "08", "10")
}
"""One entry for each namespace."""


@dataclass(slots=True)
class _Progress:
    """Where the reading stands: the open statement, and the details of the open entry."""

    shape: _Shape
    namespace: str
    group: etree._Element | None = None
    statements: int = 0
    entries: int = 0
    announced: bool = False
    details: list[EntryDetail] = field(default_factory=list)


def read(
    stream: IO[bytes], *, zone: ZoneInfo = _BERLIN, size_max: int = safe_xml.SIZE_MAX
) -> Iterator[StatementHead | StatementEntry]:
    """Yield each statement's head, then its entries one by one while the file is parsed.

    ``zone`` is for a time without an offset. A currency other than EUR is kept as data. Raises BadInput, possibly after entries were
    yielded: store nothing before the end.
    """
    tags = {"GrpHdr", "Ntry", "TxDtls", *(shape.statement for shape in _SHAPES)}
    now: _Progress | None = None
    for event, element in safe_xml.open_events(stream, tags=tags, known=READERS, size_max=size_max):
        name = etree.QName(element)
        if now is None:
            now = _Progress(READERS[name.namespace or ""], name.namespace or "")
        if name.localname == "Ntry":
            _stands_in(element, now.shape.statement)
            if event == "start":
                if not now.announced:
                    now.announced = True
                    yield _head(now, _parent(element), zone)
            else:
                yield _entry(now, element)
                now.entries += 1
                now.details = []
                safe_xml.drop(element)
        elif name.localname == "TxDtls" and event == "end":
            _stands_in(element, "NtryDtls")
            now.details.append(_detail(len(now.details), element, _parent(_parent(element))))
            safe_xml.drop(element)
        elif name.localname == now.shape.statement and event == "end":
            _stands_in(element, now.shape.container)
            if not now.announced:
                yield _head(now, element, zone)
            elif _balance_after_entries(element):
                raise BadInput(f"A balance after the entries of the statement that ends at line {element.sourceline}")
            now.statements, now.entries, now.announced = now.statements + 1, 0, False
            safe_xml.drop(element)
        elif name.localname == "GrpHdr" and event == "end":
            now.group = element
    if now is None or not now.statements:
        raise BadInput("The file holds no statement")


# --- the head ------------------------------------------------------------------------------------------------------------------


def _head(now: _Progress, statement: etree._Element, zone: ZoneInfo) -> StatementHead:
    opening, closing, opening_kind = _balances(statement)
    if now.group is None:
        raise BadInput("The file has no GrpHdr")
    account, sequence = find(statement, "Acct"), text(statement, "ElctrncSeqNb")
    paging = find(statement, now.shape.paging)
    paging = paging if paging is not None else find(now.group, "MsgPgntn")
    iban = text(account, "Id/IBAN")
    return StatementHead(
        kind=now.shape.kind,
        namespace=now.namespace,
        ordinal=now.statements,
        message_id=need(now.group, "MsgId"),
        statement_id=need(statement, "Id"),
        sequence=_count(sequence, "ElctrncSeqNb"),
        created_at=safe_xml.instant(find(statement, "CreDtTm"), zone),
        from_at=safe_xml.instant(find(statement, "FrToDt/FrDtTm"), zone),
        to_at=safe_xml.instant(find(statement, "FrToDt/ToDtTm"), zone),
        iban=_compact(iban),
        account_other=text(account, "Id/Othr/Id") if iban is None else None,
        currency=_currency(account, statement),
        opening_cents=_signed(opening),
        opening_kind=opening_kind,
        opening_on=safe_xml.day(find(opening, "Dt")),
        closing_cents=_signed(closing),
        closing_on=safe_xml.day(find(closing, "Dt")),
        copy=text(statement, "CpyDplctInd"),
        page=_count(text(paging, "PgNb"), "PgNb"),
        last_page=_flag(text(paging, "LastPgInd")),
    )


def _balances(statement: etree._Element) -> tuple[etree._Element | None, etree._Element | None, str | None]:
    """Return the opening and the closing balance, and which kind the opening is: OPBD, else PRCD.

    ITBD and a sub-type INTM are the balances between two pages, neither the day's beginning nor its end.
    """
    found: dict[str, etree._Element] = {}
    for balance in find_all(statement, "Bal"):
        kind = text(balance, "Tp/CdOrPrtry/Cd")
        if kind not in ("OPBD", "PRCD", "CLBD") or text(balance, "Tp/SubTp/Cd") == "INTM":
            continue
        if kind in found and _signed(found[kind]) != _signed(balance):
            raise BadInput(f"Two balances {kind} in one statement that differ (line {balance.sourceline})")
        found.setdefault(kind, balance)
    opening_kind = "OPBD" if "OPBD" in found else "PRCD" if "PRCD" in found else None
    return found.get(opening_kind or ""), found.get("CLBD"), opening_kind


def _currency(account: etree._Element | None, statement: etree._Element) -> str | None:
    """Return the account's currency; balances in another one are refused, because a head has one."""
    stated = text(account, "Ccy")
    for balance in find_all(statement, "Bal"):
        amount = find(balance, "Amt")
        of_balance = amount.get("Ccy") if amount is not None else None
        stated = stated or of_balance
        if of_balance != stated:
            raise BadInput(f"The balance at line {balance.sourceline} is in another currency than its account")
    return stated


def _balance_after_entries(statement: etree._Element) -> bool:
    seen_entry = False
    for child in statement:
        local = etree.QName(child).localname
        seen_entry = seen_entry or local == "Ntry"
        if seen_entry and local == "Bal":
            return True
    return False


# --- entries -------------------------------------------------------------------------------------------------------------------


def _entry(now: _Progress, element: etree._Element) -> StatementEntry:
    batches = tuple(_batch(batch, element) for batch in find_all(element, "NtryDtls/Btch"))
    code, own = _bank_codes(element)
    status = find(element, "Sts")
    amount = _signed(element)
    if amount is None or status is None:
        raise BadInput(f"The entry at line {element.sourceline} has no amount or no status")
    return StatementEntry(
        statement=now.statements,
        ordinal=now.entries,
        amount_cents=amount,
        currency=_amount_currency(element),
        status=(text(status, "Cd") or need(status, "Prtry")) if len(status) else need(element, "Sts"),
        reversal=_flag(text(element, "RvslInd")) or False,
        booked_on=safe_xml.day(find(element, "BookgDt")),
        value_on=safe_xml.day(find(element, "ValDt")),
        bank_ref=text(element, "AcctSvcrRef"),
        bank_code=code,
        bank_code_own=own,
        # Which of several a lump sum is about cannot be told from one of them.
        batch=batches[0] if len(batches) == 1 else None,
        charges=_charges(element),
        details=tuple(now.details),
        text=text(element, "AddtlNtryInf") or "",
        batches=batches,
        is_return=_says_return(code, own),
    )


def _batch(batch: etree._Element, entry: etree._Element) -> BatchReference:
    total = find(batch, "TtlAmt")
    return BatchReference(
        message_id=text(batch, "MsgId"),
        pmt_inf_id=text(batch, "PmtInfId"),
        count=_count(text(batch, "NbOfTxs"), "NbOfTxs"),
        total_cents=cents(total) if total is not None and total.get("Ccy") == _amount_currency(entry) else None,
    )


def _detail(ordinal: int, element: etree._Element, entry: etree._Element) -> EntryDetail:
    refs, parties, returned = find(element, "Refs"), find(element, "RltdPties"), find(element, "RtrInf")
    code, own = _bank_codes(element)
    end_to_end_id = text(refs, "EndToEndId")
    amount, original = _detail_amounts(element, entry)
    return EntryDetail(
        ordinal=ordinal,
        amount_cents=amount,
        original_cents=original,
        # NOTPROVIDED is the ISO word for none.
        end_to_end_id=None if end_to_end_id == "NOTPROVIDED" else end_to_end_id,
        mandate_id=text(refs, "MndtId"),
        message_id=text(refs, "MsgId"),
        pmt_inf_id=text(refs, "PmtInfId"),
        bank_ref=text(refs, "AcctSvcrRef"),
        bank_code=code,
        return_reason=text(returned, "Rsn/Cd") or text(returned, "Rsn/Prtry"),
        is_return=returned is not None or _says_return(code, own) or _says_return(*_bank_codes(entry)),
        charges=_charges(element, _amount_currency(entry)),
        return_info=" ".join(_texts(returned, "AddtlInf")),
        originator_bic=text(returned, "Orgtr/Id/OrgId/AnyBIC") or text(returned, "Orgtr/Id/OrgId/BICOrBEI"),
        originator_name=text(returned, "Orgtr/Nm"),
        debtor_name=_party_name(find(parties, "Dbtr")),
        debtor_iban=_compact(text(parties, "DbtrAcct/Id/IBAN")),
        creditor_name=_party_name(find(parties, "Cdtr")),
        creditor_iban=_compact(text(parties, "CdtrAcct/Id/IBAN")),
        remittance=_remittance(element),
        bank_code_own=own,
    )


def _detail_amounts(element: etree._Element, entry: etree._Element) -> tuple[int | None, int | None]:
    """Return the signed amount and the unsigned original of one detail, as they are written; never the entry's amount.

    The amount is TxDtls/Amt, else AmtDtls/TxAmt; the original is InstdAmt, else TxAmt (fee shape 1 of sepa.md 10). What is in another
    currency than the entry is None.
    """
    currency = _amount_currency(entry)
    own, transaction = find(element, "Amt"), find(element, "AmtDtls/TxAmt/Amt")
    instructed = find(element, "AmtDtls/InstdAmt/Amt")
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
                        included=_flag(text(record, "ChrgInclInd")),
                        bic=_agent_bic(record),
                    )
                )
    return tuple(found)


# --- small words ---------------------------------------------------------------------------------------------------------------


def _bank_codes(element: etree._Element) -> tuple[str | None, str | None]:
    code = find(element, "BkTxCd")
    if code is None or not len(code):
        return None, None
    domain = find(code, "Domn")
    parts = [text(domain, "Cd"), text(domain, "Fmly/Cd"), text(domain, "Fmly/SubFmlyCd")]
    return "/".join(part or "" for part in parts) if domain is not None else None, text(code, "Prtry/Cd")


def _says_return(code: str | None, own: str | None) -> bool:
    # SWIFT+GVC[+Primanota[+Textschluesselergaenzung]]: the GVC is the first part of three digits (sepa.md 10), and never the text.
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


def _signed(element: etree._Element | None) -> int | None:
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


def _count(written: str | None, what: str) -> int | None:
    if written is None:
        return None
    if not re.fullmatch("[0-9]{1,18}", written):
        raise BadInput(f"{what} is not a number")
    return int(written)


def _flag(written: str | None) -> bool | None:
    if written not in (None, "true", "false", "1", "0"):
        raise BadInput("An indicator is neither true nor false")
    return None if written is None else written in ("true", "1")


def _texts(element: etree._Element | None, name: str) -> list[str]:
    return [piece for line in find_all(element, name) if (piece := text(line))]


def _compact(iban: str | None) -> str | None:
    return None if iban is None else "".join(iban.split()).upper()


def _parent(element: etree._Element) -> etree._Element:
    parent = element.getparent()
    assert parent is not None, "only the root has no parent, and the root is Document"
    return parent


def _stands_in(element: etree._Element, parent: str) -> None:
    found = etree.QName(_parent(element)).localname
    if found != parent:
        raise BadInput(f"{etree.QName(element).localname} at line {element.sourceline} stands in {found}, not in {parent}")
