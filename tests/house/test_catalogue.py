"""The catalogue of what goes wrong between a chain and a ledger: every case has a test, and a defence that turns it red."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from functools import cache

from tests.house.code import ROOT

CASES = range(1, 51)
#: no case of ours, and why
DOES_NOT_APPLY = {
    45: "a payment is one log of our own contract (InvoicePaid), not the Transfer logs of a token; its tests are in test_paid.py",
    48: "EIP-3009 nonces are never looked at: only InvoicePaid is money",
}
NAMED = re.compile(r"\bT(\d+)(?: to T(\d+))?")


def test_every_case_has_a_test() -> None:
    """T1 to T50 are named in the first sentence of a test, but for those that cannot happen here."""
    assert [case for case in CASES if case not in DOES_NOT_APPLY and not _tests()[case]] == []


def test_every_case_has_a_defence() -> None:
    """For each case some line of code is switched off in tests/defences.toml, and one of its tests turns red."""
    entries = tomllib.loads((ROOT / "tests" / "defences.toml").read_text("utf-8"))["defence"]
    guarding = {entry["test"].partition("[")[0] for entry in entries}
    assert [case for case in CASES if case not in DOES_NOT_APPLY and not _tests()[case] & guarding] == []


@cache
def _tests() -> dict[int, set[str]]:
    """Case -> the tests whose docstring names it."""
    found: dict[int, set[str]] = defaultdict(set)
    for file in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for case in _named(ast.get_docstring(node) or ""):
                    found[case].add(f"{file.relative_to(ROOT)}::{node.name}")
    return found


def _named(words: str) -> set[int]:
    cases: set[int] = set()
    for first, last in NAMED.findall(words):
        cases |= set(range(int(first), int(last or first) + 1))
    return cases
