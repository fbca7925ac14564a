"""Bank statements as records: signs, balances, dates, details, fees, returns."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bridge.errors import BadInput
from bridge.formats import camt
from bridge.records.camt import BatchReference, Charge, EntryDetail, StatementEntry, StatementHead
from tests.testdata import TESTDATA

ROOTS = {
    "camt.052": ("BkToCstmrAcctRpt", "Rpt"),
    "camt.053": ("BkToCstmrStmt", "Stmt"),
    "camt.054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}
ACCOUNT = "<Acct><Id><IBAN>DE02 1203 0000 0000 2020 51</IBAN></Id><Ccy>EUR</Ccy></Acct>"
CODES_RETURN = "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>IDDT</Cd><SubFmlyCd>UPDD</SubFmlyCd></Fmly></Domn></BkTxCd>"


def balance(kind: str, amount: str, sign: str = "CRDT", *, on: str = "2026-12-10", sub: str = "", currency: str = "EUR") -> str:
    sub_type = f"<SubTp><Cd>{sub}</Cd></SubTp>" if sub else ""
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry>{sub_type}</Tp><Amt Ccy="{currency}">{amount}</Amt>'
        f"<CdtDbtInd>{sign}</CdtDbtInd><Dt><Dt>{on}</Dt></Dt></Bal>"
    )


def ntry(
    amount: str = "100.00", sign: str = "CRDT", *, status: str = "<Sts><Cd>BOOK</Cd></Sts>", more: str = "", currency: str = "EUR"
) -> str:
    return f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd>{status}{more}</Ntry>'


def txs(*details: str, batch: str = "") -> str:
    return f"<NtryDtls>{batch}{''.join(f'<TxDtls>{detail}</TxDtls>' for detail in details)}</NtryDtls>"


def statement(*entries: str, head: str = ACCOUNT) -> str:
    return f"<Stmt><Id>S-1</Id>{head}{''.join(entries)}</Stmt>"


def file(*statements: str, namespace: str = "camt.053.001.08", paging: str = "") -> bytes:
    container, name = ROOTS[namespace[:8]]
    inside = "".join(statements).replace("Stmt>", f"{name}>")
    return (
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{namespace}"><{container}><GrpHdr><MsgId>M-1</MsgId>'
        f"<CreDtTm>2026-12-10T21:00:00Z</CreDtTm>{paging}</GrpHdr>{inside}</{container}></Document>"
    ).encode()


def records(xml: bytes, **more: Any) -> list[Any]:
    return list(camt.read(io.BytesIO(xml), **more))


def only_entry(*entries: str, **more: Any) -> StatementEntry:
    (entry,) = [record for record in records(file(statement(*entries), **more)) if isinstance(record, StatementEntry)]
    return entry


def only_detail(detail: str, **more: Any) -> EntryDetail:
    (found,) = only_entry(ntry(**more, more=txs(detail))).details
    return found


def head_of(head: str, **more: Any) -> StatementHead:
    (found,) = records(file(statement(head=ACCOUNT + head), **more))
    assert isinstance(found, StatementHead)
    return found


# --- signs and states ---


@pytest.mark.parametrize(("sign", "cents"), [("CRDT", 10000), ("DBIT", -10000)])
@pytest.mark.parametrize("reversal", ["", "<RvslInd>true</RvslInd>", "<RvslInd>false</RvslInd>", "<RvslInd>1</RvslInd>"])
def test_the_indicator_gives_the_sign_and_a_reversal_does_not_flip_it(sign: str, cents: int, reversal: str) -> None:
    """CdtDbtInd decides alone; RvslInd is kept beside it."""
    entry = only_entry(ntry(sign=sign, more=reversal))

    assert entry.amount_cents == cents
    assert entry.reversal is (reversal in ("<RvslInd>true</RvslInd>", "<RvslInd>1</RvslInd>"))


@pytest.mark.parametrize(
    ("written", "status"),
    [
        ("<Sts>BOOK</Sts>", "BOOK"),
        ("<Sts><Cd>BOOK</Cd></Sts>", "BOOK"),
        ("<Sts><Cd>PDNG</Cd></Sts>", "PDNG"),
        ("<Sts>INFO</Sts>", "INFO"),
        ("<Sts><Prtry>vorgemerkt</Prtry></Sts>", "vorgemerkt"),
    ],
)
@pytest.mark.parametrize("namespace", ["camt.053.001.02", "camt.053.001.08"])
def test_a_status_is_read_in_both_shapes_in_both_versions(written: str, status: str, namespace: str) -> None:
    """Banks put the old shape into the new version (real file: konfipay); the code is kept as it is."""
    assert only_entry(ntry(status=written), namespace=namespace).status == status


@pytest.mark.parametrize("broken", ["<Sts/>", "<Sts><Cd/></Sts>", ""])
def test_an_entry_without_status_is_refused(broken: str) -> None:
    """No status is not BOOK."""
    with pytest.raises(BadInput):
        only_entry(ntry(status=broken))


@pytest.mark.parametrize("sign", ["", "C", "crdt"])
def test_an_entry_without_sign_is_refused(sign: str) -> None:
    """No indicator is not CRDT."""
    with pytest.raises(BadInput, match="CdtDbtInd"):
        only_entry(ntry(sign=sign))


def test_a_foreign_currency_is_kept_as_data() -> None:
    """Refusing a currency is the caller's decision."""
    assert only_entry(ntry(currency="CHF")).currency == "CHF"


def test_an_amount_without_currency_is_refused() -> None:
    """Without Ccy nobody knows what was booked."""
    with pytest.raises(BadInput, match="currency"):
        only_entry(ntry().replace(' Ccy="EUR"', ""))


# --- dates ---


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("<Dt>2026-12-10</Dt>", date(2026, 12, 10)),
        ("<Dt>2026-12-10Z</Dt>", date(2026, 12, 10)),
        ("<Dt>2026-12-10+01:00</Dt>", date(2026, 12, 10)),
        ("<DtTm>2026-12-10T23:59:59.123456789-05:00</DtTm>", date(2026, 12, 10)),
        ("<DtTm>2026-12-10T24:00:00</DtTm>", date(2026, 12, 10)),
    ],
)
def test_booking_and_value_day_are_the_days_the_bank_wrote(written: str, day: date) -> None:
    """Dt and DtTm are a choice; no zone is applied, and the midnight that ends a day belongs to it."""
    entry = only_entry(ntry(more=f"<BookgDt>{written}</BookgDt><ValDt>{written}</ValDt>"))

    assert (entry.booked_on, entry.value_on) == (day, day)


def test_days_may_be_missing_but_not_wrong() -> None:
    """BookgDt and ValDt are 0..1; a 31st of November is an error."""
    assert only_entry(ntry()).booked_on is None
    for wrong in ("<Dt>2026-11-31</Dt>", "<Dt>20261110</Dt>", "<Dt/>", "<Foo>2026-11-10</Foo>", ""):
        with pytest.raises(BadInput):
            only_entry(ntry(more=f"<BookgDt>{wrong}</BookgDt>"))


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-12-10T21:00:00+01:00", datetime(2026, 12, 10, 20, tzinfo=UTC)),
        ("2026-12-10T21:00:00.5Z", datetime(2026, 12, 10, 21, 0, 0, 500000, tzinfo=UTC)),
        ("2026-12-10T24:00:00+01:00", datetime(2026, 12, 10, 23, tzinfo=UTC)),
        ("2026-12-10T24:00:00", datetime(2026, 12, 10, 23, tzinfo=UTC)),
        ("2026-07-10T12:00:00", datetime(2026, 7, 10, 10, tzinfo=UTC)),
        ("2023-07-06T10:27:07.213294607Z", datetime(2023, 7, 6, 10, 27, 7, 213294, tzinfo=UTC)),
    ],
)
def test_instants_are_aware(written: str, instant: datetime) -> None:
    """24:00:00 is the next day's midnight; a time without offset is Berlin's, summer and winter."""
    read = head_of(f"<CreDtTm>{written}</CreDtTm>").created_at
    assert read is not None

    assert read == instant
    assert read.utcoffset() is not None


def test_another_zone_can_be_named() -> None:
    """A bank elsewhere writes its own local time."""
    (head,) = records(file(statement(head="<CreDtTm>2026-12-10T12:00:00</CreDtTm>")), zone=ZoneInfo("Europe/Lisbon"))
    assert head.created_at == datetime(2026, 12, 10, 12, tzinfo=UTC)


def test_a_wrong_instant_is_refused() -> None:
    """A time that is none is an error."""
    for wrong in ("", "yesterday", "2026-12-10T25:00:00", "9999-12-31T24:00:00"):
        with pytest.raises(BadInput):
            head_of(f"<CreDtTm>{wrong}</CreDtTm>")


# --- the head ---


def test_the_head_says_whose_account_and_which_number() -> None:
    """IBAN without blanks, electronic number (never the paper one), copy indicator, period."""
    head = head_of(
        "<ElctrncSeqNb>238</ElctrncSeqNb><LglSeqNb>12</LglSeqNb><CpyDplctInd>COPY</CpyDplctInd>"
        "<FrToDt><FrDtTm>2026-12-10T00:00:00Z</FrDtTm><ToDtTm>2026-12-10T24:00:00Z</ToDtTm></FrToDt>"
    )

    assert (head.kind, head.ordinal, head.message_id, head.statement_id) == ("camt.053", 0, "M-1", "S-1")
    assert (head.iban, head.account_other, head.currency) == ("DE02120300000000202051", None, "EUR")
    assert (head.sequence, head.copy) == (238, "COPY")
    assert (head.from_at, head.to_at) == (datetime(2026, 12, 10, tzinfo=UTC), datetime(2026, 12, 11, tzinfo=UTC))
    assert "DE02" not in repr(head)


def test_an_account_may_have_another_name_than_an_iban() -> None:
    """Acct/Id/Othr is told apart from an IBAN."""
    (head,) = records(file(statement(head="<Acct><Id><Othr><Id>ABCDE1234</Id></Othr></Id></Acct>")))
    assert (head.iban, head.account_other) == (None, "ABCDE1234")


def test_pages_are_read_at_the_statement_and_else_at_the_file() -> None:
    """StmtPgntn goes before MsgPgntn."""
    of_file = "<MsgPgntn><PgNb>1</PgNb><LastPgInd>true</LastPgInd></MsgPgntn>"
    of_statement = "<StmtPgntn><PgNb>2</PgNb><LastPgInd>false</LastPgInd></StmtPgntn>"

    one, other, none = head_of("", paging=of_file), head_of(of_statement, paging=of_file), head_of("")

    assert (one.page, one.last_page, one.pages_of_file) == (1, True, True)
    assert (other.page, other.last_page, other.pages_of_file) == (2, False, False)
    assert (none.page, none.last_page, none.pages_of_file) == (None, None, False)


@pytest.mark.parametrize(
    ("written", "number"), [("", None), ("<LglSeqNb>17</LglSeqNb>", 17), ("<LglSeqNb>17.5</LglSeqNb>", None)]
)
def test_the_number_on_paper(written: str, number: int | None) -> None:
    """LglSeqNb; what is no plain number is no fault of the file."""
    assert head_of(written).paper_number == number


@pytest.mark.parametrize(
    ("balances", "opening", "closing"),
    [
        ([], (None, None), None),
        ([balance("PRCD", "10.00"), balance("CLBD", "7.00", "DBIT")], (1000, "PRCD"), -700),
        ([balance("PRCD", "10.00"), balance("OPBD", "11.00")], (1100, "OPBD"), None),
        ([balance("OPBD", "11.00", "DBIT"), balance("PRCD", "10.00")], (-1100, "OPBD"), None),
        ([balance("ITBD", "5.00"), balance("CLAV", "9.00"), balance("FWAV", "9.00")], (None, None), None),
        ([balance("OPBD", "5.00", sub="INTM"), balance("CLBD", "6.00", sub="INTM")], (None, None), None),
        ([balance("CLBD", "3.00"), balance("CLBD", "3.00")], (None, None), 300),
    ],
)
def test_the_opening_is_opbd_before_prcd_and_never_an_interim_balance(
    balances: list[str], opening: tuple[int | None, str | None], closing: int | None
) -> None:
    """OPBD or PRCD opens, CLBD closes; ITBD and INTM stand between pages."""
    head = head_of("".join(balances))

    assert (head.opening_cents, head.opening_kind) == opening
    assert head.closing_cents == closing


@pytest.mark.parametrize(
    ("page", "last", "balances", "opening", "closing"),
    [
        (1, "false", [balance("OPBD", "10.00"), balance("ITBD", "15.00")], (1000, "OPBD"), (1500, "ITBD")),
        (2, "false", [balance("ITBD", "15.00"), balance("ITBD", "9.00")], (1500, "ITBD"), (900, "ITBD")),
        (3, "true", [balance("ITBD", "9.00"), balance("CLBD", "7.00")], (900, "ITBD"), (700, "CLBD")),
        (2, "false", [balance("CLBD", "9.00", sub="INTM"), balance("OPBD", "15.00", sub="INTM")], (1500, "ITBD"), (900, "ITBD")),
        (1, "true", [balance("OPBD", "10.00"), balance("ITBD", "15.00")], (1000, "OPBD"), (None, None)),
        (2, "true", [], (None, None), (None, None)),
        (2, "false", [balance("PRCD", "10.00"), balance("CLBD", "7.00")], (1000, "PRCD"), (700, "CLBD")),
    ],
)
def test_a_page_has_the_balances_between_the_pages(
    page: int, last: str, balances: list[str], opening: tuple[int | None, str | None], closing: tuple[int | None, str | None]
) -> None:
    """The first opens as the day, the last closes as the day; the only page of a statement is the day."""
    head = head_of(f"<StmtPgntn><PgNb>{page}</PgNb><LastPgInd>{last}</LastPgInd></StmtPgntn>{''.join(balances)}")

    assert (head.opening_cents, head.opening_kind) == opening
    assert (head.closing_cents, head.closing_kind) == closing


def test_two_balances_that_contradict_each_other_are_refused() -> None:
    """One statement has one closing balance, in one currency."""
    for pair in (balance("CLBD", "3.00") + balance("CLBD", "4.00"), balance("OPBD", "3.00", currency="CHF")):
        with pytest.raises(BadInput, match=r"differ|currency"):
            head_of(pair)


def test_a_balance_after_the_entries_is_refused() -> None:
    """The head was handed out before it: it must not miss a balance silently."""
    for count in (1, 2000):
        with pytest.raises(BadInput, match="after the entries"):
            records(file(f"<Stmt><Id>S</Id>{ACCOUNT}{ntry() * count}{balance('CLBD', '1.00')}</Stmt>"))


def test_balance_days_are_read() -> None:
    """The days of the balances are kept."""
    head = head_of(balance("PRCD", "1.00", on="2026-12-09") + balance("CLBD", "1.00"))
    assert (head.opening_on, head.closing_on) == (date(2026, 12, 9), date(2026, 12, 10))


# --- files ---


def test_several_statements_in_a_file_are_all_read() -> None:
    """Ordinals count from 0, entries anew in each statement; an empty statement is fine."""
    found = records(file(statement(ntry("1.00"), ntry("2.00")), statement(), statement(ntry("3.00"))))

    assert [record.ordinal for record in found if isinstance(record, StatementHead)] == [0, 1, 2]
    assert [(e.statement, e.ordinal, e.amount_cents) for e in found if isinstance(e, StatementEntry)] == [
        (0, 0, 100),
        (0, 1, 200),
        (2, 0, 300),
    ]
    assert [type(record) for record in found[:2]] == [StatementHead, StatementEntry]


def test_two_identical_entries_stay_two() -> None:
    """Equal lines are two bookings; only their ordinal tells them apart."""
    _, one, other = records(file(statement(ntry(), ntry())))
    assert (one.ordinal, other.ordinal) == (0, 1)
    assert one.amount_cents == other.amount_cents


def test_the_versions_that_banks_send_are_read() -> None:
    """camt.052, 053 and 054 from .02 to .08, and the newer ones that were met or are ISO's."""
    known = {name.rpartition(":")[2] for name in camt.READERS}
    wanted = ("02", "03", "04", "05", "06", "07", "08", "10", "12", "13", "14")
    assert {f"camt.05{kind}.001.{version}" for kind in "234" for version in wanted} <= known


@pytest.mark.parametrize("namespace", [name.rpartition(":")[2] for name in camt.READERS])
def test_every_registered_namespace_is_read(namespace: str) -> None:
    """052, 053 and 054 share their entries and differ in what they call a statement."""
    head, entry = records(file(statement(ntry()), namespace=namespace))
    assert (head.kind, head.namespace.rpartition(":")[2], entry.amount_cents) == (namespace[:8], namespace, 10000)


@pytest.mark.parametrize(
    "inside",
    [
        "",
        "<BkToCstmrStmt/>",
        f"<BkToCstmrStmt>{ntry()}</BkToCstmrStmt>",
        f"<BkToCstmrAcctRpt><Rpt>{ntry()}</Rpt></BkToCstmrAcctRpt>",
        f"<BkToCstmrStmt><Stmt><Id>S</Id><Odd>{ntry()}</Odd></Stmt></BkToCstmrStmt>",
        f"<Stmt><Id>S</Id>{ntry()}</Stmt>",
    ],
)
def test_a_file_from_which_nothing_would_be_read_is_an_error(inside: str) -> None:
    """No statement, or entries where no statement is, is never an empty success."""
    with pytest.raises(BadInput):
        records(f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">{inside}</Document>'.encode())


# --- details and batches ---


def test_details_keep_their_own_amounts() -> None:
    """Amt with its own sign, else TxAmt with the entry's; InstdAmt is what was collected; nothing is None, not the entry's."""
    entry = only_entry(
        ntry("105.00", "DBIT", more=txs(
            '<Amt Ccy="EUR">105.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>'
            '<AmtDtls><InstdAmt><Amt Ccy="EUR">100.00</Amt></InstdAmt></AmtDtls>',
            '<AmtDtls><InstdAmt><Amt Ccy="EUR">10.00</Amt></InstdAmt><TxAmt><Amt Ccy="EUR">15.50</Amt></TxAmt></AmtDtls>',
            '<Amt Ccy="EUR">105.00</Amt><AmtDtls><TxAmt><Amt Ccy="EUR">100.00</Amt></TxAmt></AmtDtls>',
            '<Amt Ccy="EUR">3.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>',
            '<AmtDtls><InstdAmt><Amt Ccy="EUR">10.00</Amt></InstdAmt></AmtDtls>',
            '<Amt Ccy="EUR">20.97</Amt><AmtDtls><InstdAmt><Amt Ccy="CHF">19.69</Amt></InstdAmt></AmtDtls>',
            "",
        ))
    )  # fmt: skip

    assert [(detail.amount_cents, detail.original_cents) for detail in entry.details] == [
        (-10500, 10000), (-1550, 1000), (-10500, 10000), (300, None), (None, 1000), (-2097, None), (None, None)
    ]  # fmt: skip
    assert [detail.ordinal for detail in entry.details] == [0, 1, 2, 3, 4, 5, 6]


def test_references_parties_and_text_are_read_in_both_shapes() -> None:
    """A party has its name directly or under Pty; accounts lose their blanks; nothing personal shows in a repr."""
    refs = (
        "<Refs><MsgId>F</MsgId><AcctSvcrRef>B</AcctSvcrRef><PmtInfId>P</PmtInfId>"
        "<EndToEndId>E-1</EndToEndId><MndtId>M</MndtId></Refs>"
    )
    for name in ("<Nm>Erika</Nm>", "<Pty><Nm>Erika</Nm></Pty>"):
        parties = (
            f"<RltdPties><Dbtr>{name}</Dbtr><DbtrAcct><Id><IBAN>de89 3704 0044 0532 0130 00</IBAN></Id></DbtrAcct>"
            f"<Cdtr>{name.replace('Erika', 'Muster GmbH')}</Cdtr>"
            "<CdtrAcct><Id><IBAN>DE02120300000000202051</IBAN></Id></CdtrAcct></RltdPties>"
        )
        detail = only_detail(refs + parties + "<RmtInf><Ustrd>Miete</Ustrd></RmtInf>")

        assert (detail.message_id, detail.bank_ref, detail.pmt_inf_id, detail.end_to_end_id, detail.mandate_id) == (
            "F",
            "B",
            "P",
            "E-1",
            "M",
        )
        assert (detail.debtor_name, detail.debtor_iban) == ("Erika", "DE89370400440532013000")
        assert (detail.creditor_name, detail.creditor_iban) == ("Muster GmbH", "DE02120300000000202051")
        assert detail.remittance == "Miete"
        assert not any(secret in repr(detail) for secret in ("Erika", "DE89", "Miete"))


def test_notprovided_is_no_reference() -> None:
    """The ISO word for none never matches anything."""
    assert only_detail("<Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>").end_to_end_id is None


def test_remittance_pieces_are_joined_as_the_bank_cut_them() -> None:
    """A piece of full length (35, 140) was cut in mid-word; a shorter one ended by itself; references follow."""
    full = "RECHNUNG INV-0000001-1 VOM 10.12.20"
    assert len(full) == 35
    pieces = f"<Ustrd>{full}</Ustrd><Ustrd>26 MASCHINE 7</Ustrd><Ustrd>DANKE</Ustrd>"
    strd = "<Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd>"

    assert (
        only_detail(f"<RmtInf>{pieces}{strd}</RmtInf>").remittance
        == "RECHNUNG INV-0000001-1 VOM 10.12.2026 MASCHINE 7 DANKE RF18539007547034"
    )
    assert only_detail("<AddtlTxInf>Zahlung</AddtlTxInf>").remittance == "Zahlung"


def test_a_lump_sum_names_our_block() -> None:
    """Btch without details: every part is optional."""
    entry = only_entry(ntry("121.10", more="<NtryDtls><Btch><MsgId>F</MsgId><PmtInfId>F-R1</PmtInfId><NbOfTxs>2</NbOfTxs>"
                                           '<TtlAmt Ccy="EUR">121.10</TtlAmt></Btch></NtryDtls>'))  # fmt: skip

    assert entry.batch == BatchReference("F", "F-R1", 2, 12110)
    assert entry.details == ()
    assert only_entry(ntry(more="<NtryDtls><Btch/></NtryDtls>")).batch == BatchReference(None, None, None, None)


def test_several_detail_groups_and_batches_are_all_kept() -> None:
    """Several NtryDtls: details in one row; of several Btch none is *the* batch, and all are kept."""
    first = txs("<Refs><EndToEndId>A</EndToEndId></Refs>", batch="<Btch><PmtInfId>P1</PmtInfId></Btch>")
    second = txs("<Refs><EndToEndId>B</EndToEndId></Refs>", batch="<Btch><PmtInfId>P2</PmtInfId></Btch>")

    entry = only_entry(ntry(more=first + second))

    assert [(detail.ordinal, detail.end_to_end_id) for detail in entry.details] == [(0, "A"), (1, "B")]
    assert entry.batch is None
    assert [batch.pmt_inf_id for batch in entry.batches] == ["P1", "P2"]


# --- fees ---


RECORDS = (
    '<Chrgs><TtlChrgsAndTaxAmt Ccy="EUR">5.50</TtlChrgsAndTaxAmt>'
    '<Rcrd><Amt Ccy="EUR">3.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><ChrgInclInd>true</ChrgInclInd>'
    "<Agt><FinInstnId><BICFI>AAAADEFF</BICFI></FinInstnId></Agt></Rcrd>"
    '<Rcrd><Amt Ccy="EUR">2.50</Amt><CdtDbtInd>CRDT</CdtDbtInd><ChrgInclInd>false</ChrgInclInd></Rcrd>'
    '<Rcrd><Amt Ccy="EUR">0.00</Amt></Rcrd><Rcrd><Amt Ccy="CHF">9.00</Amt></Rcrd></Chrgs>'
)
FLAT = (
    '<Chrgs><Amt Ccy="EUR">3.00</Amt><Pty><FinInstnId><BIC>AAAADEFF</BIC></FinInstnId></Pty></Chrgs>'
    '<Chrgs><Amt Ccy="EUR">2.50</Amt></Chrgs>'
)


@pytest.mark.parametrize("where", ["entry", "detail"])
@pytest.mark.parametrize(
    ("charges", "expected"),
    [
        (RECORDS, (Charge(300, False, True, "AAAADEFF"), Charge(250, True, False))),
        (FLAT, (Charge(300, False, None, "AAAADEFF"), Charge(250, False, None))),
        ('<Chrgs><TtlChrgsAndTaxAmt Ccy="EUR">4.14</TtlChrgsAndTaxAmt></Chrgs>', (Charge(414, False, None),)),
        ("", ()),
    ],
)
def test_charges_are_read_at_both_levels_and_in_both_shapes(where: str, charges: str, expected: tuple[Charge, ...]) -> None:
    """Records (.08), flat (.02) or a total only; zero ones and those in another currency explain no cent."""
    entry = only_entry(ntry(more=charges if where == "entry" else txs(charges)))
    assert (entry.charges if where == "entry" else entry.details[0].charges) == expected


@pytest.mark.parametrize("name", ["BICFI", "BIC"])
def test_the_bank_that_keeps_the_account(name: str) -> None:
    """Acct/Svcr, by either version's word: whose charges are our own bank's."""
    account = ACCOUNT.replace("</Acct>", f"<Svcr><FinInstnId><{name}>MUSTDEFFXXX</{name}></FinInstnId></Svcr></Acct>")
    [head] = records(file(statement(head=account)))
    assert head.servicer_bic == "MUSTDEFFXXX"


# --- returns ---


def test_a_return_keeps_reason_text_and_originator() -> None:
    """Code or the bank's own reason; every AddtlInf; a BIC says a bank, a name says the debtor."""
    by_bank = only_detail(
        "<RtrInf><Orgtr><Id><OrgId><AnyBIC>COBADEFFXXX</AnyBIC></OrgId></Id></Orgtr><Rsn><Cd>MS03</Cd></Rsn>"
        "<AddtlInf>Grund</AddtlInf><AddtlInf>nicht spezifiziert</AddtlInf></RtrInf>"
    )
    by_debtor = only_detail("<RtrInf><Orgtr><Nm>Erika</Nm></Orgtr><Rsn><Prtry>913</Prtry></Rsn></RtrInf>")
    old = only_detail("<RtrInf><Orgtr><Id><OrgId><BICOrBEI>COBADEFF</BICOrBEI></OrgId></Id></Orgtr></RtrInf>")

    assert (by_bank.return_reason, by_bank.return_info, by_bank.originator_bic) == (
        "MS03",
        "Grund nicht spezifiziert",
        "COBADEFFXXX",
    )
    assert (by_debtor.return_reason, by_debtor.originator_name, by_debtor.originator_bic) == ("913", "Erika", None)
    assert (old.is_return, old.return_reason, old.originator_bic) == (True, None, "COBADEFF")


@pytest.mark.parametrize(
    ("own", "is_return"),
    [
        ("NRTI+109+0002+917", True), ("NRTI+109++901", True), ("NRTI+108", True), ("109", True),
        ("NMSC+192+109", False), ("NDDT+105+08382", False), ("NRTI", False), ("00109", False), ("NCHG+808+109+108", False),
    ],
)  # fmt: skip
def test_the_german_code_says_return(own: str, is_return: bool) -> None:
    """GVC 108 and 109; the GVC is the first part of three digits, so a Primanota of 109 is none."""
    code = f"<BkTxCd><Prtry><Cd>{own}</Cd><Issr>DK</Issr></Prtry></BkTxCd>"

    at_detail, at_entry = only_detail(code), only_entry(ntry(more=code + txs("")))

    assert (at_detail.is_return, at_detail.bank_code_own) == (is_return, own)
    assert (at_entry.is_return, at_entry.details[0].is_return, at_entry.bank_code_own) == (is_return, is_return, own)


@pytest.mark.parametrize(("family", "is_return"), [("UPDD", True), ("PRDD", True), ("RCDD", True), ("ESDD", False), ("", False)])
def test_the_iso_family_says_return(family: str, is_return: bool) -> None:
    """Sub-families UPDD, PRDD and RCDD, at entry or detail level."""
    code = CODES_RETURN.replace("UPDD", family)
    entry = only_entry(ntry(more="<BkTxCd/>" + txs(code)))

    assert (entry.is_return, entry.details[0].is_return) == (False, is_return)
    assert entry.bank_code is None
    assert entry.details[0].bank_code == f"PMNT/IDDT/{family}"
    assert only_entry(ntry(more=code)).is_return is is_return


def test_a_text_never_says_return() -> None:
    """'Retoure' in a text is a customer's word as well as a bank's."""
    entry = only_entry(
        ntry(more=txs("<RmtInf><Ustrd>Retoure AC04 RUECKLASTSCHRIFT</Ustrd></RmtInf>") + "<AddtlNtryInf>Storno</AddtlNtryInf>")
    )
    assert (entry.is_return, entry.details[0].is_return, entry.text) == (False, False, "Storno")


# --- samples of others ---

KONFIPAY = "MeinGrundeinkommen__konfipay/spec/examples/camt053"
VIAFINTECH = "viafintech__camt_parser/spec/fixtures"
# file: statements, entries, details, net cents (INDEX.md)
FACTS = {
    f"{KONFIPAY}/failed_debit_with_charges_02.xml": (1, 1, 1, -1550),
    f"{KONFIPAY}/failed_debit_with_charges_08.xml": (1, 1, 1, -1550),
    f"{KONFIPAY}/mixed_examples_02.xml": (1, 6, 8, 783),
    f"{KONFIPAY}/mixed_examples_08.xml": (1, 6, 8, 783),
    f"{KONFIPAY}/outgoing_collection_02.xml": (1, 1, 2, -4000),
    f"{KONFIPAY}/outgoing_collection_08.xml": (1, 1, 2, -4000),
    f"{VIAFINTECH}/052/valid_example.xml": (1, 2, 2, 500),
    f"{VIAFINTECH}/052/valid_example_with_dates.xml": (1, 1, 1, -500),
    f"{VIAFINTECH}/053/valid_example.xml": (1, 4, 5, -1000),
    f"{VIAFINTECH}/053/valid_example_v4.xml": (1, 13, 32, 53761),
    f"{VIAFINTECH}/053/valid_example_v8.xml": (1, 3, 3, 54228),
    f"{VIAFINTECH}/053/valid_example_with_batch.xml": (1, 3, 2, 293426),
    f"{VIAFINTECH}/053/valid_example_with_datetime.xml": (1, 1, 0, 19586),
    f"{VIAFINTECH}/053/valid_example_with_debit.xml": (1, 4, 5, -1000),
    f"{VIAFINTECH}/053/valid_example_with_instdamt.xml": (1, 1, 1, 450000),
    f"{VIAFINTECH}/053/valid_example_with_other_id.xml": (1, 0, 0, 0),
    f"{VIAFINTECH}/054/valid_example.xml": (1, 4, 5, 5903),
    "own/camt.053.001.02_return_fee_on_top.xml": (1, 1, 1, -10000),
    "own/camt.053.001.08_batch_return_fee.xml": (1, 2, 1, 1610),
    "own/camt.054.001.08_batch_details.xml": (1, 1, 2, 12110),
}


def sample(name: str) -> bytes:
    assert TESTDATA is not None
    return Path(TESTDATA, "samples", name).read_bytes()


def entries_of(name: str) -> list[StatementEntry]:
    return [record for record in records(sample(name)) if isinstance(record, StatementEntry)]


if TESTDATA is not None:

    @pytest.mark.parametrize("name", FACTS)
    def test_samples_have_the_facts_counted_by_others(name: str) -> None:
        """Statements, entries, details and signed sum of every sample are those of INDEX.md."""
        found, entries = records(sample(name)), entries_of(name)
        details = sum(len(entry.details) for entry in entries)
        counted = (len(found) - len(entries), len(entries), details, sum(entry.amount_cents for entry in entries))
        assert counted == FACTS[name]

    @pytest.mark.parametrize("name", FACTS)
    @pytest.mark.parametrize("percent", range(0, 100, 5))
    def test_samples_cut_short_are_refused(name: str, percent: int) -> None:
        """At every 5 % of every sample."""
        whole = sample(name)
        with pytest.raises(BadInput):
            records(whole[: len(whole) * percent // 100])

    @pytest.mark.parametrize("version", ["02", "08"])
    def test_a_refund_with_two_fees_adds_up(version: str) -> None:
        """15.50 = 10.00 + 3.00 + 2.50: flat charges and records (konfipay)."""
        (entry,) = entries_of(f"{KONFIPAY}/failed_debit_with_charges_{version}.xml")
        (detail,) = entry.details

        assert (detail.end_to_end_id, detail.mandate_id) == ("MANDATE123-05.01.2022", "MANDATE123")
        assert (detail.amount_cents, detail.original_cents) == (-1550, 1000)
        assert [(charge.amount_cents, charge.bic) for charge in detail.charges] == [(300, "THEIRBIC123"), (250, "OURBIC123")]
        assert (detail.return_reason, detail.return_info) == ("MD06", "Lastschriftwiderspruch durch den Zahlungspflichtig")
        assert entry.booked_on == date(2022, 1, 21)

    @pytest.mark.parametrize("version", ["02", "08"])
    def test_a_mixed_statement_is_read_line_by_line(version: str) -> None:
        """Transfer, fee, batch of three, return with fee, Storno without RtrInf, reject with RtrInf (konfipay)."""
        entries = entries_of(f"{KONFIPAY}/mixed_examples_{version}.xml")

        assert [entry.amount_cents for entry in entries] == [500, -2167, 6600, -1350, -2200, -600]
        assert [(d.end_to_end_id, d.amount_cents) for d in entries[2].details] == [
            ("Mandat15-05.01.2022", 1100), ("Mandat21-05.01.2022", 2200), ("Mandat22-05.01.2022", 3300)
        ]  # fmt: skip
        assert (entries[3].details[0].return_reason, entries[3].details[0].original_cents) == ("AC04", 1100)
        assert [charge.amount_cents for charge in entries[3].details[0].charges] == [250]
        assert (entries[4].reversal, entries[4].details[0].is_return, entries[4].text) == (True, False, "Storno")
        assert (entries[5].details[0].return_reason, entries[5].booked_on) == ("AM04", date(2024, 12, 5))

    def test_a_swiss_statement_keeps_batches_and_returns() -> None:
        """Five RtrInf, a batch of ten, charges of 5.20 on one entry (PostFinance)."""
        entries = entries_of(f"{VIAFINTECH}/053/valid_example_v4.xml")
        details = [detail for entry in entries for detail in entry.details]

        assert [(charge.amount_cents, charge.credit) for charge in entries[6].charges] == [
            (540, False),
            (20, True),
        ]  # 5.20 in all
        assert entries[6].details[0].amount_cents == 10000
        assert [detail.return_reason for detail in details if detail.return_reason] == ["NARR", "NARR", "NARR", "MD06", "MD06"]
        assert entries[12].details[0].return_info == "Lastschrift-Widerspruch durch den Zahlungspflichtigen"
        assert max(len(entry.details) for entry in entries) == 10

    def test_a_batch_without_details_is_read_from_a_real_statement() -> None:
        """ING: Btch with three members and no TxDtls; OPBD goes before PRCD."""
        head, entry, *_ = records(sample(f"{VIAFINTECH}/053/valid_example_with_batch.xml"))
        assert entry.batch == BatchReference("02453b1e17c11241073a777ad9c273b4149", "O0OpeAYTkhjerKu3eE9asw", 3, None)
        assert (head.opening_cents, head.opening_kind, head.closing_cents) == (732980, "OPBD", 2303820)

    def test_small_facts_of_the_other_samples() -> None:
        """Sequence number, overdrawn opening, other account id, DtTm with microseconds, amounts of two currencies."""
        head, first, *_ = records(sample(f"{VIAFINTECH}/053/valid_example.xml"))
        assert (head.statement_id, head.sequence, head.opening_cents) == ("0352C5320131227220503", 130000005, 3306)
        assert (first.amount_cents, first.booked_on, first.bank_ref) == (-200, date(2013, 12, 27), "2013122710583450000")
        assert (first.details[0].end_to_end_id, first.details[0].mandate_id) == ("EndToEndReference", "MandateReference")
        assert records(sample(f"{VIAFINTECH}/053/valid_example_with_debit.xml"))[0].opening_cents == -3306
        assert records(sample(f"{VIAFINTECH}/053/valid_example_with_other_id.xml"))[0].account_other == "ABCDE1234"
        (timed,) = entries_of(f"{VIAFINTECH}/053/valid_example_with_datetime.xml")
        assert (timed.booked_on, timed.charges) == (date(2023, 6, 21), (Charge(414, False, None),))
        assert entries_of(f"{VIAFINTECH}/053/valid_example_with_instdamt.xml")[0].details[0].original_cents == 450000
        swiss = records(sample(f"{VIAFINTECH}/053/valid_example_v8.xml"))
        assert (swiss[0].from_at, swiss[0].currency) == (datetime(2023, 6, 20, tzinfo=timezone(timedelta(hours=2))), "CHF")
        assert (swiss[3].currency, swiss[3].amount_cents, swiss[3].details[0].original_cents) == ("EUR", -2097, None)

    def test_our_own_samples_say_what_they_were_written_to_say() -> None:
        """Batch without details, fee inside, fee beside with an empty code at entry level, details in a 054."""
        head, batch, returned = records(sample("own/camt.053.001.08_batch_return_fee.xml"))
        assert head.opening_cents + batch.amount_cents + returned.amount_cents == head.closing_cents == 101610
        assert batch.batch == BatchReference("BRIDGE-20261122-000001", "BRIDGE-20261122-000001-R1", 2, 12110)
        assert (returned.details[0].amount_cents, returned.details[0].original_cents) == (-10500, 10000)
        assert returned.details[0].charges == (Charge(500, False, True),)
        beside = entries_of("own/camt.053.001.02_return_fee_on_top.xml")[0]
        assert (beside.bank_code_own, beside.details[0].bank_code_own, beside.details[0].is_return) == (
            None,
            "NRTI+109+00931+917",
            True,
        )
        assert (beside.amount_cents, beside.details[0].charges) == (-10000, (Charge(500, False, None),))
        (details,) = entries_of("own/camt.054.001.08_batch_details.xml")
        assert [(d.end_to_end_id, d.amount_cents) for d in details.details] == [("INV-0000001", 10000), ("INV-0000003", 2110)]

    @pytest.mark.parametrize(
        "name",
        [f"{VIAFINTECH}/{p}" for p in ("052/valid_namespace.xml", "053/valid_namespace.xml", "general/invalid_namespace.xml")],
    )
    def test_samples_that_hold_nothing_are_refused(name: str) -> None:
        """A Document without a statement is an error, in whatever version."""
        with pytest.raises(BadInput):
            records(sample(name))


# --- what is refused, in words, and what is left out ---


@pytest.mark.parametrize(("kind", "paging"), [("camt.052", "RptPgntn"), ("camt.053", "StmtPgntn"), ("camt.054", "NtfctnPgntn")])
def test_each_kind_names_its_pages(kind: str, paging: str) -> None:
    """Report, statement and notification each call the page of theirs otherwise."""
    page = f"<{paging}><PgNb>2</PgNb><LastPgInd>0</LastPgInd></{paging}>"
    [found] = records(file(statement(head=page + ACCOUNT), namespace=f"{kind}.001.08"))
    assert (found.page, found.last_page) == (2, False)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("<Stmt>", "<Ntry/><Stmt>", r"Ntry at line \d+ stands in BkToCstmrStmt, not in Stmt"),
        ("<Stmt>", "<x><Stmt/></x><Stmt>", r"Stmt at line \d+ stands in x, not in BkToCstmrStmt"),
        ("</Ntry>", "<BkToCstmrStmt><Stmt/></BkToCstmrStmt></Ntry>", r"Stmt at line \d+ stands inside the Stmt of line \d+"),
        ("</Ntry>", "<TxDtls/></Ntry>", r"TxDtls at line \d+ stands in Ntry, not in NtryDtls"),
        ('<Amt Ccy="EUR">100.00</Amt>', "", r"Ntry at line \d+ has no Amt"),
        ("<Id>S-1</Id>", "<Id>S-1</Id><ElctrncSeqNb>7a</ElctrncSeqNb>", "ElctrncSeqNb is not a number"),
        ("<Id>S-1</Id>", "<Id>S-1</Id><StmtPgntn><PgNb>one</PgNb></StmtPgntn>", "PgNb is not a number"),
        ("</Ntry>", "<NtryDtls><Btch><NbOfTxs>-1</NbOfTxs></Btch></NtryDtls></Ntry>", "NbOfTxs is not a number"),
        ("</Ntry>", "<RvslInd>perhaps</RvslInd></Ntry>", "An indicator is neither true nor false"),
    ],
)
def test_what_is_said_of_a_wrong_statement(before: str, after: str, words: str) -> None:
    """An element in the wrong place, a missing amount, a number that is none: refused by its name and line."""
    good = file(statement(ntry())).decode()
    assert before in good
    with pytest.raises(BadInput, match=words):
        records(good.replace(before, after, 1).encode())


def test_what_an_entry_does_not_say() -> None:
    """Without a text it has an empty one, and 0 is a no."""
    entry = only_entry(ntry(more="<RvslInd>0</RvslInd>" + txs("")))
    assert (entry.text, entry.reversal, entry.details[0].remittance) == ("", False, "")


def test_text_that_the_bank_cut_at_its_full_length() -> None:
    """Pieces of 35 and of 140 characters were cut in mid-word, an empty one is nothing, a shorter one ended by itself."""
    pieces = ["a" * 140, "b" * 35, "c", "", "d"]
    told = "".join(f"<Ustrd>{piece}</Ustrd>" for piece in pieces)
    assert only_detail(f"<RmtInf>{told}</RmtInf>").remittance == "a" * 140 + "b" * 35 + "c d"


def test_a_bank_may_stand_where_the_debtor_stands() -> None:
    """A party that is a bank has its name one level deeper."""
    agent = "<RltdPties><Dbtr><Agt><FinInstnId><Nm>Musterbank</Nm></FinInstnId></Agt></Dbtr></RltdPties>"
    assert only_detail(agent).debtor_name == "Musterbank"
