"""reconcile: explain bank lines, by rule and by hand; take an explanation back."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from bridge.cli import call, screen, system
from bridge.errors import BadInput

if TYPE_CHECKING:
    from bridge.explaining.by_hand import Outcome

app = typer.Typer(
    no_args_is_help=True, help="Explain bank lines.", epilog="Examples:  bridge reconcile run   ·   bridge reconcile queue"
)
LINE = typer.Argument(..., metavar="LINE", help="The line's number, as the queue shows it.")
REASON = typer.Option("", "--reason", help="Why; it stands in the books' audit trail.")
AMOUNT = typer.Option("", "--amount", help="How much of the line: euros with two decimals. Without it: all that is open.")
NAME = typer.Argument(..., metavar="NAME", help="EndToEndId, invoice number, refund:NUMBER or line:7.")
PARTS = typer.Argument(None, metavar="NAME=EUR ...", help="The parts of the line, each with its euros: P-7=100.00.")
FEE = typer.Option("", "--fee", help="What the bank kept; below zero: gave back, or the customer repaid.")
VOUCHER = typer.Option("", "--voucher", help="Only this voucher; 'bridge reconcile show' names them.")


@app.command("run", epilog="Examples:  bridge reconcile run   ·   bridge reconcile run --json")
def run(context: typer.Context) -> None:
    """Explain every line that can be explained now."""
    here = call.of(context)
    raise typer.Exit(system.one_pass(here, here.runtime(), ["reconcile"]))


@app.command(epilog="Examples:  bridge reconcile queue   ·   bridge reconcile queue --json")
def queue(context: typer.Context) -> None:
    """The lines that nobody has explained yet."""
    from bridge.reports import queue as report

    here = call.of(context)
    runtime = here.runtime()
    with runtime.reading() as session:
        found = report.queue(session, runtime, here.options.lang)
    rows = [
        (
            q.entry,
            q.booked_on,
            q.age_days,
            q.taken_by or q.owner,
            screen.euro(q.amount_cents),
            q.text,
            q.why,
            ", ".join(c.name for c in q.candidates),
        )
        for q in found
    ]
    columns = ("line", "booked", "days", "owner", "EUR", "the bank wrote", "why", "candidates")
    here.answer(found, lambda: screen.table("not explained", columns, rows, right=("line", "days", "EUR")))


@app.command(epilog="Examples:  bridge reconcile show 7   ·   bridge reconcile show 7 --json")
def show(context: typer.Context, line: int = LINE) -> None:
    """One line: what the bank wrote, what explains it or did, what it may be about."""
    from bridge.reports import queue as report

    here = call.of(context)
    runtime = here.runtime()
    with runtime.reading() as session:
        found = report.show(session, runtime, line, here.options.lang)
    here.answer(found, lambda: _page(found))


def _page(found: Any) -> None:
    named = ("account", "statement", "booked_on", "value_on", "bank_code", "text")
    rows: list[tuple[object, ...]] = [(name.replace("_", " "), getattr(found, name)) for name in named]
    rows += [("amount", screen.euro(found.amount_cents)), ("open", screen.euro(found.open_cents))]
    rows += [("why", why) for why in found.why] + ([("in hand", "a person explains it")] if found.by_hand else [])
    screen.table(f"line {found.entry}", ("field", "value"), rows)
    details = [
        (
            d.end_to_end_id,
            "" if d.cents is None else screen.euro(d.cents),
            d.return_reason,
            screen.euro(d.charges_cents),
            screen.euro(d.interchange_cents),
        )
        for d in found.details
    ]
    if details:
        columns: tuple[str, ...] = ("EndToEndId", "EUR", "returned because", "charges", "of that interchange")
        screen.table("details", columns, details, right=("EUR", "charges", "of that interchange"))
    said = [
        (e.voucher, e.fact, screen.euro(e.cents), e.about, f"{e.rule}: {e.evidence}", e.actor, e.booked_on, e.taken_back_by)
        for e in found.explanations
    ]
    if said:
        columns = ("voucher", "fact", "EUR", "about", "because", "by", "booked", "taken back by")
        screen.table("explained", columns, said, right=("EUR",))
    for one in found.candidates:
        screen.lines(f"it may be {one.name} ({', '.join(one.evidence)})")


@app.command(epilog="Examples:  bridge reconcile parked   ·   bridge reconcile parked --json")
def parked(context: typer.Context) -> None:
    """Statements that are kept but not booked, and what to do about each."""
    from bridge.reports import parked as report

    here = call.of(context)
    with here.runtime().reading() as session:
        found = report.parked(session)
    rows = [(p.account, p.statement, p.closing_on, p.state, p.why, p.next) for p in found]
    columns = ("account", "statement", "of", "state", "why", "next")
    here.answer(found, lambda: screen.table("statements not booked", columns, rows))


@app.command(
    epilog=(
        "Examples:  bridge reconcile accept 7 plant-1-000012 --actor anna   ·   "
        "bridge reconcile accept 9 line:7 --amount 20.00 --actor anna"
    )
)
def accept(context: typer.Context, line: int = LINE, name: str = NAME, amount: str = AMOUNT) -> None:
    """Say what a line is: a debit's credit or return, a customer's transfer or refund, or another line's counterpart.

    An EndToEndId is the bank's credit of that debit, or its return. An invoice number is the customer's own transfer, or what was
    refunded to him.
    """
    from bridge.acts import accept
    from bridge.explaining.by_hand import Named

    here = call.of(context)
    runtime = here.runtime()
    said = Named(name, screen.cents(amount) if amount else None)
    _answer(here, accept.run(runtime, here.actor(runtime), line, said))


@app.command(
    epilog=(
        "Examples:  bridge reconcile split 7 plant-1-000012=100.00 plant-1-000013=20.00 --actor anna   ·   "
        "bridge reconcile split 9 plant-1-000014-1=100.00 --fee 3.00 --actor anna"
    )
)
def split(context: typer.Context, line: int = LINE, parts: list[str] = PARTS, fee: str = FEE) -> None:
    """Say what the parts of a line are; what they leave of it stays open."""
    from bridge.acts import split
    from bridge.explaining.by_hand import Named

    here = call.of(context)
    runtime = here.runtime()
    named = []
    for part in parts or []:
        name, equals, euros = part.rpartition("=")
        if not equals or not name:
            raise BadInput(f"{part!r} is no part: write NAME=12.34")
        named.append(Named(name, screen.cents(euros)))
    kept = screen.cents(fee, least=-(10**13)) if fee else 0
    _answer(here, split.run(runtime, here.actor(runtime), line, named, fee_cents=kept))


@app.command(
    epilog=(
        "Examples:  bridge reconcile ignore 7 --reason 'the bank mixed up two accounts' --actor anna   ·   "
        "bridge reconcile ignore 9 --reason 'never claimed' --actor ben"
    )
)
def ignore(context: typer.Context, line: int = LINE, reason: str = REASON) -> None:
    """What is open of a line is not ours."""
    from bridge.acts import ignore

    here = call.of(context)
    runtime = here.runtime()
    _answer(here, ignore.run(runtime, here.actor(runtime), line, reason))


@app.command(
    epilog=(
        "Examples:  bridge reconcile undo 7 --reason 'wrong customer' --actor anna   ·   "
        "bridge reconcile undo 7 --voucher line:7:2 --reason 'was a fee' --actor anna"
    )
)
def undo(context: typer.Context, line: int = LINE, voucher: str = VOUCHER, reason: str = REASON) -> None:
    """Take back what explains a line: the opposite of each whole voucher. Then no rule explains it until you release it."""
    from bridge.acts import undo

    here = call.of(context)
    runtime = here.runtime()
    keys = undo.run(runtime, here.actor(runtime), line, reason, voucher=voucher)
    here.answer(
        {"entry": line, "taken_back": keys},
        lambda: screen.lines(*(f"voucher {key} is taken back" for key in keys), f"line {line} is in your hands now"),
    )


@app.command(epilog="Examples:  bridge reconcile release 7 --actor anna   ·   bridge reconcile release 9 --actor ben")
def release(context: typer.Context, line: int = LINE) -> None:
    """Give a line back to the rules: the next run explains it, if it can."""
    from bridge.acts import release

    here = call.of(context)
    runtime = here.runtime()
    release.run(runtime, here.actor(runtime), line)
    here.answer({"entry": line, "by_hand": False}, lambda: screen.lines(f"line {line} is the rules' again"))


def _answer(here: call.Call, outcome: Outcome) -> None:
    def show() -> None:
        for part in outcome.parts:
            words = (f"line {outcome.entry}:", part.fact, part.name, screen.euro(part.cents), f"({part.voucher})")
            screen.lines(" ".join(word for word in words if word))
        screen.lines(f"open: {screen.euro(outcome.open_cents)}")

    here.answer(asdict(outcome), show)
