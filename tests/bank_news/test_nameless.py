"""A line that lost its EndToEndId on the way is explained where its mandate, or its text, leaves one debit; else by a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from bridge.model import Match
from tests import engines, worlds
from tests.intake.papers import Line, Paper, camt
from tests.worlds import B2B_DEBTOR, CORE_DEBTOR, Usage, World

#: two of the same amount under one mandate, one under another
DUE = date(2026, 11, 25)
USAGE = (Usage(CORE_DEBTOR, 100_00, DUE), Usage(CORE_DEBTOR, 100_00, DUE), Usage(B2B_DEBTOR, 20_00, DUE))
DEBIT, RETURN, TRANSFER = "PMNT/IDDT/ESDD", "PMNT/IDDT/UPDD", "PMNT/RCDT/ESCT"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = worlds.at_the_bank(tmp_path / "world", USAGE)
    made.now = datetime(2026, 12, 2, 20, 0, tzinfo=UTC)
    yield made
    made.put_away()


def line(cents: int, *, code: str, mandate: str = "", text: str = "", refs: str = "") -> Line:
    """One detail without an EndToEndId; a return's fee is stated and inside."""
    mandate = f"<MndtId>{mandate}</MndtId>" if mandate else ""
    domain, family, sub = code.split("/")
    codes = f"<BkTxCd><Domn><Cd>{domain}</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>{sub}</SubFmlyCd></Fmly></Domn></BkTxCd>"
    amount = f'<Amt Ccy="EUR">{abs(cents) // 100}.{abs(cents) % 100:02d}</Amt>'
    rest = f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf>" if text else ""
    more = f"<NtryDtls><TxDtls><Refs>{refs}{mandate}</Refs>{amount}{rest}</TxDtls></NtryDtls>"
    return Line(cents, on="2026-12-01", value="2026-12-01", more=codes + more)


def take(world: World, *lines: Line) -> None:
    world.receive("s.xml", camt(Paper(lines, on="2026-12-02", opened_on="2026-12-01", opening=0)))
    world.run("reconcile")


def of_twenty(world: World) -> str:
    """The EndToEndId of the debit of 20 euros."""
    return next(debit.end_to_end_id for debit in world.debits() if debit.cents == 20_00)


def rules(world: World) -> list[str]:
    with world.runtime.reading() as session:
        return list(session.scalars(select(Match.rule).order_by(Match.id)))


def test_a_credit_and_its_return_are_explained_by_the_mandate(world: World) -> None:
    """In one statement: the credit first, then the return of the debit that it settled; each match keeps its rule."""
    take(world, line(20_00, code=DEBIT, mandate="MND-0002"), line(-20_00, code=RETURN, mandate="mnd-0002"))

    assert world.states()[of_twenty(world)] == "returned"
    assert rules(world) == ["MANDATE", "MANDATE"]
    assert (world.balance("Suspense"), world.failed_checks()) == ({}, [])


def test_one_of_two_debits_of_a_mandate_is_nobody(world: World) -> None:
    """Which of the two was credited only a person can say."""
    take(world, line(100_00, code=DEBIT, mandate="MND-0001"))
    assert set(world.states().values()) == {"submitted"}
    assert [kind for kind, _ in world.open_breaks()] == ["UNKNOWN_CREDIT"]


def test_the_text_tells_two_debits_of_a_mandate_apart(world: World) -> None:
    """One line names its invoice, as banks write it: in capitals, between other words. Then the other line has one left."""
    second = next(debit for debit in world.debits() if debit.invoice.endswith("2"))
    text = f"SVWZ+RECHNUNG {second.invoice.upper()}, NOVEMBER"
    take(world, line(100_00, code=DEBIT, mandate="MND-0001"), line(100_00, code=DEBIT, mandate="MND-0001", text=text))

    assert [name for name, state in world.states().items() if state == "submitted"] == [of_twenty(world)]
    assert rules(world) == ["MANDATE", "MANDATE"]
    assert (world.open_breaks(), world.failed_checks()) == ([], [])


@pytest.mark.parametrize(
    ("code", "mandate", "refs"),
    [
        (TRANSFER, "", ""),
        (DEBIT, "MND-9999", ""),
        (DEBIT, "", "<EndToEndId>SOMEBODY-ELSE</EndToEndId>"),
    ],
    ids=["a transfer", "a mandate that we do not have", "another EndToEndId"],
)
def test_what_may_be_about_something_else_goes_to_a_person(world: World, code: str, mandate: str, refs: str) -> None:
    """A transfer of the payer's own, a mandate and an EndToEndId of somebody else: a number in the text proves nothing."""
    name = of_twenty(world)
    take(world, line(20_00, code=code, mandate=mandate, refs=refs, text=name))

    assert set(world.states().values()) == {"submitted"}
    assert [kind for kind, _ in world.open_breaks()] == ["UNKNOWN_CREDIT"]


def test_a_number_in_the_text_of_a_direct_debit(world: World) -> None:
    """Without mandate and EndToEndId the text is all there is, and it names one debit of this amount."""
    name = of_twenty(world)
    take(world, line(20_00, code=DEBIT, text=f"EREF+{name}"))
    assert (world.states()[name], rules(world), world.failed_checks()) == ("settled", ["TEXT"], [])


@pytest.mark.parametrize("rule", ["MANDATE", "TEXT"])
def test_a_match_that_no_rule_can_have_made_is_noticed(world: World, rule: str) -> None:
    """Another mandate than the bank gives, another amount: the check looks at what the rule looked at."""
    mandate = "MND-0002" if rule == "MANDATE" else ""
    take(world, line(20_00, code=DEBIT, mandate=mandate, text=of_twenty(world)))
    assert (rules(world), world.failed_checks()) == ([rule], [])
    change = "mandate_id = 'MND-0001'" if rule == "MANDATE" else "amount_cents = 2001"
    with engines.past_the_triggers(world.folder) as connection:
        connection.exec_driver_sql(f"UPDATE detail SET {change}")
    assert "matches" in {check.id for check in world.failed_checks()}
