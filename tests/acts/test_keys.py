"""Keys are rotated while everybody goes on; nothing is lost wherever that is stopped, and no secret is shown."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from bridge.acts import declare, keys
from bridge.errors import BadInput, ConfigError, Unavailable
from bridge.model import Audit, BankAccount, DataKey, Mandate, Person, WrappingKey
from bridge.model.parties import open_iban, open_name
from bridge.model.sealed import Keyring
from bridge.reports import check
from tests import engines
from tests.journeys.plant import Plant
from tests.steps.child import job, run_jobs
from tests.steps.place import DEBTOR_IBAN, LATER, NOW, OWN_IBAN, Place, half_way, mandate_line

FEW, MANY = 3, keys.AT_ONCE + 3


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path / "plant")
    place.mandates(mandate_line(1), mandate_line(2))
    return place


def under(place: Place) -> dict[str, int]:
    """Wrapping key -> how many data keys are sealed under it."""
    with place.runtime.reading() as session:
        counted = select(DataKey.wrapped_by, func.count()).group_by(DataKey.wrapped_by)
        return {name: count for name, count in session.execute(counted)}


def known(place: Place) -> list[str]:
    """The names that the database lets rows be sealed under."""
    return [row.name for row in place.rows(WrappingKey)]


def said(place: Place) -> dict[str, tuple[str, str]]:
    """Mandate -> debtor's name and IBAN, opened."""
    with place.runtime.reading() as session:
        sealed = {row.uid: row for row in session.scalars(select(DataKey))}
        joined = select(Mandate.mandate_id, Person, BankAccount).join(Person).join(BankAccount)
        return {
            mandate_id: (
                open_name(place.runtime.keys.unwrap(sealed[person.key_uid]), person),
                open_iban(place.runtime.keys.unwrap(sealed[account.key_uid]), account),
            )
            for mandate_id, person, account in session.execute(joined)
        }


def in_file(place: Place) -> Keyring:
    return Keyring.parse((place.folder / "bridge.keys").read_text())


def same_as_before(place: Place, *, debtors: int) -> bool:
    """Whether every debtor can be read, the creditor's account is found by its digest, and every stored file opens."""
    wanted = {f"MND-{n:04d}": (f"Debtor {n} GmbH", DEBTOR_IBAN) for n in range(1, debtors + 1)}
    declare.run(place.runtime)  # another account row would be declared if the digest of its IBAN were another
    with place.runtime.reading() as session:
        return said(place) == wanted and all(one.ok for one in check.run(session, place.runtime))


def test_a_rotation_seals_everything_anew(place: Place) -> None:
    """A second key, mode 0600, every data key under it, the first kept until it is forgotten; look-ups find what they found."""
    first, count = in_file(place), sum(under(place).values())
    done = keys.rotate(place.runtime, "olga")

    assert done == keys.Rotated("k2", added=True, resealed=count)
    assert (under(place), known(place)) == ({"k2": count}, ["k1", "k2"])
    assert stat.S_IMODE((place.folder / "bridge.keys").stat().st_mode) == 0o600
    assert (in_file(place).current, in_file(place).lookup) == ("k2", first.lookup)
    assert in_file(place).wrapping["k1"] == first.wrapping["k1"] != in_file(place).wrapping["k2"]
    assert same_as_before(Place(place.folder), debtors=2)
    assert sorted(path.name for path in place.folder.glob("*.keys*")) == ["bridge.keys"]


def test_the_old_key_opens_nothing_after_a_rotation(place: Place) -> None:
    """What the old key file alone can do with the rows of now: nothing."""
    old = in_file(place)
    keys.rotate(place.runtime, "olga")

    with pytest.raises(ConfigError, match="does not hold key 'k2'"):
        old.unwrap(place.rows(DataKey)[0])


def test_a_process_that_was_there_before_follows(place: Place) -> None:
    """It reads what was sealed anew, seals under the new key, and goes on after the old one was forgotten."""
    elsewhere = Place(place.folder)
    keys.rotate(elsewhere.runtime, "olga")
    assert said(place) == said(elsewhere)
    place.mandates(mandate_line(3))
    assert set(under(place)) == {"k2"}

    assert keys.forget(elsewhere.runtime, "olga") == ["k1"]
    place.mandates(mandate_line(4))
    assert (set(under(place)), set(in_file(place).wrapping), known(place)) == ({"k2"}, {"k2"}, ["k2"])
    assert same_as_before(place, debtors=4)


def test_an_old_key_is_kept_as_long_as_anything_is_sealed_under_it(place: Place) -> None:
    """Somebody with an old copy sealed one more: forgetting is refused, another rotation seals it anew and makes no new key."""
    old = in_file(place)
    keys.rotate(place.runtime, "olga")
    with place.runtime.session() as session:
        session.add(old.new_key()[1])
    with pytest.raises(BadInput, match=r"1 data key.* are sealed under an older key than k2; run 'bridge keys rotate' first"):
        keys.forget(place.runtime, "olga")
    assert set(in_file(place).wrapping) == {"k1", "k2"}

    assert keys.rotate(place.runtime, "olga") == keys.Rotated("k2", added=False, resealed=1)
    assert keys.forget(place.runtime, "olga") == ["k1"]
    assert keys.forget(place.runtime, "olga") == []


def test_nothing_can_be_sealed_under_a_forgotten_key(place: Place) -> None:
    """The database refuses it, and a start with the old file is refused with what to do: nothing becomes unreadable."""
    old = (place.folder / "bridge.keys").read_text()
    keys.rotate(place.runtime, "olga")
    keys.forget(place.runtime, "olga")
    row = Keyring.parse(old).new_key()[1]
    values = {"uid": row.uid, "wrapped_by": row.wrapped_by, "wrapped": row.wrapped}
    with pytest.raises(IntegrityError), place.runtime.session() as session:
        session.execute(insert(DataKey).values(values))

    (place.folder / "bridge.keys").write_text(old)
    with pytest.raises(ConfigError, match="seals under k1, which 'bridge keys rotate --forget' gave up: it is an old copy"):
        Place(place.folder)


def test_an_older_database_takes_the_newer_key_file(place: Place) -> None:
    """A backup from before the rotation, brought back, learns the current key's name by itself."""
    place.runtime.engine.dispose()
    kept = engines.keep(place.folder)
    keys.rotate(place.runtime, "olga")
    place.runtime.engine.dispose()
    engines.put_back(place.folder, kept)

    again = Place(place.folder)
    again.mandates(mandate_line(3))
    assert (known(again), set(under(again))) == (["k1", "k2"], {"k1", "k2"})
    assert same_as_before(again, debtors=3)


@pytest.mark.parametrize(
    ("point", "debtors", "left", "new"),
    [
        ("keys: known to the database", FEW, {"k1"}, "k3"),
        ("keys: in the file", FEW, {"k1"}, ""),
        ("keys: some are resealed", MANY, {"k1", "k2"}, ""),
    ],
)
def test_a_rotation_that_was_killed_is_gone_on_with(tmp_path: Path, point: str, debtors: int, left: set[str], new: str) -> None:
    """Wherever it was killed, everything can be read meanwhile, and the same command ends with one current key for all."""
    place = Place(tmp_path / "plant")
    place.mandates(*(mandate_line(n) for n in range(1, debtors + 1)))
    place.runtime.engine.dispose()
    [[killed]] = run_jobs([job(place.folder, "rotate", NOW, fault=point)])
    place.open()
    assert (killed["code"], set(under(place))) == (-9, left)
    assert len(said(place)) == debtors

    done = keys.rotate(place.runtime, "olga")
    current = new or "k2"
    assert (done.added, set(under(place)), set(in_file(place).wrapping)) == (bool(new), {current}, {"k1", current})
    keys.forget(place.runtime, "olga")
    assert (known(place), set(in_file(place).wrapping)) == ([current], {current})
    assert same_as_before(place, debtors=debtors)


def test_a_forgetting_that_was_killed_is_gone_on_with(place: Place) -> None:
    """Killed between database and file: the old key is still there, and the same command takes it away."""
    keys.rotate(place.runtime, "olga")
    place.runtime.engine.dispose()
    [[killed]] = run_jobs([job(place.folder, "forget", NOW, fault="keys: forgotten by the database")])
    assert (killed["code"], known(place), set(in_file(place).wrapping)) == (-9, ["k2"], {"k1", "k2"})

    assert keys.forget(place.open(), "olga") == ["k1"]
    assert set(in_file(place).wrapping) == {"k2"}


def test_a_pass_runs_while_keys_are_rotated(tmp_path: Path) -> None:
    """A whole pass and a rotation at the same time: the pass does what it does alone, and both end well."""
    calm, busy = half_way(tmp_path / "calm"), tmp_path / "busy"
    calm.runtime.engine.dispose()
    engines.copy(calm.folder, busy)
    [alone], together = run_jobs(
        [job(calm.folder, "run", LATER)], [job(busy, "run", LATER), job(busy, "rotate", LATER)], warm=None
    )

    place = Place(busy, now=LATER)
    assert [one["code"] for one in (alone, *together)] == [0, 0, 0], together
    assert (place.states(), place.ledger("Bank")) == (calm.states(), calm.ledger("Bank"))
    keys.rotate(place.runtime, "olga")
    assert len(under(place)) == 1
    assert place.outbox() == calm.outbox()


def test_two_rotations_do_not_meet(place: Place) -> None:
    """The second one is told to wait; the key file would lose the key of one of them."""
    folder = os.open(place.folder, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    with pytest.raises(Unavailable, match="another 'bridge keys rotate' is at work"):
        keys.rotate(place.runtime, "olga")
    os.close(folder)

    assert (known(place), in_file(place).current) == (["k1"], "k1")


def test_a_key_file_that_cannot_be_replaced_is_refused(place: Place) -> None:
    """A link to a secret store: nothing is changed, and the refusal says where to rotate."""
    path = place.folder / "bridge.keys"
    path.rename(place.folder / "elsewhere.keys")
    path.symlink_to(place.folder / "elsewhere.keys")
    with pytest.raises(ConfigError, match="cannot be replaced here: it is a link"):
        keys.rotate(place.runtime, "olga")

    assert (known(place), in_file(place).current) == (["k1"], "k1")


def test_a_key_that_is_missing_is_wrong(place: Place) -> None:
    """The key file of before a rotation was put back: names cannot be read, and the doctor says so as loudly as the check."""
    before = (place.folder / "bridge.keys").read_text()
    keys.rotate(place.runtime, "olga")
    (place.folder / "bridge.keys").write_text(before)
    place.runtime.engine.dispose()
    said = Plant(place.folder).here("doctor", "--json")
    [found] = [one for one in said.json["checks"] if one["id"] == "keys"]

    assert (said.code, found["ok"]) == (4, False)
    assert found["detail"] == "data is sealed under k2, which the key file does not hold: bring back the file that does"


def test_the_commands_show_names_and_counts_and_no_secret(place: Place) -> None:
    """status, rotate, --forget and doctor as people type them; no key, in no form, stands in what they say or in the trail."""
    place.runtime.engine.dispose()
    plant, before = Plant(place.folder), in_file(place)
    plant.ok("keys", "status")
    plant.ok("keys", "rotate", "--actor", "olga")
    both = plant.ok("keys", "status", "--json").json
    after = in_file(place)
    assert "k1" in plant.ok("keys", "rotate", "--forget", "--actor", "olga").out
    doctor = {one["id"]: one["detail"] for one in plant.here("doctor", "--json").json["checks"]}

    count = sum(under(place).values())
    assert both == [
        {"name": "k1", "current": False, "in_file": True, "data_keys": 0},
        {"name": "k2", "current": True, "in_file": True, "data_keys": count},
    ]
    assert doctor["keys"] == "k2 is current, and everything is sealed under it"
    trail = json.dumps([(row.object, row.detail) for row in place.rows(Audit, Audit.act == "keys rotate")])
    assert trail == json.dumps([["key:k2", "new key"], ["key:k2", f"{count} sealed"], ["key:k2", "forgot k1"]])
    secrets = [key.hex() for ring in (before, after) for key in (*ring.wrapping.values(), ring.lookup)]
    words = " ".join(one.out + one.err for one in plant.said) + trail
    assert [secret for secret in secrets if secret in words or secret[:16] in words] == []
    assert OWN_IBAN not in words
