"""What one bank takes: each rule has a file that one profile refuses and another takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.records.pain008 import Address, DebitFile
from bridge.records.profile import BankProfile
from bridge.rules import scheme
from bridge.rules.scheme import of_bank
from tests.rules.test_scheme import BLOCK, FILE, OTHER, SWISS, block, debit

LEGACY = "pain.008.001.02"
BANK = BankProfile("a bank", "A bank")
HYBRID = replace(SWISS.debtor_address or Address(), lines=("Hinterhaus",))
OLD = Address(country="CH", lines=("Rue du Lac 1268", "2501 Biel"))
CASES: list[tuple[str, DebitFile, dict[str, object], str]] = [
    ("BNK-001", replace(FILE, version=LEGACY), {}, "A bank takes pain.008.001.08"),
    ("BNK-002", FILE, {"transactions_max": 2}, "3 debits in one file; A bank takes 2"),
    ("BNK-003", FILE, {"one_block": True}, "2 blocks in one file"),
    ("BNK-004", block(due_on=BLOCK.due_on.replace(day=9)), {"one_due_date": True}, "several due dates"),
    ("BNK-005", block(creditor_iban="DE89370400440532013000"), {}, "several accounts"),
    ("BNK-006", debit(debtor_name="Jürgen"), {}, "INV-9-1: characters"),
    ("BNK-006", debit(remittance="5 %"), {}, "INV-9-1: characters"),
    ("BNK-006", debit(ultimate_debtor="Größe"), {}, "INV-9-1: characters"),
    ("BNK-006", block(creditor_name="Müller & Co."), {}, "characters that A bank does not take"),
    ("BNK-006", block(ultimate_creditor="Müller"), {}, "characters that A bank does not take"),
    ("BNK-007", debit(SWISS, debtor_address=HYBRID), {}, "structured addresses only"),
    ("BNK-007", debit(SWISS, debtor_address=OLD), {"address": "hybrid"}, "no address without structure"),
    ("BNK-007", debit(SWISS), {"address": "lines"}, "country and lines only"),
]


@pytest.mark.parametrize(("id_", "file", "bank", "words"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)])
def test_each_rule_alone(id_: str, file: DebitFile, bank: dict[str, object], words: str) -> None:
    """A bank that does not take the file says which rule, and why."""
    (finding,) = of_bank.check(file, replace(BANK, **bank))  # type: ignore[arg-type]

    assert finding.id == id_
    assert words in finding.message


def test_every_rule_has_a_case() -> None:
    """No rule of the bank is without a file that breaks it."""
    assert {case[0] for case in CASES} == {rule.id for rule in scheme.RULES.values() if rule.of == "bank"}


@pytest.mark.parametrize(
    ("file", "bank"),
    [
        (FILE, {"transactions_max": 3}),
        (replace(FILE, blocks=(OTHER,)), {"one_block": True, "one_due_date": True}),
        (debit(debtor_name="Jürgen & Söhne"), {"characters": "german"}),
        (debit(SWISS, debtor_address=HYBRID), {"address": "hybrid"}),
        (debit(SWISS, debtor_address=Address(town="Biel", country="CH", lines=("Case postale 12",))), {"address": "hybrid"}),
        (
            replace(debit(SWISS, debtor_address=OLD), version=LEGACY),
            {"address": "lines", "version": LEGACY},
        ),
    ],
)
def test_a_bank_that_takes_it(file: DebitFile, bank: dict[str, object]) -> None:
    """At the limit, and in the form that the bank takes, nothing is found; nor do the scheme's rules mind."""
    assert of_bank.check(file, replace(BANK, **bank)) == []  # type: ignore[arg-type]
    assert scheme.check(file) == []
