"""What people say about bank lines, finely: what follows from it, what is refused, and what taking it back restores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bridge.acts import accept, hold, ignore, release, resolve, split, undo, use_credit, write_off
from bridge.balances import View
from bridge.errors import IllegalMove, NotAllowed
from bridge.explaining.by_hand import Named
from bridge.model import Batch, Break, Entry, Invoice
from tests import worlds
from tests.bank_news.scenario import Asked, Extra, Fate, Scenario
from tests.worlds import CORE_DEBTOR, Usage, World

DAY = date(2026, 11, 25)
#: three debits at the bank; one that is not due for long stays pending
USAGE = (*(Usage(CORE_DEBTOR, cents, DAY) for cents in (100_00, 20_00, 3_00)), Usage(CORE_DEBTOR, 50_00, date(2027, 3, 1)))
HUNDRED, TWENTY, THREE, PENDING = (f"plant-1-00000{number}" for number in range(1, 5))
EVENING = datetime(2026, 12, 2, 20, 0, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = worlds.make(tmp_path / "world", USAGE)
    made.import_mandates(CORE_DEBTOR)
    made.run("ingest", "collect", "batch", "handover")
    made.now = EVENING
    yield made
    made.put_away()


def told(world: World, booking: str, *whats: str, strangers: tuple[tuple[str, int], ...] = ()) -> dict[str, bytes]:
    """The bank's files, by name, where the block is booked this way and its debits had these fates."""
    asked = tuple(Asked(d.end_to_end_id, d.cents, d.invoice, d.message_id, d.pmt_inf_id) for d in world.debits())
    fates = {one.name: Fate(what) for one, what in zip(asked, whats, strict=True)}
    extras = tuple(Extra("main", day, "stranger", cents) for day, cents in strangers)
    scenario = Scenario(asked, fates, {asked[0].block: booking}, {"main": 0}, {"main": worlds.MAIN_IBAN}, extras)
    return {**scenario.reports(), **scenario.statements()}


def deliver(world: World, files: dict[str, bytes], *starts: str) -> None:
    for start in starts:
        [name] = [name for name in files if name.startswith(start)]
        world.receive(name, files[name])
    world.run("reconcile")


def line(world: World, cents: int, on: str = "2026-11-27") -> int:
    """The one line of this amount and day."""
    with world.runtime.reading() as session:
        wanted = select(Entry.id).where(Entry.amount_cents == cents, Entry.booked_on == date.fromisoformat(on))
        return session.scalars(wanted).one()


def say(world: World, entry: int, name: str, cents: int | None = None) -> None:
    accept.run(world.runtime, "anna", entry, Named(name, cents))


def take_back(world: World, entry: int) -> list[str]:
    return undo.run(world.runtime, "anna", entry, "mistake")


def invoices(world: World) -> dict[str, str]:
    with world.runtime.reading() as session:
        return {number: state for number, state in session.execute(select(Invoice.number, Invoice.state).order_by(Invoice.id))}


def kinds(world: World) -> list[str]:
    return [kind for kind, _ in world.open_breaks()]


def adds_up(world: World) -> None:
    assert world.report().difference_cents == 0
    assert world.failed_checks() == []


def batch_state(world: World) -> str:
    with world.runtime.reading() as session:
        return session.scalars(select(Batch.state)).one()


def test_a_lump_sum_is_taken_back_as_a_whole(world: World) -> None:
    """One voucher settled three debits: all are in flight again, and the file that was booked is not any more, until released."""
    deliver(world, told(world, "net", "paid", "paid", "paid"), "main-2026-11-27")
    assert batch_state(world) == "booked"

    keys = take_back(world, line(world, 123_00))

    assert keys == ["line:1:1"]
    assert set(world.states().values()) == {"submitted", "pending"}
    assert batch_state(world) == "answered"
    adds_up(world)
    world.run("reconcile")
    assert world.balance("Suspense") == {1: -123_00}

    release.run(world.runtime, "anna", 1)
    world.run("reconcile")

    assert [state for state in world.states().values() if state == "settled"] == ["settled"] * 3
    assert batch_state(world) == "booked"
    adds_up(world)


def test_a_part_that_names_nothing_of_ours(world: World) -> None:
    """One Break in every run, which only the explanation of that part closes."""
    files = told(world, "listed", "paid", "paid", "paid")
    strange = {name: content.replace(f"{THREE}-1".encode(), b"FOREIGN-9") for name, content in files.items()}
    deliver(world, strange, "main-2026-11-27")
    assert (world.balance("Suspense"), kinds(world)) == ({1: -3_00}, ["UNKNOWN_DETAIL"])
    world.run("reconcile")

    assert kinds(world) == ["UNKNOWN_DETAIL"]
    with world.runtime.reading() as session:
        [number] = session.scalars(select(Break.id).where(Break.closed_at.is_(None)))
    with pytest.raises(NotAllowed, match="UNKNOWN_DETAIL closes by itself"):
        resolve.run(world.runtime, "anna", number, "seen")
    say(world, line(world, 123_00), f"{THREE}-1")
    assert (world.balance("Suspense"), kinds(world)) == ({}, [])
    adds_up(world)


def test_a_noted_rejection_is_applied(world: World) -> None:
    """A rejection came after the credit and was noted; the credit taken back, it rejects, and the line waits for its debit."""
    files = told(world, "singly", "rejected late", "paid", "paid")
    deliver(world, files, "main-2026-11-27")
    deliver(world, files, "late-")
    assert world.states()[f"{HUNDRED}-1"] == "settled"

    take_back(world, line(world, 100_00))
    world.run("reconcile")
    assert (world.states()[f"{HUNDRED}-1"], invoices(world)[HUNDRED]) == ("rejected", "open")
    deliver(world, files, "main-2026-11-30")
    assert world.balance("Suspense") == {line(world, 100_00): -100_00, line(world, -100_00, "2026-11-30"): 100_00}
    release.run(world.runtime, "anna", line(world, 100_00))
    world.run("reconcile")

    assert world.balance("Suspense") == {}
    assert world.balance_by_name("Receivable")[HUNDRED] == 100_00
    adds_up(world)


def test_what_was_tried_again_stays(world: World) -> None:
    """Once a later attempt exists, the earlier one is not taken back."""
    deliver(world, told(world, "singly", "returned", "paid", "paid"), "main-2026-11-27", "main-2026-11-30")
    columns = "invoice_id, mandate_id, account_id, amount_cents, scheme, sequence, due_on, recorded_at, reason, version"
    worlds.execute(
        world,
        f"INSERT INTO collection ({columns}, attempt, end_to_end_id, end_to_end_key, state) "
        f"SELECT {columns}, 2, 'AGAIN-2', 'AGAIN-2', 'pending' FROM collection WHERE amount_cents = 10000",
    )

    with pytest.raises(NotAllowed, match=f"{HUNDRED}-1 was tried again as AGAIN-2"):
        take_back(world, line(world, -100_00, "2026-11-30"))


def test_a_transfer_cancels_a_debit_that_was_not_sent(world: World) -> None:
    """Less than the whole amount is open: the pending debit is cancelled. Taken back, it is held until a person lets it go on."""
    deliver(world, told(world, "singly", "paid", "paid", "paid", strangers=(("2026-11-27", 30_00),)), "main-2026-11-27")
    say(world, line(world, 30_00), PENDING)
    assert (world.states()[f"{PENDING}-1"], invoices(world)[PENDING]) == ("cancelled", "open")
    assert world.parts_by_invoice()[PENDING]["paid_transfer"] == 30_00
    adds_up(world)

    take_back(world, line(world, 30_00))
    world.run("collect", "reconcile")

    assert (world.states()[f"{PENDING}-1"], invoices(world)[PENDING]) == ("held", "collecting")
    hold.run(world.runtime, "anna", PENDING, "released", "")
    assert world.states()[f"{PENDING}-1"] == "pending"
    adds_up(world)


def test_a_transfer_while_the_debit_is_on_its_way(world: World) -> None:
    """A double payment is seen at once, and nobody can close it while it is there; once credited, it is the customer's credit."""
    deliver(world, told(world, "singly", "paid", "paid", "paid", strangers=(("2026-11-27", 101_00),)), "main-2026-11-27")
    take_back(world, line(world, 100_00))
    say(world, line(world, 101_00), HUNDRED)
    assert (kinds(world), invoices(world)[HUNDRED]) == (["CUSTOMER_CREDIT", "PAID_TWICE", "UNDONE"], "collecting")
    with pytest.raises(NotAllowed, match="PAID_TWICE closes by itself"):
        resolve.run(world.runtime, "anna", open_break(world, "PAID_TWICE"), "seen")
    adds_up(world)

    release.run(world.runtime, "anna", line(world, 100_00))
    world.run("reconcile")

    assert (kinds(world), invoices(world)[HUNDRED]) == (["CUSTOMER_CREDIT"], "paid")
    assert world.report().customer_credit_cents == 101_00
    adds_up(world)


def test_a_transfer_pays_what_the_bank_rejects(world: World) -> None:
    """The customer paid by himself while his debit was on its way, and the bank rejects that: the invoice is paid."""
    files = told(world, "nothing yet", "rejected", "paid", "paid", strangers=(("2026-11-27", 100_00),))
    deliver(world, files, "main-2026-11-27")
    say(world, line(world, 100_00), HUNDRED)
    assert kinds(world) == ["PAID_TWICE"]

    deliver(world, files, "report-")

    assert (world.states()[f"{HUNDRED}-1"], kinds(world), invoices(world)[HUNDRED]) == ("rejected", [], "paid")
    adds_up(world)


def open_break(world: World, kind: str) -> int:
    with world.runtime.reading() as session:
        return session.scalars(select(Break.id).where(Break.kind == kind, Break.closed_at.is_(None))).one()


def test_a_credit_of_a_rejected_debit_is_patient(world: World) -> None:
    """Its debit may come for five TARGET days; then a person may say that the money stays, and the customer is to be asked."""
    deliver(world, told(world, "singly", "rejected late", "paid", "paid"), "late-", "main-2026-11-27")
    entry = line(world, 100_00)
    with pytest.raises(IllegalMove, match="is rejected: the debit that takes this credit back may come until 2026-12-04"):
        say(world, entry, f"{HUNDRED}-1")
    world.now = datetime(2026, 12, 5, 8, 0, tzinfo=UTC)
    say(world, entry, f"{HUNDRED}-1")

    assert (world.states()[f"{HUNDRED}-1"], invoices(world)[HUNDRED], kinds(world)) == ("rejected", "paid", ["LATE_CREDIT"])
    adds_up(world)

    take_back(world, entry)

    assert (invoices(world)[HUNDRED], kinds(world)) == ("open", ["UNDONE"])
    adds_up(world)


def test_a_refund_that_bounces(world: World) -> None:
    """Only customer credit is refunded; what bounced of it is his credit again."""
    strangers = (("2026-11-27", 60_00), ("2026-11-30", -60_00), ("2026-12-01", 60_01), ("2026-12-02", -60_01))
    files = told(world, "singly", "paid", "paid", "paid", strangers=strangers)
    deliver(world, files, *(f"main-{day}" for day, _ in strangers))
    say(world, line(world, 60_00), TWENTY)
    with pytest.raises(NotAllowed, match=r"60.00 EUR of what came .* only that is ever refunded; line \d+ paid 60.01 EUR"):
        say(world, line(world, -60_01, "2026-12-02"), TWENTY)
    say(world, line(world, -60_00, "2026-11-30"), TWENTY)
    assert "CUSTOMER_CREDIT" not in kinds(world)
    with pytest.raises(NotAllowed, match=r"was refunded or used for another invoice, which rests on line:\d+:1"):
        take_back(world, line(world, 60_00))
    with pytest.raises(NotAllowed, match=r"60.00 EUR of invoice \S+ was refunded; 60.01 EUR did not bounce"):
        say(world, line(world, 60_01, "2026-12-01"), f"refund:{TWENTY}")

    say(world, line(world, 60_01, "2026-12-01"), f"refund:{TWENTY}", 60_00)

    assert world.report().customer_credit_cents == 60_00
    assert "CUSTOMER_CREDIT" in kinds(world)
    adds_up(world)


def test_what_comes_after_a_write_off_makes_it_good(world: World) -> None:
    """By rule too: credited again after the write-off, the loss is gone; taken back, it is there again, to the cent."""
    files = told(world, "singly", "credited again", "paid", "paid")
    deliver(world, files, "main-2026-11-27", "main-2026-11-30")
    for actor in ("anna", "ben"):
        write_off.run(world.runtime, actor, HUNDRED, "gone")
    assert world.balance("Loss") == {1: 100_00}
    deliver(world, files, "main-2026-12-01")
    again = line(world, 100_00, "2026-12-01")
    assert (world.balance("Loss"), invoices(world)[HUNDRED], kinds(world)) == ({}, "paid", ["LATE_CREDIT"])
    assert world.report(View(as_of=date(2026, 12, 1))).difference_cents == 0  # the loss was not there yet to be made good
    adds_up(world)

    take_back(world, again)

    assert (world.balance("Loss"), invoices(world)[HUNDRED], kinds(world)) == ({1: 100_00}, "written_off", ["UNDONE"])
    adds_up(world)


def test_a_return_that_was_none_makes_a_write_off_good(world: World) -> None:
    """The return that was written off is taken back: the invoice is paid, and the loss is made good by a voucher of its own."""
    deliver(world, told(world, "singly", "returned", "paid", "paid"), "main-2026-11-27", "main-2026-11-30")
    for actor in ("anna", "ben"):
        write_off.run(world.runtime, actor, HUNDRED, "gone")

    take_back(world, line(world, -100_00, "2026-11-30"))

    assert (world.balance("Loss"), world.balance("Receivable").get(1, 0), invoices(world)[HUNDRED]) == ({}, 0, "paid")
    adds_up(world)


def test_a_word_about_an_earlier_state_counts_for_nothing(world: World) -> None:
    """Money came between the two words: the second person agreed to less than the first, so one more is needed."""
    files = told(world, "singly", "returned", "paid", "paid", strangers=(("2026-12-01", 40_00),))
    deliver(world, files, "main-2026-11-27", "main-2026-11-30", "main-2026-12-01")
    assert write_off.run(world.runtime, "anna", HUNDRED, "gone").missing == 1
    say(world, line(world, 40_00, "2026-12-01"), HUNDRED)

    assert write_off.run(world.runtime, "ben", HUNDRED, "gone").missing == 1
    assert write_off.run(world.runtime, "anna", HUNDRED, "gone").cents == 60_00
    assert (world.balance("Loss"), invoices(world)[HUNDRED]) == ({1: 60_00}, "written_off")
    adds_up(world)


@pytest.mark.parametrize("machine", ["cron", "reconcile"])
def test_a_machine_writes_nothing_off(world: World, machine: str) -> None:
    """A machine counts as nobody."""
    deliver(world, told(world, "singly", "returned", "paid", "paid"), "main-2026-11-27", "main-2026-11-30")
    with pytest.raises(NotAllowed, match=f"{machine} is a machine and counts as nobody"):
        write_off.run(world.runtime, machine, HUNDRED, "gone")


def test_nothing_at_the_bank_is_written_off(world: World) -> None:
    """While its debit may bring the money, an invoice is not written off; a debit that was not sent is cancelled with it."""
    with pytest.raises(IllegalMove, match=f"{HUNDRED}-1 is submitted; invoice {HUNDRED} is written off only after it"):
        write_off.run(world.runtime, "anna", HUNDRED, "gone")
    for actor in ("anna", "ben"):
        write_off.run(world.runtime, actor, PENDING, "gone")

    assert (world.states()[f"{PENDING}-1"], invoices(world)[PENDING]) == ("cancelled", "written_off")
    world.run("collect", "batch")
    assert world.states()[f"{PENDING}-1"] == "cancelled"
    adds_up(world)


def test_credit_used_makes_a_loss_good(world: World) -> None:
    """A customer's credit pays what was written off of another invoice of his, no more than that."""
    strangers = (("2026-12-01", 150_00),)
    files = told(world, "singly", "returned", "paid", "paid", strangers=strangers)
    deliver(world, files, "main-2026-11-27", "main-2026-11-30", "main-2026-12-01")
    for actor in ("anna", "ben"):
        write_off.run(world.runtime, actor, HUNDRED, "gone")
    say(world, line(world, 150_00, "2026-12-01"), TWENTY)

    used = use_credit.run(world.runtime, "anna", TWENTY, HUNDRED)

    assert (used.cents, world.balance("Loss"), invoices(world)[HUNDRED]) == (100_00, {}, "paid")
    assert world.report().customer_credit_cents == 50_00
    adds_up(world)


def test_a_line_is_explained_once_whoever_comes_first(world: World) -> None:
    """What a person explained is no rule's any more, and what a rule explained is no person's, until it is taken back."""
    deliver(world, told(world, "singly", "paid", "paid", "paid", strangers=(("2026-11-27", 7_00),)), "main-2026-11-27")
    ignore.run(world.runtime, "anna", line(world, 7_00), "not ours")
    with pytest.raises(IllegalMove, match="is explained already"):
        say(world, line(world, 7_00), TWENTY)
    with pytest.raises(IllegalMove, match="is explained already"):
        split.run(world.runtime, "anna", line(world, 100_00), [Named(TWENTY, 100_00)])
    adds_up(world)


def test_a_kill_leaves_nothing_half_said(world: World) -> None:
    """An act that dies before its commit leaves the line as it was; said again, it is said once."""
    deliver(world, told(world, "singly", "paid", "paid", "paid", strangers=(("2026-11-27", 7_00),)), "main-2026-11-27")

    def fault(point: str) -> None:
        raise KeyboardInterrupt(point)

    whole, world.runtime = world.runtime, replace(world.runtime, fault=fault)
    with pytest.raises(KeyboardInterrupt, match="by hand: before the breaks"):
        say(world, line(world, 7_00), TWENTY)
    with pytest.raises(KeyboardInterrupt, match="undo: before the breaks"):
        take_back(world, line(world, 100_00))
    world.runtime = whole

    assert world.balance("Suspense") == {line(world, 7_00): -7_00}
    say(world, line(world, 7_00), TWENTY)
    assert world.balance_by_name("Receivable")[TWENTY] == -7_00
    adds_up(world)


def test_a_late_debit_beyond_what_came_is_reclaimed(world: World) -> None:
    """The bank takes a returned debit back a second time: no rule believes it; a person may, and it is to be reclaimed."""
    files = told(world, "singly", "returned", "paid", "paid", strangers=(("2026-12-01", -100_00),))
    deliver(world, files, "main-2026-11-27", "main-2026-11-30", "main-2026-12-01")
    entry = line(world, -100_00, "2026-12-01")
    say(world, entry, f"{HUNDRED}-1")

    assert (kinds(world), world.report().reclaim_cents) == (["RECLAIM"], 100_00)
    assert world.balance_by_name("Receivable")[HUNDRED] == 200_00
    adds_up(world)

    take_back(world, entry)

    assert kinds(world) == ["UNDONE"]
    adds_up(world)


def test_days_pass_in_the_right_order(world: World) -> None:
    """Taken back and said again on a later day: until then the old word holds, from then on the new one; no day counts twice."""
    deliver(world, told(world, "singly", "paid", "paid", "paid", strangers=(("2026-11-27", 20_01),)), "main-2026-11-27")
    say(world, line(world, 20_01), TWENTY)
    world.now += timedelta(days=3)
    take_back(world, line(world, 20_01))
    say(world, line(world, 20_01), HUNDRED)

    for day, credit in (("2026-11-26", 0), ("2026-11-27", 20_01), ("2026-12-04", 20_01), ("2026-12-05", 20_01)):
        report = world.report(View(as_of=date.fromisoformat(day)))
        assert (report.customer_credit_cents, report.difference_cents) == (credit, 0), day
    assert world.balance_by_name("Receivable") == {HUNDRED: -20_01, TWENTY: 0, THREE: 0, PENDING: 50_00}
