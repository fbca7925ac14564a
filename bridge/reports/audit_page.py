"""The audit report as tables, for a screen, a spreadsheet, a page and paper."""

from __future__ import annotations

from datetime import datetime

from bridge.reports import reconciliation_page, tables
from bridge.reports.audit import Audit, Signature
from bridge.reports.audit_words import account, fact, station, title
from bridge.reports.check import Check
from bridge.reports.rendering import day
from bridge.reports.tables import Page, Row, Table
from bridge.reports.trails import Station
from bridge.reports.words import note, word

CHANGED = "day:date by_whom what about reason voucher eur:cents"
PARTS = "line booked_on:date line_eur:cents statement sha256:ref eur:cents what rule by_whom reason collection invoice log:ref"


def page(found: Audit, lang: str) -> Page:
    """The report in the reader's words."""
    proof = reconciliation_page.proof(found.proof, lang)
    parts = [_population(found, lang), proof, _balances(found, lang), _sources(found, lang), _checks(found, lang)]
    parts += [_files(found, lang), _signatures(found, lang), _documents(found, lang)]
    parts += [_people(found, lang), _acts(found, lang), _changes(found, lang), _trail(found, lang), _lines(found, lang)]
    wanted = found.wanted
    notes = [note("sample", lang, str(wanted.sample), wanted.seed), note("stations", lang), note("checks", lang)]
    notes += [note("fold", lang)] if found.sources else []
    if found.chain.links:
        notes.append(note("links", lang, str(found.chain.links), found.chain.head, str(found.chain.not_sealed_yet)))
    return tables.page("audit", found.asked, lang, tables=parts, filed="trail", notes=notes, more=_asked(found, lang))


def _asked(found: Audit, lang: str) -> list[tuple[str, str]]:
    since = found.wanted.since
    first = word("beginning", lang) if since is None else day(since, lang)
    drawn = f"{found.wanted.sample} ({word('seed', lang)} {found.wanted.seed})"
    return [(word("period", lang), f"{first} - {day(found.asked.on, lang)}"), (word("sample", lang), drawn)]


def _population(found: Audit, lang: str) -> Table:
    rows: list[Row] = [(word(one.what, lang), one.count, one.cents) for one in found.population]
    return tables.table("population", "what count:count eur:cents", rows, lang)


def _balances(found: Audit, lang: str) -> Table:
    rows: list[Row] = [
        (account(one.account, lang), one.debit_cents, one.credit_cents, one.balance_cents) for one in found.balances
    ]
    total: Row = (word("total", lang), *tables.sums(rows, 1, 4))
    return tables.table("balances", "account debit:cents credit_side:cents balance:cents", rows, lang, total)


def _sources(found: Audit, lang: str) -> Table:
    rows: list[Row] = [(one.source, one.contract, one.invoices, one.invoice_chain) for one in found.sources]
    return tables.table("fold", "source contract invoices:count invoice_chain:hash", rows, lang)


def _checks(found: Audit, lang: str) -> Table:
    rows: list[Row] = [(one.id, title(one.id, one.title, lang), _yes(one, lang), one.detail) for one in found.checks]
    return tables.table("checks", "id what holds detail", rows, lang)


def _files(found: Audit, lang: str) -> Table:
    rows: list[Row] = [
        (
            one.line.message_id,
            one.sha256,
            word(one.line.state, lang),
            one.line.created_by,
            one.line.handed_over_on,
            one.line.handed_over_by or "",
            one.line.collections,
            one.line.sum_cents,
            one.line.difference_cents,
        )
        for one in found.files
    ]
    columns = "message_id sha256:hash state created_by handed_over_on:date by_whom debits:count sum:cents difference:cents"
    return tables.table("files", columns, rows, lang)


def _signatures(found: Audit, lang: str) -> Table:
    rows: list[Row] = [
        (one.message_id, one.actor, _moment(found, one.at), one.sha256, _yes(one, lang)) for one in found.signatures
    ]
    return tables.table("signatures", "message_id by_whom at sha256:hash same", rows, lang, keys=2)


def _documents(found: Audit, lang: str) -> Table:
    rows: list[Row] = [
        (one.sha256, word(one.direction, lang), one.kind, one.bytes, _moment(found, one.at), one.by, one.refused)
        for one in found.documents
    ]
    return tables.table("documents", "sha256:hash direction kind bytes:count at by_whom refused", rows, lang)


def _people(found: Audit, lang: str) -> Table:
    rows: list[Row] = [
        (one.name, one.role, _moment(found, one.since), one.added_by, _moment(found, one.disabled_at), one.disabled_by)
        for one in found.people
    ]
    return tables.table("people", "name role added_at added_by disabled_at disabled_by", rows, lang)


def _acts(found: Audit, lang: str) -> Table:
    rows: list[Row] = [(_moment(found, one.at), one.actor, one.act, one.object, one.detail) for one in found.acts]
    return tables.table("acts", "at by_whom act about detail", rows, lang)


def _changes(found: Audit, lang: str) -> Table:
    rows: list[Row] = [
        (one.on, one.actor, fact(one.fact, lang), ", ".join(one.objects), one.reason, one.voucher, one.cents)
        for one in found.by_hand
    ]
    return tables.table("by_hand", CHANGED, rows, lang)


def _trail(found: Audit, lang: str) -> Table:
    rows: list[Row] = [
        (one.invoice, station(one.station, lang), one.on, _what(one, lang), one.evidence, one.cents) for one in found.invoices
    ]
    return tables.table("trail", "invoice station day:date what evidence:hash eur:cents", rows, lang, keys=2)


def _what(one: Station, lang: str) -> str:
    if one.station != "posting":
        return one.what
    booked, _, between = one.what.partition(": ")
    return f"{fact(booked, lang)}: {between}"


def _lines(found: Audit, lang: str) -> Table:
    rows: list[Row] = [
        (
            one.line,
            one.booked_on,
            one.line_cents,
            one.statement,
            one.sha256,
            one.part_cents,
            fact(one.fact, lang) if one.fact else word("unexplained", lang),
            one.rule,
            one.by,
            one.why,
            one.collection,
            one.invoice,
            one.log,
        )
        for one in found.lines
    ]
    return tables.table("lines", PARTS, rows, lang)


def _yes(one: Check | Signature, lang: str) -> str:
    """Whether a check holds, or a signature is one under the sealed bytes."""
    return word("yes" if (one.ok if isinstance(one, Check) else one.same) else "no", lang)


def _moment(found: Audit, at: datetime | None) -> str:
    return "" if at is None else at.astimezone(found.asked.zone).isoformat(timespec="seconds")
