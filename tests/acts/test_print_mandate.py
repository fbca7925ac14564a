"""The form that a debtor signs: his language, his scheme's rights, everything the mandate will say; the same as PDF."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.acts import add_mandate, print_mandate
from bridge.errors import BadInput, ConfigError, UnknownName
from bridge.model import Audit, Mandate
from tests.steps.place import DEBTOR_IBAN, Place, mandate_line


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_draft_is_printed_and_waits_for_the_signature(place: Place) -> None:
    """Creditor, identifier, reference, account and rights stand in it; the draft moves on, and who printed it is on record."""
    given = {
        "debtor_name": "Jürgen <Müller>",
        "iban": DEBTOR_IBAN,
        "street": "Hauptstr.",
        "building": "1",
        "address_line_1": "Hinterhaus",
        "town": "Ulm",
        "country": "DE",
    }
    added = add_mandate.run(place.runtime, "anna", given)
    form = print_mandate.run(place.runtime, "anna", added.mandate_id)
    page = form.html.decode()

    for part in (
        "DE98ZZZ09999999999",
        added.mandate_id,
        "DE89 3704 0044 0532 0130 00",
        "Jürgen &lt;Müller&gt;",
        "Hauptstr. 1, Hinterhaus",
        "Ulm",
    ):
        assert part in page
    for part in ("SEPA-Basislastschriftmandat", "innerhalb von acht Wochen", "wiederkehrende Zahlungen", "14 Kalendertage"):
        assert part in page
    assert form.pdf.startswith(b"%PDF-")
    assert [row.state for row in place.rows(Mandate)] == ["signature_pending"]
    assert [(row.act, row.actor, row.detail) for row in place.rows(Audit)][-1] == ("mandate print", "anna", "de")
    assert "rgen" not in repr(form)


def test_an_active_mandate_is_printed_again_in_another_language(place: Place) -> None:
    """As a copy for the debtor or his bank; B2B has no refund and says so; its state stays."""
    place.mandates(mandate_line(1, scheme="B2B", kind="one-off", b2b_confirmed_on="2026-11-01", prenotification_days="5"))
    page = print_mandate.run(place.runtime, "anna", "mnd-0001", language="en").html.decode()

    for part in ("Business-to-Business", "not entitled to a refund", "one-off payment", "announced 5 calendar days"):
        assert part in page
    assert [row.state for row in place.rows(Mandate)] == ["active"]


def test_letters_that_the_pdf_lacks_lose_their_accents_only_there(place: Place) -> None:
    """The page has the name as it is; the PDF has one that can be read."""
    place.mandates(mandate_line(1, debtor_name="Łukasz Żółć"))
    form = print_mandate.run(place.runtime, "anna", "MND-0001")

    assert "Łukasz Żółć" in form.html.decode()
    assert form.pdf.startswith(b"%PDF-")


def test_an_own_template_is_used_and_checked(place: Place) -> None:
    """One that names what is not there is refused, and the draft stays one."""
    added = add_mandate.run(place.runtime, "anna", {"debtor_name": "A", "iban": DEBTOR_IBAN})
    folder = place.folder / "templates" / "mandates"
    folder.mkdir(parents=True)
    (folder / "de-core.html").write_text("<p>$nothing</p>", encoding="utf-8")
    with pytest.raises(ConfigError, match="nothing"):
        print_mandate.run(place.runtime, "anna", added.mandate_id)
    assert [row.state for row in place.rows(Mandate)] == ["draft"]
    (folder / "de-core.html").write_text("<p>$mandate_id</p>", encoding="utf-8")
    assert f"<p>{added.mandate_id}</p>" in print_mandate.run(place.runtime, "anna", added.mandate_id).html.decode()


def test_what_cannot_be_printed_is_refused(place: Place) -> None:
    """An unknown mandate, an unknown language."""
    place.mandates()
    with pytest.raises(UnknownName):
        print_mandate.run(place.runtime, "anna", "X")
    with pytest.raises(BadInput, match="known are de, en"):
        print_mandate.run(place.runtime, "anna", "MND-0001", language="fr")
