"""The papers of the simulated bank, bent into the shapes that banks send: nameless lines, advices, copies, many in one file.

The statements themselves are written by ``bridge.sim.bank_files``; here they are only taken apart and put together.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element, SubElement

XSD = "urn:iso:std:iso:20022:tech:xsd:"
ADVICES = {"camt.054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"), "camt.052": ("BkToCstmrAcctRpt", "Rpt")}


@dataclass(frozen=True, slots=True)
class Shape:
    """How a line is shown. ``together``: with so many of the bank's own lines after it as one; ``nameless``: an advice tells."""

    together: int = 1
    nameless: bool = False
    names: str = ""  # the EndToEndId that a customer wrote into his transfer


@dataclass(frozen=True, slots=True)
class Paper:
    """One file of the bank's. ``original``: without it something is missing."""

    name: str
    body: bytes = field(repr=False)
    original: bool = True


def shaped(statement: bytes, shapes: Sequence[Shape]) -> tuple[bytes, list[str]]:
    """The statement with its lines in these shapes, and the bank's reference of each line."""
    root = _read(statement)
    told = root[0].find("Stmt")
    assert told is not None
    entries = told.findall("Ntry")
    references = []
    for shape in shapes:
        entry, *others = [entries.pop(0) for _ in range(shape.together)]
        for other in others:
            _join(entry, other)
            told.remove(other)
        details = entry.find("NtryDtls")
        if shape.names and details is not None:
            _at(details, "TxDtls/Refs/EndToEndId").text = shape.names
        references.append(_at(entry, "AcctSvcrRef").text or "")
    return _written(root, "camt.053.001.08"), references


def without_names(statement: bytes, references: Sequence[str]) -> bytes:
    """The statement without what these lines are about."""
    root = _read(statement)
    for entry in root.iter("Ntry"):
        details = entry.find("NtryDtls")
        if details is not None and entry.findtext("AcctSvcrRef") in references:
            entry.remove(details)
    return _written(root, "camt.053.001.08")


def advice(statement: bytes, kind: str, references: Sequence[str] | None = None) -> bytes:
    """A camt.052 or camt.054 of the statement's lines, or of these; without balances."""
    root = _read(statement)
    told = root[0].find("Stmt")
    assert told is not None
    message, inside = ADVICES[kind]
    document = Element("Document")
    head = SubElement(SubElement(document, message), "GrpHdr")
    SubElement(head, "MsgId").text = f"{kind}-{told.findtext('Id')}"
    SubElement(head, "CreDtTm").text = told.findtext("CreDtTm")
    body = SubElement(document[0], inside)
    SubElement(body, "Id").text = f"{kind}-{told.findtext('Id')}"
    SubElement(body, "CreDtTm").text = told.findtext("CreDtTm")
    body.append(_at(told, "Acct"))
    body.extend(one for one in told.findall("Ntry") if references is None or one.findtext("AcctSvcrRef") in references)
    return _written(document, f"{kind}.001.08")


def copy(statement: bytes) -> bytes:
    """The same statement, marked as a copy."""
    root = _read(statement)
    for told in root.iter("Stmt"):
        mark = Element("CpyDplctInd")
        mark.text = "DUPL"
        told.insert([one.tag for one in told].index("CreDtTm") + 1, mark)
    return _written(root, "camt.053.001.08")


def in_one(statements: Sequence[bytes]) -> bytes:
    """Several statements in one message."""
    first, *others = [_read(one) for one in statements]
    for other in others:
        first[0].extend(other[0].findall("Stmt"))
    return _written(first, "camt.053.001.08")


def in_other_bytes(body: bytes) -> bytes:
    """The same message, another file by its hash."""
    return body + b"<!-- sent again -->\n"


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A ZIP of these files; the same ones make the same bytes."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(zipfile.ZipInfo(name), body)
    return whole.getvalue()


def _join(entry: Element, other: Element) -> None:
    """Two returns as one line with the details of both."""
    amount, more = _at(entry, "Amt"), _at(other, "Amt")
    cents = sum(int((one.text or "").replace(".", "")) for one in (amount, more))
    amount.text = f"{cents // 100}.{cents % 100:02d}"
    _at(entry, "NtryDtls").extend(_at(other, "NtryDtls").findall("TxDtls"))


def _at(element: Element, path: str) -> Element:
    found = element.find(path)
    assert found is not None, path
    return found


def _read(body: bytes) -> Element:
    root = ET.fromstring(body)  # written by the simulated bank a moment ago
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _written(root: Element, version: str) -> bytes:
    root.set("xmlns", XSD + version)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="UTF-8", xml_declaration=True)) + b"\n"
