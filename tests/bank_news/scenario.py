"""What a bank really did with our debits, what its files say of it, and what the books must then hold. Pure.

Standard library only. Shares no code with the product and none with its simulated bank: signs, sums and XML are written here a
second time, so that an error must be made twice to pass. A day on which an account does not move has no statement.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

#: days of the story: reports before booking, credits, returns and reject debits, credited again, returned again
REPORT, CREDIT, BACK, AGAIN, TWICE = "2026-11-24", "2026-11-27", "2026-11-30", "2026-12-01", "2026-12-02"
STATEMENT_DAYS = (CREDIT, BACK, AGAIN, TWICE)
FATES = ("paid", "rejected", "rejected late", "returned", "credited again", "returned twice")
BOOKINGS = ("singly", "listed", "net", "gross", "nothing yet")
FEE_SHAPES = ("none", "stated", "silent", "beside")
XSD = "urn:iso:std:iso:20022:tech:xsd:"


@dataclass(frozen=True, slots=True)
class Asked:
    """A debit that we asked for."""

    name: str
    cents: int
    invoice: str
    file: str
    block: str


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one debit. ``fee_cents`` is what each return of it cost."""

    what: str = "paid"
    fee_shape: str = "none"
    fee_cents: int = 0


@dataclass(frozen=True, slots=True)
class Extra:
    """A line that is about no debit of ours: "fee" (cents < 0), "stranger" (either sign), "pending" (never booked)."""

    account: str
    day: str
    kind: str
    cents: int


@dataclass(frozen=True, slots=True)
class Part:
    """A TxDtls: a debit, the amount that the bank gives, and what it says beside it."""

    debit: Asked
    cents: int
    fee_cents: int = 0
    shape: str = "none"
    back: bool = False


@dataclass(frozen=True, slots=True)
class Booked:
    """A line of an account. ``batch`` is (file, block, count) of a lump sum without details."""

    kind: str
    cents: int
    parts: tuple[Part, ...] = ()
    batch: tuple[str, str, int] | None = None
    pending: bool = False


@dataclass(frozen=True, repr=False)
class Scenario:
    """The whole story of one world. ``fates`` by EndToEndId, ``bookings`` by PmtInfId, ``openings`` by account."""

    asked: tuple[Asked, ...]
    fates: dict[str, Fate]
    bookings: dict[str, str]
    openings: dict[str, int]
    ibans: dict[str, str] = field(repr=False)
    extras: tuple[Extra, ...] = ()
    returns_together: bool = False

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # how hypothesis prints a value
        printer.text(self.told())

    def told(self) -> str:
        """The story in words, for a person who must find out why the books differ from it."""
        lines = [f"accounts open with {self.openings}; returns come {'together' if self.returns_together else 'one by one'}"]
        for block, debits in self._blocks():
            lines.append(f"block {block} is booked {self.bookings[block]}:")
            for one in debits:
                fate = self.fates[one.name]
                fee = f", fee {fate.fee_cents} {fate.fee_shape}" if fate.fee_shape != "none" else ""
                lines.append(f"  {one.name} {one.cents}: {self.fate(one)}{fee}")
        lines += [f"{one.day} {one.account}: {one.kind} {one.cents}" for one in self.extras]
        return "\n".join(lines)

    def fate(self, one: Asked) -> str:
        """What became of a debit; in a block of which nothing was booked yet, it is on its way or rejected."""
        what = self.fates[one.name].what
        if self.bookings[one.block] == "nothing yet":
            return "rejected" if what.startswith("rejected") else "on its way"
        return what

    def lines(self, account: str, day: str) -> list[Booked]:
        """What the bank booked on an account on a day."""
        found = [_extra(one) for one in self.extras if (one.account, one.day) == (account, day)]
        if account == "main":
            for _, debits in self._blocks():
                found += list(self._credits(debits)) if day == CREDIT else []
            found += list(self._back(day))
            found += [
                Booked("credit", one.cents, (Part(one, one.cents),))
                for one in self.asked
                if day == AGAIN and self.fate(one) in ("credited again", "returned twice")
            ]
        return found

    def _blocks(self) -> list[tuple[str, list[Asked]]]:
        blocks: dict[str, list[Asked]] = defaultdict(list)
        for one in self.asked:
            blocks[one.block].append(one)
        return list(blocks.items())

    def _credits(self, debits: Sequence[Asked]) -> Iterator[Booked]:
        """A reject is known to the bank before it books; only a gross lump sum holds it all the same."""
        how = self.bookings[debits[0].block]
        good = [one for one in debits if self.fate(one) != "rejected"]
        held = list(debits) if how == "gross" else good
        total = sum(one.cents for one in held)
        if how == "nothing yet" or not held:
            return
        if how == "singly":
            yield from (Booked("credit", one.cents, (Part(one, one.cents),)) for one in good)
        elif how == "listed":
            yield Booked("batch", total, tuple(Part(one, one.cents) for one in held))
        else:
            yield Booked("batch", total, (), (debits[0].file, debits[0].block, len(held)))

    def _back(self, day: str) -> Iterator[Booked]:
        """What leaves the account again: rejects that were credited, returns, and their fees."""
        gone: list[Part] = []
        for one in self.asked:
            what, fate = self.fate(one), self.fates[one.name]
            credited_all_the_same = what == "rejected late" or (what == "rejected" and self.bookings[one.block] == "gross")
            if day == BACK and credited_all_the_same:
                gone.append(Part(one, -one.cents, back=True))
            elif (day == BACK and what in ("returned", "credited again", "returned twice")) or (
                day == TWICE and what == "returned twice"
            ):
                inside = fate.fee_cents if fate.fee_shape in ("stated", "silent") else 0
                gone.append(Part(one, -one.cents - inside, fate.fee_cents, fate.fee_shape, back=True))
        if self.returns_together and gone:
            yield Booked("return", sum(part.cents for part in gone), tuple(gone))
        else:
            yield from (Booked("return", part.cents, (part,)) for part in gone)
        yield from (Booked("fee", -part.fee_cents) for part in gone if part.shape == "beside")

    # ---- what the books must hold, added up from the story

    def expected(self) -> dict[str, object]:
        """Every balance, in cents: accounts by name, the others in total, and each invoice's parts."""
        lines = [(account, line) for account in self.openings for day in STATEMENT_DAYS for line in self.lines(account, day)]
        booked = [(account, line) for account, line in lines if not line.pending]
        strangers = [line.cents for _, line in booked if line.kind == "stranger"]
        invoices = {one.invoice: self._invoice(one) for one in self.asked}
        inside = sum(part.fee_cents for _, line in booked for part in line.parts if part.shape in ("stated", "silent"))
        return {
            "Bank": {
                account: self.closings(account)[-1] if self.days(account) else 0  # without a statement nothing is known of it
                for account in self.openings
            },
            "Suspense, credits": sum(cents for cents in strangers if cents > 0),
            "Suspense, debits": -sum(cents for cents in strangers if cents < 0),
            "Clearing": sum(one["in flight"] for one in invoices.values()),
            "Charges": inside - sum(line.cents for _, line in booked if line.kind == "fee"),
            "invoices": invoices,
        }

    def _invoice(self, one: Asked) -> dict[str, int]:
        """Money that stayed, what is on its way, what was given back; Receivable is what neither came nor is coming."""
        what = self.fate(one)
        paid = one.cents if what in ("paid", "credited again") else 0
        in_flight = one.cents if what == "on its way" else 0
        owed = one.cents - paid - in_flight
        return {"Receivable": owed, "paid": paid, "in flight": in_flight, "returned, open": owed}

    # ---- the files

    def statements(self) -> dict[str, bytes]:
        """One camt.053 for each account and day on which it moved, by file name."""
        files = {}
        for account, opening in self.openings.items():
            balance, before = opening, "2026-11-26"
            for number, day in enumerate(self.days(account), 1):
                lines = self.lines(account, day)
                closing = balance + sum(line.cents for line in lines if not line.pending)
                balances = _balance("OPBD", balance, before) + _balance("CLBD", closing, day)
                files[f"{account}-{day}.xml"] = _statement(account, self.ibans[account], number, day, balances, lines)
                balance, before = closing, day
        return files

    def days(self, account: str) -> list[str]:
        """The days on which an account moved."""
        return [day for day in STATEMENT_DAYS if any(not line.pending for line in self.lines(account, day))]

    def closings(self, account: str) -> list[int]:
        """The balance after each of these days."""
        balance, found = self.openings[account], []
        for day in self.days(account):
            balance += sum(line.cents for line in self.lines(account, day) if not line.pending)
            found.append(balance)
        return found

    def reports(self) -> dict[str, bytes]:
        """A pain.002 for each file before booking and, for late rejects, one on the day they are debited; by file name."""
        files = {}
        for file in dict.fromkeys(one.file for one in self.asked):
            early = {one.name for one in self.asked if one.file == file and self.fate(one) == "rejected"}
            late = {one.name for one in self.asked if one.file == file and self.fate(one) == "rejected late"}
            blocks = [(block, debits) for block, debits in self._blocks() if debits[0].file == file]
            files[f"report-{file}.xml"] = report(f"R1-{file}", REPORT, file, blocks, early)
            if late:
                files[f"late-{file}.xml"] = report(f"R2-{file}", BACK, file, blocks, late)
        return files


def same_in_other_bytes(body: bytes) -> bytes:
    """The same message with a comment behind it: another file by its hash, nothing new by what it says."""
    return body + b"<!-- sent again -->\n"


def copy_report(file: str) -> bytes:
    """The bank says that it got this file twice (DUPL), and rejects the second, its blocks too."""
    inside = (
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{file}</OrgnlMsgId><OrgnlMsgNmId>pain.008.001.08</OrgnlMsgNmId>"
        f"<GrpSts>RJCT</GrpSts>{_because('DUPL')}</OrgnlGrpInfAndSts>"
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{file}-001</OrgnlPmtInfId><PmtInfSts>RJCT</PmtInfSts></OrgnlPmtInfAndSts>"
    )
    return _pain002(f"D-{file}", REPORT, inside)


def stray_report(file: str, block: str) -> bytes:
    """A report that rejects a debit which never stood in the file."""
    inside = (
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{file}</OrgnlMsgId><OrgnlMsgNmId>pain.008.001.08</OrgnlMsgNmId></OrgnlGrpInfAndSts>"
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{block}</OrgnlPmtInfId>{_rejected('NOBODY-1', 'AC01')}</OrgnlPmtInfAndSts>"
    )
    return _pain002(f"S-{file}", REPORT, inside)


def statement(iban: str, number: int, day: str, opening: int, lines: Sequence[Booked]) -> bytes:
    """A camt.053 of one account and day; ``opening`` in cents."""
    balances = _balance("OPBD", opening, day) + _balance("CLBD", opening + sum(line.cents for line in lines), day)
    return _statement("main", iban, number, day, balances, lines)


def _extra(one: Extra) -> Booked:
    return Booked(one.kind, one.cents, pending=one.kind == "pending")


def report(name: str, day: str, file: str, blocks: Sequence[tuple[str, Sequence[Asked]]], rejected: set[str]) -> bytes:
    """A reject explains itself at one level: the whole file, a whole block, or the debit."""
    everyone = {one.name for _, debits in blocks for one in debits}
    group, inside = "", ""
    if rejected == everyone:
        group = f"<GrpSts>RJCT</GrpSts>{_because('FF01')}"
    else:
        group = "<GrpSts>PART</GrpSts>" if rejected else "<GrpSts>ACCP</GrpSts>"
        for block, debits in blocks:
            bad = [one for one in debits if one.name in rejected]
            status = _because("AG01") if len(bad) == len(debits) else "".join(_rejected(one.name, "AC04") for one in bad)
            word = f"<PmtInfSts>{'RJCT' if len(bad) == len(debits) else 'PART'}</PmtInfSts>"
            if bad:
                inside += f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{block}</OrgnlPmtInfId>{word}{status}</OrgnlPmtInfAndSts>"
    original = f"<OrgnlMsgId>{file}</OrgnlMsgId><OrgnlMsgNmId>pain.008.001.08</OrgnlMsgNmId>{group}"
    return _pain002(name, day, f"<OrgnlGrpInfAndSts>{original}</OrgnlGrpInfAndSts>{inside}")


def _rejected(name: str, code: str) -> str:
    return f"<TxInfAndSts><OrgnlEndToEndId>{name}</OrgnlEndToEndId><TxSts>RJCT</TxSts>{_because(code)}</TxInfAndSts>"


def _because(code: str) -> str:
    return f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>"


def _pain002(name: str, day: str, inside: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{XSD}pain.002.001.10"><CstmrPmtStsRpt>'
        f"<GrpHdr><MsgId>{name}</MsgId><CreDtTm>{day}T08:00:00+01:00</CreDtTm></GrpHdr>{inside}</CstmrPmtStsRpt></Document>\n"
    ).encode()


def _statement(account: str, iban: str, number: int, day: str, balances: str, lines: Sequence[Booked]) -> bytes:
    entries = "\n".join(_entry(line, day, f"{account}{number}{n:04d}") for n, line in enumerate(lines))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{XSD}camt.053.001.08"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>M-{account}-{number}</MsgId><CreDtTm>{day}T21:00:00+01:00</CreDtTm></GrpHdr>"
        f"<Stmt><Id>{account}-{day}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb><CreDtTm>{day}T21:00:00+01:00</CreDtTm>"
        f"<Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>EUR</Ccy></Acct>{balances}\n{entries}\n</Stmt></BkToCstmrStmt></Document>\n"
    ).encode()


def _balance(kind: str, cents: int, day: str) -> str:
    return f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{_signed(cents)}<Dt><Dt>{day}</Dt></Dt></Bal>"


def _signed(cents: int) -> str:
    return f"{_amount('Amt', cents)}<CdtDbtInd>{'DBIT' if cents < 0 else 'CRDT'}</CdtDbtInd>"


def _amount(tag: str, cents: int) -> str:
    return f'<{tag} Ccy="EUR">{abs(cents) // 100}.{abs(cents) % 100:02d}</{tag}>'


CODES = {
    "credit": ("IDDT", "ESDD", "NMSC+171+0001"),
    "batch": ("IDDT", "ESDD", "NMSC+192+0001"),
    "return": ("IDDT", "UPDD", "NRTI+109+0002"),
    "fee": ("OTHR", "CHRG", "NCHG+808+0003"),
    "stranger": ("RCDT", "ESCT", "NTRF+166+0004"),
    "pending": ("RCDT", "ESCT", "NTRF+166+0004"),
}


def _entry(line: Booked, day: str, reference: str) -> str:
    family, sub, own = CODES[line.kind]
    inside = "".join(_detail(part) for part in line.parts)
    if line.batch:
        file, block, count = line.batch
        inside = f"<Btch><MsgId>{file}</MsgId><PmtInfId>{block}</PmtInfId><NbOfTxs>{count}</NbOfTxs></Btch>"
    if line.kind in ("stranger", "pending"):
        inside = "<TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><RmtInf><Ustrd>Danke</Ustrd></RmtInf></TxDtls>"
    return (
        f"<Ntry>{_signed(line.cents)}<Sts><Cd>{'PDNG' if line.pending else 'BOOK'}</Cd></Sts>"
        f"<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt><AcctSvcrRef>{reference}</AcctSvcrRef>"
        f"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>{sub}</SubFmlyCd></Fmly></Domn>"
        f"<Prtry><Cd>{own}</Cd><Issr>DK</Issr></Prtry></BkTxCd>{f'<NtryDtls>{inside}</NtryDtls>' if inside else ''}</Ntry>"
    )


def _detail(part: Part) -> str:
    original = f"<AmtDtls><InstdAmt>{_amount('Amt', part.debit.cents)}</InstdAmt></AmtDtls>" if part.shape == "stated" else ""
    record = f"<Rcrd>{_amount('Amt', part.fee_cents)}<CdtDbtInd>DBIT</CdtDbtInd><ChrgInclInd>true</ChrgInclInd></Rcrd>"
    charges = f"<Chrgs>{record}</Chrgs>" if part.shape == "stated" else ""
    returned = "<RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>" if part.back else ""
    refs = f"<Refs><PmtInfId>{part.debit.block}</PmtInfId><EndToEndId>{part.debit.name}</EndToEndId></Refs>"
    return f"<TxDtls>{refs}{_signed(part.cents)}{original}{charges}{returned}</TxDtls>"
