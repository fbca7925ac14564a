"""notify: what debtors are told of their debits."""

from __future__ import annotations

import typer

from bridge.cli import call, screen

app = typer.Typer(
    no_args_is_help=True,
    help="Pre-notifications.",
    epilog="Examples:  bridge notify list   ·   bridge notify plan",
)


@app.command("list", epilog="Examples:  bridge notify list   ·   bridge notify list --json")
def list_(context: typer.Context) -> None:
    """Every notice: to whom (masked), when, and what became of it."""
    from bridge.reports import told

    here = call.of(context)
    with here.runtime().reading() as session:
        found = told.notices(session)
    columns = ("debit", "EUR", "due", "by", "to", "state", "sent", "reason")
    rows = [
        (n.end_to_end_id, screen.euro(n.amount_cents), n.due_on, n.channel, n.recipient, n.state, n.sent_at or "", n.reason)
        for n in found
    ]
    here.answer(found, lambda: screen.table("notices", columns, rows, right=("EUR",)))


@app.command(epilog="Examples:  bridge notify plan   ·   bridge notify plan --json")
def plan(context: typer.Context) -> None:
    """Whom the next run would tell of what, and for which date; nothing is written or sent."""
    from bridge.steps import notify

    here = call.of(context)
    runtime = here.runtime()
    with runtime.reading() as session:
        found = notify.outlook(session, runtime)
    rows = [(one.end_to_end_id, screen.euro(one.amount_cents), one.due_on, one.asked_on, one.channel) for one in found]
    columns = ("debit", "EUR", "due", "was due", "by")
    here.answer(found, lambda: screen.table("to be announced", columns, rows, right=("EUR",)))


@app.command(epilog="Examples:  bridge notify preview plant-1-000001-1   ·   bridge notify preview INV-7-1 --json")
def preview(context: typer.Context, end_to_end_id: str) -> None:
    """The newest notice of a debit, word for word, with its recipient."""
    from bridge.reports import told

    here = call.of(context)
    runtime = here.runtime()
    with runtime.reading() as session:
        words = told.words(session, runtime, end_to_end_id)
    here.answer({"end_to_end_id": end_to_end_id, "text": words}, lambda: screen.lines(words))


@app.command(epilog="Examples:  bridge notify send   ·   bridge notify send --json")
def send(context: typer.Context) -> None:
    """Write what must be announced and send it, as every run does."""
    from bridge.steps import notify

    here = call.of(context)
    runtime = here.runtime()
    here.somebody(runtime)
    counts = notify.run(runtime)
    here.answer(counts, lambda: screen.lines(", ".join(f"{name} {count}" for name, count in counts.items())))


@app.command(epilog="Examples:  bridge notify posted --actor anna   ·   bridge notify posted plant-1-000001-1 --actor anna")
def posted(context: typer.Context, end_to_end_ids: list[str] = typer.Argument(None, help="None: all that are printed.")) -> None:
    """The printed letters go to the post today."""
    from bridge.acts import tell

    here = call.of(context)
    runtime = here.runtime()
    count = tell.posted(runtime, here.actor(runtime), end_to_end_ids or [])
    here.answer({"posted": count}, lambda: screen.lines(f"{count} letter(s) posted"))


@app.command(
    epilog=(
        "Examples:  bridge notify bounced plant-1-000001-1 --reason 'mailbox full' --actor anna   ·   "
        "bridge notify bounced INV-7-1 --reason moved --actor ben"
    )
)
def bounced(context: typer.Context, end_to_end_id: str, reason: str = typer.Option("", "--reason")) -> None:
    """A notice came back: it counts no more, and the debit waits."""
    from bridge.acts import tell

    here = call.of(context)
    runtime = here.runtime()
    tell.bounced(runtime, here.actor(runtime), end_to_end_id, reason)
    here.answer({"end_to_end_id": end_to_end_id}, lambda: screen.lines(f"the notice of {end_to_end_id} counts no more"))
