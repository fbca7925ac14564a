"""Pure: what must and must not stand in anybody's pain.008, whatever the ISO schema allows.

Our own writer cannot break most of these; they are for files of others, and a test holds our own to them. A part of a message
(group header, block head, debit) comes as its leaves: the path of each element without children, and its text, with attributes
behind it ("10.00 Ccy=EUR"). No finding repeats a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from bridge.rules.scheme.rule import RULES, Finding, Rule, Verdict

Leaf = tuple[str, str]
EPC = "EPC130-08 2025"
DEBIT, BLOCK, HEAD = "DrctDbtTxInf", "PmtInf", "GrpHdr"
_MANDATE = f"{DEBIT}/DrctDbtTx/MndtRltdInf"
_CREDITOR_IDS = (f"{BLOCK}/CdtrSchmeId", f"{DEBIT}/DrctDbtTx/CdtrSchmeId")
_PARTIES = (f"{BLOCK}/Cdtr", f"{BLOCK}/UltmtCdtr", f"{DEBIT}/UltmtCdtr", f"{DEBIT}/Dbtr", f"{DEBIT}/UltmtDbtr")
_AGENTS = (f"{BLOCK}/CdtrAgt", f"{DEBIT}/DbtrAgt")


@dataclass(frozen=True, slots=True)
class Element:
    """How often an element may stand in its part of a message, and what it may say (a whole match; "" for anything).

    ``within``: asked only where this element is there; by itself an element is asked wherever its part is.
    """

    path: str
    least: int = 0
    most: int | None = None
    says: str = ""
    within: str = ""


def check(part: str, leaves: Sequence[Leaf]) -> list[Finding]:
    """Every finding in one part (GrpHdr, PmtInf without its debits, DrctDbtTxInf); paths begin with the part's name."""
    found = [(rule.id, *verdict) for rule in RULES.values() if rule.of == "message" for verdict in rule.check(part, leaves)]
    return [Finding(*one) for one in found]


def _elements(part: str, leaves: Sequence[Leaf], *, elements: Sequence[Element]) -> Iterator[Verdict]:
    for element in elements:
        if element.path.partition("/")[0] != part or (element.within and not _at(leaves, element.within)):
            continue
        texts = _at(leaves, element.path)
        if len(texts) < element.least:
            yield element.path, "it is missing"
        elif element.most == 0 and texts:
            yield element.path, "it must not be used"
        elif element.most is not None and len(texts) > element.most:
            yield element.path, f"it occurs {len(texts)} times; {element.most} is allowed"
        elif element.says and not all(re.fullmatch(element.says, text) for text in texts):
            yield element.path, "what it says is not allowed here"


def _at(leaves: Sequence[Leaf], path: str) -> list[str]:
    """The texts of the leaves at this path or under it."""
    below = path + "/"
    return [text for found, text in leaves if found == path or found.startswith(below)]


def _either(part: str, leaves: Sequence[Leaf], *, one: str, other: str) -> Iterator[Verdict]:
    if one.partition("/")[0] == part and _at(leaves, one) and _at(leaves, other):
        yield one, f"it stands beside {other.partition('/')[2]}; one of the two is allowed"


def _bank_named(part: str, leaves: Sequence[Leaf]) -> Iterator[Verdict]:
    for agent in _AGENTS:
        if agent.partition("/")[0] != part:
            continue
        bics = [text for name in ("BICFI", "BIC") for text in _at(leaves, f"{agent}/FinInstnId/{name}")]
        others = _at(leaves, f"{agent}/FinInstnId/Othr/Id")
        if bics and others:
            yield agent, "a BIC and another identification stand together; one of the two is allowed"
        elif not bics and others != ["NOTPROVIDED"]:
            yield agent, "a bank is named by its BIC, or by NOTPROVIDED in Othr/Id"


def _not_blank(_: str, leaves: Sequence[Leaf]) -> Iterator[Verdict]:
    yield from ((path, "it is filled with blanks only, or empty") for path, text in leaves if not text.strip())


def _enter(id: str, sentence: str, source: str, *elements: Element) -> None:
    RULES[id] = Rule(id, source, "message", partial(_elements, elements=elements), sentence)


_enter(
    "SDD-101", "The file and every block state their control sum and count.", EPC,
    Element(f"{HEAD}/CtrlSum", 1, 1), Element(f"{BLOCK}/CtrlSum", 1, 1), Element(f"{BLOCK}/NbOfTxs", 1, 1),
)  # fmt: skip
_enter("SDD-102", "No instruction priority is used.", EPC + "; DK GBIC_5", Element(f"{BLOCK}/PmtTpInf/InstrPrty", 0, 0))
_enter(
    "SDD-103", "The service level is SEPA, the instrument CORE or B2B, as codes.", EPC,
    Element(f"{BLOCK}/PmtTpInf/SvcLvl/Cd", 1, 1, "SEPA", within=f"{BLOCK}/PmtTpInf"),
    Element(f"{BLOCK}/PmtTpInf/LclInstrm/Cd", 1, 1, "CORE|B2B", within=f"{BLOCK}/PmtTpInf"),
    Element(f"{BLOCK}/PmtTpInf/SeqTp", 1, 1, "FRST|RCUR|OOFF|FNAL", within=f"{BLOCK}/PmtTpInf"),
)  # fmt: skip
_enter("SDD-104", "No UETR is used.", "DK GBIC_4 and GBIC_5", Element(f"{DEBIT}/PmtId/UETR", 0, 0))
_enter(
    "SDD-105", "An amount is in EUR, above zero, with at most nine digits before the dot and two after it.", EPC,
    Element(f"{DEBIT}/InstdAmt", 1, 1, r"(?=.*[1-9])\d{1,9}(\.\d{1,2})? Ccy=EUR"),
)  # fmt: skip
_enter(
    "SDD-106", "A debit names its mandate and the date of its signature.", EPC + " (AT-M001, AT-M003)",
    Element(f"{_MANDATE}/MndtId", 1, 1), Element(f"{_MANDATE}/DtOfSgntr", 1, 1),
)  # fmt: skip
_enter(
    "SDD-107", "No electronic signature, frequency, first or final date of the mandate is used.", EPC + "; DK GBIC_5",
    *(Element(f"{_MANDATE}/{name}", 0, 0) for name in ("ElctrncSgntr", "FrstColltnDt", "FnlColltnDt", "Frqcy", "Rsn")),
    Element(f"{_MANDATE}/TrckgDays", 0, 0),
)  # fmt: skip
_enter(
    "SDD-108", "An amendment is announced and described, or neither.", EPC,
    Element(f"{_MANDATE}/AmdmntInfDtls", 1, None, within=f"{_MANDATE}/AmdmntInd"),
    Element(f"{_MANDATE}/AmdmntInd", 1, 1, "true|1", within=f"{_MANDATE}/AmdmntInfDtls"),
)  # fmt: skip
_enter(
    "SDD-109", "SMNDA stands at the debtor's account, never at his bank, and alone.", "GBIC_5; the rule of November 2016",
    Element(f"{_MANDATE}/AmdmntInfDtls/OrgnlDbtrAgt", 0, None, "(?!SMNDA$).*"),
    Element(f"{_MANDATE}/AmdmntInfDtls/OrgnlDbtrAcct/Id/Othr/Id", 0, 1, "SMNDA"),
    Element(f"{_MANDATE}/AmdmntInfDtls/OrgnlDbtrAgt", 0, 0, within=f"{_MANDATE}/AmdmntInfDtls/OrgnlDbtrAcct/Id/Othr"),
)  # fmt: skip
RULES["SDD-110"] = Rule(
    "SDD-110", EPC, "message", _bank_named, "A bank is named by its BIC, or by NOTPROVIDED in Othr/Id, never by both or neither."
)
_enter(
    "SDD-111", "A creditor identifier says that it is a SEPA one.", EPC,
    *(Element(f"{path}/Id/PrvtId/Othr/Id", 1, 1, within=path) for path in _CREDITOR_IDS),
    *(Element(f"{path}/Id/PrvtId/Othr/SchmeNm/Prtry", 1, 1, "SEPA", within=path) for path in _CREDITOR_IDS),
)  # fmt: skip
_enter(
    "SDD-112", "A name has at most 70 characters, and the creditor and the debtor have one.", EPC,
    *(Element(f"{party}/Nm", 0, 1, ".{1,70}") for party in (*_PARTIES, f"{HEAD}/InitgPty")),
    Element(f"{BLOCK}/Cdtr/Nm", 1, 1), Element(f"{DEBIT}/Dbtr/Nm", 1, 1),
)  # fmt: skip
_enter(
    "SDD-113", "An address names its country, and has at most two lines of 70 characters.", "EPC153-22 v2.2",
    *(Element(f"{party}/PstlAdr/Ctry", 1, 1, within=f"{party}/PstlAdr") for party in _PARTIES),
    *(Element(f"{party}/PstlAdr/AdrLine", 0, 2, ".{1,70}") for party in _PARTIES),
)  # fmt: skip
_enter(
    "SDD-114", "Accounts are IBANs, and the debtor's has no currency.", EPC + "; DK GBIC_5",
    Element(f"{BLOCK}/CdtrAcct/Id/IBAN", 1, 1), Element(f"{DEBIT}/DbtrAcct/Id/IBAN", 1, 1),
    Element(f"{DEBIT}/DbtrAcct/Ccy", 0, 0),
)  # fmt: skip
_enter("SDD-115", "A purpose is a code.", EPC, Element(f"{DEBIT}/Purp/Prtry", 0, 0))
_enter("SDD-116", "There is one remittance text.", EPC, Element(f"{DEBIT}/RmtInf/Ustrd", 0, 1, ".{1,140}"))
RULES["SDD-117"] = Rule(
    "SDD-117", EPC, "message", partial(_either, one=f"{DEBIT}/RmtInf/Ustrd", other=f"{DEBIT}/RmtInf/Strd"),
    "A remittance is a text or a structured reference, never both.",
)  # fmt: skip
_enter(
    "SDD-118", "A structured reference is one, of the type SCOR.", EPC,
    Element(f"{DEBIT}/RmtInf/Strd/CdtrRefInf/Ref", 1, 1, within=f"{DEBIT}/RmtInf/Strd"),
    Element(f"{DEBIT}/RmtInf/Strd/CdtrRefInf/Tp/CdOrPrtry/Cd", 1, 1, "SCOR", within=f"{DEBIT}/RmtInf/Strd"),
)  # fmt: skip
_enter(
    "SDD-119", "Charges are shared (SLEV) where the file says anything about them.", EPC,
    Element(f"{BLOCK}/ChrgBr", 0, 1, "SLEV"), Element(f"{DEBIT}/ChrgBr", 0, 1, "SLEV"),
)  # fmt: skip
RULES["SDD-120"] = Rule("SDD-120", "DK Anlage 3 V26.11", "message", _not_blank, "No element is empty or filled with blanks only.")
_enter(
    "SDD-121", "No forwarding agent is named, and the initiator only by name.", "a German bank refused both",
    Element(f"{HEAD}/FwdgAgt", 0, 0), Element(f"{HEAD}/InitgPty/Id", 0, 0),
)  # fmt: skip
