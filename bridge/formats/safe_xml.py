"""Read XML from strangers: streaming, bounded, and without the parts of XML that attack or deceive.

A DOCTYPE is refused whole, so no entity can be declared: with ``resolve_entities=False`` alone lxml keeps an entity as a node and
cuts the text before it (an amount of ``1&x;`` reads as 1). Only UTF-8 and its subset ASCII are let in, because libxml2 would also
decode UTF-16 and UTF-7, where ``<!DOCTYPE`` does not look like one. Comments and processing instructions are removed while
parsing, so that text is never split by them. Nothing is recovered: a truncated file is an error, at its end.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import IO, Any, cast
from zoneinfo import ZoneInfo

from lxml import etree

from bridge.errors import BadInput

SIZE_MAX = 200_000_000
"""Bytes. 100,000 statement entries with one detail each are about 90 million."""

_CHUNK = 65_536
_PROLOG_MAX = 65_536
_RESOURCE_LIMIT = 114  # libxml2's XML_ERR_RESOURCE_LIMIT: without huge_tree 256 levels, and 10 MB of one text
_ENCODINGS = ("utf-8", "utf8", "us-ascii", "ascii")
_DECLARED = re.compile(rb"""<\?xml\s[^>]*?\bencoding\s*=\s*["']([^"'>]*)["']""")
_AMOUNT = re.compile(r"0{0,6}([0-9]{1,12})(?:\.([0-9]{1,2}))?", re.ASCII)
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII)
_MIDNIGHT_AT_THE_END = re.compile(r"T24:00:00(\.0+)?")


def open_events(
    stream: IO[bytes], *, tags: Collection[str], known: Collection[str], size_max: int = SIZE_MAX
) -> Iterator[tuple[str, etree._Element]]:
    """Yield ("start" or "end", element) for each element whose local name is in ``tags``, in the order of the file.

    ``known`` are the namespaces the caller reads; the root must be Document in one of them, and so must every element yielded.
    The caller frees what it has read with ``drop``. An error may come after elements were yielded (a file can break at its last
    byte), so nothing may be kept before the end. Raises BadInput.
    """
    root: etree._Element | None = None
    namespace = ""
    for event, element in _parsed(stream, tags=[f"{{*}}{tag}" for tag in {*tags, "Document"}], size_max=size_max):
        if root is None:
            root = element.getroottree().getroot()
            namespace = root_namespace(root, known)
        if not element.tag.startswith(f"{{{namespace}}}"):
            raise BadInput(f"The element at line {element.sourceline} is not in the namespace of its file, {namespace}")
        if element is not root:
            yield event, element
    if root is None:
        raise BadInput(f"The file is not one of: {', '.join(sorted(known))} (its root is not Document)")


def read_root(stream: IO[bytes]) -> etree._Element:
    """Return the root element as soon as it has opened, having read at most one chunk more. Raises BadInput."""
    for _, element in _parsed(stream, tags=None, size_max=SIZE_MAX):
        return element
    raise BadInput("The file is empty")


def root_namespace(root: etree._Element, known: Collection[str] = ()) -> str:
    """Return the namespace of a Document; BadInput for any other root, or one of none of the namespaces that are ``known``."""
    return namespace_of(local_name(root), namespace_name(root), known)


def local_name(element: etree._Element) -> str:
    """The name without its namespace. lxml's own QName fails on a namespace with a brace in it, which its parser lets in."""
    return element.tag.rpartition("}")[2]


def namespace_name(element: etree._Element) -> str:
    """The namespace; "" where there is none."""
    return element.tag.rpartition("}")[0].removeprefix("{")


def namespace_of(root: str, namespace: str, known: Collection[str] = ()) -> str:
    """The same of a root that is called so."""
    if root != "Document" or not namespace:
        raise BadInput(f"The root of the file is {root[:80]!r}, not a Document of ISO 20022")
    if known and namespace not in known:
        raise BadInput(f"The namespace {namespace[:80]!r} is not one of: {', '.join(sorted(known))}")
    return namespace


def drop(element: etree._Element) -> None:
    """Free an element that has been read, so that memory does not grow with the file.

    lxml must not lose the element it has just closed, so that one is emptied, and its like before it is taken out.
    """
    element.clear(keep_tail=True)  # type: ignore[call-arg]  # lxml-stubs 0.5 does not know it yet
    before, parent = element.getprevious(), element.getparent()
    if before is not None and parent is not None and before.tag == element.tag:
        parent.remove(before)


def find(element: etree._Element | None, path: str) -> etree._Element | None:
    """Return the first descendant along these local names ("Refs/EndToEndId"); None where one is missing."""
    return None if element is None else _along(element, _steps(path), 0)


def _along(element: etree._Element, steps: tuple[str, ...], at: int) -> etree._Element | None:
    # A quarter of the time of lxml's own find, whose path language is written in Python.
    for child in element.iterchildren(steps[at]):
        found = child if at + 1 == len(steps) else _along(child, steps, at + 1)
        if found is not None:
            return found
    return None


def find_all(element: etree._Element | None, path: str) -> list[etree._Element]:
    """Return the descendants along these local names, in order."""
    found = [] if element is None else [element]
    for step in _steps(path):
        found = [child for one in found for child in one.iterchildren(step)]
    return found


def text(element: etree._Element | None, path: str = ".") -> str | None:
    """Return the stripped text of the element along this path, None where it is missing or blank. BadInput if it has children."""
    found = element if path == "." else find(element, path)
    if found is None:
        return None
    if len(found):
        raise BadInput(f"{local_name(found)} at line {found.sourceline} holds elements where text belongs")
    return (found.text or "").strip() or None


def need(element: etree._Element, path: str) -> str:
    """Return the text along this path; BadInput where there is none."""
    found = text(element, path)
    if found is None:
        raise BadInput(f"{local_name(element)} at line {element.sourceline} has no {path}")
    return found


def cents(element: etree._Element) -> int:
    """Return an unsigned amount in cents, below a trillion euros so that sums fit every database. BadInput otherwise.

    At most two decimals, no sign, no exponent.
    """
    return cents_of(text(element), local_name(element), element.sourceline)


def cents_of(written: str | None, name: str, line: Any) -> int:
    """The same of a text; ``name`` and ``line`` are for the error."""
    match = _AMOUNT.fullmatch(written or "")
    if match is None:
        raise BadInput(f"{name} at line {line} is no amount with two decimals and 12 digits at most")
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))


def day(element: etree._Element | None) -> date | None:
    """Return the date of a Dt/DtTm choice (or of a plain date) as it is written: the bank's own day, no zone applied."""
    if element is None:
        return None
    written = text(element, "Dt") or (text(element, "DtTm") or "").partition("T")[0] if len(element) else text(element)
    return day_of(written or "", local_name(element), element.sourceline)


def day_of(written: str, name: str, line: Any) -> date:
    """Return the date at the beginning of an ISO 8601 date; ``name`` and ``line`` are for the error. Raises BadInput."""
    match = _DATE.fullmatch(written)
    try:
        return date.fromisoformat(match[1] if match else "")
    except ValueError:
        raise BadInput(f"{name} at line {line} is not a date") from None


def instant(element: etree._Element | None, zone: ZoneInfo) -> datetime | None:
    """Return an aware datetime; one without an offset is the bank's local time, read in ``zone``.

    xs:dateTime allows 24:00:00, the midnight that ends the day; Python does not.
    """
    if element is None:
        return None
    return instant_of(text(element) or "", local_name(element), element.sourceline, zone)


def instant_of(written: str, name: str, line: Any, zone: ZoneInfo) -> datetime:
    """The same of a text; ``name`` and ``line`` are for the error."""
    at_end, ends = _MIDNIGHT_AT_THE_END.subn("T00:00:00", written)
    try:
        read = datetime.fromisoformat(at_end) + timedelta(days=ends)
        read = read if read.tzinfo else read.replace(tzinfo=zone)
        read.astimezone(UTC)  # at the ends of the calendar there is no such instant
    except (ValueError, OverflowError):
        raise BadInput(f"{name} at line {line} is not a date and time") from None
    return read


@cache
def _steps(path: str) -> tuple[str, ...]:
    # The namespace of the file is known by then; ``path`` is always one of our literals, so the cache is bounded.
    return tuple("{*}" + name for name in path.split("/"))


def _parsed(stream: IO[bytes], *, tags: list[str] | None, size_max: int) -> Iterator[tuple[str, etree._Element]]:
    parser = etree.XMLPullParser(
        ("start", "end"), tag=tags, encoding="UTF-8", resolve_entities=False, no_network=True, load_dtd=False,
        huge_tree=False, recover=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    chunk = checked_beginning(stream)
    size, first = 0, True
    try:
        while chunk:
            size += len(chunk)
            if size > size_max:
                raise BadInput(f"The file is larger than {size_max:,} bytes")
            parser.feed(chunk)
            for event, element in cast("Iterator[tuple[str, etree._Element]]", parser.read_events()):  # noqa: SLF001 - lxml names its type so
                if first:
                    _refuse_dtd(element)
                    first = False
                yield event, element
            chunk = stream.read(_CHUNK)
        parser.close()
    except etree.XMLSyntaxError as error:
        if error.code == _RESOURCE_LIMIT:  # type: ignore[attr-defined]  # lxml-stubs 0.5 does not know it yet
            too_much = f"The elements at line {error.lineno} are nested more than 256 deep, or hold too long a text"
            raise BadInput(too_much) from None
        raise BadInput(f"The file is not well-formed XML at line {error.lineno}: truncated?") from None


def _refuse_dtd(element: etree._Element) -> None:
    # The prolog was read byte by byte already; this is the parser's own word on it.
    if element.getroottree().docinfo.internalDTD is not None:
        raise BadInput("The file has a DOCTYPE; bank files have none")


def checked_beginning(stream: IO[bytes]) -> bytes:
    """Return the first bytes without a byte-order mark, once they are known to be UTF-8 and to hold no DOCTYPE."""
    beginning = stream.read(_PROLOG_MAX).removeprefix(b"\xef\xbb\xbf")
    if not beginning.strip():
        raise BadInput("The file is empty")
    if not beginning.lstrip(b" \t\r\n").startswith(b"<") or b"\0" in beginning[:64]:
        raise BadInput("The file is not XML in UTF-8")
    declared = _DECLARED.match(beginning)
    if declared and declared[1].decode("ascii", "replace").lower() not in _ENCODINGS:
        raise BadInput(f"The file is declared as {declared[1].decode('ascii', 'replace')[:30]!r}; only UTF-8 is read")
    _walk_prolog(beginning)
    return beginning


def _walk_prolog(beginning: bytes) -> None:
    """Step over declaration, comments and white space to the root element; refuse a DOCTYPE on the way."""
    rest = beginning
    while True:
        rest = rest.lstrip(b" \t\r\n")
        if rest.startswith(b"<?"):
            _, closed, rest = rest.partition(b"?>")
        elif rest.startswith(b"<!--"):
            _, closed, rest = rest[4:].partition(b"-->")
        elif rest.startswith(b"<!"):
            raise BadInput("The file has a DOCTYPE; bank files have none")
        elif rest:
            return
        else:
            raise BadInput("The file is not well-formed XML: no root element in its beginning; truncated?")
        if not closed:
            raise BadInput("The file is not well-formed XML: a comment before the root does not end; truncated?")


def leaves(element: etree._Element, above: str = "") -> list[tuple[str, str]]:
    """Every element without children under this one: its path of local names, and its text with the attributes behind it."""
    found: list[tuple[str, str]] = []
    _gather(element, above, found)
    return found


def _gather(element: etree._Element, above: str, found: list[tuple[str, str]]) -> None:
    path = f"{above}{local_name(element)}"
    if len(element):
        path += "/"
        for child in element:
            _gather(child, path, found)
        return
    text = element.text or ""
    for name, value in sorted(element.items()):
        text += f" {name!s}={value!s}"
    found.append((path, text))
