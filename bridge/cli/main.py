"""The tree of commands. Global options may stand anywhere on the line; a refusal becomes one sentence on stderr and an exit code.

Exit codes: 0 done, 1 refused or failed, 2 usage, 4 a check failed or something needs a person, 5 try again later.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import typer

from bridge.cli import (
    bank,
    batch,
    breaks,
    chain,
    creditor,
    database,
    demo,
    doctor,
    document,
    files,
    invoice,
    keys,
    ledger,
    mandate,
    notify,
    production,
    reconcile,
    report,
    returns,
    sim,
    system,
    user,
)
from bridge.cli.call import Call, Options
from bridge.errors import BridgeError, unforeseen

TAKES_VALUE = ("--config", "--clock", "--actor", "--lang")
FLAGS = ("--json", "--quiet")

app = typer.Typer(
    name="bridge",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    help="From an on-chain invoice to a SEPA direct debit, to the bank's answer, to books that add up.",
    epilog="Examples:  bridge demo   ·   bridge run --config plant/bridge.toml",
)
for part in (system, doctor, demo, bank, files, production):
    part.add_to(app)
for name, group in (
    ("chain", chain.app),
    ("mandate", mandate.app),
    ("creditor", creditor.app),
    ("invoice", invoice.app),
    ("notify", notify.app),
    ("batch", batch.app),
    ("reconcile", reconcile.app),
    ("break", breaks.app),
    ("return", returns.app),
    ("ledger", ledger.app),
    ("report", report.app),
    ("document", document.app),
    ("user", user.app),
    ("db", database.app),
    ("keys", keys.app),
    ("sim", sim.app),
):
    app.add_typer(group, name=name)


@app.callback()
def globals_(
    config: Path = typer.Option(Path("bridge.toml"), "--config", help="The configuration file."),
    json: bool = typer.Option(False, "--json", help="One JSON document on stdout and nothing else there."),
    clock: str = typer.Option("", "--clock", help="Business clock for rehearsal, YYYY-MM-DDTHH:MM; refused in production."),
    actor: str = typer.Option("", "--actor", help="Who acts (development only; in production BRIDGE_TOKEN says so)."),
    lang: str = typer.Option("en", "--lang", help="en or de."),
    quiet: bool = typer.Option(False, "--quiet", help="No chatter on stderr."),
) -> None:
    """From an on-chain invoice to a SEPA direct debit, to the bank's answer, to books that add up."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit."""
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run one command; returns its exit code."""
    call = Call()
    try:
        call.options, rest = hoist(arguments)
        result = command().main(args=rest, prog_name="bridge", standalone_mode=False, obj=call)
        return result if isinstance(result, int) else 0
    except BridgeError as refusal:
        call.refuse(str(refusal))
        return refusal.exit_code
    except typer.Abort:
        print("bridge: stopped", file=sys.stderr)
        return 1
    except typer.Exit as leaving:
        return leaving.exit_code
    except typer.TyperException as usage:
        usage.show()  # type: ignore[attr-defined]  # typer brings its own click and publishes only this root of its errors
        return usage.exit_code
    except BrokenPipeError:
        return 0
    except Exception as problem:  # noqa: BLE001  (the last door: what nobody foresaw becomes a sentence, without any of its values)
        call.refuse(unforeseen(problem))
        return 1
    finally:
        call.close()


#: all commands, made once a process: typer reads the signature of each, which takes longer than most of them run
command = cache(partial(typer.main.get_command, app))


def hoist(arguments: Sequence[str]) -> tuple[Options, list[str]]:
    """Take the global options from wherever they stand; what follows a lone ``--`` is left alone. Raises BadParameter."""
    options, rest = Options(), []
    words = iter(arguments)
    for word in words:
        name, has_value, value = word.partition("=")
        if word == "--":
            rest += [word, *words]
        elif name in TAKES_VALUE:
            value = value if has_value else next(words, "")
            if not value or (value.startswith("--") and not has_value):
                raise typer.BadParameter(f"{name} needs a value")
            _set(options, name, value)
        elif word in FLAGS:
            setattr(options, word[2:], True)
        else:
            rest.append(word)
    return options, rest


def _set(options: Options, name: str, value: str) -> None:
    if name == "--config":
        options.config = Path(value)
    elif name == "--lang":
        if value not in ("en", "de"):
            raise typer.BadParameter("--lang is en or de")
        options.lang = value
    else:
        setattr(options, name[2:], value)
