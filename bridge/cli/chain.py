"""chain: how far the sources were read."""

from __future__ import annotations

import typer

from bridge.cli import call, screen, system

app = typer.Typer(
    no_args_is_help=True, help="The sources of invoices.", epilog="Examples:  bridge chain status   ·   bridge chain sync"
)


@app.command(epilog="Examples:  bridge chain status   ·   bridge chain status --json")
def status(context: typer.Context) -> None:
    """How far each source was read, and how far it is final."""
    from bridge.errors import Unavailable
    from bridge.reports import status as report

    here = call.of(context)
    runtime = here.runtime()
    with runtime.reading() as session:
        read = {line.name: line for line in report.build(session, runtime).sources}
    found = []
    for source in runtime.settings.sources:
        try:
            head = runtime.source(source).final_head()
            final, said = (head.number if head else None), ""
        except Unavailable as problem:
            final, said = None, str(problem)
        line = read[source.name]
        lag = final - line.block if final is not None and line.block is not None else None
        found.append(
            {"source": source.name, "block": line.block, "final": final, "lag": lag, "invoices": line.invoices, "error": said}
        )
    rows = [tuple(one.values()) for one in found]
    here.answer(
        found,
        lambda: screen.table(
            "sources",
            ("source", "read to", "final", "lag", "invoices", "said"),
            rows,
            right=("read to", "final", "lag", "invoices"),
        ),
    )


@app.command(epilog="Examples:  bridge chain sync   ·   bridge chain sync --json")
def sync(context: typer.Context) -> None:
    """Read every source to its final head now."""
    here = call.of(context)
    raise typer.Exit(system.one_pass(here, here.runtime(), ["ingest"]))
