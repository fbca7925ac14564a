"""A failed debit is tried again as a new one, by the creditor's policy or by a person, and never where that would be wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bridge.acts import amend_mandate, mandates, retry
from bridge.errors import IllegalMove, NotAllowed, UnknownName
from bridge.model import Collection
from bridge.reports import returns
from tests import worlds
from tests.intake.papers import Line, Paper, camt, details, pain002, reason
from tests.worlds import CORE_DEBTOR, Usage, World

USAGE = (Usage(CORE_DEBTOR, 100_00, date(2026, 11, 25)), Usage(CORE_DEBTOR, 20_00, date(2026, 11, 25)))
OTHER = "DE02100500000054540402"
POLICY = 'retry = { reasons = ["AM04", "MS03"], retries_max = 1, days_min = 3 }\nprenotification_agreement = "terms, 7"'
OPEN = 'approval = "none"\nhandover = "folder"\nbatch_at = ""\n'


def at_the_bank(folder: Path, collection: str = "") -> World:
    """Two debits at the bank; ``collection`` are lines of the settings."""
    world = worlds.make(folder, USAGE, collection=OPEN + collection)
    world.import_mandates(CORE_DEBTOR)
    world.run("ingest", "collect", "batch", "handover")
    assert set(world.states().values()) == {"submitted"}
    return world


def line(name: str, cents: int, *, day: str, code: str = "") -> Line:
    more = f"<RtrInf><Rsn><Cd>{code}</Cd></Rsn></RtrInf>" if code else ""
    return Line(cents, on=day, value=day, more=details((name, f"{abs(cents) // 100}.{abs(cents) % 100:02d}"), more=more))


def returned(world: World, code: str, *, day: str = "2026-12-01") -> str:
    """The first debit is credited and returned; the EndToEndId of it."""
    name = world.debits()[0].end_to_end_id
    world.now = datetime.fromisoformat(f"{day}T20:00:00+00:00")
    lines = (line(name, 100_00, day=day), line(name, -100_00, day=day, code=code))
    world.receive("s.xml", camt(Paper(lines, opening=0, on=day, opened_on=day, id=f"S-{day}"), message=day))
    world.run("reconcile")
    assert world.states()[name] == "returned"
    return name


def rows(world: World) -> list[Collection]:
    with world.runtime.reading() as session:
        found = list(session.scalars(select(Collection).order_by(Collection.id)))
        session.expunge_all()
        return found


def test_the_policy_tries_again_after_its_days(tmp_path: Path) -> None:
    """Nothing before the third bank day; then one new debit, later, under a new name, and no second one beside it."""
    world = at_the_bank(tmp_path, POLICY)
    name = returned(world, "AM04")
    world.now = datetime(2026, 12, 3, 20, tzinfo=UTC)
    assert world.run("collect")["collect"]["opened"] == 0
    world.now = datetime(2026, 12, 4, 8, tzinfo=UTC)
    assert world.run("collect")["collect"]["opened"] == 1
    assert world.run("collect")["collect"]["opened"] == 0

    first, *_, second = rows(world)
    assert (first.end_to_end_id, second.end_to_end_id) == (name, name[:-1] + "2")
    assert (second.attempt, second.amount_cents, second.mandate_id) == (2, first.amount_cents, first.mandate_id)
    assert second.due_on > first.due_on
    assert world.run("batch")["batch"]["collections"] == 1
    assert world.failed_checks() == []


def test_the_policy_is_never_endless(tmp_path: Path) -> None:
    """One attempt after the first; when it fails too, a person decides, and may try again."""
    world = at_the_bank(tmp_path, POLICY)
    name = returned(world, "AM04")
    world.now = datetime(2026, 12, 7, 8, tzinfo=UTC)
    world.run("collect", "batch", "handover")
    again = name[:-1] + "2"
    assert world.states()[again] == "submitted"
    world.now = datetime(2026, 12, 14, 20, tzinfo=UTC)
    lines = (line(again, 100_00, day="2026-12-14"), line(again, -100_00, day="2026-12-14", code="AM04"))
    world.receive("t.xml", camt(Paper(lines, opening=0, on="2026-12-14", opened_on="2026-12-14", id="S-9", sequence=2)))
    world.run("reconcile")
    world.now = datetime(2027, 1, 20, 8, tzinfo=UTC)

    assert world.run("collect")["collect"]["opened"] == 0
    assert retry.run(world.runtime, "anna", again) == [name[:-1] + "3"]
    assert world.failed_checks() == []


def test_without_a_policy_a_person_tries_again(tmp_path: Path) -> None:
    """By the name of the failed debit, once: the second time it is not the last attempt any more."""
    world = at_the_bank(tmp_path)
    name = returned(world, "MS03")
    world.now = datetime(2026, 12, 20, 8, tzinfo=UTC)
    assert world.run("collect")["collect"]["opened"] == 0
    assert retry.run(world.runtime, "anna", name.lower()) == [name[:-1] + "2"]
    with pytest.raises(IllegalMove, match="is not the failed last attempt"):
        retry.run(world.runtime, "anna", name)


@pytest.mark.parametrize("code", ["MD06", "MS02", "MD07"])
def test_what_would_be_a_wrong_debit_is_never_tried_again(tmp_path: Path, code: str) -> None:
    """Neither by the policy nor by a person, in words that say why."""
    world = at_the_bank(tmp_path, POLICY)
    name = returned(world, code)
    world.now = datetime(2026, 12, 20, 8, tzinfo=UTC)
    assert world.run("collect")["collect"]["opened"] == 0
    with pytest.raises(NotAllowed, match=f"{code} .*another debit would be a wrong one"):
        retry.run(world.runtime, "anna", name)
    with world.runtime.reading() as session:
        [shown] = returns.listed(session, world.runtime)

    assert (shown.end_to_end_id, shown.again_on, shown.mandate_state) == (name, None, "paused")
    assert shown.next.endswith("never tried again")
    assert len(rows(world)) == 2


def test_another_account_of_the_debtor_may_be_debited(tmp_path: Path) -> None:
    """After AC04 nobody debits the same account, not even under a new BIC or after two changes; another one a person may."""
    world = at_the_bank(tmp_path, POLICY)
    name = returned(world, "AC04")
    world.now = datetime(2026, 12, 20, 8, tzinfo=UTC)
    for change in ({}, {"bic": "COBADEFFXXX"}, {"iban": OTHER}, {"iban": CORE_DEBTOR.iban}):
        if change:
            world.now += timedelta(hours=1)
            amend_mandate.run(world.runtime, "anna", CORE_DEBTOR.mandate, change)
        if change.get("iban") != OTHER:
            with pytest.raises(NotAllowed, match=r"AC04 .*another debit of this account would be a wrong one"):
                retry.run(world.runtime, "anna", name)
            with world.runtime.reading() as session:
                [shown] = returns.listed(session, world.runtime)
            assert shown.next.endswith("not tried again before the mandate has another account")

    amend_mandate.run(world.runtime, "anna", CORE_DEBTOR.mandate, {"iban": OTHER})
    mandates.run(world.runtime, "anna", CORE_DEBTOR.mandate, "resumed", "")
    assert retry.run(world.runtime, "anna", name) == [name[:-1] + "2"]
    assert world.states()[name[:-1] + "2"] == "pending"
    assert world.failed_checks() == []


def test_a_file_that_was_refused_is_sent_again_as_a_whole(tmp_path: Path) -> None:
    """Each debit gets one new attempt after the repair, also where a person was first; it does not count for the policy."""
    world = at_the_bank(tmp_path, POLICY)
    file = world.debits()[0].message_id
    with pytest.raises(IllegalMove, match=r"no debit of .* was rejected for what could be repaired"):
        retry.run_batch(world.runtime, "anna", file)
    world.receive("r.xml", pain002(file, f"<GrpSts>RJCT</GrpSts>{reason('FF01')}", at="2026-11-24T09:00:00+01:00"))
    world.run("reconcile")
    assert set(world.states().values()) == {"rejected"}

    by_hand = retry.run(world.runtime, "anna", world.debits()[1].end_to_end_id)
    assert len(by_hand) == 1
    assert len(retry.run_batch(world.runtime, "anna", file)) == 1
    assert [row.attempt for row in rows(world)] == [1, 1, 2, 2]

    world.now = datetime(2026, 11, 25, 8, tzinfo=UTC)
    world.run("batch", "handover")
    [again] = {debit.message_id for debit in world.debits()} - {file}
    world.receive("r2.xml", pain002(again, f"<GrpSts>RJCT</GrpSts>{reason('FF01')}", at="2026-11-25T09:00:00+01:00"))
    world.run("reconcile")
    with pytest.raises(IllegalMove, match=r"no debit of .* was rejected for what could be repaired"):
        retry.run_batch(world.runtime, "anna", file)
    assert len(retry.run_batch(world.runtime, "anna", again)) == 2
    assert world.failed_checks() == []


def test_what_did_not_fail_is_not_tried_again(tmp_path: Path) -> None:
    """A debit at the bank, and one that nobody knows."""
    world = at_the_bank(tmp_path)
    with pytest.raises(IllegalMove, match="is not the failed last attempt"):
        retry.run(world.runtime, "anna", world.debits()[0].end_to_end_id)
    with pytest.raises(UnknownName, match="no debit is called"):
        retry.run(world.runtime, "anna", "NOBODY-1")


def test_what_is_next_is_listed(tmp_path: Path) -> None:
    """The policy's day, the way by hand, and all attempts of the invoice, in the reader's language."""
    world = at_the_bank(tmp_path, POLICY)
    name = returned(world, "AM04")
    with world.runtime.reading() as session:
        [line_] = returns.listed(session, world.runtime, "de")
        shown = returns.show(session, world.runtime, name)
        with pytest.raises(UnknownName):
            returns.show(session, world.runtime, world.debits()[1].end_to_end_id)

    assert (line_.again_on, line_.meaning) == (date(2026, 12, 4), "AM04 mangels Deckung")
    assert line_.next == f"mit dem Zahler klären, wie er zahlt; dann bridge return retry {name}"
    assert [(a.end_to_end_id, a.state) for a in shown.attempts] == [(name, "returned")]


def test_the_bank_is_heard_before_anything_leaves(tmp_path: Path) -> None:
    """A dispute that lies in the inbox keeps the debtor's next debit from leaving in the same run."""
    usage = (Usage(CORE_DEBTOR, 100_00, date(2026, 11, 25)), Usage(CORE_DEBTOR, 20_00, date(2026, 12, 10)))
    world = worlds.make(tmp_path, usage, collection=OPEN)
    world.import_mandates(CORE_DEBTOR)
    world.run()
    assert sorted(world.states().values()) == ["pending", "submitted"]

    name = world.debits()[0].end_to_end_id
    lines = (line(name, 100_00, day="2026-12-01"), line(name, -100_00, day="2026-12-01", code="MD06"))
    paper = camt(Paper(lines, opening=0, on="2026-12-01", opened_on="2026-12-01"))
    (world.folder / "inbox" / "statement.xml").write_bytes(paper)
    world.now = datetime(2026, 12, 2, 8, tzinfo=UTC)
    world.run()
    assert sorted(world.states().values()) == ["held", "returned"]
    assert len(world.debits()) == 1


def test_another_attempt_waits_for_the_last_word_on_the_first(tmp_path: Path) -> None:
    """X-1, due on 25 November, is rejected before: X-2 waits for the statement of the 26th, in which X-1 could still stand."""
    world = at_the_bank(tmp_path)
    debit = world.debits()[0]
    status = f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{debit.pmt_inf_id}</OrgnlPmtInfId>"
    status += (
        f"<TxInfAndSts><OrgnlEndToEndId>{debit.end_to_end_id}</OrgnlEndToEndId><TxSts>RJCT</TxSts>{reason('AM04')}</TxInfAndSts>"
    )
    report = pain002(debit.message_id, "", at="2026-11-24T09:00:00+01:00").decode()
    report = report.replace("</CstmrPmtStsRpt>", f"{status}</OrgnlPmtInfAndSts></CstmrPmtStsRpt>")
    world.receive("r.xml", report.encode())
    world.run("reconcile")
    [again] = retry.run(world.runtime, "anna", debit.end_to_end_id)
    for day, closing, waits in (("2026-11-25", "2026-11-25", True), ("2026-11-27", "2026-11-26", False)):
        world.now = datetime.fromisoformat(f"{day}T06:00:00+00:00")
        world.receive(f"{day}.xml", camt(Paper((), opening=0, on=closing, opened_on=closing, id=day, sequence=None), message=day))
        world.run("reconcile")
        found = world.run("batch")["batch"]
        assert (found["waiting"], world.states()[again]) == ((1, "pending") if waits else (0, "batched"))
