"""Whoever changes rows past the triggers is noticed: each check is shown the change that it is there for.

The triggers are dropped, the rows changed, the triggers set again; so nothing but the change itself can be what is found.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bridge import judging
from bridge.acts import approve, declare, mandates
from bridge.model import Collection
from bridge.reports.check import CHECKS
from tests import engines, worlds
from tests.bank_news.scenario import Asked, Extra, Fate, Scenario
from tests.worlds import B2B_DEBTOR, CORE_DEBTOR, NOBODY, Usage, World

DAY = date(2026, 11, 25)
RULES = 'approval = "four-eyes"\nhandover = "folder"\nbatch_at = ""'
FATES = ("paid", "returned", "rejected", "credited again")  # of the four Core debits, in this order
USAGE = (*(Usage(CORE_DEBTOR, cents, DAY) for cents in (100_00, 200_00, 300_00, 400_00)), Usage(B2B_DEBTOR, 500_00, DAY))

PAID, RETURNED, REJECTED, AGAIN, ON_ITS_WAY, HELD = (f"plant-1-00000{number}" for number in range(1, 7))


@pytest.fixture(scope="module")
def finished(engine: str) -> Iterator[World]:
    """Two signed files: one credited as a gross sum, with a return, a reject and a second credit; one on its way."""
    with tempfile.TemporaryDirectory() as folder:
        world = worlds.make(Path(folder), [*USAGE, Usage(NOBODY, 600_00, DAY)], collection=RULES)
        world.import_mandates(CORE_DEBTOR, B2B_DEBTOR)
        world.run("ingest", "collect", "batch")
        for message_id in sorted({debit.message_id for debit in world.debits()}):
            for actor in ("anna", "ben"):
                approve.run(world.runtime, actor, message_id)
        world.run("handover")
        debits = [Asked(d.end_to_end_id, d.cents, d.invoice, d.message_id, d.pmt_inf_id) for d in world.debits()]
        fates = {f"{name}-1": Fate(what) for name, what in zip((PAID, RETURNED, REJECTED, AGAIN), FATES, strict=True)}
        bookings = {one.block: "gross" if one.name in fates else "nothing yet" for one in debits}
        told = Scenario(
            tuple(debits),
            fates | {f"{ON_ITS_WAY}-1": Fate()},
            bookings,
            {"main": 1_000_00},
            {"main": worlds.MAIN_IBAN},
            (Extra("main", "2026-11-27", "stranger", 42_00), Extra("main", "2026-11-30", "fee", -3_90)),
        )
        for name, body in (told.reports() | told.statements()).items():
            world.receive(name, body)
        world.now = datetime(2026, 12, 10, 8, 0, tzinfo=UTC)
        world.run("reconcile")
        mandates.run(world.runtime, "clara", B2B_DEBTOR.mandate, "paused", "the customer asked for it")
        yield world
        world.close()


@pytest.fixture(scope="module")
def as_it_was(finished: World) -> bytes:
    return finished.put_away()


@pytest.fixture
def world(finished: World, as_it_was: bytes) -> Iterator[World]:
    """The same, put back afterwards."""
    yield finished
    finished.go_back_to(as_it_was)


def tamper(world: World, *statements: str) -> None:
    """Run SQL as the owner of the database could, and leave no trace in the triggers."""
    world.close()
    percent = "%" if engines.name() == engines.SQLITE else "%%"  # one alone is the beginning of a value to psycopg
    with engines.past_the_triggers(world.folder) as connection:
        for statement in statements:
            changed = connection.exec_driver_sql(statement.replace("%", percent)).rowcount
            assert changed > 0, f"nothing to change: {statement}"


def found(world: World) -> dict[str, str]:
    """id -> detail of the checks that fail."""
    return {one.id: one.detail for one in world.failed_checks()}


def edited(world: World, old: str, new: str) -> World:
    """The same world after somebody edited its bridge.toml."""
    config = world.folder / "bridge.toml"
    assert old in config.read_text(encoding="utf-8")
    config.write_text(config.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return World(world.folder, world.now)


def invoice(number: str) -> str:
    return f"(SELECT id FROM invoice WHERE number = '{number}')"


def collection(number: str) -> str:
    return f"(SELECT id FROM collection WHERE end_to_end_id = '{number}-1')"


def forged(fact: str, debit: str, credit: str) -> tuple[str, str]:
    """A voucher of 1.00 EUR that nothing caused, with its one posting; ``debit`` and ``credit`` are "Account", subject."""
    columns = "payload_sha256, evidence, posting_count, amount_cents, actor, booked_on, recorded_at"
    voucher = (
        f"INSERT INTO voucher (idem_key, fact, {columns}) SELECT 'forged', '{fact}', payload_sha256, evidence, 1, 100, actor,"
        " booked_on, recorded_at FROM voucher LIMIT 1"
    )
    posting = f"INSERT INTO posting VALUES ((SELECT max(id) FROM voucher), 0, {debit}, {credit}, 100)"
    return voucher, posting


def voucher(fact: str) -> str:
    return f"(SELECT min(id) FROM voucher WHERE fact = '{fact}')"


#: on an invoice with an open break: credited, returned, credited again, and 1.00 EUR more
TOO_MUCH = forged("late credit", "'Suspense', 1", f"'Receivable', {invoice(AGAIN)}")
MOVE = "noun, noun_id, version, news, from_state, to_state, evidence, reason, actor, booked_on, recorded_at"
LAST = f"(SELECT max(id) FROM move WHERE noun = 'invoice' AND noun_id = {invoice(HELD)})"
ONE_LESS = "collections = collections - 1, control_sum_cents = control_sum_cents - 20000"
CORE_FILE = "(SELECT id FROM batch WHERE scheme = 'CORE')"

SPOILED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    # what was done: the check that sees it, a word of what it says, the statements
    "a debit is made larger, before it leaves or after": (
        "amounts",
        f"{PAID}-1 collects 99999 cents; its invoice says 10000, the log on chain 10000",
        (f"UPDATE collection SET amount_cents = 99999 WHERE id = {collection(PAID)}",),
    ),
    "debit and invoice are made larger together": (
        "amounts",
        "its invoice says 99999, the log on chain 10000",
        (
            f"UPDATE collection SET amount_cents = 99999 WHERE id = {collection(PAID)}",
            f"UPDATE invoice SET amount_cents = 99999 WHERE id = {invoice(PAID)}",
        ),
    ),
    "an invoice has another amount": (
        "invoices",
        f"invoice {HELD}: amount_cents",
        (f"UPDATE invoice SET amount_cents = 1 WHERE id = {invoice(HELD)}",),
    ),
    "an invoice has another debtor": (
        "invoices",
        "debtor_ref",
        (f"UPDATE invoice SET debtor_ref = '0x00' WHERE id = {invoice(HELD)}",),
    ),
    "an invoice has another agreement": (
        "invoices",
        "agreement",
        (f"UPDATE invoice SET agreement = '0x00' WHERE id = {invoice(HELD)}",),
    ),
    "an invoice has another claim": (
        "invoices",
        "claim_id",
        (f"UPDATE invoice SET claim_id = '0x00' WHERE id = {invoice(HELD)}",),
    ),
    "an invoice has another number on chain": (
        "invoices",
        "invoice_no",
        (f"UPDATE invoice SET invoice_no = 77 WHERE id = {invoice(HELD)}",),
    ),
    "an invoice is due on another day": (
        "invoices",
        "due_on",
        (f"UPDATE invoice SET due_on = '2027-01-01' WHERE id = {invoice(HELD)}",),
    ),
    "an invoice has another number for the debtor": (
        "invoices",
        "invoice X-1: number",
        (f"UPDATE invoice SET number = 'X-1', number_key = 'X-1' WHERE id = {invoice(HELD)}",),
    ),
    "the cursor counts another number of invoices": (
        "cursor",
        "its cursor counts 5 invoices",
        ("UPDATE cursor SET invoice_count = 5",),
    ),
    "the cursor has another running hash": (
        "cursor",
        "running hash",
        ("UPDATE cursor SET invoice_chain = (SELECT block_hash FROM chain_log LIMIT 1)",),
    ),
    "a break about a customer's credit is deleted": (
        "customer-credit",
        "100 cents are the customer's",
        (*TOO_MUCH, "DELETE FROM break WHERE kind = 'LATE_CREDIT'"),
    ),
    "what is paid is put in flight again": (
        "not-owed",
        "100 cents are in flight and not owed",
        forged("submitted", f"'Clearing', {collection(PAID)}", f"'Receivable', {invoice(PAID)}"),
    ),
    "more is given back than came": (
        "reclaim",
        "100 cents are to be reclaimed",
        forged("late debit", f"'Receivable', {invoice(HELD)}", "'Suspense', 1"),
    ),
    "a posting is moved to another customer": (
        "payloads",
        "not those that were hashed",
        (f"UPDATE posting SET credit_subject = {invoice(HELD)} WHERE voucher_id = {voucher('invoice final')}",),
    ),
    "a voucher is called another fact": (
        "payloads",
        "not those that were hashed",
        (f"UPDATE voucher SET fact = 'late debit' WHERE id = {voucher('returned')}",),
    ),
    "a posting takes another account": (
        "accounts",
        "books 'settled' as Suspense / NotOurs",
        (f"UPDATE posting SET credit_account = 'NotOurs' WHERE voucher_id = {voucher('settled')} AND ordinal = 0",),
    ),
    "a fee stands where no bank line is": (
        "accounts",
        "books 'rejected' as Charges / Suspense",
        (f"UPDATE posting SET debit_account = 'Charges', credit_account = 'Suspense' WHERE voucher_id = {voucher('rejected')}",),
    ),
    "a voucher is left with its fee alone": (
        "accounts",
        "has nothing but fees, which is not its fact",
        (f"UPDATE posting SET debit_account = 'Charges', credit_account = 'Suspense' WHERE voucher_id = {voucher('returned')}",),
    ),
    "a voucher books what nobody knows": (
        "accounts",
        "'gift', which is no known fact",
        (f"UPDATE voucher SET fact = 'gift' WHERE id = {voucher('bank credit')}",),
    ),
    "a statement's line is made larger": (
        "statements",
        "its opening balance and its lines are not its closing balance",
        ("UPDATE entry SET amount_cents = amount_cents + 1 WHERE id = 1",),
    ),
    "a statement opens with another balance": (
        "statement-chain",
        "does not follow the one before it",
        ("UPDATE statement SET opening_cents = opening_cents + 1 WHERE posted_no = 1",),
    ),
    "a statement in the middle is taken out of the chain": (
        "statement-chain",
        "does not follow the one before it",
        ("UPDATE statement SET posted_no = 7 WHERE posted_no = 1",),
    ),
    "a statement's bytes are gone": (
        "references",
        "its bytes are gone",
        ("DELETE FROM document WHERE kind = 'camt.053' AND id = (SELECT document_id FROM statement LIMIT 1)",),
    ),
    "a file's bytes are gone": (
        "references",
        "its bytes are gone",
        ("DELETE FROM document WHERE id = (SELECT document_id FROM batch LIMIT 1)",),
    ),
    "a line is told by what is no advice": (
        "advices",
        "line 1 is told by what is no advice of it",
        ("UPDATE entry SET told_by_id = 2 WHERE id = 1",),
    ),
    "a line's details stay without it": ("references", "of detail names a row of entry", ("DELETE FROM entry WHERE id = 1",)),
    "a line is explained by another debit": (
        "matches",
        f"is explained by {PAID}-1, but the bank names another debit there",
        (f"UPDATE match SET collection_id = {collection(PAID)} WHERE collection_id = {collection(RETURNED)} AND detail_id > 0",),
    ),
    "a match explains more than was booked": (
        "matches",
        "is not what its matches explain",
        ("UPDATE match SET amount_cents = amount_cents + 1 WHERE id = (SELECT min(id) FROM match)",),
    ),
    "a match is deleted": (
        "matches",
        "is not what its matches explain",
        ("DELETE FROM match WHERE id = (SELECT max(id) FROM match)",),
    ),
    "a mandate is active again, by no move": (
        "moves",
        f"mandate {B2B_DEBTOR.mandate} is active, its last move says paused",
        (f"UPDATE mandate SET state = 'active' WHERE mandate_id = '{B2B_DEBTOR.mandate}'",),
    ),
    "a mandate is deleted": (
        "histories",
        "there are moves of mandate 2, which is gone",
        (f"DELETE FROM mandate WHERE mandate_id = '{B2B_DEBTOR.mandate}'",),
    ),
    "a move in the middle is deleted": (
        "histories",
        f"the moves of collection {RETURNED}-1 have a gap",
        (f"DELETE FROM move WHERE noun = 'collection' AND noun_id = {collection(RETURNED)} AND version = 2",),
    ),
    "a move is appended beyond the version": (
        "histories",
        "go beyond its version",
        (
            f"INSERT INTO move ({MOVE}) SELECT {MOVE.replace('version', 'version + 1')} FROM move WHERE id = {LAST}",
            "UPDATE move SET from_state = to_state WHERE id = (SELECT max(id) FROM move)",
        ),
    ),
    "a move starts from a state that was not": (
        "histories",
        "does not start where the move before it ended",
        (f"UPDATE move SET from_state = 'held' WHERE noun = 'collection' AND noun_id = {collection(PAID)} AND version = 3",),
    ),
    "a file was uploaded before it was exported": (
        "histories",
        "move 3 of batch 1: approved became exported by 'submitted', which no rule allows",
        ("UPDATE move SET news = 'submitted' WHERE noun = 'batch' AND noun_id = 1 AND version = 3",),
    ),
    "a debit was sent that stood in no file": (
        "histories",
        "move 3 of collection 1: pending became submitted by 'submitted', which no rule allows",
        (
            f"UPDATE move SET to_state = 'pending' WHERE noun = 'collection' AND noun_id = {collection(PAID)} AND version = 2",
            f"UPDATE move SET from_state = 'pending' WHERE noun = 'collection' AND noun_id = {collection(PAID)} AND version = 3",
        ),
    ),
    "an invoice was held while it was paid": (
        "histories",
        "became held by 'held', which no rule allows",
        (
            f"UPDATE move SET to_state = 'paid' WHERE noun = 'invoice' AND noun_id = {invoice(HELD)} AND version = 1",
            f"UPDATE move SET from_state = 'paid' WHERE noun = 'invoice' AND noun_id = {invoice(HELD)} AND version = 2",
        ),
    ),
    "an invoice began as one that is held": (
        "histories",
        "began as held by 'final', which no rule allows",
        (
            f"DELETE FROM move WHERE noun = 'invoice' AND noun_id = {invoice(HELD)} AND version = 2",
            f"UPDATE move SET to_state = 'held' WHERE noun = 'invoice' AND noun_id = {invoice(HELD)}",
            f"UPDATE invoice SET version = 1 WHERE id = {invoice(HELD)}",
        ),
    ),
    "a mandate was paused by a word that nobody says": (
        "histories",
        "move 2 of mandate 2: active became paused by 'misheard', which no rule allows",
        ("UPDATE move SET news = 'misheard' WHERE noun = 'mandate' AND noun_id = 2 AND version = 2",),
    ),
    "a file's history has a gap": (
        "histories",
        "the moves of batch ",
        ("DELETE FROM move WHERE noun = 'batch' AND noun_id = 1 AND version = 2",),
    ),
    "a file is somewhere else than its last move": (
        "moves",
        "is sealed, its last move says",
        ("UPDATE batch SET state = 'sealed' WHERE id = 1",),
    ),
    "a signature is deleted": (
        "signatures",
        "not with the signatures that its approval names",
        ("DELETE FROM approval WHERE id = (SELECT max(id) FROM approval)",),
    ),
    "a signature stands under other bytes": (
        "signatures",
        "not with the signatures that its approval names",
        ("UPDATE approval SET sha256 = 'ff' WHERE id = 1",),
    ),
    "no signature is made to look like the rule": (
        "signatures",
        "left with 0 of the 2 signatures",
        (
            "DELETE FROM approval",
            "UPDATE move SET evidence = 'config: approval = none', reason = '' WHERE noun = 'batch' AND news = 'approved'",
        ),
    ),
    "who cut the file is one of the two": (
        "signatures",
        "left with 1 of the 2 signatures",
        ("UPDATE batch SET created_by = 'Anna '",),
    ),
    "a file states another sum": (
        "members",
        "4 debits of 1 cents; 4 of 100000 stand in it",
        ("UPDATE batch SET control_sum_cents = 1 WHERE scheme = 'CORE'",),
    ),
    "a block states another count": (
        "members",
        "block",
        ("UPDATE block SET collections = 9 WHERE id = (SELECT min(id) FROM block)",),
    ),
    "a debit is put into a second file": (
        "one-file",
        f"{PAID}-1 stands in 2 files",
        (f"INSERT INTO member VALUES ((SELECT id FROM block WHERE batch_id <> {CORE_FILE}), {collection(PAID)}, 9)",),
    ),
    "a debit is taken out of its file": (
        "sealed",
        "hold other debits than the rows",
        (
            f"DELETE FROM member WHERE collection_id = {collection(RETURNED)}",
            f"UPDATE block SET {ONE_LESS} WHERE batch_id = {CORE_FILE}",
            f"UPDATE batch SET {ONE_LESS} WHERE id = {CORE_FILE}",
        ),
    ),
    "block and debit agree on more than the bytes say": (
        "sealed",
        "other counts or sums than the rows",
        (
            f"UPDATE collection SET amount_cents = amount_cents + 1 WHERE id = {collection(RETURNED)}",
            f"UPDATE block SET control_sum_cents = control_sum_cents + 1 WHERE batch_id = {CORE_FILE}",
            f"UPDATE batch SET control_sum_cents = control_sum_cents + 1 WHERE id = {CORE_FILE}",
        ),
    ),
    "the break about a line that waits is deleted": (
        "lines",
        "is not explained, and no break says so",
        ("DELETE FROM break WHERE subject LIKE 'entry:%'",),
    ),
}


def test_before_anything_is_changed_all_checks_hold(finished: World) -> None:
    """What the changes below turn red is green before: the world has each kind of thing, and nothing is wrong with it."""
    assert found(finished) == {}
    assert finished.states() == {
        f"{PAID}-1": "settled",
        f"{RETURNED}-1": "returned",
        f"{REJECTED}-1": "rejected",
        f"{AGAIN}-1": "returned",
        f"{ON_ITS_WAY}-1": "accepted",
    }


@pytest.mark.parametrize("what", SPOILED)
def test_a_changed_row_is_noticed(world: World, what: str) -> None:
    """Each change is noticed by the check that is there for it, which says what is wrong."""
    check_id, words, statements = SPOILED[what]
    tamper(world, *statements)
    failed = found(world)

    assert words in failed.get(check_id, ""), failed


def test_an_open_break_is_enough(world: World) -> None:
    """Customer credit is nothing wrong with the books while a break asks a person to look at it."""
    tamper(world, *TOO_MUCH)

    assert "customer-credit" not in found(world)
    assert world.report().customer_credit_cents == 1_00


def test_a_stricter_rule_says_nothing_about_files_that_are_done(tmp_path: Path) -> None:
    """A file that is on its way needs what the rule asks for now; one that is booked keeps the approval that it had."""
    world = worlds.at_the_bank(tmp_path / "world", USAGE)
    asked = tuple(Asked(d.end_to_end_id, d.cents, d.invoice, d.message_id, d.pmt_inf_id) for d in world.debits())
    bookings = {one.block: "nothing yet" if one.invoice == ON_ITS_WAY else "singly" for one in asked}
    told = Scenario(asked, {one.name: Fate() for one in asked}, bookings, {"main": 0}, {"main": worlds.MAIN_IBAN})
    for name, body in told.statements().items():
        world.receive(name, body)
    world.run("reconcile")
    before = found(world)
    stricter = edited(world, 'approval = "none"', 'approval = "four-eyes"')
    [on_its_way] = [one.file for one in asked if one.invoice == ON_ITS_WAY]

    assert before == {}
    assert found(stricter) == {"signatures": f"{on_its_way} left with 0 of the 2 signatures that its creditor's rule asks for"}
    world.put_away()
    stricter.put_away()


def test_a_new_number_template_says_nothing_about_earlier_invoices(tmp_path: Path) -> None:
    """Numbers are compared with the template only while it is the one that the source was first declared with."""
    world = worlds.make(tmp_path / "world", USAGE)
    world.run("ingest")
    renamed = edited(world, "hold_minutes = 0", 'hold_minutes = 0\ninvoice_number = "NEW-{invoice_no}"')
    declare.run(renamed.runtime)

    assert found(renamed) == {}
    world.put_away()
    renamed.put_away()


@pytest.mark.only_on("sqlite", "each database has triggers of its own making")
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "CREATE TRIGGER no_update_posting BEFORE UPDATE ON posting BEGIN SELECT 1; END",
            "trigger no_update_posting is not the one that we set",
        ),
        (
            "CREATE TRIGGER quietly AFTER INSERT ON posting BEGIN UPDATE cursor SET invoice_count = 0; END",
            "trigger quietly is not the one that we set",
        ),
    ],
)
def test_a_trigger_of_other_words_is_noticed(world: World, statement: str, words: str) -> None:
    """A trigger that has the right name and forbids nothing is found, and so is one that nobody asked for."""
    worlds.drop_trigger(world, "no_update_posting")
    worlds.execute(world, statement)

    assert words in found(world)["triggers"]


NOTHING = "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"  # PostgreSQL's own


@pytest.mark.only_on("postgresql", "each database has triggers of its own making")
@pytest.mark.parametrize(
    "statement",
    [
        f"CREATE OR REPLACE TRIGGER no_update_posting BEFORE UPDATE ON posting {NOTHING}",
        f"CREATE TRIGGER quietly BEFORE UPDATE ON invoice {NOTHING}",
        "ALTER TABLE posting DISABLE TRIGGER no_update_posting",
        "ALTER TABLE posting ENABLE REPLICA TRIGGER no_truncate_posting",
        "CREATE OR REPLACE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    ],
    ids=["other words", "of another name", "switched off", "for replicas only", "calls something else"],
)
def test_a_trigger_that_does_something_else_is_noticed(world: World, statement: str) -> None:
    """A trigger with the right name that forbids nothing, or is switched off, is found, and so is one that nobody asked for."""
    worlds.execute(world, statement)

    assert " is not the one that we set" in found(world)["triggers"]


def test_what_breaks_a_check_is_a_failed_check(world: World) -> None:
    """A row that no version of ours writes makes its checks fail with a sentence; the other checks are still worked out."""
    day, problem = {"sqlite": ("soon", "ValueError"), "postgresql": ("infinity", "DataError")}[engines.name()]
    tamper(world, f"UPDATE voucher SET booked_on = '{day}' WHERE id = 1")
    failed = found(world)

    assert failed["payloads"] == f"it could not be worked out ({problem}): a row is not as this version writes it"
    assert "manifest" not in failed
    assert len(failed) < len(CHECKS)


def test_a_debit_over_another_amount_does_not_go_out(tmp_path: Path) -> None:
    """Collect, seal, approve and export judge alike: a debit must be over the amount of its invoice, even one cent less is no."""
    world = worlds.make(tmp_path / "world", [Usage(CORE_DEBTOR, 100_00, DAY)], collection=RULES)
    world.import_mandates(CORE_DEBTOR)
    world.run("ingest", "collect")
    tamper(world, "UPDATE collection SET amount_cents = 9999")
    with world.runtime.reading() as session:
        debits = list(session.query(Collection))
        reasons = judging.why_not(session, debits, world.runtime.settings.collection)
    world.run("batch")

    assert list(reasons.values()) == [f"it would collect another amount than invoice {PAID} has; run 'bridge check'"]
    assert world.states() == {f"{PAID}-1": "held"}
    assert "amounts" in found(world)
    world.put_away()
