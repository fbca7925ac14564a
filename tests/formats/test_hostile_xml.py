"""What a hostile or broken file can do to the readers: nothing."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bridge.errors import BadInput
from bridge.formats import camt, detect, pain002, safe_xml, xml_pieces

NS = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
BODY = f"""<Document xmlns="{NS}"><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId><CreDtTm>2026-12-10T21:00:00Z</CreDtTm></GrpHdr>
<Stmt><Id>S</Id><Acct><Id><IBAN>DE02120300000000202051</IBAN></Id></Acct>
<Ntry><Amt Ccy="EUR">AMOUNT</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BkTxCd/></Ntry>
</Stmt></BkToCstmrStmt></Document>"""
GOOD = BODY.replace("AMOUNT", "100.00")
REPORT = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt><GrpHdr><MsgId>M</MsgId></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>F</OrgnlMsgId><OrgnlMsgNmId>pain.008.001.08</OrgnlMsgNmId><GrpSts>RJCT</GrpSts></OrgnlGrpInfAndSts>
</CstmrPmtStsRpt></Document>"""


def everything(read: Callable[[io.BytesIO], Iterator[Any]], xml: str | bytes) -> list[Any]:
    return list(read(io.BytesIO(xml if isinstance(xml, bytes) else xml.encode())))


@pytest.mark.parametrize("read", [camt.read, pain002.read, detect.detect])
@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE Document SYSTEM "http://127.0.0.1/x.dtd">',
        '<!DOCTYPE Document [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE Document [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]>',
        '<!DOCTYPE Document [<!ENTITY x "00.00">]>',
        '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>',
        "<!-- a comment first --><!DOCTYPE Document>",
        "<?pi first?>\n<!DOCTYPE Document>",
    ],
)
def test_a_doctype_is_refused_whole(doctype: str, read: Callable[[io.BytesIO], Any]) -> None:
    """Any DOCTYPE is refused before the root is read: XXE, parameter entity, entity in an amount, billion laughs."""
    for entity in ("100.00", "1&x;", "&c;"):
        with pytest.raises(BadInput, match="DOCTYPE"):
            list(read(io.BytesIO((doctype + BODY.replace("AMOUNT", entity)).encode())))


def test_a_doctype_behind_a_long_prolog_is_refused() -> None:
    """Padding before the DOCTYPE does not hide it: a prolog longer than is looked at is refused too."""
    for padding in (100, 70_000):
        with pytest.raises(BadInput):
            everything(camt.read, "<!--" + "x" * padding + "--><!DOCTYPE Document>" + GOOD)


def test_an_undeclared_entity_is_refused() -> None:
    """Without a DOCTYPE there is no entity to name."""
    with pytest.raises(BadInput, match="well-formed"):
        everything(camt.read, BODY.replace("AMOUNT", "1&x;"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_an_encoding_that_can_hide_a_doctype_is_refused(encoding: str) -> None:
    """UTF-16 and UTF-32 are refused, with and without their byte-order mark."""
    with pytest.raises(BadInput):
        everything(camt.read, GOOD.encode(encoding))


@pytest.mark.parametrize("declared", ["UTF-16", "UTF-7", "ISO-8859-1", "cp037"])
def test_only_utf8_may_be_declared(declared: str) -> None:
    """A declared encoding other than UTF-8 or ASCII is refused by name."""
    with pytest.raises(BadInput, match="only UTF-8"):
        everything(camt.read, f'<?xml version="1.0" encoding="{declared}"?>{GOOD}')


@pytest.mark.parametrize(
    "declared",
    ["", '<?xml version="1.0"?>', "<?xml version='1.0' encoding='utf-8'?>", '<?xml version="1.0" encoding="US-ASCII"?>'],
)
def test_a_byte_order_mark_is_tolerated(declared: str) -> None:
    """UTF-8 with and without a byte-order mark reads the same."""
    plain = everything(camt.read, declared + GOOD)

    marked = everything(camt.read, b"\xef\xbb\xbf" + (declared + GOOD).encode())

    assert plain == marked
    assert plain[1].amount_cents == 10000


def test_bytes_that_are_not_utf8_are_refused() -> None:
    """A Latin-1 umlaut in a file that says nothing of its encoding is not guessed at."""
    with pytest.raises(BadInput, match="well-formed"):
        everything(camt.read, GOOD.encode().replace(b"<Id>S</Id>", b"<Id>\xfc</Id>"))


@pytest.mark.parametrize("split", ["1<!-- 9 -->00.00", "1<?x 9?>00.00", "<![CDATA[100.00]]>", " 100.00\n"])
def test_a_comment_does_not_cut_an_amount(split: str) -> None:
    """Comments, processing instructions and CDATA inside an amount leave the amount whole."""
    assert everything(camt.read, BODY.replace("AMOUNT", split))[1].amount_cents == 10000


def test_an_element_inside_an_amount_is_refused() -> None:
    """Text before a child element is not taken for the whole."""
    with pytest.raises(BadInput, match="holds elements"):
        everything(camt.read, BODY.replace("AMOUNT", "1<x/>00.00"))


@pytest.mark.parametrize(
    "written",
    ["", "1.234", "1,23", "-1.00", "+1", ".5", "5.", "1e3", "1 000", "NaN", "١.٠٠", "9" * 16, "1000000000000.00", "0x10"],
)
def test_an_amount_that_is_not_cents_is_refused(written: str) -> None:
    """At most 12 digits and two decimals, no sign, no exponent, no grouping, no other script; the line is named, not the text."""
    with pytest.raises(BadInput, match="line 3"):
        everything(camt.read, BODY.replace("AMOUNT", written))


@pytest.mark.parametrize(
    ("written", "cents"),
    [("0", 0), ("7", 700), ("474.4", 47440), ("0.05", 5), ("999999999999.99", 99999999999999), ("000001.00", 100)],
)
def test_an_amount_is_read_to_the_cent(written: str, cents: int) -> None:
    """Fewer than two decimals are filled up; no amount passes through a float."""
    assert everything(camt.read, BODY.replace("AMOUNT", written))[1].amount_cents == cents


@pytest.mark.parametrize(("read", "good"), [(camt.read, GOOD), (pain002.read, REPORT)], ids=["camt", "pain.002"])
def test_truncation_is_refused(read: Callable[[io.BytesIO], Iterator[Any]], good: str) -> None:
    """A file cut at any byte before its end is refused; only white space at its end may be missing."""
    whole = good.encode()
    for cut in range(len(whole)):
        with pytest.raises(BadInput):
            everything(read, whole[:cut])
    assert len(everything(read, whole)) == 2


def test_something_behind_the_end_is_refused() -> None:
    """Two documents in one file are not one of them."""
    with pytest.raises(BadInput, match="well-formed"):
        everything(camt.read, GOOD + GOOD)


@pytest.mark.parametrize("depth", [252, 300, 100_000])
def test_depth_is_bounded(depth: int) -> None:
    """Elements nested beyond 256 are refused."""
    with pytest.raises(BadInput, match="256 deep"):
        everything(camt.read, GOOD.replace("<Id>S</Id>", "<Id>S</Id>" + "<a>" * (depth + 2) + "</a>" * (depth + 2)))
    assert everything(camt.read, GOOD.replace("<Id>S</Id>", "<Id>S</Id>" + "<a>" * 250 + "</a>" * 250))


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ("<Id>" + "x" * 1_000_001 + "</Id>", "longer than 1,000,000 characters"),
        ('<a b="' + "x" * 4_200_000 + '"/>', "too long for a bank's file"),
        ("<a/>" * 1_100_000, "too long for a bank's file"),
        ("".join(f"<a{n}/>" for n in range(10_001)), "of too many kinds"),
    ],
    ids=["text", "attribute", "elements", "names"],
)
def test_what_stands_in_a_statement_is_bounded(inside: str, words: str) -> None:
    """One long text, one long tag, a head without end, and names without end are each refused before they fill the memory."""
    with pytest.raises(BadInput, match=words):
        everything(camt.read, GOOD.replace("<Id>S</Id>", f"<Id>S</Id>{inside}"))


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ("<x>" * 100_000 + "</x>" * 100_000, "256 deep"),
        ("<x>" + "x" * 11_000_000 + "</x>", "longer than 1,000,000 characters"),
        ("<x/>" * 1_100_000, "too long for a bank's file"),
    ],
    ids=["depth", "text", "elements"],
)
@pytest.mark.parametrize("behind", ["<MsgId>M</MsgId>", "<GrpSts>RJCT</GrpSts>"])
def test_what_stands_in_a_report_is_bounded(behind: str, inside: str, words: str) -> None:
    """The same in a status report, in its head and in what it says of a file, and the refusal says which bound it is."""
    with pytest.raises(BadInput, match=words):
        everything(pain002.read, REPORT.replace(behind, behind + inside))


@pytest.mark.parametrize(
    ("read", "good", "piece"),
    [
        (camt.read, GOOD, '<Ntry><Amt Ccy="EUR">1</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts></Ntry>'),
        (pain002.read, REPORT.replace("</Cst", "<OrgnlPmtInfAndSts><OrgnlPmtInfId>B</OrgnlPmtInfId></OrgnlPmtInfAndSts></Cst"),
         "<TxInfAndSts><TxSts>ACCP</TxSts></TxInfAndSts>"),
    ],
    ids=["camt", "pain.002"],
)  # fmt: skip
def test_what_stands_between_is_counted_together(
    read: Callable[[io.BytesIO], Any], good: str, piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Junk between the entries, each piece of it short, would be kept until the statement ends; blanks are not it."""
    monkeypatch.setattr(xml_pieces, "LOOSE_MAX", 100_000)
    where = "</Stmt>" if read is camt.read else "</OrgnlPmtInfAndSts>"
    with pytest.raises(BadInput, match="says of itself is too long"):
        everything(read, good.replace(where, ("<x/>" * 1_000 + piece) * 30 + where))
    assert len(everything(read, good.replace(where, ("\n  " + piece) * 2_000 + where))) > 2_000


@pytest.mark.parametrize("mixed", ["<Id>S<x/></Id>", "<Id><x/>S</Id>", "<Id><x/>S<x/></Id>", "<Id><x>1</x>S</Id>"])
def test_text_beside_elements_is_refused(mixed: str) -> None:
    """No element of a statement holds both, so one of them would be passed over."""
    with pytest.raises(BadInput, match="holds elements where text belongs"):
        everything(camt.read, GOOD.replace("<Id>S</Id>", mixed))


def test_what_another_namespace_says_is_not_heard() -> None:
    """An identification in a namespace of its own is no identification."""
    with pytest.raises(BadInput, match="Stmt at line 2 has no Id"):
        everything(camt.read, GOOD.replace("<Id>S</Id>", '<x:Id xmlns:x="urn:x">S</x:Id>'))


def test_size_is_bounded() -> None:
    """A file larger than its limit is refused while it is read."""
    with pytest.raises(BadInput, match="larger than 1,000 bytes"):
        list(camt.read(io.BytesIO((GOOD + " " * 1000).encode()), size_max=1000))
    with pytest.raises(BadInput):
        everything(camt.read, GOOD.replace("<Id>S</Id>", "<Id>" + "x" * 11_000_000 + "</Id>"))


@pytest.mark.parametrize(
    "empty", ["", "  \n", "\ufeff", "hello", "{}", "<", "<?xml version='1.0'?>", "<!-- -->", "<a/>", "<Document/>"]
)
def test_what_is_no_message_is_refused(empty: str) -> None:
    """An empty file, another format and another root are refused."""
    for read in (camt.read, pain002.read, detect.detect):
        with pytest.raises(BadInput):
            list(read(io.BytesIO(empty.encode())))


@pytest.mark.parametrize("namespace", [f"{NS}x", "urn:iso:std:iso:20022:tech:xsd:camt.053.001.99", "camt.053.001.08", ""])
def test_an_unknown_namespace_names_the_known_ones(namespace: str) -> None:
    """A version that is not registered is refused with the list of those that are."""
    with pytest.raises(BadInput) as refusal:
        everything(camt.read, GOOD.replace(NS, namespace))
    assert not namespace or NS in str(refusal.value)


def test_an_entry_of_another_namespace_is_not_passed_over() -> None:
    """An Ntry in a namespace of its own is an error, not silence."""
    with pytest.raises(BadInput, match="namespace"):
        everything(camt.read, GOOD.replace("<Ntry>", '<x:Ntry xmlns:x="urn:x">').replace("</Ntry>", "</x:Ntry>"))


def test_a_refusal_does_not_quote_personal_data() -> None:
    """An IBAN written where an amount belongs does not get into the message."""
    with pytest.raises(BadInput) as refusal:
        everything(camt.read, BODY.replace("AMOUNT", "DE89370400440532013000"))
    assert "DE89" not in str(refusal.value)


def test_elements_are_freed_while_reading() -> None:
    """When the thousandth entry is handed out, those before it are gone from the tree."""
    one = GOOD[GOOD.index("<Ntry>") : GOOD.index("</Ntry>") + 7]
    many = GOOD.replace(one, one * 5000).encode()
    left = []
    for event, element in safe_xml.open_events(io.BytesIO(many), tags=("Ntry",), known=camt.READERS):
        if event == "end":
            left.append(sum(1 for _ in element.itersiblings(preceding=True)))
            safe_xml.drop(element)
    assert len(left) == 5000
    assert max(left) < 1000


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "9999-12-31T24:00:00"])
def test_an_instant_at_the_end_of_the_calendar_is_refused(written: str) -> None:
    """Where another time zone would leave the calendar the file is refused, in a report and in a statement; nothing overflows."""
    instant = f"<CreDtTm>{written}</CreDtTm>"
    with pytest.raises(BadInput, match="not a date and time"):
        everything(camt.read, GOOD.replace("<Stmt><Id>S</Id>", f"<Stmt><Id>S</Id>{instant}"))
    with pytest.raises(BadInput, match="not a date and time"):
        everything(pain002.read, REPORT.replace("<MsgId>M</MsgId>", f"<MsgId>M</MsgId>{instant}"))
