"""A CSV becomes mandates, all or none; every bad line is named with its reason, and none with a name or an IBAN."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bridge import archive
from bridge.acts import import_mandates
from bridge.errors import BadInput
from bridge.model import BankAccount, Document, Mandate, Person
from bridge.steps import batch, collect, ingest
from tests import engines
from tests.steps.place import DEBTOR_IBAN, Bill, Place, csv_of, mandate_line

NAME = "Zebra Zweifel"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def run(place: Place, *lines: dict[str, str], dry_run: bool = False) -> import_mandates.Outcome:
    return import_mandates.run(place.runtime, "clara", csv_of(*lines), dry_run=dry_run)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"mandate_id": ""}, "mandate_id is empty"),
        ({"iban": ""}, "iban is empty"),
        ({"debtor_name": ""}, "debtor_name is empty"),
        ({"iban": "DE89370400440532013001"}, ""),
        ({"iban": "DE8937040044053201300"}, ""),
        ({"iban": "US89370400440532013000"}, ""),
        ({"mandate_id": "M" * 36}, ""),
        ({"mandate_id": "MÜ-1"}, ""),
        ({"signed_on": "01.06.2026"}, "is no date like 2026-11-22"),
        ({"signed_on": "2026-02-30"}, "is no date like 2026-11-22"),
        ({"signed_on": "2026-11-24"}, "lies in the future"),
        ({"debtor_ref": "0x12"}, "debtor_ref must be 0x and 64 hex digits"),
        ({"agreement": "machine 7"}, "agreement must be 0x and 64 hex digits"),
        ({"scheme": "COR1"}, "scheme 'COR1' is not one of: CORE, B2B"),
        ({"kind": "twice"}, "kind 'twice' is not one of: recurrent, one-off"),
        ({"language": "fr"}, "language 'fr' is not one of: de, en"),
        ({"prenotification_days": "31"}, "must be a number from 1 to 30"),
        ({"prenotification_days": "-1"}, "must be a number from 1 to 30"),
        ({"b2b_confirmed_on": "soon"}, "b2b_confirmed_on 'soon' is no date"),
        ({"creditor_id": "AT61ZZZ01234567890"}, "is not declared in bridge.toml"),
        ({"creditor_id": "DE97ZZZ09999999999"}, ""),
        ({"bic": "NOBIC"}, ""),
        ({"debtor_name": "N" * 141}, "debtor_name is longer than 140 characters"),
        ({"debtor_name": "漢字"}, "no letter that a bank can print"),
        ({"ultimate_debtor": "漢字"}, "no letter that a bank can print"),
        ({"town": "Bern"}, "an address needs at least town and country"),
        ({"town": "T" * 36, "country": "DE"}, "town is longer than 35 characters"),
        ({"address_line_1": "Hinterhaus"}, "an address needs at least town and country"),
        ({"town": "Bern", "country": "CH", "address_line_2": "L" * 71}, "address_line_2 is longer than 70 characters"),
        ({"town": "Bern", "country": "CH", "postcode": "3000", "address_line_1": "3000 BERN (CH)"}, "repeats the town or the"),
        ({"iban": "CH5604835012345678009", "bic": "CRESCHZZ80A", "town": "Biel", "country": "CH"}, "or address_line_1 for"),
        ({"iban": "CH9300762011623852957"}, "an account in CH (outside the EEA) needs bic, street, postcode, town and country"),
    ],
)
def test_each_bad_line_says_why(place: Place, changed: dict[str, str], why: str) -> None:
    """One bad line is named by its number and reason; the good line beside it is not stored either."""
    outcome = run(place, mandate_line(1), {**mandate_line(2, debtor_name=NAME), **changed})

    [bad] = outcome.bad
    assert bad.line == 3
    assert why in bad.reason
    assert bad.reason
    assert NAME not in bad.reason
    assert changed.get("iban", DEBTOR_IBAN) not in bad.reason or not changed.get("iban", DEBTOR_IBAN)
    assert place.rows(Mandate) == []


def test_a_dry_run_changes_nothing(place: Place) -> None:
    """A dry run says what an import would do, and leaves every table as it was."""
    before = place.dump()
    outcome = run(place, mandate_line(1), mandate_line(2), dry_run=True)

    assert (outcome.new, outcome.bad) == (2, ())
    assert place.dump() == before
    assert place.rows(Person) == []


def test_known_lines_are_known_and_contradictions_refused(place: Place) -> None:
    """The same file again stores nothing; a line that says something else of a stored mandate is refused and says what."""
    run(place, mandate_line(1))
    assert (run(place, mandate_line(1)).known, len(place.rows(Mandate))) == (1, 1)
    lower = {**mandate_line(1), "mandate_id": "mnd-0001"}
    assert run(place, lower).known == 1
    outcome = run(place, mandate_line(2), mandate_line(1, iban="DE02100500000054540402", debtor_name=NAME))

    assert "stored with another debtor_name, iban" in outcome.bad[0].reason
    assert NAME not in outcome.bad[0].reason
    assert len(place.rows(Mandate)) == 1


def test_a_mandate_stands_once_in_a_file(place: Place) -> None:
    """Case does not distinguish two mandate ids."""
    outcome = run(place, mandate_line(1, mandate_id="M-1"), mandate_line(2, mandate_id="m-1"))

    assert outcome.bad[0].reason == "mandate m-1 stands in line 2 already"


def test_a_doubtful_iban_pauses(place: Place) -> None:
    """An unknown bank code is a warning: stored, paused, and named by line without the IBAN."""
    outcome = run(place, mandate_line(1, iban="DE93999999990000000001"))

    assert (outcome.new, outcome.paused) == (1, 1)
    assert place.rows(Mandate)[0].state == "paused"
    assert "DE93999999990000000001" not in outcome.warnings[0].reason


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_separators_byte_order_marks_and_line_ends(place: Place, separator: str, start: bytes) -> None:
    """Comma or semicolon, with or without a byte order mark, with the line ends of any system, blank lines left out."""
    body = start + csv_of(mandate_line(1), separator=separator).replace(b"\n", b"\r\n") + b"\r\n"

    assert import_mandates.run(place.runtime, "clara", body, dry_run=False).new == 1


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (csv_of(mandate_line(1)) + b"\0", "NUL"),
        (csv_of(mandate_line(1)) + b"only;two\n", "line 3 has 2 fields, the header 6"),
        (csv_of(mandate_line(1)) + b'"never closed;a;b;c;d;e\n', ""),
        (csv_of(mandate_line(1)).replace(b"iban", b"ibann"), "unknown: ibann; missing: iban"),
        (csv_of(mandate_line(1)).replace(b"creditor_id", b"iban"), "twice: iban"),
        (b"\xff\xfe" + csv_of(mandate_line(1)), "not UTF-8"),
        (b"", "missing"),
    ],
)
def test_a_file_that_is_no_csv_is_refused_whole(place: Place, body: bytes, why: str) -> None:
    """What cannot be read at all is refused with the line, and nothing is stored."""
    with pytest.raises(BadInput) as refusal:
        import_mandates.run(place.runtime, "clara", body, dry_run=False)

    assert why in str(refusal.value)
    assert DEBTOR_IBAN not in str(refusal.value)
    assert place.rows(Mandate) == []


def test_five_thousand_lines(place: Place) -> None:
    """A large file takes seconds, and the second time it is known."""
    lines = [mandate_line(n) for n in range(1, 5_001)]
    started = time.monotonic()
    assert run(place, *lines).new == 5_000
    assert run(place, *lines).known == 5_000

    assert time.monotonic() - started < 60
    assert len(place.rows(BankAccount)) == 5_001


def test_no_name_and_no_iban_stands_in_a_row(place: Place) -> None:
    """Names and IBANs are sealed: the database does not hold them."""
    run(place, mandate_line(1, debtor_name=NAME))
    place.runtime.engine.dispose()
    stored = engines.stored(place.folder)

    assert NAME.encode() not in stored
    assert DEBTOR_IBAN.encode() not in stored


def test_an_address_is_printed_in_the_banks_letters(place: Place) -> None:
    """A Swiss debtor in Zürich does not stop everybody's file: the address goes out transliterated."""
    swiss = {
        "iban": "CH5604835012345678009",
        "bic": "POFICHBEXXX",
        "street": "Bahnhofstraße",
        "building": "1",
        "postcode": "8001",
        "town": "Zürich",
        "country": "CH",
    }
    assert run(place, mandate_line(1, **swiss)).bad == ()
    place.bill(Bill(1))
    for step in (ingest, collect, batch):
        step.run(place.runtime)

    [one] = place.batches()
    with place.runtime.reading() as session:
        body = archive.fetch(session, place.runtime.keys, session.get_one(Document, one.document_id))
    assert b"<TwnNm>Zuerich</TwnNm>" in body
    assert b"<StrtNm>Bahnhofstrasse</StrtNm>" in body
