"""A return that states the debtor bank's charge and our own bank's fee apart: booked, shown and undone as two."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from bridge.acts import undo
from bridge.balances import NOW
from bridge.formats import hledger
from bridge.model import Entry
from bridge.reports import ledger, queue, return_rates
from bridge.reports.asked import ask
from tests import worlds
from tests.intake.papers import Line, Paper, camt
from tests.worlds import B2B_DEBTOR, CORE_DEBTOR, Usage, World

DUE = date(2026, 11, 25)
USAGE = (Usage(CORE_DEBTOR, 100_00, DUE), Usage(B2B_DEBTOR, 10_00, DUE))
OUR_BANK, THEIR_BANK = "MUSTDEFFXXX", "BEISDEFFXXX"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[World]:
    """Both debits are credited; the one comes back in the shape of .08, the other in that of a bank file of 2022."""
    made = worlds.at_the_bank(tmp_path_factory.mktemp("apart") / "world", USAGE)
    made.now = datetime(2026, 12, 2, 20, 0, tzinfo=UTC)
    hundred, ten = sorted(made.debits(), key=lambda one: -one.cents)
    records = record(3_00, THEIR_BANK) + record(2_00, OUR_BANK)
    flat = "".join(
        f'<Chrgs><Amt Ccy="EUR">{amount}</Amt><Pty><FinInstnId><BIC>{bic}</BIC></FinInstnId></Pty></Chrgs>'
        for amount, bic in (("3.00", THEIR_BANK), ("2.50", OUR_BANK))
    )
    lines = (
        line(100_00, hundred.end_to_end_id, "<Amt Ccy='EUR'>100.00</Amt>"),
        line(10_00, ten.end_to_end_id, "<Amt Ccy='EUR'>10.00</Amt>"),
        line(-105_00, hundred.end_to_end_id, f"<Amt Ccy='EUR'>105.00</Amt><Chrgs>{records}</Chrgs>{RETURNED}"),
        line(-15_50, ten.end_to_end_id, f"{amounts('10.00', '15.50')}{flat}{RETURNED}"),
    )
    body = camt(Paper(lines, on="2026-12-02", opened_on="2026-12-01", opening=0))
    servicer = f"<Ccy>EUR</Ccy><Svcr><FinInstnId><BICFI>{OUR_BANK}</BICFI></FinInstnId></Svcr></Acct>"
    made.receive("s.xml", body.replace(b"<Ccy>EUR</Ccy></Acct>", servicer.encode()))
    made.run("reconcile")
    yield made
    made.put_away()


RETURNED = "<RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>"


def record(cents: int, bic: str) -> str:
    amount = f'<Amt Ccy="EUR">{cents // 100}.{cents % 100:02d}</Amt><CdtDbtInd>DBIT</CdtDbtInd><ChrgInclInd>true</ChrgInclInd>'
    return f"<Rcrd>{amount}<Agt><FinInstnId><BICFI>{bic}</BICFI></FinInstnId></Agt></Rcrd>"


def amounts(instructed: str, booked: str) -> str:
    def amount(name: str, euros: str) -> str:
        return f'<{name}><Amt Ccy="EUR">{euros}</Amt></{name}>'

    return f"<AmtDtls>{amount('InstdAmt', instructed)}{amount('TxAmt', booked)}</AmtDtls>"


def line(cents: int, name: str, more: str) -> Line:
    detail = f"<NtryDtls><TxDtls><Refs><EndToEndId>{name}</EndToEndId></Refs>{more}</TxDtls></NtryDtls>"
    return Line(cents, on="2026-12-01", value="2026-12-01", more=detail)


def entry_of(world: World, cents: int) -> int:
    with world.runtime.reading() as session:
        return session.scalars(select(Entry.id).where(Entry.amount_cents == cents)).one()


def test_three_postings_on_three_accounts(world: World) -> None:
    """By hand: 100.00 and 10.00 are open again; 3.00 and 3.00 went to their banks, 2.00 and 2.50 to ours."""
    assert set(world.states().values()) == {"returned"}
    assert sorted(world.balance("Receivable").values()) == [10_00, 100_00]
    assert sorted(world.balance("Interchange").values()) == [3_00, 3_00]
    assert sorted(world.balance("Charges").values()) == [2_00, 2_50]
    assert (world.balance("Suspense"), world.failed_checks()) == ({}, [])


def test_the_reports_show_them_apart(world: World) -> None:
    """Returns: 10.50 in fees, 6.00 of it interchange; the reconciliation has both, and so has the journal."""
    with world.runtime.reading() as session:
        rates = return_rates.build(session, world.runtime, ask(world.runtime, NOW))
        out = io.StringIO()
        hledger.journal(ledger.journal(session, NOW), out)
    proof = world.report()
    cost = next(table for table in return_rates.page(rates, "en").tables if table.name == "fees")

    assert (rates.total.fee_cents, rates.total.interchange_cents) == (10_50, 6_00)
    assert [row[1] for row in cost.rows] == [6_00, 4_50, 0, 0]
    assert (proof.charges_cents, proof.interchange_cents, proof.difference_cents) == (10_50, 6_00, 0)
    assert out.getvalue().count("Expenses:Interchange") == 2
    assert {day.charges_cents for day in proof.days} == {-10_50}


def test_a_line_shows_what_each_part_is(world: World) -> None:
    """Return, interchange and fee, each by its own name, and what the file stated."""
    with world.runtime.reading() as session:
        shown = queue.show(session, world.runtime, entry_of(world, -105_00))

    said = [(one.fact, one.cents) for one in shown.explanations]
    assert said == [("returned", -100_00), ("interchange", -3_00), ("bank fee", -2_00)]
    assert (shown.details[0].charges_cents, shown.details[0].interchange_cents) == (-5_00, -3_00)


def test_an_undo_takes_back_all_three(world: World) -> None:
    """The opposite of the whole voucher; what is left is the other return's."""
    undo.run(world.runtime, "anna", entry_of(world, -105_00), reason="to see")

    assert sorted(world.balance("Interchange").values()) == [3_00]
    assert sorted(world.balance("Charges").values()) == [2_50]
    assert (list(world.balance("Suspense").values()), world.failed_checks()) == ([105_00], [])
