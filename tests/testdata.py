"""Where vectors, samples and schemas lie that are not part of this project: BRIDGE_TESTDATA (default ``../shared``).

A test that needs them is defined below ``if TESTDATA is not None:`` at the end of its module; its rule has a case of its
own above.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMED = os.environ.get("BRIDGE_TESTDATA", "../shared")
_FOLDER = (ROOT / NAMED).resolve()
TESTDATA: Path | None = _FOLDER if _FOLDER.is_dir() else None
GUARD = "TESTDATA is not None"


def vector_tests() -> list[str]:
    """The names of the test functions that exist only where TESTDATA does."""
    return [name for file in sorted(Path(__file__).parent.rglob("test_*.py")) for name in _guarded(file)]


def _guarded(file: Path) -> Iterator[str]:
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == GUARD:
            yield from (
                inner.name for inner in node.body if isinstance(inner, ast.FunctionDef) and inner.name.startswith("test_")
            )
