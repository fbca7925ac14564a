"""Pure: what a rule is, and the one pass over a file that asks them all.

A rule looks at a whole file, at a block, or at a debit with its block; it yields where it is broken and how.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bridge.model import identifiers
from bridge.records.pain008 import DebitBlock, DebitFile, DebitLine
from bridge.records.profile import BankProfile


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, by which rule, and where: ``path`` is "block[1]/debit[3]/amount_cents", counted from 1."""

    id: str
    path: str
    message: str


#: A field ("amount_cents"; of a file the whole path), and what is wrong with it in words
Verdict = tuple[str, str]
FileCheck = Callable[[DebitFile], Iterator[Verdict]]
BlockCheck = Callable[[DebitBlock], Iterator[Verdict]]
DebitCheck = Callable[[DebitBlock, DebitLine], Iterator[Verdict]]
BankCheck = Callable[[DebitFile, BankProfile], Iterator[Verdict]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its id, where it is written, what it looks at (file, block, debit, bank or message), and its sentence."""

    id: str
    source: str
    of: str
    check: Callable[..., Iterator[Verdict]]
    sentence: str


RULES: dict[str, Rule] = {}


def of_file(id: str, *, source: str) -> Callable[[FileCheck], FileCheck]:
    """Enter a function over whole files into RULES, under an id that is used once."""
    return _enter(id, source, "file")


def of_block(id: str, *, source: str) -> Callable[[BlockCheck], BlockCheck]:
    """The same for one over a block."""
    return _enter(id, source, "block")


def of_debit(id: str, *, source: str) -> Callable[[DebitCheck], DebitCheck]:
    """The same for one over a debit and its block."""
    return _enter(id, source, "debit")


def of_bank(id: str, *, source: str) -> Callable[[BankCheck], BankCheck]:
    """The same for one over a file and the profile of the bank that gets it."""
    return _enter(id, source, "bank")


def check(file: DebitFile) -> list[Finding]:
    """Every finding of the scheme's rules, in the order of their ids; an empty list is a file that keeps the scheme."""
    found = [(rule.id, path, message) for rule in _all("file") for path, message in rule.check(file)]
    of_blocks, of_debits = _all("block"), _all("debit")
    for number, block in enumerate(file.blocks, start=1):
        found += [(rule.id, f"block[{number}]/{what}", said) for rule in of_blocks for what, said in rule.check(block)]
        for place, debit in enumerate(block.debits, start=1):
            for rule in of_debits:
                for what, said in rule.check(block, debit):
                    found.append((rule.id, f"block[{number}]/debit[{place}]/{what}", f"{named(debit)}: {said}"))
    return [Finding(*one) for one in sorted(found, key=lambda one: one[0])]


def debits(file: DebitFile) -> Iterator[tuple[str, DebitBlock, DebitLine]]:
    """Every debit with its path and block."""
    for number, block in enumerate(file.blocks, start=1):
        for place, debit in enumerate(block.debits, start=1):
            yield f"block[{number}]/debit[{place}]", block, debit


def named(debit: DebitLine) -> str:
    """A debit as a person knows it; an EndToEndId that is none may be anything, even a name, and is not repeated."""
    return debit.end_to_end_id if identifiers.reference_fault(debit.end_to_end_id) is None else "debit without usable id"


def _all(of: str) -> list[Rule]:
    return [rule for rule in RULES.values() if rule.of == of]


def _enter(id: str, source: str, of: str) -> Callable[[Any], Any]:
    def enter(function: Any) -> Any:
        if id in RULES:
            raise ValueError(f"scheme rule {id} exists twice")
        RULES[id] = Rule(id, source, of, function, " ".join(str(function.__doc__).split()))
        return function

    return enter
