"""The rules of style that a parser can check."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.code import BRIDGE, ROOT, modules, tree, where

BANNED_NAMES = {"utils", "helpers", "services", "managers", "common", "util", "helper"}
LINES_MAX = 400
CLOCK_READERS = ("runtime.py", "sim")
CLOCKS = {"now", "utcnow", "today"}
ALL = list(modules())


def test_every_module_says_what_it_is() -> None:
    """Every module opens with a docstring."""
    assert [where(f) for f in ALL if not ast.get_docstring(tree(f))] == []


def test_every_package_says_so() -> None:
    """A folder with modules has an __init__.py: without one the import contracts do not see it."""
    folders = {f.parent for f in ALL}
    assert sorted(str(d.relative_to(ROOT)) for d in folders if not (d / "__init__.py").exists()) == []


def test_files_stay_small() -> None:
    """No module is longer than 400 lines."""
    lengths = {where(f): len(f.read_text(encoding="utf-8").splitlines()) for f in ALL}
    assert {f: n for f, n in lengths.items() if n > LINES_MAX} == {}


def test_no_drawer_for_everything() -> None:
    """utils, helpers, services, managers and common do not exist."""
    assert [where(f) for f in ALL if BANNED_NAMES & set(f.relative_to(BRIDGE).with_suffix("").parts)] == []


def test_unknown_is_an_error() -> None:
    """No bare except, no except that swallows everything, no ``else: pass``."""
    assert [where(f, n) for f in ALL for n in ast.walk(tree(f)) if _swallows(n)] == []


def test_only_shells_print() -> None:
    """print() is for the command line alone; everything else returns values."""
    found = [where(f, n) for f in _outside("cli", "__main__.py") for n in ast.walk(tree(f)) if _calls(n, {"print"})]
    assert found == []


def test_the_clock_is_handed_in() -> None:
    """Only the runtime (and the simulation) reads the clock: rules get a date, steps call ``runtime.clock()``."""
    found = [
        where(f, n)
        for f in _outside(*CLOCK_READERS)
        for n in ast.walk(tree(f))
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr in CLOCKS and _is_date(n.func.value)
    ]
    assert found == []


def test_transaction_has_four_meanings_and_so_none() -> None:
    """No name in bridge/ says "transaction" alone: chain, database, ISO and ledger each have another one. formats/ speaks ISO."""
    found = [
        f"{where(f, n)} {name}"
        for f in _outside("formats")
        for n in ast.walk(tree(f))
        for name in _names(n)
        if _is_transaction(name)
    ]
    assert found == []


def test_pure_modules_say_so() -> None:
    """Every module of rules/ says in its first line that it is pure."""
    docs = {where(f): (ast.get_docstring(tree(f)) or "").splitlines()[:1] for f in modules("rules") if f.name != "__init__.py"}
    assert [f for f, first in docs.items() if "pure" not in " ".join(first).lower()] == []


@pytest.mark.parametrize("area", ["bridge", "tests", "tools", "contracts"])
def test_no_trace_of_this_machine(area: str) -> None:
    """No path of a developer's machine stands in the source."""
    marks = ("/home" + "/", "/root" + "/", "/work" + "/")
    texts = {f: f.read_text(encoding="utf-8") for f in sorted((ROOT / area).rglob("*.py"))}
    assert [where(f) for f, text in texts.items() if any(mark in text for mark in marks)] == []


def _outside(*parts: str) -> list[Path]:
    inside = set(modules(*parts))
    return [f for f in ALL if f not in inside]


def _swallows(node: ast.AST) -> bool:
    if isinstance(node, ast.ExceptHandler):
        return node.type is None or (_is_pass(node.body) and ast.unparse(node.type) in {"Exception", "BaseException"})
    return isinstance(node, ast.If) and _is_pass(node.orelse)


def _is_pass(body: list[ast.stmt]) -> bool:
    return len(body) == 1 and isinstance(body[0], ast.Pass)


def _calls(node: ast.AST, names: set[str]) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def _is_date(value: ast.expr) -> bool:
    return ast.unparse(value).rsplit(".", maxsplit=1)[-1] in {"date", "datetime"}


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=name) | ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case _:
            return []


def _is_transaction(name: str) -> bool:
    return name.strip("_").lower() in {"transaction", "transactions", "tx", "txs", "txn"}


def test_this_reader_finds_what_it_looks_for() -> None:
    """The detectors above are not blind: each finds its sin in a line that has it."""
    swallowed = ast.parse("try:\n    f()\nexcept Exception:\n    pass\nif a:\n    b()\nelse:\n    pass")
    assert sum(map(_swallows, ast.walk(swallowed))) == 2
    assert _is_transaction("Transaction")
    assert not _is_transaction("transaction_hash")
    assert _is_date(ast.parse("datetime.datetime", mode="eval").body)
