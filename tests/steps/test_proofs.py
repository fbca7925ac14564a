"""What proves that a file is at the bank, and what does not; a kill in between proves it later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from bridge.acts import discard
from bridge.model import Batch, Move, Voucher
from bridge.steps import batch, handover
from tests import worlds
from tests.intake.papers import Line, Paper, camt, details, pain002, reason
from tests.worlds import CORE_DEBTOR, Usage, World

USAGE = tuple(Usage(CORE_DEBTOR, cents, date(2026, 11, 25)) for cents in (100_00, 20_00))
ONE, TWO = "plant-1-000001-1", "plant-1-000002-1"
TRANSFER = "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two debits of 100 and 20 euros in a file that stands in the outbox."""
    made = worlds.exported(tmp_path / "world", USAGE)
    yield made
    made.put_away()


def file(world: World) -> Batch:
    """The oldest file."""
    with world.runtime.reading() as session:
        found = session.get_one(Batch, 1)
        session.expunge(found)
        return found


def statement(*lines: Line, iban: str = worlds.MAIN_IBAN) -> bytes:
    return camt(Paper(lines, opening=0)).replace(worlds.MAIN_IBAN.encode(), iban.encode())


def names(end_to_end_id: str, euros: str = "100.00") -> str:
    return details((end_to_end_id, euros))


def lump_sum(world: World, inside: str) -> str:
    return f"<NtryDtls><Btch>{inside.format(file=file(world).message_id)}</Btch></NtryDtls>"


def news(world: World, what: str) -> bytes:
    """One piece of bank news about the file."""
    message_id = file(world).message_id
    return {
        "report": pain002(message_id, "<GrpSts>ACCP</GrpSts>"),
        "report in small letters": pain002(message_id.lower(), "<GrpSts>RCVD</GrpSts>"),
        "report of a copy": pain002(message_id, f"<GrpSts>RJCT</GrpSts>{reason('DUPL')}"),
        "lump sum of the file": statement(Line(120_00, more=lump_sum(world, "<MsgId>{file}</MsgId>"))),
        "lump sum of its block": statement(Line(120_00, more=lump_sum(world, "<PmtInfId>{file}-001</PmtInfId>"))),
        "a sum that is wrong": statement(Line(1_00, more=lump_sum(world, "<MsgId>{file}</MsgId>"))),
        "one debit": statement(Line(100_00, more=names(ONE.upper()))),
        "one debit with another amount": statement(Line(99_00, more=names(ONE, "99.00"))),
        "one debit on another account": statement(Line(100_00, more=names(ONE)), iban=worlds.OTHER_IBAN),
    }[what]


@pytest.mark.parametrize(
    "what",
    [
        "report",
        "report in small letters",
        "report of a copy",
        "lump sum of the file",
        "lump sum of its block",
        "a sum that is wrong",
        "one debit",
        "one debit with another amount",
        "one debit on another account",
    ],
)
def test_what_the_bank_names_it_has(world: World, what: str) -> None:
    """Whatever it says of the file or of a debit in it, and be it strange: the whole file is there, in one voucher."""
    world.receive("news", news(world, what))
    world.run("reconcile")

    assert file(world).state in ("submitted", "answered", "booked")
    assert "batched" not in world.states().values()
    with world.runtime.reading() as session:
        moves = [(m.news, m.evidence.split(":")[0]) for m in session.query(Move).filter_by(noun="batch").order_by(Move.id)]
        vouchers = [v.idem_key for v in session.query(Voucher).filter_by(fact="submitted")]
    assert ("proven", "status_report" if what.startswith("report") else "entry") in moves
    assert vouchers == [f"sub:{file(world).message_id}:1"]
    assert ("UPLOAD_NOT_CONFIRMED", f"batch:{file(world).message_id}") in world.open_breaks()
    assert world.failed_checks() == []


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("a stranger's report", pain002("SOMEBODY-ELSE", "<GrpSts>ACCP</GrpSts>")),
        ("a customer's transfer with the id of our debit", None),
        ("a stranger's line", statement(Line(100_00, more=names("X-1")))),
    ],
)
def test_what_proves_nothing(world: World, what: str, body: bytes | None) -> None:
    """Only the bank's word about our file does: the file stays in the outbox, and the ledger as it is."""
    transfer = statement(Line(100_00, more=names(ONE))).replace(b"<BkTxCd/>", TRANSFER.encode())
    world.receive(what, body or transfer)
    world.run("reconcile")

    assert file(world).state == "exported"
    assert world.balance("Clearing") == {}


def test_a_report_about_another_kind_of_file_proves_nothing(world: World) -> None:
    """A report about a credit transfer that happens to have our MsgId is none about our file."""
    world.receive("report", pain002(file(world).message_id, "<GrpSts>ACCP</GrpSts>", name="pain.001.001.09"))
    world.run("reconcile")

    assert file(world).state == "exported"
    assert [kind for kind, _ in world.open_breaks()] == ["NOT_OUR_FILE"]


def test_the_day_of_the_banks_word(world: World) -> None:
    """The hand-over is booked on the day of what proves it, and never before the export."""
    world.receive("early", statement(Line(100_00, on="2026-11-20", more=names(ONE))))
    world.run("reconcile")

    with world.runtime.reading() as session:
        booked = {v.fact: v.booked_on for v in session.query(Voucher)}
    assert (booked["submitted"], booked["settled"]) == (date(2026, 11, 23), date(2026, 11, 23))


def test_a_file_that_never_left_waits(tmp_path: Path) -> None:
    """The bank answers about a file that was only sealed: a Break, and nothing moves; once it left, the answer counts."""
    world = worlds.make(tmp_path / "world", USAGE, collection='approval = "none"\nhandover = "portal"\nbatch_at = ""')
    world.import_mandates(CORE_DEBTOR)
    world.run("ingest", "collect", "batch")
    subject = f"batch:{file(world).message_id}"
    world.receive("report", pain002(file(world).message_id, "<GrpSts>ACCP</GrpSts>"))
    world.run("reconcile")
    again = world.run("reconcile")["reconcile"]
    assert (file(world).state, world.open_breaks(), set(again.values())) == ("sealed", [("NEVER_SENT", subject)], {0})

    handover.run(world.runtime)
    world.run("reconcile")

    assert set(world.states().values()) == {"accepted"}
    assert world.open_breaks() == [("UPLOAD_NOT_CONFIRMED", subject)]
    world.put_away()


@pytest.mark.parametrize("fault", ["prove: before commit", "reconcile: before commit"])
def test_a_proof_that_is_killed_and_repeated(world: World, fault: str) -> None:
    """A run that dies in between leaves nothing half-done; the next one ends where it would have."""

    def die(name: str) -> None:
        if name == fault:
            raise KeyboardInterrupt

    for actor in ("anna", "ben"):
        discard.run(world.runtime, actor, file(world).message_id, "no portal", not_uploaded=True)
    batch.run(world.runtime)
    world.receive("statement", statement(Line(120_00, more=lump_sum(world, "<MsgId>{file}</MsgId>"))))
    whole = world.runtime
    world.runtime = replace(whole, fault=die)
    with pytest.raises(KeyboardInterrupt):
        world.run("reconcile")
    world.runtime = whole
    world.run("reconcile")

    with world.runtime.reading() as session:
        files = [one.state for one in session.query(Batch).order_by(Batch.id)]
    assert files == ["booked", "discarded"]
    assert (set(world.states().values()), world.balance("Clearing"), world.balance("Suspense")) == ({"settled"}, {}, {})
    assert world.failed_checks() == []
