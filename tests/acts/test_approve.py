"""Who signs a file, and what a signature is worth."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.acts import approve, import_mandates, mandates
from bridge.errors import IllegalMove, NotAllowed
from bridge.model import Approval
from bridge.steps import batch, collect, handover, ingest
from tests.steps.place import Bill, Place, csv_of, mandate_line


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


def test_a_revocation_between_two_signatures_refuses(tmp_path: Path) -> None:
    """Every signature judges every member again."""
    place, message_id = sealed(tmp_path)
    approve.run(place.runtime, "anna", message_id)
    mandates.run(place.runtime, "dora", "MND-0001", "revoked", "by letter")
    with pytest.raises(NotAllowed, match="mandate MND-0001 is revoked: by letter"):
        approve.run(place.runtime, "ben", message_id)

    assert place.batches()[0].state == "sealed"


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
    assert handover.run(place.runtime) == {"approved": 0, "exported": 0, "submitted": 0}
    approve.run(place.runtime, "anna", message_id)
    with pytest.raises(IllegalMove, match="is sealed"):
        handover.export(place.runtime, actor="anna", message_id=message_id)

    assert list((tmp_path / "outbox").iterdir()) == []
