"""Whoever changes past the triggers what people said, took back, used or wrote off is noticed, whatever fact it is about."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from bridge.acts import accept, give_back_credit, ignore, split, undo, use_credit, write_off
from bridge.explaining.by_hand import Named
from bridge.model import Entry, Voucher
from tests import worlds
from tests.bank_news.scenario import Asked, Extra, Fate, Scenario
from tests.reports.test_tampering import found, tamper, voucher
from tests.worlds import CORE_DEBTOR, Usage, World

FATES = ("paid", "returned", "returned", "returned", "paid")
USAGE = tuple(Usage(CORE_DEBTOR, cents, date(2026, 11, 25)) for cents in (100_00, 40_00, 300_00, 70_00, 20_00))
PAID, BY_CREDIT, LOST, GONE, AGAIN = (f"plant-1-00000{number}" for number in range(1, 6))
STRANGERS = (150_00, 120_00, -10_00, 42_00, -43_00, 6_00, -6_00, -3_90, 10_00)
#: every fact that only people book, or that takes theirs back
FACTS = (
    "transfer", "refund", "refund bounced", "not ours", "not ours, paid", "line to line", "bank fee", "credit used",
    "written off", "loss made good", "settled undone", "transfer undone", "not ours undone", "line to line undone",
    "credit used undone",
)  # fmt: skip


@pytest.fixture(scope="module")
def finished(engine: str) -> Iterator[World]:
    """Everything that people do with lines, once, and some of it taken back."""
    with tempfile.TemporaryDirectory() as folder:
        world = worlds.at_the_bank(Path(folder), USAGE)
        asked = tuple(Asked(d.end_to_end_id, d.cents, d.invoice, d.message_id, d.pmt_inf_id) for d in world.debits())
        fates = {one.name: Fate(what) for one, what in zip(asked, FATES, strict=True)}
        extras = tuple(Extra("main", "2026-12-01", "stranger", cents) for cents in STRANGERS)
        told = Scenario(asked, fates, {asked[0].block: "singly"}, {"main": 0}, {"main": worlds.MAIN_IBAN}, extras)
        world.now = datetime(2026, 12, 2, 20, 0, tzinfo=UTC)
        for name, body in told.statements().items():
            world.receive(name, body)
        world.run("reconcile")
        _by_hand(world)
        yield world
        world.put_away()


def _by_hand(world: World) -> None:
    runtime = world.runtime
    with runtime.reading() as session:
        lines = {
            (entry.booked_on.isoformat()[-2:], entry.amount_cents): entry.id for entry in session.scalars(select(Entry)).all()
        }

    def say(cents: int, name: str, part: int | None = None) -> None:
        accept.run(runtime, "anna", lines[("01", cents)], Named(name, part))

    def take_back(day: str, cents: int) -> None:
        undo.run(runtime, "anna", lines[(day, cents)], "mistake")

    say(150_00, PAID)
    use_credit.run(runtime, "anna", PAID, BY_CREDIT)
    say(-10_00, PAID)
    say(10_00, f"refund:{PAID}")
    for number in (LOST, GONE):
        for actor in ("anna", "ben"):
            write_off.run(runtime, actor, number, "gone")
    use_credit.run(runtime, "anna", PAID, GONE, 5_00)
    give_back_credit.run(runtime, "anna", PAID, GONE, "mistake")
    say(120_00, LOST)
    take_back("01", 120_00)
    say(120_00, LOST)
    take_back("30", -70_00)  # no return: the write-off of GONE is made good
    for cents in (42_00, -43_00):
        ignore.run(runtime, "anna", lines[("01", cents)], "a mistake")
    take_back("01", 42_00)
    ignore.run(runtime, "anna", lines[("01", 42_00)], "a mistake all the same")
    say(6_00, f"line:{lines[('01', -6_00)]}")
    take_back("01", -6_00)
    say(6_00, f"line:{lines[('01', -6_00)]}")
    split.run(runtime, "anna", lines[("01", -3_90)], [], fee_cents=3_90)
    take_back("27", 20_00)


@pytest.fixture(scope="module")
def as_it_was(finished: World) -> bytes:
    return finished.put_away()


@pytest.fixture
def world(finished: World, as_it_was: bytes) -> Iterator[World]:
    yield finished
    finished.go_back_to(as_it_was)


def test_before_anything_is_changed_all_checks_hold(finished: World) -> None:
    """Every fact stands in these books, and nothing is wrong with them."""
    with finished.runtime.reading() as session:
        facts = set(session.scalars(select(Voucher.fact).distinct()))

    assert set(FACTS) - facts == set()
    assert found(finished) == {}
    assert finished.report().difference_cents == 0


@pytest.mark.parametrize("fact", FACTS)
def test_a_deleted_voucher_is_noticed(world: World, fact: str) -> None:
    """Gone with its postings, whatever it booked."""
    key = f"FROM voucher WHERE fact = '{fact}'"
    tamper(
        world,
        f"DELETE FROM posting WHERE voucher_id = (SELECT max(id) {key})",
        f"DELETE FROM voucher WHERE id = (SELECT max(id) {key})",
    )

    assert set(found(world)) - {"references"}


@pytest.mark.parametrize("fact", FACTS)
def test_a_voucher_that_was_not_is_noticed(world: World, fact: str) -> None:
    """Its first posting a second time, in a voucher of its own that hashes to what it says: the balances are others."""
    columns = "payload_sha256, fact, evidence, posting_count, amount_cents, actor, booked_on, recorded_at"
    posting = "debit_account, debit_subject, credit_account, credit_subject, amount_cents"
    tamper(
        world,
        f"INSERT INTO voucher (id, idem_key, {columns}) SELECT 9999, 'forged', {columns} FROM voucher WHERE id = {voucher(fact)}",
        f"INSERT INTO posting (voucher_id, ordinal, {posting}) SELECT 9999, ordinal, {posting} FROM posting "
        f"WHERE voucher_id = {voucher(fact)}",
    )
    failed = set(found(world)) - {"payloads", "vouchers", "references"}

    assert failed, found(world)


UNDONE = voucher("settled undone")
SIDES = "debit_account, debit_subject, credit_account, credit_subject"
SPOILED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "what takes a voucher back names none": (
        "undone",
        "books 'settled undone', but takes back None",
        (f"UPDATE voucher SET reverses_id = NULL WHERE id = {UNDONE}",),
    ),
    "what takes a voucher back names another one": (
        "undone",
        "is not the opposite of the voucher that it takes back",
        (f"UPDATE voucher SET reverses_id = {voucher('settled')} WHERE id = {UNDONE}",),
    ),
    "it takes back less": (
        "undone",
        "is not the opposite of the voucher that it takes back",
        (f"UPDATE posting SET amount_cents = amount_cents - 1 WHERE voucher_id = {UNDONE}",),
    ),
    "it takes back more": (
        "undone",
        "is not the opposite of the voucher that it takes back",
        (
            f"INSERT INTO posting SELECT voucher_id, 1, {SIDES}, 1 FROM posting WHERE voucher_id = {UNDONE}",
            f"UPDATE voucher SET posting_count = 2 WHERE id = {UNDONE}",
        ),
    ),
    "an explanation stands though its voucher was taken back": (
        "undone",
        "its explanation stands, but its voucher was taken back",
        (f"UPDATE match SET undoes_id = NULL WHERE voucher_id = {UNDONE}",),
    ),
    "an explanation is taken back in part": (
        "undone",
        "what takes an explanation back is not its opposite",
        (f"UPDATE match SET amount_cents = amount_cents + 1 WHERE voucher_id = {UNDONE}",),
    ),
    "an explanation of another line is taken back": (
        "undone",
        "what takes an explanation back is not its opposite",
        (f"UPDATE match SET undoes_id = (SELECT min(id) FROM match) WHERE voucher_id = {UNDONE}",),
    ),
    "an undone fee is called another fact": (
        "accounts",
        "books 'transfer undone' as Clearing / Suspense",
        (f"UPDATE voucher SET fact = 'transfer undone' WHERE id = {UNDONE}",),
    ),
    "a word for a write-off is deleted": (
        "written-off",
        f"writes off invoice {LOST} without the word of two people",
        (f"DELETE FROM consent WHERE actor = 'ben' AND object = 'invoice:{LOST}'",),
    ),
    "one person gave both words": (
        "written-off",
        f"writes off invoice {LOST} without the word of two people",
        (f"UPDATE consent SET actor = 'Anna ' WHERE actor = 'ben' AND object = 'invoice:{LOST}'",),
    ),
    "a word was given afterwards": (
        "written-off",
        f"writes off invoice {LOST} without the word of two people",
        (f"UPDATE consent SET recorded_at = '2027-01-01 00:00:00' WHERE actor = 'ben' AND object = 'invoice:{LOST}'",),
    ),
    "the two spoke about another state": (
        "written-off",
        f"writes off invoice {LOST} without the word of two people",
        (f"UPDATE consent SET digest = 'ff' WHERE actor = 'ben' AND object = 'invoice:{LOST}'",),
    ),
    "credit that paid an invoice never did": (
        "nothing-open",
        f"invoice {BY_CREDIT} is paid, but 4000 cents of it are open",
        (
            f"DELETE FROM posting WHERE voucher_id = {voucher('credit used')}",
            f"DELETE FROM voucher WHERE id = {voucher('credit used')}",
        ),
    ),
    "the break about a customer's credit is deleted": (
        "customer-credit",
        "are the customer's, paid beyond the amount",
        ("DELETE FROM break WHERE kind = 'CUSTOMER_CREDIT'",),
    ),
}


@pytest.mark.parametrize("what", SPOILED)
def test_a_changed_row_is_noticed(world: World, what: str) -> None:
    """Each change is noticed by the check that is there for it, which says what is wrong."""
    check_id, words, statements = SPOILED[what]
    tamper(world, *statements)
    failed = found(world)

    assert words in failed.get(check_id, ""), failed
