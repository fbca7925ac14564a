"""Writing a direct-debit file, and counting it again from its bytes."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from bridge.errors import BadInput, UnknownName
from bridge.formats import pain008, pain008_reader
from bridge.formats.schema import validate
from bridge.records.pain008 import Address, Amendment, DebitBlock, DebitFile, DebitLine
from bridge.rules import scheme

FOLDER = Path(__file__).parent / "golden"
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.008.001.08"

FIRST = DebitLine(
    end_to_end_id="INV-1-1",
    amount_cents=10_000,
    mandate_id="MND-1",
    signed_on=date(2026, 6, 1),
    debtor_name="Erika Mustermann",
    debtor_iban="DE89370400440532013000",
    remittance="Rechnung INV-1 Maschine 7, 11/2026",
)
SECOND = replace(FIRST, end_to_end_id="INV-2-1", amount_cents=5_025, mandate_id="MND-2", ultimate_debtor="Werk Nord")
SWISS = replace(
    FIRST,
    end_to_end_id="INV-3-1",
    amount_cents=7,
    mandate_id="MND-3",
    debtor_name="Schneider AG",
    debtor_iban="CH9300762011623852957",
    debtor_bic="POFICHBEXXX",
    debtor_address=Address("Rue du Lac", "1268", "2501", "Biel", "CH"),
)
BLOCK = DebitBlock(
    pmt_inf_id="MW-20261123-1-1",
    scheme="CORE",
    sequence="RCUR",
    due_on=date(2026, 12, 8),
    creditor_name="Musterwerk Maschinen GmbH",
    creditor_iban="DE02120300000000202051",
    creditor_bic=None,
    creditor_id="DE98ZZZ09999999999",
    debits=(FIRST, SECOND),
)
OTHER = replace(
    BLOCK,
    pmt_inf_id="MW-20261123-1-2",
    sequence="OOFF",
    due_on=date(2026, 12, 9),
    creditor_bic="BYLADEM1001",
    debits=(SWISS,),
    batch_booking=None,
)
AMENDED = replace(
    FIRST,
    end_to_end_id="INV-4-1",
    mandate_id="MND-4",
    remittance=None,
    creditor_reference="RF18539007547034",
    purpose="RENT",
    amendment=Amendment("OLD-4", "AT88ZZZ00000000001", "Musterwerk alt", new_account=True),
)
FILE = DebitFile("MW-20261123-1", datetime(2026, 11, 23, 8, 30, tzinfo=UTC), "Musterwerk Maschinen GmbH", (BLOCK, OTHER))

#: everything that a debit of ours can say, in one block more
EVERYTHING = replace(BLOCK, pmt_inf_id="MW-20261123-1-3", ultimate_creditor="Werk Sued", debits=(AMENDED,))
FULL = replace(FILE, blocks=(*FILE.blocks, EVERYTHING))
OLD_FORM = Address(country="CH", lines=("Rue du Lac 1268", "2501 Biel"))
IN_OLD_FORM = replace(OTHER, debits=(replace(SWISS, debtor_address=OLD_FORM),))
LEGACY = replace(FULL, version="pain.008.001.02", blocks=(BLOCK, IN_OLD_FORM, EVERYTHING))
GOLDEN = {"pain008_two_blocks.xml": FILE, "pain008_everything.xml": FULL, "pain008_legacy.xml": LEGACY}


def rendered(file: DebitFile) -> bytes:
    out = io.BytesIO()
    pain008.write(file, out)
    return out.getvalue()


def test_golden_files(request: pytest.FixtureRequest) -> None:
    """Swiss debtor, ultimate parties, both kinds of agent, amendment and structured reference are written exactly like this."""
    for golden, file in GOLDEN.items():
        data = rendered(file)
        if request.config.getoption("--regen", default=False):
            (FOLDER / golden).write_bytes(data)

        assert data == (FOLDER / golden).read_bytes()


def test_golden_keeps_schema_and_scheme() -> None:
    """What is written follows the ISO schema and every scheme rule."""
    for file in GOLDEN.values():
        assert validate(rendered(file), file.version) == []
        assert scheme.check(file) == []


def test_same_record_same_bytes() -> None:
    """Rendering is a pure function: a second time changes nothing, neither bytes nor record."""
    first = rendered(FILE)

    assert rendered(FILE) == first
    assert FILE.count == 3


def test_time_is_written_in_its_own_zone() -> None:
    """CreDtTm says its zone, Z for UTC, and no fraction of a second."""
    berlin = datetime(2026, 11, 23, 9, 30, 0, 999_999, tzinfo=timezone(timedelta(hours=1)))

    assert b"<CreDtTm>2026-11-23T08:30:00Z</CreDtTm>" in rendered(FILE)
    assert b"<CreDtTm>2026-11-23T09:30:00+01:00</CreDtTm>" in rendered(replace(FILE, created_at=berlin))


def test_naive_time_is_refused() -> None:
    """A time without a zone would be a guess."""
    with pytest.raises(BadInput, match="no time zone"):
        rendered(replace(FILE, created_at=datetime(2026, 11, 23)))


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
@example('</Nm><Nm>&amp;"')
@example("a\rb")
@example("\x1f")
def test_no_text_becomes_markup(text: str) -> None:
    """Whatever a text holds stays that element's text; what XML cannot hold is refused, and the text is not repeated."""
    file = replace(FILE, blocks=(replace(BLOCK, debits=(replace(FIRST, debtor_name=text),)),))
    if re.search("[^\t\n\r -\ufffd\U00010000-\U0010ffff]", text):
        with pytest.raises(BadInput, match="Nm holds a control character, which no XML file can"):
            rendered(file)
        return

    names = [name.text or "" for name in etree.fromstring(rendered(file)).findall(".//{*}Dbtr/{*}Nm")]
    assert names == [text]


def test_nothing_that_german_banks_refuse() -> None:
    """No byte order mark, prefix, schemaLocation, UETR, InstrPrty, COR1 or address line is ever written."""
    data = rendered(FILE)

    assert data.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="')
    for forbidden in (b"xmlns:", b"schemaLocation", b"UETR", b"InstrPrty", b"COR1", b"AdrLine", b"OrgId"):
        assert forbidden not in data


def test_agents_without_bic_are_not_provided() -> None:
    """Without a BIC both banks are Othr/Id NOTPROVIDED, never BICFI NOTPROVIDED."""
    root = etree.fromstring(rendered(FILE))

    assert [e.text for e in root.findall(".//{*}CdtrAgt/{*}FinInstnId/{*}Othr/{*}Id")] == ["NOTPROVIDED"]
    assert [e.text for e in root.findall(".//{*}DbtrAgt/{*}FinInstnId/{*}Othr/{*}Id")] == ["NOTPROVIDED", "NOTPROVIDED"]
    assert [e.text for e in root.findall(".//{*}BICFI")] == ["BYLADEM1001", "POFICHBEXXX"]


def test_batch_booking_as_given() -> None:
    """true and false are written, None leaves the element out."""
    assert rendered(FILE).count(b"<BtchBookg>true</BtchBookg>") == 1
    assert rendered(replace(FILE, blocks=(replace(BLOCK, batch_booking=False),))).count(b"<BtchBookg>false</BtchBookg>") == 1


@pytest.mark.parametrize(
    ("cents", "text"), [(1, "0.01"), (10, "0.10"), (100, "1.00"), (12_345, "123.45"), (99_999_999_999, "999999999.99")]
)
def test_amounts_always_have_two_decimals(cents: int, text: str) -> None:
    """Euro are written by integer arithmetic with a dot and two decimals."""
    assert pain008.euro_text(cents) == text


@pytest.mark.parametrize("cents", [0, -1, -500])
def test_amounts_below_a_cent_are_refused(cents: int) -> None:
    """sepaxml writes -500 as -5.00; a debit of nothing or less does not leave the house."""
    with pytest.raises(BadInput, match="at least 1"):
        rendered(replace(FILE, blocks=(replace(BLOCK, debits=(replace(FIRST, amount_cents=cents),)),)))


def test_unknown_version_lists_the_known() -> None:
    """A message version without a writer is refused with the list."""
    with pytest.raises(UnknownName, match=r"'pain.008.001.09' is not one of: pain.008.001.02, pain.008.001.08"):
        pain008.write(replace(FILE, version="pain.008.001.09"), io.BytesIO())


@pytest.mark.parametrize("version", sorted(pain008.VERSIONS))
def test_every_version_follows_its_own_schema(version: str) -> None:
    """Each version that can be written has a schema, and keeps it."""
    assert validate(rendered(replace(FULL, version=version)), version) == []


def test_count_reads_what_is_there() -> None:
    """Counting from the bytes gives 100.00 + 50.25 and 0.07, file sum 150.32, three ids in order."""
    facts = pain008.count(io.BytesIO(rendered(FILE)))

    assert (facts.message_id, facts.namespace) == ("MW-20261123-1", NAMESPACE)
    assert (facts.stated_count, facts.stated_sum_cents, facts.counted, facts.counted_sum_cents) == (3, 15_032, 3, 15_032)
    assert [(b.pmt_inf_id, b.stated_count, b.stated_sum_cents, b.counted, b.counted_sum_cents) for b in facts.blocks] == [
        ("MW-20261123-1-1", 2, 15_025, 2, 15_025),
        ("MW-20261123-1-2", 1, 7, 1, 7),
    ]
    assert facts.end_to_end_ids == ("INV-1-1", "INV-2-1", "INV-3-1")


def test_count_believes_no_stated_sum() -> None:
    """A wrong CtrlSum stays visible as stated against counted; no schema would notice it."""
    data = rendered(FILE).replace(b"<CtrlSum>150.32</CtrlSum>", b"<CtrlSum>150.33</CtrlSum>")
    facts = pain008.count(io.BytesIO(data))

    assert validate(data, NAMESPACE) == []
    assert (facts.stated_sum_cents, facts.counted_sum_cents) == (15_033, 15_032)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'Ccy="EUR">0.07<', b'Ccy="USD">0.07<'),
        (b">0.07</InstdAmt>", b">0.075</InstdAmt>"),
        (b">0.07</InstdAmt>", b">-0.07</InstdAmt>"),
        (b">0.07</InstdAmt>", b">7E-2</InstdAmt>"),
        (b"<EndToEndId>INV-3-1</EndToEndId>", b"<EndToEndId/>"),
        (b"<NbOfTxs>3</NbOfTxs>", b""),
        (b"<CtrlSum>150.32</CtrlSum>", b""),
        (b"</PmtInf>\n</CstmrDrctDbtInitn></Document>", b""),
        (b"pain.008.001.08", b"pain.001.001.09"),
        (b"<Document", b"<!DOCTYPE Document [<!ENTITY x '9'>]><Document"),
    ],
)
def test_count_refuses_what_cannot_be_counted(before: bytes, after: bytes) -> None:
    """Foreign currency, odd amounts, missing ids or sums, a cut file, another message and a DOCTYPE are refused."""
    data = rendered(FILE)
    assert before in data

    with pytest.raises(BadInput):
        pain008.count(io.BytesIO(data.replace(before, after)))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 99_999_999_999), min_size=1, max_size=30))
def test_sums_are_exact_whatever_the_amounts(amounts: list[int]) -> None:
    """The stated and the counted sum are the sum of the cents, for any amounts."""
    debits = tuple(replace(FIRST, end_to_end_id=f"INV-{n}", amount_cents=cents) for n, cents in enumerate(amounts))
    facts = pain008.count(io.BytesIO(rendered(replace(FILE, blocks=(replace(BLOCK, debits=debits),)))))

    assert facts.stated_sum_cents == facts.counted_sum_cents == sum(amounts)
    assert facts.stated_count == facts.counted == len(amounts)


WORDS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-?:().,'+", min_size=1, max_size=30)
DAYS = st.dates(date(2020, 1, 1), date(2040, 1, 1))
ADDRESSES = st.builds(Address, *[st.none() | WORDS] * 4, st.just("CH"), st.lists(WORDS, max_size=2).map(tuple))
LINES = st.builds(
    DebitLine,
    end_to_end_id=WORDS,
    amount_cents=st.integers(1, 99_999_999_999),
    mandate_id=WORDS,
    signed_on=DAYS,
    debtor_name=WORDS,
    debtor_iban=st.sampled_from((FIRST.debtor_iban, SWISS.debtor_iban)),
    remittance=st.none() | WORDS,
    debtor_bic=st.none() | st.just("POFICHBEXXX"),
    debtor_address=st.none()
    | st.builds(Address, *[st.none() | WORDS] * 4, st.just("CH"), st.lists(WORDS, max_size=2).map(tuple)),
    ultimate_debtor=st.none() | WORDS,
    purpose=st.none() | st.just("RENT"),
    amendment=st.none() | st.builds(Amendment, WORDS, st.none() | WORDS, st.none() | WORDS, st.booleans()),
)
REFERENCED = LINES.map(lambda line: replace(line, creditor_reference=None if line.remittance else "RF18539007547034"))
BLOCKS = st.builds(
    replace,
    st.sampled_from((BLOCK, OTHER)),
    pmt_inf_id=WORDS,
    scheme=st.sampled_from(("CORE", "B2B")),
    due_on=DAYS,
    creditor_name=WORDS,
    batch_booking=st.sampled_from((True, False, None)),
    ultimate_creditor=st.none() | WORDS,
    debits=st.lists(REFERENCED, min_size=1, max_size=4).map(tuple),
)


@given(st.lists(BLOCKS, min_size=1, max_size=3).map(tuple), WORDS, st.sampled_from(sorted(pain008.VERSIONS)))
def test_what_was_written_is_read_back(blocks: tuple[DebitBlock, ...], message_id: str, version: str) -> None:
    """Whatever file can be written, in either version, is read back as the same record."""
    file = replace(FILE, message_id=message_id, blocks=blocks, version=version)

    assert pain008_reader.read(io.BytesIO(rendered(file))) == file


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<MsgId>MW-20261123-1</MsgId>", b""),
        (b"2026-11-23T08:30:00Z", b"yesterday"),
        (b'Ccy="EUR"', b'Ccy="CHF"'),
        (b"<ReqdColltnDt>2026-12-08</ReqdColltnDt>", b""),
        (b"<BtchBookg>true</BtchBookg>", b"<BtchBookg>maybe</BtchBookg>"),
        (b"<MndtId>MND-1</MndtId>", b""),
        (b"pain.008.001.08", b"pain.008.001.09"),
        (b"<GrpHdr>", b"<!DOCTYPE a><GrpHdr>"),
    ],
)
def test_a_file_that_is_not_ours_is_not_read(old: bytes, new: bytes) -> None:
    """What lacks a part, or is written otherwise than we write, is refused whole."""
    body = rendered(FILE)
    assert old in body
    with pytest.raises(BadInput):
        pain008_reader.read(io.BytesIO(body.replace(old, new)))


HEADER = rendered(FILE)[rendered(FILE).index(b"<GrpHdr>") : rendered(FILE).index(b"</GrpHdr>") + 9]
LINE = next(line for line in rendered(FILE).splitlines(keepends=True) if b"INV-3-1" in line)
LINE = LINE[LINE.index(b"<DrctDbtTxInf>") : LINE.index(b"</DrctDbtTxInf>") + 15]
BODY = rendered(FILE)
END = b"</CstmrDrctDbtInitn>"


@pytest.mark.parametrize(
    ("before", "after", "counted", "read"),
    [
        (HEADER, HEADER * 2, "the file has two group headers", "the file has two group headers"),
        (HEADER, b"", "no group header or no block", "no group header, no block, or a debit outside any block"),
        (BODY[BODY.index(b"<PmtInf>") : BODY.index(END)], b"", "no group header or no block", "no group header, no block, or"),
        (END, LINE + END, "a debit stands outside any block", "or a debit outside any block"),
        (b"<NbOfTxs>3<", b"<NbOfTxs>three<", "has no CtrlSum or no whole NbOfTxs", ""),
        (b"<NbOfTxs>3<", "<NbOfTxs>\u0663<".encode(), "has no CtrlSum or no whole NbOfTxs", ""),
        (b"<CreDtTm>2026-11-23T08:30:00Z</CreDtTm>", b"", "", "the pain.008 does not say when it was made"),
    ],
)
def test_what_is_said_of_a_file_with_wrong_parts(before: bytes, after: bytes, counted: str, read: str) -> None:
    """A part too many, too few or in the wrong place is named, by who counts the file and by who reads it back."""
    assert before in BODY
    body = BODY.replace(before, after, 1)
    for reader, words in ((pain008.count, counted), (pain008_reader.read, read)):
        if words:
            with pytest.raises(BadInput, match=words):
                reader(io.BytesIO(body))


def test_the_older_version_is_counted_too() -> None:
    """A file of version .02, as other software writes it, has its parts by the same names."""
    facts = pain008.count(io.BytesIO(BODY.replace(b"pain.008.001.08", b"pain.008.001.02")))
    assert (facts.namespace, facts.counted) == ("urn:iso:std:iso:20022:tech:xsd:pain.008.001.02", 3)
