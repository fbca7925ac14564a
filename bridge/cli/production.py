"""worker, beat: production mode. The same steps as ``bridge run``, rung through a broker."""

from __future__ import annotations

import typer

from bridge.cli import call, screen

PING = typer.Option(False, "--ping", help="Only ask whether one of this machine answers; 5 if none does.")


def add_to(app: typer.Typer) -> None:
    app.command(epilog="Examples:  bridge worker --config plant/bridge.toml   ·   bridge worker --ping")(worker)
    app.command(epilog="Examples:  bridge beat --config plant/bridge.toml   ·   bridge beat --ping")(beat)


def worker(context: typer.Context, ping: bool = PING) -> None:
    """Run the steps that are rung for, until SIGTERM; running ones finish first."""
    from bridge import tasks

    here = call.of(context)
    if ping:
        _ping(here, "worker")
        return
    here.runtime()  # what every step would refuse is refused now, once
    here.close()  # and no connection crosses a fork
    raise typer.Exit(tasks.work(here.settings(), here.machine))


def beat(context: typer.Context, ping: bool = PING) -> None:
    """Ring every step, at once and then each broker.ring_seconds, until SIGTERM."""
    from bridge import tasks

    here = call.of(context)
    if ping:
        _ping(here, "beat")
    else:
        tasks.ring(here.settings())


def _ping(here: call.Call, who: str) -> None:
    from bridge import tasks

    name = tasks.answers(here.settings(), who)
    here.answer({"answers": name}, lambda: screen.lines(f"{name} answers"))
