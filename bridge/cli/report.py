"""report: what accountants, auditors, lessors and insurers read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import typer

from bridge.cli import call, screen
from bridge.cli.call import AS_OF, KNOWN_AT
from bridge.errors import UnknownName

app = typer.Typer(
    no_args_is_help=True,
    help="Reports.",
    epilog="Examples:  bridge report reconciliation   ·   bridge report reconciliation -f json --as-of 2026-11-30",
)
FORMATS = ("text", "json")

WORDS = {
    "en": {
        "title": "reconciliation",
        "billed": "billed on chain",
        "cancelled": "cancelled",
        "orphaned": "orphaned",
        "paid_direct_debit": "paid by direct debit",
        "paid_transfer": "paid by transfer",
        "paid_on_chain": "paid on chain",
        "in_flight": "in flight at the bank",
        "written_off": "written off",
        "held": "held for a person",
        "returned_open": "returned, open",
        "open": "open",
        "difference": "difference",
        "part": "part",
        "elsewhere": "pre-notification: sent elsewhere (the invoice itself announces the debit)",
        "chain": "voucher chain: link {0}, {1}",
        "nothing": "nothing needs a person",
        "needs": "needs a person",
        "waiting": "waits for a person",
        "waiting_columns": "what|why|invoices|EUR|next",
        "returned": "returned",
        "account_columns": "account|IBAN|ledger|statement|of",
        "source_columns": "source|invoices|EUR|difference|completeness|verification",
        "break_columns": "id|kind|days|what|next",
        "remove": "remove what holds it",
        "accounts": "bank accounts",
        "sources": "sources",
        "beyond": "customer credit {0}, in flight but not owed {1}, reclaim {2}, not ours {3}, charges {4}",
        "suspense": "not explained: credits {0}, debits {1}",
    },
    "de": {
        "title": "Abstimmung",
        "billed": "auf der Chain berechnet",
        "cancelled": "storniert",
        "orphaned": "verwaist",
        "paid_direct_debit": "per Lastschrift bezahlt",
        "paid_transfer": "per Überweisung bezahlt",
        "paid_on_chain": "auf der Chain bezahlt",
        "in_flight": "unterwegs bei der Bank",
        "written_off": "ausgebucht",
        "held": "angehalten",
        "returned_open": "zurückgegeben, offen",
        "open": "offen",
        "difference": "Differenz",
        "part": "Teil",
        "elsewhere": "Vorabankündigung: anderswo (die Rechnung selbst kündigt den Einzug an)",
        "chain": "Belegkette: Glied {0}, {1}",
        "nothing": "nichts zu tun",
        "needs": "zu bearbeiten",
        "waiting": "wartet auf jemanden",
        "waiting_columns": "was|warum|Rechnungen|EUR|nächster Schritt",
        "returned": "zurückgegeben",
        "account_columns": "Konto|IBAN|Hauptbuch|Auszug|vom",
        "source_columns": "Quelle|Rechnungen|EUR|Differenz|Vollständigkeit|Prüfung",
        "break_columns": "Nr.|Art|Tage|was|nächster Schritt",
        "remove": "Grund beheben",
        "accounts": "Bankkonten",
        "sources": "Quellen",
        "beyond": "Kundenguthaben {0}, unterwegs ohne Forderung {1}, Rückforderung {2}, fremd {3}, Gebühren {4}",
        "suspense": "nicht erklärt: Gutschriften {0}, Belastungen {1}",
    },
}


@app.command(
    epilog=(
        "Examples:  bridge report reconciliation   ·   "
        "bridge report reconciliation -f json --as-of 2026-11-30 --known-at 2026-12-01T08:00"
    )
)
def reconciliation(
    context: typer.Context,
    as_of: str = AS_OF,
    known_at: str = KNOWN_AT,
    form: str = typer.Option("text", "-f", "--format", help="text or json."),
) -> None:
    """The proof: every euro from the sensor to the bank line; exit code 4 where it does not add up."""
    from bridge.reports import reconciliation as report

    if form not in FORMATS:
        raise UnknownName.among("format", form, FORMATS)
    here = call.of(context)
    here.options.json = here.options.json or form == "json"
    runtime = here.runtime()
    with runtime.reading() as session:
        found = report.build(session, runtime, here.view(as_of, known_at))
    here.answer(asdict(found), lambda: show(found, here.options.lang))
    raise typer.Exit(0 if found.ok else 4)


def show(found: Any, lang: str) -> None:
    """The report as a page: the parts add up to what was billed, or the difference says by how much not."""
    word = WORDS[lang]
    rows = [(word[name], screen.euro(cents)) for name, cents in found.parts.items()]
    title = word["title"] + (f" {found.as_of}" if found.as_of else "")
    screen.table(
        title,
        (word["part"], "EUR"),
        [
            (word["billed"], screen.euro(found.billed_cents)),
            ("", ""),
            *rows,
            ("", ""),
            (word["difference"], screen.euro(found.difference_cents)),
        ],
        right=("EUR",),
    )
    beyond = (
        found.customer_credit_cents,
        found.in_flight_not_owed_cents,
        found.reclaim_cents,
        found.not_ours_cents,
        found.charges_cents,
    )
    screen.lines(
        word["beyond"].format(*map(screen.euro, beyond)),
        word["suspense"].format(screen.euro(found.suspense_credit_cents), screen.euro(found.suspense_debit_cents)),
    )
    accounts = [
        (a.name, a.iban, screen.euro(a.ledger_cents), screen.euro(a.statement_cents), a.statement_on) for a in found.accounts
    ]
    columns = word["account_columns"].split("|")
    screen.table(word["accounts"], columns, accounts, right=columns[2:4])
    sources = [
        (s.name, s.invoices, screen.euro(s.billed_cents), screen.euro(s.difference_cents), s.completeness, s.verification)
        for s in found.sources
    ]
    columns = word["source_columns"].split("|")
    screen.table(word["sources"], columns, sources, right=columns[1:4])
    if "elsewhere" in found.prenotification:
        by = found.prenotification_agreements
        screen.lines(word["elsewhere"] + (f": {', '.join(by)}" if by else ""))
    if found.chain_number:
        screen.lines(word["chain"].format(found.chain_number, found.chain_head))
    if found.waiting:
        waiting = [_waiting(one, lang) for one in found.waiting]
        screen.table(
            word["waiting"], word["waiting_columns"].split("|"), waiting, right=(word["waiting_columns"].split("|")[2], "EUR")
        )
    if found.breaks:
        columns = word["break_columns"].split("|")
        breaks = [(b.id, b.kind, b.age_days, b.what, b.next) for b in found.breaks]
        screen.table(word["needs"], columns, breaks, right=(columns[0], columns[2]))
    elif not found.waiting:
        screen.lines(word["nothing"])


def _waiting(one: Any, lang: str) -> tuple[object, ...]:
    """A row of what waits: the bank's reason and the next step in the reader's language, a hold in the words it was given."""
    from bridge.rules.reasons import meaning, next_step

    what = WORDS[lang][one.what]
    if one.what == "returned":
        return what, meaning(one.code, lang), one.invoices, screen.euro(one.cents), next_step(one.code, lang)
    return what, one.reason, one.invoices, screen.euro(one.cents), WORDS[lang]["remove"]
