"""Limits and doubts hold a debit in words; a person releases it, and the block list is not released."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge import doubting
from bridge.acts import hold
from bridge.model import Batch, Collection
from bridge.steps import batch, collect, ingest
from tests.steps.place import Bill, Place, mandate_line

HEAD = 'batch_at = ""\napproval = "none"\n'


def run(place: Place, *bills: Bill) -> None:
    place.bill(*bills)
    ingest.run(place.runtime)
    collect.run(place.runtime)


def release(place: Place, number: str) -> None:
    hold.run(place.runtime, "anna", number, "released", "looked at it")


def test_the_same_invoice_from_another_contract_waits_for_a_look(tmp_path: Path) -> None:
    """Two sources bill the same machine, period and amount: the later is shown, not debited, until a person releases it."""
    place = Place(tmp_path, sources=2, collection=HEAD)
    place.mandates()
    place.bill(Bill(1, agreement=7))
    place.bill(Bill(2, agreement=7), source="plant-2")
    run(place)
    assert place.states()["plant-2-000002-1"] == "held", "before anybody is told of it"
    batch.run(place.runtime)
    assert place.states() == {"plant-1-000001-1": "batched", "plant-2-000002-1": "held"}
    assert place.reasons()["plant-2-000002"].startswith("invoice plant-1-000001 says the same debtor, machine, period and amount")
    collect.run(place.runtime)
    assert place.states()["plant-2-000002-1"] == "held"
    release(place, "plant-2-000002")
    batch.run(place.runtime)

    assert place.states()["plant-2-000002-1"] == "batched"


def test_a_debtors_month_is_held_at_its_limit(tmp_path: Path) -> None:
    """The debit that goes over it waits; the ones before go out."""
    place = Place(tmp_path, collection=HEAD + "debtor_month_max_cents = 20000\n")
    place.mandates(mandate_line(1), mandate_line(2))
    run(place, Bill(1), Bill(2), Bill(3), Bill(4, debtor=2))
    batch.run(place.runtime)

    assert [row.state for row in place.rows(Collection)] == ["batched", "batched", "held", "batched"]
    assert "the limit is 200.00 EUR" in place.reasons()["plant-1-000003"]


def test_a_month_counts_what_was_formed_before_whichever_invoice_is_older(tmp_path: Path) -> None:
    """An invoice that was held when the next one was collected comes after it: the two together are over the limit."""
    place = Place(tmp_path, collection=HEAD + "debtor_month_max_cents = 15000\n")
    place.mandates()
    place.bill(Bill(1), Bill(2))
    ingest.run(place.runtime)
    hold.run(place.runtime, "anna", "plant-1-000001", "held", "a question")
    for again in (False, True):
        if again:
            release(place, "plant-1-000001")
        collect.run(place.runtime)
        batch.run(place.runtime)

    assert place.states() == {"plant-1-000002-1": "batched", "plant-1-000001-1": "held"}
    assert "200.00 EUR would be due of this debtor" in place.reasons()["plant-1-000001"]


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is billed every day makes more debits than are remembered; here that is one."""
    monkeypatch.setattr(doubting, "REMEMBERED", 1)


@pytest.mark.usefixtures("forgetful")
def test_a_month_is_added_up_whole(tmp_path: Path) -> None:
    """However many debits it has."""
    place = Place(tmp_path, collection=HEAD + "debtor_month_max_cents = 41000\n")
    place.mandates()
    for number in range(1, 5):
        run(place, Bill(number))
    run(place, Bill(5, 1_500))
    batch.run(place.runtime)

    assert [row.state for row in place.rows(Collection)] == ["batched"] * 4 + ["held"]
    assert "415.00 EUR would be due of this debtor" in place.reasons()["plant-1-000005"]


@pytest.mark.usefixtures("forgetful")
def test_a_twin_is_found_however_many_debits_lie_between(tmp_path: Path) -> None:
    """It says the same as the first of three."""
    place = Place(tmp_path, sources=2, collection=HEAD)
    place.mandates()
    for number in range(1, 4):
        run(place, Bill(number, agreement=number))
    place.bill(Bill(4, agreement=1), source="plant-2")
    run(place)

    assert place.states()["plant-2-000004-1"] == "held"
    assert place.reasons()["plant-2-000004"].startswith("invoice plant-1-000001 says the same")


def test_an_unusual_amount_waits(tmp_path: Path) -> None:
    """After five credited debits of 100 euro one of 1,000.01 is looked at."""
    place = Place(tmp_path, collection=HEAD)
    place.mandates()
    run(place, *(Bill(number) for number in range(1, 6)))
    batch.run(place.runtime)
    with place.runtime.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE collection SET state = 'settled'")
    run(place, Bill(6, 100_001), Bill(7, 100_000))

    assert [row.state for row in place.rows(Collection)][-2:] == ["held", "pending"]


def test_a_blocked_debtor_is_not_collected_from_even_if_released(tmp_path: Path) -> None:
    """The list is a decision already; what was sealed before it was made does not leave either."""
    place = Place(tmp_path, collection=HEAD)
    place.mandates()
    run(place, Bill(1))
    batch.run(place.runtime)
    ref = f"0x{1:064x}"
    place.rewrite(HEAD, HEAD + f'blocked_debtors = ["{ref}"]\n')
    run(place, Bill(2))
    release(place, "plant-1-000002")
    batch.run(place.runtime)

    assert place.states()["plant-1-000002-1"] == "held"
    assert "is on the block list" in place.reasons()["plant-1-000002"]


def test_a_file_has_a_limit_of_money(tmp_path: Path) -> None:
    """More becomes more files, each within it, and nobody is lost."""
    place = Place(tmp_path, collection=HEAD + "batch_max_cents = 25000\n")
    place.mandates()
    run(place, *(Bill(number) for number in range(1, 6)))
    batch.run(place.runtime)

    sums = [row.control_sum_cents for row in place.rows(Batch)]
    assert sum(sums) == 50_000
    assert max(sums) <= 25_000


@pytest.mark.parametrize("text", ["0x12", "plant", "0x" + "g" * 64])
def test_a_block_list_names_debtors_as_the_chain_does(tmp_path: Path, text: str) -> None:
    """Anything else would block nobody, silently."""
    place = Place(tmp_path, collection=HEAD)
    with pytest.raises(Exception, match="64 hex digits"):
        place.rewrite(HEAD, HEAD + f'blocked_debtors = ["{text}"]\n')
