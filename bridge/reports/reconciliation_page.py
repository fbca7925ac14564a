"""The reconciliation as tables, for CSV and HTML."""

from __future__ import annotations

from bridge.reports import breaks, tables
from bridge.reports.asked import Asked
from bridge.reports.reconciliation import Reconciliation, WaitingLine
from bridge.reports.tables import Page, Table
from bridge.reports.words import note, word
from bridge.rules.breaks import held
from bridge.rules.reasons import meaning, next_step

DAY_COLUMNS = (
    "account day:date opening:cents direct_debits:cents returned:cents charges:cents transfers:cents other:cents "
    "unexplained:cents closing:cents statement:cents difference:cents"
)
BEYOND = (
    "customer_credit", "in_flight_not_owed", "reclaim", "reclaim_written_off", "token", "not_ours", "suspense_credit",
    "suspense_debit", "receivable", "clearing", "charges",
)  # fmt: skip


def page(found: Reconciliation, asked: Asked, lang: str) -> Page:
    """The report in the reader's words; a table that would be empty is left out."""
    parts = [proof(found, lang), _beyond(found, lang), _accounts(found, lang), days(found, lang), _sources(found, lang)]
    parts += [_waiting(found, lang), breaks.tabled(found.breaks, lang)]
    by = f"({', '.join(found.prenotification_agreements)})" if found.prenotification_agreements else ""
    notes = [note("days", lang)]
    notes += [note("elsewhere", lang, by)] if "elsewhere" in found.prenotification else []
    notes += [note("chain", lang, str(found.chain_number), found.chain_head)] if found.chain_number else []
    return tables.page("reconciliation", asked, lang, tables=parts, filed="proof", notes=notes)


def days(found: Reconciliation, lang: str) -> Table:
    """Each account day by day."""
    rows: list[tables.Row] = [
        (
            one.account,
            one.day,
            one.opening_cents,
            one.direct_debits_cents,
            one.returned_cents,
            one.charges_cents,
            one.transfers_cents,
            one.other_cents,
            one.unexplained_cents,
            one.closing_cents,
            one.statement_cents,
            one.difference_cents,
        )
        for one in found.days
    ]
    return tables.table("days", DAY_COLUMNS, rows, lang, keys=2)


def proof(found: Reconciliation, lang: str) -> Table:
    """What the chain billed, its parts, and what they miss of it."""
    rows: list[tables.Row] = [(word("billed", lang), found.billed_cents)]
    rows += [(word(name, lang), cents) for name, cents in found.parts.items()]
    return tables.table("proof", "part eur:cents", rows, lang, (word("difference", lang), found.difference_cents))


def _beyond(found: Reconciliation, lang: str) -> Table:
    rows: list[tables.Row] = [(word(name, lang), getattr(found, f"{name}_cents")) for name in BEYOND]
    return tables.table("beyond", "what eur:cents", rows, lang)


def _accounts(found: Reconciliation, lang: str) -> Table:
    rows: list[tables.Row] = [
        (one.name, one.iban, one.ledger_cents, one.statement_cents, one.statement_on, one.ledger_cents - one.statement_cents)
        for one in found.accounts
    ]
    columns = "account iban ledger:cents statement:cents statement_on:date difference:cents"
    return tables.table("accounts", columns, rows, lang)


def _sources(found: Reconciliation, lang: str) -> Table:
    rows: list[tables.Row] = [
        (
            one.name,
            one.invoices,
            one.billed_cents,
            one.difference_cents,
            word(one.completeness, lang),
            word(one.verification, lang),
        )
        for one in found.sources
    ]
    columns = "source invoices:count billed:cents difference:cents completeness verification"
    return tables.table("sources", columns, rows, lang)


def _waiting(found: Reconciliation, lang: str) -> Table:
    rows = [_waits(one, lang) for one in found.waiting]
    return tables.table("waiting", "what why invoices:count eur:cents next", rows, lang)


def _waits(one: WaitingLine, lang: str) -> tables.Row:
    if one.what == "returned":
        return word("returned", lang), meaning(one.code, lang), one.invoices, one.cents, next_step(one.code, lang)
    return word("held", lang), held(one.reason, lang), one.invoices, one.cents, word("remove", lang)
