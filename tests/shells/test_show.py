"""``bridge show FILE``: what any bank file says, in the key names that scripts hold on to; nothing is stored."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.formats.test_dialects import FILES, FOLDER
from tests.formats.test_unpack import zipped
from tests.journeys.plant import Plant

STATEMENT = {"id", "iban", "sequence", "opening_cents", "closing_cents", "entries"}
ENTRY = {
    "amount_cents", "status", "booked_on", "value_on", "reversal", "bank_code", "batch", "charges_cents", "details"
}  # fmt: skip
DETAIL = {
    "end_to_end_id", "mandate_id", "amount_cents", "return_reason", "charges_cents", "originator", "debtor_name", "remittance"
}  # fmt: skip


@pytest.fixture
def nowhere(tmp_path: Path) -> Plant:
    """A folder without bridge.toml and without a database."""
    return Plant(tmp_path)


def body(file: str) -> bytes:
    return (FOLDER / f"{file}.xml").read_bytes()


@pytest.mark.parametrize("file", FILES)
def test_every_golden_answer_is_shown(nowhere: Plant, file: str) -> None:
    """As JSON it is the golden twin, with every key of the interface; as a table it ends well too. No file comes of it."""
    shown = nowhere.ok("show", str(FOLDER / f"{file}.xml"), "--json").json
    table = nowhere.ok("show", str(FOLDER / f"{file}.xml")).out

    assert shown == json.loads((FOLDER / f"{file}.json").read_text(encoding="utf-8"))
    assert {"kind", "statements", "report"} <= set(shown)
    entries = [entry for statement in shown["statements"] for entry in statement["entries"]]
    assert all(set(statement) >= STATEMENT for statement in shown["statements"])
    assert all(set(entry) >= ENTRY for entry in entries)
    assert all(set(detail) >= DETAIL for entry in entries for detail in entry["details"])
    assert (shown["report"] is not None) == (shown["kind"] == "pain.002")
    assert (shown["report"] or shown["statements"][0]).get("original_message_id", shown["kind"]) in table
    assert list(nowhere.folder.iterdir()) == []


def test_a_container_is_shown(nowhere: Plant) -> None:
    """A gzip of one is that one; of several in a ZIP, or behind one another, each is told, and the statements of all together."""
    one, report, path = body("camt053_pages"), body("pain002_part"), nowhere.folder / "drop"
    path.write_bytes(gzip.compress(one))
    alone = nowhere.ok("show", str(path), "--json").json
    path.write_bytes(zipped(("1.xml", one), ("2.xml", report)))
    both = nowhere.ok("show", str(path), "--json").json
    path.write_bytes(one + body("camt053_many"))
    behind = nowhere.ok("show", str(path), "--json").json

    assert (alone["kind"], len(alone["statements"]), "documents" in alone) == ("camt.053", 4, False)
    assert (both["kind"], len(both["statements"]), both["report"]) == ("several", 4, None)
    assert [(part["file"], part["kind"]) for part in both["documents"]] == [("1.xml", "camt.053"), ("2.xml", "pain.002")]
    assert both["documents"][1]["report"]["group_status"] == "PART"
    assert (behind["kind"], len(behind["statements"])) == ("camt.053", 11)
    assert nowhere.ok("show", str(path)).out.count("S-1") > 1


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.060.001.05'/>", "known are: camt.052.001.02"),
        (b"<Document xmlns='urn:x'/>", "known are: camt.052.001.02"),
        (b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.08'><Ntry/></Document>", "stands in Document"),
        (b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.08'/>", "The file holds no statement"),
        (b":20:MT940", "The file is not XML in UTF-8"),
        (zipped(("good.xml", body("pain002_part")), ("bad.xml", b"<a/>")), "bad.xml: "),
    ],
    ids=["message", "namespace", "entries", "nothing", "MT940", "ZIP"],
)  # fmt: skip
def test_what_is_not_shown(nowhere: Plant, said: bytes, words: str) -> None:
    """Refused in one sentence that names what is known, or which document it is; nothing stands on stdout."""
    path = nowhere.folder / "drop"
    path.write_bytes(said)
    answer = nowhere.here("show", str(path), "--json")

    assert (answer.code, answer.out) == (1, "")
    assert words in answer.err
