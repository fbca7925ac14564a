"""Read one of our own direct-debit files (ISO 20022 pain.008) back into the record that it was written from.

The bytes in an outbox are all that is left of a file when an older backup was restored. Nothing is corrected: what is not written
as ``pain008.write`` writes it is refused, and a test reads back whatever can be written.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import IO
from zoneinfo import ZoneInfo

from lxml import etree

from bridge.errors import BadInput
from bridge.formats import safe_xml
from bridge.formats.pain008 import CURRENT, ISO_NAMESPACE
from bridge.records.pain008 import Address, DebitBlock, DebitFile, DebitLine

KNOWN = (ISO_NAMESPACE + CURRENT,)
BOOKING = {"true": True, "false": False, None: None}


def read(stream: IO[bytes]) -> DebitFile:
    """The record of a file, whole. Raises BadInput for anything else than a file as we write it."""
    head: tuple[str, datetime, str] | None = None
    blocks: list[DebitBlock] = []
    debits: list[DebitLine] = []
    for event, element in safe_xml.open_events(stream, tags=("GrpHdr", "PmtInf", "DrctDbtTxInf"), known=KNOWN):
        if event == "start":
            continue
        name = etree.QName(element).localname
        if name == "DrctDbtTxInf":
            debits.append(_debit(element))
        elif name == "PmtInf":
            blocks.append(_block(element, tuple(debits)))
            debits = []
        elif head is None:
            head = _head(element)
        else:
            raise BadInput("the file has two group headers")
        safe_xml.drop(element)
    if head is None or not blocks or debits:
        raise BadInput("the pain.008 has no group header, no block, or a debit outside any block")
    return DebitFile(*head, tuple(blocks))


def _head(element: etree._Element) -> tuple[str, datetime, str]:
    created_at = safe_xml.instant(safe_xml.find(element, "CreDtTm"), ZoneInfo("UTC"))
    if created_at is None:
        raise BadInput("the pain.008 does not say when it was made")
    return safe_xml.need(element, "MsgId"), created_at.astimezone(UTC), safe_xml.need(element, "InitgPty/Nm")


def _block(element: etree._Element, debits: tuple[DebitLine, ...]) -> DebitBlock:
    booking = safe_xml.text(element, "BtchBookg")
    if booking not in BOOKING:
        raise BadInput(f"the block at line {element.sourceline} is booked as {booking[:10] if booking else None!r}")
    return DebitBlock(
        pmt_inf_id=safe_xml.need(element, "PmtInfId"),
        scheme=safe_xml.need(element, "PmtTpInf/LclInstrm/Cd"),
        sequence=safe_xml.need(element, "PmtTpInf/SeqTp"),
        due_on=_day(element, "ReqdColltnDt"),
        creditor_name=safe_xml.need(element, "Cdtr/Nm"),
        creditor_iban=safe_xml.need(element, "CdtrAcct/Id/IBAN"),
        creditor_bic=safe_xml.text(element, "CdtrAgt/FinInstnId/BICFI"),
        creditor_id=safe_xml.need(element, "CdtrSchmeId/Id/PrvtId/Othr/Id"),
        debits=debits,
        batch_booking=BOOKING[booking],
    )


def _debit(element: etree._Element) -> DebitLine:
    amount = safe_xml.find(element, "InstdAmt")
    if amount is None or amount.get("Ccy") != "EUR":
        raise BadInput(f"the debit at line {element.sourceline} has no amount in EUR")
    return DebitLine(
        end_to_end_id=safe_xml.need(element, "PmtId/EndToEndId"),
        amount_cents=safe_xml.cents(amount),
        mandate_id=safe_xml.need(element, "DrctDbtTx/MndtRltdInf/MndtId"),
        signed_on=_day(element, "DrctDbtTx/MndtRltdInf/DtOfSgntr"),
        debtor_name=safe_xml.need(element, "Dbtr/Nm"),
        debtor_iban=safe_xml.need(element, "DbtrAcct/Id/IBAN"),
        remittance=safe_xml.need(element, "RmtInf/Ustrd"),
        debtor_bic=safe_xml.text(element, "DbtrAgt/FinInstnId/BICFI"),
        debtor_address=_address(safe_xml.find(element, "Dbtr/PstlAdr")),
        ultimate_debtor=safe_xml.text(element, "UltmtDbtr/Nm"),
    )


def _address(element: etree._Element | None) -> Address | None:
    if element is None:
        return None
    return Address(*(safe_xml.text(element, name) for name in ("StrtNm", "BldgNb", "PstCd", "TwnNm", "Ctry")))


def _day(element: etree._Element, path: str) -> date:
    found = safe_xml.day(safe_xml.find(element, path))
    if found is None:
        raise BadInput(f"{etree.QName(element).localname} at line {element.sourceline} has no {path}")
    return found
