"""One collection for each open invoice, or none with the reason in words."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from bridge.acts import hold, mandates
from bridge.model import Collection, Invoice, Move
from bridge.steps import batch, collect, ingest
from tests.steps.child import job, run_jobs
from tests.steps.place import NOW, Bill, Place, mandate_line

NUMBER = "plant-1-000001"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def collected(place: Place) -> dict[str, int]:
    ingest.run(place.runtime)
    return collect.run(place.runtime)


def test_an_invoice_becomes_one_collection(place: Place) -> None:
    """An open invoice with a mandate becomes one pending collection over its whole amount; the invoice is collecting."""
    place.mandates()
    place.bill(Bill(1, 12_345))
    assert collected(place) == {"opened": 1, "held": 0, "refused": 0, "released": 0, "ended": 0}

    [one] = place.rows(Collection)
    assert (one.end_to_end_id, one.attempt, one.amount_cents, one.state) == (f"{NUMBER}-1", 1, 12_345, "pending")
    assert (one.scheme, one.sequence, one.due_on) == ("CORE", "RCUR", date(2026, 12, 1))
    assert place.rows(Invoice)[0].state == "collecting"


def test_a_second_run_does_nothing(place: Place) -> None:
    """Collecting twice, also what is held and refused, changes nothing the second time."""
    place.mandates(mandate_line(1))
    place.bill(Bill(1), Bill(2, debtor=2), Bill(3, 5_000_001))
    assert collected(place) == {"opened": 1, "held": 1, "refused": 1, "released": 0, "ended": 0}
    before = place.dump()
    assert sum(collect.run(place.runtime).values()) == 0

    assert place.dump() == before


@pytest.mark.parametrize(
    ("mandate", "why"),
    [
        (mandate_line(2), "no mandate for debtor"),
        (mandate_line(1, agreement="0x" + "77" * 32), "no mandate for debtor"),
        (mandate_line(1, scheme="B2B"), "B2B mandate MND-0001 is not yet confirmed with the debtor's bank"),
        (mandate_line(1, iban="DE93999999990000000001"), "mandate MND-0001 is paused: "),
    ],
)
def test_each_hold_says_why(place: Place, mandate: dict[str, str], why: str) -> None:
    """T42: what keeps an invoice from being collected is a sentence."""
    place.mandates(mandate)
    place.bill(Bill(1))
    collected(place)

    assert why in place.reasons()[NUMBER]


def test_the_limit_holds_and_a_person_releases(place: Place) -> None:
    """One cent above amount_max_cents is held; at the limit it is not. A person's release beats the limit, for good."""
    place.mandates()
    place.bill(Bill(1, 5_000_001), Bill(2, 5_000_000))
    assert collected(place)["held"] == 1
    assert "50,000.01 EUR is above the limit of 50,000.00 EUR" in place.reasons()[NUMBER]
    hold.run(place.runtime, "anna", NUMBER, "released", "checked by phone")
    collect.run(place.runtime)

    assert place.reasons()[NUMBER] == ""
    assert batch.run(place.runtime)["collections"] == 2


def test_a_release_does_not_lift_other_reasons(place: Place) -> None:
    """A released collection whose mandate is paused goes into no file: it is held again, with the reason."""
    place.mandates()
    place.bill(Bill(1, 5_000_001))
    collected(place)
    mandates.run(place.runtime, "anna", "MND-0001", "paused", "asked to wait")
    hold.run(place.runtime, "anna", NUMBER, "released", "checked")
    assert batch.run(place.runtime)["batches"] == 0

    assert place.reasons()[NUMBER] == "mandate MND-0001 is paused: asked to wait"


def test_two_mandates_of_one_debtor_hold_the_invoice(place: Place) -> None:
    """Two mandates that fit equally are a question for a person; no collection is formed until one is revoked."""
    place.mandates(mandate_line(1, mandate_id="A-1"), mandate_line(1, mandate_id="A-2"))
    place.bill(Bill(1))
    assert collected(place)["refused"] == 1
    assert "more than one mandate fits this debtor (A-1, A-2)" in place.reasons()[NUMBER]
    mandates.run(place.runtime, "anna", "A-1", "revoked", "doubled")
    assert collect.run(place.runtime) == {"opened": 1, "held": 0, "refused": 0, "released": 1, "ended": 0}

    assert place.reasons()[NUMBER] == ""


def test_a_mandate_of_the_agreement_goes_first(place: Place) -> None:
    """A mandate that names the invoice's agreement is taken before one that names none."""
    place.mandates(mandate_line(1, mandate_id="GENERAL"), mandate_line(1, mandate_id="EXACT", agreement=f"0x{7:064x}"))
    place.bill(Bill(1, agreement=7), Bill(2, agreement=8))
    collected(place)

    assert [row.mandate_id for row in place.rows(Collection)] == [2, 1]


def test_after_an_import_the_invoice_goes_on(place: Place) -> None:
    """An invoice held for want of a mandate is judged again once one is imported."""
    place.bill(Bill(1))
    assert collected(place)["refused"] == 1
    place.mandates()
    assert collect.run(place.runtime) == {"opened": 1, "held": 0, "refused": 0, "released": 1, "ended": 0}

    moves = [(row.news, row.to_state) for row in place.rows(Move, Move.noun == "invoice")]
    assert moves == [("final", "open"), ("held", "held"), ("released", "open"), ("collecting", "collecting")]


def test_the_reason_is_the_one_of_today(place: Place) -> None:
    """What is held for another reason than it was says the new one: a person acts on what is written."""
    place.bill(Bill(1), Bill(2, 5_000_001, debtor=2))
    place.mandates(mandate_line(2))
    collected(place)
    place.mandates(mandate_line(1, mandate_id="A-1"), mandate_line(1, mandate_id="A-2"))
    mandates.run(place.runtime, "anna", "MND-0002", "paused", "moved away")
    assert sum(collect.run(place.runtime).values()) == 0

    assert "more than one mandate" in place.reasons()[NUMBER]
    assert place.reasons()["plant-1-000002"] == "mandate MND-0002 is paused: moved away"
    before = place.dump()
    collect.run(place.runtime)
    assert place.dump() == before


def test_what_a_rule_held_goes_on_by_itself(place: Place) -> None:
    """A collection held because its mandate was paused goes on when the mandate is active again."""
    place.mandates()
    place.bill(Bill(1))
    mandates.run(place.runtime, "anna", "MND-0001", "paused", "question")
    assert collected(place)["held"] == 1
    mandates.run(place.runtime, "anna", "MND-0001", "resumed", "")
    assert collect.run(place.runtime)["released"] == 1

    assert place.reasons()[NUMBER] == ""


def test_what_a_person_held_waits_for_a_person(place: Place) -> None:
    """A hold by a person, on an invoice or a collection, is never lifted by a rule."""
    place.mandates()
    place.bill(Bill(1), Bill(2, debtor=2))
    ingest.run(place.runtime)
    hold.run(place.runtime, "anna", "plant-1-000002", "held", "dispute")
    collect.run(place.runtime)
    hold.run(place.runtime, "anna", NUMBER, "held", "dispute")
    place.mandates(mandate_line(2))
    assert sum(collect.run(place.runtime).values()) == 0
    assert batch.run(place.runtime)["batches"] == 0
    hold.run(place.runtime, "anna", "plant-1-000002", "released", "settled")
    hold.run(place.runtime, "anna", NUMBER, "released", "settled")

    assert collect.run(place.runtime)["opened"] == 1
    assert batch.run(place.runtime)["collections"] == 2


def test_the_database_keeps_one_live_collection(place: Place) -> None:
    """A second live collection of one invoice is refused by the database itself, whoever writes it."""
    place.mandates()
    place.bill(Bill(1))
    collected(place)
    columns = "invoice_id, mandate_id, account_id, amount_cents, scheme, sequence, due_on, recorded_at, reason, version"
    again = text(
        f"INSERT INTO collection ({columns}, state, attempt, end_to_end_id, end_to_end_key) "
        f"SELECT {columns}, 'pending', 2, 'X-2', 'X-2' FROM collection"
    )
    with (
        pytest.raises(IntegrityError, match=r"collection\.invoice_id|uq_collection_live"),
        place.runtime.engine.begin() as connection,
    ):
        connection.execute(again)
    with place.runtime.engine.begin() as connection:
        connection.execute(text("UPDATE collection SET state = 'rejected'"))
        connection.execute(again)

    assert [row.state for row in place.rows(Collection)] == ["rejected", "pending"]


def test_a_failed_attempt_is_not_repeated_by_itself(place: Place) -> None:
    """After a rejected attempt the invoice is open again, and no run forms a second collection."""
    place.mandates()
    place.bill(Bill(1))
    collected(place)
    with place.runtime.engine.begin() as connection:  # what a rejection leaves
        connection.execute(text("UPDATE collection SET state = 'rejected'"))
        connection.execute(text("UPDATE invoice SET state = 'open'"))
    assert sum(collect.run(place.runtime).values()) == 0

    assert len(place.rows(Collection)) == 1


def test_two_processes_form_each_collection_once(place: Place) -> None:
    """Two processes collect at the same time: one collection for each invoice, and neither fails."""
    place.mandates()
    place.bill(*(Bill(n, block=100) for n in range(1, 1_201)))
    ingest.run(place.runtime)
    [answers] = run_jobs([job(place.folder, "collect", NOW) for _ in range(2)])

    assert [answer["code"] for answer in answers] == [0, 0], answers
    assert sum(answer["said"]["collect"]["opened"] for answer in answers) == 1_200
    assert len(place.rows(Collection)) == 1_200


def test_a_killed_process_leaves_nothing_half_done(place: Place) -> None:
    """SIGKILL before the commit, then a run: one collection, one Move."""
    place.mandates()
    place.bill(Bill(1))
    ingest.run(place.runtime)
    [[killed], [again]] = run_jobs(
        [job(place.folder, "collect", NOW, fault="collect: before commit")], [job(place.folder, "collect", NOW)]
    )
    assert killed["code"] == -9

    assert again["said"]["collect"]["opened"] == 1
    assert len(place.rows(Move, Move.noun == "collection")) == 1


def test_no_statement_grows_with_the_number_of_invoices(place: Place) -> None:
    """A thousand held invoices and a thousand held collections are judged again where a statement takes 999 values."""
    place.variables_max(999)
    place.bill(*(Bill(n, block=100, debtor=1 + n % 2) for n in range(1, 2_203)), Bill(9_999, block=100))
    place.mandates(mandate_line(1))
    mandates.run(place.runtime, "anna", "MND-0001", "paused", "question")
    assert collected(place) == {"opened": 0, "held": 1_102, "refused": 1_101, "released": 0, "ended": 0}
    place.mandates(mandate_line(2))
    mandates.run(place.runtime, "anna", "MND-0001", "resumed", "")

    assert collect.run(place.runtime) == {"opened": 1_101, "held": 0, "refused": 0, "released": 2_203, "ended": 0}


@pytest.mark.parametrize(
    ("today", "asked", "due"),
    [
        ("2026-11-23T08:30+00:00", date(2026, 11, 24), date(2026, 11, 25)),  # Monday before 10:00: two TARGET days ahead
        ("2026-11-23T09:30+00:00", date(2026, 11, 24), date(2026, 11, 26)),  # after 10:00 the file counts from Tuesday
        ("2026-11-23T08:30+00:00", date(2026, 12, 25), date(2026, 12, 28)),  # Christmas, then a week-end
        ("2026-03-29T08:30+00:00", date(2026, 3, 30), date(2026, 4, 1)),  # the Sunday on which the clocks change
        ("2026-04-01T07:59+00:00", date(2026, 4, 3), date(2026, 4, 7)),  # 9:59 in summer time; Good Friday, Easter Monday
    ],
)
def test_the_due_date_is_reachable_and_open(tmp_path: Path, today: str, asked: date, due: date) -> None:
    """Not before it is due, not before the bank can, and on a TARGET day."""
    place = Place(tmp_path, now=datetime.fromisoformat(today))
    place.mandates(mandate_line(signed_on="2026-01-02"))
    place.bill(Bill(1, due=int(datetime.combine(date(2026, 12, 1), datetime.min.time(), UTC).timestamp())))
    ingest.run(place.runtime)
    with place.runtime.engine.begin() as connection:
        connection.execute(text("UPDATE invoice SET due_on = :asked"), {"asked": asked.isoformat()})
    collect.run(place.runtime)

    assert place.rows(Collection)[0].due_on == due
