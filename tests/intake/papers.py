"""Bank files as text, with nothing in them but what a test says: a statement of lines, a status report of statuses."""

from __future__ import annotations

from dataclasses import dataclass

from tests.steps.place import OWN_IBAN

CAMT = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
PAIN = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"


@dataclass(frozen=True, slots=True)
class Line:
    """A booked line; ``cents`` signed, ``more`` is XML after its code (NtryDtls ...)."""

    cents: int
    ref: str = ""
    on: str = "2026-11-20"
    value: str = "2026-11-20"
    more: str = ""


@dataclass(frozen=True, slots=True)
class Paper:
    """A statement of the place's own account; it adds up unless ``closes`` says otherwise. ``head`` is XML after its id."""

    lines: tuple[Line, ...]
    id: str = "S-1"
    sequence: int | None = 1
    opening: int = 100_000
    on: str = "2026-11-20"
    opened_on: str = "2026-11-20"
    head: str = ""
    kinds: tuple[str, str] = ("OPBD", "CLBD")  # of its two balances; ITBD between pages
    closes: int | None = None  # what it says to close with, where that is not what its lines make
    paper: int | None = None  # its number on paper

    @property
    def closing(self) -> int:
        return self.opening + sum(line.cents for line in self.lines) if self.closes is None else self.closes

    def xml(self) -> str:
        number = "" if self.sequence is None else f"<ElctrncSeqNb>{self.sequence}</ElctrncSeqNb>"
        number += "" if self.paper is None else f"<LglSeqNb>{self.paper}</LglSeqNb>"
        balances = _balance(self.kinds[0], self.opening, self.opened_on) + _balance(self.kinds[1], self.closing, self.on)
        account = f"<Acct><Id><IBAN>{OWN_IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>"
        lines = "".join(map(line_xml, self.lines))
        return f"<Stmt><Id>{self.id}</Id>{self.head}{number}{account}{balances}{lines}</Stmt>"


def camt(*papers: Paper, message: str = "M-1", paging: str = "") -> bytes:
    """A camt.053 of these statements; another ``message`` makes other bytes, ``paging`` is XML at the end of its head."""
    head = f"<GrpHdr><MsgId>{message}</MsgId><CreDtTm>2026-11-20T21:00:00Z</CreDtTm>{paging}</GrpHdr>"
    inside = "".join(paper.xml() for paper in papers)
    return f'<Document xmlns="{CAMT}"><BkToCstmrStmt>{head}{inside}</BkToCstmrStmt></Document>'.encode()


def advice(*lines: Line, kind: str = "camt.054", id: str = "N-1", head: str = "") -> bytes:
    """A camt.054 (or camt.052) of these lines, without balances, as most banks send it."""
    message, inside = {"camt.054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"), "camt.052": ("BkToCstmrAcctRpt", "Rpt")}[kind]
    group = f"<GrpHdr><MsgId>M-{id}</MsgId><CreDtTm>2026-11-20T21:00:00Z</CreDtTm></GrpHdr>"
    account = f"<CreDtTm>2026-11-20T21:00:00Z</CreDtTm>{head}<Acct><Id><IBAN>{OWN_IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>"
    body = f"<{inside}><Id>{id}</Id>{account}{''.join(map(line_xml, lines))}</{inside}>"
    return f'<Document xmlns="{CAMT.replace("camt.053", kind)}"><{message}>{group}{body}</{message}></Document>'.encode()


def details(*said: tuple[str, str], more: str = "") -> str:
    """One TxDtls for each (EndToEndId, amount in euros)."""
    found = (f'<TxDtls><Refs><EndToEndId>{e}</EndToEndId></Refs><Amt Ccy="EUR">{a}</Amt>{more}</TxDtls>' for e, a in said)
    return f"<NtryDtls>{''.join(found)}</NtryDtls>"


def pain002(about: str, inside: str, *, name: str = "pain.008.001.08", at: str = "2026-11-23T09:00:00+01:00") -> bytes:
    """A status report about the file ``about``; ``inside`` stands in OrgnlGrpInfAndSts."""
    head = f"<GrpHdr><MsgId>PSR-1</MsgId><CreDtTm>{at}</CreDtTm></GrpHdr>"
    group = f"<OrgnlMsgId>{about}</OrgnlMsgId><OrgnlMsgNmId>{name}</OrgnlMsgNmId>{inside}"
    report = f"<CstmrPmtStsRpt>{head}<OrgnlGrpInfAndSts>{group}</OrgnlGrpInfAndSts></CstmrPmtStsRpt>"
    return f'<Document xmlns="{PAIN}">{report}</Document>'.encode()


def reason(code: str) -> str:
    return f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>"


def _balance(kind: str, cents: int, on: str) -> str:
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{_euros(cents)}</Amt>'
        f"<CdtDbtInd>{_side(cents)}</CdtDbtInd><Dt><Dt>{on}</Dt></Dt></Bal>"
    )


def line_xml(line: Line) -> str:
    ref = f"<AcctSvcrRef>{line.ref}</AcctSvcrRef>" if line.ref else ""
    return (
        f'<Ntry><Amt Ccy="EUR">{_euros(line.cents)}</Amt><CdtDbtInd>{_side(line.cents)}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><Dt>{line.on}</Dt></BookgDt><ValDt><Dt>{line.value}</Dt></ValDt>{ref}<BkTxCd/>{line.more}</Ntry>"
    )


def _euros(cents: int) -> str:
    return f"{abs(cents) // 100}.{abs(cents) % 100:02}"


def _side(cents: int) -> str:
    return "CRDT" if cents >= 0 else "DBIT"
