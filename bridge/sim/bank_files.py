"""The files of the simulated bank: reads pain.008.001.08, writes pain.002.001.10 and camt.053.001.08. Pure.

Written apart from our own readers and writers on purpose; see bridge.sim.bank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element, SubElement

from bridge.errors import BadInput

_XSD = "urn:iso:std:iso:20022:tech:xsd:"
_PAIN008, _PAIN002, _CAMT053 = f"{_XSD}pain.008.001.08", f"{_XSD}pain.002.001.10", f"{_XSD}camt.053.001.08"
_BIC = "MUSTDEFFXXX"  # invented: this bank
_DEBTOR_BIC = "BEISDEFFXXX"  # invented: stands for every debtor's bank
_TEXTS = {
    "AC04": "Konto aufgeloest",
    "AM04": "Deckung ungenuegend",
    "DUPL": "MsgId already received",
    "MD06": "Widerspruch durch den Zahler",
    "MS03": "Grund nicht spezifiziert",
}
_BY_THE_DEBTOR = ("MD06", "MD01", "MS02")
# kind: ISO family, sub-family, German code (SWIFT+GVC+Primanota)
_CODES = {
    "batch": ("IDDT", "ESDD", "NMSC+192+0001"),
    "credit": ("IDDT", "ESDD", "NMSC+171+0001"),
    "return": ("IDDT", "UPDD", "NRTI+109+0002"),
    "fee": ("OTHR", "CHRG", "NCHG+808+0003"),
    "transfer": ("RCDT", "ESCT", "NTRF+166+0004"),
    "transfer out": ("ICDT", "ESCT", "NTRF+116+0004"),
}


def parse(xml: bytes) -> dict[str, Any]:
    """Return what a pain.008.001.08 asks for, as plain values. Raises BadInput for what cannot be read."""
    if b"<!DOCTYPE" in xml:
        raise BadInput("The simulated bank takes no file with a DOCTYPE")
    try:
        root = ET.fromstring(xml)  # noqa: S314 - expat loads nothing, and a DOCTYPE was refused above
    except ET.ParseError:
        raise BadInput("The simulated bank cannot read this file: it is not well-formed XML") from None
    if root.tag != f"{{{_PAIN008}}}Document":
        raise BadInput("The simulated bank takes pain.008.001.08 only")
    blocks = [_parsed_block(block) for block in root.iterfind(".//{*}PmtInf")]
    if not blocks:
        raise BadInput("The simulated bank finds no debits in this file")
    return {"message_id": _get(root, "CstmrDrctDbtInitn/GrpHdr/MsgId"), "blocks": blocks}


def status_report(
    upload: Mapping[str, Any], file: Mapping[str, Any], debits: Sequence[Mapping[str, Any]], *, number: int, created_on: date
) -> bytes:
    """Return a pain.002 about one upload: DUPL for a repeated one; a reason stands at one level, and only rejects are listed."""
    document, report = _document(_PAIN002, "CstmrPmtStsRpt")
    _group_header(report, f"SIM-PSR-{number:06d}", f"{created_on.isoformat()}T18:00:00+00:00")
    _put(report, "GrpHdr/CdtrAgt/FinInstnId/BICFI", _BIC)
    group = SubElement(report, "OrgnlGrpInfAndSts")
    _put(group, "OrgnlMsgId", upload["message_id"])
    _put(group, "OrgnlMsgNmId", "pain.008.001.08")
    refused = "DUPL" if upload["duplicate"] else file["reason"]
    rejected = [debit for debit in debits if debit["state"] == "rejected"]
    if refused:
        _put(group, "GrpSts", "RJCT")
        _reason(group, refused)
    elif len(rejected) < len(debits):
        _put(group, "GrpSts", "PART" if rejected else "ACCP")
    if not refused and rejected:
        for block in file["blocks"]:
            _block_status(report, block, [debit for debit in debits if debit["pmt_inf_id"] == block["pmt_inf_id"]])
    return _bytes(document)


def _block_status(report: Element, block: Mapping[str, Any], debits: Sequence[Mapping[str, Any]]) -> None:
    rejected = [debit for debit in debits if debit["state"] == "rejected"]
    if not rejected:
        return
    status = SubElement(report, "OrgnlPmtInfAndSts")
    _put(status, "OrgnlPmtInfId", block["pmt_inf_id"])
    _put(status, "OrgnlNbOfTxs", str(len(debits)))
    if block["reason"]:
        _put(status, "PmtInfSts", "RJCT")
        _reason(status, block["reason"])
        return
    if len(rejected) < len(debits):
        _put(status, "PmtInfSts", "PART")
    for debit in rejected:
        told = SubElement(status, "TxInfAndSts")
        _put(told, "OrgnlEndToEndId", debit["e2e"])
        _put(told, "TxSts", "RJCT")
        _reason(told, debit["reason"])
        original = SubElement(told, "OrgnlTxRef")
        _money(SubElement(original, "Amt"), "InstdAmt", debit["cents"])
        _put(original, "ReqdColltnDt", block["due_on"])
        _put(original, "MndtRltdInf/MndtId", debit["mandate"])


def statement(
    lines: Sequence[Mapping[str, Any]],
    *,
    iban: str,
    sequence: int,
    opened_on: str,
    day: date,
    opening_cents: int,
    closing_cents: int,
) -> bytes:
    """Return a camt.053 of one day: OPBD, CLBD, and every line; ``opened_on`` is the date of the balance before."""
    document, message = _document(_CAMT053, "BkToCstmrStmt")
    created = f"{day.isoformat()}T21:00:00+00:00"
    _group_header(message, f"SIM-STMT-{sequence:06d}", created)
    told = SubElement(message, "Stmt")
    _put(told, "Id", f"SIM-{day.isoformat()}-{sequence:06d}")
    _put(told, "StmtPgntn/PgNb", "1")
    _put(told, "StmtPgntn/LastPgInd", "true")
    _put(told, "ElctrncSeqNb", str(sequence))
    _put(told, "CreDtTm", created)
    _put(told, "Acct/Id/IBAN", iban)
    _put(told, "Acct/Ccy", "EUR")
    _put(told, "Acct/Svcr/FinInstnId/BICFI", _BIC)
    for kind, cents, on in (("OPBD", opening_cents, opened_on), ("CLBD", closing_cents, day.isoformat())):
        balance = SubElement(told, "Bal")
        _put(balance, "Tp/CdOrPrtry/Cd", kind)
        _signed(balance, cents)
        _put(balance, "Dt/Dt", on)
    for line in lines:
        _entry(told, line, sequence=sequence, day=day)
    return _bytes(document)


def _entry(told: Element, line: Mapping[str, Any], *, sequence: int, day: date) -> None:
    entry = SubElement(told, "Ntry")
    _signed(entry, line["amount_cents"])
    if line["kind"] == "return":
        _put(entry, "RvslInd", "true")
    _put(entry, "Sts/Cd", "BOOK")
    _put(entry, "BookgDt/Dt", day.isoformat())
    _put(entry, "ValDt/Dt", line["value_on"])
    _put(entry, "AcctSvcrRef", f"SIM{sequence:06d}{line['ordinal']:06d}")
    family, sub, own = _CODES["transfer out" if line["kind"] == "transfer" and line["amount_cents"] < 0 else line["kind"]]
    _put(entry, "BkTxCd/Domn/Cd", "PMNT")
    _put(entry, "BkTxCd/Domn/Fmly/Cd", family)
    _put(entry, "BkTxCd/Domn/Fmly/SubFmlyCd", sub)
    _put(entry, "BkTxCd/Prtry/Cd", own)
    _put(entry, "BkTxCd/Prtry/Issr", "DK")
    details = SubElement(entry, "NtryDtls")
    if line["kind"] == "batch":
        _put(details, "Btch/MsgId", line["message_id"])
        _put(details, "Btch/PmtInfId", line["pmt_inf_id"])
        _put(details, "Btch/NbOfTxs", str(len(line["debits"])))
    if line["kind"] != "batch" or line["shown"]:
        for debit in line["debits"]:
            _debit_detail(details, line, debit)
    if line["kind"] == "transfer":
        _transfer_detail(details, line)
    if not len(details):
        entry.remove(details)
    _put(
        entry,
        "AddtlNtryInf",
        line.get("text") or {"batch": "Sammelgutschrift", "credit": "Gutschrift", "return": "Retoure"}[line["kind"]],
    )


def _debit_detail(details: Element, line: Mapping[str, Any], debit: Mapping[str, Any]) -> None:
    detail = SubElement(details, "TxDtls")
    if line["message_id"]:
        _put(detail, "Refs/MsgId", line["message_id"])
    _put(detail, "Refs/PmtInfId", line["pmt_inf_id"])
    _put(detail, "Refs/EndToEndId", debit["e2e"])
    _put(detail, "Refs/MndtId", debit["mandate"])
    back = line["kind"] == "return"
    _signed(detail, line["amount_cents"] if back else debit["cents"])
    shape = line.get("shape")
    if back and shape != "silent":
        _money(SubElement(SubElement(detail, "AmtDtls"), "InstdAmt"), "Amt", debit["cents"])
    if back and shape in ("inside", "apart") and line["fee_cents"]:
        _charges(SubElement(detail, "Chrgs"), line["fee_cents"], apart=shape == "apart")
    # The parties keep the roles they had in the debit, although a return flows the other way.
    _put(detail, "RltdPties/Dbtr/Pty/Nm", debit["name"])
    _put(detail, "RltdPties/DbtrAcct/Id/IBAN", debit["iban"])
    _put(detail, "RltdPties/Cdtr/Pty/Nm", debit["creditor"]["name"])
    _put(detail, "RltdPties/Cdtr/Pty/Id/PrvtId/Othr/Id", debit["creditor"]["id"])
    _put(detail, "LclInstrm/Cd", debit["scheme"])
    if debit["text"]:
        _put(detail, "RmtInf/Ustrd", debit["text"])
    if back:
        _return_info(detail, line["reason"], debit)


def _charges(charges: Element, fee_cents: int, *, apart: bool) -> None:
    """What a return costs; apart: the debtor's bank takes the half, rounded down, and this bank the rest."""
    theirs = fee_cents // 2 if apart else 0
    for cents, bic in ((theirs, _DEBTOR_BIC), (fee_cents - theirs, _BIC)):
        if cents:
            record = SubElement(charges, "Rcrd")
            _money(record, "Amt", cents)
            _put(record, "CdtDbtInd", "DBIT")
            _put(record, "ChrgInclInd", "true")
            _put(record, "Agt/FinInstnId/BICFI", bic)


def _return_info(detail: Element, reason: str, debit: Mapping[str, Any]) -> None:
    info = SubElement(detail, "RtrInf")
    _put(info, "OrgnlBkTxCd/Domn/Cd", "PMNT")
    _put(info, "OrgnlBkTxCd/Domn/Fmly/Cd", "IDDT")
    _put(info, "OrgnlBkTxCd/Domn/Fmly/SubFmlyCd", "ESDD")
    # A name says the debtor wants it back, a BIC that a bank could not collect.
    if reason in _BY_THE_DEBTOR:
        _put(info, "Orgtr/Nm", debit["name"])
    else:
        _put(info, "Orgtr/Id/OrgId/AnyBIC", _DEBTOR_BIC)
    _put(info, "Rsn/Cd", reason)
    _put(info, "AddtlInf", _TEXTS.get(reason, reason))


def _transfer_detail(details: Element, line: Mapping[str, Any]) -> None:
    detail = SubElement(details, "TxDtls")
    _put(detail, "Refs/EndToEndId", "NOTPROVIDED")
    _signed(detail, line["amount_cents"])
    role = "Dbtr" if line["amount_cents"] > 0 else "Cdtr"
    _put(detail, f"RltdPties/{role}/Pty/Nm", line["name"])
    _put(detail, f"RltdPties/{role}Acct/Id/IBAN", line["iban"])
    _put(detail, "RmtInf/Ustrd", line["text"])


def _reason(element: Element, code: str) -> None:
    info = SubElement(element, "StsRsnInf")
    _put(info, "Orgtr/Id/OrgId/AnyBIC", _BIC)
    _put(info, "Rsn/Cd", code)
    _put(info, "AddtlInf", _TEXTS.get(code, code))


def _document(namespace: str, message: str) -> tuple[Element, Element]:
    document = Element("Document", {"xmlns": namespace})
    return document, SubElement(document, message)


def _group_header(message: Element, message_id: str, created: str) -> None:
    _put(message, "GrpHdr/MsgId", message_id)
    _put(message, "GrpHdr/CreDtTm", created)


def _signed(element: Element, cents: int) -> None:
    _money(element, "Amt", abs(cents))
    _put(element, "CdtDbtInd", "DBIT" if cents < 0 else "CRDT")


def _money(element: Element, name: str, cents: int) -> None:
    SubElement(element, name, {"Ccy": "EUR"}).text = f"{cents // 100}.{cents % 100:02d}"


def _put(element: Element, path: str, words: str) -> None:
    """Append a text element, its parents along the path too; a parent that is the last child already is used again."""
    *parents, name = path.split("/")
    for parent in parents:
        last = element[-1] if len(element) and element[-1].tag == parent else None
        element = last if last is not None else SubElement(element, parent)
    SubElement(element, name).text = words


def _bytes(document: Element) -> bytes:
    ET.indent(document)
    return bytes(ET.tostring(document, encoding="UTF-8", xml_declaration=True)) + b"\n"


def _parsed_block(block: Element) -> dict[str, Any]:
    booking = block.findtext("{*}BtchBookg", "true")
    return {
        "pmt_inf_id": _get(block, "PmtInfId"),
        "due_on": date.fromisoformat(_get(block, "ReqdColltnDt")).isoformat(),
        "scheme": _get(block, "PmtTpInf/LclInstrm/Cd"),
        "iban": _get(block, "CdtrAcct/Id/IBAN"),
        "creditor": {"name": _get(block, "Cdtr/Nm"), "id": _get(block, "CdtrSchmeId/Id/PrvtId/Othr/Id")},
        "batch_booking": booking.strip() not in ("false", "0"),
        "debits": [_parsed_debit(debit) for debit in block.iterfind("{*}DrctDbtTxInf")],
    }


def _parsed_debit(debit: Element) -> dict[str, Any]:
    whole, _, rest = _get(debit, "InstdAmt").partition(".")
    return {
        "e2e": _get(debit, "PmtId/EndToEndId"),
        "cents": int(whole) * 100 + int((rest + "00")[:2]),
        "mandate": _get(debit, "DrctDbtTx/MndtRltdInf/MndtId"),
        "name": _get(debit, "Dbtr/Nm"),
        "iban": _get(debit, "DbtrAcct/Id/IBAN"),
        "text": debit.findtext("{*}RmtInf/{*}Ustrd", ""),
    }


def _get(element: Element, path: str) -> str:
    found = element.findtext("/".join(f"{{*}}{name}" for name in path.split("/")))
    if not found:
        raise BadInput(f"The simulated bank finds no {path} in this file")
    return found
