"""document: the stored files of the bank, ours, and notices; and their end."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from bridge.cli import call, screen

if TYPE_CHECKING:
    from bridge.acts.destroy import Found

app = typer.Typer(
    no_args_is_help=True,
    help="Stored files.",
    epilog="Examples:  bridge document destroy --dry-run   ·   bridge document destroy --reason 'year 2026' --actor anna",
)


@app.callback()
def group() -> None:
    """Stored files."""


@app.command(
    epilog=(
        "Examples:  bridge document destroy --dry-run   ·   "
        "bridge document destroy --reason 'retention of 2026 is over' --actor anna"
    )
)
def destroy(
    context: typer.Context,
    reason: str = typer.Option("", "--reason"),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say which files may be destroyed, and why others stay."),
) -> None:
    """Make files unreadable for ever once retention allows it; two people run this, and the second one's word does it."""
    from bridge.acts import destroy as act

    here = call.of(context)
    runtime = here.runtime()
    if dry_run:
        found = act.look(runtime)
        here.answer(asdict(found), lambda: screen.lines(*_said(found)))
        return
    done = act.run(runtime, here.actor(runtime), reason)
    agreed = " and ".join(done.agreed)
    words = f"{agreed} agreed; {done.missing} more must run the same" if done.missing else f"destroyed; {agreed} agreed"
    here.answer(asdict(done), lambda: screen.lines(*_said(done.found), words))


def _said(found: Found) -> list[str]:
    """How many of each kind, the hash that two people compare, and why others stay."""
    listed = ", ".join(f"{count} {kind}" for kind, count in found.kinds.items()) or "none"
    kept = [f"  {count} kept: {why}" for why, count in found.kept.items()]
    together = [f"  together {found.digest}"] if found.kinds else []
    return [f"files that rest on bookings of {found.last_year} and before alone: {listed}", *together, *kept]
