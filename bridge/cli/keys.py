"""keys: under which key personal data and files are sealed, and how that is changed while everything runs."""

from __future__ import annotations

import typer

from bridge.cli import call, screen

app = typer.Typer(
    no_args_is_help=True,
    help="The keys that seal names, IBANs and files.",
    epilog="Examples:  bridge keys status   ·   bridge keys rotate --actor olga",
)


@app.command(epilog="Examples:  bridge keys status   ·   bridge keys status --json")
def status(context: typer.Context) -> None:
    """Each key by name, which is current, and how much is sealed under it; never a key itself."""
    from bridge.reports import keys

    here = call.of(context)
    runtime = here.runtime()
    with runtime.reading() as session:
        found = keys.status(session, runtime)
    rows = [(one.name, "current" if one.current else "", "yes" if one.in_file else "no", one.data_keys) for one in found]

    def show() -> None:
        screen.table("keys", ("key", "", "in the file", "data keys"), rows, right=("data keys",))
        screen.lines(*filter(None, [keys.unfinished(found)]))

    here.answer(found, show)


@app.command(epilog="Examples:  bridge keys rotate --actor olga   ·   bridge keys rotate --forget --actor olga")
def rotate(
    context: typer.Context,
    forget: bool = typer.Option(
        False, "--forget", help="Make no new key: take the old ones, under which nothing is sealed, away."
    ),
) -> None:
    """Make a new key and seal everything under it, while workers run; a rotation that was stopped is finished instead."""
    from bridge.acts import keys

    here = call.of(context)
    runtime = here.runtime()
    actor = here.actor(runtime)
    if forget:
        gone = keys.forget(runtime, actor)
        words = f"forgot {', '.join(gone)}; backups from before need the key file of before" if gone else "there is no old key"
        here.answer({"forgotten": gone}, lambda: screen.lines(words))
        return
    done = keys.rotate(runtime, actor)
    said = f"{done.current} is {'new' if done.added else 'current'}; {done.resealed} data key(s) were sealed under it anew"
    after = "back the key file up now, and keep the old copy as long as old backups; 'keys rotate --forget' removes old keys"
    here.answer(done, lambda: screen.lines(said, after))
