"""chain: how far the sources were read, reading them now or again, the proof of one invoice, going on after a freeze."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from bridge.cli import call, screen, system
from bridge.errors import UnknownName

if TYPE_CHECKING:
    from bridge.acts.unfreeze import Plan
    from bridge.runtime import Runtime
    from bridge.settings import SourceSettings

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


@app.command(epilog="Examples:  bridge chain verify plant-1-000007   ·   bridge chain verify plant-1-000007 --json")
def verify(context: typer.Context, number: str) -> None:
    """Ask the nodes for the proof of one invoice: the block they agree on, its header, the receipt in its trie, the log in it."""
    from bridge.chain.verified import VerifiedSource
    from bridge.errors import NotAllowed
    from bridge.reports import provenance

    here = call.of(context)
    runtime = here.runtime()
    with runtime.reading() as session:
        invoice = provenance.invoice_named(session, number)
        log, _ = provenance.log_of(session, invoice)
        name = provenance.source_name(session, invoice)
    source = runtime.source(named(runtime, name))
    if not isinstance(source, VerifiedSource):
        raise NotAllowed(f"source {name} is read without verification; nothing of it can be proven")
    found = source.evidence(log)
    shown = {
        "invoice": invoice.number,
        "block": log.block_number,
        "block_hash": "0x" + log.block_hash.hex(),
        "agreed_by": list(found.hosts),
        "header_rlp": "0x" + found.header.hex(),
        "receipts_root": "0x" + found.receipts_root.hex(),
        "receipt_index": found.place,
        "receipts": found.of,
        "receipt": "0x" + found.receipt.hex(),
        "proof": ["0x" + node.hex() for node in found.nodes],
        "log_index": log.log_index,
    }
    said = [
        f"block {log.block_number:,} is {shown['block_hash']}",
        f"{len(found.hosts)} nodes agree on it: {', '.join(found.hosts)}",
        f"its header ({len(found.header)} bytes) hashes to that, and names receiptsRoot {shown['receipts_root']}",
        f"receipt {found.place + 1} of {found.of} is in it by {len(found.nodes)} nodes of its trie",
        f"log {log.log_index} of the block is the stored one of invoice {invoice.number}; --json gives the proof itself",
    ]
    here.answer(shown, lambda: screen.lines(*said))


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
    found = again.run(runtime, named(runtime, name), from_block)
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


def named(runtime: Runtime, name: str) -> SourceSettings:
    """The source of that name; without a name the only one. Raises UnknownName."""
    names = [one.name for one in runtime.settings.sources]
    if not name and len(names) == 1:
        name = names[0]
    found = next((one for one in runtime.settings.sources if one.name == name), None)
    if found is None:
        raise UnknownName.among("source", name, names)
    return found


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
