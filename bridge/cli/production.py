"""worker, beat: production mode, the same steps as ``bridge run``, rung through a broker. health, metrics: for monitoring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from bridge.cli import call, screen
from bridge.cli.call import LOG

if TYPE_CHECKING:
    from bridge.settings import Settings

PING = typer.Option(False, "--ping", help="Only ask whether one of this machine answers; 5 if none does.")
READY = typer.Option(False, "--ping", help="Only ask the one that listens there whether the bridge is ready; 5 if it is not.")


def add_to(app: typer.Typer) -> None:
    app.command(epilog="Examples:  bridge worker --config plant/bridge.toml   ·   bridge worker --ping")(worker)
    app.command(epilog="Examples:  bridge beat --config plant/bridge.toml   ·   bridge beat --ping")(beat)
    app.command(epilog="Examples:  bridge health --port 9109   ·   bridge health --port 9109 --ping")(health)
    app.command(epilog="Examples:  bridge metrics   ·   bridge metrics > /var/lib/node_exporter/bridge.prom")(metrics)


def worker(context: typer.Context, ping: bool = PING, log: str = LOG) -> None:
    """Run the steps that are rung for, until SIGTERM; running ones finish first."""
    from bridge import tasks

    here = call.of(context)
    if ping:
        _ping(here, "worker")
        return
    here.log_as(log)
    here.runtime()  # what every step would refuse is refused now, once
    here.close()  # and no connection crosses a fork
    raise typer.Exit(tasks.work(_settings(here), here.machine))


def beat(context: typer.Context, ping: bool = PING, log: str = LOG) -> None:
    """Ring every step, at once and then each broker.ring_seconds, until SIGTERM."""
    from bridge import tasks

    here = call.of(context)
    if ping:
        _ping(here, "beat")
        return
    here.log_as(log)
    tasks.ring(_settings(here))


def health(
    context: typer.Context,
    port: int = typer.Option(..., "--port", help="Where to listen; 0: a free one, which is printed."),
    host: str = typer.Option(
        "127.0.0.1", "--host", help="On which address; the answers name no debtor, but say how business goes."
    ),
    ping: bool = READY,
    log: str = LOG,
) -> None:
    """Answer /healthz, /readyz and /metrics over HTTP, until SIGTERM. Looks only: it stores nothing, and needs no key file."""
    import signal
    import threading

    from bridge.health import Server, ask

    here = call.of(context)
    if ping:
        found = ask(host, port)
        here.answer({"ready": found}, lambda: screen.lines(*(f"{part}: {said}" for part, said in found.items())))
        return
    here.log_as(log)
    with Server(here.looking(), host, port) as server:
        # from a thread of its own: shutdown waits for the loop that the signal interrupts
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
        here.say(f"listening on http://{host}:{server.server_port}")
        server.serve_forever()


def metrics(context: typer.Context) -> None:
    """Print the metrics once, as Prometheus reads them."""
    from bridge.health import exposition

    here = call.of(context)
    print(exposition(here.runtime()).decode(), end="")


def _settings(here: call.Call) -> Settings:
    """Those of bridge.toml, and how stderr is written as ``--log`` says."""
    from bridge.settings import Logging

    return here.settings().model_copy(update={"logging": Logging(format="json" if here.logs else "text")})


def _ping(here: call.Call, who: str) -> None:
    from bridge import tasks

    name = tasks.answers(here.settings(), who)
    here.answer({"answers": name}, lambda: screen.lines(f"{name} answers"))
