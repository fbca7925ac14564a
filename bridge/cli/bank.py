"""import and resolve: what the bank says, and what was asked because of it."""

from __future__ import annotations

import stat
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from bridge.cli import call, screen
from bridge.errors import BadInput


def add_to(app: typer.Typer) -> None:
    app.command("import", epilog="Examples:  bridge import statement.xml   ·   bridge import *.xml --json")(import_)
    app.command(
        "resolve",
        epilog=(
            "Examples:  bridge resolve 7 --resolution 'refunded on 3 Dec'   ·   "
            "bridge resolve 7 --resolution 'not ours' --actor anna"
        ),
    )(resolve)


def import_(
    context: typer.Context,
    files: list[Path] = typer.Argument(..., help="pain.002 and camt.052, 053 or 054 files, also in a ZIP or gzip."),
) -> None:
    """Take bank files: keep every byte, book every line once, then explain what can be explained."""
    from bridge import intake
    from bridge.steps import reconcile

    here = call.of(context)
    runtime = here.runtime()
    actor = here.somebody(runtime) or "import"
    results: list[dict[str, Any]] = []
    for file in files:
        try:
            results += (asdict(taken) for taken in intake.take_each(runtime, file.name, read(file), actor=actor))
        except BadInput as problem:
            results.append(asdict(intake.Taken(file.name, "", "", "failed", message=str(problem))))
    counts = reconcile.run(runtime) if any(one["result"] == "stored" for one in results) else {}

    def show() -> None:
        rows = [(one["file"], one["kind"], one["result"], one["entries"], one["new"], one["message"]) for one in results]
        screen.table("bank files", ("file", "kind", "result", "lines", "new", "said"), rows, right=("lines", "new"))
        if counts:
            screen.lines(
                "reconciled: " + (", ".join(f"{name} {count}" for name, count in counts.items() if count) or "nothing new")
            )

    here.answer(results, show)
    raise typer.Exit(1 if any(one["result"] == "failed" for one in results) else 0)


def read(file: Path) -> bytes:
    """The bytes of a file a person named. Raises BadInput for what is no file, or too large."""
    from bridge.steps.receive import BYTES_MAX

    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe or a device may have no end
            raise BadInput(f"{file} is not a file")
        if status.st_size > BYTES_MAX:
            raise BadInput(f"{file.name} is larger than {BYTES_MAX:,} bytes")
        return file.read_bytes()
    except OSError as problem:
        raise BadInput(f"{file} cannot be read: {problem.strerror}") from problem


def resolve(
    context: typer.Context, break_id: int, resolution: str = typer.Option("", "--resolution", help="How it was resolved.")
) -> None:
    """Close a break with a sentence."""
    from bridge.acts import resolve

    here = call.of(context)
    runtime = here.runtime()
    resolve.run(runtime, here.actor(runtime), break_id, resolution)
    here.answer({"break": break_id, "resolution": resolution}, lambda: screen.lines(f"break {break_id} is closed"))
