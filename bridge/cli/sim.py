"""sim: the simulated bank, for training and tests."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import typer

from bridge.cli import call, screen
from bridge.errors import BadInput

app = typer.Typer(
    no_args_is_help=True,
    help="Simulations.",
    epilog="Examples:  bridge sim bank outbox/MSGID.xml   ·   bridge sim bank FILE --plan plant-1-000002-1=reject:AC04",
)


@app.command(
    epilog=(
        "Examples:  bridge sim bank outbox/MSGID.xml --day 2026-12-10   ·   "
        "bridge sim bank FILE --plan plant-1-000002-1=return:MD06:300 --into inbox"
    )
)
def bank(
    context: typer.Context,
    file: Path = typer.Argument(..., help="A pain.008 file."),
    plan: list[str] = typer.Option([], "--plan", help="EndToEndId=reject:AC04, EndToEndId=return:MD06:300 ..."),
    day: str = typer.Option("", "--day", help="First bank day, YYYY-MM-DD; default the file's first due date."),
    days: int = typer.Option(1, "--days", help="How many days of statements."),
    into: Path = typer.Option(Path("inbox"), "--into", help="Where the answers go."),
    state: Path = typer.Option(Path("sim-bank.json"), "--state", help="Where the bank remembers."),
    style: str = typer.Option("batch", "--style", help="batch, single or detailed."),
) -> None:
    """A bank that takes the file and answers: a status report and statements."""
    from bridge.sim import bank as simulated
    from bridge.sim import bank_files

    here = call.of(context)
    try:
        body = file.read_bytes()
        first = date.fromisoformat(day or min(block["due_on"] for block in bank_files.parse(body)["blocks"]))
        wishes = dict(wish.split("=", 1) for wish in plan)
    except (ValueError, OSError) as problem:
        raise BadInput(
            f"the simulated bank needs a readable file, a day like 2026-12-10 and plans like E2E=reject:AC04: {problem}"
        ) from problem
    answers = simulated.answer(body, wishes, [first + timedelta(days=n) for n in range(days)], state=state, style=style)
    into.mkdir(parents=True, exist_ok=True)
    written = []
    for name, content in answers:
        (into / name).write_bytes(content)
        written.append(str(into / name))
    here.answer(written, lambda: screen.lines(*written))
