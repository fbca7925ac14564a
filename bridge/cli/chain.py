"""chain: how far the sources were read, reading them now or again, the proof of one invoice, going on after a freeze."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from bridge.cli import call, screen, system

if TYPE_CHECKING:
    from bridge.acts.unfreeze import Plan

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


@app.command(
    epilog=(
        "Examples:  bridge chain replay --from-block 19000000   ·   bridge chain replay --source plant-1 --from-block 0 --json"
    )
)
def replay(
    context: typer.Context,
    from_block: int = typer.Option(..., "--from-block", min=0, help="The first block to read again."),
    name: str = typer.Option("", "--source", help="Its name in bridge.toml; needed where there are several."),
) -> None:
    """Read blocks again and compare: what was missed is taken in, what the chain does not have freezes the source."""
    from bridge.steps.ingest import replay as again

    here = call.of(context)
    runtime = here.runtime()
    found = again.run(runtime, again.named(runtime, name), from_block)
    words = ", ".join(f"{key.replace('_', ' ')} {value:,}" for key, value in found.items())
    here.answer(found, lambda: screen.lines(words))
    if found["missed"] or found["not_on_chain"]:
        raise typer.Exit(4)


@app.command(
    epilog=(
        "Examples:  bridge chain unfreeze plant-1   ·   "
        "bridge chain unfreeze plant-1 --block-hash 0x8c9fe00a --reason 'bad node' --actor anna"
    )
)
def unfreeze(
    context: typer.Context,
    name: str,
    block_hash: str = typer.Option("", "--block-hash", help="The block that this command shows; without it nothing is changed."),
    reason: str = typer.Option("", "--reason", help="What happened."),
    from_block: int | None = typer.Option(None, "--from-block", min=0, help="Read again from there, whatever is shared."),
) -> None:
    """Show what a frozen source would do; two people who name the block let it go on."""
    from bridge.acts import unfreeze as act

    here = call.of(context)
    runtime = here.runtime()
    if not block_hash:
        here.answer(plan := act.plan(runtime, name, from_block=from_block), lambda: screen.lines(*_plan(plan)))
        raise typer.Exit(4 if plan.breaks else 0)
    done = act.run(runtime, here.actor(runtime), name, block_hash=block_hash, reason=reason, from_block=from_block)
    missing = "one more person is needed: the same command by somebody else; one of the two is an approver"
    words = f"{name} goes on; the next run reads it again from block {0 if done.plan.block is None else done.plan.block + 1:,}"
    here.answer(done, lambda: screen.lines(*_plan(done.plan), missing if done.missing else words))


def _plan(plan: Plan) -> list[str]:
    shared = "none" if plan.block is None else f"block {plan.block:,}"
    said = [
        f"source {plan.source}: {', '.join(plan.breaks) or 'nothing is open'}",
        f"block {plan.read_to:,}, up to which was read, is {plan.now} now; the last block that both chains share: {shared}",
        f"{len(plan.logs)} stored log(s) are on the chain no more",
    ]
    for words, numbers in (
        ("gone, and taken back", plan.gone),
        ("changed: taken back, and the new one is not collected", plan.changed),
        ("on the new chain just the same: nothing changes", plan.again),
    ):
        if numbers:
            said.append(f"{words}: {', '.join(numbers[:20])}{' and more' if len(numbers) > 20 else ''}")
    return said
