"""ledger: balances and the journal."""

from __future__ import annotations

import io

import typer

from bridge.cli import call, screen
from bridge.cli.call import AS_OF, KNOWN_AT

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
