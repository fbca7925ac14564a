"""Money is int cents, and float never."""

from __future__ import annotations

import ast

from tests.house.code import modules, tree, where

MONEY = (
    "rules",
    "model",
    "records",
    "formats",
    "chain",
    "acts",
    "steps",
    "reports",
    "books.py",
    "balances.py",
    "judging.py",
    "custody",
)
# Seconds and ratios may be float; an entry names the module and says why.
ALLOWED = {
    "bridge/chain/endpoint.py": "seconds to wait for a node",
    "bridge/reports/paper.py": "widths and heights on paper; it gets every amount as text",
}


def test_no_float_where_money_is() -> None:
    """No float literal, no float() and no true division in the modules that handle money."""
    found = [
        f"{where(file, node)} {ast.unparse(node)}"
        for file in modules(*MONEY)
        if where(file).partition(":")[0] not in ALLOWED
        for node in ast.walk(tree(file))
        if _is_float(node)
    ]
    assert found == []


def test_the_reader_sees_floats() -> None:
    """A float literal, a call of float and a division of numbers are found; a path joined by a slash is not."""
    cases = {"0.5": True, "float(a)": True, "cents / 2": True, "folder / 'name'": False, "1": False}
    assert {text: _is_float(ast.parse(text, mode="eval").body) for text in cases} == cases


def _is_float(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=float()):
            return True
        case ast.Call(func=ast.Name(id="float")):
            return True
        case ast.BinOp(op=ast.Div(), right=ast.Constant(value=int())):
            return True
        case ast.BinOp(op=ast.Div(), left=left, right=right):
            return any("cents" in ast.unparse(side) for side in (left, right))
        case _:
            return False
