"""Bytes of a bank's status report (ISO 20022 pain.002) to records, streaming. No database, no network."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import IO, Any
from zoneinfo import ZoneInfo

from bridge.errors import BadInput
from bridge.formats import safe_xml, xml_pieces
from bridge.formats.xml_pieces import Piece, Told, every, first, groups, mark, need, text, words
from bridge.records.pain002 import StatusLine, StatusReason, StatusReportHead

_BERLIN = ZoneInfo("Europe/Berlin")
_REPORT, _GROUP, _BLOCK, _DEBIT = "CstmrPmtStsRpt", "OrgnlGrpInfAndSts", "OrgnlPmtInfAndSts", "TxInfAndSts"
_PIECES = frozenset({"GrpHdr", _GROUP, _BLOCK, _DEBIT})
# .03 was Germany's until 2025: closed status codes, OrgId/BICOrBEI. What is read here differs in nothing else.
READERS = tuple(f"urn:iso:std:iso:20022:tech:xsd:pain.002.001.{version}" for version in ("03", "10"))
"""The namespaces that are read."""


def read(
    stream: IO[bytes], *, zone: ZoneInfo = _BERLIN, size_max: int = safe_xml.SIZE_MAX
) -> Iterator[StatusReportHead | StatusLine]:
    """Yield the head, then the statuses in the order of the file: group (if GrpSts is given), block, the block's debits, ...

    Nothing is inherited downwards here. An EndToEndId of NOTPROVIDED, the ISO word for none, is None. ``zone`` is for a time
    without an offset. Raises BadInput, possibly after lines were yielded: store nothing before the end.
    """
    for reading in xml_pieces.hear(
        stream,
        lambda namespace: _Reading(namespace, zone),
        pieces=_PIECES,
        groups=("StsRsnInf",),
        known=READERS,
        size_max=size_max,
    ):
        yield from reading.found
        reading.found.clear()
    reading.original()


class _Reading:
    """Where the reading stands: the head once it is known, the block that was told last, and the records nobody has fetched."""

    def __init__(self, namespace: str, zone: ZoneInfo) -> None:
        self.found: list[StatusReportHead | StatusLine] = []
        self._namespace, self._zone = namespace, zone
        self._message_id = ""
        self._created_at: datetime | None = None
        self._head: StatusReportHead | None = None
        self._told: StatusLine | None = None  # what the open block says of itself, once that was handed out

    def original(self) -> StatusReportHead:
        """Return the head; BadInput where a status comes before the file says what it is about."""
        if self._head is None:
            raise BadInput(f"The status report names no original file before its statuses ({_GROUP})")
        return self._head

    def opened(self, pieces: list[Piece]) -> None:
        """A block is told when its first debit begins: all that it says of itself stands before."""
        piece = pieces[-1]
        if piece.name == _DEBIT:
            if piece.within != _BLOCK or len(pieces) != 2:
                raise BadInput(f"{_DEBIT} at line {piece.line} stands in no {_BLOCK}")
            if self._told is None:
                self._tell(pieces[0])
        elif piece.within != _REPORT or len(pieces) != 1:
            raise BadInput(f"{piece.name} at line {piece.line} stands in {piece.within}, not in {_REPORT}")

    def closed(self, pieces: list[Piece]) -> None:
        """All that a piece says stands in its tree when it has ended."""
        piece = pieces[-1]
        if piece.name == "GrpHdr":
            self._message_id = words(piece.told, "MsgId") or ""
            self._created_at = xml_pieces.instant(piece.told, "CreDtTm", line=piece.line, zone=self._zone)
        elif piece.name == _GROUP:
            self._read_group(piece)
        elif piece.name == _DEBIT:
            self.found.append(_debit(piece, pieces[0], self.original()))
        else:
            self._end_block(piece)

    def _end_block(self, piece: Piece) -> None:
        if self._told is None:
            self._tell(piece)
        elif _block(piece, self.original()) != self._told:
            raise BadInput(f"The block at line {piece.line} says something of itself after its debits")
        self._told = None

    def _read_group(self, piece: Piece) -> None:
        if self._head is not None:
            raise BadInput(f"A second {_GROUP} at line {piece.line}")
        self._head = head = self._read_head(piece)
        self.found.append(head)
        if head.group_status is not None:
            self.found.append(StatusLine("group", head.original_message_id, None, None, head.group_status, head.reasons))

    def _read_head(self, piece: Piece) -> StatusReportHead:
        if not self._message_id:
            raise BadInput("The status report has no GrpHdr/MsgId")
        return StatusReportHead(
            message_id=self._message_id,
            created_at=self._created_at,
            namespace=self._namespace,
            original_message_id=need(piece, "OrgnlMsgId"),
            original_message_name=words(piece.told, "OrgnlMsgNmId") or "",
            group_status=words(piece.told, "GrpSts"),
            reasons=_reasons(piece.told),
        )

    def _tell(self, block: Piece) -> None:
        self._told = _block(block, self.original())
        self.found.append(self._told)


def _block(piece: Piece, head: StatusReportHead) -> StatusLine:
    return StatusLine(
        level="block",
        original_message_id=head.original_message_id,
        pmt_inf_id=need(piece, "OrgnlPmtInfId"),
        end_to_end_id=None,
        status=words(piece.told, "PmtInfSts"),
        reasons=_reasons(piece.told),
    )


def _debit(piece: Piece, block: Piece, head: StatusReportHead) -> StatusLine:
    told = piece.told
    end_to_end_id = words(told, "OrgnlEndToEndId")
    return StatusLine(
        level="debit",
        original_message_id=head.original_message_id,
        pmt_inf_id=need(block, "OrgnlPmtInfId"),
        end_to_end_id=None if end_to_end_id == "NOTPROVIDED" else end_to_end_id,
        status=words(told, "TxSts"),
        reasons=_reasons(told),
        instruction_id=words(told, "OrgnlInstrId"),
        mandate_id=words(told, "OrgnlTxRef/MndtRltdInf/MndtId"),
        amount_cents=_amount(first(told, "OrgnlTxRef/Amt/InstdAmt"), piece.line),
        due_on=xml_pieces.day(told, "OrgnlTxRef/ReqdColltnDt", piece.line),
    )


def _amount(amount: Any, line: int) -> int | None:
    # Our debits are in EUR; an amount in anything else is not ours to compare with.
    return xml_pieces.cents(amount, "InstdAmt", line) if mark(amount, "Ccy") == "EUR" else None


def _reasons(told: Told) -> tuple[StatusReason, ...]:
    return tuple(
        StatusReason(
            code=words(info, "Rsn/Cd") or words(info, "Rsn/Prtry"),
            info=" ".join(piece for line in every(info, "AddtlInf") if (piece := text(line))),
            originator_bic=words(info, "Orgtr/Id/OrgId/AnyBIC") or words(info, "Orgtr/Id/OrgId/BICOrBEI"),
            originator_name=words(info, "Orgtr/Nm"),
        )
        for info in groups(told, "StsRsnInf")
    )
