"""Acts of people are links of the voucher chain: who did what when cannot be changed, taken out or put in unseen."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from bridge.model import Base
from bridge.reports import seals
from bridge.steps import seal
from tests import worlds
from tests.books.test_voucher_chain import rows, tamper, verify
from tests.worlds import CORE_DEBTOR, Usage, World


@pytest.fixture(scope="module")
def sealed(engine: str) -> Iterator[World]:
    """A file that two people signed and one handed over; every voucher and every act has its link."""
    with tempfile.TemporaryDirectory() as folder:
        world = worlds.at_the_bank(Path(folder), (Usage(CORE_DEBTOR, 100_00, date(2026, 11, 25)),))
        world.run("seal")
        yield world
        world.close()


@pytest.fixture
def world(sealed: World) -> Iterator[World]:
    """The same, put back afterwards."""
    database = sealed.put_away()
    yield sealed
    sealed.go_back_to(database)


def last_act(world: World) -> tuple[int, int]:
    """The last act and the number of its link."""
    [(act, number)] = rows(world, "SELECT audit_id, number FROM voucher_seal ORDER BY number DESC LIMIT 1")
    return int(str(act)), int(str(number))


def test_every_act_has_a_link(world: World) -> None:
    """Each once, after the vouchers of the run; the next run finds nothing."""
    [(acts,)] = rows(world, "SELECT count(*) FROM audit")
    [(links,)] = rows(world, "SELECT count(audit_id) FROM voucher_seal")
    assert acts == links
    assert links != 0
    assert seal.run(world.runtime) == {"sealed": 0, "acts": 0}

    assert verify(world).ok
    assert verify(world).not_sealed_yet == 0


@pytest.mark.parametrize("column", [c.name for c in Base.metadata.tables["audit"].columns if c.name != "id"])
def test_an_act_that_was_tampered_with_is_named(world: World, column: str) -> None:
    """Each column of an act, alone: who, what, about what, when."""
    act, number = last_act(world)
    value = "'2020-01-01 00:00:00+00:00'" if column == "recorded_at" else f"{column} || 'x'"
    tamper(world, f"UPDATE audit SET {column} = {value} WHERE id = {act}")

    assert verify(world).problems == [f"link {number}: act {act} or the link are not what was sealed"]
    assert "voucher-chain" in {one.id for one in world.failed_checks()}


def test_an_act_that_was_taken_out_is_missed(world: World) -> None:
    """The link stays, and says which one it was."""
    act, number = last_act(world)
    tamper(world, f"DELETE FROM audit WHERE id = {act}")

    assert verify(world).problems == [f"link {number} covers act {act}, which is gone"]


def test_an_act_that_was_put_in_is_found(world: World) -> None:
    """An act that says it was before the last link, and has none, was not there when that was made."""
    columns, same = "id, recorded_at, actor, act, object, detail", "act, object, detail FROM audit WHERE id = 1"
    tamper(world, f"INSERT INTO audit ({columns}) SELECT 77777, '2026-11-20 08:00:00.000000', 'ben', {same}")

    [said] = verify(world).problems
    assert said.startswith("1 act(s) older than link")
    with world.runtime.reading() as session:
        assert seals.verify(session).not_sealed_yet == 1
