"""Each trick of the banks' answers that sepa.md 9 and 10 name stands in a golden file, and is read as its row here says.

The files in golden/answers/ are ours, written by hand, each valid against the ISO schema of its version. Beside each lies what
``bridge show --json`` says of it; ``pytest --regen`` writes these anew. What a status report then does to debits is told in
tests/intake/test_dialects_heard.py.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bridge.formats import detect
from bridge.reports import showing
from tests.testdata import TESTDATA

FOLDER = Path(__file__).parent / "golden" / "answers"
FILES = sorted(path.stem for path in FOLDER.glob("*.xml"))

#: section of sepa.md, what banks do -> file, path in what is shown, what must stand there
TRICKS: dict[tuple[str, str], tuple[str, str, Any]] = {
    ("9", "a whole file refused has its reason at the group and nothing below"): (
        "pain002_file_refused", "report.lines", [
            {"level": "group", "pmt_inf_id": None, "end_to_end_id": None, "status": "RJCT", "amount_cents": None,
             "mandate_id": None, "reasons": [{"code": "FF01", "info": "the file cannot be read line 7", "originator": None}]}
        ]),
    ("9", "a block refused has its reason at the block"): (
        "pain002_block_refused", "report.lines.1.reasons", [{"code": "BE05", "info": "", "originator": "COBADEFFXXX"}]),
    ("9", "TxSts is optional"): ("pain002_block_refused", "report.lines.2.status", None),
    ("9", "GrpSts is optional"): ("pain002_partial", "report.group_status", None),
    ("9", "PmtInfSts is optional"): ("pain002_partial", "report.lines.0.status", None),
    ("9", "OrgnlMsgNmId without a version"): ("pain002_partial", "report.original_message_name", "pain.008"),
    ("8.1", "MD01 with a name: the debtor's own word"): (
        "pain002_partial", "report.lines.1.reasons.0.originator", "Blechwerk Süd GmbH"),
    ("9", "a reason of the bank's own"): ("pain002_part", "report.lines.3.reasons.0.code", "B17"),
    ("9", "AddtlInf more than once"): ("pain002_file_refused", "report.reasons.0.info", "the file cannot be read line 7"),
    ("9", "a reason at the group without GrpSts stays"): ("pain002_reason_at_file", "report.reasons.0.code", "BE05"),
    ("9", "NOTPROVIDED is no EndToEndId"): ("pain002_nameless", "report.lines.1.end_to_end_id", None),
    ("9", "OrgnlTxRef: the mandate"): ("pain002_nameless", "report.lines.2.mandate_id", "MND-0002"),
    ("9", "OrgnlTxRef: the amount"): ("pain002_nameless", "report.lines.2.amount_cents", 2_000),
    ("9", "words of the payee verification are kept as they are"): ("pain002_payee", "report.group_status", "RVCM"),
    ("10", "one entry with many details, amounts in TxDtls/Amt"): ("camt053_lump_sums", "amounts.0", [1_000, 2_000]),
    ("10", "amounts in AmtDtls/TxAmt"): ("camt053_lump_sums", "amounts.1", [1_000, 2_000]),
    ("10", "amounts in AmtDtls/InstdAmt"): ("camt053_lump_sums", "amounts.2", [1_000, 2_000]),
    ("10", "a Btch and no details"): (
        "camt053_lump_sums", "entries.3.batch",
        {"message_id": "GOLDEN-F1", "pmt_inf_id": "GOLDEN-R1", "count": 2, "total_cents": 12_110}),
    ("10", "fewer details than NbOfTxs"): ("camt053_lump_sums", "entries.4.batch.count", 3),
    ("10", "of fewer details each keeps its own amount"): ("camt053_lump_sums", "amounts.4", [10_000, 10_000]),
    ("10", "several NtryDtls"): ("camt053_lump_sums", "amounts.5", [2_000, 4_000]),
    ("10", "of several Btch none is the batch"): ("camt053_lump_sums", "entries.5.batch", None),
    ("10", "an entry's amount is never spread over its details"): ("camt053_lump_sums", "amounts.6", [None, None]),
    ("10", "details that do not add up stay as they are"): ("camt053_lump_sums", "amounts.7", [None, None]),
    ("10", "every part of Btch is optional"): (
        "camt053_lump_sums", "entries.8.batch", {"message_id": None, "pmt_inf_id": None, "count": None, "total_cents": None}),
    ("10", "one entry for each debit"): ("camt053_lump_sums", "entries.9.details.0.end_to_end_id", "INV-15-1"),
    ("10", "RtrInf: the reason"): ("camt053_returns", "entries.0.details.0.return_reason", "MD06"),
    ("10", "RtrInf: AddtlInf more than once"): (
        "camt053_returns", "entries.0.details.0.return_info", "Widerspruch durch den Zahler"),
    ("8.1", "a refund names the debtor"): ("camt053_returns", "entries.0.details.0.originator", "Blechwerk Süd GmbH"),
    ("8.1", "a return names a bank"): ("camt053_returns", "entries.1.details.0.originator", "COBADEFFXXX"),
    ("10", "Refs are those of the original"): ("camt053_returns", "entries.0.details.0.mandate_id", "MND-1"),
    ("10", "parties keep their roles"): ("camt053_returns", "entries.0.details.0.debtor_name", "Blechwerk Süd GmbH"),
    ("10", "fee inside, the original in InstdAmt"): ("camt053_returns", "fees.0", (-10_500, 10_000, 500)),
    ("10", "fee inside, the original in TxAmt"): ("camt053_returns", "fees.1", (-10_500, 10_000, 500)),
    ("10", "fee inside, only the original and Chrgs"): ("camt053_returns", "fees.2", (-10_500, 10_000, 500)),
    ("10", "fee beside"): ("camt053_returns", "fees.3", (-10_000, None, 500)),
    ("10", "the fee's own entry"): ("camt053_returns", "entries.4.bank_code", "NCHG+808+9310"),
    ("10", "no Chrgs: the original in the text"): (
        "camt053_returns", "entries.5.details.0.remittance", "RUECKLASTSCHRIFT ORG.BETR.: 100,00"),
    ("10", "two Rcrd: interchange and fee"): ("camt053_returns", "fees.6", (-1_550, 1_000, 550)),
    ("10", "Chrgs at the entry"): ("camt053_returns", "entries.7.charges_cents", 500),
    ("10", "returns booked in one entry"): ("camt053_returns", "amounts.8", [-1_000, -2_000]),
    ("10", "a return reason of the bank's own"): ("camt053_returns", "entries.8.details.1.return_reason", "914"),
    ("10", "RvslInd does not flip the sign"): ("camt053_returns", "entries.9.amount_cents", -10_000),
    ("10", "RvslInd is kept"): ("camt053_returns", "entries.9.reversal", True),
    ("10", "IDDT at the entry, RDDT at the detail"): ("camt053_returns", "entries.9.bank_code", "PMNT/IDDT/PRDD"),
    ("10", "RCDD says return"): ("camt053_returns", "entries.10.is_return", True),
    ("10", "GVC 109 with four parts says return"): ("camt053_returns", "entries.11.is_return", True),
    ("10", "GVC 108 with two parts says return"): ("camt053_returns", "entries.12.is_return", True),
    ("10", "neither a text nor a Primanota of 109 says return"): ("camt053_returns", "entries.13.is_return", False),
    ("10", "GVC 159 is no return of a debit"): ("camt053_returns", "entries.14.is_return", False),
    ("10", "a charge kept from a credit"): ("camt053_returns", "fees.15", (9_500, 10_000, 500)),
    ("1.1", ".02: an overdrawn account"): ("camt053_legacy", "statements.0.opening_cents", -25_000),
    ("1.1", ".02: Sts as text"): ("camt053_legacy", "entries.0.status", "BOOK"),
    ("1.1", ".02: Dbtr/Nm"): ("camt053_legacy", "entries.0.details.0.debtor_name", "Blechwerk Süd GmbH"),
    ("1.1", ".02: BICOrBEI"): ("camt053_legacy", "entries.1.details.0.originator", "COBADEFFXXX"),
    ("10", ".02: fee inside, the original in TxAmt, no TxDtls/Amt"): ("camt053_legacy", "fees.0", (-10_500, 10_000, 500)),
    ("1.1", ".02: several Chrgs, each flat"): ("camt053_legacy", "fees.1", (-1_550, 1_000, 550)),
    ("10", ".02: two returns in one entry, each with its fee"): ("camt053_legacy", "amounts.2", [-10_300, -12_350]),
    ("10", ".02: fee beside"): ("camt053_legacy", "fees.3", (-10_000, 10_000, 500)),
    ("10", ".02: BkTxCd empty at the entry, 109 at the detail"): ("camt053_legacy", "entries.3.is_return", True),
    ("10", "BOOK, PDNG, INFO, and codes that are open"): (
        "camt053_statuses", "status", ["BOOK", "PDNG", "INFO", "FUTR", "VORM"]),
    ("10", "ITBD, CLAV and FWAV are not the day's end"): ("camt053_statuses", "statements.0.closing_cents", 11_000),
    ("10", "PRCD opens a day too"): ("camt053_dates", "statements.0.opening_cents", 0),
    ("10", "BookgDt with microseconds"): ("camt053_dates", "entries.0.booked_on", "2026-11-20"),
    ("10", "24:00:00 belongs to its day"): ("camt053_dates", "entries.1.booked_on", "2026-11-20"),
    ("10", "a day is the bank's own, whatever its offset"): ("camt053_dates", "entries.1.value_on", "2026-11-20"),
    ("10", "BookgDt and ValDt are optional"): ("camt053_dates", "entries.2.booked_on", None),
    ("10", "a date with an offset"): ("camt053_dates", "entries.3.booked_on", "2026-11-20"),
    ("10", "pages, and the balances between them"): (
        "camt053_pages", "balances", [(10_000, 11_000), (11_000, 13_000), (13_000, 16_000), (16_000, 16_000)]),
    ("10", "StmtPgntn goes before MsgPgntn"): ("camt053_pages", "pages", [(1, False), (2, False), (3, True), (7, False)]),
    ("10", "several accounts and days in a file"): (
        "camt053_many", "ids", ["S-1", "S-2", "S-3", "S-4", "S-5", "S-6", "S-7"]),
    ("10", "a statement without entries"): ("camt053_many", "statements.1.entries", []),
    ("10", "COPY, DUPL, CODU"): ("camt053_many", "copies", [None, None, None, "COPY", "DUPL", "CODU", None]),
    ("10", "an account without an IBAN"): ("camt053_many", "statements.6.iban", "0123456789"),
    ("10", "ElctrncSeqNb is optional"): ("camt053_many", "statements.6.sequence", None),
    ("10", "two equal entries stay two"): ("camt053_many", "statements.6.closing_cents", 2),
    ("10", "camt.054: details and no balance"): ("camt054_details", "statements.0.closing_cents", None),
    ("10", "camt.054: a return's reason"): ("camt054_details", "entries.1.details.0.return_reason", "MD07"),
    ("10", "camt.052: pending lines"): ("camt052_today", "status", ["BOOK", "PDNG"]),
    ("10", "Ustrd cut at 35 characters"): (
        "camt053_text", "entries.0.details.0.remittance", "Rechnung PLANT-1-000001 vom 20.11.2026 Mandat MND-1"),
    ("10", "NOTPROVIDED names nobody"): ("camt053_text", "entries.0.details.0.end_to_end_id", None),
    ("10", "Ustrd that ended by itself"): ("camt053_text", "entries.1.details.0.remittance", "kurz und gut"),
    ("10", "Strd: the creditor's reference"): ("camt053_text", "entries.2.details.0.remittance", "RF18539007547034"),
    ("1.1", "a party that is a bank"): ("camt053_text", "entries.3.details.0.debtor_name", "Musterbank"),
    ("10", "an entry without details keeps its text"): ("camt053_text", "entries.4.text", "SEPA-LASTSCHRIFT"),
}  # fmt: skip


def shown(file: str) -> Any:
    """What ``bridge show --json`` prints of a golden file."""
    return json.loads(json.dumps(showing.show_file(file, (FOLDER / f"{file}.xml").read_bytes()), default=date.isoformat))


def looked_at(file: str) -> Any:
    """The same, with the lists that the rows above speak of."""
    document = shown(file)
    statements = document["statements"]
    entries = [entry for statement in statements for entry in statement["entries"]]
    first = [(entry["details"] or [{}])[0] for entry in entries]
    return {
        **document,
        "entries": entries,
        "amounts": [[detail["amount_cents"] for detail in entry["details"]] for entry in entries],
        "fees": [(one.get("amount_cents"), one.get("original_cents"), one.get("charges_cents")) for one in first],
        "status": [entry["status"] for entry in entries],
        "balances": [(statement["opening_cents"], statement["closing_cents"]) for statement in statements],
        "pages": [(statement["page"], statement["last_page"]) for statement in statements],
        "ids": [statement["id"] for statement in statements],
        "copies": [statement["copy"] for statement in statements],
    }


def along(value: Any, path: str) -> Any:
    """What stands at "entries.0.details.0.amount_cents"."""
    for step in path.split("."):
        value = value[int(step)] if isinstance(value, (list, tuple)) else value[step]
    return value


@pytest.mark.parametrize(("section", "trick"), TRICKS)
def test_each_trick_is_read(section: str, trick: str) -> None:
    """The fact that its row states is what the file says."""
    file, path, expected = TRICKS[section, trick]
    assert along(looked_at(file), path) == expected


@pytest.mark.parametrize("file", FILES)
def test_golden_answers(file: str, *, regen: bool) -> None:
    """Each file says exactly what lies beside it."""
    twin = FOLDER / f"{file}.json"
    if regen:
        twin.write_text(json.dumps(shown(file), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    assert shown(file) == json.loads(twin.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", [name for name in FILES if name.startswith("camt053")])
def test_what_is_booked_adds_up(file: str) -> None:
    """From the opening by the booked entries to the closing balance, in every statement of every golden file."""
    for statement in shown(file)["statements"]:
        booked = sum(entry["amount_cents"] for entry in statement["entries"] if entry["status"] == "BOOK")
        assert statement["opening_cents"] + booked == statement["closing_cents"]


def test_no_file_without_a_row() -> None:
    """Every golden statement has its tricks in the table; a report has them here or where it is heard."""
    told = {file for file, _, _ in TRICKS.values()}
    assert {file for file in FILES if file.startswith("camt")} <= told <= set(FILES)


if TESTDATA is not None:

    @pytest.mark.parametrize("file", FILES)
    def test_golden_answers_keep_the_schema(file: str) -> None:
        """A trick is only one where the standard allows it."""
        from lxml import etree

        assert TESTDATA is not None
        body = (FOLDER / f"{file}.xml").read_bytes()
        with (FOLDER / f"{file}.xml").open("rb") as stream:
            version = detect.namespace(stream).rpartition(":")[2]
        schema = etree.XMLSchema(etree.parse(TESTDATA / "xsd" / f"{version}.xsd"))
        schema.assertValid(etree.fromstring(body))
