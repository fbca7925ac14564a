"""What a bank file says, as one document: amounts signed and in cents, fees and reasons beside them, nothing stored."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from bridge.errors import BadInput
from bridge.reports import showing
from tests.formats.test_pain008 import FULL, rendered
from tests.steps.place import half_way


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Path:
    """Status report, statement and a statement with a return of AM04 and a fee of 3.00 inside."""
    folder = tmp_path_factory.mktemp("bank")
    half_way(folder)
    return folder / "inbox"


def test_a_statement(inbox: Path) -> None:
    """The return is negative, with its reason and fee; opening and entries add up to the closing balance."""
    said = showing.show(BytesIO((inbox / "3.xml").read_bytes()))
    [statement] = said["statements"]
    [entry] = statement["entries"]
    [detail] = entry["details"]

    assert (said["kind"], said["report"], statement["iban"]) == ("camt.053", None, "DE02120300000000202051")
    assert statement["opening_cents"] + entry["amount_cents"] == statement["closing_cents"]
    assert (entry["amount_cents"], entry["status"], entry["bank_code"]) == (-10_300, "BOOK", "PMNT/IDDT/UPDD")
    assert (detail["end_to_end_id"], detail["return_reason"], detail["charges_cents"]) == ("plant-1-000001-1", "AM04", 300)


def test_a_status_report(inbox: Path) -> None:
    """About which file, what was said of it, and of which debit."""
    said = showing.show(BytesIO((inbox / "1.xml").read_bytes()))

    assert (said["kind"], said["statements"]) == ("pain.002", [])
    assert said["report"]["original_message_id"].startswith("MUSTERWERK-20261123-001-")
    assert said["report"]["original_message_name"].startswith("pain.008")


def test_a_debit_file() -> None:
    """Blocks and debits, their sums in cents, a structured reference in the place of a text."""
    said = showing.show(BytesIO(rendered(FULL)))

    assert (said["kind"], said["control_sum_cents"]) == ("pain.008", FULL.control_sum_cents)
    assert [block["sequence"] for block in said["blocks"]] == ["RCUR", "OOFF", "RCUR"]
    assert said["blocks"][2]["debits"][0]["remittance"] == "RF18539007547034"


@pytest.mark.parametrize("body", [b"hello", b"<a xmlns='urn:iso:std:iso:20022:tech:xsd:pain.001.001.09'/>"])
def test_what_is_no_bank_file_is_refused(body: bytes) -> None:
    """With the kinds that are known."""
    with pytest.raises(BadInput):
        showing.show(BytesIO(body))


def test_a_file_that_breaks_off_says_nothing(inbox: Path) -> None:
    """Not half of it."""
    with pytest.raises(BadInput):
        showing.show(BytesIO((inbox / "3.xml").read_bytes()[:-40]))
