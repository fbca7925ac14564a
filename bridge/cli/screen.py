"""What people see: tables and amounts. Figures are right-aligned, IBANs come masked from where they are read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table


def euro(cents: int) -> str:
    """Cents as euros with a thousands separator: 1,284.30."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def console() -> Console:
    """A console that does not break lines of a pipe."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=200)


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = (), footer: Sequence[str] = ()
) -> None:
    """Print a table; columns named in ``right`` hold figures."""
    grid = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, title_style="bold", show_footer=bool(footer), pad_edge=False
    )
    for number, name in enumerate(columns):
        grid.add_column(
            name, justify="right" if name in right else "left", footer=footer[number] if footer else "", overflow="fold"
        )
    for row in rows:
        grid.add_row(*[str(value) if value is not None else "" for value in row])
    console().print(grid)


def lines(*texts: str) -> None:
    """Print plain lines; nothing in them is markup."""
    for text in texts:
        console().print(text, markup=False, soft_wrap=True)
