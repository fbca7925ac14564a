"""The reports of a world as bytes that people keep."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bridge.balances import View
from bridge.cli import call
from bridge.reports import (
    ageing,
    audit,
    audit_page,
    batches,
    forecast,
    paper,
    reconciliation,
    reconciliation_page,
    rendering,
    return_rates,
    workbook,
)
from bridge.reports.asked import ask
from bridge.reports.tables import Page
from tests.worlds import World

Built = tuple[object, Callable[[str], Page]]
NAMES = ("ageing", "batches", "forecast", "returns", "reconciliation")
EVERY_NAME = (*NAMES, "audit")


def built(world: World, view: View, names: tuple[str, ...]) -> dict[str, Built]:
    """Each of these reports of a view: what its JSON holds, and its page in a language. Built once, on one snapshot."""
    asked, runtime = ask(world.runtime, view), world.runtime
    found: dict[str, Built] = {}
    with runtime.reading() as session:
        for name in names:
            one: Any
            if name in ("ageing", "batches"):
                module = {"ageing": ageing, "batches": batches}[name]
                one = module.build(session, asked)
                found[name] = one.document, lambda lang, one=one, module=module: module.page(one, lang)
            elif name in ("forecast", "returns"):
                other = {"forecast": forecast, "returns": return_rates}[name]
                one = other.build(session, runtime, asked)
                found[name] = one.document, lambda lang, one=one, module=other: module.page(one, lang)
            elif name == "reconciliation":
                one = reconciliation.build(session, runtime, view)
                found[name] = one, lambda lang, one=one: reconciliation_page.page(one, asked, lang)
            else:
                one = audit.build(session, runtime, asked, audit.Wanted(sample=2))
                found[name] = one.document, lambda lang, one=one: audit_page.page(one, lang)
    return found


def written(world: World, view: View, names: tuple[str, ...] = NAMES) -> dict[str, str]:
    """HTML in English, every table as German CSV."""
    pages = {name: page for name, (_, page) in built(world, view, names).items()}
    found = {name: rendering.html(page("en"), world.folder) for name, page in pages.items()}
    german = [(name, page("de")) for name, page in pages.items()]
    return found | {f"{name}.{table.name}": rendering.csv(page, table.name) for name, page in german for table in page.tables}


def in_every_form(world: World, view: View) -> dict[str, object]:
    """Every report in every form and language that it has."""
    found: dict[str, object] = {}
    for name, (document, page_in) in built(world, view, EVERY_NAME).items():
        found[f"{name}.json"] = json.dumps(document, default=call._plain)
        for lang in ("en", "de"):
            page = page_in(lang)
            found[f"{name}.{lang}.html"] = rendering.html(page, world.folder)
            found[f"{name}.{lang}.text"] = [rendering.pieces(table, lang, 120) for table in page.tables]
            found |= {f"{name}.{lang}.{table.name}.csv": rendering.csv(page, table.name) for table in page.tables}
            found[f"{name}.{lang}.xlsx"] = workbook.xlsx(page)
        found[f"{name}.pdf"] = paper.pdf(page)
    return found
