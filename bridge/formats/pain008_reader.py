"""Read one of our own direct-debit files (ISO 20022 pain.008) back into the record that it was written from.

The bytes in an outbox are all that is left of a file when an older backup was restored. Nothing is corrected: what is not written
as ``pain008.write`` writes it is refused, and a test reads back whatever can be written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import IO, Any
from zoneinfo import ZoneInfo

from lxml import etree

from bridge.errors import BadInput
from bridge.formats import safe_xml
from bridge.formats.pain008 import ISO_NAMESPACE, READABLE, VERSIONS
from bridge.records.pain008 import Address, Amendment, DebitBlock, DebitFile, DebitLine

Need = Callable[[Any, str], str]
ADDRESS = ("StrtNm", "BldgNb", "PstCd", "TwnNm", "Ctry")
BOOKING = {"true": True, "false": False, None: None}


def read(stream: IO[bytes], *, strict: bool = True) -> DebitFile:
    """The record of a file, whole. Raises BadInput for anything else than a file as we write it.

    Not ``strict``: of anybody's file that keeps the ISO schema; what SEPA wants and the schema does not is then "" or a date long
    past, for the rules to find.
    """
    need = safe_xml.need if strict else _or_nothing
    head: tuple[str, datetime, str] | None = None
    blocks: list[DebitBlock] = []
    debits: list[DebitLine] = []
    version = ""
    for event, element in safe_xml.open_events(stream, tags=("GrpHdr", "PmtInf", "DrctDbtTxInf"), known=READABLE):
        if event == "start":
            continue
        name, version = safe_xml.local_name(element), safe_xml.namespace_name(element).removeprefix(ISO_NAMESPACE)
        if name == "DrctDbtTxInf":
            debits.append(_debit(element, need))
        elif name == "PmtInf":
            blocks.append(_block(element, tuple(debits), need))
            debits = []
        elif head is None:
            head = _head(element, need)
        else:
            raise BadInput("the file has two group headers")
        safe_xml.drop(element)
    if head is None or not blocks or debits:
        raise BadInput("the pain.008 has no group header, no block, or a debit outside any block")
    return DebitFile(*head, tuple(blocks), version)


def parts(stream: IO[bytes]) -> Iterator[tuple[str, list[tuple[str, str]], str]]:
    """The parts of anybody's file: name (GrpHdr, DrctDbtTxInf, PmtInf without its debits), leaves, and place in the file.

    A block's head comes after its debits, because it ends after them. Leaves: path and text, attributes behind it.
    """
    block, debit = 1, 0
    for event, element in safe_xml.open_events(stream, tags=("GrpHdr", "PmtInf", "DrctDbtTxInf"), known=READABLE):
        if event == "start":
            continue
        name = safe_xml.local_name(element)
        if name == "DrctDbtTxInf":
            debit += 1
            yield name, safe_xml.leaves(element), f"block[{block}]/debit[{debit}]"
        elif name == "PmtInf":
            yield (
                name,
                [leaf for leaf in safe_xml.leaves(element) if not leaf[0].startswith("PmtInf/DrctDbtTxInf")],
                f"block[{block}]",
            )
            block, debit = block + 1, 0
        else:
            yield name, safe_xml.leaves(element), "file"
        safe_xml.drop(element)


def _or_nothing(element: etree._Element, path: str) -> str:
    return safe_xml.text(element, path) or ""


def _head(element: etree._Element, need: Need) -> tuple[str, datetime, str]:
    created_at = safe_xml.instant(safe_xml.find(element, "CreDtTm"), ZoneInfo("UTC"))
    if created_at is None:
        raise BadInput("the pain.008 does not say when it was made")
    return need(element, "MsgId"), created_at, need(element, "InitgPty/Nm")


def _block(element: etree._Element, debits: tuple[DebitLine, ...], need: Need) -> DebitBlock:
    booking = safe_xml.text(element, "BtchBookg")
    if booking not in BOOKING:
        raise BadInput(f"the block at line {element.sourceline} is booked as {booking[:10] if booking else None!r}")
    return DebitBlock(
        pmt_inf_id=need(element, "PmtInfId"),
        scheme=need(element, "PmtTpInf/LclInstrm/Cd"),
        sequence=need(element, "PmtTpInf/SeqTp"),
        due_on=_day(element, "ReqdColltnDt", need),
        creditor_name=need(element, "Cdtr/Nm"),
        creditor_iban=need(element, "CdtrAcct/Id/IBAN"),
        creditor_bic=_bic(element, "CdtrAgt"),
        creditor_id=need(element, "CdtrSchmeId/Id/PrvtId/Othr/Id"),
        debits=debits,
        batch_booking=BOOKING[booking],
        ultimate_creditor=safe_xml.text(element, "UltmtCdtr/Nm"),
    )


def _bic(element: etree._Element, agent: str) -> str | None:
    return next((bic for name in VERSIONS.values() if (bic := safe_xml.text(element, f"{agent}/FinInstnId/{name}"))), None)


def _debit(element: etree._Element, need: Need) -> DebitLine:
    return DebitLine(
        end_to_end_id=need(element, "PmtId/EndToEndId"),
        amount_cents=_cents(element, strict=need is safe_xml.need),
        mandate_id=need(element, "DrctDbtTx/MndtRltdInf/MndtId"),
        signed_on=_day(element, "DrctDbtTx/MndtRltdInf/DtOfSgntr", need),
        debtor_name=need(element, "Dbtr/Nm"),
        debtor_iban=need(element, "DbtrAcct/Id/IBAN"),
        remittance=safe_xml.text(element, "RmtInf/Ustrd"),
        debtor_bic=_bic(element, "DbtrAgt"),
        debtor_address=_address(safe_xml.find(element, "Dbtr/PstlAdr")),
        ultimate_debtor=safe_xml.text(element, "UltmtDbtr/Nm"),
        creditor_reference=safe_xml.text(element, "RmtInf/Strd/CdtrRefInf/Ref"),
        purpose=safe_xml.text(element, "Purp/Cd"),
        amendment=_amendment(safe_xml.find(element, "DrctDbtTx/MndtRltdInf/AmdmntInfDtls")),
    )


def _amendment(element: etree._Element | None) -> Amendment | None:
    if element is None:
        return None
    return Amendment(
        mandate_id=safe_xml.text(element, "OrgnlMndtId"),
        creditor_id=safe_xml.text(element, "OrgnlCdtrSchmeId/Id/PrvtId/Othr/Id"),
        creditor_name=safe_xml.text(element, "OrgnlCdtrSchmeId/Nm"),
        new_account=safe_xml.text(element, "OrgnlDbtrAcct/Id/Othr/Id") == "SMNDA",
    )


def _address(element: etree._Element | None) -> Address | None:
    if element is None:
        return None
    street, building, postcode, town, country = (safe_xml.text(element, name) for name in ADDRESS)
    lines = tuple(line.text or "" for line in element.findall("{*}AdrLine"))
    return Address(street, building, postcode, town, country, lines)


def _cents(element: etree._Element, *, strict: bool) -> int:
    amount = safe_xml.find(element, "InstdAmt")
    try:
        if amount is None or amount.get("Ccy") != "EUR":
            raise BadInput(f"the debit at line {element.sourceline} has no amount in EUR")
        return safe_xml.cents(amount)
    except BadInput:
        if strict:
            raise
        return 0


def _day(element: etree._Element, path: str, need: Need) -> date:
    found = safe_xml.day(safe_xml.find(element, path))
    if found is None and need is not safe_xml.need:
        return date.min
    if found is None:
        raise BadInput(f"{safe_xml.local_name(element)} at line {element.sourceline} has no {path}")
    return found
