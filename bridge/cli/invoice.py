"""invoice: list, show, hold, release, write off; use a customer's credit, and give it back."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING

import typer

from bridge.cli import call, screen
from bridge.errors import UnknownName

if TYPE_CHECKING:
    from bridge.reports.provenance import Provenance

#: how far an outcome is on its way to the chain, for people
ON_ITS_WAY = {
    "planned": "waits to be sent",
    "sent": "sent, not final yet:",
    "final": "on chain:",
    "overtaken": "never sent, the next one came first",
}

app = typer.Typer(
    no_args_is_help=True, help="Invoices.", epilog="Examples:  bridge invoice list   ·   bridge invoice show plant-1-000007"
)


@app.command("list", epilog="Examples:  bridge invoice list   ·   bridge invoice list --state held")
def list_(context: typer.Context, state: str = typer.Option("", "--state", help="Only those in this state.")) -> None:
    """All invoices with their last attempt."""
    from bridge.model.invoice import INVOICE_STATES
    from bridge.reports import lists

    if state and state not in INVOICE_STATES:
        raise UnknownName.among("state", state, INVOICE_STATES)
    here = call.of(context)
    runtime = here.runtime()
    with runtime.reading() as session:
        found = lists.invoices(session, state=state or None)
    rows = []
    for one in found:
        last = one.collections[-1] if one.collections else None
        rows.append(
            (
                one.number,
                one.state,
                screen.euro(one.amount_cents),
                last.end_to_end_id if last else "",
                last.state if last else "",
                one.hold_reason or (last.reason if last else ""),
            )
        )
    here.answer(
        found,
        lambda: screen.table("invoices", ("number", "state", "EUR", "collection", "its state", "reason"), rows, right=("EUR",)),
    )


@app.command(epilog="Examples:  bridge invoice show plant-1-000007   ·   bridge invoice show plant-1-000007 --json")
def show(context: typer.Context, number: str) -> None:
    """One invoice with every attempt, and back to the signed readings of its machine; 4 where something of that is not so."""
    from bridge.reports import lists, provenance

    here = call.of(context)
    runtime = here.runtime()
    with runtime.reading() as session:
        told = provenance.of_invoice(session, runtime, number)
        one = next(one for one in lists.invoices(session) if one.number == told.number)
    rows = [(name, getattr(one, name)) for name in one.__dataclass_fields__ if name != "collections"]
    rows += [(c.end_to_end_id, f"attempt {c.attempt}, {c.state}, due {c.due_on} {c.reason}") for c in one.collections]
    rows += _sensor(told)
    rows += [("written back", f"{one.outcome}: {ON_ITS_WAY[one.state]} {one.call or ''}".rstrip()) for one in told.written_back]
    here.answer(
        asdict(one) | {"provenance": asdict(told) | {"ok": told.ok}}, lambda: screen.table(one.number, ("field", "value"), rows)
    )
    if not told.ok:
        raise typer.Exit(4)


def _sensor(told: Provenance) -> list[tuple[str, str]]:
    """The rows that lead from the amount back to the machine."""
    rows = [("block, log", f"{told.block:,}, {told.log_index} ({told.block_hash})")]
    if told.counter_start is not None and told.counter_end is not None:
        rows += [
            ("counter", f"{told.counter_start:,} to {told.counter_end:,}: {told.counter_end - told.counter_start:,} units"),
            ("tariff", _tariff(told)),
        ]
    words = {True: "yes", False: "NO", None: "not shown"}
    return rows + [(words[one.ok], one.what) for one in told.findings]


def _tariff(told: Provenance) -> str:
    price = Decimal(told.unit_price or 0).scaleb(-8)
    fee, cap = screen.euro(told.base_fee_cents or 0), screen.euro(told.cap_cents or 0)
    return f"{fee} EUR and {price.normalize():f} EUR a unit, at most {cap} EUR; rounded down"


def _move(context: typer.Context, number: str, news: str, reason: str) -> None:
    from bridge.acts import hold

    here = call.of(context)
    runtime = here.runtime()
    moved = hold.run(runtime, here.actor(runtime), number, news, reason)
    here.answer({"moved": moved, "news": news}, lambda: screen.lines(f"{moved} is {news}"))


@app.command(
    "hold",
    epilog=(
        "Examples:  bridge invoice hold plant-1-000007 --reason 'customer complains'   ·   "
        "bridge invoice hold P-7 --reason dispute --actor anna"
    ),
)
def hold_(context: typer.Context, number: str, reason: str = typer.Option("", "--reason")) -> None:
    """It is not collected until somebody releases it."""
    _move(context, number, "held", reason)


@app.command(
    epilog=(
        "Examples:  bridge invoice release plant-1-000007 --actor anna   ·   "
        "bridge invoice release P-7 --reason settled --actor ben"
    )
)
def release(context: typer.Context, number: str, reason: str = typer.Option("", "--reason")) -> None:
    """Collect it after all; a limit does not hold it again."""
    _move(context, number, "released", reason)


@app.command(
    "write-off",
    epilog=(
        "Examples:  bridge invoice write-off plant-1-000007 --reason insolvent --actor anna   ·   "
        "bridge invoice write-off plant-1-000007 --reason insolvent --actor ben"
    ),
)
def write_off(context: typer.Context, number: str, reason: str = typer.Option("", "--reason")) -> None:
    """Write off what is open; two people run this, and the second one's word does it."""
    from bridge.acts import write_off

    here = call.of(context)
    runtime = here.runtime()
    done = write_off.run(runtime, here.actor(runtime), number, reason)
    words = f"{screen.euro(done.cents)} of invoice {done.number}"
    agreed = " and ".join(done.agreed)
    here.answer(
        asdict(done),
        lambda: screen.lines(
            f"{words}: {agreed} agreed; {done.missing} more must run the same" if done.missing else f"{words} is written off"
        ),
    )


@app.command(
    "use-credit",
    epilog=(
        "Examples:  bridge invoice use-credit plant-1-000007 --for plant-1-000009 --actor anna   ·   "
        "bridge invoice use-credit P-7 --for P-9 --amount 20.00 --actor anna"
    ),
)
def use_credit(
    context: typer.Context,
    number: str,
    taking: str = typer.Option(..., "--for", help="The invoice that it pays."),
    amount: str = typer.Option("", "--amount", help="Euros with two decimals; without it: as much as is there and open."),
) -> None:
    """What a customer paid beyond one invoice pays another invoice of his."""
    from bridge.acts import use_credit

    here = call.of(context)
    runtime = here.runtime()
    used = use_credit.run(runtime, here.actor(runtime), number, taking, screen.cents(amount) if amount else None)
    here.answer(
        asdict(used), lambda: screen.lines(f"{screen.euro(used.cents)} of {used.giving} pays {used.taking} ({used.voucher})")
    )


@app.command(
    "give-back-credit",
    epilog=(
        "Examples:  bridge invoice give-back-credit P-7 --for P-9 --reason mistake --actor ben   ·   "
        "bridge invoice give-back-credit plant-1-000007 --for plant-1-000009 --reason mistake --actor anna"
    ),
)
def give_back_credit(
    context: typer.Context,
    number: str,
    taking: str = typer.Option(..., "--for", help="The invoice that it paid."),
    reason: str = typer.Option("", "--reason"),
) -> None:
    """Take back the last use of a customer's credit, as a whole."""
    from bridge.acts import give_back_credit

    here = call.of(context)
    runtime = here.runtime()
    back = give_back_credit.run(runtime, here.actor(runtime), number, taking, reason)
    here.answer(asdict(back), lambda: screen.lines(f"{screen.euro(back.cents)} went back from {back.taking} to {back.giving}"))
