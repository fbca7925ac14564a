"""ledger: balances, the journal, and the chain that holds it together."""

from __future__ import annotations

import io
import re

import typer

from bridge.cli import call, screen
from bridge.cli.call import AS_OF, KNOWN_AT
from bridge.errors import BadInput

app = typer.Typer(
    no_args_is_help=True, help="The books.", epilog="Examples:  bridge ledger balance   ·   bridge ledger journal > books.journal"
)


@app.command(epilog="Examples:  bridge ledger balance   ·   bridge ledger balance --as-of 2026-11-30")
def balance(context: typer.Context, as_of: str = AS_OF, known_at: str = KNOWN_AT) -> None:
    """The trial balance."""
    from bridge.reports import ledger

    here = call.of(context)
    with here.runtime().reading() as session:
        found = ledger.balance(session, here.view(as_of, known_at))
    rows = [
        (line.account, screen.euro(line.debit_cents), screen.euro(line.credit_cents), screen.euro(line.balance_cents))
        for line in found
    ]
    footer = (
        "",
        screen.euro(sum(line.debit_cents for line in found)),
        screen.euro(sum(line.credit_cents for line in found)),
        screen.euro(sum(line.balance_cents for line in found)),
    )
    here.answer(
        found,
        lambda: screen.table(
            "trial balance, EUR",
            ("account", "debit", "credit", "balance"),
            rows,
            right=("debit", "credit", "balance"),
            footer=footer,
        ),
    )


@app.command(epilog="Examples:  bridge ledger journal > books.journal   ·   bridge ledger journal --invoice plant-1-000007")
def journal(
    context: typer.Context,
    as_of: str = AS_OF,
    known_at: str = KNOWN_AT,
    invoice: str = typer.Option("", "--invoice", help="Only what touches this invoice."),
) -> None:
    """Every voucher, in hledger's syntax."""
    from bridge.formats import hledger
    from bridge.reports import ledger

    here = call.of(context)
    with here.runtime().reading() as session:
        vouchers = list(ledger.journal(session, here.view(as_of, known_at), invoice=invoice or None))
    data = [
        {
            "booked_on": v.booked_on,
            "code": v.code,
            "description": v.description,
            "tags": dict(v.tags),
            "lines": [{"account": a, "cents": c} for a, c in v.lines],
        }
        for v in vouchers
    ]

    def show() -> None:
        out = io.StringIO()
        hledger.journal(vouchers, out)
        print(out.getvalue(), end="")

    here.answer(data, show)


@app.command(epilog="Examples:  bridge ledger verify   ·   bridge ledger verify --head HASH --json")
def verify(
    context: typer.Context, head: str = typer.Option("", "--head", help="A head that you noted earlier: is it a link still?")
) -> None:
    """Recompute the chain over vouchers and acts, and print its head to be noted elsewhere; exit code 4 if it is not whole."""
    from bridge.reports import seals

    if head and not re.fullmatch("[0-9a-f]{64}", head.lower()):
        raise BadInput("--head takes the 64 hex digits that 'bridge ledger verify' printed")
    here = call.of(context)
    with here.runtime().reading() as session:
        found = seals.verify(session, head.lower() or None)

    def show() -> None:
        screen.lines(*found.problems)
        known = {None: "", True: "; the head you noted is one of its links", False: "; the head you noted is none of its links"}
        whole = "whole" if found.ok else f"NOT WHOLE: {len(found.problems)} problem(s)"
        screen.lines(
            f"the voucher chain is {whole}{known[found.head_known]}",
            f"{found.links} vouchers and acts of people are sealed, {found.not_sealed_yet} not yet",
            f"head, to be noted outside this machine: {found.number} {found.head}",
        )

    here.answer(found, show)
    raise typer.Exit(0 if found.ok else 4)
