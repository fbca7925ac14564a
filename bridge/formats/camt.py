"""Bytes of a bank statement (ISO 20022 camt.052/053/054) to records, streaming, signs turned to the account owner's side.

Read by local name with the namespace checked: the versions differ in shape (a status as text or as code, charges flat or as
records, parties with or without a Pty level), and every shape is read in every version, because banks mix them. No database, no
network. What one entry says is read in camt_entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO
from zoneinfo import ZoneInfo

from lxml import etree

from bridge.errors import BadInput
from bridge.formats import camt_entry, safe_xml
from bridge.formats.safe_xml import find, find_all, need, text
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


@dataclass(slots=True)
class _Progress:
    """Where the reading stands: the open statement, and the details of the open entry."""

    shape: _Shape
    namespace: str
    zone: ZoneInfo
    group: etree._Element | None = None
    statements: int = 0
    entries: int = 0
    announced: bool = False
    begun: camt_entry.Beginning | None = None
    details: list[EntryDetail] = field(default_factory=list)

    def beginning(self, entry: etree._Element) -> camt_entry.Beginning:
        """What the open entry says before its details; read when the first of them, or its end, asks for it."""
        if self.begun is None:
            self.begun = camt_entry.beginning(entry)
        return self.begun


def read(
    stream: IO[bytes], *, zone: ZoneInfo = _BERLIN, size_max: int = safe_xml.SIZE_MAX
) -> Iterator[StatementHead | StatementEntry]:
    """Yield each statement's head, then its entries one by one while the file is parsed.

    ``zone`` is for a time without an offset. A currency other than EUR is kept as data. Raises BadInput, possibly after entries
    were yielded: store nothing before the end.
    """
    tags = {"GrpHdr", "Ntry", "TxDtls", *(shape.statement for shape in _SHAPES)}
    now: _Progress | None = None
    for event, element in safe_xml.open_events(stream, tags=tags, known=READERS, size_max=size_max):
        namespace, _, name = element.tag[1:].partition("}")
        now = now or _Progress(READERS[namespace], namespace, zone)
        yield from _step(now, event, name, element)
    if now is None or not now.statements:
        raise BadInput("The file holds no statement")


def _step(now: _Progress, event: str, name: str, element: etree._Element) -> Iterator[StatementHead | StatementEntry]:
    if name == "Ntry":
        _stands_in(element, now.shape.statement)
        yield from _open_entry(now, element) if event == "start" else _close_entry(now, element)
    elif event == "start":
        return
    elif name == "TxDtls":
        _stands_in(element, "NtryDtls")
        now.details.append(camt_entry.detail(element, now.beginning(_parent(_parent(element))), ordinal=len(now.details)))
        safe_xml.drop(element)
    elif name == now.shape.statement:
        _stands_in(element, now.shape.container)
        yield from _close_statement(now, element)
    elif name == "GrpHdr":
        now.group = element


def _open_entry(now: _Progress, element: etree._Element) -> Iterator[StatementHead]:
    if not now.announced:
        now.announced = True
        yield _head(now, _parent(element))


def _close_entry(now: _Progress, element: etree._Element) -> Iterator[StatementEntry]:
    begun, details = now.beginning(element), tuple(now.details)
    yield camt_entry.entry(element, begun, details, statement=now.statements, ordinal=now.entries)
    now.entries += 1
    now.begun, now.details = None, []
    safe_xml.drop(element)


def _close_statement(now: _Progress, element: etree._Element) -> Iterator[StatementHead]:
    if not now.announced:
        yield _head(now, element)
    elif _balance_after_entries(element):
        raise BadInput(f"A balance after the entries of the statement that begins at line {element.sourceline}")
    now.statements, now.entries, now.announced = now.statements + 1, 0, False
    safe_xml.drop(element)


def _head(now: _Progress, statement: etree._Element) -> StatementHead:
    opening, closing, opening_kind = _balances(statement)
    if now.group is None:
        raise BadInput("The file has no GrpHdr")
    account, sequence = find(statement, "Acct"), text(statement, "ElctrncSeqNb")
    paging = find(statement, now.shape.paging)
    paging = paging if paging is not None else find(now.group, "MsgPgntn")
    iban = text(account, "Id/IBAN")
    return StatementHead(
        kind=now.shape.kind,
        namespace=now.namespace,
        ordinal=now.statements,
        message_id=need(now.group, "MsgId"),
        statement_id=need(statement, "Id"),
        sequence=camt_entry.count(sequence, "ElctrncSeqNb"),
        created_at=safe_xml.instant(find(statement, "CreDtTm"), now.zone),
        from_at=safe_xml.instant(find(statement, "FrToDt/FrDtTm"), now.zone),
        to_at=safe_xml.instant(find(statement, "FrToDt/ToDtTm"), now.zone),
        iban=camt_entry.compact(iban),
        account_other=text(account, "Id/Othr/Id") if iban is None else None,
        currency=_currency(account, statement),
        opening_cents=camt_entry.signed(opening),
        opening_kind=opening_kind,
        opening_on=safe_xml.day(find(opening, "Dt")),
        closing_cents=camt_entry.signed(closing),
        closing_on=safe_xml.day(find(closing, "Dt")),
        copy=text(statement, "CpyDplctInd"),
        page=camt_entry.count(text(paging, "PgNb"), "PgNb"),
        last_page=camt_entry.flag(text(paging, "LastPgInd")),
    )


def _balances(statement: etree._Element) -> tuple[etree._Element | None, etree._Element | None, str | None]:
    """Return the opening and the closing balance, and which kind the opening is: OPBD, else PRCD.

    ITBD and a sub-type INTM are the balances between two pages, neither the day's beginning nor its end.
    """
    found: dict[str, etree._Element] = {}
    for balance in find_all(statement, "Bal"):
        kind = text(balance, "Tp/CdOrPrtry/Cd")
        if kind not in ("OPBD", "PRCD", "CLBD") or text(balance, "Tp/SubTp/Cd") == "INTM":
            continue
        if kind in found and camt_entry.signed(found[kind]) != camt_entry.signed(balance):
            raise BadInput(f"Two balances {kind} in one statement that differ (line {balance.sourceline})")
        found.setdefault(kind, balance)
    opening_kind = "OPBD" if "OPBD" in found else "PRCD" if "PRCD" in found else None
    return found.get(opening_kind or ""), found.get("CLBD"), opening_kind


def _currency(account: etree._Element | None, statement: etree._Element) -> str | None:
    """Return the account's currency; balances in another one are refused, because a head has one."""
    stated = text(account, "Ccy")
    for balance in find_all(statement, "Bal"):
        amount = find(balance, "Amt")
        of_balance = amount.get("Ccy") if amount is not None else None
        stated = stated or of_balance
        if of_balance != stated:
            raise BadInput(f"The balance at line {balance.sourceline} is in another currency than its account")
    return stated


def _balance_after_entries(statement: etree._Element) -> bool:
    seen_entry = False
    for child in statement:
        local = etree.QName(child).localname
        seen_entry = seen_entry or local == "Ntry"
        if seen_entry and local == "Bal":
            return True
    return False


def _parent(element: etree._Element) -> etree._Element:
    parent = element.getparent()
    assert parent is not None, "only the root has no parent, and the root is Document"
    return parent


def _stands_in(element: etree._Element, parent: str) -> None:
    found = _parent(element).tag.rpartition("}")[2]
    if found != parent:
        raise BadInput(f"{etree.QName(element).localname} at line {element.sourceline} stands in {found}, not in {parent}")
