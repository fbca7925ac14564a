"""Mandates by hand: drafts, signatures, replacements, amendments that the debtor's bank is told until a debit has settled."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from bridge import archive
from bridge.acts import add_mandate, amend_creditor, amend_mandate, discard, import_mandates, mandates, sign_mandate
from bridge.errors import BadInput, ConfigError, IllegalMove, UnknownName
from bridge.formats import pain008_reader
from bridge.model import Amendment as Amended
from bridge.model import Audit, BankAccount, Batch, Collection, Document, Mandate, Person
from bridge.records.pain008 import Amendment, DebitLine
from bridge.reports import lists, validation
from bridge.steps import batch, collect, ingest
from tests.steps.place import CREDITOR_ID, DEBTOR_IBAN, OTHER_CREDITOR_ID, OTHER_IBAN, Bill, Place, csv_of, mandate_line

NEW_IBAN = "DE75512108001245126199"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def collected(place: Place, *bills: Bill) -> None:
    place.bill(*bills)
    ingest.run(place.runtime)
    collect.run(place.runtime)
    batch.run(place.runtime)


def debits(place: Place) -> dict[str, DebitLine]:
    """The newest word on each debit, from the files' own bytes."""
    found = {}
    with place.runtime.reading() as session:
        for one in place.batches():
            body = archive.fetch(session, place.runtime.keys, session.get_one(Document, one.document_id))
            found |= {debit.end_to_end_id: debit for block in pain008_reader.read(BytesIO(body)).blocks for debit in block.debits}
    return found


def answered(place: Place, name: str, state: str) -> None:
    """What the bank said about a debit, in short; its file has left."""
    with place.runtime.engine.begin() as connection:
        connection.execute(update(Collection).where(Collection.end_to_end_id == name).values(state=state))
        connection.execute(update(Batch).where(Batch.state == "sealed").values(state="submitted"))


def states(place: Place) -> dict[str, str]:
    return {row.mandate_id: row.state for row in place.rows(Mandate)}


def test_a_draft_is_signed_and_then_collected(place: Place) -> None:
    """Reference and the debtor's opaque name are made; nothing is collected before the signature."""
    added = add_mandate.run(place.runtime, "anna", {"debtor_name": "Werk Nord", "iban": DEBTOR_IBAN, "debtor_ref": f"0x{1:064x}"})
    assert (added.state, added.debtor_ref) == ("draft", f"0x{1:064x}")
    assert added.mandate_id.startswith("MUSTERWERK-2611-"[:11])
    collected(place, Bill(1))
    assert place.batches() == []
    assert "no mandate" in place.reasons()["plant-1-000001"]

    assert sign_mandate.run(place.runtime, "anna", added.mandate_id.lower(), date(2026, 11, 20)) == "active"
    collect.run(place.runtime)
    batch.run(place.runtime)
    assert debits(place)["plant-1-000001-1"].signed_on == date(2026, 11, 20)
    with pytest.raises(IllegalMove):
        sign_mandate.run(place.runtime, "anna", added.mandate_id, date(2026, 11, 20))


def test_references_and_debtors_names_are_made(place: Place) -> None:
    """Each is another one, of characters that nobody mistypes."""
    made = [add_mandate.run(place.runtime, "anna", {"debtor_name": "A", "iban": DEBTOR_IBAN}) for _ in range(5)]

    assert len({one.mandate_id for one in made}) == len({one.debtor_ref for one in made}) == 5
    assert all(len(one.debtor_ref) == 66 and len(one.mandate_id) <= 35 for one in made)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"debtor_name": "A"}, "iban is empty"),
        ({"debtor_name": "A", "iban": "DE88370400440532013000"}, "check digits"),
        ({"debtor_name": "A", "iban": DEBTOR_IBAN, "colour": "red"}, "colour is no column"),
        ({"debtor_name": "A", "iban": DEBTOR_IBAN, "signed_on": "2026-12-24"}, "lies in the future"),
        ({"debtor_name": "A", "iban": DEBTOR_IBAN, "mandate_id": "mnd-0001"}, "is stored already"),
    ],
)
def test_a_bad_mandate_is_refused(place: Place, values: dict[str, str], said: str) -> None:
    """By the same rules as a line of a file, and nothing is stored."""
    place.mandates()
    with pytest.raises(BadInput, match=said):
        add_mandate.run(place.runtime, "anna", values)
    assert len(place.rows(Mandate)) == 1


def test_a_mandate_replaces_another(place: Place) -> None:
    """The old one ends when the new one is signed, not before; one of another debtor cannot be replaced."""
    place.mandates(mandate_line(1), mandate_line(2))
    added = add_mandate.run(place.runtime, "anna", {"debtor_name": "Werk Nord", "iban": OTHER_IBAN}, replaces="MND-0001")
    assert states(place)["MND-0001"] == "active"
    assert (added.replaces, added.debtor_ref) == ("MND-0001", f"0x{1:064x}")
    sign_mandate.run(place.runtime, "anna", added.mandate_id, date(2026, 11, 20))
    collected(place, Bill(1))

    assert (states(place)["MND-0001"], states(place)[added.mandate_id]) == ("replaced", "active")
    assert debits(place)["plant-1-000001-1"].debtor_iban == OTHER_IBAN
    with pytest.raises(BadInput, match="another debtor"):
        add_mandate.run(
            place.runtime, "anna", {"debtor_name": "A", "iban": DEBTOR_IBAN, "debtor_ref": f"0x{9:064x}"}, replaces="MND-0002"
        )
    with pytest.raises(UnknownName):
        add_mandate.run(place.runtime, "anna", {"debtor_name": "A", "iban": DEBTOR_IBAN}, replaces="X")


def test_a_doubtful_account_pauses_a_draft_when_it_is_signed(place: Place) -> None:
    """As a line of a file would be."""
    added = add_mandate.run(place.runtime, "anna", {"debtor_name": "A", "iban": "DE93999999990000000001"})

    assert added.warning
    assert sign_mandate.run(place.runtime, "anna", added.mandate_id, date(2026, 11, 20)) == "paused"
    mandates.run(place.runtime, "ben", added.mandate_id, "resumed", "")
    assert states(place)[added.mandate_id] == "active"


def test_an_amendment_is_told_until_one_debit_with_it_has_settled(place: Place) -> None:
    """B25: new account and reference, SMNDA at the account; a rejected debit told nobody, the next says it again (EPC130-08)."""
    place.mandates()
    collected(place, Bill(1))
    answered(place, "plant-1-000001-1", "settled")
    place.now += timedelta(hours=1)
    done = amend_mandate.run(place.runtime, "anna", "MND-0001", {"iban": NEW_IBAN, "mandate_id": "MND-NEW"})
    assert done == amend_mandate.Amended("MND-NEW", ["mandate_id", "iban"], paused=False)
    told = Amendment(mandate_id="MND-0001", new_account=True)
    for number, (answer, expected) in enumerate([("rejected", told), ("settled", told), ("settled", None)], 2):
        place.now += timedelta(hours=1)
        name = f"plant-1-{number:06d}-1"
        collected(place, Bill(number, due=int((place.now + timedelta(days=9)).timestamp())))
        debit = debits(place)[name]
        assert (debit.amendment, debit.debtor_iban, debit.mandate_id) == (expected, NEW_IBAN, "MND-NEW"), name
        answered(place, name, answer)


def test_what_nobody_knows_yet_is_not_told(place: Place) -> None:
    """A mandate that was never presented is new for the debtor's bank; one that was used before it came to us is not."""
    place.mandates(mandate_line(1), mandate_line(2, last_presented_on="2026-09-01"))
    for name in ("MND-0001", "MND-0002"):
        amend_mandate.run(place.runtime, "anna", name, {"iban": NEW_IBAN})
    collected(place, Bill(1), Bill(2, debtor=2))

    assert debits(place)["plant-1-000001-1"].amendment is None
    assert debits(place)["plant-1-000002-1"].amendment == Amendment(new_account=True)


def test_what_came_back_to_the_old_value_has_not_changed(place: Place) -> None:
    """An original value that is the present one would be answered with MD02."""
    place.mandates()
    collected(place, Bill(1))
    answered(place, "plant-1-000001-1", "settled")
    for iban in (NEW_IBAN, DEBTOR_IBAN):
        place.now += timedelta(minutes=1)
        amend_mandate.run(place.runtime, "anna", "MND-0001", {"iban": iban})
    place.now += timedelta(minutes=1)
    collected(place, Bill(2))

    assert debits(place)["plant-1-000002-1"].amendment is None


def test_history_is_kept(place: Place) -> None:
    """Every change keeps what was before, with who and when; the person and account of before stay, sealed."""
    place.mandates()
    amend_mandate.run(place.runtime, "anna", "MND-0001", {"debtor_name": "Werk Nord SE", "email": "a@example.com"})
    amend_mandate.run(place.runtime, "ben", "MND-0001", {"iban": NEW_IBAN, "prenotification_days": "5"})

    assert [(row.kind, row.actor) for row in place.rows(Amended)] == [("debtor", "anna"), ("account", "ben"), ("terms", "ben")]
    assert len(place.rows(Person)) == 2
    assert len(place.rows(BankAccount)) == 3, "ours, and two of the debtor"
    with place.runtime.reading() as session:
        [line] = lists.mandates(session, place.runtime, names=True)
    assert (line.debtor_name, line.account, line.printed_name) == ("Werk Nord SE", "DE75…6199", None)
    assert line.changes == ["2026-11-23 debtor by anna", "2026-11-23 account by ben", "2026-11-23 terms by ben"]
    said = [row.detail for row in place.rows(Audit) if row.act == "mandate amend"]
    assert said == ["debtor_name, email", "iban, prenotification_days"], "what was changed, never from what to what"


def test_what_a_bank_prints_otherwise_is_shown(place: Place) -> None:
    """The name as it is written and as it is printed stand side by side; accounts stay masked."""
    place.mandates(mandate_line(1, debtor_name="Jürgen Müller & Söhne"))
    with place.runtime.reading() as session:
        [line] = lists.mandates(session, place.runtime, names=True)
        [masked] = lists.mandates(session, place.runtime)

    assert (line.debtor_name, line.printed_name) == ("Jürgen Müller & Söhne", "Juergen Mueller + Soehne")
    assert (masked.debtor_name, masked.printed_name) == (None, None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scheme": "B2B"}, "that is another mandate"),
        ({"iban": "DE88370400440532013000"}, "check digits"),
        ({"iban": DEBTOR_IBAN}, "says all that already"),
        ({}, "says all that already"),
        ({"mandate_id": "MND-0002"}, "is or was another mandate's"),
        ({"mandate_id": "gone-1"}, "is or was another mandate's"),
        ({"debtor_name": ""}, "debtor_name is empty"),
    ],
)
def test_a_bad_amendment_is_refused(place: Place, changes: dict[str, str], said: str) -> None:
    """Nothing is changed, and nothing noted; a reference that was amended away stays its mandate's."""
    place.mandates(mandate_line(1), mandate_line(2), mandate_line(3, mandate_id="GONE-1"))
    amend_mandate.run(place.runtime, "anna", "GONE-1", {"mandate_id": "MND-0003"})
    with pytest.raises(BadInput, match=said):
        amend_mandate.run(place.runtime, "anna", "MND-0001", changes)
    assert len(place.rows(Amended)) == 1


def test_what_has_ended_is_not_amended(place: Place) -> None:
    """A revoked mandate stays as it was."""
    place.mandates()
    mandates.run(place.runtime, "anna", "MND-0001", "revoked", "letter")
    with pytest.raises(BadInput, match="is revoked"):
        amend_mandate.run(place.runtime, "anna", "MND-0001", {"iban": NEW_IBAN})
    with pytest.raises(UnknownName):
        amend_mandate.run(place.runtime, "anna", "X", {"iban": NEW_IBAN})


def test_a_doubtful_new_account_pauses(place: Place) -> None:
    """Until somebody accepts it."""
    place.mandates()
    done = amend_mandate.run(place.runtime, "anna", "MND-0001", {"iban": "DE93999999990000000001"})

    assert done.paused
    assert states(place) == {"MND-0001": "paused"}


def test_a_file_made_before_the_amendment_may_not_leave(place: Place) -> None:
    """It says the old account. Given up and cut again, the new file says the new one."""
    place.mandates()
    collected(place, Bill(1))
    place.now += timedelta(minutes=1)
    amend_mandate.run(place.runtime, "anna", "MND-0001", {"iban": NEW_IBAN})
    first = place.batches()[0].message_id
    with place.runtime.reading() as session:
        [failed] = [one for one in validation.of_batch(session, place.runtime, first) if not one.ok]
    assert (failed.id, failed.detail[:38]) == ("FIT", "mandate MND-0001 was amended after the")
    discard.run(place.runtime, "anna", first, "amended", not_uploaded=False)
    batch.run(place.runtime)

    assert debits(place)["plant-1-000001-1"].debtor_iban == NEW_IBAN


def test_a_creditor_with_another_name_and_identifier(place: Place) -> None:
    """Every mandate in force is amended, bridge.toml must follow, and the next debits tell the debtors' banks."""
    place.mandates(mandate_line(1), mandate_line(2))
    collected(place, Bill(1), Bill(2, debtor=2))
    for number in (1, 2):
        answered(place, f"plant-1-{number:06d}-1", "settled")
    mandates.run(place.runtime, "anna", "MND-0002", "revoked", "letter")
    place.now += timedelta(minutes=1)
    done = amend_creditor.run(place.runtime, "anna", "DE98ABC09999999999", new_id=OTHER_CREDITOR_ID, name="Musterwerk SE")
    assert (done.creditor_id, done.name, done.mandates) == (OTHER_CREDITOR_ID, "Musterwerk SE", 1)
    with pytest.raises(ConfigError):
        place.open()
    place.folder.joinpath("bridge.toml").write_text(
        place.folder.joinpath("bridge.toml")
        .read_text()
        .replace(CREDITOR_ID, OTHER_CREDITOR_ID)
        .replace("Musterwerk Maschinen GmbH", "Musterwerk SE")
    )
    place.open()
    place.now += timedelta(minutes=1)
    collected(place, Bill(3))

    debit = debits(place)["plant-1-000003-1"]
    assert debit.amendment == Amendment(creditor_id=CREDITOR_ID, creditor_name="Musterwerk Maschinen GmbH")


@pytest.mark.parametrize(
    ("creditor", "changes", "error"),
    [
        ("AT61ZZZ01234567890", {"name": "X"}, UnknownName),
        (CREDITOR_ID, {}, BadInput),
        (CREDITOR_ID, {"new_id": "DE97ZZZ09999999999"}, BadInput),
        (CREDITOR_ID, {"name": "x" * 71}, BadInput),
    ],
)
def test_a_bad_amendment_of_a_creditor(place: Place, creditor: str, changes: dict[str, str], error: type[Exception]) -> None:
    """An unknown creditor, nothing new, a wrong identifier, a long name."""
    with pytest.raises(error):
        amend_creditor.run(place.runtime, "anna", creditor, **changes)


def test_the_last_debit_says_fnal_and_ends_the_mandate(place: Place) -> None:
    """On request: the others go first as RCUR, the last alone as FNAL; once it is credited the mandate has ended."""
    place.mandates()
    amend_mandate.run(place.runtime, "anna", "MND-0001", {}, final=True)
    collected(place, Bill(1), Bill(2))
    assert [row.sequence for row in place.rows(Collection) if row.state == "batched"] == ["RCUR"]
    batch.run(place.runtime)
    assert [row.sequence for row in place.rows(Collection)] == ["RCUR", "FNAL"]
    collected(place, Bill(3))
    assert place.states()["plant-1-000003-1"] == "pending", "nothing more goes out beside it"
    answered(place, "plant-1-000002-1", "settled")
    collect.run(place.runtime)

    assert states(place) == {"MND-0001": "expired"}
    batch.run(place.runtime)
    assert place.states()["plant-1-000003-1"] == "held"


@pytest.mark.parametrize(("days", "state"), [(0, "active"), (1, "expired")])
@pytest.mark.parametrize("since", ["signature", "import", "debit"])
def test_36_months_without_a_debit_end_a_mandate(place: Place, since: str, days: int, state: str) -> None:
    """B52: from the signature, the last debit before it came to us, or ours, whatever became of it; the day before and after."""
    line = {"signed_on": "2024-02-29"} | ({"last_presented_on": "2025-06-30"} if since == "import" else {})
    place.mandates(mandate_line(1, **line))
    last = {"signature": date(2027, 2, 28), "import": date(2028, 6, 30), "debit": date(2029, 12, 1)}[since]
    if since == "debit":
        collected(place, Bill(1))
        answered(place, "plant-1-000001-1", "rejected")
    place.now = place.now.replace(year=last.year, month=last.month, day=last.day) + timedelta(days=days)
    ended = collect.run(place.runtime)["ended"]

    assert (states(place)["MND-0001"], ended) == (state, days)


def test_a_debit_due_after_its_mandate_lapses_is_held(place: Place) -> None:
    """Signed 36 months before the due date is in time, a day longer ago is not; the reason is in words."""
    place.mandates(mandate_line(1, signed_on="2023-12-01"), mandate_line(2, signed_on="2023-11-30"))
    collected(place, Bill(1), Bill(2, debtor=2))

    assert place.states() == {"plant-1-000001-1": "batched", "plant-1-000002-1": "held"}
    assert place.reasons()["plant-1-000002"].startswith("mandate MND-0002 lapses on 2026-11-30, 36 months after")


def test_two_amendments_in_a_row_tell_the_oldest_value(place: Place) -> None:
    """The debtor's bank knows the value before the first of them."""
    place.mandates(mandate_line(1, last_presented_on="2026-09-01"))
    for name in ("MND-B", "MND-C"):
        amend_mandate.run(place.runtime, "anna", "MND-0001" if name == "MND-B" else "MND-B", {"mandate_id": name})
    collected(place, Bill(1))

    debit = debits(place)["plant-1-000001-1"]
    assert (debit.mandate_id, debit.amendment) == ("MND-C", Amendment(mandate_id="MND-0001"))


def test_a_mandate_with_debits_is_never_deleted(place: Place) -> None:
    """B55: the database itself keeps it, whoever asks; one without debits could go."""
    place.mandates(mandate_line(1), mandate_line(2))
    collected(place, Bill(1))
    for mandate_id, kept in ((1, True), (2, False)):
        with pytest.raises(IntegrityError) if kept else nullcontext(), place.runtime.engine.begin() as connection:
            connection.exec_driver_sql(f"DELETE FROM mandate WHERE id = {mandate_id}")

    assert [row.mandate_id for row in place.rows(Mandate)] == ["MND-0001"]
    assert len(place.rows(Collection)) == 1


def test_an_amended_mandate_is_known_to_an_import(place: Place) -> None:
    """Its debtor and his account stand under two keys by now; the line that says what is stored is known, the old one is not."""
    place.mandates()
    amend_mandate.run(place.runtime, "anna", "MND-0001", {"debtor_name": "Werk Nord SE"})
    amended = csv_of(mandate_line(1, debtor_name="Werk Nord SE"))

    assert import_mandates.run(place.runtime, "clara", amended, dry_run=False).known == 1
    [bad] = import_mandates.run(place.runtime, "clara", csv_of(mandate_line(1)), dry_run=False).bad
    assert "stored with another debtor_name" in bad.reason


def test_a_reference_that_was_amended_away_is_not_given_again(place: Place) -> None:
    """Neither by an import nor by hand: a late return may still name it."""
    place.mandates()
    amend_mandate.run(place.runtime, "anna", "MND-0001", {"mandate_id": "MND-NEW"})
    [bad] = import_mandates.run(place.runtime, "clara", csv_of(mandate_line(1)), dry_run=False).bad
    assert "was amended since" in bad.reason
    with pytest.raises(BadInput, match="another one's reference"):
        add_mandate.run(place.runtime, "anna", {"debtor_name": "A", "iban": DEBTOR_IBAN, "mandate_id": "mnd-0001"})
    assert [row.mandate_id for row in place.rows(Mandate)] == ["MND-NEW"]


def test_how_a_debtor_is_reached_makes_no_file_untrue(place: Place) -> None:
    """Another e-mail address or language stands in no file: what was made before leaves all the same."""
    place.mandates()
    collected(place, Bill(1))
    place.now += timedelta(minutes=1)
    amend_mandate.run(place.runtime, "anna", "MND-0001", {"email": "a@example.com", "language": "en"})
    with place.runtime.reading() as session:
        assert all(one.ok for one in validation.of_batch(session, place.runtime, place.batches()[0].message_id))
