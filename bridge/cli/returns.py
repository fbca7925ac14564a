"""return: debits that failed, and what is next for each."""

from __future__ import annotations

from dataclasses import asdict

import typer

from bridge.cli import call, screen
from bridge.errors import BadInput

NONE = "none; the invoice is held, see bridge invoice list"
app = typer.Typer(
    no_args_is_help=True,
    help="Debits that failed.",
    epilog="Examples:  bridge return list   ·   bridge return retry INV-7-1",
)


@app.command("list", epilog="Examples:  bridge return list   ·   bridge return list --lang de --json")
def list_(context: typer.Context) -> None:
    """Open invoices whose last debit failed, why, and what is next."""
    from bridge.reports import returns
    from bridge.rules import reasons

    here = call.of(context)
    runtime = here.runtime()
    with runtime.reading() as session:
        found = returns.listed(session, runtime, here.options.lang)
    columns = ("debit", "EUR", "failed", "how", "reason", "mandate", "again on", "next")
    rows = [
        (
            one.end_to_end_id,
            screen.euro(one.amount_cents),
            one.failed_on,
            reasons.HOW[one.how][here.options.lang == "de"],
            one.meaning,
            one.mandate_state,
            one.again_on or "",
            one.next,
        )
        for one in found
    ]
    here.answer(found, lambda: screen.table("failed debits", columns, rows, right=("EUR",)))


@app.command(epilog="Examples:  bridge return show INV-7-1   ·   bridge return show INV-7-1 --json")
def show(context: typer.Context, end_to_end_id: str) -> None:
    """One of them, with all attempts of its invoice."""
    from bridge.reports import returns
    from bridge.rules import reasons

    here = call.of(context)
    runtime = here.runtime()
    with runtime.reading() as session:
        found = returns.show(session, runtime, end_to_end_id, here.options.lang)

    def said() -> None:
        one = found.line
        screen.lines(
            f"{one.end_to_end_id}: {screen.euro(one.amount_cents)} EUR of invoice {one.invoice}, {one.state} on {one.failed_on}",
            f"how: {reasons.HOW[one.how][here.options.lang == 'de']}",
            f"reason: {one.meaning}{f' ({one.note})' if one.note else ''}",
            f"mandate: {one.mandate_id}, {one.mandate_state}",
            f"tried again by itself: {one.again_on or 'no'}",
            f"next: {one.next}",
        )
        rows = [(a.end_to_end_id, a.due_on, screen.euro(a.amount_cents), a.state, a.reason) for a in found.attempts]
        screen.table("attempts", ("debit", "due", "EUR", "state", "reason"), rows, right=("EUR",))

    here.answer({**asdict(found.line), "attempts": found.attempts}, said)


@app.command(epilog="Examples:  bridge return retry INV-7-1   ·   bridge return retry --batch MUSTERWERK-20261124-001-3FA2C1")
def retry(
    context: typer.Context,
    end_to_end_id: str = typer.Argument("", help="The debit that failed."),
    batch: str = typer.Option("", "--batch", help="All debits of this file that were rejected for what is repaired now."),
) -> None:
    """Try again: a new collection with a new EndToEndId, a new date and a new notice."""
    from bridge.acts import retry

    if bool(end_to_end_id) == bool(batch):
        raise BadInput("name one debit, or one file with --batch")
    here = call.of(context)
    runtime = here.runtime()
    actor = here.actor(runtime)
    made = retry.run_batch(runtime, actor, batch) if batch else retry.run(runtime, actor, end_to_end_id)
    here.answer({"made": made}, lambda: screen.lines(f"new: {', '.join(made) or NONE}"))
