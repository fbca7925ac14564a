"""Bank files are kept byte for byte and taken whole or not at all; every line of a posted statement is booked once."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

from bridge import archive, intake
from bridge.errors import Unavailable
from bridge.model import Break, Document, Entry, Statement, Voucher
from bridge.sim.bank import SimBank
from bridge.steps import receive
from tests.steps.child import job, run_jobs
from tests.steps.place import NOW, OWN_IBAN, Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def statements(*days: int, opening: int = 100_000) -> list[bytes]:
    """One statement a day of December 2026, each with a transfer of as many cents as its day, and a fee of 5."""
    bank = SimBank(OWN_IBAN, opening_cents=opening)
    found = []
    for day in days:
        bank.foreign_transfer(day, "Unbekannt GmbH", "Danke")
        bank.bank_fee(5)
        found.append(bank.statement(date(2026, 12, day)))
    return found


def take(place: Place, *bodies: bytes) -> list[intake.Taken]:
    return [intake.take(place.runtime, f"{n}.xml", body, actor="anna") for n, body in enumerate(bodies)]


def failed(place: Place) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((place.folder / "inbox" / "failed").iterdir())}


def test_every_byte_is_kept_and_every_line_booked(place: Place) -> None:
    """The file is in the archive with its hash; Bank is the closing balance; what is not explained stands in Suspense."""
    [body] = statements(1)
    (place.folder / "inbox" / "a.xml").write_bytes(body)
    assert receive.run(place.runtime) == {"stored": 1, "known": 0, "failed": 0}

    [document] = place.rows(Document)
    assert document.sha256 == sha256(body).hexdigest()
    with place.runtime.reading() as session:
        assert archive.fetch(session, place.runtime.keys, session.get_one(Document, document.id)) == body
    assert place.ledger("Bank") == 100_000 + 1 - 5
    assert place.ledger("Suspense") == -(1 - 5)
    assert list((place.folder / "inbox").iterdir()) == []


def test_a_line_is_booked_on_the_banks_day(place: Place) -> None:
    """Not on the day of the run, which stands in the audit trail."""
    take(place, *statements(1, 2))

    booked = {row.booked_on for row in place.rows(Voucher) if row.fact in ("bank credit", "bank debit")}
    assert booked == {date(2026, 12, 1), date(2026, 12, 2)}


def test_known_bytes_are_known(place: Place) -> None:
    """The same file again, under another name, books nothing."""
    [body] = statements(1)
    take(place, body)
    before = place.dump()
    for name in ("a.xml", "b.xml"):
        (place.folder / "inbox" / name).write_bytes(body)
    assert receive.run(place.runtime) == {"stored": 0, "known": 2, "failed": 0}

    assert place.dump() == before
    assert list((place.folder / "inbox").iterdir()) == []


def test_the_same_statement_in_other_bytes_is_known(place: Place) -> None:
    """A statement that differs in white space alone is kept and books nothing, and is no Break."""
    [body] = statements(1)
    first, again = take(place, body, body + b"\n")

    assert (first.result, again.result, again.new) == ("stored", "known", 0)
    assert place.ledger("Bank") == 99_996
    assert place.breaks() == []


@pytest.mark.parametrize(
    ("find", "put", "why"),
    [
        (b"EUR", b"CHF", "the statement is in CHF; only EUR is booked"),
        (OWN_IBAN.encode(), b"DE02500105170137075030", "the account is none of ours"),
        (b">0.05</Amt>", b">0.06</Amt>", "do not add up"),
    ],
)
def test_what_is_not_booked_is_kept_and_a_break(place: Place, find: bytes, put: bytes, why: str) -> None:
    """Not EUR, not our account, not adding up: archived, not booked, a Break that says why."""
    [body] = statements(1)
    assert find in body
    hostile = body.replace(find, put)
    [taken] = take(place, hostile)

    assert taken.new == 0
    assert place.ledger("Bank") == 0
    assert [row.sha256 for row in place.rows(Document)] == [sha256(hostile).hexdigest()]
    assert [row.kind for row in place.rows(Break)] == ["STATEMENT_REFUSED"]
    assert why in place.rows(Break)[0].what


def test_a_statement_without_balances_or_marked_as_a_copy_is_not_booked(place: Place) -> None:
    """Without an opening balance nothing can be checked; a copy is not the statement."""
    [body] = statements(1)
    start, end = body.index(b"<Bal>"), body.index(b"</Bal>") + len(b"</Bal>")
    copy = body.replace(b"<Acct>", b"<CpyDplctInd>COPY</CpyDplctInd><Acct>", 1)
    take(place, body[:start] + body[end:], copy)

    assert place.ledger("Bank") == 0
    said = [row.what for row in place.rows(Break)]
    assert "no opening or no closing balance" in said[0]
    assert "copy (COPY)" in said[1]


def test_a_gap_waits_and_is_booked_when_it_closes(place: Place) -> None:
    """1 December, then the 3rd: parked with a Break; the 2nd closes the gap and both are booked, the Break closed."""
    first, second, third = statements(1, 2, 3)
    take(place, first, third)
    assert place.breaks() == [("STATEMENT_GAP", "statement:2")]
    assert place.ledger("Bank") == 100_000 - 4
    [closing] = take(place, second)

    assert closing.new == 4
    assert place.ledger("Bank") == 100_000 + 6 - 15
    assert place.breaks() == []
    assert [row.posted_no for row in place.rows(Statement)] == [0, 2, 1]


def test_an_older_statement_later_changes_no_balance(place: Place) -> None:
    """An older statement that joins before the first: its lines are booked, and Opening takes their sum back."""
    first, second = statements(1, 2)
    take(place, second, first)

    assert place.ledger("Bank") == 100_000 + 3 - 10
    assert place.ledger("Opening") == -100_000
    assert place.ledger("Suspense") == -(3 - 10)
    assert place.breaks() == []


@pytest.mark.parametrize("part", [0.3, 0.6, 0.99])
def test_a_truncated_file_books_nothing(place: Place, part: float) -> None:
    """A file that ends early is set aside with the reason, and nothing of it is stored."""
    [body] = statements(1)
    (place.folder / "inbox" / "a.xml").write_bytes(body[: int(len(body) * part)])
    assert receive.run(place.runtime) == {"stored": 0, "known": 0, "failed": 1}

    assert (place.rows(Document), place.rows(Entry)) == ([], [])
    assert failed(place)["a.xml"] == body[: int(len(body) * part)]


def test_a_doctype_is_refused_whole(place: Place) -> None:
    """A file with a DOCTYPE is refused, and the file beside it is taken."""
    [body] = statements(1)
    head, _, rest = body.partition(b"?>")
    (place.folder / "inbox" / "a.xml").write_bytes(head + b'?><!DOCTYPE x [<!ENTITY e "x">]>' + rest)
    (place.folder / "inbox" / "b.xml").write_bytes(body)
    assert receive.run(place.runtime) == {"stored": 1, "known": 0, "failed": 1}

    assert "DOCTYPE" in failed(place)["a.xml.error.txt"].decode()


def test_the_inbox_takes_files_and_nothing_else(place: Place) -> None:
    """Links, hidden files, half-copied .part files and folders stay where they are."""
    [body] = statements(1)
    inbox, outside = place.folder / "inbox", place.folder / "outside.xml"
    outside.write_bytes(body)
    (inbox / "link.xml").symlink_to(outside)
    (inbox / "half.xml.part").write_bytes(body)
    (inbox / ".hidden").write_bytes(body)
    (inbox / "folder").mkdir()
    assert sum(receive.run(place.runtime).values()) == 0

    assert len(list(inbox.iterdir())) == 4
    assert outside.exists()


def test_failed_files_of_one_name_stand_side_by_side(place: Place) -> None:
    """A second bad file of the same name gets another one; none is overwritten."""
    for body in (b"first", b"second", b"third"):
        (place.folder / "inbox" / "a.xml").write_bytes(body)
        receive.run(place.runtime)

    found = failed(place)
    assert [found[name] for name in ("a.xml", "a-2.xml", "a-3.xml")] == [b"first", b"second", b"third"]
    assert sorted(name for name in found if name.endswith(".error.txt")) == [
        "a-2.xml.error.txt",
        "a-3.xml.error.txt",
        "a.xml.error.txt",
    ]


@pytest.mark.parametrize("body", [b"", b"\0\1\2", b"<a/>", b"PK\3\4 a zip", b"<?xml version='1.0'?><Document/>"])
def test_what_is_no_bank_file_is_set_aside(place: Place, body: bytes) -> None:
    """Nothing that cannot be read stops the step, and nothing of it is stored."""
    (place.folder / "inbox" / "a.bin").write_bytes(body)
    assert receive.run(place.runtime)["failed"] == 1

    assert place.rows(Document) == []
    assert failed(place)["a.bin"] == body


def test_a_kill_after_storing_takes_the_file_again(place: Place) -> None:
    """SIGKILL before the commit: nothing is stored, the file is still in the inbox, and the next run takes it once."""
    [body] = statements(1)
    (place.folder / "inbox" / "a.xml").write_bytes(body)
    [[killed], [again]] = run_jobs(
        [job(place.folder, "receive", NOW, fault="receive: stored")], [job(place.folder, "receive", NOW)]
    )
    assert killed["code"] == -9

    assert again["said"]["receive"] == {"stored": 1, "known": 0, "failed": 0}
    assert place.ledger("Bank") == 99_996


def test_two_processes_empty_one_inbox(place: Place) -> None:
    """Two processes at once: every statement is booked once, and neither fails over a file the other took."""
    for n, body in enumerate(statements(*range(1, 16))):
        (place.folder / "inbox" / f"{n:02}.xml").write_bytes(body)
    [answers] = run_jobs([job(place.folder, "receive", NOW.replace(month=12)) for _ in range(2)])

    assert [answer["code"] for answer in answers] == [0, 0], answers
    assert place.ledger("Bank") == 100_000 + 120 - 75
    assert len(place.rows(Document)) == 15
    assert list((place.folder / "inbox").iterdir()) == []


def test_an_inbox_that_is_away_is_no_empty_one(place: Place) -> None:
    """A share that is not mounted: the step is refused, with what to do, and makes no folder in its place."""
    inbox = place.folder / "inbox"
    inbox.rename(place.folder / "away")
    with pytest.raises(
        Unavailable, match=f"{inbox} is not there; bring it back or mount it, or make it to drop the bank's files"
    ):
        receive.run(place.runtime)
    assert not inbox.exists()
    (place.folder / "away").rename(inbox)

    assert receive.run(place.runtime)["failed"] == 0
