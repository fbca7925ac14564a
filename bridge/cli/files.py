"""show, validate, explain, calendar: what a file says and must be, what a code means, when a file is due.

Only calendar needs a database.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from bridge.cli import call, screen
from bridge.errors import UnknownName


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog="Examples:  bridge validate batch.xml   ·   bridge validate batch.xml --profile commerzbank-portal --json"
    )(validate)
    app.command(epilog="Examples:  bridge show statement.xml   ·   bridge show report.xml --json")(show)
    app.command(epilog="Examples:  bridge explain MD06   ·   bridge explain SDD-017 --lang de")(explain)
    app.command(epilog="Examples:  bridge calendar   ·   bridge calendar --json")(calendar)


def validate(
    context: typer.Context,
    file: Path = typer.Argument(..., help="A pain.008, pain.002 or camt file of anybody."),
    profile: str = typer.Option(
        "", "--profile", help="Whose limits and forms count; by default your bank's, where the file names it."
    ),
) -> None:
    """A file against the ISO schema, the rules of the scheme and what one bank takes; nothing is stored."""
    from bridge import resources
    from bridge.cli.bank import read
    from bridge.formats import profiles
    from bridge.reports import validation

    here = call.of(context)
    body = read(file)
    name, why = (profile, "as you said") if profile else _profile_of(here, validation.accounts(body))
    found = validation.validate(body, profiles.load(name, resources.folders("templates/banks", here.options.config.parent)))
    by = {"profile": name, "profile_why": why} if found.kind == "pain.008" else {}

    def show() -> None:
        rows = [(one.id, one.path, one.message) for one in found.findings]
        if rows:
            screen.table(f"{file.name}: {found.kind}", ("rule", "where", "what"), rows)
        counted = "" if found.debits is None else f", {found.debits} debit(s), EUR {screen.euro(found.control_sum_cents or 0)}"
        screen.lines(
            f"{len(rows)} finding(s); 'bridge explain RULE' says more" if rows else f"{file.name}: no findings{counted}",
            *([f"held to the profile {name}: {why}"] if by else []),
        )

    here.answer({**asdict(found), **by}, show)
    raise typer.Exit(0 if found.ok else 4)


def _profile_of(here: call.Call, ibans: list[str]) -> tuple[str, str]:
    """The profile of our account that the file names, and why this one."""
    if not here.options.config.exists():
        return "default", "there is no bridge.toml here; --profile names another"
    for account in here.settings().accounts:
        if "".join(account.iban.split()).upper() in ibans:
            return account.bank, f"that of your account {account.id}, which the file names"
    return "default", "the file names no account of bridge.toml; --profile names another"


def show(
    context: typer.Context, file: Path = typer.Argument(..., help="A pain.002, pain.008 or camt file, also in a ZIP or gzip.")
) -> None:
    """What a bank file says; nothing is stored."""
    from bridge.cli.bank import read
    from bridge.reports import showing

    here = call.of(context)
    found = showing.show_file(file.name, read(file))

    def tables() -> None:
        for one in found.get("documents", (found,)):
            for statement in one["statements"]:
                _statement(one["kind"], statement)
            if one["report"]:
                _report(one["report"])
            for block in one.get("blocks", ()):
                _block(block)

    here.answer(found, tables)


def _statement(kind: str, statement: dict[str, Any]) -> None:
    rows = []
    for entry in statement["entries"]:
        for detail in entry["details"] or [{"end_to_end_id": entry["text"], "return_reason": None, "charges_cents": 0}]:
            fee = detail["charges_cents"] or entry["charges_cents"]
            said = (entry["booked_on"], screen.euro(entry["amount_cents"]), entry["status"], entry["bank_code"])
            rows.append((*said, detail["end_to_end_id"], detail["return_reason"], screen.euro(fee) if fee else ""))
    balances = f"{_balance(statement['opening_cents'])} to {_balance(statement['closing_cents'])}"
    columns = ("booked", "EUR", "status", "code", "names", "reason", "fee")
    screen.table(f"{kind} {statement['id']}: {balances}", columns, rows, right=("EUR", "fee"))


def _report(report: dict[str, Any]) -> None:
    lines = [
        (one["level"], one["end_to_end_id"] or one["pmt_inf_id"], one["status"], [reason["code"] for reason in one["reasons"]])
        for one in report["lines"]
    ]
    screen.table(f"about {report['original_message_id']}", ("level", "names", "status", "reasons"), lines)


def _block(block: dict[str, Any]) -> None:
    debits = [(d["end_to_end_id"], screen.euro(d["amount_cents"]), d["mandate_id"], d["remittance"]) for d in block["debits"]]
    head = f"{block['pmt_inf_id']}: {block['scheme']} {block['sequence']} due {block['due_on']}"
    screen.table(head, ("debit", "EUR", "mandate", "text"), debits, right=("EUR",))


def _balance(cents: int | None) -> str:
    return "no balance" if cents is None else screen.euro(cents)


def explain(context: typer.Context, code: str = typer.Argument(..., help="A bank's reason (MD06) or a rule (SDD-017).")) -> None:
    """What a code means, and what to do next."""
    from bridge.reports import validation
    from bridge.rules import reasons, scheme

    here, name = call.of(context), code.upper()
    if name in reasons.REASONS:
        said, words = _reason(name, here.options.lang)
    elif name in validation.titles():
        rule = scheme.RULES.get(name)
        said = {"code": name, "meaning": validation.titles()[name], "source": rule.source if rule else "the bridge"}
        words = dict(zip(said, said, strict=True))
    else:
        raise UnknownName.among("code", name, [*reasons.REASONS, *validation.titles()])
    rows = [(words[key], value) for key, value in said.items() if key in words and key != "code" and value]
    here.answer(said, lambda: screen.table(name, ("", ""), rows))


def _reason(code: str, lang: str) -> tuple[dict[str, object], dict[str, str]]:
    """What a bank's code means and entails; and the name of each line on a screen."""
    from bridge.rules import reasons

    reason, chosen = reasons.REASONS[code], lang == "de"
    said: dict[str, object] = {
        "code": code,
        "meaning": reason.german if chosen else reason.english,
        "next": reasons.STEPS[reason.step][chosen],
        "who": reasons.WHO[reason.step][chosen],
        "retry": reasons.AGAIN[reason.again][chosen],
        "mandate": reasons.MANDATE[reason.pauses][chosen],
        "note": reasons.NOTES.get(code, ("", ""))[chosen],
        "again": reason.again,
        "pauses": reason.pauses,
    }
    german = {"meaning": "Bedeutung", "next": "nächster Schritt", "who": "wer handelt", "retry": "erneuter Einzug"}
    german |= {"mandate": "Mandat", "note": "Hinweis"}
    english = {"meaning": "meaning", "next": "next step", "who": "who must act", "retry": "another debit"}
    english |= {"mandate": "mandate", "note": "note"}
    return said, german if chosen else english


def calendar(context: typer.Context) -> None:
    """What is due when, until when its file must be at the bank, and the next bank days."""
    from bridge.reports import calendar

    here = call.of(context)
    runtime = here.runtime()
    with runtime.reading() as session:
        due, days = calendar.due_days(session, runtime), calendar.bank_days(session, runtime)

    def local(one: calendar.DueDay | calendar.BankDay) -> str:
        return f"{one.cut_off.astimezone(runtime.zone):%a %Y-%m-%d %H:%M}"

    def show() -> None:
        columns = ("due", "account", "pending", "in a file", "held", "EUR", "from", "cut-off", "window")
        rows = [
            (d.due_on, d.account, d.pending, d.batched, d.held, screen.euro(d.amount_cents), d.first_day, local(d), d.window)
            for d in due
        ]
        screen.table("debits that did not leave", columns, rows, right=("pending", "in a file", "held", "EUR"))
        ahead = [(local(d), d.account, d.due_first) for d in days]
        screen.table("bank days", ("file at the bank by", "account", "due first"), ahead)

    here.answer({"due": due, "bank_days": days}, show)
