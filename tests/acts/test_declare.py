"""What bridge.toml declares becomes rows and versions; what a sealed file used does not change by editing it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bridge.acts import declare
from bridge.errors import BridgeError, ConfigError
from bridge.model import Account, Creditor, Declaration, Source
from bridge.steps import batch, collect, ingest
from tests.steps.place import OTHER_IBAN, OWN_IBAN, Bill, Place
from tests.testdata import ROOT


@pytest.fixture
def used(tmp_path: Path) -> Place:
    """A place whose creditor and account stand in a sealed file."""
    place = Place(tmp_path)
    place.mandates()
    place.bill(Bill(1))
    for step in (ingest, collect, batch):
        step.run(place.runtime)
    assert len(place.batches()) == 1
    return place


def versions(place: Place) -> list[tuple[str, str, int]]:
    return [(row.noun, row.name, row.version) for row in place.rows(Declaration)]


def test_a_declaration_is_recorded_once(tmp_path: Path) -> None:
    """Declared twice without a change: one version each; a change is the second, with the hash of the config."""
    place = Place(tmp_path)
    declare.run(place.runtime)
    first = [("account", "main", 1), ("creditor", "DE9809999999999", 1), ("source", "plant-1", 1)]
    assert versions(place) == first
    place.rewrite("hold_minutes = 0", "hold_minutes = 5")

    assert versions(place) == [*first, ("source", "plant-1", 2)]
    assert place.rows(Declaration)[-1].config_sha256 == place.runtime.settings.sha256
    assert (len(place.rows(Account)), len(place.rows(Creditor)), len(place.rows(Source))) == (1, 1, 1)


def test_an_iban_may_be_corrected_before_its_use(tmp_path: Path) -> None:
    """Nothing was sealed yet: the new IBAN counts."""
    place = Place(tmp_path)
    place.rewrite(OWN_IBAN, OTHER_IBAN)

    assert versions(place)[-1] == ("account", "main", 2)


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (OWN_IBAN, OTHER_IBAN, "its IBAN was used in a sealed file"),
        ("Musterwerk Maschinen GmbH", "Musterwerk AG", "its name and identifier were used"),
        ("DE98ZZZ09999999999", "DE98ABC09999999999", "its name and identifier were used"),
        ("0x00000000000000000000000000000000000000c0", "0x" + "e" * 40, "never change; give the new contract a new source name"),
        ('name = "plant-1"\n', 'name = "plant-9"\n', "is already source 'plant-1'"),
    ],
)
def test_what_was_used_does_not_change_by_editing(used: Place, before: str, after: str, why: str) -> None:
    """IBAN, name, identifier, contract: refused with what to do, and nothing of the edit is stored."""
    rows = used.dump()
    with pytest.raises(ConfigError, match=why) as refusal:
        used.rewrite(before, after)

    assert OWN_IBAN not in str(refusal.value)
    assert OTHER_IBAN not in str(refusal.value)
    assert used.dump() == rows


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (OWN_IBAN, "DE02120300000000202052"),
        ("DE98ZZZ09999999999", "DE97ZZZ09999999999"),
        ('bank = "default"', 'bank = "nobody"'),
    ],
)
def test_a_wrong_declaration_stores_nothing(tmp_path: Path, before: str, after: str) -> None:
    """A mistyped IBAN, identifier or bank profile is refused before anything is stored."""
    place = Place(tmp_path)
    rows = place.dump()
    with pytest.raises(BridgeError) as refusal:
        place.rewrite(before, after)

    assert "DE02120300000000202052" not in str(refusal.value)
    assert place.dump() == rows


def test_the_doctor_says_so(used: Place) -> None:
    """``bridge doctor`` finds the edit, names the account and not the IBAN, and ends with 4."""
    path = used.folder / "bridge.toml"
    path.write_text(path.read_text().replace(OWN_IBAN, OTHER_IBAN))
    done = subprocess.run(
        [sys.executable, "-m", "bridge", "doctor", "--json", "--config", str(path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 4, done.stderr
    assert "its IBAN was used in a sealed file" in done.stdout
    assert OTHER_IBAN not in done.stdout + done.stderr
