"""report: what accountants, auditors, lessors and insurers read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import typer

from bridge.cli import call, screen
from bridge.cli.call import AS_OF, KNOWN_AT
from bridge.errors import BadInput, UnknownName

if TYPE_CHECKING:
    from bridge.reports.asked import Asked
    from bridge.reports.tables import Page, Table
    from bridge.runtime import Runtime

app = typer.Typer(
    no_args_is_help=True,
    help="Reports.",
    epilog="Examples:  bridge report reconciliation   ·   bridge report ageing -f csv --as-of 2026-11-30",
)
FORMATS = ("text", "json", "csv", "xlsx", "html", "pdf")
FILES = {"pdf": "a PDF", "xlsx": "a workbook"}  # not for a screen
DAYS_SHOWN = 10
FORM = typer.Option("text", "-f", "--format", help="text, json, csv, xlsx, html or pdf.")
TABLE = typer.Option("", "--table", help="Which of the report's tables a CSV holds; an unknown name lists them.")

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
        "remove": "remove what holds it",
        "accounts": "bank accounts",
        "days": "bank accounts day by day, the last {0} days with a booking",
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
        "remove": "Grund beheben",
        "accounts": "Bankkonten",
        "days": "Bankkonten Tag für Tag, die letzten {0} Tage mit einer Buchung",
        "sources": "Quellen",
        "beyond": "Kundenguthaben {0}, unterwegs ohne Forderung {1}, Rückforderung {2}, fremd {3}, Gebühren {4}",
        "suspense": "nicht erklärt: Gutschriften {0}, Belastungen {1}",
    },
}


AGES = "bridge report ageing   ·   bridge report ageing --lang de -f csv --as-of 2026-11-30 > offene-posten.csv"
RETURNS = "bridge report returns --since 2026-01-01   ·   bridge report returns -f csv --table by_bank"
FORECAST = "bridge report forecast   ·   bridge report forecast -f html > forecast.html"
BATCHES = "bridge report batches   ·   bridge report batches -f json --known-at 2026-12-01T08:00"
AUDIT = "bridge report audit --since 2026-11-01 --as-of 2026-11-30 -f xlsx > 2026-11.xlsx   ·   bridge report audit --seed 4711"
PROOF = "bridge report reconciliation   ·   bridge report reconciliation -f html --as-of 2026-11-30 --known-at 2026-12-01T08:00"


@app.command(epilog=f"Examples:  {PROOF}")
def reconciliation(
    context: typer.Context, as_of: str = AS_OF, known_at: str = KNOWN_AT, form: str = FORM, table: str = TABLE
) -> None:
    """The proof: every euro from the sensor to the bank line; exit code 4 where it does not add up."""
    from bridge.reports import reconciliation as report
    from bridge.reports import reconciliation_page

    ask = Asking.of(context, as_of, known_at, form, table)
    with ask.runtime.reading() as session:
        found = report.build(session, ask.runtime, ask.asked.view)
    document = asdict(found)
    if form == "text":
        ask.here.answer(document, lambda: show(found, ask.lang))
    else:
        ask.say(document, lambda: reconciliation_page.page(found, ask.asked, ask.lang))
    raise typer.Exit(0 if found.ok else 4)


@app.command(epilog=f"Examples:  {AGES}")
def ageing(context: typer.Context, as_of: str = AS_OF, known_at: str = KNOWN_AT, form: str = FORM, table: str = TABLE) -> None:
    """Open items: what each invoice still owes by the ledger, by days since it was due, debtor by debtor."""
    from bridge.reports import ageing as report

    ask = Asking.of(context, as_of, known_at, form, table)
    with ask.runtime.reading() as session:
        found = report.build(session, ask.asked)
    ask.say(found.document, lambda: report.page(found, ask.lang))


@app.command(epilog=f"Examples:  {RETURNS}")
def returns(
    context: typer.Context,
    since: str = typer.Option("", "--since", help="Only debits presented on this date or later."),
    as_of: str = AS_OF,
    known_at: str = KNOWN_AT,
    form: str = FORM,
    table: str = TABLE,
) -> None:
    """How many debits come back: by reason, by the debtor's bank, by the age of the mandate, and what it costs."""
    from bridge.reports import return_rates as report

    ask = Asking.of(context, as_of, known_at, form, table)
    first = _day(since)
    with ask.runtime.reading() as session:
        found = report.build(session, ask.runtime, ask.asked, first)
    ask.say(found.document, lambda: report.page(found, ask.lang))


@app.command(epilog=f"Examples:  {FORECAST}")
def forecast(context: typer.Context, as_of: str = AS_OF, known_at: str = KNOWN_AT, form: str = FORM, table: str = TABLE) -> None:
    """What the bank is expected to credit on each TARGET day, less what is expected to fail."""
    from bridge.reports import forecast as report

    ask = Asking.of(context, as_of, known_at, form, table)
    with ask.runtime.reading() as session:
        found = report.build(session, ask.runtime, ask.asked)
    ask.say(found.document, lambda: report.page(found, ask.lang))


@app.command(epilog=f"Examples:  {BATCHES}")
def batches(context: typer.Context, as_of: str = AS_OF, known_at: str = KNOWN_AT, form: str = FORM, table: str = TABLE) -> None:
    """Every file: who cut and approved it, when it left, what became of its sum; exit code 4 where that does not add up."""
    from bridge.reports import batches as report

    ask = Asking.of(context, as_of, known_at, form, table)
    with ask.runtime.reading() as session:
        found = report.build(session, ask.asked)
    ask.say(found.document, lambda: report.page(found, ask.lang))
    raise typer.Exit(0 if found.ok else 4)


@app.command(epilog=f"Examples:  {AUDIT}")
def audit(
    context: typer.Context,
    since: str = typer.Option("", "--since", help="The first day of the period; it ends with --as-of, else today."),
    sample: int = typer.Option(20, "--sample", min=0, help="So many invoices and bank lines are told station by station."),
    seed: str = typer.Option("1", "--seed", help="Any text: it decides which are drawn, and the same text draws the same."),
    as_of: str = AS_OF,
    known_at: str = KNOWN_AT,
    form: str = FORM,
    table: str = TABLE,
) -> None:
    """A period for an auditor: a euro from sensor to bank line and back, hashes, people; exit code 4 where that fails."""
    from bridge.reports import audit as report
    from bridge.reports import audit_page

    ask = Asking.of(context, as_of, known_at, form, table)
    wanted = report.Wanted(_day(since), sample, seed)
    with ask.runtime.reading() as session:
        found = report.build(session, ask.runtime, ask.asked, wanted)
    ask.say(found.document, lambda: audit_page.page(found, ask.lang))
    raise typer.Exit(0 if found.ok else 4)


@dataclass(frozen=True, slots=True)
class Asking:
    """One call of a report: its view, its form, and for a CSV which of its tables."""

    here: call.Call
    runtime: Runtime
    asked: Asked
    form: str
    table: str

    @classmethod
    def of(cls, context: typer.Context, as_of: str, known_at: str, form: str, table: str) -> Asking:
        """Read the options. Raises UnknownName for a form that is none, BadInput for a date."""
        from bridge.reports import asked

        if form not in FORMATS:
            raise UnknownName.among("format", form, FORMATS)
        if form in FILES and sys.stdout.isatty():
            raise BadInput(
                f"{FILES[form]} is no text for a screen; put it into a file: bridge report ... -f {form} > report.{form}"
            )
        here = call.of(context)
        here.options.json = here.options.json or form == "json"
        runtime = here.runtime()
        return cls(here, runtime, asked.ask(runtime, here.view(as_of, known_at)), form, table)

    @property
    def lang(self) -> str:
        return self.here.options.lang

    def say(self, document: dict[str, object], page: Callable[[], Page]) -> None:
        """Print the report in its form."""
        from bridge.reports import paper, rendering, workbook

        if self.here.options.json:
            self.here.answer(document, lambda: None)
        elif self.form == "csv":
            _write(rendering.csv(page(), self.table).encode())
        elif self.form == "xlsx":
            _write(workbook.xlsx(page()), "latin-1")
        elif self.form == "html":
            _write(rendering.html(page(), self.runtime.settings.home).encode())
        elif self.form == "pdf":
            _write(paper.pdf(page()), "latin-1")
        else:
            _show_page(page())


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written) if written else None
    except ValueError:
        raise BadInput("--since takes a date like 2026-11-30") from None


def _write(body: bytes, encoding: str = "utf-8") -> None:
    """Write a file to stdout byte by byte, with its own line ends, whatever the machine's own are.

    ``encoding`` is for a stdout that takes text alone.
    """
    raw = getattr(sys.stdout, "buffer", None)
    if raw is None:
        sys.stdout.write(body.decode(encoding))
        return
    sys.stdout.flush()
    raw.write(body)
    raw.flush()


def _show_page(page: Page) -> None:
    from bridge.reports import rendering

    screen.lines(page.title, *(f"{name}: {value}" for name, value in rendering.view(page)), "")
    for one in page.tables:
        if one.rows or one.total:
            _show_table(one.title, one, page.lang)
    screen.lines(*page.notes)


def _show_table(title: str, table: Table, lang: str, shown: int = 0) -> None:
    """A table as wide as the screen is: what does not fit comes under it. ``shown``: only so many of the last rows; 0: all."""
    from bridge.reports import rendering

    found = rendering.pieces(table, lang, screen.width())
    for number, one in enumerate(found, 1):
        name = title if number == 1 else f"{title} ({number}/{len(found)})"
        screen.table(name, one.titles, one.rows[-shown:], right=one.right, footer=one.last, whole=one.whole)


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
    if found.days:
        _show_days(found, lang)
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
        _show_breaks(found, lang)
    elif not found.waiting:
        screen.lines(word["nothing"])


def _show_days(found: Any, lang: str) -> None:
    """Each account's last days with a booking; CSV, JSON and HTML have all of them."""
    from bridge.reports import reconciliation_page

    table = reconciliation_page.days(found, lang)
    _show_table(WORDS[lang]["days"].format(min(len(table.rows), DAYS_SHOWN)), table, lang, DAYS_SHOWN)


def _show_breaks(found: Any, lang: str) -> None:
    """What is open, with age and owner, in the reader's language."""
    from bridge.reports import breaks

    _show_table(WORDS[lang]["needs"], breaks.tabled(found.breaks, lang), lang)


def _waiting(one: Any, lang: str) -> tuple[object, ...]:
    """A row of what waits: the bank's reason, the hold and the next step in the reader's language."""
    from bridge.rules.breaks import held
    from bridge.rules.reasons import meaning, next_step

    what = WORDS[lang][one.what]
    if one.what == "returned":
        return what, meaning(one.code, lang), one.invoices, screen.euro(one.cents), next_step(one.code, lang)
    return what, held(one.reason, lang), one.invoices, screen.euro(one.cents), WORDS[lang]["remove"]
