"""What the schema check says: every violation in words, at most a hundred, and nothing of what is no XML."""

from __future__ import annotations

import io

import pytest

from bridge.errors import BadInput, UnknownName
from bridge.formats import schema
from bridge.formats.schema import SchemaError, validate
from tests.formats.test_pain008 import FILE, NAMESPACE, rendered

GOOD = rendered(FILE)


def said(before: bytes, after: bytes) -> list[str]:
    assert before in GOOD
    return [error.message for error in validate(GOOD.replace(before, after, 1), NAMESPACE)]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (b"<MsgId>MW-20261123-1<", b"<MsgId><", "MsgId is too short or empty"),
        (b">100.00<", b">100.123456<", "InstdAmt has too many decimals"),
        (b">100.00<", b">1234567890123456789<", "InstdAmt has too many digits"),
        (b">100.00<", b">-1.00<", "InstdAmt is too small"),
        (b">100.00<", b">abc<", "InstdAmt is not a number, date or code as it should be"),
        (b"<GrpHdr>", b'<GrpHdr x="1">', "GrpHdr has an attribute that is not allowed"),
        (b' Ccy="EUR">100', b">100", "InstdAmt lacks an attribute"),
        (b"<PmtMtd>DD</PmtMtd>", b"", "BtchBookg is not expected here, or something before it is missing"),
        (b">SLEV<", b">XXXX<", "ChrgBr is not one of the values allowed"),
        (b">MND-1<", b">" + b"M" * 36 + b"<", "MndtId is too long"),
        (b"<IBAN>DE02120300000000202051<", b"<IBAN>x<", "IBAN has a character or a shape that is not allowed"),
    ],
)
def test_each_violation_is_said_once(before: bytes, after: bytes, message: str) -> None:
    """One thing wrong is one sentence, in words for finance; what libxml2 says a second time is left out."""
    assert said(before, after) == [message]


def test_another_root() -> None:
    """A file that begins otherwise is told so."""
    found = validate(f'<Foo xmlns="{NAMESPACE}"/>'.encode(), NAMESPACE)
    assert found == [SchemaError(1, "Foo is not the element a file of this kind begins with")]


def test_a_hundred_are_enough() -> None:
    """The first hundred violations are given, in the order of the file."""
    line = next(line for line in GOOD.splitlines(keepends=True) if b"INV-1-1" in line)
    wrong = line.replace(b">100.00<", b">abc<")
    found = validate(GOOD.replace(line, wrong * 150), NAMESPACE)

    assert len(found) == 100
    assert [error.line for error in found] == sorted(error.line for error in found)


@pytest.mark.parametrize("cut", [GOOD[: GOOD.index(b"</CstmrDrctDbtInitn>")], GOOD.replace(b">SLEV<", b">XXXX<", 1)[:-20]])
def test_a_file_that_breaks_off_is_no_schema_error(cut: bytes) -> None:
    """Whether what is there keeps the schema or not: half a file is refused as such."""
    with pytest.raises(BadInput, match=r"not well-formed XML at line \d+: truncated\?"):
        validate(cut, NAMESPACE)


def test_depth_is_bounded() -> None:
    """A thousand elements in one another are refused, not walked, wherever in the file they stand."""
    line = next(line for line in GOOD.splitlines(keepends=True) if b"INV-1-1" in line)
    deep = b"<a>" * 1_000 + b"</a>" * 1_000
    with pytest.raises(BadInput, match="not well-formed"):
        validate(io.BytesIO(GOOD.replace(line, line * 300 + deep)), NAMESPACE)


def test_what_has_a_schema() -> None:
    """Message versions and nothing else that lies in that folder."""
    assert "pain.008.001.08" in schema.known_schemas()
    assert all(name.startswith("pain.") and name.count(".") == 3 for name in schema.known_schemas())


def test_schema_errors_hold_no_values() -> None:
    """A violation names line and element, never the value: it may be an account or a name."""
    data = GOOD.replace(b">CH9300762011623852957<", b">O'Brien Robert<")
    (error,) = validate(data, NAMESPACE)

    assert (error.line, error.message) == (8, "IBAN has a character or a shape that is not allowed")
    assert "Brien" not in repr(error)


def test_unknown_schema_lists_the_known() -> None:
    """A namespace without a schema is refused with the list."""
    with pytest.raises(UnknownName, match=r"pain.008.003.02.*pain.008.001.08"):
        validate(GOOD, "urn:iso:std:iso:20022:tech:xsd:pain.008.003.02")


@pytest.mark.parametrize("data", [b"", b"no xml", b"<Document", b"<!DOCTYPE a><a/>"])
def test_validate_refuses_what_is_no_xml(data: bytes) -> None:
    """What is no XML, or has a DOCTYPE, is refused, not reported as a schema error."""
    with pytest.raises(BadInput):
        validate(data, NAMESPACE)
