"""Rows of money stay as they were written; what an owner of the database does past the triggers, the check finds."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError as Refused

from bridge import consent
from bridge.acts import approve, users
from bridge.chain.attester import evidence_hash
from bridge.explaining import written
from bridge.model import Amendment, Attestation, Base, ChainLog, Cut, LegalHold, Move, Notice, Observation, Orphan
from bridge.model.triggers import APPEND_ONLY, FROZEN, NEVER_DELETED, names
from bridge.steps import batch
from tests import worlds
from tests.bank_news.scenario import Asked, Fate, Scenario
from tests.worlds import CORE_DEBTOR, Usage, World

DAY = date(2026, 11, 25)
SIGNED = 'approval = "single"\nhandover = "folder"\nbatch_at = ""'


@pytest.fixture(scope="module")
def full(engine: str) -> Iterator[World]:
    """A world in which every protected table has a row: a signed file at the bank, credited."""
    with tempfile.TemporaryDirectory() as folder:
        world = worlds.make(Path(folder), [Usage(CORE_DEBTOR, 100_00, DAY)], collection=SIGNED)
        world.import_mandates(CORE_DEBTOR)
        world.run("ingest", "collect")
        batch.cut(world.runtime, actor="clara", scheduled=False)
        [debit] = world.debits()
        approve.run(world.runtime, "anna", debit.message_id)
        world.run("handover")
        asked = (Asked(debit.end_to_end_id, debit.cents, debit.invoice, debit.message_id, debit.pmt_inf_id),)
        told = Scenario(
            asked, {debit.end_to_end_id: Fate()}, {debit.pmt_inf_id: "singly"}, {"main": 7}, {"main": worlds.MAIN_IBAN}
        )
        for name, body in told.statements().items():
            world.receive(name, body)
        world.run("reconcile", "seal")
        _people(world)
        assert world.failed_checks() == []
        yield world
        world.put_away()


def _people(world: World) -> None:
    """A user with a token, a consent, an orphan, an observation, an outcome, an amendment, a notice, a cut: not in this story."""
    users.add(world.runtime, "init", "Anna", "approver")
    users.make_token(world.runtime, "init", "Anna")
    with world.runtime.session() as session:
        consent.give(session, act="try", object="batch:x", said=1, actor="anna", at=world.now)
        first = session.scalars(select(ChainLog)).first()
        assert first is not None
        like_it = {column.name: getattr(first, column.name) for column in ChainLog.__table__.c if column.name != "id"}
        strange = ChainLog(**like_it | {"log_index": 99, "topics": b"", "data": b"", "refused": "a trial"})
        session.add(strange)
        session.flush()
        session.add(Orphan(log_id=strange.id, recorded_at=world.now))
        paid = session.scalars(select(Move).where(Move.noun == "invoice", Move.to_state == "paid")).one()
        _, statement = written.statements(session, [paid.id])[paid.id]
        outcome = Attestation(invoice_id=paid.noun_id, move_id=paid.id, outcome="settled", salt=b"salt", state="planned")
        outcome.evidence_hash, outcome.recorded_at = evidence_hash(b"salt", statement), world.now
        session.add(outcome)
        session.add(Observation(log_id=strange.id, invoice_id=1, recorded_at=world.now))
        session.add(
            Notice(
                collection_id=1, amount_cents=1, due_on=DAY, channel="letter", document_id=1, shown="by post", state="planned",
                actor="notify", recorded_at=world.now,
            )
        )  # fmt: skip
        session.add(Cut(batch_id=1, finished_at=world.now))
        session.add(LegalHold(mandate_id=1, news="begun", reason="a lawsuit", actor="anna", recorded_at=world.now))
        session.add(Amendment(mandate_id=1, kind="mandate_id", was="OLD-1", actor="anna", booked_on=DAY, recorded_at=world.now))


@pytest.fixture
def world(full: World) -> Iterator[World]:
    """The same, put back afterwards."""
    database = full.put_away()
    yield full
    full.go_back_to(database)


COLUMNS = [(table, next(iter(Base.metadata.tables[table].columns)).name) for table in APPEND_ONLY]


def refused(world: World, statement: str, words: str) -> None:
    """The statement touches a row, and a trigger refuses it with these words."""
    with world.runtime.reading() as session:
        table = statement.split()[2 if statement.startswith("DELETE") else 1]
        assert session.scalar(text(f"SELECT count(*) FROM {table}")), f"{table} has no row to protect"
    with pytest.raises(Refused, match=words):
        worlds.execute(world, statement)


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_rows_of_money_are_never_changed(full: World, table: str, column: str) -> None:
    """UPDATE of an append-only table is refused by its trigger."""
    refused(full, f'UPDATE "{table}" SET {column} = {column}', f"rows of {table} are never changed")


@pytest.mark.parametrize("table", [*APPEND_ONLY, *NEVER_DELETED])
def test_rows_of_money_are_never_deleted(full: World, table: str) -> None:
    """DELETE from an append-only table, or from one with a state, is refused by its trigger."""
    refused(full, f'DELETE FROM "{table}"', f"rows of {table} are never deleted")


@pytest.mark.parametrize(("table", "column"), [(table, column) for table, columns in FROZEN.items() for column in columns])
def test_what_a_row_says_never_changes(full: World, table: str, column: str) -> None:
    """Each frozen column of a table with a state is refused by name."""
    refused(full, f'UPDATE "{table}" SET {column} = {column}', f"what a {table} says never changes")


@pytest.mark.parametrize("name", names())
def test_a_missing_trigger_is_found(world: World, name: str) -> None:
    """Whoever drops a trigger is found by its name."""
    worlds.drop_trigger(world, name)
    [found] = world.failed_checks()
    assert (found.id, name in found.detail) == ("triggers", True)


def test_an_appended_posting_is_found(world: World) -> None:
    """A voucher takes no later posting: one that is appended, even to the accounts it had, is found."""
    worlds.execute(
        world,
        "INSERT INTO posting SELECT voucher_id, ordinal + 90, debit_account, debit_subject, credit_account, credit_subject, 1"
        " FROM posting LIMIT 1",
    )
    assert "vouchers" in {one.id for one in world.failed_checks()}
    assert world.report().difference_cents != 0


def test_a_state_that_no_move_led_to_is_found(world: World) -> None:
    """``state`` written past the books is found by its last Move."""
    worlds.execute(world, "UPDATE invoice SET state = 'open'")
    assert "moves" in {one.id for one in world.failed_checks()}


@pytest.mark.parametrize("account", ["Bank", "Clearing", "Suspense", "Receivable"])
def test_a_deleted_posting_is_found(world: World, account: str) -> None:
    """A posting that is gone, its trigger dropped, makes the report's difference non-zero."""
    worlds.drop_trigger(world, "no_delete_posting")
    worlds.execute(world, f"DELETE FROM posting WHERE debit_account = '{account}' OR credit_account = '{account}'")
    assert "vouchers" in {one.id for one in world.failed_checks()}
    assert world.report().difference_cents != 0
