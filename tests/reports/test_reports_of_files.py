"""A file that is signed, sent, taken back and discarded, and its successor: each report shows what was so at its time.

Then the bank answers, a stranger's credit is ignored by hand, what nobody will pay is written off: an auditor reads the month.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from bridge.acts import approve, confirm_upload, discard, ignore, undo, undo_upload, users, write_off
from bridge.balances import NOW, View
from bridge.model import Entry
from bridge.reports import audit, audit_page, batches, forecast, rendering
from bridge.reports.asked import ask
from bridge.reports.audit import Audit, Wanted
from bridge.reports.batches import Files
from bridge.reports.forecast import Forecast
from bridge.sim.bank import SimBank
from bridge.steps import handover
from tests.reports.forms import written
from tests.worlds import CORE_DEBTOR, MAIN_IBAN, NOBODY, Usage, World, make

#: the reports that a file's way changes
ABOUT = ("ageing", "batches", "forecast")
DUE = date(2026, 11, 25)
#: the bank's cut-off is 10:00 in Berlin, 9:00 here
CUT, SIGNED, SENT, BACK = (datetime(2026, 11, 23, 7, minute, tzinfo=UTC) for minute in (0, 15, 30, 45))
GONE, AGAIN, BOOKED, END = (datetime(2026, 11, day, hour, tzinfo=UTC) for day, hour in ((23, 12), (24, 8), (26, 19), (30, 8)))


@dataclass(frozen=True, slots=True)
class Story:
    world: World
    said: dict[datetime, dict[str, str]]
    audits: dict[datetime, Audit] = field(default_factory=dict)

    def files(self, at: datetime) -> Files:
        with self.world.runtime.reading() as session:
            return batches.build(session, ask(self.world.runtime, View(known_at=at)))

    def audit(self, at: datetime) -> Audit:
        """The audit of all that was known then, told once for all tests."""
        if at not in self.audits:
            with self.world.runtime.reading() as session:
                self.audits[at] = audit.build(session, self.world.runtime, ask(self.world.runtime, View(known_at=at)), Wanted())
        return self.audits[at]

    def ahead(self, at: datetime) -> Forecast:
        with self.world.runtime.reading() as session:
            return forecast.build(session, self.world.runtime, ask(self.world.runtime, View(known_at=at)))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Story:
    words = 'approval = "four-eyes"\nhandover = "portal"\nbatch_at = ""'
    world = make(
        tmp_path_factory.mktemp("files"), [Usage(CORE_DEBTOR, 100_00, DUE), Usage(NOBODY, 50_00, DUE)], now=CUT, collection=words
    )
    said: dict[datetime, dict[str, str]] = {}

    def at(when: datetime) -> None:
        """Keep what the reports say before the clock goes on."""
        said[world.now] = written(world, NOW, told(world.now))
        world.now = when

    def send() -> None:
        message_id = newest(world)
        for actor in ("anna", "ben"):
            approve.run(world.runtime, actor, message_id)
        handover.export(world.runtime, actor="anna", message_id=message_id)
        confirm_upload.run(world.runtime, "anna", message_id)

    world.import_mandates(CORE_DEBTOR)
    world.run("ingest", "collect", "batch")
    first = newest(world)
    at(SIGNED)
    for actor in ("anna", "ben"):
        approve.run(world.runtime, actor, first)
    at(SENT)
    handover.export(world.runtime, actor="anna", message_id=first)
    confirm_upload.run(world.runtime, "anna", first)
    at(BACK)
    for actor in ("carla", "dora"):
        undo_upload.run(world.runtime, actor, first, "wrong button")
    at(GONE)
    for actor in ("carla", "dora"):
        discard.run(world.runtime, actor, first, "no portal", not_uploaded=True)
    at(AGAIN)
    world.run("collect", "batch")
    send()
    at(BOOKED)
    bank = SimBank(MAIN_IBAN, opening_cents=1_000_00, style="single")
    bank.upload((world.folder / "outbox" / f"{newest(world)}.xml").read_bytes())
    bank.foreign_transfer(42_00, "Nobody we know", "=1+2")
    users.add(world.runtime, "dora", "Erika", "clerk")
    world.receive("26.xml", bank.statement(date(2026, 11, 26)))
    world.run("reconcile", "seal")
    with world.runtime.reading() as session:
        stranger = session.scalars(select(Entry.id).where(Entry.amount_cents == 42_00)).one()
    ignore.run(world.runtime, "anna", stranger, "=a stranger's")
    for actor in ("anna", "ben"):
        write_off.run(world.runtime, actor, "plant-1-000002", "insolvent")
    at(END)
    users.set_role(world.runtime, "dora", "Erika", "approver")
    undo.run(world.runtime, "ben", stranger, "it is ours")
    return Story(world, said)


def told(at: datetime) -> tuple[str, ...]:
    """What is told of a moment; an audit takes its time, and is told of two."""
    return (*ABOUT, "audit") if at in (GONE, BOOKED) else ABOUT


def newest(world: World) -> str:
    return world.debits()[-1].message_id


@pytest.mark.parametrize("at", [CUT, SIGNED, SENT, BACK, GONE, AGAIN, BOOKED])
def test_a_file_of_the_past_is_as_it_was(story: Story, at: datetime) -> None:
    """Signed, sent, undone, discarded, sent anew: at the end each moment still says what it said."""
    again = written(story.world, View(known_at=at), told(at))
    assert [name for name, text in story.said[at].items() if again[name] != text] == []


def test_who_signed_and_when_it_left(story: Story) -> None:
    """The signatures are those given until then; a hand-over that was undone is none."""
    seen = {
        at: [
            (one.state, one.approved_by, one.handed_over_on, one.unanswered_cents, one.difference_cents)
            for one in story.files(at).files
        ]
        for at in (CUT, SIGNED, SENT, BACK, GONE)
    }
    both = ["anna", "ben"]
    assert seen == {
        CUT: [("sealed", [], None, 0, 0)],
        SIGNED: [("approved", both, None, 0, 0)],
        SENT: [("submitted", both, date(2026, 11, 23), 100_00, 0)],
        BACK: [("exported", both, None, 0, 0)],
        GONE: [("discarded", both, None, 0, 0)],
    }
    assert [(one.state, one.handed_over_on) for one in story.files(AGAIN).files] == [
        ("discarded", None),
        ("submitted", date(2026, 11, 24)),
    ]


def test_the_forecast_follows_the_file(story: Story) -> None:
    """In a file, at the bank, in a file again, in none, and at the bank with the date of the second file."""
    seen = {
        at: [(one.day, one.submitted_cents, one.in_files_cents, one.formed_cents) for one in story.ahead(at).days]
        for at in (CUT, SENT, BACK, GONE, AGAIN)
    }
    second = date(2026, 11, 26)
    assert seen == {
        CUT: [(DUE, 0, 100_00, 0)],
        SENT: [(DUE, 100_00, 0, 0)],
        BACK: [(DUE, 0, 100_00, 0)],
        GONE: [(second, 0, 0, 100_00)],  # after the cut-off of the 23rd
        AGAIN: [(second, 100_00, 0, 0)],
    }


# --- the audit ---------------------------------------------------------------------------------------------------------


def test_a_euro_goes_from_the_sensor_to_the_bank_line(story: Story) -> None:
    """Each station of the paid invoice with its evidence: log, debit, both files, bank line, every posting with its link."""
    found = story.audit(BOOKED)
    told = [one for one in found.invoices if one.invoice == "plant-1-000001"]
    files = {one.line.message_id: one.sha256 for one in found.files}
    (statement,) = [one.sha256 for one in found.documents if one.kind == "camt.053"]

    assert [(one.station, one.cents) for one in told] == [
        ("sensor", None),
        ("log", 100_00),
        ("debit", 100_00),
        *[("file", 100_00)] * 2,
        ("bank_line", 100_00),
        *[("posting", 100_00)] * 5,
    ]
    assert [one.evidence for one in told if one.station == "log"] == ["0x" + f"{200_001:064x}"]
    assert [(one.what, one.evidence) for one in told if one.station == "file"] == [
        (f"{name}, anna, ben", sha256) for name, sha256 in files.items()
    ]
    assert [one.evidence for one in told if one.station == "bank_line"] == [statement]
    assert [one.what for one in told if one.station == "posting"] == [
        "invoice final: Receivable / Billed",
        "submitted: Clearing / Receivable",
        "submitted undone: Receivable / Clearing",
        "submitted: Clearing / Receivable",
        "settled: Suspense / Clearing",
    ]
    assert all(one.evidence.startswith("#") for one in told if one.station == "posting")
    assert found.ok


def test_a_bank_line_goes_back_to_the_chain(story: Story) -> None:
    """The credit to the invoice and its log; what a person ignored to his word; before the statement there is none."""
    found = story.audit(BOOKED)

    assert [(one.part_cents, one.fact, one.by, one.why, one.invoice, one.log) for one in found.lines] == [
        (100_00, "settled", "reconcile", "EndToEndId plant-1-000001-1", "plant-1-000001", f"0x{200_001:064x}/0"),
        (42_00, "not ours", "anna", "=a stranger's", "", ""),
    ]
    undone = story.audit(END)
    assert [(one.part_cents, one.fact) for one in undone.lines] == [(100_00, "settled"), (42_00, "")]
    assert story.audit(AGAIN).lines == []


def test_what_people_did_by_hand(story: Story) -> None:
    """Each amount that a person moved, with his reason; hand-overs stand with their files."""
    first, last = date(2026, 11, 26), date(2026, 11, 30)
    with story.world.runtime.reading() as session:
        found = audit.build(session, story.world.runtime, ask(story.world.runtime, NOW), Wanted(since=first, sample=1))

    assert [(one.actor, one.fact, one.reason, one.cents, one.on) for one in found.by_hand] == [
        ("anna", "not ours", "=a stranger's", 42_00, first),
        ("ben", "written off", "insolvent (anna and ben)", 50_00, first),
        ("ben", "not ours undone", f"{found.by_hand[0].voucher}: it is ours", 42_00, last),
    ]
    assert [(one.actor, one.act) for one in found.acts] == [
        ("dora", "user add"),
        ("anna", "reconcile ignore"),
        ("anna", "invoice write-off"),
        ("ben", "invoice write-off"),
        ("dora", "user role"),
        ("ben", "reconcile undo"),
    ]
    assert [(one.what, one.count, one.cents) for one in found.population] == [
        ("invoices_billed", 0, 0),
        ("taken_back", 0, 0),
        ("vouchers", 6, 100_00 + 42_00 + 100_00 + 42_00 + 50_00 + 42_00),  # two lines, what explains them, written off, undone
        ("bank_credits", 2, 142_00),
        ("bank_debits", 0, 0),
        ("files", 1, 100_00),
        ("by_hand", 3, 134_00),
        ("documents", 1, None),
    ]
    assert (found.invoices, len(found.lines)) == ([], 1)  # nothing was billed since, and one line is drawn


def test_rights_and_signatures_of_the_past(story: Story) -> None:
    """Erika was a clerk until the 30th, and nobody before; both people signed the bytes that were sealed."""
    seen = {at: [(one.name, one.role) for one in story.audit(at).people] for at in (AGAIN, BOOKED, END)}
    assert seen == {AGAIN: [], BOOKED: [("Erika", "clerk")], END: [("Erika", "approver")]}

    found = story.audit(BOOKED)
    assert [(one.actor, one.same) for one in found.signatures] == [("anna", True), ("ben", True)] * 2
    assert {one.sha256 for one in found.signatures} == {one.sha256 for one in found.files}


def test_a_formula_in_a_reason_stays_a_text(story: Story) -> None:
    """What a person wrote as his reason begins with an apostrophe in a CSV, in the table of acts too."""
    page = audit_page.page(story.audit(BOOKED), "de")

    assert ";'=a stranger's;" in rendering.csv(page, "by_hand")
    assert ";'=a stranger's\r\n" in rendering.csv(page, "acts")
