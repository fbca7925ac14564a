"""break: what a person must look at, who looks after it, and how it ended."""

from __future__ import annotations

from dataclasses import asdict

import typer

from bridge.cli import call, screen
from bridge.cli.call import AS_OF, KNOWN_AT

app = typer.Typer(
    no_args_is_help=True,
    help="What a person must look at.",
    epilog="Examples:  bridge break list --lang de   ·   bridge break take 7 --actor anna",
)
CLOSED = typer.Option(False, "--closed", help="Also what was closed, and how.")
NUMBER = typer.Argument(..., metavar="BREAK", help="Its number, as 'bridge status' shows it.")
FOR = typer.Option("", "--for", metavar="NAME", help="Who looks after it; by default who says so.")
#: English, German
COLUMNS = (
    ("id", "kind", "about", "days", "owner", "what", "next", "closed"),
    ("Nr.", "Art", "worum es geht", "Tage", "zuständig", "was", "nächster Schritt", "geschlossen"),
)
FIELDS = (
    ("kind", "about", "evidence", "opened on", "age in days", "owner", "what", "next", "closed at", "closed by", "resolution"),
    ("Art", "worum es geht", "Nachweis", "seit", "Alter in Tagen", "zuständig", "was", "nächster Schritt", "geschlossen am",
     "geschlossen von", "Erledigung"),
)  # fmt: skip


@app.command("list", epilog="Examples:  bridge break list   ·   bridge break list --closed --known-at 2026-12-01T08:00 --json")
def list_(context: typer.Context, closed: bool = CLOSED, as_of: str = AS_OF, known_at: str = KNOWN_AT) -> None:
    """Every open break with its age and owner, oldest first."""
    from bridge.reports import asked, breaks

    here = call.of(context)
    runtime, lang = here.runtime(), here.options.lang
    with runtime.reading() as session:
        found = breaks.listed(session, asked.ask(runtime, here.view(as_of, known_at)), closed=closed)
    columns = COLUMNS[lang == "de"]
    shown = [breaks.in_words(one, lang) for one in found]
    rows = [
        (one.id, one.kind, one.about, one.age_days, breaks.owner(one, lang), one.what, one.next, one.resolution) for one in shown
    ]
    last = None if closed else -1
    here.answer(
        found, lambda: screen.table("breaks", columns[:last], [row[:last] for row in rows], right=(columns[0], columns[3]))
    )


@app.command(epilog="Examples:  bridge break show 7   ·   bridge break show 7 --lang de --json")
def show(context: typer.Context, number: int = NUMBER, as_of: str = AS_OF, known_at: str = KNOWN_AT) -> None:
    """One break, open or closed: evidence, owner, and how it ended."""
    from bridge.reports import asked, breaks

    here = call.of(context)
    runtime, lang = here.runtime(), here.options.lang
    with runtime.reading() as session:
        found = breaks.shown(session, asked.ask(runtime, here.view(as_of, known_at)), number)
    one = breaks.in_words(found, lang)
    values = (
        one.kind,
        one.about,
        one.evidence,
        one.opened_on,
        one.age_days,
        breaks.owner(one, lang),
        one.what,
        one.next,
        one.closed_at.astimezone(runtime.zone).isoformat(timespec="seconds") if one.closed_at else "",
        one.closed_by or "",
        one.resolution or "",
    )
    here.answer(asdict(found), lambda: screen.table(f"break {number}", ("", ""), zip(FIELDS[lang == "de"], values, strict=True)))


@app.command(epilog="Examples:  bridge break take 7 --actor anna   ·   bridge break take 7 --for ben --actor anna")
def take(context: typer.Context, number: int = NUMBER, name: str = FOR) -> None:
    """Say who looks after a break."""
    from bridge.acts import take_break

    here = call.of(context)
    runtime = here.runtime()
    owner = take_break.run(runtime, here.actor(runtime), number, name)
    here.answer({"break": number, "owner": owner}, lambda: screen.lines(f"break {number} is with {owner}"))
