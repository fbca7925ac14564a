"""Bytes of a bank's status report (ISO 20022 pain.002) to records, streaming. No database, no network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
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


@dataclass(slots=True)
class _Progress:
    """Where the reading stands: the head once it is known, and the block that was yielded last."""

    zone: ZoneInfo
    message_id: str = ""
    created_at: datetime | None = None
    head: StatusReportHead | None = None
    announced: etree._Element | None = None

    def original(self) -> StatusReportHead:
        """Return the head; BadInput where a status comes before the file says what it is about."""
        if self.head is None:
            raise BadInput("The status report names no original file before its statuses (OrgnlGrpInfAndSts)")
        return self.head


def read(
    stream: IO[bytes], *, zone: ZoneInfo = _BERLIN, size_max: int = safe_xml.SIZE_MAX
) -> Iterator[StatusReportHead | StatusLine]:
    """Yield the head, then the statuses in the order of the file: group (if GrpSts is given), block, the block's debits, ...

    Nothing is inherited downwards here. An EndToEndId of NOTPROVIDED, the ISO word for none, is None. ``zone`` is for a time
    without an offset. Raises BadInput, possibly after lines were yielded: store nothing before the end.
    """
    now = _Progress(zone)
    for event, element in safe_xml.open_events(stream, tags=_TAGS, known=READERS, size_max=size_max):
        name = safe_xml.local_name(element)
        if name == "GrpHdr" and event == "end":
            now.message_id, now.created_at = need(element, "MsgId"), safe_xml.instant(find(element, "CreDtTm"), zone)
        elif name == "OrgnlGrpInfAndSts" and event == "end":
            yield from _group(now, element)
        elif name == "TxInfAndSts":
            yield from _in_block(now, element, event)
        elif name == "OrgnlPmtInfAndSts" and event == "end":
            yield from _announce(now, element)
            now.announced = None
            safe_xml.drop(element)
    now.original()


def _group(now: _Progress, element: etree._Element) -> Iterator[StatusReportHead | StatusLine]:
    if now.head is not None:
        raise BadInput(f"A second OrgnlGrpInfAndSts at line {element.sourceline}")
    now.head = head = READERS[safe_xml.namespace_name(element)](element, now.message_id, now.created_at)
    yield head
    if head.group_status is not None:
        yield StatusLine("group", head.original_message_id, None, None, head.group_status, head.reasons)


def _in_block(now: _Progress, element: etree._Element, event: str) -> Iterator[StatusLine]:
    block = element.getparent()
    if block is None or safe_xml.local_name(block) != "OrgnlPmtInfAndSts":
        raise BadInput(f"TxInfAndSts at line {element.sourceline} stands in no OrgnlPmtInfAndSts")
    if event == "start":
        yield from _announce(now, block)
    else:
        yield _debit(element, block, now.original())
        safe_xml.drop(element)


def _announce(now: _Progress, block: etree._Element) -> Iterator[StatusLine]:
    """Yield the block's own line once, before its first debit; all it says of itself stands before them."""
    if now.announced is not block:
        now.announced = block
        yield _block(block, now.original())


def _head(element: etree._Element, message_id: str, created_at: datetime | None) -> StatusReportHead:
    if not message_id:
        raise BadInput("The status report has no GrpHdr/MsgId")
    return StatusReportHead(
        message_id=message_id,
        created_at=created_at,
        namespace=safe_xml.namespace_name(element),
        original_message_id=need(element, "OrgnlMsgId"),
        original_message_name=text(element, "OrgnlMsgNmId") or "",
        group_status=text(element, "GrpSts"),
        reasons=_reasons(element),
    )


READERS: dict[str, Callable[[etree._Element, str, datetime | None], StatusReportHead]] = {
    f"{_PREFIX}pain.002.001.03": _head,  # Germany until 2025; closed status codes, OrgId/BICOrBEI
    f"{_PREFIX}pain.002.001.10": _head,
}
"""One entry for each version; the levels below the head are read by local name and are the same in both."""


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
        due_on=safe_xml.day(find(original, "ReqdColltnDt")),
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
