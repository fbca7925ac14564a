"""What does not run proves nothing."""

from __future__ import annotations

import ast

from tests.house.code import ROOT, tree, where

SKIPS = {"skip", "skipif", "xfail", "importorskip"}


def test_no_test_skips_itself() -> None:
    """No test is skipped or expected to fail, on any condition."""
    found = [
        where(file, node)
        for file in sorted((ROOT / "tests").rglob("*.py"))
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Attribute) and node.attr in SKIPS and ast.unparse(node).startswith("pytest.")
    ]
    assert found == []
