"""What comes back weeks and months later: found, told apart by who wanted it, beside a refund of our own, and said in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from bridge.acts import accept, retry
from bridge.balances import View
from bridge.cli import main
from bridge.errors import NotAllowed
from bridge.explaining.by_hand import Named
from bridge.model import Entry, Posting, Voucher
from bridge.reports import returns
from bridge.rules.proof import PARTS
from tests import worlds
from tests.intake.papers import Line, Paper, advice, camt, details
from tests.worlds import B2B_DEBTOR, CORE_DEBTOR, Usage, World

DUE = date(2026, 11, 25)
USAGE = (Usage(CORE_DEBTOR, 100_00, DUE), Usage(CORE_DEBTOR, 20_00, DUE), Usage(B2B_DEBTOR, 3_00, DUE))
BANK = "<Orgtr><Id><OrgId><AnyBIC>COBADEFFXXX</AnyBIC></OrgId></Id></Orgtr>"
DEBTOR = "<Orgtr><Nm>Erika Muster</Nm></Orgtr>"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, engine: str) -> tuple[World, bytes]:
    """Three debits, all credited on their due date."""
    made = worlds.at_the_bank(tmp_path_factory.mktemp("late") / "world", USAGE)
    take(made, "2026-11-25", 0, *(line(made, cents, cents, "2026-11-25") for cents in (100_00, 20_00, 3_00)))
    assert set(made.states().values()) == {"settled"}
    return made, made.put_away()


@pytest.fixture
def world(kept: tuple[World, bytes]) -> Iterator[World]:
    made, as_it_was = kept
    yield made
    assert (made.failed_checks(), made.only_in_english()) == ([], [])
    made.go_back_to(as_it_was)


def line(world: World, cents: int, of: int, day: str, more: str = "") -> Line:
    """A line that names the debit of so many cents."""
    name = next(debit.end_to_end_id for debit in world.debits() if debit.cents == of)
    said = details((name, f"{abs(cents) // 100}.{abs(cents) % 100:02d}"), more=more)
    return Line(cents, f"R-{day}-{cents}", on=day, value=day, more=said)


def back(code: str, originator: str = BANK) -> str:
    return f"<RtrInf>{originator}<Rsn><Cd>{code}</Cd></Rsn></RtrInf>"


def take(world: World, day: str, opening: int, *lines: Line) -> None:
    """The account's statement of a day, and a run in its evening."""
    world.now = datetime.fromisoformat(f"{day}T20:00:00+00:00")
    world.receive(f"{day}.xml", camt(Paper(lines, id=day, sequence=None, on=day, opened_on=day, opening=opening), message=day))
    world.run("reconcile")


def how(world: World) -> dict[int, str]:
    """Cents -> how it failed, of what is on the list of returns."""
    with world.runtime.reading() as session:
        return {one.amount_cents: one.how for one in returns.listed(session, world.runtime)}


def test_a_return_after_eight_weeks_and_one_after_thirteen_months_find_their_debits(world: World) -> None:
    """Booked on their own day and by the reason that they give; the mandate is paused; nobody debits it again."""
    take(world, "2027-01-20", 123_00, line(world, -103_00, 100_00, "2027-01-20", back("MD06", DEBTOR)))
    take(world, "2027-12-24", 20_00, line(world, -20_00, 20_00, "2027-12-24", back("MD01", DEBTOR)))

    states = {debit.cents: world.states()[debit.end_to_end_id] for debit in world.debits()}
    assert states == {100_00: "returned", 20_00: "returned", 3_00: "settled"}
    assert how(world) == {100_00: "refund", 20_00: "refund"}
    assert (sum(world.balance("Receivable").values()), sum(world.balance("Charges").values())) == (120_00, 3_00)
    then = {
        on: world.report(View(as_of=on)).receivable_cents for on in (date(2027, 1, 19), date(2027, 1, 20), date(2027, 12, 24))
    }
    assert list(then.values()) == [0, 100_00, 120_00]
    with pytest.raises(NotAllowed, match="another debit would be a wrong one"):
        retry.run(world.runtime, "anna", world.debits()[1].end_to_end_id)


def test_who_is_named_as_the_originator_tells_a_return_from_a_refund(world: World) -> None:
    """MD01 of a bank is a return, MD01 of the debtor a refund, MD06 a refund whoever is named; each as the line says it."""
    day = "2026-12-01"
    take(
        world,
        day,
        123_00,
        line(world, -100_00, 100_00, day, back("MD01")),
        line(world, -20_00, 20_00, day, back("MD01", DEBTOR)),
        line(world, -3_00, 3_00, day, back("MD06")),
    )

    assert how(world) == {100_00: "return", 20_00: "refund", 3_00: "refund"}


def test_the_originator_may_stand_in_the_advice_alone(world: World) -> None:
    """The line is a return by its code; its advice, which came before, names the debtor."""
    day, code = "2026-12-01", "<BkTxCd><Prtry><Cd>NRTI+109</Cd></Prtry></BkTxCd>"
    world.now = datetime(2026, 12, 1, 19, tzinfo=UTC)
    world.receive("a.xml", advice(line(world, -20_00, 20_00, day, back("MD01", DEBTOR))))
    take(world, day, 123_00, line(world, -20_00, 20_00, day, code))

    assert how(world) == {20_00: "refund"}


def test_a_refund_of_ours_and_a_return_are_two_losses(world: World) -> None:
    """Collected, paid by transfer too, the second payment refunded, then the debit returned: each left by its own posting."""
    for day, opening, cents in (("2026-11-30", 123_00, 100_00), ("2026-12-01", 223_00, -100_00)):
        take(world, day, opening, Line(cents, f"T-{day}", on=day, value=day))
        with world.runtime.reading() as session:
            entry = session.scalars(select(Entry.id).where(Entry.bank_ref == f"T-{day}")).one()
        accept.run(world.runtime, "anna", entry, Named("plant-1-000001"))
    assert world.report().parts["paid_direct_debit"] + world.report().parts["paid_transfer"] == 123_00
    take(world, "2026-12-02", 123_00, line(world, -103_00, 100_00, "2026-12-02", back("MD06", DEBTOR)))

    with world.runtime.reading() as session:
        out = select(Voucher.fact, Posting.amount_cents).join(Posting, Posting.voucher_id == Voucher.id)
        lost = session.execute(out.where(Posting.debit_account == "Receivable", Posting.credit_account == "Suspense")).all()
    assert sorted(tuple(one) for one in lost) == [("refund", 100_00), ("returned", 100_00)]
    found = world.report()
    assert {name: found.parts[name] for name in PARTS if found.parts[name]} == {
        "paid_direct_debit": 23_00,
        "returned_open": 100_00,
    }
    assert (found.difference_cents, found.charges_cents, found.breaks) == (0, 3_00, [])


@pytest.mark.parametrize(
    ("code", "lang", "said"),
    [
        ("MS03", "en", ["yes, by the policy or by a person", "stays as it is", "the debtor: he pays, or names a day"]),
        ("MD01", "en", ["never", "paused at once; a person resumes or revokes it", "we: a person shows the mandate and settles"]),
        ("AC04", "de", ["nur von einem anderen Konto", "pausiert sofort; eine Person setzt es fort", "der Zahler: er nennt"]),
        ("FF01", "de", ["nach der Berichtigung, durch eine Person", "bleibt, wie es ist", "wir: die Datei ist unsere"]),
    ],
)
def test_a_code_says_what_follows_from_it(
    code: str, lang: str, said: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether another debit may follow, what becomes of the mandate, who must act; JSON has the bare facts beside the words."""
    monkeypatch.setenv("COLUMNS", "200")
    assert main.run(["explain", code, "--lang", lang, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    words = (found["retry"], found["mandate"], found["who"])

    assert [begin for word, begin in zip(words, said, strict=True) if not word.startswith(begin)] == []
    assert {"again", "pauses", "note", "meaning", "next"} <= set(found)
    assert main.run(["explain", code, "--lang", lang]) == 0
    shown = capsys.readouterr().out
    assert [word for word in words if word not in shown] == []
