"""mandate: import, add, list, show, amend, print, sign, pause, resume, revoke."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import typer

from bridge.cli import call, screen
from bridge.errors import BadInput

app = typer.Typer(
    no_args_is_help=True,
    help="Mandates.",
    epilog="Examples:  bridge mandate import mandates.csv --dry-run   ·   bridge mandate list",
)


@app.command(
    "import",
    epilog="Examples:  bridge mandate import mandates.csv --dry-run   ·   bridge mandate import mandates.csv --actor anna",
)
def import_(
    context: typer.Context,
    file: Path = typer.Argument(..., help="CSV, UTF-8, ',' or ';'."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would happen."),
) -> None:
    """Import a CSV, all lines or none."""
    from bridge.acts import import_mandates

    here = call.of(context)
    runtime = here.runtime()
    actor = here.options.actor or "dry run" if dry_run else here.actor(runtime)
    try:
        body = file.read_bytes()
    except OSError as problem:
        raise BadInput(f"{file} cannot be read: {problem.strerror}") from problem
    outcome = import_mandates.run(runtime, actor, body, dry_run=dry_run)

    def show() -> None:
        for line in outcome.bad:
            screen.lines(f"line {line.line}: refused: {line.reason}")
        for line in outcome.warnings:
            screen.lines(f"line {line.line}: warning, the mandate is paused until somebody resumes it: {line.reason}")
        done = "nothing was imported" if outcome.bad else ("would be imported" if dry_run else "imported")
        screen.lines(f"{outcome.new} new, {outcome.known} known, {outcome.paused} paused, {len(outcome.bad)} bad: {done}")

    here.answer(
        {
            "new": outcome.new,
            "known": outcome.known,
            "paused": outcome.paused,
            "bad": outcome.bad,
            "warnings": outcome.warnings,
            "dry_run": dry_run,
        },
        show,
    )
    raise typer.Exit(1 if outcome.bad else 0)


@app.command("list", epilog="Examples:  bridge mandate list   ·   bridge mandate list --json")
def list_(context: typer.Context) -> None:
    """All mandates, accounts masked."""
    from bridge.reports import lists

    here = call.of(context)
    runtime = here.runtime()
    with runtime.reading() as session:
        found = lists.mandates(session, runtime)
    rows = [(m.mandate_id, m.state, m.scheme, m.kind, m.signed_on, m.account, m.reason) for m in found]
    here.answer(
        found, lambda: screen.table("mandates", ("mandate", "state", "scheme", "kind", "signed", "account", "reason"), rows)
    )


@app.command(epilog="Examples:  bridge mandate show MND-0001   ·   bridge mandate show MND-0001 --json")
def show(context: typer.Context, mandate_id: str) -> None:
    """One mandate, with the debtor's name and address, by the reference it has or had."""
    from bridge.reports import lists

    here = call.of(context)
    runtime = here.runtime()
    with runtime.reading() as session:
        one = lists.mandate(session, runtime, mandate_id)
    rows = [(name, _said(getattr(one, name))) for name in one.__dataclass_fields__]
    if one.mandate_id.upper() != mandate_id.strip().upper():
        here.say(f"{mandate_id} was its reference before it was amended; it is {one.mandate_id} now")
    here.answer(one, lambda: screen.table(one.mandate_id, ("field", "value"), rows))


def _said(value: object) -> object:
    """A value in words: parts by name, yes or no."""
    if isinstance(value, dict):
        return [f"{name} {part}" for name, part in value.items() if part]
    return ("yes" if value else "no") if isinstance(value, bool) else value


_SET = typer.Option([], "--set", help="COLUMN=VALUE, a column of a mandate file, several times; iban=- asks for it.")


@app.command(
    epilog=(
        "Examples:  bridge mandate add --set debtor_name='Werk Nord GmbH' --set iban=- --actor anna   ·   "
        "bridge mandate add --set iban=- --set debtor_name=- --set signed_on=2026-11-20 --replaces MND-1 --actor anna"
    )
)
def add(
    context: typer.Context,
    set_: list[str] = _SET,
    replaces: str = typer.Option("", "--replaces", help="The mandate of the same debtor that this one ends."),
) -> None:
    """Enter one mandate. Without signed_on it is a draft; mandate_id and debtor_ref are made where they are not given."""
    from bridge.acts import add_mandate

    here = call.of(context)
    values = _values(set_)
    runtime = here.runtime()
    added = add_mandate.run(runtime, here.actor(runtime), values, replaces=replaces)

    def show() -> None:
        screen.lines(f"mandate {added.mandate_id} is {added.state}" + (f": {added.warning}" if added.warning else ""))
        screen.lines(f"the debtor's name for the operator of the contract: {added.debtor_ref}")
        if added.state == "draft":
            screen.lines(f"when it is signed: bridge mandate sign {added.mandate_id} --on DATE")

    here.answer(added, show)


@app.command(
    epilog=(
        "Examples:  bridge mandate amend MND-0001 --set iban=- --actor anna   ·   "
        "bridge mandate amend MND-0001 --set mandate_id=NEW-1 --final --actor anna"
    )
)
def amend(
    context: typer.Context,
    mandate_id: str,
    set_: list[str] = _SET,
    final: bool | None = typer.Option(None, "--final/--not-final", help="The next debit is the last (FNAL)."),
) -> None:
    """Change a mandate; what was before is kept, and the debtor's bank is told with the next debit."""
    from bridge.acts import amend_mandate

    here = call.of(context)
    changes = _values(set_)
    runtime = here.runtime()
    done = amend_mandate.run(runtime, here.actor(runtime), mandate_id, changes, final=final)
    paused = "; the new account is doubtful: the mandate is paused until somebody resumes it" if done.paused else ""
    here.answer(done, lambda: screen.lines(f"mandate {done.mandate_id}: changed {', '.join(done.changed)}{paused}"))


@app.command(
    epilog=(
        "Examples:  bridge mandate sign MND-0001 --on 2026-11-20 --actor anna   ·   "
        "bridge mandate sign MND-2 --on 2026-11-20 --actor ben"
    )
)
def sign(context: typer.Context, mandate_id: str, on: str = typer.Option(..., "--on", help="The date of the signature.")) -> None:
    """A draft was signed: debits may be formed under it."""
    from datetime import date

    from bridge.acts import sign_mandate

    try:
        day = date.fromisoformat(on)
    except ValueError:
        raise BadInput(f"--on takes a date like 2026-11-20, not {on[:20]!r}") from None
    here = call.of(context)
    runtime = here.runtime()
    state = sign_mandate.run(runtime, here.actor(runtime), mandate_id, day)
    here.answer({"mandate_id": mandate_id, "state": state}, lambda: screen.lines(f"mandate {mandate_id} is {state}"))


@app.command(
    "print",
    epilog=(
        "Examples:  bridge mandate print MND-0001 --actor anna   ·   "
        "bridge mandate print MND-0001 --language en --out forms --actor anna"
    ),
)
def print_(
    context: typer.Context,
    mandate_id: str,
    out: Path = typer.Option(Path("forms"), "--out", help="The folder."),
    language: str = typer.Option("", "--language", help="de or en; without it the debtor's own."),
) -> None:
    """Make the form that the debtor signs, as HTML and PDF; a draft then waits for his signature."""
    from bridge.acts import print_mandate

    here = call.of(context)
    runtime = here.runtime()
    form = print_mandate.run(runtime, here.actor(runtime), mandate_id, language=language)
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / f"{form.mandate_id.replace('/', '_')}.{ending}" for ending in ("html", "pdf")]
    for path, body in zip(paths, (form.html, form.pdf), strict=True):
        path.write_bytes(body)
    here.answer({"mandate_id": form.mandate_id, "files": [str(path) for path in paths]}, lambda: screen.lines(*map(str, paths)))


def _values(pairs: list[str]) -> dict[str, str]:
    """COLUMN=VALUE, each; a value of "-" is asked for, so that no account stands in a shell's history or a list of processes.

    What is typed for an IBAN is not shown; all else is, or nobody would find his slip of the pen.
    """
    values: dict[str, str] = {}
    for one in pairs:
        name, equals, value = one.partition("=")
        if not equals:
            raise BadInput("--set takes COLUMN=VALUE, like language=en")
        name, value = name.strip(), value.strip()
        values[name] = typer.prompt(name, hide_input=name == "iban").strip() if value == "-" else value
    return values


@app.command(
    "legal-hold",
    epilog=(
        "Examples:  bridge mandate legal-hold MND-1 --reason 'case 4 O 12/26' --actor anna   ·   "
        "bridge mandate legal-hold MND-1 --end --reason 'case closed' --actor anna"
    ),
)
def legal_hold(
    context: typer.Context,
    mandate_id: str,
    reason: str = typer.Option("", "--reason"),
    end: bool = typer.Option(False, "--end", help="End the hold."),
) -> None:
    """Keep its debtor from being erased, whatever the retention says, until the hold is ended."""
    from bridge.acts import legal_hold as act

    here = call.of(context)
    runtime = here.runtime()
    news = "ended" if end else "begun"
    changed = act.run(runtime, here.actor(runtime), mandate_id, news, reason)
    words = f"the legal hold on {mandate_id} is {news}" if changed else "nothing changed: it was so before"
    here.answer({"mandate_id": mandate_id, "news": news, "new": changed}, lambda: screen.lines(words))


@app.command(
    epilog=(
        "Examples:  bridge mandate erase MND-1 --reason 'letter of 2 Jan 2038' --actor anna   ·   "
        "bridge mandate erase MND-1 --reason 'letter of 2 Jan 2038' --actor ben"
    )
)
def erase(context: typer.Context, mandate_id: str, reason: str = typer.Option("", "--reason")) -> None:
    """Make its debtor unreadable for ever, once the law allows it; two people run this, and the second one's word does it."""
    from bridge.acts import erase as act

    here = call.of(context)
    runtime = here.runtime()
    done = act.run(runtime, here.actor(runtime), mandate_id, reason)
    agreed = " and ".join(done.agreed)
    words = (
        f"{agreed} agreed; {done.missing} more must run the same" if done.missing else "name, address, e-mail and IBAN are erased"
    )
    here.answer(asdict(done), lambda: screen.lines(f"mandate {done.mandate_id}: {words}"))


def _move(context: typer.Context, mandate_id: str, news: str, reason: str) -> None:
    from bridge.acts import mandates

    here = call.of(context)
    runtime = here.runtime()
    at_the_bank = mandates.run(runtime, here.actor(runtime), mandate_id, news, reason)
    words = f"mandate {mandate_id} is {news}" + (f"; {at_the_bank} debit(s) are already at the bank" if at_the_bank else "")
    here.answer({"mandate_id": mandate_id, "news": news, "at_the_bank": at_the_bank}, lambda: screen.lines(words))


@app.command(
    epilog=(
        "Examples:  bridge mandate pause MND-0001 --reason 'asked by phone'   ·   "
        "bridge mandate pause MND-2 --reason dispute --actor anna"
    )
)
def pause(context: typer.Context, mandate_id: str, reason: str = typer.Option("", "--reason")) -> None:
    """Nothing is collected under it until it is resumed."""
    _move(context, mandate_id, "paused", reason)


@app.command(
    epilog=(
        "Examples:  bridge mandate resume MND-0001 --actor anna   ·   "
        "bridge mandate resume MND-2 --reason 'IBAN confirmed' --actor ben"
    )
)
def resume(context: typer.Context, mandate_id: str, reason: str = typer.Option("", "--reason")) -> None:
    """Collect again; where a warning paused it, this accepts the warning."""
    _move(context, mandate_id, "resumed", reason)


@app.command(
    epilog=(
        "Examples:  bridge mandate revoke MND-0001 --reason 'letter of 2 Dec'   ·   "
        "bridge mandate revoke MND-2 --reason moved --actor anna"
    )
)
def revoke(context: typer.Context, mandate_id: str, reason: str = typer.Option("", "--reason")) -> None:
    """End it for good; says what is already at the bank."""
    _move(context, mandate_id, "revoked", reason)
