"""A file appears under its name whole or not at all, and the manifest is only ever added to."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.errors import IntegrityError, Unavailable
from bridge.transport import folder
from bridge.transport.folder import ManifestLine
from tests.testdata import ROOT

FIRST = ManifestLine(1, "MSG-1", "a" * 64, "b" * 64)
SECOND = ManifestLine(2, "MSG-2", "c" * 64, "d" * 64)
NO_ROOM = """
import resource, signal, sys
from pathlib import Path
from bridge.transport import folder
from bridge.errors import Unavailable
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    folder.write(Path(sys.argv[1]), "a.xml", b"x" * 5000)
except Unavailable as problem:
    print(problem)
"""


def test_a_file_is_written_once(tmp_path: Path) -> None:
    """The same bytes again change nothing; other bytes are refused, and what stands there stays."""
    path = folder.write(tmp_path / "outbox", "a.xml", b"one")
    assert folder.write(tmp_path / "outbox", "a.xml", b"one") == path
    with pytest.raises(IntegrityError, match="was changed after it was written"):
        folder.write(tmp_path / "outbox", "a.xml", b"two")

    assert [found.name for found in (tmp_path / "outbox").iterdir()] == ["a.xml"]
    assert path.read_bytes() == b"one"


def test_no_room_leaves_nothing(tmp_path: Path) -> None:
    """A disk that is full leaves neither the file nor a temporary one."""
    done = subprocess.run([sys.executable, "-c", NO_ROOM, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "a.xml could not be written: File too large" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_manifest_is_added_to(tmp_path: Path) -> None:
    """Each line once, in its order; the bytes that stood there stay as they were."""
    folder.remember(tmp_path, FIRST)
    before = (tmp_path / folder.MANIFEST).read_bytes()
    folder.remember(tmp_path, SECOND)
    folder.remember(tmp_path, FIRST)

    assert folder.manifest(tmp_path) == [FIRST, SECOND]
    assert (tmp_path / folder.MANIFEST).read_bytes().startswith(before)


@pytest.mark.parametrize("line", [ManifestLine(1, "MSG-9", "a" * 64, "b" * 64), ManifestLine(9, "MSG-1", "a" * 64, "b" * 64)])
def test_a_number_and_a_name_are_used_once(tmp_path: Path, line: ManifestLine) -> None:
    """The same number for another file, or the same file under another number, is refused."""
    folder.remember(tmp_path, FIRST)
    with pytest.raises(IntegrityError, match="already remembers MSG-1 as number 1"):
        folder.remember(tmp_path, line)

    assert folder.manifest(tmp_path) == [FIRST]


@pytest.mark.parametrize("cut", range(1, 200, 23))
def test_a_torn_line_is_left_out_and_replaced(tmp_path: Path, cut: int) -> None:
    """However much of the last line a crash left, it is not read, and the next line stands alone."""
    folder.remember(tmp_path, FIRST)
    path = tmp_path / folder.MANIFEST
    whole = path.read_bytes()
    torn = (json.dumps({"sequence": 2, "message_id": "MSG-2", "sha256": "c" * 64, "end_to_end_digest": "d" * 64}) + "\n").encode()
    path.write_bytes(whole + torn[:-1][:cut])
    assert folder.manifest(tmp_path) == [FIRST]
    folder.remember(tmp_path, SECOND)

    assert path.read_bytes() == whole + torn


def test_a_line_without_its_end_is_read(tmp_path: Path) -> None:
    """A whole line that lacks only its line end counts, and the next one starts below it."""
    folder.remember(tmp_path, FIRST)
    path = tmp_path / folder.MANIFEST
    path.write_bytes(path.read_bytes()[:-1])
    assert folder.manifest(tmp_path) == [FIRST]
    folder.remember(tmp_path, SECOND)

    assert folder.manifest(tmp_path) == [FIRST, SECOND]


def test_a_folder_in_the_way_is_unavailable(tmp_path: Path) -> None:
    """Where the outbox cannot be made, both say so."""
    (tmp_path / "outbox").write_text("in the way")
    with pytest.raises(Unavailable):
        folder.write(tmp_path / "outbox", "a.xml", b"x")
    with pytest.raises(Unavailable):
        folder.remember(tmp_path / "outbox", FIRST)


def test_a_file_is_set_aside(tmp_path: Path) -> None:
    """It moves to void/ with its bytes; setting aside what lies there, or was never written, changes nothing."""
    folder.write(tmp_path, "a.xml", b"one")
    for name in ("a.xml", "a.xml", "never.xml"):
        folder.set_aside(tmp_path, name)

    assert [path.name for path in tmp_path.iterdir()] == ["void"]
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "void").iterdir()] == [("a.xml", b"one")]


def test_what_was_set_aside_is_never_overwritten(tmp_path: Path) -> None:
    """The same bytes again are one file; other bytes under its name are refused, and both stay."""
    (tmp_path / "void").mkdir()
    (tmp_path / "void" / "a.xml").write_bytes(b"one")
    folder.write(tmp_path, "a.xml", b"one")
    folder.set_aside(tmp_path, "a.xml")
    assert not (tmp_path / "a.xml").exists()
    folder.write(tmp_path, "a.xml", b"two")
    with pytest.raises(IntegrityError, match="has other bytes"):
        folder.set_aside(tmp_path, "a.xml")

    assert (tmp_path / "a.xml").read_bytes() == b"two"
    assert (tmp_path / "void" / "a.xml").read_bytes() == b"one"


def test_no_room_for_void_is_unavailable(tmp_path: Path) -> None:
    """Where void/ cannot be made, it says so and the file stays."""
    (tmp_path / "void").write_text("in the way")
    folder.write(tmp_path, "a.xml", b"one")
    with pytest.raises(Unavailable, match="could not be moved"):
        folder.set_aside(tmp_path, "a.xml")

    assert (tmp_path / "a.xml").exists()


def test_a_manifest_that_cannot_be_read_is_no_bug(tmp_path: Path) -> None:
    """Rights that were changed, a share that fails: a sentence with its path, and not an empty manifest."""
    (tmp_path / folder.MANIFEST).mkdir()
    with pytest.raises(Unavailable, match=r"manifest\.jsonl cannot be read by this user: Is a directory"):
        folder.manifest(tmp_path)
