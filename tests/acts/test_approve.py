"""Who signs a file, and what a signature is worth."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, text, update

from bridge.acts import approve, hold, import_mandates, mandates, users
from bridge.errors import IllegalMove, NotAllowed
from bridge.model import Approval, Collection, Declaration, Mandate, Move
from bridge.reports import check
from bridge.steps import batch, collect, handover, ingest
from tests import engines
from tests.steps.place import Bill, Place, csv_of, mandate_line

UNKNOWN_BANK = "DE93999999990000000001"  # good check digits, a bank code that does not exist

MOVE = "noun, noun_id, version, news, to_state, evidence, reason, actor, booked_on, recorded_at"
RELEASED = "'collection', 1, 99, 'released', 'pending', 'person', '', 'anna'"


def sealed(folder: Path, *, approval: str = "four-eyes", by: str = "batch") -> tuple[Place, str]:
    place = Place(folder, collection=f'batch_at = ""\napproval = "{approval}"\n')
    place.mandates(actor="clara")
    place.bill(Bill(1))
    ingest.run(place.runtime)
    collect.run(place.runtime)
    batch.cut(place.runtime, actor=by, scheduled=False)
    return place, place.batches()[0].message_id


def test_two_people_sign(tmp_path: Path) -> None:
    """One signature is missing one; the second different one approves; the same person twice is one."""
    place, message_id = sealed(tmp_path)
    assert approve.run(place.runtime, "anna", message_id).missing == 1
    assert approve.run(place.runtime, "anna", message_id).missing == 1
    assert place.batches()[0].state == "sealed"
    signed = approve.run(place.runtime, "ben", message_id)

    assert (signed.signed_by, signed.missing) == (("anna", "ben"), 0)
    assert place.batches()[0].state == "approved"
    assert {row.sha256 for row in place.rows(Approval)} == {place.batches()[0].sha256}


@pytest.mark.parametrize("name", ["Anna", " anna ", "ANNA"])
def test_one_person_in_other_letters_is_one_person(tmp_path: Path, name: str) -> None:
    """Names that differ in case or blanks alone are the same person."""
    place, message_id = sealed(tmp_path)
    approve.run(place.runtime, "anna", message_id)

    assert approve.run(place.runtime, name, message_id).missing == 1
    assert place.batches()[0].state == "sealed"


@pytest.mark.parametrize("approval", ["four-eyes", "single"])
@pytest.mark.parametrize("machine", ["batch", "worker", "Cron", "config"])
def test_a_machine_counts_as_nobody(tmp_path: Path, machine: str, approval: str) -> None:
    """The names of our own steps and processes sign nothing, however many signatures are asked for."""
    place, message_id = sealed(tmp_path, approval=approval)
    with pytest.raises(NotAllowed, match="counts as nobody"):
        approve.run(place.runtime, machine, message_id)

    assert place.rows(Approval) == []


@pytest.mark.parametrize("name", ["clara", "Clara"])
def test_who_imported_a_mandate_does_not_approve_it(tmp_path: Path, name: str) -> None:
    """The last editor of a contained mandate is not one of the two."""
    place, message_id = sealed(tmp_path)
    with pytest.raises(NotAllowed, match="was the last to edit a mandate"):
        approve.run(place.runtime, name, message_id)


def test_who_edits_after_signing_does_not_count(tmp_path: Path) -> None:
    """Anna signs, then edits a contained mandate: with Ben's signature alone the file is not approved; Cora's makes two."""
    place, message_id = sealed(tmp_path)
    approve.run(place.runtime, "anna", message_id)
    mandates.run(place.runtime, "anna", "MND-0001", "paused", "question")
    mandates.run(place.runtime, "anna", "MND-0001", "resumed", "")
    assert approve.run(place.runtime, "ben", message_id).missing == 1
    assert place.batches()[0].state == "sealed"

    assert approve.run(place.runtime, "cora", message_id).missing == 0
    assert place.batches()[0].state == "approved"


def test_an_editor_of_another_mandate_may_sign(tmp_path: Path) -> None:
    """Only mandates in the file count."""
    place, message_id = sealed(tmp_path)
    import_mandates.run(place.runtime, "anna", csv_of(mandate_line(9)), dry_run=False)

    assert approve.run(place.runtime, "anna", message_id).missing == 1


def test_who_cut_the_file_does_not_approve_it(tmp_path: Path) -> None:
    """A person who cut the file by hand is not one of the two."""
    place, message_id = sealed(tmp_path, by="anna")
    with pytest.raises(NotAllowed, match="anna cut"):
        approve.run(place.runtime, "anna", message_id)


@pytest.mark.parametrize("digits", ["", "1234567", "0" * 64])
def test_the_digits_must_be_of_this_file(tmp_path: Path, digits: str) -> None:
    """Whoever names a hash must name this file's, with eight digits at least."""
    place, message_id = sealed(tmp_path)
    with pytest.raises(NotAllowed, match="not the one you looked at"):
        approve.run(place.runtime, "anna", message_id, sha256=digits)

    assert approve.run(place.runtime, "anna", message_id, sha256=place.batches()[0].sha256[:8].upper()).missing == 1


def test_a_revocation_between_two_signatures_discards(tmp_path: Path) -> None:
    """Every signature judges every member again: a file that may not leave is discarded, and the signer is told why."""
    place, message_id = sealed(tmp_path)
    approve.run(place.runtime, "anna", message_id)
    mandates.run(place.runtime, "dora", "MND-0001", "revoked", "by letter")
    with pytest.raises(NotAllowed, match="mandate MND-0001 is revoked: by letter"):
        approve.run(place.runtime, "ben", message_id)

    assert [(one.state, one.reason) for one in place.batches()] == [
        ("discarded", "plant-1-000001-1: mandate MND-0001 is revoked: by letter")
    ]
    assert place.rows(Collection)[0].state == "pending"


def test_single_needs_one(tmp_path: Path) -> None:
    """approval = "single": one named person, and a second signature on an approved file is refused."""
    place, message_id = sealed(tmp_path, approval="single")
    assert approve.run(place.runtime, "anna", message_id).missing == 0
    with pytest.raises(IllegalMove, match="only a sealed file is approved"):
        approve.run(place.runtime, "ben", message_id)

    assert place.batches()[0].state == "approved"


def test_without_signatures_nothing_leaves(tmp_path: Path) -> None:
    """A sealed file is not exported, neither by the step nor by a person."""
    place, message_id = sealed(tmp_path)
    assert handover.run(place.runtime) == {"approved": 0, "exported": 0, "submitted": 0, "discarded": 0}
    approve.run(place.runtime, "anna", message_id)
    with pytest.raises(IllegalMove, match="is sealed"):
        handover.export(place.runtime, actor="anna", message_id=message_id)

    assert list((tmp_path / "outbox").iterdir()) == []


# --- who counts by the users table, and until when ------------------------------------------------------------------------


def with_users(place: Place, **roles: str) -> None:
    """These users, added by zoe."""
    for name, role in roles.items():
        users.add(place.runtime, "zoe", name, role)


def approved(folder: Path) -> tuple[Place, str]:
    """A file that anna and ben approved, both approvers; cora and yan are users too."""
    place, message_id = sealed(folder)
    with_users(place, anna="approver", ben="approver", cora="approver", yan="admin")
    for actor in ("anna", "ben"):
        approve.run(place.runtime, actor, message_id)
    return place, message_id


@pytest.mark.parametrize("approval", ["four-eyes", "single"])
@pytest.mark.parametrize(
    ("role", "why"),
    [
        ("service", "counts as nobody"),
        *((role, "has not the role that signs") for role in ("viewer", "clerk", "admin", "auditor")),
    ],
)
def test_only_an_approver_signs(tmp_path: Path, role: str, why: str, approval: str) -> None:
    """Whatever the shell let through: a stored user with another role does not sign, by the act itself."""
    place, message_id = sealed(tmp_path, approval=approval)
    with_users(place, anna=role)
    with pytest.raises(NotAllowed, match=why):
        approve.run(place.runtime, "Anna", message_id)

    assert place.rows(Approval) == []


def test_who_let_a_debit_past_the_limit_does_not_approve_it(tmp_path: Path) -> None:
    """A debit above the limit was released by anna; of its file she is not one of the two, of another she is."""
    place = Place(tmp_path, collection='batch_at = ""\namount_max_cents = 9999\n')
    place.mandates(mandate_line(1), mandate_line(2), actor="clara")
    place.bill(Bill(1, 10_000))
    ingest.run(place.runtime)
    collect.run(place.runtime)
    hold.run(place.runtime, "anna", "plant-1-000001", "released", "known customer")
    batch.run(place.runtime)
    place.bill(Bill(2, 5_000, debtor=2))
    ingest.run(place.runtime)
    collect.run(place.runtime)
    batch.run(place.runtime)
    past, plain = (row.message_id for row in place.batches())
    with pytest.raises(NotAllowed, match="anna released a debit in it"):
        approve.run(place.runtime, "anna", past)

    assert approve.run(place.runtime, "anna", plain).missing == 1


def test_who_accepted_a_warning_does_not_approve_it(tmp_path: Path) -> None:
    """Also after somebody else was the last to edit the mandate."""
    place = Place(tmp_path, collection='batch_at = ""\n')
    place.mandates(mandate_line(iban=UNKNOWN_BANK), actor="clara")
    mandates.run(place.runtime, "anna", "MND-0001", "resumed", "the debtor showed his card")
    place.bill(Bill(1))
    ingest.run(place.runtime)
    collect.run(place.runtime)
    batch.run(place.runtime)
    message_id = place.batches()[0].message_id
    with place.runtime.session() as session:
        session.execute(update(Mandate).values(edited_by="dora"))
    for name in ("anna", "dora"):
        with pytest.raises(NotAllowed, match="was the last to edit a mandate"):
            approve.run(place.runtime, name, message_id)

    assert approve.run(place.runtime, "clara", message_id).missing == 1


def test_who_was_disabled_after_signing_does_not_count_at_the_second_signature(tmp_path: Path) -> None:
    """Anna signs and is disabled; Ben's signature alone does not approve, Cora's makes two."""
    place, message_id = sealed(tmp_path)
    with_users(place, anna="approver", ben="approver", cora="approver")
    approve.run(place.runtime, "anna", message_id)
    users.disable(place.runtime, "zoe", "anna")
    assert approve.run(place.runtime, "ben", message_id).missing == 1

    assert approve.run(place.runtime, "cora", message_id).missing == 0
    assert [move.reason for move in place.rows(Move, Move.news == "approved")] == ["signed by ben, cora"]


@pytest.mark.parametrize("how", ["disabled", "another role", "edited a mandate"])
def test_a_signature_that_lapsed_keeps_the_file_here(tmp_path: Path, how: str) -> None:
    """Between approval and export: the file goes back to be signed, says why, and leaves once another person signed."""
    place, message_id = approved(tmp_path)
    if how == "disabled":
        users.disable(place.runtime, "yan", "anna")
    elif how == "another role":
        users.set_role(place.runtime, "yan", "anna", "clerk")
    else:
        mandates.run(place.runtime, "anna", "MND-0001", "paused", "question")
        mandates.run(place.runtime, "anna", "MND-0001", "resumed", "answered")
    why = {"disabled": "was disabled", "another role": "has not the role", "edited a mandate": "was the last to edit"}[how]
    with pytest.raises(NotAllowed, match=f"1 of 2 signatures count: anna {why}.*waits for another signature"):
        handover.export(place.runtime, actor="ben", message_id=message_id)
    assert (place.batches()[0].state, place.batches()[0].manifest_no) == ("sealed", None)
    assert not (tmp_path / "outbox" / f"{message_id}.xml").exists()
    assert approve.run(place.runtime, "cora", message_id).missing == 0

    handover.export(place.runtime, actor="ben", message_id=message_id)
    assert [move.reason for move in place.rows(Move, Move.news == "exported")] == ["signed by ben, cora"]
    assert wrong(place) == {}


def test_in_production_a_mere_name_has_signed_nothing(tmp_path: Path) -> None:
    """What free names signed in a rehearsal lets no file leave once the database is used in production."""
    place, message_id = sealed(tmp_path)
    for actor in ("anna", "ben"):
        approve.run(place.runtime, actor, message_id)
    with place.runtime.session() as session:
        declared = {"version": 1, "digest": "", "config_sha256": "", "recorded_at": place.now}
        session.execute(insert(Declaration).values(noun="environment", name="production", **declared))
    with pytest.raises(NotAllowed, match="0 of 2 signatures count: anna has not the role that signs"):
        handover.export(place.runtime, actor="anna", message_id=message_id)

    assert place.batches()[0].state == "sealed"


def test_the_step_says_so_too_and_goes_on(tmp_path: Path) -> None:
    """A scheduled run reports the file that lost a signature, once; the next run finds nothing to send."""
    place, message_id = approved(tmp_path)
    users.disable(place.runtime, "yan", "ben")
    with pytest.raises(NotAllowed, match=f"{message_id} may not leave: 1 of 2 signatures count: ben was disabled"):
        handover.run(place.runtime)

    assert handover.run(place.runtime) == {"approved": 0, "exported": 0, "submitted": 0, "discarded": 0}
    assert place.batches()[0].state == "sealed"


def test_a_file_that_left_keeps_its_signatures(tmp_path: Path) -> None:
    """What becomes of the signers afterwards changes nothing: the check still counts them as they were when it left."""
    place, message_id = approved(tmp_path)
    handover.export(place.runtime, actor="cora", message_id=message_id)
    place.now += timedelta(minutes=1)
    users.disable(place.runtime, "yan", "anna")
    users.set_role(place.runtime, "yan", "ben", "viewer")
    mandates.run(place.runtime, "ben", "MND-0001", "paused", "question")

    assert wrong(place) == {}


@pytest.mark.parametrize(
    "forged",
    [
        "UPDATE bridge_user SET disabled_at = '2026-01-01 00:00:00', disabled_by = 'yan' WHERE name = 'anna'",
        "UPDATE bridge_user SET role = 'service' WHERE name = 'anna'",
        "UPDATE move SET actor = 'anna' WHERE noun = 'mandate'",
        f"INSERT INTO move (id, {MOVE}) SELECT 1, {RELEASED}, booked_on, recorded_at FROM move LIMIT 1",
        "UPDATE move SET reason = 'signed by anna' WHERE news = 'exported'",
    ],
    ids=["disabled before", "a machine", "edited a mandate", "released a debit", "one name only"],
)
def test_the_check_counts_by_the_same_rule(tmp_path: Path, forged: str) -> None:
    """A file that left with a signature of somebody who did not count then is found."""
    place, message_id = approved(tmp_path)
    handover.export(place.runtime, actor="cora", message_id=message_id)
    place.runtime.engine.dispose()
    with engines.past_the_triggers(place.folder) as session:
        session.execute(text("UPDATE move SET id = id + 1000"))  # makes room for one that is older than the cut
        session.execute(text(forged))

    assert wrong(place)["signatures"] == f"{message_id} left with 1 of the 2 signatures that its creditor's rule asks for"


def wrong(place: Place) -> dict[str, str]:
    """What the check finds about signatures."""
    with place.runtime.reading() as session:
        return {one.id: one.detail for one in check.run(session, place.runtime) if one.id == "signatures" and not one.ok}
