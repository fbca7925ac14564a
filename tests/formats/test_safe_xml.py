"""What the reader of XML lets in and what it says of the rest, to the byte and to the letter."""

from __future__ import annotations

import io

import pytest
from lxml import etree

from bridge.errors import BadInput
from bridge.formats import safe_xml

NS = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
GOOD = f'<Document xmlns="{NS}"><Ntry/></Document>'


def names(xml: str | bytes, *, size_max: int = safe_xml.SIZE_MAX) -> list[str]:
    """The local names of the Ntry elements of a file, as they end."""
    body = xml if isinstance(xml, bytes) else xml.encode()
    events = safe_xml.open_events(io.BytesIO(body), tags=("Ntry",), known=(NS,), size_max=size_max)
    return [etree.QName(element).localname for event, element in events if event == "end"]


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (b"", "The file is empty"),
        (b"  \n", "The file is empty"),
        (b"hello", "The file is not XML in UTF-8"),
        (b"\0", "The file is not XML in UTF-8"),
        (b"<\0D\0o\0", "The file is not XML in UTF-8"),
        (b"<?xml version='1.0'?>", "no root element in its beginning"),
        (b"<!-- a comment -->\n", "no root element in its beginning"),
        (b"<!-- a comment", "a comment before the root does not end"),
        (b"<?xml version='1.0'", "a comment before the root does not end"),
        (b"<!--" + b"x" * 70_000 + b"--><Document/>", "a comment before the root does not end"),
        (b"<?xml version='1.0' encoding='\xff'?><a/>", "only UTF-8 is read"),
        (b"<!DOCTYPE a><a/>", "The file has a DOCTYPE"),
        (b"<Foo><Ntry/></Foo>", "The root of the file is 'Foo', not a Document"),
        (b"<Foo/>", "its root is not Document"),
        (b'<Document xmlns="urn:a}b"><Ntry/></Document>', "The namespace 'urn:a}b' is not one of"),
        (b"<Document><Ntry/></Document>", "'Document', not a Document of ISO 20022"),
    ],
)
def test_what_is_said_of_a_file_that_is_none(file: bytes, words: str) -> None:
    """Each kind of rubbish has its own sentence, because the one who sent it must know what to do."""
    with pytest.raises(BadInput) as refusal:
        names(file)
    assert words in str(refusal.value)


@pytest.mark.parametrize("prolog", ["<!---->", "<!-- one --><!-- two -->", "<?xml version='1.0'?>\n<!-- x -->\n", "<?pi?>"])
def test_a_prolog_may_hold_comments(prolog: str) -> None:
    """Comments and processing instructions before the root hide nothing and are passed over."""
    assert names(prolog + GOOD) == ["Ntry"]


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "us-ascii", "ASCII"])
def test_the_names_of_utf8(encoding: str) -> None:
    """UTF-8 and its subset ASCII, by each of their names, in any letters."""
    assert names(f'<?xml version="1.0" encoding="{encoding}"?>{GOOD}') == ["Ntry"]


def test_a_file_that_was_cut_is_refused() -> None:
    """At any byte before its end: nothing of it is recovered."""
    assert names(GOOD) == ["Ntry"]
    for cut in range(len(GOOD)):
        with pytest.raises(BadInput):
            names(GOOD[:cut])


@pytest.mark.parametrize("inside", ["<a>" * 300 + "</a>" * 300, f"<a>{'x' * 11_000_000}</a>"], ids=["depth", "text"])
def test_a_limit_of_the_parser_is_no_truncation(inside: str) -> None:
    """What is nested or written too far is called so: asking the bank for the whole file would not help."""
    with pytest.raises(BadInput, match="nested more than 256 deep, or hold too long a text"):
        names(GOOD.replace("<Ntry/>", inside))


def test_size_to_the_byte() -> None:
    """A file of exactly the limit is read, one byte more is refused; without a limit of its own it is 200 MB."""
    assert names(GOOD, size_max=len(GOOD)) == ["Ntry"]
    with pytest.raises(BadInput, match="larger than"):
        names(GOOD, size_max=len(GOOD) - 1)
    assert safe_xml.SIZE_MAX == 200_000_000


def test_a_document_without_what_is_looked_for() -> None:
    """Nothing is found in it, and it is no error."""
    assert names(GOOD.replace("<Ntry/>", "<Stmt/>")) == []


def test_what_was_read_is_freed() -> None:
    """The element is emptied, its like before it is gone, another before it stays, and the text behind it too."""
    root = etree.fromstring("<a><b n='1'/><b n='2'><c/>text</b>behind<d/><b n='3'/></a>")
    second, third = root[1], root[3]
    safe_xml.drop(second)
    safe_xml.drop(third)

    assert [(child.tag, len(child), child.text, child.tail) for child in root] == [
        ("b", 0, None, "behind"),
        ("d", 0, None, None),
        ("b", 0, None, None),
    ]
