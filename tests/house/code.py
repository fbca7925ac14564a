"""Reads the project's own source for the house tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BRIDGE = ROOT / "bridge"


def modules(*parts: str) -> Iterator[Path]:
    """The Python files of bridge/, or of the named parts of it (``"rules"``, ``"books.py"``), those that exist."""
    for part in parts or (".",):
        here = BRIDGE / part
        yield from sorted(here.rglob("*.py")) if here.is_dir() else [p for p in [here] if p.is_file()]


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def where(file: Path, node: ast.AST | None = None) -> str:
    """``bridge/books.py:12`` for a message."""
    return f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def dotted(file: Path) -> str:
    """``bridge.steps.batch`` for bridge/steps/batch.py, ``bridge.steps`` for its __init__.py."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
