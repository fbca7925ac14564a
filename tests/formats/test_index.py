"""The samples of others read to the facts that their INDEX states, line by line; the facts are parsed from the INDEX itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from bridge.errors import BadInput
from bridge.reports import showing
from tests.testdata import TESTDATA

_ROW = re.compile(r"\| (?P<file>\S+\.xml) \| (?P<message>\S+) \| (?P<counts>[-\d/]+) \| (?P<facts>[^|]*) \|")
_FACT = re.compile(
    r"(net|sts|reason|RvslInd|RtrInf|Chrgs|Btch|max TxDtls per Ntry|entries_where_sum\(TxDtls\)!=Ntry|PmtInf)=(\S+?)(?:;|$)"
)
EXAMPLE = "| a/b.xml | camt.053.001.08 | 1/2/- | RtrInf=2; net=-15.50; sts=BOOK; reason=171,MD06 | text |"


def rows(index: str) -> Iterator[tuple[str, str, tuple[int, ...], dict[str, str]]]:
    """File, message, its counts of statements, entries and details, and the facts by name, of each row of an INDEX."""
    for row in _ROW.finditer(index):
        counts = tuple(0 if count == "-" else int(count) for count in row["counts"].split("/"))
        yield row["file"], row["message"], counts, dict(_FACT.findall(row["facts"].strip()))


def test_a_row_of_an_index() -> None:
    """A dash is none; several codes stand in one fact."""
    facts = {"RtrInf": "2", "net": "-15.50", "sts": "BOOK", "reason": "171,MD06"}
    assert list(rows(EXAMPLE)) == [("a/b.xml", "camt.053.001.08", (1, 2, 0), facts)]


def cents(euros: str) -> int:
    """An amount of the INDEX, signed."""
    whole, _, part = euros.lstrip("-").partition(".")
    return (int(whole) * 100 + int(part.ljust(2, "0"))) * (-1 if euros.startswith("-") else 1)


class Sample:
    """What is shown of a sample, and what a plain walk through its elements finds."""

    def __init__(self, body: bytes) -> None:
        self.shown: Any = showing.show_file("sample.xml", body)
        self.entries = [entry for statement in self.shown["statements"] for entry in statement["entries"]]
        self.details = [detail for entry in self.entries for detail in entry["details"]]
        self.walked = etree.fromstring(body)

    def all(self, path: str) -> list[Any]:
        """The elements at the end of a path of local names, from anywhere."""
        return self.walked.xpath("//" + "/".join(f"*[local-name()='{name}']" for name in path.split("/")))

    def texts(self, path: str) -> Counter[str]:
        return Counter(element.text for element in self.all(path))

    def charges(self) -> int:
        """Every charge of the file in cents as a walk finds it, less what is given back; records where there are any."""
        return sum(_charge(record) for charges in self.all("Chrgs") for record in charges.findall("{*}Rcrd") or [charges])


def _charge(record: Any) -> int:
    amounts = [*record.findall("{*}Amt"), *record.findall("{*}TtlChrgsAndTaxAmt")]
    entry = next(record.iterancestors("{*}Ntry"))
    if not amounts or amounts[0].get("Ccy") != entry.find("{*}Amt").get("Ccy"):
        return 0
    return cents(amounts[0].text) * (-1 if record.findtext("{*}CdtDbtInd") == "CRDT" else 1)


if TESTDATA is not None:
    SAMPLES = Path(TESTDATA, "samples")
    INDEX = list(rows((SAMPLES / "INDEX.md").read_text(encoding="utf-8")))
    CAMT = [row for row in INDEX if row[1].startswith("camt") and row[2][0]]
    EMPTY = [row[0] for row in INDEX if not any(row[2])]

    @pytest.mark.parametrize(("file", "message", "counts", "facts"), CAMT, ids=[row[0] for row in CAMT])
    def test_a_sample_says_what_its_row_says(file: str, message: str, counts: tuple[int, ...], facts: dict[str, str]) -> None:
        """Counts, the signed net to the cent, statuses, batches, returns with each reason, and every charge."""
        sample = Sample((SAMPLES / file).read_bytes())

        assert sample.shown["kind"] == message[:8]
        assert (len(sample.shown["statements"]), len(sample.entries), len(sample.details)) == counts
        assert sum(entry["amount_cents"] for entry in sample.entries) == cents(facts.get("net", "0"))
        assert {entry["status"] for entry in sample.entries} == set(facts.get("sts", "").split(",")) - {""}
        assert any(entry["reversal"] for entry in sample.entries) == ("RvslInd" in facts)
        assert sum(entry["batch"] is not None for entry in sample.entries) == int(facts.get("Btch", 0))
        assert len(sample.all("RtrInf")) == int(facts.get("RtrInf", 0))
        assert Counter(d["return_reason"] for d in sample.details if d["return_reason"]) == sample.texts("RtrInf/Rsn/Cd")
        assert {d["return_reason"] for d in sample.details} - {None} <= set(facts.get("reason", "").split(","))
        shown = sum(one["charges_cents"] for one in [*sample.entries, *sample.details])
        assert shown == sample.charges()
        assert max((len(entry["details"]) for entry in sample.entries), default=0) in (
            {int(facts["max TxDtls per Ntry"])} if "max TxDtls per Ntry" in facts else {0, 1}
        )

    @pytest.mark.parametrize("file", EMPTY)
    def test_a_sample_that_holds_nothing_is_refused(file: str) -> None:
        """A Document of a known version without a statement is an error, not an empty answer."""
        with pytest.raises(BadInput):
            showing.show_file(file, (SAMPLES / file).read_bytes())

    def test_every_row_is_proven() -> None:
        """27 files are named; those of pain.008 and our own have tests of their own."""
        named = {row[0] for row in INDEX}
        assert {f"{path.relative_to(SAMPLES)}" for path in SAMPLES.rglob("*.xml") if "own/" not in str(path)} == named
        assert {row[1][:8] for row in INDEX if row not in CAMT and row[0] not in EMPTY} == {"pain.008"}
