"""Whoever changes a voucher, a posting or a link after it was sealed is named; whoever makes all of it anew, by a noted head."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from bridge import voucher_chain
from bridge.model import Base, Voucher
from bridge.reports import seals
from bridge.reports.seals import Chain
from tests import engines, worlds
from tests.worlds import CORE_DEBTOR, NOBODY, Usage, World

DAY = date(2026, 11, 25)
USAGE = tuple(Usage(CORE_DEBTOR, cents, DAY) for cents in (100_00, 200_00, 300_00))


@pytest.fixture(scope="module")
def sealed(engine: str) -> Iterator[World]:
    """Four vouchers, a link each: three invoices, and the file with all of them at the bank, of three postings."""
    with tempfile.TemporaryDirectory() as folder:
        world = worlds.at_the_bank(Path(folder), USAGE)
        assert seal_vouchers(world) == 4
        yield world
        world.close()


def seal_vouchers(world: World) -> int:
    """Links for the vouchers alone; those of the acts would follow them."""
    with world.runtime.reading() as session:
        ids = voucher_chain.unsealed(session, Voucher)
    return world.runtime.work(lambda session: voucher_chain.append(session, world.runtime, Voucher, ids))


@pytest.fixture
def world(sealed: World) -> Iterator[World]:
    """The same, put back afterwards."""
    database = sealed.put_away()
    yield sealed
    sealed.go_back_to(database)


def tamper(world: World, *statements: str) -> None:
    """Run SQL as the owner of the database could: no trigger and no foreign key acts, and all are there afterwards."""
    world.close()
    with engines.past_the_triggers(world.folder) as connection:
        for statement in statements:
            assert connection.exec_driver_sql(statement).rowcount > 0, f"nothing to change: {statement}"


def rows(world: World, query: str) -> list[tuple[object, ...]]:
    with engines.plain(world.folder) as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def verify(world: World, head: str | None = None) -> Chain:
    with world.runtime.reading() as session:
        return seals.verify(session, head)


def hashes(world: World) -> list[str]:
    """The hash of each link: what was the head at some time."""
    return [str(found) for (found,) in rows(world, "SELECT hash FROM voucher_seal ORDER BY number")]


#: column -> another value that the database takes; anything else gets one by its type
OTHER = {
    "posting.debit_account": "'Loss'",
    "posting.credit_account": "'Loss'",
    "voucher.reverses_id": "1",
    "voucher.payload_sha256": "'" + "f" * 64 + "'",
    "voucher.id": "77",
    "posting.voucher_id": "77",
    "posting.ordinal": "9",
    "voucher_seal.voucher_id": "77",
    "voucher_seal.audit_id": "1, voucher_id = NULL",
    "voucher_seal.number": "77",
    "voucher_seal.hash": "'" + "f" * 64 + "'",
    "voucher_seal.prev_hash": "'" + "f" * 64 + "'",
}
BY_TYPE = {"Text": "{} || 'x'", "BigInteger": "{} + 1", "Date": "'2020-01-01'", "Instant": "'2020-01-01 00:00:00+00:00'"}
ROWS = {"voucher": "id = 4", "posting": "voucher_id = 4 AND ordinal = 1", "voucher_seal": "number = 2"}
COLUMNS = [column for table in ROWS for column in Base.metadata.tables[table].columns]


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_each_single_change_is_found(world: World, column: object) -> None:
    """Every column of a voucher, of a posting and of a link, alone: the chain is not whole, and the link is named."""
    table, _, name = str(column).partition(".")
    kind = type(Base.metadata.tables[table].columns[name].type).__name__
    tamper(world, f"UPDATE {table} SET {name} = {OTHER.get(str(column)) or BY_TYPE[kind].format(name)} WHERE {ROWS[table]}")

    found = verify(world)
    assert not found.ok
    assert ("link 2" if table == "voucher_seal" else "link 4") in found.problems[0]
    assert "voucher-chain" in {one.id for one in world.failed_checks()}


VOUCHER = "payload_sha256, fact, evidence, posting_count, amount_cents, actor, booked_on"
SUBJECTS = "debit_account, debit_subject, credit_account, credit_subject"
FORGED = (
    f"INSERT INTO voucher (id, idem_key, {VOUCHER}, recorded_at) SELECT 77, 'forged', {VOUCHER}, :at FROM voucher WHERE id = 1",
    f"INSERT INTO posting SELECT 77, ordinal, {SUBJECTS}, amount_cents FROM posting WHERE voucher_id = 1",
)
EARLY, LATE = "'2026-11-22 08:00:00.000000'", "'2026-11-23 09:00:00.000000'"  # the seals are of 23 November, 8:00

TAMPERED: dict[str, tuple[tuple[str, ...], list[str]]] = {
    # what was done: the statements, and all that is said about it
    "a voucher is taken out": (
        ("DELETE FROM voucher WHERE id = 2",),
        ["link 2 covers voucher 2, which is gone"],
    ),
    "a posting is taken out": (
        ("DELETE FROM posting WHERE voucher_id = 4 AND ordinal = 2",),
        ["link 4: voucher {sub}, its postings or the link are not what was sealed"],
    ),
    "a posting is added": (
        (f"INSERT INTO posting SELECT voucher_id, 9, {SUBJECTS}, 1 FROM posting WHERE voucher_id = 1",),
        ["link 1: voucher {inv:1}, its postings or the link are not what was sealed"],
    ),
    "two postings change places": (
        (
            "UPDATE posting SET ordinal = 9 WHERE voucher_id = 4 AND ordinal = 0",
            "UPDATE posting SET ordinal = 0 WHERE voucher_id = 4 AND ordinal = 1",
            "UPDATE posting SET ordinal = 1 WHERE voucher_id = 4 AND ordinal = 9",
        ),
        ["link 4: voucher {sub}, its postings or the link are not what was sealed"],
    ),
    "a link is taken out": (
        ("DELETE FROM voucher_seal WHERE number = 2",),
        ["link 2 is missing", "link 3 does not follow the link before it"],
    ),
    "a voucher and its link are taken out": (
        (
            "DELETE FROM voucher WHERE id = 2",
            "DELETE FROM posting WHERE voucher_id = 2",
            "DELETE FROM voucher_seal WHERE number = 2",
        ),
        ["link 2 is missing", "link 3 does not follow the link before it"],
    ),
    "the first links are cut off": (
        ("DELETE FROM voucher_seal WHERE number < 3",),
        ["link 1 is missing, and so on to 2", "link 3 does not follow the link before it"],
    ),
    "the first links are cut off and the rest is numbered anew": (
        ("DELETE FROM voucher_seal WHERE number < 3", "UPDATE voucher_seal SET number = number - 2"),
        [
            "link 1 does not follow the link before it",
            "link 1: voucher {inv:3}, its postings or the link are not what was sealed",
            "link 2: voucher {sub}, its postings or the link are not what was sealed",
        ],
    ),
    "two vouchers change places": (
        (
            "UPDATE voucher SET id = 77 WHERE id = 1",
            "UPDATE voucher SET id = 1 WHERE id = 2",
            "UPDATE voucher SET id = 2 WHERE id = 77",
        ),
        [
            "link 1: voucher {inv:2}, its postings or the link are not what was sealed",
            "link 2: voucher {inv:1}, its postings or the link are not what was sealed",
        ],
    ),
    "two links change places": (
        (
            "UPDATE voucher_seal SET number = 77 WHERE number = 1",
            "UPDATE voucher_seal SET number = 1 WHERE number = 2",
            "UPDATE voucher_seal SET number = 2 WHERE number = 77",
        ),
        [
            "link 1 does not follow the link before it",
            "link 1: voucher {inv:2}, its postings or the link are not what was sealed",
            "link 2 does not follow the link before it",
            "link 2: voucher {inv:1}, its postings or the link are not what was sealed",
            "link 3 does not follow the link before it",
        ],
    ),
    "a voucher is put in between": (
        tuple(statement.replace(":at", EARLY) for statement in FORGED),
        ["1 voucher(s) older than link 4 have no link; 'bridge run' seals them"],
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_whoever_tampers_is_named(world: World, what: str) -> None:
    """Each way to alter, take out, put in or re-order, and nothing else is said than where it happened."""
    statements, said = TAMPERED[what]
    keys = [str(key) for (key,) in rows(world, "SELECT idem_key FROM voucher ORDER BY id")]
    names = {"{inv:1}": keys[0], "{inv:2}": keys[1], "{inv:3}": keys[2], "{sub}": keys[3]}
    tamper(world, *statements)

    for mark, key in names.items():
        said = [one.replace(mark, key) for one in said]
    assert verify(world).problems == said
    assert "voucher-chain" in {one.id for one in world.failed_checks()}


def test_a_voucher_of_now_is_only_counted(world: World) -> None:
    """What was booked after the last seal waits for the next run, and that is no error."""
    before = verify(world).not_sealed_yet
    tamper(world, *(statement.replace(":at", LATE) for statement in FORGED))
    found = verify(world)

    assert (found.ok, found.links, found.not_sealed_yet) == (True, 4, before + 1)


def test_a_noted_head_is_a_link_for_ever(world: World) -> None:
    """Each hash that was the head at some time is found again; one that never was is not."""
    noted = hashes(world)

    assert [verify(world, one).head_known for one in noted] == [True] * 4
    unknown = verify(world, "a" * 64)
    assert (unknown.ok, unknown.head_known, len(unknown.problems)) == (False, False, 1)
    assert verify(world).head_known is None


def test_a_tail_that_was_cut_is_found_by_who_noted_the_head(world: World) -> None:
    """The rows alone do not show that the last links and their vouchers were ever there: a noted head does."""
    *_, before, head = hashes(world)
    tamper(world, *(f"DELETE FROM {table} WHERE {row}" for table, row in (
        ("voucher_seal", "number = 4"), ("posting", "voucher_id = 4"), ("voucher", "id = 4"))))  # fmt: skip

    assert verify(world).ok
    assert verify(world, before).ok
    assert verify(world, head).problems == [
        f"head {head} was noted earlier, and no link has it now: links were cut off or made anew"
    ]


def test_a_chain_that_was_made_anew_is_found_by_who_noted_the_head(world: World) -> None:
    """Whoever changes a voucher, deletes every link and lets the bridge seal again has a whole chain with another head."""
    *_, head = hashes(world)
    tamper(world, "UPDATE voucher SET evidence = 'nothing' WHERE id = 1", "DELETE FROM voucher_seal")
    assert seal_vouchers(world) == 4

    assert verify(world).ok
    assert verify(world, head).head_known is False


def test_a_deleted_history_whose_rows_agree_is_found_by_a_noted_head(tmp_path: Path) -> None:
    """An invoice that was never collected vanishes with its log, its moves and its link: no check sees it, a noted head does."""
    usage = (*USAGE[:2], Usage(NOBODY, 600_00, DAY))
    world, without = worlds.make(tmp_path / "all", usage), worlds.make(tmp_path / "less", usage[:2])
    for one in (world, without):
        one.run("ingest")
        seal_vouchers(one)
    *_, head = hashes(world)
    [(count, fold)] = rows(without, "SELECT invoice_count, invoice_chain FROM cursor")
    assert isinstance(fold, bytes)
    literal = f"x'{fold.hex()}'" if engines.name() == engines.SQLITE else f"'\\x{fold.hex()}'::bytea"
    tamper(
        world,
        "DELETE FROM invoice WHERE id = 3",
        "DELETE FROM chain_log WHERE id = 3",
        "DELETE FROM move WHERE noun = 'invoice' AND noun_id = 3",
        "DELETE FROM voucher WHERE id = 3",
        "DELETE FROM posting WHERE voucher_id = 3",
        "DELETE FROM voucher_seal WHERE number = 3",
        f"UPDATE cursor SET invoice_count = {count}, invoice_chain = {literal}",
    )

    assert world.failed_checks() == []
    assert not verify(world, head).ok


def test_the_report_carries_the_head(world: World) -> None:
    """Who keeps a report has noted a head: of now, and of what was known at a time."""
    *_, head = hashes(world)
    report = world.report()

    assert (report.chain_number, report.chain_head) == (4, head)
    earlier = world.report(worlds.balances.View(None, datetime.fromisoformat("2026-11-23T07:59:59+00:00")))
    assert (earlier.chain_number, earlier.chain_head) == (0, "")
