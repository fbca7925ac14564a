"""No debit before its debtor was told of amount and date, long enough before: by mail through a real server, or by letter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from bridge import archive, intake
from bridge.acts import amend_mandate, approve, confirm_upload, retry, tell
from bridge.balances import View
from bridge.errors import BadInput, ConfigError, NotAllowed, Unavailable, UnknownName
from bridge.model import Audit, Collection, Document, Notice
from bridge.reports import reconciliation, told, validation
from bridge.runtime import build
from bridge.steps import batch, collect, handover, ingest, notify, reconcile
from tests.intake.papers import pain002, reason
from tests.servers import smtp
from tests.servers.smtp import Server
from tests.steps.child import job, run_jobs
from tests.steps.place import Bill, Place, mandate_line

HEAD = 'batch_at = ""\napproval = "none"\nprenotification = "{by}"\nprenotification_days = {days}\n'
ADDRESS = {"street": "Hauptstr.", "building": "1", "postcode": "70173", "town": "Stuttgart", "country": "DE"}


@pytest.fixture
def server() -> Iterator[Server]:
    with smtp.running() as server:
        yield server


def placed(folder: Path, server: Server, *, by: str = "email", days: int = 5) -> Place:
    collection = HEAD.format(by=by, days=days)
    if by == "email":
        collection += f'[smtp]\nhost = "127.0.0.1"\nport = {server.port}\nsecurity = "none"\nsender = "post@musterwerk.example"\n'
    return Place(folder, collection=collection)


@pytest.fixture
def place(tmp_path: Path, server: Server) -> Place:
    place = placed(tmp_path, server)
    place.mandates(
        mandate_line(1, email="erika@example.com", language="de", debtor_name="Erika Müller"),
        mandate_line(2, email="joe@example.com", language="en"),
    )
    return place


def pending(place: Place, *bills: Bill) -> None:
    place.bill(*bills)
    ingest.run(place.runtime)
    collect.run(place.runtime)


def test_a_debtor_is_told_in_his_language_before_he_is_debited(place: Place, server: Server) -> None:
    """B53, B54: amount, due date, mandate reference, creditor identifier; then the debit goes into a file, and not before."""
    pending(place, Bill(1, 128_430), Bill(2, 100, debtor=2))
    assert batch.run(place.runtime) == {"batches": 0, "collections": 0, "held": 0, "redated": 0, "waiting": 2}
    assert notify.run(place.runtime) == {"planned": 2, "sent": 2, "printed": 0, "failed": 0, "moved": 0}

    (to, german), (other, english) = server.mails
    assert (to, german["To"], german["From"]) == ("erika@example.com", "erika@example.com", "post@musterwerk.example")
    text = german.get_content()
    assert german["Subject"] == "Ankündigung einer SEPA-Lastschrift über 1.284,30 EUR am 1.12.2026"
    for part in ("1.284,30 EUR", "1.12.2026", "MND-0001", "DE98ZZZ09999999999", "plant-1-000001", "DE89…3000", "9.11.2026"):
        assert part in text
    assert (other, english["Subject"]) == (
        "joe@example.com",
        "Announcement of a SEPA direct debit of EUR 1.00 on 1 December 2026",
    )
    assert "1 December 2026" in english.get_content()
    assert "DE89370400440532013000" not in text
    assert batch.run(place.runtime)["collections"] == 2
    assert notify.run(place.runtime)["planned"] == 0


def test_the_exact_words_are_kept_as_evidence(place: Place, server: Server) -> None:
    """Recipient, text and time: what was stored is what the server took, byte for byte."""
    pending(place, Bill(1))
    notify.run(place.runtime)
    [notice] = place.rows(Notice)
    with place.runtime.reading() as session:
        body = archive.fetch(session, place.runtime.keys, session.get_one(Document, notice.document_id))
        shown = told.words(session, place.runtime, "PLANT-1-000001-1")
        [line] = told.notices(session)

    assert server.raw == [body]
    assert shown.startswith("To: erika@example.com\n")
    assert (line.recipient, line.state, line.sent_at) == ("e…@example.com", "sent", place.now)
    assert "erika@" not in repr(notice) + repr(line)


def test_a_notice_that_comes_late_moves_the_date(place: Place, server: Server) -> None:
    """14 days are not left: the debit is due later, that date is announced, and the file says it."""
    place.rewrite("prenotification_days = 5", "prenotification_days = 14")
    pending(place, Bill(1))
    assert notify.run(place.runtime)["moved"] == 1

    assert "7.12.2026" in server.mails[0][1]["Subject"]
    batch.run(place.runtime)
    assert [(row.state, row.due_on) for row in place.rows(Collection)] == [("batched", date(2026, 12, 7))]


def test_the_mandate_may_agree_on_other_days(place: Place) -> None:
    """Its own number goes before the creditor's."""
    amend_mandate.run(place.runtime, "anna", "MND-0001", {"prenotification_days": "20"})
    pending(place, Bill(1), Bill(2, debtor=2))
    notify.run(place.runtime)

    assert [row.due_on for row in place.rows(Collection)] == [date(2026, 12, 14), date(2026, 12, 1)]


def test_another_date_needs_another_notice(place: Place, server: Server) -> None:
    """The file was not cut in time: the later date is announced anew, and only then collected."""
    pending(place, Bill(1))
    notify.run(place.runtime)
    place.now += timedelta(days=7)
    assert batch.run(place.runtime) == {"batches": 0, "collections": 0, "held": 0, "redated": 0, "waiting": 1}
    assert notify.run(place.runtime)["sent"] == 1

    assert [(row.state, row.due_on) for row in place.rows(Notice)] == [
        ("overtaken", date(2026, 12, 1)),
        ("sent", date(2026, 12, 7)),
    ]
    assert len(server.mails) == 2
    assert batch.run(place.runtime)["collections"] == 1


def test_another_attempt_needs_a_notice_of_its_own(place: Place, server: Server) -> None:
    """The first debit was rejected for lack of funds: the next has another name and date, and leaves when he knows of it."""
    pending(place, Bill(1))
    notify.run(place.runtime)
    batch.run(place.runtime)
    handover.run(place.runtime)
    file = place.batches()[0].message_id
    confirm_upload.run(place.runtime, "anna", file, reference="order 1")
    rejected = pain002(file, f"<GrpSts>RJCT</GrpSts>{reason('AM04')}", at=place.now.isoformat())
    intake.take(place.runtime, "r.xml", rejected, actor="receive")
    reconcile.run(place.runtime)
    place.now += timedelta(days=14)
    assert retry.run(place.runtime, "anna", "plant-1-000001-1") == ["plant-1-000001-2"]
    assert batch.run(place.runtime)["collections"] == 0
    assert notify.run(place.runtime)["sent"] == 1

    first, second = place.rows(Notice)
    assert (first.collection_id != second.collection_id, first.due_on < second.due_on, len(server.mails)) == (True, True, 2)


def test_another_amount_needs_another_notice(place: Place) -> None:
    """Whatever made it another amount, the notice of the old one does not count."""
    pending(place, Bill(1))
    notify.run(place.runtime)
    with place.runtime.engine.begin() as connection:
        connection.exec_driver_sql(
            "DROP TRIGGER frozen_collection" + ("" if connection.dialect.name == "sqlite" else " ON collection")
        )
        connection.execute(update(Collection).values(amount_cents=9_999))

    assert batch.run(place.runtime)["waiting"] == 1


def test_no_address_is_a_break_and_the_debit_waits(place: Place, server: Server) -> None:
    """It says what to do; once the mandate has an address the debtor is told, and the Break closes."""
    place.mandates(mandate_line(3))
    pending(place, Bill(1, debtor=3))
    assert notify.run(place.runtime)["failed"] == 1
    assert place.breaks() == [("NOTICE_FAILED", "collection:1")]
    assert batch.run(place.runtime)["collections"] == 0
    amend_mandate.run(place.runtime, "anna", "MND-0003", {"email": "new@example.com"})
    notify.run(place.runtime)

    assert place.breaks() == []
    assert [to for to, _ in server.mails] == ["new@example.com"]


def test_a_refused_mail_is_a_break_and_is_not_repeated(place: Place, server: Server) -> None:
    """One bad address stops nobody else; it is tried again when it was corrected."""
    server.says["erika@example.com"] = "550 no such user erika@example.com"
    pending(place, Bill(1), Bill(2, debtor=2))
    assert notify.run(place.runtime) == {"planned": 2, "sent": 1, "printed": 0, "failed": 1, "moved": 0}
    assert notify.run(place.runtime) == {"planned": 0, "sent": 0, "printed": 0, "failed": 0, "moved": 0}
    assert place.breaks() == [("NOTICE_FAILED", "collection:1")]
    assert "erika" not in "".join(row.reason for row in place.rows(Notice))
    place.now += timedelta(minutes=1)
    amend_mandate.run(place.runtime, "anna", "MND-0001", {"email": "em@example.com"})

    assert notify.run(place.runtime)["sent"] == 1
    assert place.breaks() == []
    assert batch.run(place.runtime)["collections"] == 2


def test_a_server_that_takes_it_later_is_asked_again(place: Place, server: Server) -> None:
    """Unavailable; what was written is sent by the next run, word for word."""
    server.says["erika@example.com"] = "451 later"
    pending(place, Bill(1))
    with pytest.raises(Unavailable, match="later"):
        notify.run(place.runtime)
    server.says.clear()
    assert notify.run(place.runtime)["sent"] == 1
    assert len(place.rows(Notice)) == 1


def test_without_a_server_nothing_is_lost(tmp_path: Path) -> None:
    """Planned notices wait; the refusal names the server and no password."""
    with smtp.running() as gone:
        place = placed(tmp_path, gone)
    place.rewrite('security = "none"', 'security = "none"\nuser = "u"\npassword = "hunter2"')
    place.mandates(mandate_line(1, email="erika@example.com"))
    pending(place, Bill(1))
    with pytest.raises(Unavailable) as refused:
        notify.run(place.runtime)
    assert "127.0.0.1" in str(refused.value)
    assert "hunter2" not in str(refused.value) + repr(place.runtime.settings)
    assert [row.state for row in place.rows(Notice)] == ["planned"]


def test_a_notice_that_waited_too_long_is_not_sent_late(place: Place, server: Server) -> None:
    """The server was away for days: the date cannot be kept, another one is announced."""
    server.says["erika@example.com"] = "451 later"
    pending(place, Bill(1))
    with pytest.raises(Unavailable):
        notify.run(place.runtime)
    server.says.clear()
    place.now += timedelta(days=4)
    notify.run(place.runtime)

    assert [row.state for row in place.rows(Notice)] == ["overtaken", "sent"]
    [(_, mail)] = server.mails
    assert "2.12.2026" in mail["Subject"]


def test_killed_after_sending_it_is_the_same_mail(place: Place, server: Server) -> None:
    """A crash between the server and the mark: it is sent once more, with the same Message-ID."""

    def fault(point: str) -> None:
        if point == "notify: after sending":
            raise KeyboardInterrupt

    pending(place, Bill(1))
    place.open(fault=fault)
    with pytest.raises(KeyboardInterrupt):
        notify.run(place.runtime)
    place.open()
    notify.run(place.runtime)

    first, second = (mail["Message-ID"] for _, mail in server.mails)
    assert first == second
    assert [row.state for row in place.rows(Notice)] == ["sent"]


def test_two_who_send_tell_a_debtor_once(place: Place, server: Server) -> None:
    """Another process begins between a mail and the note that it was sent."""
    pending(place, Bill(1, 10_000))

    def meanwhile(point: str) -> None:
        if point == "notify: after sending":
            [[answer]] = run_jobs([job(place.folder, "notify", place.now)])
            assert (answer["code"], any(answer["said"]["notify"].values())) == (0, False)

    assert notify.run(place.open(fault=meanwhile))["sent"] == 1
    assert [recipient for recipient, _ in server.mails] == ["erika@example.com"]


def test_a_mail_that_came_back_stops_the_file(place: Place) -> None:
    """Bounced after the seal: the file does not leave, and says why; a person said so, and it is on record."""
    pending(place, Bill(1))
    notify.run(place.runtime)
    batch.run(place.runtime)
    name = place.batches()[0].message_id
    with pytest.raises(BadInput, match="say why"):
        tell.bounced(place.runtime, "anna", "plant-1-000001-1", " ")
    tell.bounced(place.runtime, "anna", "plant-1-000001-1", "mailbox full")

    with place.runtime.reading() as session:
        [failed] = [one for one in validation.of_batch(session, place.runtime, name) if not one.ok]
    assert "nobody was told of this amount on 2026-12-01" in failed.detail
    assert place.breaks() == [("NOTICE_FAILED", "collection:1")]
    assert [row.act for row in place.rows(Audit)][-1] == "notify bounced"
    with pytest.raises(UnknownName):
        tell.bounced(place.runtime, "anna", "plant-1-000001-1", "again")
    place.rewrite('approval = "none"', 'approval = "single"')
    with pytest.raises(NotAllowed, match="nobody was told"):
        approve.run(place.runtime, "ben", name)


def test_a_letter_counts_from_the_day_it_is_posted(tmp_path: Path, server: Server) -> None:
    """It is printed into a folder with the address for the envelope; somebody says when it went to the post."""
    place = placed(tmp_path, server, by="letter")
    place.mandates(
        mandate_line(1, debtor_name="Erika Müller", language="de", **ADDRESS, address_line_1="Hinterhaus"), mandate_line(2)
    )
    pending(place, Bill(1), Bill(2, debtor=2))
    assert notify.run(place.runtime) == {"planned": 1, "sent": 0, "printed": 1, "failed": 1, "moved": 0}
    [letter] = (tmp_path / "letters").iterdir()
    text = letter.read_text(encoding="utf-8")
    assert "Erika Müller\nHauptstr. 1\nHinterhaus\n70173 Stuttgart\nDE" in text
    assert "MND-0001" in text
    assert batch.run(place.runtime)["collections"] == 0, "printed is not posted"
    with pytest.raises(UnknownName):
        tell.posted(place.runtime, "anna", ["plant-1-000002-1"])
    assert tell.posted(place.runtime, "anna", []) == 1

    assert batch.run(place.runtime)["collections"] == 1
    assert place.breaks() == [("NOTICE_FAILED", "collection:2")]
    assert not server.mails


def test_a_letter_that_lay_too_long_moves_the_date(tmp_path: Path, server: Server) -> None:
    """Posted too late for its date: the debit waits, and a new letter with a later date is printed."""
    place = placed(tmp_path, server, by="letter")
    place.mandates(mandate_line(1, **ADDRESS))
    pending(place, Bill(1))
    notify.run(place.runtime)
    place.now += timedelta(days=4)
    tell.posted(place.runtime, "anna", [])
    assert batch.run(place.runtime)["collections"] == 0
    notify.run(place.runtime)

    assert [(row.state, row.due_on) for row in place.rows(Notice)] == [
        ("overtaken", date(2026, 12, 1)),
        ("printed", date(2026, 12, 2)),
    ]


def test_mail_needs_a_server_in_the_configuration(tmp_path: Path, server: Server) -> None:
    """It is said when the configuration is loaded, not when the first debtor should have been told."""
    place = placed(tmp_path, server, by="letter")
    path = place.folder / "bridge.toml"
    path.write_text(path.read_text().replace('"letter"', '"email"'))
    with pytest.raises(ConfigError, match=r"needs \[smtp\]"):
        build(path)


def test_elsewhere_announces_nothing(tmp_path: Path, server: Server) -> None:
    """Where the invoice itself announces the debit nothing is written, and nothing waits."""
    place = Place(tmp_path, collection='batch_at = ""\nprenotification = "elsewhere"\nprenotification_agreement = "AGB 7"\n')
    place.mandates(mandate_line(1, email="erika@example.com"))
    pending(place, Bill(1))
    assert notify.run(place.runtime)["planned"] == 0
    assert batch.run(place.runtime)["collections"] == 1
    assert not server.mails
    with place.runtime.reading() as session:
        report = reconciliation.build(session, place.runtime, View())
    assert (report.prenotification, report.prenotification_agreements) == (["elsewhere"], ["AGB 7"])


def test_an_own_template_replaces_ours(place: Place, server: Server) -> None:
    """And one that names what is not there is refused by name, before anybody gets half a sentence."""
    folder = place.folder / "templates" / "notices"
    folder.mkdir(parents=True)
    (folder / "de.txt").write_text("Betreff: $number\n\nWir buchen $amount ab.\n", encoding="utf-8")
    pending(place, Bill(1))
    notify.run(place.runtime)
    assert server.mails[0][1].get_content().strip() == "Wir buchen 100,00 EUR ab."
    (folder / "en.txt").write_text("Subject: $nothing\n\n", encoding="utf-8")
    pending(place, Bill(2, debtor=2))
    with pytest.raises(ConfigError, match="nothing"):
        notify.run(place.runtime)


def test_what_would_be_told_is_shown_first(place: Place, server: Server) -> None:
    """``bridge notify plan``: the date that will be announced beside the one asked for; nothing is written."""
    place.rewrite("prenotification_days = 5", "prenotification_days = 14")
    pending(place, Bill(1))
    with place.runtime.reading() as session:
        [one] = notify.outlook(session, place.runtime)

    assert (one.end_to_end_id, one.asked_on, one.due_on, one.channel) == (
        "plant-1-000001-1", date(2026, 12, 1), date(2026, 12, 7), "email",
    )  # fmt: skip
    assert not server.mails
    assert place.rows(Notice) == []
