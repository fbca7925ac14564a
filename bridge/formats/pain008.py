"""Write a direct-debit file (ISO 20022 pain.008), and read one back by counting.

``write`` is a pure function of its record: the same DebitFile gives the same bytes, for ever. ``count`` shares no code with it,
so that both must be wrong in the same way before a wrong sum goes out. No namespace prefix, no byte order mark, no
schemaLocation, no UETR, no InstrPrty: German banks refuse them (DK Anlage 3).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, BinaryIO

from lxml import etree

from bridge.errors import BadInput, UnknownName
from bridge.formats import safe_xml
from bridge.records.pain008 import Address, Amendment, BlockFacts, DebitBlock, DebitFile, DebitLine, FileFacts

ISO_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
#: message version -> what it calls a BIC; in all else that SEPA uses, both are written alike
VERSIONS = {"pain.008.001.08": "BICFI", "pain.008.001.02": "BIC"}
READABLE = tuple(ISO_NAMESPACE + version for version in VERSIONS)


def write(file: DebitFile, out: BinaryIO) -> None:
    """Write the file as UTF-8 XML, one debit a line, in constant memory.

    Raises UnknownName for a message version that is not in VERSIONS, BadInput for an amount below one cent or a naive
    ``created_at``. The rest of the scheme is ``rules.scheme``'s: run it first.
    """
    if file.version not in VERSIONS:
        raise UnknownName.among("message version", file.version, VERSIONS)
    # lxml would write the declaration with single quotes, which is legal and yet not what every bank's reader was tried with.
    out.write(b'<?xml version="1.0" encoding="UTF-8"?>\n')
    with etree.xmlfile(out, encoding="UTF-8") as xml:  # noqa: SIM117 - the comment belongs to the inner one
        # Children are written without a namespace of their own and inherit the default one: half the time of qualified names.
        with xml.element("Document", nsmap={None: ISO_NAMESPACE + file.version}), xml.element("CstmrDrctDbtInitn"):
            writer = _Writer(xml, VERSIONS[file.version])
            _header(writer, file)
            for block in file.blocks:
                _block(writer, block)
    out.write(b"\n")


def count(stream: BinaryIO) -> FileFacts:
    """Count and add up a pain.008 from its bytes: what it says of itself, and what is in it.

    Streams; nothing is trusted and nothing is corrected. Raises BadInput for what cannot be counted: no XML, a DOCTYPE, no
    pain.008, a sum or amount that is not euro with at most two decimals, a missing id.
    """
    reader = _Count()
    for event, element in safe_xml.open_events(stream, tags=("GrpHdr", "PmtInf", "DrctDbtTxInf"), known=READABLE):
        if event == "end":
            reader.take(element)
    return reader.facts()


def euro_text(cents: int) -> str:
    """Cents as the schema wants euro: "123.45", by integer arithmetic. Raises BadInput below one cent."""
    if cents < 1:
        raise BadInput(f"an amount of {cents} cents cannot be collected; it must be at least 1")
    return f"{cents // 100}.{cents % 100:02d}"


# ---- writing -------------------------------------------------------------------------------------------------------------------


class _Writer:
    """lxml's incremental file with the two things a pain.008 is made of: an element around others, and an element with text."""

    __slots__ = ("_write", "bic", "inside")

    def __init__(self, xml: Any, bic: str) -> None:
        self.bic = bic
        self.inside = xml.element
        self._write = xml.write

    def text(self, name: str, value: str) -> None:
        with self.inside(name):
            self._write(value)

    def euro(self, name: str, cents: int) -> None:
        with self.inside(name, Ccy="EUR"):
            self._write(euro_text(cents))

    def end_line(self) -> None:
        self._write("\n")


def _header(writer: _Writer, file: DebitFile) -> None:
    with writer.inside("GrpHdr"):
        writer.text("MsgId", file.message_id)
        writer.text("CreDtTm", _instant(file.created_at))
        writer.text("NbOfTxs", str(file.count))
        writer.text("CtrlSum", euro_text(file.control_sum_cents))
        # The name only: an Id here made a German bank refuse the file.
        with writer.inside("InitgPty"):
            writer.text("Nm", file.initiator_name)
    writer.end_line()


def _block(writer: _Writer, block: DebitBlock) -> None:
    with writer.inside("PmtInf"):
        _block_head(writer, block)
        writer.end_line()
        for debit in block.debits:
            _debit(writer, debit)
            writer.end_line()
    writer.end_line()


def _block_head(writer: _Writer, block: DebitBlock) -> None:
    writer.text("PmtInfId", block.pmt_inf_id)
    writer.text("PmtMtd", "DD")
    if block.batch_booking is not None:
        writer.text("BtchBookg", "true" if block.batch_booking else "false")
    writer.text("NbOfTxs", str(len(block.debits)))
    writer.text("CtrlSum", euro_text(block.control_sum_cents))
    with writer.inside("PmtTpInf"):
        with writer.inside("SvcLvl"):
            writer.text("Cd", "SEPA")
        with writer.inside("LclInstrm"):
            writer.text("Cd", block.scheme)
        writer.text("SeqTp", block.sequence)
    writer.text("ReqdColltnDt", block.due_on.isoformat())
    with writer.inside("Cdtr"):
        writer.text("Nm", block.creditor_name)
    with writer.inside("CdtrAcct"), writer.inside("Id"):
        writer.text("IBAN", block.creditor_iban)
    _agent(writer, "CdtrAgt", block.creditor_bic)
    if block.ultimate_creditor is not None:
        with writer.inside("UltmtCdtr"):
            writer.text("Nm", block.ultimate_creditor)
    writer.text("ChrgBr", "SLEV")
    with writer.inside("CdtrSchmeId"):
        _creditor_id(writer, block.creditor_id)


def _creditor_id(writer: _Writer, creditor_id: str) -> None:
    with writer.inside("Id"), writer.inside("PrvtId"), writer.inside("Othr"):
        writer.text("Id", creditor_id)
        with writer.inside("SchmeNm"):
            writer.text("Prtry", "SEPA")


def _debit(writer: _Writer, debit: DebitLine) -> None:
    with writer.inside("DrctDbtTxInf"):
        with writer.inside("PmtId"):
            writer.text("EndToEndId", debit.end_to_end_id)
        writer.euro("InstdAmt", debit.amount_cents)
        with writer.inside("DrctDbtTx"), writer.inside("MndtRltdInf"):
            writer.text("MndtId", debit.mandate_id)
            writer.text("DtOfSgntr", debit.signed_on.isoformat())
            if debit.amendment is not None:
                _amendment(writer, debit.amendment)
        _agent(writer, "DbtrAgt", debit.debtor_bic)
        with writer.inside("Dbtr"):
            writer.text("Nm", debit.debtor_name)
            if debit.debtor_address is not None:
                _address(writer, debit.debtor_address)
        with writer.inside("DbtrAcct"), writer.inside("Id"):
            writer.text("IBAN", debit.debtor_iban)
        if debit.ultimate_debtor is not None:
            with writer.inside("UltmtDbtr"):
                writer.text("Nm", debit.ultimate_debtor)
        if debit.purpose is not None:
            with writer.inside("Purp"):
                writer.text("Cd", debit.purpose)
        if debit.remittance is not None:
            with writer.inside("RmtInf"):
                writer.text("Ustrd", debit.remittance)
        elif debit.creditor_reference is not None:
            with writer.inside("RmtInf"), writer.inside("Strd"), writer.inside("CdtrRefInf"):
                with writer.inside("Tp"), writer.inside("CdOrPrtry"):
                    writer.text("Cd", "SCOR")
                writer.text("Ref", debit.creditor_reference)


def _amendment(writer: _Writer, amendment: Amendment) -> None:
    """What changed (EPC130-08). SMNDA stands at the account since November 2016, never at the bank."""
    writer.text("AmdmntInd", "true")
    with writer.inside("AmdmntInfDtls"):
        if amendment.mandate_id is not None:
            writer.text("OrgnlMndtId", amendment.mandate_id)
        if amendment.creditor_id is not None or amendment.creditor_name is not None:
            with writer.inside("OrgnlCdtrSchmeId"):
                if amendment.creditor_name is not None:
                    writer.text("Nm", amendment.creditor_name)
                if amendment.creditor_id is not None:
                    _creditor_id(writer, amendment.creditor_id)
        if amendment.new_account:
            with writer.inside("OrgnlDbtrAcct"), writer.inside("Id"), writer.inside("Othr"):
                writer.text("Id", "SMNDA")


def _agent(writer: _Writer, name: str, bic: str | None) -> None:
    """A bank. The element is mandatory even for IBAN-only, and then says so in Othr/Id (EPC130-08)."""
    with writer.inside(name), writer.inside("FinInstnId"):
        if bic is not None:
            writer.text(writer.bic, bic)
        else:
            with writer.inside("Othr"):
                writer.text("Id", "NOTPROVIDED")


def _address(writer: _Writer, address: Address) -> None:
    """An address in the schema's order; which of its forms a bank takes is its profile's (EPC153-22)."""
    parts = (
        ("StrtNm", address.street),
        ("BldgNb", address.building),
        ("PstCd", address.postcode),
        ("TwnNm", address.town),
        ("Ctry", address.country),
    )
    with writer.inside("PstlAdr"):
        for name, value in parts:
            if value:
                writer.text(name, value)
        for line in address.lines:
            writer.text("AdrLine", line)


def _instant(created_at: datetime) -> str:
    if created_at.tzinfo is None:
        raise BadInput("created_at has no time zone, so the file's time would be a guess")
    text = created_at.isoformat(timespec="seconds")
    return text.replace("+00:00", "Z")


# ---- counting ------------------------------------------------------------------------------------------------------------------


class _Count:
    """The running sums of ``count``: takes finished elements in file order and forgets them."""

    def __init__(self) -> None:
        self._namespace = ""
        self._header: tuple[str, int, int] | None = None
        self._blocks: list[BlockFacts] = []
        self._ids: list[str] = []
        self._counted = 0
        self._cents = 0

    def take(self, element: etree._Element) -> None:
        name, self._namespace = safe_xml.local_name(element), safe_xml.namespace_name(element)
        if name == "DrctDbtTxInf":
            self._debit(element)
        elif name == "PmtInf":
            self._block(element)
        else:
            self._group_header(element)
        safe_xml.drop(element)

    def facts(self) -> FileFacts:
        if self._header is None or not self._blocks:
            raise BadInput("the pain.008 has no group header or no block")
        if self._counted:
            raise BadInput("a debit stands outside any block")
        message_id, stated, stated_cents = self._header
        counted = sum(block.counted for block in self._blocks)
        cents = sum(block.counted_sum_cents for block in self._blocks)
        return FileFacts(
            message_id=message_id,
            namespace=self._namespace,
            stated_count=stated,
            stated_sum_cents=stated_cents,
            counted=counted,
            counted_sum_cents=cents,
            blocks=tuple(self._blocks),
            end_to_end_ids=tuple(self._ids),
        )

    def _group_header(self, element: etree._Element) -> None:
        if self._header is not None:
            raise BadInput("the file has two group headers")
        self._header = (safe_xml.need(element, "MsgId"), *_stated(element))

    def _debit(self, element: etree._Element) -> None:
        amount = safe_xml.find(element, "InstdAmt")
        if amount is None or amount.get("Ccy") != "EUR":
            raise BadInput(f"the debit at line {element.sourceline} has no amount in EUR")
        self._ids.append(safe_xml.need(element, "PmtId/EndToEndId"))
        self._counted += 1
        self._cents += safe_xml.cents(amount)

    def _block(self, element: etree._Element) -> None:
        facts = BlockFacts(safe_xml.need(element, "PmtInfId"), *_stated(element), self._counted, self._cents)
        self._blocks.append(facts)
        self._counted = self._cents = 0


def _stated(element: etree._Element) -> tuple[int, int]:
    """NbOfTxs and CtrlSum (cents) of a group header or a block."""
    number, total = safe_xml.need(element, "NbOfTxs"), safe_xml.find(element, "CtrlSum")
    if total is None or not (number.isascii() and number.isdigit()):
        raise BadInput(f"the header or block at line {element.sourceline} has no CtrlSum or no whole NbOfTxs")
    return int(number), safe_xml.cents(total)
