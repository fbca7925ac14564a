"""What people see: tables and amounts. Figures are right-aligned, IBANs come masked from where they are read.

What a bank or a debtor wrote is shown as it is: nothing in it is markup, and control characters cannot reach the terminal.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bridge.errors import BadInput

WIDTH = 120


def euro(cents: int) -> str:
    """Cents as euros with a thousands separator: 1,284.30."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def cents(text: str, *, least: int = 1) -> int:
    """Euros with two decimals, as people type them, in cents: 1284.30. Raises BadInput for anything else."""
    if not re.fullmatch(r"-?\d{1,11}\.\d{2}", text):
        raise BadInput(f"{text!r} is no amount: write euros with two decimals, like 1284.30")
    found = int(text.replace(".", ""))
    if found < least:
        raise BadInput(f"{text} is not above zero")
    return found


def console() -> Console:
    """A console that does not break lines of a pipe."""
    found = Console(highlight=False)
    return found if found.is_terminal or "COLUMNS" in os.environ else Console(highlight=False, width=200)


def width() -> int:
    """How many letters a table may be wide: what the terminal shows; in a pipe WIDTH, though a sentence may be longer there."""
    found = Console(highlight=False)
    return found.width if found.is_terminal or "COLUMNS" in os.environ else WIDTH


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
    footer: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> None:
    """Print a table; columns named in ``right`` hold figures, and in those named in ``whole`` no cell is broken."""
    grid = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, title_style="bold", show_footer=bool(footer), pad_edge=False
    )
    for number, name in enumerate(columns):
        grid.add_column(
            name,
            justify="right" if name in right else "left",
            footer=footer[number] if footer else "",
            overflow="fold",
            no_wrap=name in whole,
        )
    for row in rows:
        grid.add_row(*[plain(value) for value in row])
    console().print(grid)


def plain(value: object) -> Text:
    """A value as text that is only text: no markup, no control character."""
    if isinstance(value, (list, tuple)):
        value = ", ".join(str(part) for part in value)
    words = "" if value is None else str(value)
    return Text("".join(char if char == "\n" or char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in words))


def lines(*texts: str) -> None:
    """Print plain lines; nothing in them is markup."""
    for text in texts:
        console().print(plain(text), soft_wrap=True)
