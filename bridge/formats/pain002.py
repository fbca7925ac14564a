"""Bytes of a bank's status report (ISO 20022 pain.002) to records, streaming, each status where it stands. No database, no network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import IO
from zoneinfo import ZoneInfo

from lxml import etree

from bridge.errors import BadInput
from bridge.formats import safe_xml
from bridge.formats.safe_xml import find, find_all, need, text
from bridge.records.pain002 import StatusLine, StatusReason, StatusReportHead

_TAGS = ("GrpHdr", "OrgnlGrpInfAndSts", "OrgnlPmtInfAndSts", "TxInfAndSts")
_PREFIX = "urn:iso:std:iso:20022:tech:xsd:"
_BERLIN = ZoneInfo("Europe/Berlin")


def read(
    stream: IO[bytes], *, zone: ZoneInfo = _BERLIN, size_max: int = safe_xml.SIZE_MAX
) -> Iterator[StatusReportHead | StatusLine]:
    """Yield the head, then the statuses in the order of the file: group (if GrpSts is given), block, the block's debits, block ...

    Nothing is inherited downwards here. An EndToEndId of NOTPROVIDED, the ISO word for none, is None. ``zone`` is for a time without an
    offset. Raises BadInput, possibly after lines were yielded: store nothing before the end.
    """
    message_id, created_at = "", None
    head: StatusReportHead | None = None
    announced: etree._Element | None = None
    for event, element in safe_xml.open_events(stream, tags=_TAGS, known=READERS, size_max=size_max):
        name = etree.QName(element)
        if name.localname != "GrpHdr" and name.localname != "OrgnlGrpInfAndSts" and head is None:
            raise BadInput(f"{name.localname} at line {element.sourceline} comes before OrgnlGrpInfAndSts")
        if (event, name.localname) == ("end", "GrpHdr"):
            message_id, created_at = need(element, "MsgId"), safe_xml.instant(find(element, "CreDtTm"), zone)
        elif (event, name.localname) == ("end", "OrgnlGrpInfAndSts"):
            if head is not None:
                raise BadInput(f"A second OrgnlGrpInfAndSts at line {element.sourceline}")
            head = READERS[name.namespace or ""](element, message_id, created_at)
            yield from _group(head)
        elif (event, name.localname) == ("start", "TxInfAndSts"):
            block = _parent_block(element)
            if announced is not block:
                announced = block
                yield _block(block, _known(head))
        elif (event, name.localname) == ("end", "TxInfAndSts"):
            yield _debit(element, _parent_block(element), _known(head))
            safe_xml.drop(element)
        elif (event, name.localname) == ("end", "OrgnlPmtInfAndSts"):
            if announced is not element:
                yield _block(element, _known(head))
            announced = None
            safe_xml.drop(element)
    if head is None:
        raise BadInput("The status report names no original file (no OrgnlGrpInfAndSts)")


def _head(element: etree._Element, message_id: str, created_at: datetime | None) -> StatusReportHead:
    if not message_id:
        raise BadInput("The status report has no GrpHdr/MsgId")
    return StatusReportHead(
        message_id=message_id,
        created_at=created_at,
        namespace=etree.QName(element).namespace or "",
        original_message_id=need(element, "OrgnlMsgId"),
        original_message_name=need(element, "OrgnlMsgNmId"),
        group_status=text(element, "GrpSts"),
        reasons=_reasons(element),
    )


READERS: dict[str, Callable[[etree._Element, str, datetime | None], StatusReportHead]] = {
    f"{_PREFIX}pain.002.001.03": _head,  # Germany until 2025; closed status codes, OrgId/BICOrBEI
    f"{_PREFIX}pain.002.001.10": _head,
}
"""One entry for each version; the levels below the head are read by local name and are the same in both."""


def _group(head: StatusReportHead) -> Iterator[StatusReportHead | StatusLine]:
    yield head
    if head.group_status is not None:
        yield StatusLine("group", head.original_message_id, None, None, head.group_status, head.reasons)


def _block(element: etree._Element, head: StatusReportHead) -> StatusLine:
    return StatusLine(
        level="block",
        original_message_id=head.original_message_id,
        pmt_inf_id=need(element, "OrgnlPmtInfId"),
        end_to_end_id=None,
        status=text(element, "PmtInfSts"),
        reasons=_reasons(element),
    )


def _debit(element: etree._Element, block: etree._Element, head: StatusReportHead) -> StatusLine:
    original = find(element, "OrgnlTxRef")
    end_to_end_id = text(element, "OrgnlEndToEndId")
    return StatusLine(
        level="debit",
        original_message_id=head.original_message_id,
        pmt_inf_id=need(block, "OrgnlPmtInfId"),
        end_to_end_id=None if end_to_end_id == "NOTPROVIDED" else end_to_end_id,
        status=text(element, "TxSts"),
        reasons=_reasons(element),
        instruction_id=text(element, "OrgnlInstrId"),
        mandate_id=text(original, "MndtRltdInf/MndtId"),
        amount_cents=_amount(original),
    )


def _amount(original: etree._Element | None) -> int | None:
    amount = find(original, "Amt/InstdAmt")
    # Our debits are in EUR; an amount in anything else is not ours to compare with.
    return safe_xml.cents(amount) if amount is not None and amount.get("Ccy") == "EUR" else None


def _reasons(element: etree._Element) -> tuple[StatusReason, ...]:
    return tuple(
        StatusReason(
            code=text(info, "Rsn/Cd") or text(info, "Rsn/Prtry"),
            info=" ".join(piece for line in find_all(info, "AddtlInf") if (piece := text(line))),
            originator_bic=text(info, "Orgtr/Id/OrgId/AnyBIC") or text(info, "Orgtr/Id/OrgId/BICOrBEI"),
            originator_name=text(info, "Orgtr/Nm"),
        )
        for info in find_all(element, "StsRsnInf")
    )


def _parent_block(element: etree._Element) -> etree._Element:
    parent = element.getparent()
    if parent is None or etree.QName(parent).localname != "OrgnlPmtInfAndSts":
        raise BadInput(f"TxInfAndSts at line {element.sourceline} stands in no OrgnlPmtInfAndSts")
    return parent


def _known(head: StatusReportHead | None) -> StatusReportHead:
    if head is None:
        raise BadInput("The status report names no original file (no OrgnlGrpInfAndSts)")
    return head
