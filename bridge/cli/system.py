"""init, status, run, check: the bridge itself."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bridge.cli import call, screen, user
from bridge.cli.call import AS_OF, KNOWN_AT, LOG
from bridge.errors import BridgeError, ConfigError, UnknownName

if TYPE_CHECKING:
    from bridge.runtime import Runtime

log = logging.getLogger("bridge")

TEMPLATE = """\
# bridge.toml: what the bridge is told. Unknown keys are refused. Every setting can also come from the environment (BRIDGE_...).

environment = "development"            # or "production"
timezone = "Europe/Berlin"             # business dates and cut-offs

[database]
url = "sqlite:///bridge.db"            # beside this file

# [broker]                             # for 'bridge worker' and 'bridge beat'; without it 'bridge run' rings
# url = "redis://localhost:6379/0"     # or rediss://, valkey://, unix:///run/valkey.sock
# ring_seconds = 60                    # beat rings every step each so many seconds
# processes = 2                        # of one worker; with SQLite 1
# turn_seconds = 120                   # a step gives way between two units of work after so many, and goes on at once
# step_seconds_max = 600               # a step that takes longer is stopped, and found again at the next ring

# [logging]
# format = "text"                      # or "json": 'bridge worker' and 'bridge beat' write one object a line to stderr

[keys]
path = "bridge.keys"                   # seals names and IBANs; without it they cannot be read: back it up apart from the database

# [[accounts]]                         # your own bank account
# id = "main"
# iban = "DE02120300000000202051"
# bank = "default"                     # what your bank takes: a profile that ships, or one of yours in templates/banks/

# [[creditors]]
# name = "Musterwerk Maschinen GmbH"
# creditor_id = "DE98ZZZ09999999999"
# account = "main"

# [[sources]]                          # a contract that finalizes invoices
# name = "plant-1"
# creditor = "DE98ZZZ09999999999"
# chain_id = 31337
# rpc = ["http://127.0.0.1:8545"]      # several; or recorded = "logs.jsonl": one log a line, see docs/files.md
# quorum = 2                           # how many of rpc must agree on a block; by default two, or the only one
# contract = "0x0000000000000000000000000000000000000000"
# start_block = 0
# finality = "finalized"               # or "safe", or a number of confirmations
# hold_minutes = 60                    # extra wait after a final log was read
# verification = "full"                # or "bloom", "quorum-only"; "none" for a trial, refused in production
# finality_alarm_minutes = 90          # the last final block is older: people are told; 0: never
# invoice_number = "{source}-{invoice_no:06d}"   # what the debtor reads on his statement
# usage = "usage"                      # the folder of signed readings, for 'bridge invoice show'
# [sources.tokens]                     # e-money tokens that pay invoices of this contract, and their decimals
# "0x0000000000000000000000000000000000000000" = 6
# [sources.attest]                     # write outcomes back on chain (docs/chain.md); without this part nothing is written
# key = "attest.key"                   # its account has the settlement role and no other; mode 0600
# fee_gwei_max = 100                   # one gas costs no more, or it waits
# patience_minutes = 10                # a call that is not mined is sent again for more
# [sources.mapping]                    # an event of a contract of your own, described in docs/chain.md

# [smtp]                               # for prenotification = "email"
# host = "mail.example.com"
# sender = "buchhaltung@example.com"   # what debtors see and answer to
# user = ""
# password = ""                        # better: BRIDGE_SMTP__PASSWORD_FILE

# [retention]                          # before this no debtor is erased ('bridge mandate erase')
# booked_years = 10                    # after the year of what was last booked of him
# mandate_months = 14                  # after the end, or the last debit, of his mandate

[collection]
batch_at = "09:00"                     # files are cut once a bank day; "": on every run
approval = "four-eyes"                 # or "single", "none"
handover = "portal"                    # a person confirms the upload; "folder": writing to outbox is the hand-over
prenotification = "elsewhere"          # the invoice itself announces the debit; or "email", "letter"
# prenotification_agreement = ""       # elsewhere: by which agreement; reports name it
# prenotification_days = 14            # between a notice of ours and the due date, where nothing else was agreed
amount_max_cents = 5000000             # above: held for a person
# debtor_month_max_cents = 0           # of one debtor in a month; above: held
# batch_max_cents = 0                  # in one file; more becomes more files
# unusual_factor = 10                  # times what a debtor usually pays: held for a look
# duplicates = "hold"                  # same debtor, machine, period and amount as an earlier invoice
# blocked_debtors = []                 # nothing is collected from these (0x..., as on chain)
"""

OWN_PROFILES = "templates/banks"
EXAMPLE = """\
# EXAMPLE, not read while its name ends in .example. If no profile that ships is your bank's: copy this file to <your-bank>.toml
# in this folder, write your bank's answers into it, name it in bridge.toml ( bank = "<your-bank>" ), and run 'bridge doctor'.
# Every line is needed. What stands below is the profile "default" as it ships.

"""


def add_to(app: typer.Typer) -> None:
    app.command(epilog="Examples:  bridge init   ·   bridge init plant")(init)
    app.command(epilog="Examples:  bridge status   ·   bridge status --json")(status)
    app.command(epilog="Examples:  bridge run   ·   bridge run --only reconcile")(run)
    app.command(epilog="Examples:  bridge check   ·   bridge check --json")(check)


def init(
    context: typer.Context,
    folder: Path = typer.Argument(Path(), help="Where to write."),
    admin: str = typer.Option("admin", "--admin", help="The name of the first admin; his token is put into admin.token."),
) -> None:
    """Write a commented bridge.toml, the key file, the folders, the database, and the first admin with his token."""
    from bridge import resources
    from bridge.acts import users
    from bridge.runtime import build, ready, write_keys

    here = call.of(context)
    path = folder / "bridge.toml"
    if path.exists():
        raise ConfigError(f"{path} exists; it is left as it is")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("inbox", "outbox", OWN_PROFILES):
        (folder / name).mkdir(parents=True, exist_ok=True)
    example = folder / OWN_PROFILES / "my-bank.toml.example"  # not a profile while it ends so
    example.write_text(EXAMPLE + resources.path("templates/banks/default.toml").read_text(encoding="utf-8"), encoding="utf-8")
    if not (folder / "bridge.keys").exists():
        write_keys(folder / "bridge.keys")
    path.write_text(TEMPLATE, encoding="utf-8")
    runtime = build(path)
    ready(here.opened(runtime.engine))
    token = folder / "admin.token"

    def first() -> users.NewToken:
        return users.make_token(runtime, call.FIRST, users.add(runtime, call.FIRST, admin, "admin"), label="first")

    made = user.into_file(token, first)
    here.answer(
        {"config": str(path), "keys": str(folder / "bridge.keys"), "admin": made.user, "token_file": str(token)},
        lambda: screen.lines(
            f"wrote {path}; next: fill in account, creditor and source, then run 'bridge doctor'",
            f"the first admin is {made.user}; his token stands in {token}: keep it like the key file",
        ),
    )


def status(context: typer.Context, as_of: str = AS_OF, known_at: str = KNOWN_AT) -> None:
    """One screen: what needs a person, what is due, at the bank, unmatched, and the next cut-off."""
    from bridge.reports import breaks
    from bridge.reports import status as report

    here = call.of(context)
    runtime = here.runtime()
    with runtime.reading() as session:
        found = report.build(session, runtime, here.view(as_of, known_at))

    def show() -> None:
        screen.table(
            "invoices",
            ("state", "count", "EUR"),
            [(s, a.count, screen.euro(a.cents)) for s, a in found.invoices.items()],
            right=("count", "EUR"),
        )
        screen.table(
            "collections",
            ("state", "count", "EUR"),
            [(s, a.count, screen.euro(a.cents)) for s, a in found.collections.items()],
            right=("count", "EUR"),
        )
        screen.lines(
            f"came back and open: {found.returned.count} ({screen.euro(found.returned.cents)} EUR)",
            (
                f"unmatched lines: {found.unmatched.count} ({screen.euro(found.unmatched.cents)} EUR), "
                f"parked statements: {found.parked_statements}"
            ),
            f"to approve: {', '.join(found.to_approve) or '-'}",
            f"to export: {', '.join(found.to_export) or '-'}",
            f"to upload: {', '.join(found.to_upload) or '-'}",
            f"next cut-off: {found.cut_off.astimezone(runtime.zone):%a %Y-%m-%d %H:%M} for due date {found.earliest_due}"
            if found.cut_off
            else "next cut-off: not asked of the past"
            if found.invoices and (as_of or known_at)
            else "no account yet",
            *(f"source {s.name}: {s.invoices} invoices, read to block {s.block}" for s in found.sources),
        )
        if found.breaks:
            lang = here.options.lang
            told = [breaks.in_words(one, lang) for one in found.breaks]
            rows = [(b.id, b.kind, b.age_days, breaks.owner(b, lang), b.what, b.next) for b in told]
            screen.table("needs a person", ("id", "kind", "days", "owner", "what", "next"), rows, right=("id", "days"))
        else:
            screen.lines(
                f"{found.needs_a_person} held or between two hands; no break" if found.needs_a_person else "nothing needs you"
            )

    here.answer(found, show)


def run(
    context: typer.Context,
    watch: int = typer.Option(0, "--watch", help="Repeat every so many seconds."),
    only: str = typer.Option("", "--only", help="One step only."),
    log: str = LOG,
) -> None:
    """One idempotent pass over all steps, for cron."""
    from bridge.steps import PIPELINE

    here = call.of(context)
    if only and only not in PIPELINE:
        raise UnknownName.among("step", only, PIPELINE)
    here.log_as(log)
    runtime = here.runtime()
    code = 0
    while True:
        code = one_pass(here, runtime, [only] if only else list(PIPELINE))
        if not watch:
            raise typer.Exit(code)
        time.sleep(watch)


def one_pass(here: call.Call, runtime: Runtime, names: list[str]) -> int:
    """Run these steps in order; a step that is refused does not stop the others. Returns the exit code."""
    from bridge import logs
    from bridge.reports import status as report

    done: list[dict[str, Any]] = []
    code = 0
    for name in names:
        with logs.turn(name):
            done.append(_one_step(here, runtime, name))
        code = max(code, done[-1].pop("code")) if code != 1 else 1
    with runtime.reading() as session:
        needs = report.build(session, runtime).needs_a_person

    def show() -> None:
        rows = [
            (
                d["step"],
                f"{d['seconds']:.2f}",
                d.get("error") or ", ".join(f"{k} {v}" for k, v in d["counts"].items() if v) or "nothing to do",
            )
            for d in done
        ]
        screen.table(f"run of {runtime.today()}", ("step", "s", "done"), rows, right=("s",))
        screen.lines(f"{needs} thing(s) need a person: bridge status" if needs else "nothing needs a person")

    here.answer({"as_of": runtime.clock(), "steps": done, "needs_a_person": needs}, show)
    return code


def _one_step(here: call.Call, runtime: Runtime, name: str) -> dict[str, Any]:
    """What ``run`` answers of a step, and the exit code of its refusal."""
    from bridge import turns
    from bridge.steps import PIPELINE

    started = time.monotonic()
    counts: dict[str, int] = {}
    refused: BridgeError | None = None
    try:
        with turns.remembered(runtime, name) as told:
            counts = PIPELINE[name][0](runtime)
            told.update(counts)
    except BridgeError as refusal:
        refused = refusal
    seconds = round(time.monotonic() - started, 3)
    if refused is None:
        log.info("%s: done", name, extra={"counts": counts, "seconds": seconds})
        return {"step": name, "seconds": seconds, "counts": counts, "code": 0}
    if here.logs:
        log.warning("%s: %s", name, refused, extra={"seconds": seconds})
    else:
        here.say(f"bridge: {name}: {refused}")
    return {"step": name, "seconds": seconds, "counts": {}, "error": str(refused), "code": refused.exit_code}


def check(context: typer.Context, as_of: str = AS_OF, known_at: str = KNOWN_AT) -> None:
    """Recompute every invariant from the rows."""
    from bridge.reports import check as report

    here = call.of(context)
    runtime = here.runtime()
    with runtime.reading() as session:
        found = report.run(session, runtime, here.view(as_of, known_at))
    ok = all(one.ok for one in found)
    rows = [("ok" if one.ok else "WRONG", one.id, one.title, one.detail) for one in found]
    here.answer({"ok": ok, "checks": found}, lambda: screen.table("check", ("", "id", "invariant", "detail"), rows))
    raise typer.Exit(0 if ok else 4)
