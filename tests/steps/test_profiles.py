"""What one bank wants of its files, end to end: sequence of a first debit, version, addresses, letters, one date in a file."""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from lxml import etree
from sqlalchemy import update

from bridge import archive
from bridge.acts import amend_mandate, hold
from bridge.custody import soundness
from bridge.formats import profiles
from bridge.model import Collection, Document
from bridge.resources import path as resource
from bridge.steps import batch, collect, ingest
from tests.steps.place import OTHER_IBAN, Bill, Place, mandate_line

SWISS = {
    "iban": "CH5604835012345678009", "bic": "CRESCHZZ80A", "street": "Rue du Lac", "building": "1268", "postcode": "2501",
    "town": "Biel", "country": "CH",
}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def pending(place: Place, *bills: Bill) -> None:
    place.bill(*bills)
    ingest.run(place.runtime)
    collect.run(place.runtime)


def set_state(place: Place, name: str, state: str) -> None:
    """What the bank answered, in short."""
    with place.runtime.engine.begin() as connection:
        connection.execute(update(Collection).where(Collection.end_to_end_id == name).values(state=state))


def sent(place: Place) -> list[bytes]:
    """The bytes of each file, in order."""
    with place.runtime.reading() as session:
        keys = place.runtime.keys
        return [archive.fetch(session, keys, session.get_one(Document, one.document_id)) for one in place.batches()]


def sequences(place: Place) -> dict[str, str]:
    """EndToEndId -> SeqTp, by the files themselves."""
    found = {}
    for body in sent(place):
        for block in etree.parse(BytesIO(body)).iterfind(".//{*}PmtInf"):
            sequence = block.findtext(".//{*}SeqTp") or ""
            found |= {debit.text or "": sequence for debit in block.iterfind(".//{*}EndToEndId")}
    return found


def test_a_first_debit_is_frst_only_where_the_bank_wants_it(place: Place) -> None:
    """RCUR always by default; with first_sequence = FRST the first of each mandate, and never two of one mandate at once."""
    place.profile(first_sequence="FRST")
    place.open()
    place.mandates(mandate_line(1), mandate_line(2, kind="one-off"), mandate_line(3, last_presented_on="2026-09-01"))
    pending(place, Bill(1), Bill(2, debtor=2), Bill(3, debtor=3), Bill(4))

    assert batch.run(place.runtime)["waiting"] == 1
    assert sequences(place) == {"plant-1-000001-1": "FRST", "plant-1-000002-1": "OOFF", "plant-1-000003-1": "RCUR"}
    assert place.states()["plant-1-000004-1"] == "pending"
    assert batch.run(place.runtime)["waiting"] == 1, "its first is under way"


@pytest.mark.parametrize(
    ("answer", "then"), [("rejected", "FRST"), ("withdrawn", "FRST"), ("settled", "RCUR"), ("returned", "RCUR")]
)
def test_a_rejected_first_stays_first(place: Place, answer: str, then: str) -> None:
    """A first that was never credited is made again; one that was, even if it came back later, was the first (B24)."""
    place.profile(first_sequence="FRST")
    place.open()
    place.mandates()
    pending(place, Bill(1), Bill(2))
    batch.run(place.runtime)
    set_state(place, "plant-1-000001-1", answer)
    batch.run(place.runtime)

    assert sequences(place)["plant-1-000002-1"] == then
    assert {row.end_to_end_id: row.sequence for row in place.rows(Collection)}["plant-1-000002-1"] == then


def test_the_legacy_bank_gets_the_old_version(place: Place) -> None:
    """pain.008.001.02 with an address of country and two lines, and sound by every check."""
    place.profile(version="pain.008.001.02", address="lines")
    place.open()
    place.mandates(mandate_line(1, **SWISS))
    pending(place, Bill(1))
    assert batch.run(place.runtime)["collections"] == 1

    [body] = sent(place)
    assert b"pain.008.001.02" in body
    assert b"<BIC>CRESCHZZ80A</BIC>" in body
    assert b"<PstlAdr><Ctry>CH</Ctry><AdrLine>Rue du Lac 1268</AdrLine><AdrLine>2501 Biel</AdrLine></PstlAdr>" in body
    assert soundness.of_bytes(body, place.runtime.profile("default")) == []


HYBRID = {
    "iban": SWISS["iban"], "bic": SWISS["bic"], "town": "Biel", "country": "CH", "address_line_1": "Haus zum Schlüssel",
    "address_line_2": "Case postale 12",
}  # fmt: skip


def test_a_hybrid_address_goes_out_where_the_bank_takes_it(place: Place) -> None:
    """Town and country structured, and both free lines as the bank prints them; the file is sound by every check."""
    place.rewrite('bank = "default"', 'bank = "de-gbic5"')
    place.mandates(mandate_line(1, **HYBRID))
    pending(place, Bill(1))
    assert batch.run(place.runtime)["collections"] == 1

    [body] = sent(place)
    lines = b"<AdrLine>Haus zum Schluessel</AdrLine><AdrLine>Case postale 12</AdrLine>"
    assert b"<PstlAdr><TwnNm>Biel</TwnNm><Ctry>CH</Ctry>" + lines + b"</PstlAdr>" in body
    assert soundness.of_bytes(body, place.runtime.profile("de-gbic5")) == []


def test_a_hybrid_address_is_held_where_the_bank_takes_none(place: Place) -> None:
    """Nothing of an address is left out in silence: the debit waits in words, others go, and a structured address frees it."""
    place.mandates(mandate_line(1, **HYBRID), mandate_line(2), mandate_line(3, **{**HYBRID, "iban": OTHER_IBAN}))
    pending(place, Bill(1), Bill(2, debtor=2), Bill(3, debtor=3))
    counts = batch.run(place.runtime)

    assert (counts["collections"], counts["held"]) == (2, 1), "an account in the EEA needs no address, so none is written"
    reason = place.reasons()["plant-1-000001"]
    assert reason.startswith("BNK-007: plant-1-000001-1: Any bank, by online portal takes structured addresses only")
    structured = {"address_line_1": "", "address_line_2": "", "street": "Rue du Lac", "postcode": "2501"}
    amend_mandate.run(place.runtime, "anna", "MND-0001", structured)
    hold.run(place.runtime, "ben", "plant-1-000001", "released", "amended")
    assert batch.run(place.runtime)["collections"] == 1
    assert b"<StrtNm>Rue du Lac</StrtNm><PstCd>2501</PstCd><TwnNm>Biel</TwnNm><Ctry>CH</Ctry></PstlAdr>" in sent(place)[1]


def test_the_old_form_takes_two_lines_in_all(place: Place) -> None:
    """Street, free lines and town together are at most two; a third is not cut away but holds the debit."""
    place.profile(version="pain.008.001.02", address="lines")
    place.open()
    one = {**HYBRID, "address_line_2": ""}
    place.mandates(mandate_line(1, **one), mandate_line(2, **HYBRID))
    pending(place, Bill(1), Bill(2, debtor=2))
    batch.run(place.runtime)

    [body] = sent(place)
    assert b"<Ctry>CH</Ctry><AdrLine>Haus zum Schluessel</AdrLine><AdrLine>Biel</AdrLine></PstlAdr>" in body
    assert place.reasons()["plant-1-000002"].endswith("the address has 3 lines; 2 are allowed")


def test_names_keep_their_letters_where_the_bank_takes_them(place: Place) -> None:
    """Mueller & Soehne for every bank, Müller & Söhne for one whose profile says so; references are never touched."""
    place.mandates(mandate_line(1, debtor_name="Müller & Söhne"))
    pending(place, Bill(1))
    batch.run(place.runtime)
    place.profile(characters="german", created_in="Europe/Vienna")
    place.open()
    place.mandates(mandate_line(2, debtor_name="Müller & Söhne", iban=OTHER_IBAN))
    pending(place, Bill(2, debtor=2))
    batch.run(place.runtime)

    first, second = sent(place)
    assert b"<Nm>Mueller + Soehne</Nm>" in first
    assert "<Nm>Müller &amp; Söhne</Nm>".encode() in second
    assert b"T08:30:00Z</CreDtTm>" in first
    assert b"T09:30:00+01:00</CreDtTm>" in second


def test_one_due_date_in_a_file(place: Place) -> None:
    """A bank that takes no mixed dates gets a file for each, and every debit stands in one of them."""
    place.profile(one_block=True)
    place.open()
    place.mandates()
    later = int((place.now + timedelta(days=9)).timestamp())
    pending(place, Bill(1), Bill(2, due=later), Bill(3))
    batch.run(place.runtime)

    assert [one.collections for one in place.batches()] == [2, 1]
    assert [row.due_on for row in place.rows(Collection)] == [date(2026, 12, 1), date(2026, 12, 2), date(2026, 12, 1)]


@pytest.mark.parametrize("name", profiles.known([resource("templates/banks")]))
def test_every_bank_that_ships_gets_a_sound_file(place: Place, name: str) -> None:
    """A new bank is one file, and is tested by existing: German and Swiss debtors, umlauts, both kinds of mandate."""
    place.rewrite('bank = "default"', f'bank = "{name}"')
    place.mandates(
        mandate_line(1, debtor_name="Jürgen Größe"), mandate_line(2, **SWISS), mandate_line(3, kind="one-off", iban=OTHER_IBAN)
    )
    late = int((place.now + timedelta(days=11)).timestamp())
    pending(place, *(Bill(number, debtor=number, due=late) for number in (1, 2, 3)))
    profile = place.runtime.profile(name)
    assert batch.run(place.runtime)["collections"] == 3

    for body in sent(place):
        assert soundness.of_bytes(body, profile) == []


def test_what_the_creditor_wants_the_debtor_to_read(place: Place) -> None:
    """The trade name first where it differs, for whom is collected, and why: all as the bank prints it."""
    place.rewrite(
        'account = "main"', 'account = "main"\ntrade_name = "Laser & Söhne"\nultimate_creditor = "Werk Süd"\npurpose = "RENT"'
    )
    place.mandates()
    pending(place, Bill(1))
    batch.run(place.runtime)

    [body] = sent(place)
    assert b"<Ustrd>Laser + Soehne / Invoice plant-1-000001 usage 2026-11-09 to 2026-11-16</Ustrd>" in body
    assert b"<UltmtCdtr><Nm>Werk Sued</Nm></UltmtCdtr>" in body
    assert b"<Purp><Cd>RENT</Cd></Purp>" in body
    assert soundness.of_bytes(body, place.runtime.profile("default")) == []


def test_the_machine_is_named_where_it_has_a_name(place: Place) -> None:
    """By its agreement on chain, behind the period; another one's debit says number and period alone."""
    machines = f'machines = {{ "0x{0xAB:064X}" = "Laserschneider Süd 7" }}'
    place.rewrite('account = "main"', f'account = "main"\n{machines}')
    place.mandates()
    pending(place, Bill(1, agreement=0xAB), Bill(2, agreement=0xAC))
    batch.run(place.runtime)

    [body] = sent(place)
    assert b"<Ustrd>Invoice plant-1-000001 usage 2026-11-09 to 2026-11-16 Laserschneider Sued 7</Ustrd>" in body
    assert b"<Ustrd>Invoice plant-1-000002 usage 2026-11-09 to 2026-11-16</Ustrd>" in body
    assert soundness.of_bytes(body, place.runtime.profile("default")) == []


def test_a_structured_reference_is_made_of_the_number(place: Place) -> None:
    """ISO 11649, where the number fits into its 21 characters; else the text says it."""
    place.rewrite('account = "main"', 'account = "main"\nreference = "structured"')
    place.mandates()
    pending(place, Bill(1))
    batch.run(place.runtime)

    [body] = sent(place)
    assert b"<Ref>RF34PLANT1000001</Ref>" in body
    assert b"Ustrd" not in body
    assert soundness.of_bytes(body, place.runtime.profile("default")) == []
