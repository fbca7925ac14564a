"""Check a file against the ISO schema of its message version; sepaxml ships the schemas.

No message repeats a value of the file: it could be a name or an account.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, BinaryIO

from lxml import etree

from bridge.errors import BadInput, UnknownName
from bridge.formats import safe_xml

ISO_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
ERRORS_MAX = 100

_SAFE: dict[str, Any] = {"resolve_entities": False, "no_network": True, "huge_tree": False, "load_dtd": False}

# What libxml2 calls a violation, in words for finance; whatever is not here is shown by its name.
_WORDS = {
    "SCHEMAV_ELEMENT_CONTENT": "is not expected here, or something before it is missing",
    "SCHEMAV_CVC_ELT_1": "is not the element a file of this kind begins with",
    "SCHEMAV_CVC_PATTERN_VALID": "has a character or a shape that is not allowed",
    "SCHEMAV_CVC_MAXLENGTH_VALID": "is too long",
    "SCHEMAV_CVC_MINLENGTH_VALID": "is too short or empty",
    "SCHEMAV_CVC_ENUMERATION_VALID": "is not one of the values allowed",
    "SCHEMAV_CVC_FRACTIONDIGITS_VALID": "has too many decimals",
    "SCHEMAV_CVC_TOTALDIGITS_VALID": "has too many digits",
    "SCHEMAV_CVC_MININCLUSIVE_VALID": "is too small",
    "SCHEMAV_CVC_DATATYPE_VALID_1_2_1": "is not a number, date or code as it should be",
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_1": "has an attribute that is not allowed",
    "SCHEMAV_CVC_COMPLEX_TYPE_4": "lacks an attribute",
}
_ELEMENT = re.compile(r"Element '(?:\{[^}']*\})?([A-Za-z0-9]{1,40})'")


@dataclass(frozen=True, slots=True)
class SchemaError:
    """One violation: the line of the file (0 where unknown), and which element is wrong in which way, without its value."""

    line: int
    message: str


def validate(data: bytes | BinaryIO, namespace: str) -> list[SchemaError]:
    """Check a file against the schema of its namespace; an empty list means valid. At most ERRORS_MAX errors, in file order.

    A valid file is read as a stream; only an invalid one is read a second time, as a whole, because lxml knows the line numbers
    only then. Raises UnknownName for a namespace without a schema and BadInput for what is no XML, or not read at all.
    """
    stream = io.BytesIO(data) if isinstance(data, bytes) else data
    schema = load_schema(namespace)
    start = stream.tell()
    safe_xml.read_root(stream)
    stream.seek(start)
    if _valid(stream, schema):
        return []
    stream.seek(start)
    return _every_error(stream, schema)


@cache
def load_schema(namespace: str) -> etree.XMLSchema:
    """The compiled schema for a namespace or message version ("pain.008.001.08"). Raises UnknownName with the known versions."""
    version = namespace.removeprefix(ISO_NAMESPACE)
    if version not in known_schemas():
        raise UnknownName.among("schema", version, known_schemas())
    with resources.as_file(_folder() / f"{version}.xsd") as path:
        return etree.XMLSchema(etree.parse(str(path)))


@cache
def known_schemas() -> frozenset[str]:
    """The message versions that sepaxml ships a schema for."""
    return frozenset(entry.name.removesuffix(".xsd") for entry in _folder().iterdir() if entry.name.endswith(".xsd"))


def _folder() -> Any:
    return resources.files("sepaxml") / "schemas"


def _valid(stream: BinaryIO, schema: etree.XMLSchema) -> bool:
    """Whether it is well-formed and keeps the schema; which of the two it does not is for a second look."""
    # Only to free memory: the schema is checked by the parser itself, before these elements are seen.
    repeated = ("{*}DrctDbtTxInf", "{*}PmtInf", "{*}TxInfAndSts", "{*}Ntry")
    # Not resolve_entities=False: with a schema, lxml 6.1.3 then takes half a file for a whole one. There is no entity to resolve,
    # because what has a DOCTYPE was refused.
    safe = {**_SAFE, "resolve_entities": "internal"}
    events: Any = etree.iterparse(stream, events=("end",), tag=repeated, schema=schema, **safe)
    try:
        for _, element in events:
            safe_xml.drop(element)
    except etree.XMLSyntaxError:
        return False
    return True


def _every_error(stream: BinaryIO, schema: etree.XMLSchema) -> list[SchemaError]:
    try:
        tree = etree.parse(stream, etree.XMLParser(**_SAFE))
    except etree.XMLSyntaxError as error:
        raise BadInput(f"The file is not well-formed XML at line {error.lineno}: truncated?") from None
    schema.validate(tree)
    # lxml-stubs does not know that a log can be iterated.
    log: Any = schema.error_log
    return [SchemaError(entry.line, _say(entry.type_name, entry.message)) for entry in list(log)[:ERRORS_MAX]]


def _say(kind: str, message: str) -> str:
    match = _ELEMENT.match(message)
    element = match.group(1) if match else "an element"
    return f"{element} {_WORDS.get(kind, f'breaks the schema ({kind})')}"
