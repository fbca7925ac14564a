"""Open what banks put their files into: a ZIP, a gzip, or several documents behind one another. No database, no network.

Nothing is written to a disk, and nothing a container says about itself is believed: what is counted is what was read. A container
in a container is refused, and so is a name with a path, which no bank sends.
"""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO

from bridge.errors import BadInput

BYTES_MAX = 200_000_000
"""Of all members together; as much as one file may have."""
MEMBERS_MAX = 1_000
RATIO_MAX = 200
"""Times the container's own size. Statements shrink to a tenth or a thirtieth; a bomb to a thousandth."""
RATIO_FROM = 1_000_000  # bytes: a small one may be as dense as it likes

_CHUNK = 1 << 20
_ZIP, _EMPTY_ZIP, _GZIP = b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b"
_MEMBER = b"PK\x01\x02"  # how the entry of a file in the directory of a ZIP begins
_NEXT_DOCUMENT = re.compile(rb"(?<=Document>)\s*(?=<\?xml\s|<(?:[A-Za-z_][\w.-]*:)?Document[\s>])")


def members(name: str, body: bytes) -> list[tuple[str, bytes]]:
    """The documents in a file, each with a name for people; a plain file is its own only member, as it is.

    Raises BadInput for a container that is damaged, encrypted, empty or too large, and for one with a path or another container.
    """
    if body.startswith((_ZIP, _EMPTY_ZIP)):
        found = _refuse_containers(list(_of_zip(name, body)))
    elif body.startswith(_GZIP):
        found = _refuse_containers([(name.removesuffix(".gz"), _of_gzip(name, body))])
    else:
        found = [(name, body)]
    documents = [document for part, inside in found for document in _documents(part, inside)]
    if len(documents) > MEMBERS_MAX:
        raise BadInput(f"{name} holds more than {MEMBERS_MAX:,} documents")
    return documents


def _documents(name: str, body: bytes) -> list[tuple[str, bytes]]:
    """The documents that stand behind one another; at most one more than are taken.

    What looks like a document inside a comment, or behind a DOCTYPE, is none: the file is left whole, to be refused.
    """
    if body.count(b"Document>") > 1:  # one that is alone, and large, is not looked through twice
        parts = _NEXT_DOCUMENT.split(body, MEMBERS_MAX)
        if len(parts) > 1 and all(map(_is_whole, parts)):
            return [(f"{name}#{number}", part) for number, part in enumerate(parts, 1)]
    return [(name, body)]


def _is_whole(part: bytes) -> bool:
    """Whether no comment and no CDATA is cut, and nothing declares what a document is."""
    pairs = (b"<!--", b"-->"), (b"<![CDATA[", b"]]>")
    return b"<!DOCTYPE" not in part and all(part.count(begins) == part.count(ends) for begins, ends in pairs)


def _of_zip(name: str, body: bytes) -> Iterator[tuple[str, bytes]]:
    left = BYTES_MAX
    if body.count(_MEMBER) > 2 * MEMBERS_MAX:  # before each of four million becomes an object; a few may be chance
        raise BadInput(f"{name} holds more than {MEMBERS_MAX:,} files")
    try:
        with zipfile.ZipFile(BytesIO(body)) as archive:
            infos = archive.infolist()
            if not 1 <= len(infos) <= MEMBERS_MAX:
                raise BadInput(f"{name} holds {len(infos)} files; between 1 and {MEMBERS_MAX:,} are taken")
            for info in infos:
                if info.is_dir() or re.search(r"[/\\:]|^\.\.?$", info.orig_filename):
                    raise BadInput(f"{name} holds a file in a folder; bank files lie flat. Unpack it and import the files")
                if info.flag_bits & 1:
                    raise BadInput(f"{name} is encrypted; unpack it with its password and import the files")
                with archive.open(info) as stream:
                    part = _bounded(name, stream.read, left, len(body))
                left -= len(part)
                yield info.filename, part
    # All that zipfile raises at a strange file: NotImplementedError is its word for a compression or version it does not know.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as problem:
        raise BadInput(f"{name} is a damaged ZIP, or of a kind that is not read ({type(problem).__name__})") from problem


def _of_gzip(name: str, body: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=BytesIO(body)) as stream:
            return _bounded(name, stream.read, BYTES_MAX, len(body))
    except (zlib.error, EOFError, OSError) as problem:
        raise BadInput(f"{name} is a damaged gzip file ({type(problem).__name__})") from problem


def _bounded(name: str, read: Callable[[int], bytes], most: int, packed: int) -> bytes:
    """Everything of a stream, counted while it is read."""
    found, limit = bytearray(), min(most, max(RATIO_FROM, RATIO_MAX * packed))
    while chunk := read(_CHUNK):
        found += chunk
        if len(found) > limit:
            raise BadInput(f"{name} unpacks to more than {limit:,} bytes, which no bank file does")
    return bytes(found)


def _refuse_containers(found: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    for name, body in found:
        if body.startswith((_ZIP, _EMPTY_ZIP, _GZIP)):
            raise BadInput(f"{name} is a container in a container; unpack it and import the files")
    return found
