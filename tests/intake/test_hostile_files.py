"""What is hostile or broken books nothing: it is refused in bounded time with a reason, and its original is kept aside."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.model import Document
from bridge.steps import receive
from tests.formats.test_unpack import HOSTILE as CONTAINERS
from tests.formats.test_unpack import zipped
from tests.intake.papers import CAMT, Line, Paper, camt, pain002, reason
from tests.steps.place import Place

GOOD = camt(Paper((Line(5_000, "R-1"), Line(-1_000, "R-2"))))
REPORT = pain002("F-1", "<GrpSts>RJCT</GrpSts>" + reason("FF01"))
SECONDS_MAX = 60.0
"""For all of them together; each takes a few at most."""


def inside(junk: bytes) -> bytes:
    """A statement that is good but for this in its head."""
    return GOOD.replace(b"<Id>S-1</Id>", b"<Id>S-1</Id>" + junk, 1)


def before(prolog: bytes) -> bytes:
    return prolog + GOOD


BOMB = b"<!DOCTYPE d [<!ENTITY a 'ha'>%s]>" % b"".join(
    b"<!ENTITY %c '%s'>" % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(20)
)
#: what it is -> the file, and words of the reason that lies beside it
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "a document type": (lambda: before(b"<!DOCTYPE Document>"), "has a DOCTYPE"),
    "an entity from outside": (lambda: before(b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]>'), "has a DOCTYPE"),
    "a bomb of entities": (lambda: before(BOMB).replace(b"<Id>S-1</Id>", b"<Id>&t;</Id>"), "has a DOCTYPE"),
    "a statement in a comment": (lambda: b"<!-- </Document>" + GOOD + b"<Document> -->", "no root element"),
    "a statement in a text": (lambda: inside(b"<a><![CDATA[</Document>" + GOOD + b"<Document>]]></a>")[:-9], "not well-formed"),
    "an entity that nobody declared": (lambda: inside(b"<a>&x;</a>"), "not well-formed"),
    "another encoding": (lambda: GOOD.decode().encode("utf-16"), "not XML in UTF-8"),
    "another encoding that it declares": (lambda: before(b'<?xml version="1.0" encoding="ISO-8859-1"?>'), "only UTF-8 is read"),
    "a text of 11 MB": (lambda: inside(b"<a>" + b"x" * 11_000_000 + b"</a>"), "longer than 1,000,000 characters"),
    "a nesting of 100,000": (lambda: inside(b"<a>" * 100_000 + b"</a>" * 100_000), "nested more than 256 deep"),
    "a head without end": (lambda: inside(b"<a/>" * 1_100_000), "too long for a bank's file"),
    "an unknown version": (lambda: GOOD.replace(CAMT.encode(), CAMT.encode() + b"9"), "known are: camt.052"),
    "an unknown message": (lambda: GOOD.replace(b"camt.053.001.08", b"camt.060.001.05"), "known are: camt.052"),
    "no namespace": (lambda: GOOD.replace(f' xmlns="{CAMT}"'.encode(), b""), "not a Document of ISO 20022"),
    "entries of another namespace": (lambda: GOOD.replace(b"<Ntry>", b"<Ntry xmlns='urn:x'>"), "not in the namespace of"),
    "a statement without statements": (
        lambda: GOOD.replace(b"<Stmt>", b"<Rpt>").replace(b"</Stmt>", b"</Rpt>"), "stands in Rpt, not in Stmt"),
    "no XML": (lambda: b":20:MT940\r\n:25:10000000/123456\r\n", "not XML in UTF-8"),
    "a report about nothing": (lambda: REPORT.replace(b"OrgnlGrpInfAndSts", b"x"), "names no original file"),
    **CONTAINERS,
}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def failed(place: Place) -> dict[str, tuple[bytes, str]]:
    """Name -> bytes and reason of what was set aside."""
    kept = place.folder / "inbox" / "failed"
    files = [path for path in kept.iterdir() if not path.name.endswith(".error.txt")]
    return {path.name: (path.read_bytes(), (kept / f"{path.name}.error.txt").read_text(encoding="utf-8")) for path in files}


def test_hostile_files_are_set_aside(place: Place) -> None:
    """Each as it was, with the reason beside it and a Break; a good statement behind them is booked, and nothing else."""
    bodies = {f"{n:02}": make() for n, (make, _) in enumerate(HOSTILE.values())}
    for name, body in bodies.items():
        (place.folder / "inbox" / name).write_bytes(body)
    (place.folder / "inbox" / "z.xml").write_bytes(GOOD)
    started = time.monotonic()
    assert receive.run(place.runtime) == {"stored": 1, "known": 0, "failed": len(HOSTILE)}

    assert time.monotonic() - started < SECONDS_MAX
    kept = failed(place)
    assert {name: body for name, (body, _) in kept.items()} == bodies
    reasons = [kept[name][1] for name in bodies]
    unsaid = [what for (what, (_, words)), why in zip(HOSTILE.items(), reasons, strict=True) if words not in why]
    assert unsaid == []
    assert {kind for kind, _ in place.breaks()} == {"BAD_FILE"}
    assert place.ledger("Bank") == 104_000


@pytest.mark.parametrize(
    "whole",
    [GOOD, REPORT, gzip.compress(GOOD), zipped(("1.xml", GOOD), ("2.xml", REPORT)), zipped(("1.xml", GOOD), method=0)],
    ids=["statement", "report", "gzip", "ZIP", "ZIP that is not packed"],
)
def test_a_file_that_was_cut_books_nothing(place: Place, whole: bytes) -> None:
    """At any twentieth of it: every piece is set aside as it is, and no document, line or cent comes of it."""
    pieces = {f"{percent:02}": whole[: len(whole) * percent // 100] for percent in range(0, 100, 5)}
    for name, body in pieces.items():
        (place.folder / "inbox" / name).write_bytes(body)
    before = place.dump("break")
    assert receive.run(place.runtime) == {"stored": 0, "known": 0, "failed": len(pieces)}

    assert {name: body for name, (body, _) in failed(place).items()} == pieces
    assert place.dump("break") == before
    assert place.rows(Document) == []
