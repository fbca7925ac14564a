"""Which bank file is this? Decided by the namespace of its root; file names lie. No database, no network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import IO, Any

from bridge.errors import BadInput, UnknownName
from bridge.formats import camt, pain002, safe_xml

_PREFIX = "urn:iso:std:iso:20022:tech:xsd:"
KINDS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(pain002.READERS, "pain.002"),
        **{namespace: shape.kind for namespace, shape in camt.READERS.items()},
        f"{_PREFIX}pain.008.001.02": "pain.008",
        f"{_PREFIX}pain.008.001.08": "pain.008",
    }
)
"""Namespace to kind."""

_READERS: Mapping[str, Callable[[IO[bytes]], Iterator[Any]]] = MappingProxyType(
    {"pain.002": pain002.read, "camt.052": camt.read, "camt.053": camt.read, "camt.054": camt.read}
)


def detect(stream: IO[bytes]) -> str:
    """Return "pain.002", "camt.052", "camt.053", "camt.054" or "pain.008"; read the beginning only and go back to where it was.

    That a file has a kind says nothing about the rest of it. Raises BadInput naming what was found and the kinds that are known.
    """
    start = stream.tell()
    try:
        found = namespace(stream)
    finally:
        stream.seek(start)
    if found not in KINDS:
        message = found.removeprefix(_PREFIX)[:80]
        raise BadInput(
            f"The file is a {message!r}; known are: {', '.join(sorted(known.removeprefix(_PREFIX) for known in KINDS))}"
        )
    return KINDS[found]


def namespace(stream: IO[bytes]) -> str:
    """The namespace of the root element; reads the beginning only."""
    return safe_xml.root_namespace(safe_xml.read_root(stream))


def read(kind: str) -> Callable[[IO[bytes]], Iterator[Any]]:
    """Return the reader of a bank's answer of this kind (pain002.read or camt.read). Raises UnknownName."""
    if kind not in _READERS:
        raise UnknownName.among("bank file", kind, _READERS)
    return _READERS[kind]
