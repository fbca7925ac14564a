"""The reports of one history, told by hand, and the same reports of its past.

Invoices: 1 Ölmann 123.45 paid, 2 Süd (B2B) 200.00 rejected, 3 Ölmann 70.01 returned with a fee of 3.00, 4 without a mandate
50.00, 5 Ölmann 300.00 due in December. Monday they are formed, then two files go to the bank; it answers; a person takes the
return back and the rules say it anew; the mandate's account changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bridge.acts import amend_mandate, release, undo
from bridge.balances import NOW, View
from bridge.model import Entry
from bridge.reports import ageing, batches, forecast, return_rates
from bridge.reports.asked import ask
from bridge.sim.bank import SimBank
from tests.reports.forms import EVERY_NAME, NAMES, in_every_form, written
from tests.worlds import B2B_DEBTOR, CORE_DEBTOR, MAIN_IBAN, NOBODY, OTHER_IBAN, Usage, World, at_the_bank, make

DUE, LATER, OLD = date(2026, 11, 25), date(2026, 12, 21), date(2026, 11, 20)
BILLED = (
    Usage(CORE_DEBTOR, 123_45, DUE),
    Usage(B2B_DEBTOR, 200_00, DUE),
    Usage(CORE_DEBTOR, 70_01, DUE),
    Usage(NOBODY, 50_00, OLD),
    Usage(CORE_DEBTOR, 300_00, LATER),
)
FORMED, SENT, REPORTED, CREDITED, RETURNED, UNDONE, END = (
    datetime(2026, 11, day, hour, tzinfo=UTC) for day, hour in ((23, 8), (23, 9), (24, 8), (25, 19), (27, 19), (28, 9), (30, 9))
)


@dataclass(frozen=True, slots=True)
class History:
    world: World
    #: when -> what the reports said then, of that very moment (as people asked: of now)
    said: dict[datetime, dict[str, str]]

    def ask(self, build: Callable[..., Any], view: View = NOW) -> Any:
        """One report's data; two of them want the runtime, too."""
        words = [self.world.runtime] if build in (return_rates.build, forecast.build) else []
        with self.world.runtime.reading() as session:
            return build(session, *words, ask(self.world.runtime, view))


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory, engine: str) -> History:
    world = make(tmp_path_factory.mktemp("history"), BILLED, now=FORMED)
    said: dict[datetime, dict[str, str]] = {}
    world.import_mandates(CORE_DEBTOR, B2B_DEBTOR)
    world.run("ingest", "collect")
    said[FORMED] = written(world, NOW)
    world.now = SENT
    world.run()
    said[SENT] = written(world, NOW)
    bank = SimBank(MAIN_IBAN, opening_cents=1_000_00, style="single")
    bank.plan({"plant-1-000002-1": "reject:AC01", "plant-1-000003-1": "return:AC04:300"})
    reports = []
    for path in sorted((world.folder / "outbox").glob("*.xml")):
        bank.upload(path.read_bytes())
        reports.append(bank.status_report(date(2026, 11, 23)))
    statements = [bank.statement(DUE)], [bank.statement(date(2026, 11, 27))]
    for at, bodies in zip((REPORTED, CREDITED, RETURNED), (reports, *statements), strict=True):
        world.now = at
        for number, body in enumerate(bodies):
            world.receive(f"{at:%d}-{number}.xml", body)
        world.run()
        said[at] = written(world, NOW)
    world.now = UNDONE
    with world.runtime.reading() as session:
        back = session.scalars(select(Entry.id).where(Entry.amount_cents == -73_01)).one()
    undo.run(world.runtime, "anna", back, "looked at again")
    said[UNDONE] = written(world, NOW, EVERY_NAME)
    world.now = END
    release.run(world.runtime, "anna", back)
    world.run("reconcile")
    amend_mandate.run(world.runtime, "anna", CORE_DEBTOR.mandate, {"iban": OTHER_IBAN})
    return History(world, said)


# --- the past ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [FORMED, SENT, REPORTED, CREDITED, RETURNED, UNDONE])
def test_a_report_is_the_same_bytes_years_later(history: History, at: datetime) -> None:
    """Asked at the end for what was known then, every table is what it was: no file, settlement, return or undo since shows."""
    again = written(history.world, View(known_at=at), EVERY_NAME if at == UNDONE else NAMES)

    # whether the contract counts as many invoices is only asked of now
    differing = {name for name, text in history.said[at].items() if again[name] != text}
    assert differing <= {"reconciliation", "reconciliation.sources"}
    assert history.said[at]["reconciliation"].replace("no proof", "not asked") == again["reconciliation"]


@pytest.mark.only_on("sqlite", "what the reports say is compared on both engines above")
def test_a_day_and_a_moment_fix_a_report(history: History) -> None:
    """As of the evening of the credit, known that evening: years later every report has the same bytes in every form."""
    view = View(date(2026, 11, 25), CREDITED)
    first = in_every_form(history.world, view)
    history.world.now = datetime(2031, 1, 1, tzinfo=UTC)
    try:
        again = in_every_form(history.world, view)
    finally:
        history.world.now = END
    assert [name for name, body in first.items() if again[name] != body] == []


def test_what_came_later_is_in_the_books_of_its_day(history: History) -> None:
    """As of a past day with all that is known today: the credit is there, the return of two days later is not."""
    credited = history.ask(ageing.build, View(as_of=date(2026, 11, 25)))
    assert {one.invoice: one.state for one in credited.invoices} == {
        "plant-1-000002": "returned_open",
        "plant-1-000004": "held",
        "plant-1-000005": "open",
    }
    returned = history.ask(ageing.build, View(as_of=date(2026, 11, 28)))
    assert {one.invoice: one.days for one in returned.invoices} == {
        "plant-1-000002": 3,
        "plant-1-000003": 3,
        "plant-1-000004": 8,
        "plant-1-000005": -23,
    }


# --- ageing ------------------------------------------------------------------------------------------------------------


def test_open_items_by_age(history: History) -> None:
    """By hand: 200.00 rejected and 70.01 returned, five days over; 50.00 held, ten days over; 300.00 not due."""
    found = history.ask(ageing.build)

    assert [
        (one.invoice, one.days, one.bucket, one.state, one.owed_cents) for one in sorted(found.invoices, key=lambda o: o.invoice)
    ] == [
        ("plant-1-000002", 5, "days_1_30", "returned_open", 200_00),
        ("plant-1-000003", 5, "days_1_30", "returned_open", 70_01),
        ("plant-1-000004", 10, "days_1_30", "held", 50_00),
        ("plant-1-000005", -21, "not_due", "open", 300_00),
    ]
    assert [(one.bucket, one.invoices, one.owed_cents) for one in found.buckets] == [
        ("not_due", 1, 300_00),
        ("days_1_30", 3, 320_01),
        ("days_31_60", 0, 0),
        ("days_61_90", 0, 0),
        ("over_90", 0, 0),
    ]
    ours = next(one for one in found.debtors if one.debtor_ref == CORE_DEBTOR.reference)
    assert (ours.invoices, ours.by_bucket["days_1_30"], ours.by_bucket["not_due"], ours.owed_cents) == (2, 70_01, 300_00, 370_01)


@pytest.mark.parametrize("at", [FORMED, SENT, REPORTED, CREDITED, RETURNED, UNDONE, END])
def test_every_total_is_that_of_the_reconciliation(history: History, at: datetime) -> None:
    """In each view: owed = Receivable, at the bank = Clearing, fees = Charges; no difference in any."""
    view = View(known_at=at)
    proof = history.world.report(view)
    aged, ahead = history.ask(ageing.build, view), history.ask(forecast.build, view)
    rates = history.ask(return_rates.build, view)

    assert proof.difference_cents == 0
    assert (aged.owed_cents, aged.in_flight_cents) == (proof.receivable_cents, proof.clearing_cents)
    assert ahead.submitted_cents == proof.clearing_cents
    assert rates.fees_cents == proof.charges_cents
    assert history.ask(batches.build, view).ok


# --- returns -----------------------------------------------------------------------------------------------------------


def test_return_rates(history: History) -> None:
    """Three debits: 123.45 paid, 200.00 rejected, 70.01 returned for 3.00."""
    found = history.ask(return_rates.build)

    total = found.total
    assert (total.presented, total.presented_cents, total.decided, total.rejected, total.returned) == (3, 393_46, 3, 1, 1)
    assert (total.rate_basis_points, total.rate_of_amount_basis_points) == (66_67, 68_62)  # 2/3; 270.01/393.46 = 0.686245
    assert [(one.reason, one.rejected, one.returned, one.cents, one.fee_cents) for one in found.by_reason] == [
        ("AC01", 1, 0, 200_00, 0),
        ("AC04", 0, 1, 70_01, 3_00),
    ]
    assert [(one.name, one.presented, one.rejected + one.returned) for one in found.by_mandate_age] == [
        ("first_debit", 2, 1),
        ("under_1_year", 1, 1),
    ]
    assert (total.fee_cents, found.fees_kept_cents, found.fees_apart_cents) == (3_00, 0, 0)


def test_the_bank_is_the_one_that_was_debited(history: History) -> None:
    """The mandate has an account at 50010517 now; its debits went to 37040044, and there they failed. No account is shown."""
    found = history.ask(return_rates.build)

    assert [(one.name, one.presented, one.rejected + one.returned) for one in found.by_bank] == [
        ("DE 10050000", 1, 1),
        ("DE 37040044", 2, 1),
    ]
    for text in written(history.world, NOW).values():
        assert CORE_DEBTOR.iban not in text
        assert CORE_DEBTOR.iban[12:] not in text


def test_an_undone_return_is_none(history: History) -> None:
    """While the return was taken back its debit counted as credited, and its fee as not booked."""
    found = history.ask(return_rates.build, View(known_at=UNDONE))

    assert (found.total.rejected, found.total.returned, found.fees_cents) == (1, 0, 0)
    assert [one.reason for one in found.by_reason] == ["AC01"]


def test_only_what_was_presented_since(history: History) -> None:
    """``--since`` the next day leaves nothing of Monday's file, and none of its fees."""
    with history.world.runtime.reading() as session:
        found = return_rates.build(session, history.world.runtime, ask(history.world.runtime, NOW), date(2026, 11, 24))

    assert (found.total.presented, found.fees_cents) == (0, 0)


# --- forecast ----------------------------------------------------------------------------------------------------------


def test_the_forecast_before_and_after_the_file_left(history: History) -> None:
    """Formed in the morning, at the bank an hour later; what is due in four weeks waits; held is beside it."""
    formed = history.ask(forecast.build, View(known_at=FORMED))
    sent = history.ask(forecast.build, View(known_at=SENT))

    assert [(one.day, one.debits, one.formed_cents, one.submitted_cents) for one in formed.days] == [
        (DUE, 3, 393_46, 0),
        (LATER, 1, 300_00, 0),
    ]
    assert [(one.day, one.formed_cents, one.submitted_cents) for one in sent.days] == [(DUE, 0, 393_46), (LATER, 300_00, 0)]
    assert [(one.what, one.count, one.cents) for one in sent.uncounted] == [
        ("held_debits", 0, 0),
        ("held_invoices", 1, 50_00),
        ("open_invoices", 0, 0),
    ]


def test_what_is_expected_to_fail_is_rounded_up(history: History) -> None:
    """270.01 of 393.46 failed: of 300.00 that is 205.8735..., so 205.88 are expected to fail."""
    found = history.ask(forecast.build, View(as_of=date(2026, 12, 2)))

    (day,) = found.days
    assert (day.day, day.expected_cents, day.loss_cents, day.net_cents) == (LATER, 300_00, 205_88, 94_12)
    assert (found.failed_cents, found.decided_cents) == (270_01, 393_46)


def test_the_rate_waits_for_the_returns(history: History) -> None:
    """Four bank days after the due date returns are still on their way: nothing is measured, not the rejections alone either."""
    for view in (View(known_at=REPORTED), View(as_of=date(2026, 12, 1))):
        found = history.ask(forecast.build, view)
        assert (found.decided_cents, {one.loss_cents for one in found.days}) == (0, {0})


def test_what_the_bank_has_not_answered_is_overdue(history: History) -> None:
    """Two days after the due date, by what was known before the statement: still expected on its day, marked."""
    found = history.ask(forecast.build, View(date(2026, 11, 27), REPORTED))

    assert next((one.day, one.overdue, one.submitted_cents) for one in found.days) == (DUE, True, 193_46)


# --- batches -----------------------------------------------------------------------------------------------------------


def test_each_file_with_what_became_of_it(history: History) -> None:
    """CORE: 193.46, all credited, 70.01 of it back. B2B: 200.00, rejected."""
    found = history.ask(batches.build)

    assert [
        (one.scheme, one.state, one.collections, one.sum_cents, one.credited_cents, one.returned_cents, one.rejected_cents)
        for one in sorted(found.files, key=lambda one: one.scheme)
    ] == [
        ("B2B", "booked", 1, 200_00, 0, 0, 200_00),
        ("CORE", "booked", 2, 193_46, 193_46, 70_01, 0),
    ]
    assert {(one.handed_over_on, one.unanswered_cents, one.difference_cents) for one in found.files} == {
        (date(2026, 11, 23), 0, 0)
    }


def test_a_file_at_the_bank_waits_for_its_answer(history: History) -> None:
    """In the hour after the hand-over all of it is unanswered; before the cut there is no file."""
    sent = history.ask(batches.build, View(known_at=SENT))

    assert history.ask(batches.build, View(known_at=FORMED)).files == []
    assert sum(one.unanswered_cents for one in sent.files) == 393_46
    assert {one.state for one in sent.files} == {"submitted"}


# --- the daily reconciliation ------------------------------------------------------------------------------------------


def test_each_account_day_by_day(history: History) -> None:
    """1,000.00 + 193.46 = 1,193.46 on the 25th; the return of 70.01 and its fee take 73.01 on the 27th."""
    found = history.world.report()

    assert [
        (one.day, one.opening_cents, one.direct_debits_cents, one.returned_cents, one.charges_cents, one.closing_cents)
        for one in found.days
    ] == [
        (DUE, 1_000_00, 193_46, 0, 0, 1_193_46),
        (date(2026, 11, 27), 1_193_46, 0, -70_01, -3_00, 1_120_45),
    ]
    assert [(one.statement_cents, one.difference_cents, one.unexplained_cents) for one in found.days] == [
        (1_193_46, 0, 0),
        (1_120_45, 0, 0),
    ]


def test_an_undone_line_is_not_explained(history: History) -> None:
    """While the return was taken back its whole line stood among what is not explained; the balances are the same."""
    (_, day) = history.world.report(View(known_at=UNDONE)).days

    assert (day.returned_cents, day.charges_cents, day.unexplained_cents, day.closing_cents) == (0, 0, -73_01, 1_120_45)


def test_an_older_statement_that_came_later_has_its_own_days(tmp_path: Path, engine: str) -> None:
    """The statement of the 27th is booked first, that of the 25th after it: both days stand as if they had come in order."""
    world = at_the_bank(tmp_path, [Usage(CORE_DEBTOR, 70_01, DUE)])
    bank = SimBank(MAIN_IBAN, opening_cents=1_000_00, style="single")
    bank.plan({"plant-1-000001-1": "return:AC04:300"})
    for path in (tmp_path / "outbox").glob("*.xml"):
        bank.upload(path.read_bytes())
    older, newer = bank.statement(DUE), bank.statement(date(2026, 11, 27))
    world.now = RETURNED
    world.receive("27.xml", newer)
    world.receive("25.xml", older)
    world.run()

    found = world.report()
    assert [(one.day, one.opening_cents, one.closing_cents, one.statement_cents, one.difference_cents) for one in found.days] == [
        (DUE, 1_000_00, 1_070_01, 1_070_01, 0),
        (date(2026, 11, 27), 1_070_01, 997_00, 997_00, 0),
    ]
