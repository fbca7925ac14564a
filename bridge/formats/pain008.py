"""Write a direct-debit file (ISO 20022 pain.008), and read one back by counting.

``write`` is a pure function of its record: the same DebitFile gives the same bytes, for ever. ``count`` shares no code with it,
so that both must be wrong in the same way before a wrong sum goes out. No namespace prefix, no byte order mark, no
schemaLocation, no UETR, no InstrPrty: German banks refuse them (DK Anlage 3).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO
from xml.sax.saxutils import escape

from lxml import etree

from bridge.errors import BadInput, UnknownName
from bridge.formats import safe_xml
from bridge.records.pain008 import Address, Amendment, BlockFacts, DebitBlock, DebitFile, DebitLine, FileFacts

ISO_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
#: message version -> what it calls a BIC; in all else that SEPA uses, both are written alike
VERSIONS = {"pain.008.001.08": "BICFI", "pain.008.001.02": "BIC"}
READABLE = tuple(ISO_NAMESPACE + version for version in VERSIONS)

# Nearly all text of a SEPA file is plain, and one search says so.
_NEEDS_CARE = re.compile(r"[^ -%'-;=?-~]")
_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(file: DebitFile, out: BinaryIO) -> None:
    """Write the file as UTF-8 XML, one debit a line, in constant memory.

    Raises UnknownName for a message version that is not in VERSIONS, BadInput for an amount below one cent, a naive
    ``created_at``, or a control character. The rest of the scheme is ``rules.scheme``'s: run it first.
    """
    out.writelines(piece.encode() for piece in _pieces(file))


def _pieces(file: DebitFile) -> Iterator[str]:
    """The file, line by line."""
    if file.version not in VERSIONS:
        raise UnknownName.among("message version", file.version, VERSIONS)
    bic_name = VERSIONS[file.version]
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<Document xmlns="{ISO_NAMESPACE}{file.version}"><CstmrDrctDbtInitn>{_header(file)}\n'
    for block in file.blocks:
        yield f"<PmtInf>{_block_head(block, bic_name)}\n"
        for debit in block.debits:
            yield f"{_debit(debit, bic_name)}\n"
        yield "</PmtInf>\n"
    yield "</CstmrDrctDbtInitn></Document>\n"


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
# Each function returns a piece of the file as text, and reads like the piece. lxml would close the tags for us, in six times the
# time; that they are closed is seen by the schema, which every file passes before it is sealed.


def _header(file: DebitFile) -> str:
    # The initiator's name only: an Id here made a German bank refuse the file.
    return (
        "<GrpHdr>"
        f"{_text('MsgId', file.message_id)}{_text('CreDtTm', _instant(file.created_at))}"
        f"<NbOfTxs>{file.count}</NbOfTxs><CtrlSum>{euro_text(file.control_sum_cents)}</CtrlSum>"
        f"<InitgPty>{_text('Nm', file.initiator_name)}</InitgPty>"
        "</GrpHdr>"
    )


def _block_head(block: DebitBlock, bic_name: str) -> str:
    """All of a PmtInf before its first debit."""
    return (
        f"{_text('PmtInfId', block.pmt_inf_id)}<PmtMtd>DD</PmtMtd>{_batch_booking(block)}"
        f"<NbOfTxs>{len(block.debits)}</NbOfTxs><CtrlSum>{euro_text(block.control_sum_cents)}</CtrlSum>"
        "<PmtTpInf>"
        f"<SvcLvl><Cd>SEPA</Cd></SvcLvl><LclInstrm>{_text('Cd', block.scheme)}</LclInstrm>{_text('SeqTp', block.sequence)}"
        "</PmtTpInf>"
        f"<ReqdColltnDt>{block.due_on.isoformat()}</ReqdColltnDt>"
        f"<Cdtr>{_text('Nm', block.creditor_name)}</Cdtr>"
        f"<CdtrAcct><Id>{_text('IBAN', block.creditor_iban)}</Id></CdtrAcct>"
        f"<CdtrAgt>{_bank(block.creditor_bic, bic_name)}</CdtrAgt>"
        f"{_named('UltmtCdtr', 'Nm', block.ultimate_creditor)}"
        "<ChrgBr>SLEV</ChrgBr>"
        f"<CdtrSchmeId>{_creditor_id(block.creditor_id)}</CdtrSchmeId>"
    )


def _batch_booking(block: DebitBlock) -> str:
    return {None: "", True: "<BtchBookg>true</BtchBookg>", False: "<BtchBookg>false</BtchBookg>"}[block.batch_booking]


def _creditor_id(creditor_id: str) -> str:
    return f"<Id><PrvtId><Othr>{_text('Id', creditor_id)}<SchmeNm><Prtry>SEPA</Prtry></SchmeNm></Othr></PrvtId></Id>"


def _debit(debit: DebitLine, bic_name: str) -> str:
    return (
        "<DrctDbtTxInf>"
        f"<PmtId>{_text('EndToEndId', debit.end_to_end_id)}</PmtId>"
        f'<InstdAmt Ccy="EUR">{euro_text(debit.amount_cents)}</InstdAmt>'
        "<DrctDbtTx><MndtRltdInf>"
        f"{_text('MndtId', debit.mandate_id)}<DtOfSgntr>{debit.signed_on.isoformat()}</DtOfSgntr>{_amendment(debit.amendment)}"
        "</MndtRltdInf></DrctDbtTx>"
        f"<DbtrAgt>{_bank(debit.debtor_bic, bic_name)}</DbtrAgt>"
        f"<Dbtr>{_text('Nm', debit.debtor_name)}{_address(debit.debtor_address)}</Dbtr>"
        f"<DbtrAcct><Id>{_text('IBAN', debit.debtor_iban)}</Id></DbtrAcct>"
        f"{_named('UltmtDbtr', 'Nm', debit.ultimate_debtor)}"
        f"{_named('Purp', 'Cd', debit.purpose)}"
        f"{_remittance(debit)}"
        "</DrctDbtTxInf>"
    )


def _remittance(debit: DebitLine) -> str:
    """Text or a structured reference (ISO 11649), never both."""
    if debit.remittance is not None:
        return f"<RmtInf>{_text('Ustrd', debit.remittance)}</RmtInf>"
    if debit.creditor_reference is None:
        return ""
    kind = "<Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry></Tp>"
    return f"<RmtInf><Strd><CdtrRefInf>{kind}{_text('Ref', debit.creditor_reference)}</CdtrRefInf></Strd></RmtInf>"


def _amendment(amendment: Amendment | None) -> str:
    """What changed (EPC130-08). SMNDA stands at the account since November 2016, never at the bank."""
    if amendment is None:
        return ""
    details = _optional("OrgnlMndtId", amendment.mandate_id)
    if amendment.creditor_id is not None or amendment.creditor_name is not None:
        identifier = "" if amendment.creditor_id is None else _creditor_id(amendment.creditor_id)
        details += f"<OrgnlCdtrSchmeId>{_optional('Nm', amendment.creditor_name)}{identifier}</OrgnlCdtrSchmeId>"
    if amendment.new_account:
        details += "<OrgnlDbtrAcct><Id><Othr><Id>SMNDA</Id></Othr></Id></OrgnlDbtrAcct>"
    return f"<AmdmntInd>true</AmdmntInd><AmdmntInfDtls>{details}</AmdmntInfDtls>"


def _bank(bic: str | None, bic_name: str) -> str:
    """A bank. The element is mandatory even for IBAN-only, and then says so in Othr/Id (EPC130-08)."""
    known = "<Othr><Id>NOTPROVIDED</Id></Othr>" if bic is None else _text(bic_name, bic)
    return f"<FinInstnId>{known}</FinInstnId>"


def _address(address: Address | None) -> str:
    """An address in the schema's order; which of its forms a bank takes is its profile's (EPC153-22)."""
    if address is None:
        return ""
    parts = (
        ("StrtNm", address.street),
        ("BldgNb", address.building),
        ("PstCd", address.postcode),
        ("TwnNm", address.town),
        ("Ctry", address.country),
        *(("AdrLine", line) for line in address.lines),
    )
    return f"<PstlAdr>{''.join(_text(name, value) for name, value in parts if value)}</PstlAdr>"


def _named(name: str, inner: str, value: str | None) -> str:
    return "" if value is None else f"<{name}>{_text(inner, value)}</{name}>"


def _optional(name: str, value: str | None) -> str:
    return "" if value is None else _text(name, value)


def _text(name: str, value: str) -> str:
    """An element with this text; BadInput for a character that XML cannot hold."""
    if _NEEDS_CARE.search(value):
        if _NO_XML.search(value):
            raise BadInput(f"{name} holds a control character, which no XML file can")
        value = escape(value, {"\r": "&#13;"})
    return f"<{name}>{value}</{name}>"


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
