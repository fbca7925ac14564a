"""What kind of bank file is this?"""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from bridge.errors import BadInput, UnknownName
from bridge.formats import camt, detect, pain002
from tests.testdata import TESTDATA

XSD = "urn:iso:std:iso:20022:tech:xsd:"


@pytest.mark.parametrize(
    ("namespace", "kind"),
    [
        ("pain.002.001.03", "pain.002"),
        ("pain.002.001.10", "pain.002"),
        ("camt.052.001.02", "camt.052"),
        ("camt.053.001.02", "camt.053"),
        ("camt.053.001.08", "camt.053"),
        ("camt.054.001.08", "camt.054"),
        ("pain.008.001.02", "pain.008"),
        ("pain.008.001.08", "pain.008"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "p"])
def test_the_namespace_decides(namespace: str, kind: str, prefix: str) -> None:
    """Whether it is the default namespace or has a prefix."""
    colon = ":" if prefix else ""
    xml = f"<{prefix}{colon}Document xmlns{colon}{prefix}='{XSD}{namespace}'/>"
    assert detect.detect(io.BytesIO(xml.encode())) == kind


@pytest.mark.parametrize("namespace", [f"{XSD}pain.001.001.09", f"{XSD}camt.053.001.99", "urn:x", "camt.053.001.08"])
def test_another_message_is_refused_with_what_was_found_and_what_is_known(namespace: str) -> None:
    """The refusal names both ends."""
    with pytest.raises(BadInput) as refusal:
        detect.detect(io.BytesIO(f"<Document xmlns='{namespace}'/>".encode()))
    assert namespace.removeprefix(XSD) in str(refusal.value)
    assert "camt.053.001.08" in str(refusal.value)


@pytest.mark.parametrize("xml", [b"", b"PK\x03\x04", b"%PDF-1.7", b":20:STARTUMS\r\n:25:", b"<html/>", b"<Document/>", b"a;b;c"])
def test_what_is_no_message_is_refused(xml: bytes) -> None:
    """ZIP, PDF, MT940, HTML and CSV are none."""
    with pytest.raises(BadInput):
        detect.detect(io.BytesIO(xml))


def test_only_the_beginning_is_read_and_the_stream_goes_back() -> None:
    """A broken end does not matter to the kind; the reader finds the stream where it was."""
    stream = io.BytesIO(b"xx" + f"<Document xmlns='{XSD}camt.053.001.08'>".encode() + b" " * 1_000_000)
    stream.seek(2)

    assert detect.detect(stream) == "camt.053"
    assert stream.tell() == 2


def test_each_answer_of_a_bank_has_its_reader() -> None:
    """A registry miss names what exists."""
    assert detect.read("pain.002") is pain002.read
    assert {detect.read(kind) for kind in ("camt.052", "camt.053", "camt.054")} == {camt.read}
    with pytest.raises(UnknownName, match=r"camt\.052, camt\.053, camt\.054, pain\.002"):
        detect.read("pain.008")


if TESTDATA is not None:
    # The names of the files lie about their versions; the folder and the namespace do not.
    SAMPLES = sorted(Path(TESTDATA, "samples").rglob("*.xml"))

    @pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
    def test_samples_are_what_their_index_says(path: Path) -> None:
        """Each sample of INDEX.md is recognised."""
        content = path.read_bytes()
        known = ("pain.002", "pain.008", "camt.052", "camt.053", "camt.054")
        kinds = [kind for kind in known if f"xsd:{kind}.".encode() in content]
        with path.open("rb") as stream:
            assert [detect.detect(stream)] == kinds


def test_a_long_name_is_cut() -> None:
    """Of what a stranger calls his file eighty characters are shown."""
    with pytest.raises(BadInput) as refusal:
        detect.detect(io.BytesIO(f"<Document xmlns='{'x' * 100}'/>".encode()))
    assert f"'{'x' * 80}'" in str(refusal.value)
