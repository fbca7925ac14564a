"""Who counts as a person."""

from __future__ import annotations

import pytest

from bridge.rules import people


@pytest.mark.parametrize("name", ["anna", "Anna", "  anna ", "ANNA", "\uff21nna"])
def test_one_person_by_any_spelling(name: str) -> None:
    """Case, blanks and wide letters make nobody a second person."""
    assert people.person(name) == "anna"


def test_blanks_inside_a_name_count_once() -> None:
    """Two blanks between the names are one; without any it is another name."""
    assert people.person("Anna  Lena") == people.person("anna lena") != people.person("annalena")


MACHINES = (
    "attest", "batch", "beat", "bridge", "collect", "config", "cron", "handover", "import", "ingest", "init", "notify", "receive",
    "reconcile", "root", "seal", "service", "system", "worker",
)  # fmt: skip


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_counts_as_nobody(name: str) -> None:
    """Our own steps and shells, and the usual accounts that programs run under, are no person in any spelling."""
    assert people.is_machine(name.title() + " ")


def test_a_person_is_no_machine() -> None:
    """Whoever is not called like one."""
    assert not people.is_machine("anna")
