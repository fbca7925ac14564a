"""Whatever lies in the inbox, the good files are read, the bad ones leave a trace, and nothing outside is touched."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from bridge.cli.bank import read
from bridge.errors import BadInput, IntegrityError, Unavailable
from bridge.model import Break, Document
from bridge.steps import receive
from tests.formats.test_unpack import zipped
from tests.intake.papers import Line, Paper, camt
from tests.steps.place import OWN_IBAN, Place

GOOD = camt(Paper((Line(5_000, "R-1"),)))
NONE = {"stored": 0, "known": 0, "failed": 0}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def inbox(place: Place) -> Path:
    return place.folder / "inbox"


def raising(problem: BaseException) -> Callable[[str], None]:
    """A fault point that raises once, for the first file."""
    left = [problem]

    def fault(_: str) -> None:
        if left:
            raise left.pop()

    return fault


@pytest.mark.parametrize(
    "problem", [OverflowError("x"), RecursionError(), MemoryError(), KeyError("x"), OSError(5, "I/O"), AssertionError("x")]
)
def test_whatever_a_file_raises_the_others_are_read(place: Place, inbox: Path, problem: Exception) -> None:
    """An error nobody foresaw sets its file aside; the next one is taken."""
    (inbox / "a.xml").write_bytes(GOOD)
    (inbox / "b.xml").write_bytes(GOOD + b"\n")
    assert receive.run(replace(place.runtime, fault=raising(problem))) == {"stored": 1, "known": 0, "failed": 1}

    assert sorted(path.name for path in (inbox / "failed").iterdir()) == ["a.xml", "a.xml.error.txt"]
    assert place.ledger("Bank") == 105_000


@pytest.mark.parametrize("problem", [SystemExit(3), KeyboardInterrupt(), Unavailable("the database"), IntegrityError("stored")])
def test_what_is_not_the_file_stops_the_step(place: Place, inbox: Path, problem: BaseException) -> None:
    """Whoever stops the process, and a database that is away or damaged, is not the file's fault: it stays where it is."""
    (inbox / "a.xml").write_bytes(GOOD)
    with pytest.raises(type(problem)):
        receive.run(replace(place.runtime, fault=raising(problem)))

    assert [path.name for path in inbox.iterdir()] == ["a.xml"]
    assert place.breaks() == []


def test_a_date_at_the_end_of_the_calendar_stops_nothing(place: Place, inbox: Path) -> None:
    """A statement written in the year 1, fourteen hours east of Greenwich, is set aside; the next file is taken."""
    paper = Paper((Line(1),), head="<CreDtTm>0001-01-01T00:00:00+14:00</CreDtTm>")
    (inbox / "a.xml").write_bytes(camt(paper))
    (inbox / "b.xml").write_bytes(GOOD)

    assert receive.run(place.runtime) == {"stored": 1, "known": 0, "failed": 1}


def test_a_name_that_is_no_text_is_taken(place: Place, inbox: Path) -> None:
    """Bytes that are no UTF-8 in a name, umlauts and 254 characters: the document has a plain name of at most 200."""
    names = [b"b\xff.xml", "c März.xml".encode(), b"d" * 250 + b".xml"]
    for n, name in enumerate(names):
        Path(os.fsdecode(os.fsencode(inbox) + b"/" + name)).write_bytes(GOOD + b"\n" * n)
    assert receive.run(place.runtime) == {"stored": 1, "known": 2, "failed": 0}

    assert [row.name for row in place.rows(Document)] == ["b?.xml", "c Marz.xml", "d" * 200]


@pytest.mark.parametrize("name", [b"b\xff.xml", b"d" * 250 + b".xml", b"d." + b"x" * 252, "ü".encode() * 127])
def test_a_bad_file_of_any_name_is_set_aside(place: Place, inbox: Path, name: bytes) -> None:
    """A name near the limit of the file system leaves room for the reason beside it."""
    Path(os.fsdecode(os.fsencode(inbox) + b"/" + name)).write_bytes(b"no bank file")
    (inbox / "z.xml").write_bytes(GOOD)
    assert receive.run(place.runtime) == {"stored": 1, "known": 0, "failed": 1}

    assert [path.name for path in inbox.iterdir()] == ["failed"]
    assert len(list((inbox / "failed").iterdir())) == 2


def test_a_file_in_the_place_of_failed_stops_nothing(place: Place, inbox: Path) -> None:
    """Where failed is no folder, a bad file stays in the inbox, is counted each time, and has one Break."""
    (inbox / "failed").write_bytes(b"no bank file")
    (inbox / "a.xml").write_bytes(b"nor this")
    (inbox / "z.xml").write_bytes(GOOD)
    assert receive.run(place.runtime) == {"stored": 1, "known": 0, "failed": 2}
    assert receive.run(place.runtime) == {"stored": 0, "known": 0, "failed": 2}

    assert sorted(path.name for path in inbox.iterdir()) == ["a.xml", "failed"]
    assert [kind for kind, _ in place.breaks()] == ["BAD_FILE", "BAD_FILE"]


def test_a_bad_file_opens_a_break(place: Place, inbox: Path) -> None:
    """Name and reason, where to look, and no IBAN; the same bytes again open no second one."""
    bad = GOOD[:-9]
    for _ in range(2):
        (inbox / f"{OWN_IBAN}_1.xml").write_bytes(bad)
        receive.run(place.runtime)

    [found] = place.rows(Break)
    assert (found.kind, found.subject, found.next) == ("BAD_FILE", f"document:{sha256(bad).hexdigest()}", "look at inbox/failed")
    assert found.what.startswith("DE02…2051_1.xml: The file is not well-formed XML")
    assert OWN_IBAN not in "".join(path.read_text() for path in (inbox / "failed").glob("*.error.txt"))


def test_a_file_that_may_not_be_read_opens_a_break(place: Place, inbox: Path) -> None:
    """Its bytes are not known, so its name is the subject."""
    with (inbox / "a.xml").open("wb") as file:
        file.truncate(receive.BYTES_MAX + 1)
    assert receive.run(place.runtime) == {**NONE, "failed": 1}

    assert place.breaks() == [("BAD_FILE", "file:a.xml")]
    assert "200,000,000 bytes" in place.rows(Break)[0].what


def test_a_break_closes_when_its_bytes_can_be_read(place: Place, inbox: Path) -> None:
    """What failed for a reason that is gone is put into the inbox again: stored, and nobody has to close the Break."""
    (inbox / "a.xml").write_bytes(GOOD)
    receive.run(replace(place.runtime, fault=raising(OverflowError())))
    assert place.breaks() == [("BAD_FILE", f"document:{sha256(GOOD).hexdigest()}")]
    (inbox / "failed" / "a.xml").replace(inbox / "a.xml")
    assert receive.run(place.runtime) == {**NONE, "stored": 1}

    assert place.breaks() == []


def test_a_link_in_the_place_of_failed_is_not_followed(place: Place, inbox: Path) -> None:
    """A bad file is not moved out of the inbox through a link."""
    outside = place.folder / "outside"
    outside.mkdir()
    (inbox / "failed").symlink_to(outside)
    (inbox / "a.xml").write_bytes(b"no bank file")
    assert receive.run(place.runtime) == {**NONE, "failed": 1}

    assert list(outside.iterdir()) == []
    assert (inbox / "a.xml").read_bytes() == b"no bank file"


@pytest.mark.parametrize("name", ["a.xml", "a.xml.error.txt"])
def test_a_link_in_failed_is_not_followed(place: Place, inbox: Path, name: str) -> None:
    """Neither the file nor its reason is written where a link points to, whether or not anything is there."""
    outside = place.folder / "outside.txt"
    outside.write_text("untouched")
    (inbox / "failed").mkdir()
    for target in (outside, place.folder / "nowhere"):
        (inbox / "failed" / name).unlink(missing_ok=True)
        (inbox / "failed" / name).symlink_to(target)
        (inbox / "a.xml").write_bytes(b"no bank file")
        receive.run(place.runtime)

    assert outside.read_text() == "untouched"
    assert not (place.folder / "nowhere").exists()
    assert (inbox / "failed" / name).is_symlink()
    assert (inbox / "failed" / "a-2.xml").read_bytes() == b"no bank file"


def test_import_reads_regular_files_only(tmp_path: Path) -> None:
    """A pipe would wait for ever, a device may have no end, a folder has no bytes."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(BadInput, match="is not a file"):
            read(path)
    (tmp_path / "a.xml").write_bytes(GOOD)

    assert read(tmp_path / "a.xml") == GOOD


def test_what_is_in_a_zip_is_taken(place: Place, inbox: Path) -> None:
    """Two statements in a ZIP are two documents, each byte for byte; the same ZIP again is known."""
    second = camt(Paper((Line(1_000, "R-2"),), id="S-2", sequence=2, opening=105_000), message="M-2")
    (inbox / "a.zip").write_bytes(zipped(("1.xml", GOOD), ("2.xml", second)))
    assert receive.run(place.runtime) == {**NONE, "stored": 2}
    (inbox / "b.zip").write_bytes(zipped(("3.xml", second)))
    assert receive.run(place.runtime) == {**NONE, "known": 1}

    assert place.ledger("Bank") == 106_000
    assert {row.sha256 for row in place.rows(Document)} == {sha256(body).hexdigest() for body in (GOOD, second)}
    assert list(inbox.iterdir()) == []


def test_a_bad_document_in_a_zip_stops_none_of_the_others(place: Place, inbox: Path) -> None:
    """The others are taken; the ZIP is set aside as it was, with a Break that ends when all of it could be read."""
    body = zipped(("bad.xml", b"<no>"), ("good.xml", GOOD))
    (inbox / "a.zip").write_bytes(body)
    assert receive.run(place.runtime) == {"stored": 1, "known": 0, "failed": 1}

    assert (inbox / "failed" / "a.zip").read_bytes() == body
    [row] = place.rows(Break)
    assert (row.kind, row.subject) == ("BAD_FILE", f"document:{sha256(body).hexdigest()}")
    assert "of 2 documents in it 1 could not be taken: bad.xml:" in row.what
