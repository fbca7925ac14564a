"""What is personal is sealed to its place: swapped, cut or unreadable is found, and no name or IBAN lies in the file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select, text

from bridge import archive
from bridge.errors import IntegrityError
from bridge.model import BankAccount, DataKey, Document, Mandate, Person
from bridge.model.parties import open_address, open_iban, open_name, open_ultimate_debtor
from bridge.model.sealed import chunk_place, seal_bytes, unseal_bytes
from tests import engines, worlds
from tests.bank_news.scenario import Asked, Extra, Fate, Scenario
from tests.worlds import B2B_DEBTOR, CORE_DEBTOR, Usage, World

DEBTORS = (CORE_DEBTOR, B2B_DEBTOR)
LONG = bytes(range(256)) * 4096 * 2 + b"the end"  # two chunks of 1 MiB and a short one


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two debits at the bank and credited, one returned, and a stranger's transfer with words."""
    made = worlds.at_the_bank(tmp_path / "world", [Usage(one, 100_00, date(2026, 11, 25)) for one in DEBTORS])
    asked = tuple(Asked(d.end_to_end_id, d.cents, d.invoice, d.message_id, d.pmt_inf_id) for d in made.debits())
    fates = {one.name: Fate(what) for one, what in zip(asked, ("paid", "returned"), strict=True)}
    extras = (Extra("main", "2026-11-27", "stranger", 42_00),)
    told = Scenario(asked, fates, {one.block: "singly" for one in asked}, {"main": 0}, {"main": worlds.MAIN_IBAN}, extras)
    for name, body in told.statements().items():
        made.receive(name, body.replace(b"Danke", b"Danke, Erika Mustermann"))
    made.run("reconcile")
    yield made
    made.put_away()


def unprotected(world: World, table: str) -> None:
    """Drop the triggers of a table, as its owner could."""
    worlds.drop_trigger(world, f"no_update_{table}")
    worlds.drop_trigger(world, f"no_delete_{table}")


def kept(world: World, body: bytes) -> int:
    """Keep a document; returns its id."""
    with world.runtime.session() as session:
        return archive.keep(
            session, world.runtime.keys, body, direction="received", kind="camt.053", name="long", actor="anna", at=world.now
        ).id


def failed(world: World) -> set[str]:
    return {one.id for one in world.failed_checks()}


def test_no_name_and_no_iban_lies_in_the_database(world: World) -> None:
    """The database holds no debtor's name, no IBAN and no word of a bank line in plain, in no common encoding."""
    world.close()
    raw = engines.stored(world.folder)
    secrets = [one.name for one in DEBTORS] + [one.iban for one in DEBTORS] + [worlds.MAIN_IBAN, "Erika Mustermann"]
    secrets += [word for one in DEBTORS for word in one.name.split() if len(word) > 5]
    found = [
        secret for secret in secrets for code in ("utf-8", "utf-16-le", "latin-1") if secret.encode(code).lower() in raw.lower()
    ]
    assert found == []
    assert b"plant-1-000001" in raw  # the search finds what is not secret


def test_what_is_sealed_opens_in_its_own_place(world: World) -> None:
    """The rows give back exactly what was imported."""
    with world.runtime.reading() as session:
        for debtor in DEBTORS:
            mandate = session.scalars(select(Mandate).where(Mandate.mandate_id == debtor.mandate)).one()
            person, account = session.get_one(Person, mandate.person_id), session.get_one(BankAccount, mandate.bank_account_id)
            key = world.runtime.keys.unwrap(session.get_one(DataKey, person.key_uid))
            assert (open_name(key, person), open_address(key, person), open_ultimate_debtor(key, person)) == (
                debtor.name,
                None,
                None,
            )
            assert open_iban(world.runtime.keys.unwrap(session.get_one(DataKey, account.key_uid)), account) == debtor.iban


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE person SET name = (SELECT name FROM person ORDER BY id DESC LIMIT 1)", "another row"),
        ("UPDATE person SET ultimate_debtor = name", "another column"),
        ("UPDATE person SET name = substr(name, 1, length(name) - 1)", "cut off"),
        ("UPDATE person SET name = (SELECT iban_digest FROM bank_account LIMIT 1)", "made up"),
        ("UPDATE data_key SET wrapped = (SELECT wrapped FROM data_key ORDER BY uid DESC LIMIT 1)", "another key"),
    ],
)
def test_a_sealed_value_in_another_place_is_found(world: World, statement: str, what: str) -> None:
    """A ciphertext that was moved to another row or column, cut or replaced does not open: not silently, not as another name."""
    worlds.execute(world, statement)

    with pytest.raises(IntegrityError):
        everyone_opened(world)


def everyone_opened(world: World) -> list[tuple[str, str | None]]:
    """Name and ultimate debtor of every person."""
    with world.runtime.reading() as session:
        rows = [
            (person, world.runtime.keys.unwrap(session.get_one(DataKey, person.key_uid)))
            for person in session.scalars(select(Person).order_by(Person.id))
        ]
        return [(open_name(key, person), open_ultimate_debtor(key, person)) for person, key in rows]


SWAPPED = """UPDATE document_chunk SET body = (
    SELECT other.body FROM document_chunk AS other WHERE other.document_id = document_chunk.document_id
    AND other.ordinal = 1 - document_chunk.ordinal) WHERE ordinal < 2 AND document_id = {id}"""


@pytest.mark.parametrize(
    "statement",
    [
        SWAPPED,
        "DELETE FROM document_chunk WHERE document_id = {id} AND ordinal = 2",
        "DELETE FROM document_chunk WHERE document_id = {id} AND ordinal = 0",
        "UPDATE document_chunk SET body = substr(body, 1, length(body) - 20) WHERE document_id = {id} AND ordinal = 2",
        "INSERT INTO document_chunk SELECT document_id, 3, body FROM document_chunk WHERE document_id = {id} AND ordinal = 2",
    ],
    ids=["swapped", "last cut off", "first cut off", "shortened", "repeated"],
)
def test_a_document_that_is_not_whole_is_found(world: World, statement: str) -> None:
    """Chunks that were swapped, cut off, shortened or repeated are found when the document is read, and by the check."""
    document_id = kept(world, LONG)
    assert failed(world) == set()
    unprotected(world, "document_chunk")
    worlds.execute(world, statement.format(id=document_id))

    with world.runtime.reading() as session, pytest.raises(IntegrityError):
        archive.fetch(session, world.runtime.keys, session.get_one(Document, document_id))
    assert failed(world) == {"triggers", "documents"}


def test_a_shorter_document_does_not_pass_for_the_whole(world: World) -> None:
    """Cutting the last chunk and the count with it is found: the last flag is sealed in."""
    document_id = kept(world, LONG)
    unprotected(world, "document_chunk")
    unprotected(world, "document")
    worlds.execute(world, f"DELETE FROM document_chunk WHERE document_id = {document_id} AND ordinal = 2")
    worlds.execute(world, f"UPDATE document SET chunks = 2, bytes = {2 << 20} WHERE id = {document_id}")

    with world.runtime.reading() as session, pytest.raises(IntegrityError):
        archive.fetch(session, world.runtime.keys, session.get_one(Document, document_id))


def test_a_chunk_opens_at_its_own_index_only(world: World) -> None:
    """Hash, index and last flag are part of the seal."""
    key, _ = world.runtime.keys.new_key()
    sealed = seal_bytes(key, chunk_place("ab", 0, last=False), b"plain")
    assert unseal_bytes(key, chunk_place("ab", 0, last=False), sealed) == b"plain"
    for place in (chunk_place("ab", 1, last=False), chunk_place("ab", 0, last=True), chunk_place("ac", 0, last=False)):
        with pytest.raises(IntegrityError):
            unseal_bytes(key, place, sealed)


def test_deleting_a_key_erases_the_person_and_nothing_else(world: World) -> None:
    """Without its key a person is unreadable for ever, while books, report and every check stay as they were."""
    before = {account: world.balance(account) for account in ("Bank", "Suspense", "Clearing", "Receivable", "Charges")}
    with world.runtime.session() as session:
        person = session.scalars(select(Person).order_by(Person.id)).first()
        assert person is not None
        session.execute(text("DELETE FROM data_key WHERE uid = :uid"), {"uid": person.key_uid})

    with world.runtime.reading() as session:
        assert session.get(DataKey, person.key_uid) is None
        other = session.scalars(select(DataKey).limit(1)).one()
        with pytest.raises(IntegrityError):
            open_name(world.runtime.keys.unwrap(other), session.get_one(Person, person.id))
    assert {account: world.balance(account) for account in before} == before
    assert world.report().difference_cents == 0
    assert failed(world) == set()
