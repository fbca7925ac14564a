"""An advice (camt.052, camt.054) says what a lump sum of the statement is about; it comes before or after, and books nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from bridge.errors import UnknownName
from bridge.model import Collection, Entry
from bridge.reports import queue
from tests import worlds
from tests.intake.papers import Line, Paper, advice, camt, details
from tests.worlds import CORE_DEBTOR, Usage, World

USAGE = tuple(Usage(CORE_DEBTOR, cents, date(2026, 11, 25)) for cents in (100_00, 20_00, 3_00))
EVENING = datetime(2026, 12, 2, 20, 0, tzinfo=UTC)
LUMP = Line(123_00, "LUMP-1", on="2026-12-01", value="2026-12-01")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Three debits of 100, 20 and 3 euros at the bank."""
    made = worlds.at_the_bank(tmp_path / "world", USAGE)
    made.now = EVENING
    yield made
    made.put_away()


def statement(*lines: Line) -> bytes:
    return camt(Paper(lines, on="2026-12-02", opened_on="2026-12-01", opening=0))


def told(world: World, line: Line = LUMP, *, kind: str = "camt.054", name: str = "N-1", fail: int = 0) -> bytes:
    """The line's advice, which names every debit of the file, or leaves out so many of the last."""
    debits = world.debits()[: len(USAGE) - fail]
    said = details(*((debit.end_to_end_id, f"{debit.cents / 100:.2f}") for debit in debits))
    return advice(replace(line, more=said), kind=kind, id=name)


def take(world: World, *bodies: bytes) -> None:
    for number, body in enumerate(bodies):
        world.receive(f"{number}.xml", body)
        world.run("reconcile")


@pytest.mark.parametrize("kind", ["camt.052", "camt.054"])
@pytest.mark.parametrize("first", ["statement", "advice"])
def test_a_lump_sum_is_explained_by_its_advice(world: World, kind: str, first: str) -> None:
    """Booked once, from the statement; each debit is settled by what the advice names, in whatever order the two come."""
    files = {"statement": statement(LUMP), "advice": told(world, kind=kind)}
    take(world, files[first])
    assert set(world.states().values()) == {"submitted"}
    take(world, *files.values())

    assert set(world.states().values()) == {"settled"}
    assert sum(world.balance("Bank").values()) == 123_00
    assert (world.balance("Suspense"), world.open_breaks(), world.failed_checks()) == ({}, [], [])


def test_an_advice_alone_books_nothing(world: World) -> None:
    """Not a cent, and no line of it waits for anybody."""
    take(world, told(world))

    assert set(world.states().values()) == {"submitted"}
    assert (world.balance("Bank"), world.balance("Suspense")) == ({}, {})
    assert [kind for kind, _ in world.open_breaks()] == ["STATEMENT_MISSING"]  # the advice is none
    with world.runtime.reading() as session:
        assert queue.queue(session, world.runtime) == []
        with pytest.raises(UnknownName):
            queue.show(session, world.runtime, 1)


def test_several_advices_that_say_the_same_are_one(world: World) -> None:
    """A camt.052 at noon, another in the evening and a camt.054 tell the same movement: booked once, explained once."""
    take(world, told(world, kind="camt.052", name="R-1"), told(world, kind="camt.052", name="R-2"), statement(LUMP), told(world))

    assert set(world.states().values()) == {"settled"}
    assert (world.balance("Suspense"), world.failed_checks()) == ({}, [])


def test_two_advices_that_differ_explain_nothing(world: World) -> None:
    """Which of them is about the line is a guess; it goes before a person."""
    take(world, told(world, name="N-1"), told(world, name="N-2", fail=1), statement(LUMP))

    assert set(world.states().values()) == {"submitted"}
    assert list(world.balance("Suspense").values()) == [-123_00]


def test_an_advice_explains_one_of_two_lines_by_the_banks_reference(world: World) -> None:
    """Two lump sums of one amount and day: the one whose reference the advice has; the other stays for a person."""
    other = replace(LUMP, ref="LUMP-2")
    take(world, statement(other, LUMP), told(world))

    assert set(world.states().values()) == {"settled"}
    assert list(world.balance("Suspense").values()) == [-123_00]


def test_an_advice_of_two_lines_that_look_alike_explains_neither(world: World) -> None:
    """Without a reference of the bank, nobody knows which of the two it tells."""
    nameless = replace(LUMP, ref="")
    take(world, statement(nameless, nameless), told(world, nameless))

    assert set(world.states().values()) == {"submitted"}
    assert list(world.balance("Suspense").values()) == [-123_00, -123_00]


def test_an_advice_of_a_line_that_needs_none_explains_no_other(world: World) -> None:
    """One of two lines of an amount names its debits itself; the advice is about that one, and the other stays open."""
    said = details(*((debit.end_to_end_id, f"{debit.cents / 100:.2f}") for debit in world.debits()))
    take(world, statement(replace(LUMP, more=said), replace(LUMP, ref="")), told(world))

    assert set(world.states().values()) == {"settled"}
    assert list(world.balance("Suspense").values()) == [-123_00]
    assert world.balance_by_name("Receivable") == dict.fromkeys(world.balance_by_name("Receivable"), 0)


@pytest.mark.parametrize("changed", [{"cents": 122_99}, {"on": "2026-12-02"}, {"ref": "LUMP-9"}])
def test_an_advice_of_something_else_explains_nothing(world: World, changed: dict[str, object]) -> None:
    """Another amount, day or reference is another movement."""
    take(world, told(world, replace(LUMP, **changed)), statement(LUMP))  # type: ignore[arg-type]

    assert set(world.states().values()) == {"submitted"}


def test_the_queue_shows_what_the_advice_says(world: World) -> None:
    """Of a line that its advice explains in part, a person sees the debits that the advice names."""
    take(world, statement(LUMP), told(world, fail=1))
    with world.runtime.reading() as session:
        [line] = queue.queue(session, world.runtime)
        shown = queue.show(session, world.runtime, line.entry)

    assert [one.end_to_end_id for one in shown.details] == [debit.end_to_end_id for debit in world.debits()[:2]]


def test_an_advice_twice_is_known(world: World) -> None:
    """The same advice in other bytes is known, and a copy or a foreign account is refused with a Break."""
    body = told(world)
    assert world.receive("a.xml", body) == "stored"
    assert world.receive("b.xml", body.replace(b"M-N-1", b"M-N-2")) == "known"
    assert world.receive("c.xml", advice(LUMP, id="N-3", head="<CpyDplctInd>DUPL</CpyDplctInd>")) == "stored"

    assert [kind for kind, _ in world.open_breaks()] == ["STATEMENT_REFUSED"]


# --- a line that names somebody is completed -------------------------------------------------------------------------------


def back(world: World, more: str = "", *, cents: int = 20_00, fee: int = 3_00, returned: str = "") -> Line:
    """The debit of 20 euros comes back with a fee of three inside; ``returned`` is what stands before ``more``."""
    name = next(debit.end_to_end_id for debit in world.debits() if debit.cents == cents)
    amount = f'<Amt Ccy="EUR">{(cents + fee) / 100:.2f}</Amt>'
    detail = f"<NtryDtls><TxDtls><Refs><EndToEndId>{name}</EndToEndId></Refs>{amount}{returned}{more}</TxDtls></NtryDtls>"
    return Line(-cents - fee, "BACK-1", on="2026-12-01", value="2026-12-01", more=detail)


CODE = "<BkTxCd><Prtry><Cd>NRTI+109</Cd></Prtry></BkTxCd>"
FEE = '<Chrgs><Rcrd><Amt Ccy="EUR">3.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><ChrgInclInd>true</ChrgInclInd></Rcrd></Chrgs>'
TEXT = "<RmtInf><Ustrd>Rueckgabe 4711</Ustrd></RmtInf>"
REASON = "<RtrInf><Orgtr><Nm>Erika Muster</Nm></Orgtr><Rsn><Cd>MD06</Cd></Rsn></RtrInf>"


def credited(world: World, line: Line) -> bytes:
    """A statement in which all debits are credited by name, then the line."""
    said = details(*((debit.end_to_end_id, f"{debit.cents / 100:.2f}") for debit in world.debits()))
    return statement(replace(LUMP, more=said), line)


def reasons(world: World) -> list[str]:
    with world.runtime.reading() as session:
        return [reason for reason in session.scalars(select(Collection.reason).order_by(Collection.id)) if reason]


def test_a_return_gets_its_reason_from_the_advice_that_came_first(world: World) -> None:
    """The line names its debit and is a return by its code; why, and what it cost, only the advice says."""
    full = back(world, FEE + TEXT + REASON)
    take(world, advice(full), credited(world, back(world, CODE)))

    assert sorted(world.states().values()) == ["returned", "settled", "settled"]
    assert reasons(world) == ["MD06"]
    assert (sorted(world.balance("Charges").values()), world.balance("Suspense")) == ([3_00], {})
    assert world.failed_checks() == []
    with world.runtime.reading() as session:
        line = next(entry for entry in session.scalars(select(Entry)) if entry.amount_cents == -23_00 and entry.told_by_id)
        shown = queue.show(session, world.runtime, line.id)
    assert (shown.details[0].return_reason, shown.details[0].charges_cents, "Rueckgabe 4711" in shown.text) == (
        "MD06",
        -3_00,
        True,
    )


def test_a_debit_that_the_bank_did_not_call_a_return_is_explained_by_its_advice(world: World) -> None:
    """Without code and reason it waits for a person; the advice that says return ends that."""
    take(world, credited(world, back(world)))
    assert [kind for kind, _ in world.open_breaks()] == ["RETURN_WITHOUT_REASON"]
    take(world, advice(back(world, REASON)))

    assert sorted(world.states().values()) == ["returned", "settled", "settled"]
    assert (reasons(world), world.open_breaks(), world.failed_checks()) == (["MD06"], [], [])


def test_what_was_explained_stays_as_it_was(world: World) -> None:
    """The reason comes after the return was booked: it is shown and goes before a person; nothing that was booked changes."""
    take(world, credited(world, back(world, CODE)))
    before = (world.states(), world.balance("Receivable"), world.balance("Charges"), reasons(world))
    take(world, advice(back(world, FEE + REASON)))

    assert (world.states(), world.balance("Receivable"), world.balance("Charges"), reasons(world)) == before
    assert [kind for kind, _ in world.open_breaks()] == ["TOLD_LATER"]
    assert world.failed_checks() == []
