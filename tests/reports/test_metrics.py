"""The gauges: what they say of a plant that is half way, in a handful of queries, and nothing about anybody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event

from bridge import health, turns
from bridge.errors import Unavailable
from bridge.reports import clock, metrics
from bridge.steps import PIPELINE
from tests.steps.place import DEBTOR_IBAN, LATER, NOW, OWN_IBAN, Bill, Place, half_way

QUERIES_MAX = 10
Labels = tuple[str, ...]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return half_way(tmp_path)


def asked(place: Place) -> dict[str, dict[Labels, int]]:
    """name -> values of its labels -> value."""
    with place.runtime.reading() as session:
        return {one.name: dict(one.samples) for one in metrics.build(session, place.runtime)}


def gone_on(place: Place) -> None:
    """Every step takes a turn at LATER."""
    place.now = LATER
    for name, (step, _) in PIPELINE.items():
        with turns.remembered(place.runtime, name):
            step(place.runtime)


def test_a_debit_on_its_way_is_counted_where_it_is(place: Place) -> None:
    """Two debits of 125.00 EUR are at the bank; ten days later, two statements on, others are, and one line waits."""
    before = asked(place)
    gone_on(place)
    after = asked(place)

    assert before["collections"] == {("pending",): 0, ("held",): 0, ("batched",): 0, ("submitted",): 2, ("accepted",): 0}
    assert before["collections_cents"]["submitted",] == 12_500
    assert before["batches"]["submitted",] == 1
    assert before["account_statement_age_days"] == {}
    assert before["account_statements"] == {("main",): 0}
    assert after["collections_cents"] == {
        ("pending",): 0,
        ("held",): 0,
        ("batched",): 0,
        ("submitted",): 1_700,
        ("accepted",): 0,
    }
    assert after["batches"]["booked",] == 1
    assert after["account_statement_age_days"] == {("main",): 0}
    assert after["account_statements"] == {("main",): 2}
    assert after["vouchers_unsealed"] == {(): 0}


def test_what_waits_past_its_date_is_overdue(place: Place) -> None:
    """A debit that was due on 1 December and was cut into no file is overdue on the 3rd, not before."""
    place.rewrite('batch_at = ""', 'batch_at = "23:59"')
    place.bill(Bill(6, 333, debtor=2, block=200))
    for name in ("ingest", "collect"):
        PIPELINE[name][0](place.runtime)
    before, place.now = asked(place), LATER
    after = asked(place)

    assert before["collections_overdue_cents"] == {("pending",): 0, ("held",): 0, ("batched",): 0}
    assert after["collections_overdue"]["pending",] == 1
    assert after["collections_overdue_cents"]["pending",] == 333


def test_the_banks_hour_of_the_first_file_that_waits(tmp_path: Path) -> None:
    """Two files are sealed on 23 November for 1 and 3 December: until 27 November, 10:00 in Berlin. Then the hour has passed."""
    place = Place(tmp_path, collection='batch_at = ""\n')
    place.profile(one_due_date=True)
    place.mandates()
    place.bill(Bill(1), Bill(2, due=int(LATER.timestamp())))
    assert asked(place)["next_cutoff_seconds"] == {}
    for name in ("ingest", "collect", "batch"):
        PIPELINE[name][0](place.runtime)
    before = asked(place)
    place.now = datetime(2026, 11, 27, 9, 0, 1, tzinfo=UTC)
    after = asked(place)

    assert before["batches"]["sealed",] == 2
    assert before["next_cutoff_seconds"] == {("main",): (datetime(2026, 11, 27, 9, tzinfo=UTC) - NOW) // timedelta(seconds=1)}
    assert after["next_cutoff_seconds"] == {("main",): -1}


def test_a_file_that_the_bank_has_waits_for_no_hour(place: Place) -> None:
    """There is no sample."""
    assert asked(place)["batches"]["submitted",] == 1
    assert asked(place)["next_cutoff_seconds"] == {}


def test_a_break_grows_older(place: Place) -> None:
    """By kind, and by the days since it was opened."""
    gone_on(place)
    kind = place.breaks()[0][0]
    found = []
    for days in (0, 1, 2, 5, 6, 30, 31):
        place.now = LATER + timedelta(days=days)
        found += [age for (one, age) in asked(place)["breaks_open"] if one == kind]

    assert found == ["0-1", "0-1", "2-5", "2-5", "6-30", "6-30", "over 30"]


def test_how_far_a_source_is_behind(place: Place) -> None:
    """In blocks when it last moved, in seconds since then."""
    place.now = LATER
    PIPELINE["ingest"][0](place.runtime)
    place.now = LATER + timedelta(seconds=90)
    found = asked(place)

    assert found["source_block"] == {("plant-1",): 5_001}
    assert found["source_lag_blocks"] == {("plant-1",): 0}
    assert found["source_lag_seconds"] == {("plant-1",): 90}


def test_a_source_that_is_stopped_on_its_way_says_how_much_is_left(place: Place) -> None:
    """After the first range of a long way the final head is known, and so are the blocks between."""
    place.bill(Bill(6, 1, block=9_000))

    def stop(_: str) -> None:
        raise KeyboardInterrupt

    place.open(progress=stop)
    with pytest.raises(KeyboardInterrupt):
        PIPELINE["ingest"][0](place.runtime)
    found = asked(place)

    assert found["source_lag_blocks"]["plant-1",] == 9_000 - found["source_block"]["plant-1",] > 0


def test_a_step_that_is_refused_grows_old(place: Place) -> None:
    """Its last success stays where it was; how it ended is told."""
    with turns.remembered(place.runtime, "seal"):
        pass
    place.now = NOW + timedelta(minutes=5)
    with pytest.raises(Unavailable), turns.remembered(place.runtime, "seal"):
        raise Unavailable("away")
    found = asked(place)

    assert found["step_success_age_seconds"] == {("seal",): 300}
    assert found["step_outcome"] == {("seal", "refused"): 1}


def test_a_scrape_is_a_handful_of_queries(place: Place) -> None:
    """Whatever there is: they are about sets, not about rows."""
    gone_on(place)
    sent: list[str] = []
    event.listen(place.runtime.engine, "before_cursor_execute", lambda *a: sent.append(a[2].lstrip()))
    asked(place)

    assert 5 < sum(one.startswith("SELECT") for one in sent) <= QUERIES_MAX


def test_prometheus_reads_it_and_learns_nothing_about_anybody(place: Place) -> None:
    """Each gauge has its sentence and its samples; no IBAN, name, number of an invoice or EndToEndId is among them."""
    gone_on(place)
    text = health.exposition(place.runtime).decode()
    families = {one.name: one for one in text_string_to_metric_families(text)}

    assert {f"bridge_{name}" for name in asked(place)} == set(families)
    assert [one.name for one in families.values() if not one.documentation or one.type != "gauge"] == []
    assert {(s.labels["account"], s.value) for s in families["bridge_account_statement_age_days"].samples} == {("main", 0)}
    assert list(_told(text, place)) == []


def _told(text: str, place: Place) -> Iterator[str]:
    for word in (DEBTOR_IBAN, OWN_IBAN, "Debtor", "Musterwerk", "plant-1-0", *place.states()):
        if word in text:
            yield word


def test_a_statement_of_tomorrow_is_no_negative_age(place: Place) -> None:
    """A clock that went back, or a bank's mistake: the gauge is 0, and the doctor has the account and the date to look at."""
    gone_on(place)
    place.now = LATER - timedelta(days=2)
    with place.runtime.reading() as session:
        ahead = [clock.statements_ahead(session, on) for on in (LATER.date(), place.runtime.today())]

    assert asked(place)["account_statement_age_days"] == {("main",): 0}
    assert ahead == [{}, {"main": LATER.date()}]
