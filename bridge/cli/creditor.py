"""creditor: who collects."""

from __future__ import annotations

import typer

from bridge.cli import call, screen
from bridge.errors import UnknownName

app = typer.Typer(
    no_args_is_help=True,
    help="Creditors.",
    epilog="Examples:  bridge creditor list   ·   bridge creditor show DE98ZZZ09999999999",
)


@app.command("list", epilog="Examples:  bridge creditor list   ·   bridge creditor list --json")
def list_(context: typer.Context) -> None:
    """All creditors with their account and how many mandates are in force."""
    from bridge.reports import lists

    here = call.of(context)
    with here.runtime().reading() as session:
        found = lists.creditors(session)
    rows = [(one.creditor_id, one.name, one.account, one.iban, one.mandates) for one in found]
    here.answer(
        found,
        lambda: screen.table("creditors", ("identifier", "name", "account", "IBAN", "mandates"), rows, right=("mandates",)),
    )


@app.command(epilog="Examples:  bridge creditor show DE98ZZZ09999999999   ·   bridge creditor show DE98ZZZ09999999999 --json")
def show(context: typer.Context, creditor_id: str) -> None:
    """One creditor, whatever business code the identifier is written with."""
    from bridge.model.identifiers import creditor_key
    from bridge.reports import lists

    here = call.of(context)
    with here.runtime().reading() as session:
        found = [one for one in lists.creditors(session) if creditor_key(one.creditor_id) == creditor_key(creditor_id)]
    if not found:
        raise UnknownName(f"creditor {creditor_id!r} is not one that is stored; 'bridge creditor list' shows them")
    rows = [(name, getattr(found[0], name)) for name in found[0].__dataclass_fields__]
    here.answer(found[0], lambda: screen.table(creditor_id, ("field", "value"), rows))


@app.command(
    epilog=(
        "Examples:  bridge creditor amend DE98ZZZ09999999999 --name 'Musterwerk SE' --actor anna   ·   "
        "bridge creditor amend DE98ZZZ09999999999 --new-id AT61ZZZ01234567890 --actor anna"
    )
)
def amend(
    context: typer.Context,
    creditor_id: str,
    new_id: str = typer.Option("", "--new-id", help="The new creditor identifier."),
    name: str = typer.Option("", "--name", help="The new name, as it is then written in bridge.toml."),
) -> None:
    """Another identifier or name: every mandate is amended, and the debtors' banks are told. bridge.toml must follow."""
    from bridge.acts import amend_creditor

    here = call.of(context)
    runtime = here.runtime()
    done = amend_creditor.run(runtime, here.actor(runtime), creditor_id, new_id=new_id, name=name)
    here.answer(
        done,
        lambda: screen.lines(
            f"creditor {done.creditor_id} {done.name}: {done.mandates} mandate(s) amended; now write the same into bridge.toml"
        ),
    )
