"""The form that a debtor signs, as HTML and PDF, in his language; a draft is then waiting for his signature.

The wording follows the EPC's guidelines (EPC409-06 CORE, EPC410-06 B2B). A template of the same name beside bridge.toml
replaces ours; both kinds of file come from the same template.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from string import Template

from sqlalchemy.orm import Session

from bridge import audit_trail, books, resources
from bridge.books import PlannedMove, Recorder, Unit
from bridge.errors import BadInput, ConfigError
from bridge.model import Creditor, Mandate
from bridge.register import lines, store
from bridge.rules import lifecycle, notices
from bridge.runtime import Runtime

LANGUAGES = ("de", "en")
KINDS = {
    "de": {"recurrent": "wiederkehrende Zahlungen", "one-off": "einmalige Zahlung"},
    "en": {"recurrent": "recurrent payments", "one-off": "one-off payment"},
}


@dataclass(frozen=True, slots=True)
class Form:
    """The form in both kinds of file."""

    mandate_id: str
    language: str
    html: bytes = field(repr=False)
    pdf: bytes = field(repr=False)


def run(runtime: Runtime, actor: str, mandate_id: str, *, language: str = "") -> Form:
    """Make the form of a mandate; ``language`` is the debtor's own where none is given. Raises UnknownName, ConfigError."""
    return runtime.work(lambda session: _print(session, runtime, actor, mandate_id, language))


def _print(session: Session, runtime: Runtime, actor: str, mandate_id: str, language: str) -> Form:
    mandate = store.known(session, mandate_id)
    line = store.as_line(session, runtime, mandate)
    spoken = language or line["language"]
    if spoken not in LANGUAGES:
        raise BadInput(f"{spoken!r} is no language of a form; known are {', '.join(LANGUAGES)}")
    template = f"templates/mandates/{spoken}-{mandate.scheme.lower()}.html"
    html = _filled(runtime, template, _words(session, runtime, mandate, line, spoken))
    if mandate.state == "draft":
        state = lifecycle.step("mandate", f"mandate {mandate.mandate_id}", mandate.state, "printed")
        move = PlannedMove("mandate", mandate.id, mandate.version, "printed", mandate.state, state, "person", runtime.today())
        books.apply_all(session, [Unit(moves=(move,))], Recorder(actor, runtime.clock()))
    audit_trail.note(
        session, at=runtime.clock(), actor=actor, act="mandate print", object=f"mandate:{mandate.mandate_id}", detail=spoken
    )
    head = f'<!doctype html><html lang="{spoken}"><meta charset="utf-8"><title>{escape(mandate.mandate_id)}</title>'
    page = f"{head}<body>{html}</body></html>"
    return Form(mandate.mandate_id, spoken, page.encode(), _pdf(html))


def _words(session: Session, runtime: Runtime, mandate: Mandate, line: dict[str, str], language: str) -> dict[str, str]:
    creditor = session.get_one(Creditor, mandate.creditor_id)
    rules = runtime.settings.rules_for(creditor.creditor_id)
    iban = line["iban"]
    return {
        **line,
        "creditor": creditor.name,
        "creditor_id": creditor.creditor_id,
        "kind": KINDS[language][mandate.kind],
        "street": ", ".join(filter(None, (f"{line['street']} {line['building']}".strip(), *(line[name] for name in lines.FREE)))),
        "town": f"{line['postcode']} {line['town']}".strip(),
        "iban": " ".join(iban[start : start + 4] for start in range(0, len(iban), 4)),
        "days": str(notices.days(mandate.prenotification_days, rules.prenotification_days)),
    }


def _filled(runtime: Runtime, name: str, words: dict[str, str]) -> str:
    own = runtime.settings.home / name
    path = own if own.exists() else resources.path(name)
    try:
        return Template(path.read_text(encoding="utf-8")).substitute({key: escape(value) for key, value in words.items()})
    except (KeyError, ValueError) as problem:
        raise ConfigError(f"{path}: {problem} is no field of a mandate; known are {', '.join(sorted(words))}") from None


def _pdf(html: str) -> bytes:
    """The same form as PDF; letters that its built-in font lacks are printed without their accents."""
    from fpdf import FPDF, TextStyle

    from bridge.rules.text import transliterate

    plain = "".join(char if char == "\n" or char.encode("latin-1", "ignore") else transliterate(char) for char in html)
    page = FPDF()
    page.add_page()
    page.set_font("Helvetica", size=11)
    page.write_html(plain, tag_styles={"h1": TextStyle(color="#000000", font_size_pt=18)})
    return bytes(page.output())
