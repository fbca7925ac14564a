"""Read a long XML file from strangers piece by piece, what each piece says as a flat dictionary: path of local names -> text.

For files of 100,000 entries of which thirty elements each are read; for those, an object per element costs more than the parsing
does. The parser is expat, under the same rules as safe_xml: no DOCTYPE, UTF-8 only, bounded depth and size, nothing recovered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import IO, Any, Generic, NamedTuple, Protocol, TypeVar
from xml.parsers import expat
from zoneinfo import ZoneInfo

from bridge.errors import BadInput
from bridge.formats import safe_xml
from bridge.formats.safe_xml import SIZE_MAX

DEPTH_MAX = 256
PIECE_MAX = 4_000_000
"""Bytes between the tags of two pieces; an entry has about 2,000. A longer tag would also be scanned again with each chunk."""
LOOSE_MAX = 20_000_000
"""Bytes that stand in one piece between all the pieces in it, and are kept until it ends: a statement has about 2,000 and the
blanks between its entries."""
TEXT_MAX = 1_000_000
"""Characters of one text; the longest of the standard have 20,000."""
NO_MARKS: Mapping[str, str] = {}
PLACES_MAX = 10_000
"""Different paths in one file; a statement that uses all of the standard has about a thousand."""
_CHUNK = 65_536

Told = dict[str, Any]
"""What a piece or a group says: "Refs/EndToEndId" -> text, a Marked where the element has attributes, a list where it comes more
than once; and the path of a group -> the list of its Tolds. An element of another namespace than its file's is called by its full
name, which nobody asks for."""


class Marked(NamedTuple):
    """The text of an element that has attributes: an amount and its currency."""

    text: str
    attributes: Mapping[str, str]


@dataclass(slots=True)
class Piece:
    """An element that is told by itself: its name, its parent's, all that was read of it until now, and where it begins."""

    name: str
    within: str
    told: Told
    line: int


class Hearer(Protocol):
    """Who is told of each piece, in the order of the file, by the pieces that are open: outermost first, the one meant last.

    A piece that has closed is freed: the piece around it says nothing of it.
    """

    def opened(self, pieces: list[Piece]) -> None: ...

    def closed(self, pieces: list[Piece]) -> None: ...


H = TypeVar("H", bound=Hearer)


def hear(
    stream: IO[bytes],
    begin: Callable[[str], H],
    *,
    pieces: Collection[str],
    groups: Collection[str],
    known: Collection[str],
    size_max: int = SIZE_MAX,
) -> Iterator[H]:
    """Read the file, and tell the one that ``begin`` makes, by the file's namespace, of each element that is called as a piece.

    Yields it after each 64 KiB and at the end. ``groups`` are the elements that may come more than once and whose parts belong
    together. ``known`` are the namespaces that the caller reads; the root must be Document in one of them, and every piece in the
    same. An error may come after pieces were told (a file can break at its last byte), so nothing may be kept before the end.
    Raises BadInput.
    """
    parser = expat.ParserCreate("UTF-8", " ")
    places = _Places(parser, frozenset(pieces), frozenset(groups), frozenset(known), begin)
    _build(parser, places)
    chunk, size = safe_xml.checked_beginning(stream), 0
    try:
        while chunk:
            size += len(chunk)
            if size > size_max:
                raise BadInput(f"The file is larger than {size_max:,} bytes")
            parser.Parse(chunk, False)  # noqa: FBT003 - expat names no argument
            if size - places.last_piece_at > PIECE_MAX:
                raise BadInput(f"What stands before line {parser.CurrentLineNumber} is too long for a bank's file")
            if places.hearer is not None:
                yield places.hearer
            chunk = stream.read(_CHUNK)
        parser.Parse(b"", True)  # noqa: FBT003
    except expat.ExpatError as error:
        raise BadInput(f"The file is not well-formed XML at line {error.lineno}: truncated?") from None
    yield places.told


class _Place:
    """A path that a file has: where its text goes, and what stands below it. Made once, met 100,000 times."""

    __slots__ = ("depth", "is_group", "is_piece", "local", "parent", "path", "places", "special")

    def __init__(self, local: str, path: str, parent: _Place | None, *, is_piece: bool, is_group: bool) -> None:
        self.local, self.path = local, path
        self.parent = self if parent is None else parent  # around the root there is nothing else
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.is_piece, self.is_group, self.special = is_piece, is_group, is_piece or is_group
        self.places: dict[str, _Place] = {}  # by full name


class _Places(Generic[H]):
    """All paths of a file, and who hears of its pieces. ``last_piece_at``: the byte at which a piece began or ended last."""

    def __init__(
        self,
        parser: expat.XMLParserType,
        pieces: frozenset[str],
        groups: frozenset[str],
        known: frozenset[str],
        begin: Callable[[str], H],
    ) -> None:
        self._parser, self._pieces, self._groups, self._known, self._begin = parser, pieces, groups, known, begin
        self._namespace, self._made = "", 0
        self.outside = _Place("", "", None, is_piece=False, is_group=False)
        self.hearer: H | None = None
        self.last_piece_at = 0

    @property
    def told(self) -> H:
        assert self.hearer is not None, "the root, which is no piece, comes first"
        return self.hearer

    def learn(self, parent: _Place, full: str) -> _Place:
        """The place of an element that is met for the first time; the very first one is the root."""
        namespace, _, local = full.rpartition(" ")
        line = self._parser.CurrentLineNumber
        if self.hearer is None:
            self._namespace = safe_xml.namespace_of(local, namespace, self._known)
            self.hearer = self._begin(namespace)
        own = namespace == self._namespace
        if not own and local in self._pieces:
            raise BadInput(f"The element at line {line} is not in the namespace of its file, {self._namespace}")
        if parent.depth == DEPTH_MAX or self._made == PLACES_MAX:
            raise BadInput(f"The elements at line {line} are nested more than {DEPTH_MAX} deep, or of too many kinds")
        self._made += 1
        name = local if own else full
        place = parent.places[full] = _Place(
            local,
            name if parent.special or not parent.path else f"{parent.path}/{name}",
            parent,
            is_piece=own and local in self._pieces,
            is_group=own and local in self._groups,
        )
        return place


def _build(parser: expat.XMLParserType, places: _Places[H]) -> None:  # noqa: C901, PLR0915 - handlers, each of them short
    """Have the parser tell the pieces. Its handlers share variables, not an object: that is a fifth of the time of an element."""
    parser.buffer_text, parser.buffer_size = True, _CHUNK
    pieces: list[Piece] = []
    loose: list[int] = []
    outer: list[Told] = []
    place, told = places.outside, Told()
    text, marks, leaf = "", NO_MARKS, False
    learn = places.learn

    def start(full: str, attributes: Mapping[str, str]) -> None:
        nonlocal place, told, text, marks, leaf
        if text and not text.isspace():
            refuse_mixed()
        place = place.places.get(full) or learn(place, full)
        text, marks, leaf = "", attributes, True
        if place.special:
            outer.append(told)
            told = {}
            if place.is_piece:
                count_loose()
                loose.append(0)
                pieces.append(Piece(place.local, place.parent.local, told, parser.CurrentLineNumber))
                places.told.opened(pieces)

    def characters(some: str) -> None:
        nonlocal text
        text += some
        if len(text) > TEXT_MAX:
            raise BadInput(f"The text at line {parser.CurrentLineNumber} is longer than {TEXT_MAX:,} characters")

    def end(_: str) -> None:
        nonlocal place, told, text, leaf
        if place.special:
            close()
        elif leaf:
            path, value = place.path, Marked(text, marks) if marks else text
            if path not in told:
                told[path] = value
            elif told[path].__class__ is list:
                told[path].append(value)
            else:
                told[path] = [told[path], value]
        elif text and not text.isspace():
            refuse_mixed()
        place, text, leaf = place.parent, "", False

    def close() -> None:
        nonlocal told
        inner, told = told, outer.pop()
        if place.is_group:
            told.setdefault(place.path, []).append(inner)
            return
        places.last_piece_at = parser.CurrentByteIndex
        places.told.closed(pieces)
        pieces.pop()
        loose.pop()

    def count_loose() -> None:
        at = parser.CurrentByteIndex
        if loose:
            loose[-1] += at - places.last_piece_at
            if loose[-1] > LOOSE_MAX:
                raise BadInput(
                    f"What the {pieces[-1].name} of line {pieces[-1].line} says of itself is too long for a bank's file"
                )
        places.last_piece_at = at

    def refuse_mixed() -> None:
        raise BadInput(f"The element around line {parser.CurrentLineNumber} holds elements where text belongs")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, characters
    parser.StartDoctypeDeclHandler = _refuse_doctype


def _refuse_doctype(*_: object) -> None:
    # The prolog was read byte by byte already; this is the parser's own word on it.
    raise BadInput("The file has a DOCTYPE; bank files have none")


def first(told: Told, path: str) -> Any:
    """Return the first text along this path, a Marked where it has attributes; None where there is none."""
    value = told.get(path)
    return value[0] if value.__class__ is list else value


def words(told: Told, path: str) -> str | None:
    """Return the first text along this path, stripped; None where it is missing or blank."""
    value = told.get(path)
    if value.__class__ is str:
        return value.strip() or None
    if value is None:
        return None
    return text(value[0] if value.__class__ is list else value)


def text(value: Any) -> str | None:
    """Return a text, or that of a Marked, stripped; None where it is blank."""
    return (value.text if value.__class__ is Marked else value).strip() or None


def every(told: Told, path: str) -> list[Any]:
    """Return all texts along this path, in order."""
    value = told.get(path)
    return value if value.__class__ is list else [] if value is None else [value]


def groups(told: Told, path: str) -> list[Told]:
    """Return what each group along this path says, in order."""
    found: list[Told] = told.get(path, [])
    return found


def mark(value: Any, name: str) -> str | None:
    """Return an attribute of a text, None where it has none of this name."""
    return value.attributes.get(name) if value.__class__ is Marked else None


def need(piece: Piece, path: str) -> str:
    """Return the text along this path; BadInput where there is none."""
    found = words(piece.told, path)
    if found is None:
        raise BadInput(f"{piece.name} at line {piece.line} has no {path}")
    return found


def cents(value: Any, name: str, line: int) -> int:
    """Return an unsigned amount in cents; the rules of safe_xml.cents."""
    return safe_xml.cents_of(None if value is None else text(value), name, line)


def day(told: Told, path: str, line: int) -> date | None:
    """Return the date of a Dt/DtTm choice, or of a plain date, as it is written: the bank's own day. None where it is missing.

    BadInput where the element is there and holds none.
    """
    written = words(told, f"{path}/Dt") or words(told, path)
    if written is None:
        moment = words(told, f"{path}/DtTm")
        if moment is None and not any(key == path or key.startswith(f"{path}/") for key in told):
            return None
        written = (moment or "").partition("T")[0]
    return _known_day(written) or safe_xml.day_of(written, path, line)


@lru_cache(maxsize=1024)
def _known_day(written: str) -> date | None:
    """A day is written in thousands of entries; None for what is no date."""
    try:
        return safe_xml.day_of(written, "", None)
    except BadInput:
        return None


def instant(told: Told, path: str, *, line: int, zone: ZoneInfo) -> datetime | None:
    """Return an aware datetime; the rules of safe_xml.instant. None where it is missing."""
    value = first(told, path)
    return None if value is None else safe_xml.instant_of(text(value) or "", path, line, zone)
