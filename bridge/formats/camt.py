"""Bytes of a bank statement (ISO 20022 camt.052/053/054) to records, streaming, signs turned to the account owner's side.

Read by local name with the namespace checked: the versions differ in shape (a status as text or as code, charges flat or as
records, parties with or without a Pty level), and every shape is read in every version, because banks mix them. No database, no
network. What one entry says is read in camt_entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO
from zoneinfo import ZoneInfo

from bridge.errors import BadInput
from bridge.formats import camt_entry, safe_xml, xml_pieces
from bridge.formats.xml_pieces import Piece, Told, first, groups, need, words
from bridge.records.camt import EntryDetail, StatementEntry, StatementHead

_BERLIN = ZoneInfo("Europe/Berlin")


@dataclass(frozen=True, slots=True)
class _Shape:
    """What one message calls its statements."""

    kind: str
    container: str
    statement: str
    paging: str


_SHAPES = (
    _Shape("camt.052", "BkToCstmrAcctRpt", "Rpt", "RptPgntn"),
    _Shape("camt.053", "BkToCstmrStmt", "Stmt", "StmtPgntn"),
    _Shape("camt.054", "BkToCstmrDbtCdtNtfctn", "Ntfctn", "NtfctnPgntn"),
)
# .02 and .08 are what banks send (sepa.md 1); the others were met in the wild or are ISO's newer ones, and differ in nothing that
# is read here: each element is read in every shape that any version gives it.
VERSIONS = ("02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14")
READERS: dict[str, _Shape] = {
    f"urn:iso:std:iso:20022:tech:xsd:{shape.kind}.001.{version}": shape for shape in _SHAPES for version in VERSIONS
}
"""One entry for each namespace."""


_PIECES = frozenset({"GrpHdr", "Ntry", "TxDtls", *(shape.statement for shape in _SHAPES)})
_GROUPS = frozenset({"Bal", "Btch", "Chrgs", "Rcrd", "RtrInf", "Strd"})


def read(
    stream: IO[bytes], *, zone: ZoneInfo = _BERLIN, size_max: int = safe_xml.SIZE_MAX
) -> Iterator[StatementHead | StatementEntry]:
    """Yield each statement's head, then its entries one by one while the file is parsed.

    ``zone`` is for a time without an offset. A currency other than EUR is kept as data. Raises BadInput, possibly after entries
    were yielded: store nothing before the end.
    """
    statements = 0
    for reading in xml_pieces.hear(
        stream,
        lambda namespace: _Reading(namespace, zone),
        pieces=_PIECES,
        groups=_GROUPS,
        known=READERS,
        size_max=size_max,
    ):
        yield from reading.found
        reading.found.clear()
        statements = reading.statements
    if not statements:
        raise BadInput("The file holds no statement")


class _Reading:
    """Where the reading stands: the open statement, the details of the open entry, and the records that nobody has fetched."""

    def __init__(self, namespace: str, zone: ZoneInfo) -> None:
        self.found: list[StatementHead | StatementEntry] = []
        self.statements = 0
        self._namespace, self._zone, self._shape = namespace, zone, READERS[namespace]
        self._group: Piece | None = None
        self._balances: int | None = None  # of the open statement, once its head was read
        self._entries = 0
        self._begun: camt_entry.Beginning | None = None
        self._details: list[EntryDetail] = []

    def opened(self, pieces: list[Piece]) -> None:
        """A statement's head is read when its first entry begins."""
        piece = pieces[-1]
        if piece.name == "Ntry":
            _stands_in(pieces, self._shape.statement, 2)
            if self._balances is None:
                self._read_head(pieces[-2])
        elif piece.name == "TxDtls":
            _stands_in(pieces, "NtryDtls", 3)
        elif piece.name == self._shape.statement:
            _stands_in(pieces, self._shape.container, 1)

    def closed(self, pieces: list[Piece]) -> None:
        """All that a piece says stands in its tree when it has ended."""
        piece = pieces[-1]
        if piece.name == "TxDtls":
            self._read_detail(piece, pieces[-2])
        elif piece.name == "Ntry":
            self._read_entry(piece)
        elif piece.name == "GrpHdr":
            self._group = piece
        elif piece.name == self._shape.statement:
            self._end_statement(piece)

    def _read_head(self, statement: Piece) -> None:
        self._balances = len(groups(statement.told, "Bal"))
        if self._group is None:
            raise BadInput("The file has no GrpHdr")
        self.found.append(_head(statement, self._group, self._namespace, self._zone, ordinal=self.statements))

    def _beginning(self, entry: Piece) -> camt_entry.Beginning:
        """What the open entry says before its details; read when the first of them, or its end, asks for it."""
        if self._begun is None:
            self._begun = camt_entry.beginning(entry)
        return self._begun

    def _read_detail(self, piece: Piece, entry: Piece) -> None:
        self._details.append(camt_entry.detail(piece, self._beginning(entry), ordinal=len(self._details)))

    def _read_entry(self, piece: Piece) -> None:
        begun, details = self._beginning(piece), tuple(self._details)
        self.found.append(camt_entry.entry(piece, begun, details, statement=self.statements, ordinal=self._entries))
        self._entries += 1
        self._begun, self._details = None, []

    def _end_statement(self, piece: Piece) -> None:
        if self._balances is None:
            self._read_head(piece)
        elif len(groups(piece.told, "Bal")) != self._balances:
            raise BadInput(f"A balance after the entries of the statement that begins at line {piece.line}")
        self.statements, self._entries, self._balances = self.statements + 1, 0, None


def _head(piece: Piece, group: Piece, namespace: str, zone: ZoneInfo, *, ordinal: int) -> StatementHead:
    told, line, shape = piece.told, piece.line, READERS[namespace]
    iban = words(told, "Acct/Id/IBAN")
    own = words(told, f"{shape.paging}/PgNb") is not None
    page, last_page = _paging(told, shape.paging) if own else _paging(group.told, "MsgPgntn")
    opening, closing, opening_kind, closing_kind = _balances(told, line, inner=last_page is False or (page or 1) > 1)
    return StatementHead(
        kind=shape.kind,
        namespace=namespace,
        ordinal=ordinal,
        message_id=need(group, "MsgId"),
        statement_id=need(piece, "Id"),
        sequence=camt_entry.count(words(told, "ElctrncSeqNb"), "ElctrncSeqNb"),
        created_at=xml_pieces.instant(told, "CreDtTm", line=line, zone=zone),
        from_at=xml_pieces.instant(told, "FrToDt/FrDtTm", line=line, zone=zone),
        to_at=xml_pieces.instant(told, "FrToDt/ToDtTm", line=line, zone=zone),
        iban=camt_entry.compact(iban),
        account_other=words(told, "Acct/Id/Othr/Id") if iban is None else None,
        currency=_currency(told, line),
        opening_cents=_signed(opening, line),
        opening_kind=opening_kind,
        opening_on=None if opening is None else xml_pieces.day(opening, "Dt", line),
        closing_cents=_signed(closing, line),
        closing_on=None if closing is None else xml_pieces.day(closing, "Dt", line),
        copy=words(told, "CpyDplctInd"),
        page=page,
        last_page=last_page,
        servicer_bic=camt_entry.agent_bic(told, ("Acct/Svcr",)),
        closing_kind=closing_kind,
        paper_number=_paper_number(words(told, "LglSeqNb")),
        pages_of_file=page is not None and not own,
    )


def _paging(told: Told, name: str) -> tuple[int | None, bool | None]:
    """Return the number of the page, and whether it is the last."""
    return camt_entry.count(words(told, f"{name}/PgNb"), "PgNb"), camt_entry.flag(words(told, f"{name}/LastPgInd"))


def _paper_number(written: str | None) -> int | None:
    """Return the number of the statement on paper; what is no plain number says nothing, and is no fault of the file."""
    return int(written) if written is not None and re.fullmatch("[0-9]{1,18}", written) else None


def _balances(told: Told, line: int, *, inner: bool) -> tuple[Told | None, Told | None, str | None, str | None]:
    """Return the opening and the closing balance, and which kind each is: OPBD, else PRCD, and CLBD.

    ITBD and a sub-type INTM are the balances between two pages, neither the day's beginning nor its end; where the statement is a
    page of several (``inner``) they are the page's.
    """
    opening, closing, kind = _of_the_day(told, line)
    if inner and opening is None:
        opening = next((one for one in groups(told, "Bal") if _between(one, "OPBD")), None)
        kind = None if opening is None else "ITBD"
    closing_kind = None if closing is None else "CLBD"
    if inner and closing is None:
        closing = next((one for one in reversed(groups(told, "Bal")) if _between(one, "CLBD")), None)
        closing_kind = None if closing is None else "ITBD"
    return opening, closing, kind, closing_kind


def _between(balance: Told, kind: str) -> bool:
    """Whether it is a balance between two pages, told as ITBD or as an interim one of this kind."""
    of = words(balance, "Tp/CdOrPrtry/Cd")
    return of == "ITBD" or (of == kind and words(balance, "Tp/SubTp/Cd") == "INTM")


def _of_the_day(told: Told, line: int) -> tuple[Told | None, Told | None, str | None]:
    found: dict[str, Told] = {}
    for balance in groups(told, "Bal"):
        kind = words(balance, "Tp/CdOrPrtry/Cd")
        if kind not in ("OPBD", "PRCD", "CLBD") or words(balance, "Tp/SubTp/Cd") == "INTM":
            continue
        if kind in found and _signed(found[kind], line) != _signed(balance, line):
            raise BadInput(f"Two balances {kind} in one statement that differ (line {line})")
        found.setdefault(kind, balance)
    opening_kind = "OPBD" if "OPBD" in found else "PRCD" if "PRCD" in found else None
    return found.get(opening_kind or ""), found.get("CLBD"), opening_kind


def _signed(balance: Told | None, line: int) -> int | None:
    """Return a balance with its sign in cents; None for none. BadInput where amount or sign is missing."""
    if balance is None:
        return None
    return camt_entry.sign(words(balance, "CdtDbtInd"), line) * xml_pieces.cents(first(balance, "Amt"), "Amt", line)


def _currency(told: Told, line: int) -> str | None:
    """Return the account's currency; balances in another one are refused, because a head has one."""
    stated = words(told, "Acct/Ccy")
    for balance in groups(told, "Bal"):
        of_balance = xml_pieces.mark(first(balance, "Amt"), "Ccy")
        stated = stated or of_balance
        if of_balance != stated:
            raise BadInput(f"A balance of the statement at line {line} is in another currency than its account")
    return stated


def _stands_in(pieces: list[Piece], parent: str, level: int) -> None:
    """Detail in entry in statement, and nothing around that: a statement inside an entry would take its details."""
    piece = pieces[-1]
    if piece.within != parent:
        raise BadInput(f"{piece.name} at line {piece.line} stands in {piece.within}, not in {parent}")
    if len(pieces) != level:
        raise BadInput(f"{piece.name} at line {piece.line} stands inside the {pieces[0].name} of line {pieces[0].line}")
