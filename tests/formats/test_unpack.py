"""What banks put their files into is opened within bounds; what attacks is refused before anything of it is read."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from collections.abc import Callable

import pytest

from bridge.errors import BadInput
from bridge.formats import unpack

ONE, TWO = b'<?xml version="1.0"?><Document xmlns="a"><X/></Document>', b'<Document xmlns="b"></Document>'


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", method) as archive:
        for name, inside in files:
            archive.writestr(name, inside)
    return body.getvalue()


def test_a_plain_file_is_itself() -> None:
    """Byte for byte, under its own name, whatever it holds."""
    for body in (ONE, b"", b"no XML", b"<a>&lt;?xml </a>"):
        assert unpack.members("a.xml", body) == [("a.xml", body)]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_gives_its_files(method: int) -> None:
    """In its order, by their names, byte for byte."""
    assert unpack.members("a.zip", zipped(("1.xml", ONE), ("2.xml", TWO), method=method)) == [("1.xml", ONE), ("2.xml", TWO)]


def test_a_gzip_gives_its_file() -> None:
    """Without the ending; two that were written behind one another are one stream."""
    assert unpack.members("a.xml.gz", gzip.compress(ONE)) == [("a.xml", ONE)]


@pytest.mark.parametrize("between", [b"", b"\n", b"\r\n\r\n  "])
def test_documents_behind_one_another_are_divided(between: bytes) -> None:
    """Each is a document of its own, in order; none is lost."""
    assert unpack.members("a.xml", ONE + between + TWO + between + ONE) == [("a.xml#1", ONE), ("a.xml#2", TWO), ("a.xml#3", ONE)]


@pytest.mark.parametrize("pack", [gzip.compress, lambda body: zipped(("a.xml", body))], ids=["gzip", "ZIP"])
def test_documents_behind_one_another_in_a_container_are_divided(pack: Callable[[bytes], bytes]) -> None:
    """A bank may pack what another one sends as it is."""
    assert unpack.members("a.xml.gz", pack(ONE + TWO)) == [("a.xml#1", ONE), ("a.xml#2", TWO)]


@pytest.mark.parametrize(
    ("start", "end"),
    [(b"<!DOCTYPE Document>", b""), (b"<!-- </Document>", b"<Document> -->"), (b"<a><![CDATA[</Document>", b"<Document>]]></a>")],
)
def test_what_only_looks_like_a_document_is_not_divided(start: bytes, end: bytes) -> None:
    """Behind a DOCTYPE, in a comment, in a text: nothing of the file is read by itself."""
    body = start + ONE + end
    assert unpack.members("a.xml", body) == [("a.xml", body)]


def test_as_many_as_are_taken() -> None:
    """A thousand documents are read, behind one another and in a ZIP."""
    assert len(unpack.members("a.xml", TWO * 1_000)) == 1_000
    assert len(unpack.members("a.zip", zipped(*((f"{n}.xml", ONE) for n in range(1_000))))) == 1_000


def encrypted() -> bytes:
    body = bytearray(zipped(("a.xml", ONE)))
    for start, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = body.index(start) + place
        body[at : at + 2] = struct.pack("<H", 1)
    return bytes(body)


BOMB = bytes(20_000_000)
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "a bomb in a ZIP": (lambda: zipped(("a.xml", BOMB)), "unpacks to more than"),
    "a bomb in a gzip": (lambda: gzip.compress(BOMB), "unpacks to more than"),
    "a path upwards": (lambda: zipped(("../../etc/passwd", ONE)), "in a folder"),
    "a path from the root": (lambda: zipped(("/etc/passwd", ONE)), "in a folder"),
    "a path of Windows": (lambda: zipped(("..\\a.xml", ONE)), "in a folder"),
    "a folder": (lambda: zipped(("a/", b"")), "in a folder"),
    "too many": (lambda: zipped(*((f"{n}.xml", b"") for n in range(1_001))), "holds 1001 files"),
    "far too many": (lambda: zipped(*((f"{n}.xml", b"") for n in range(2_001))), "holds more than 1,000 files"),
    "too many documents behind one another": (lambda: ONE + TWO * 1_000, "holds more than 1,000 documents"),
    "too many documents in the files of a ZIP": (lambda: zipped(("a.xml", TWO * 600), ("b.xml", TWO * 600)), "1,000 documents"),
    "none": (zipped, "holds 0 files"),
    "a password": (encrypted, "encrypted"),
    "a ZIP in a ZIP": (lambda: zipped(("b.zip", zipped(("a.xml", ONE)))), "container in a container"),
    "a gzip in a ZIP": (lambda: zipped(("b.gz", gzip.compress(ONE))), "container in a container"),
    "a ZIP that is cut": (lambda: zipped(("a.xml", ONE))[:-30], "damaged"),
    "a ZIP with a wrong check sum": (lambda: zipped(("a.xml", ONE), method=0).replace(b"<X/>", b"<Y/>"), "damaged"),
    "a gzip that is cut": (lambda: gzip.compress(ONE)[:-3], "damaged"),
    "a gzip with a wrong check sum": (lambda: gzip.compress(ONE)[:-8] + bytes(8), "damaged"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_attacks_is_refused(what: str) -> None:
    """In words that say what is wrong; nothing of it is given."""
    make, words = HOSTILE[what]
    with pytest.raises(BadInput, match=words):
        unpack.members("drop.zip", make())


def test_the_files_of_a_zip_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them is small enough; all of them are not."""
    monkeypatch.setattr(unpack, "BYTES_MAX", 3 * len(ONE))
    assert len(unpack.members("a.zip", zipped(*((f"{n}.xml", ONE) for n in range(3))))) == 3
    with pytest.raises(BadInput, match="unpacks to more than"):
        unpack.members("a.zip", zipped(*((f"{n}.xml", ONE) for n in range(4))))


def test_a_zip_that_lies_about_its_size_is_counted_while_it_is_read() -> None:
    """The sizes that stand in it are an attacker's words."""
    body = bytearray(zipped(("a.xml", bytes(5_000_000))))
    for start, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = body.index(start) + place
        body[at : at + 4] = struct.pack("<I", 10)
    with pytest.raises(BadInput):
        unpack.members("drop.zip", bytes(body))
