"""The one hand on a real database: one winner, nothing half done, nothing booked twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError as TakenKey

from bridge import books
from bridge.books import PlannedMatch, PlannedMove, PlannedPosting, PlannedVoucher, Recorder, Unit
from bridge.errors import IntegrityError, LostRace
from bridge.model import Break, Detail, Entry, Invoice, Mandate, Match, Move, Posting, Voucher
from bridge.sim.bank import SimBank
from tests import worlds
from tests.worlds import CORE_DEBTOR, MAIN_IBAN, Usage, World

TODAY = date(2026, 11, 23)
ASK, FIND = "ask the bank what the difference is", "find out who paid and for what"  # what such Breaks really say


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two open invoices of 100.00 and 200.00, version 1."""
    made = worlds.make(tmp_path / "world", [Usage(CORE_DEBTOR, 100_00, TODAY), Usage(CORE_DEBTOR, 200_00, TODAY)])
    made.run("ingest")
    yield made
    made.put_away()


def by(world: World, actor: str = "anna") -> Recorder:
    return Recorder(actor, world.now)


def hold(invoice_id: int, reason: str = "", version: int = 1) -> PlannedMove:
    return PlannedMove("invoice", invoice_id, version, "held", "open", "held", "person", TODAY, reason)


def loss(key: str, cents: int = 1, *, postings: int = 1) -> PlannedVoucher:
    posting = PlannedPosting("Loss", 1, "Receivable", 1, cents)
    return PlannedVoucher(key, "write-off", "person", TODAY, (posting,) * postings)


def counted(world: World) -> tuple[int, int, int]:
    """How many moves, vouchers and postings there are."""
    with world.runtime.reading() as session:
        return tuple(session.scalar(select(func.count()).select_from(table)) or 0 for table in (Move, Voucher, Posting))  # type: ignore[return-value]


def test_of_two_movers_one_wins(world: World) -> None:
    """Two units that expect the same version: the first is done, the second comes back as lost, and nothing of it is written."""
    second = Unit(moves=(hold(1, "ben's"),), voucher=loss("second"))
    with world.runtime.session() as session:
        first = books.apply(session, [Unit(moves=(hold(1, "anna's"),))], by(world))
    before = counted(world)

    with world.runtime.session() as session:
        late = books.apply(session, [second], by(world, "ben"))

    assert (len(first.done), first.lost) == (1, [])
    assert (late.done, late.lost) == ([], [second])
    assert counted(world) == before
    with world.runtime.reading() as session:
        row = session.get_one(Invoice, 1)
        assert (row.state, row.version, row.reason) == ("held", 2, "anna's")


def test_a_unit_that_lost_a_part_is_repeated_as_a_whole(world: World) -> None:
    """A unit of which only some moves won raises LostRace, and nothing of the unit of work stays."""
    with world.runtime.session() as session:
        books.apply(session, [Unit(moves=(hold(1),))], by(world))
    before = counted(world)

    with pytest.raises(LostRace), world.runtime.session() as session:
        books.apply(session, [Unit(voucher=loss("other")), Unit(moves=(hold(1), hold(2)), voucher=loss("half"))], by(world))

    assert counted(world) == before
    with world.runtime.reading() as session:
        assert session.get_one(Invoice, 2).state == "open"


def test_a_state_that_is_not_the_expected_one_loses(world: World) -> None:
    """Version alone is not enough: a move from another state than the row has is lost."""
    wrong = replace(hold(1), from_state="paid")
    with world.runtime.session() as session:
        assert books.apply(session, [Unit(moves=(wrong,))], by(world)).lost == [Unit(moves=(wrong,))]


def test_the_same_fact_is_booked_once(world: World) -> None:
    """The same key with the same content is a repeat: nothing is written the second time."""
    for _ in range(2):
        with world.runtime.session() as session:
            books.apply(session, [Unit(voucher=loss("once"))], by(world))

    with world.runtime.reading() as session:
        assert session.scalar(select(func.count()).select_from(Voucher).where(Voucher.idem_key == "once")) == 1
        assert session.scalar(select(func.sum(Posting.amount_cents)).where(Posting.debit_account == "Loss")) == 1


@pytest.mark.parametrize("other", [loss("once", 2), loss("once", postings=2), replace(loss("once"), fact="refund")])
def test_the_same_fact_with_another_content_is_refused(world: World, other: PlannedVoucher) -> None:
    """The same key with another amount, another number of postings or another fact is no repeat."""
    with world.runtime.session() as session:
        books.apply(session, [Unit(voucher=loss("once"))], by(world))
    before = counted(world)

    with pytest.raises(IntegrityError, match="once is already booked"), world.runtime.session() as session:
        books.apply(session, [Unit(voucher=other)], by(world))

    assert counted(world) == before


def test_what_is_said_to_be_new_and_is_not_undoes_everything(world: World) -> None:
    """Nobody looked whether it is booked: the database does, and nothing of the unit of work stays."""
    with world.runtime.session() as session:
        books.apply(session, [Unit(voucher=loss("fact"))], by(world))
    before = counted(world)
    again = [Unit(voucher=loss("another")), Unit(voucher=loss("fact"))]
    with pytest.raises(TakenKey), world.runtime.session() as session:
        books.apply(session, again, by(world), all_new=True)
    assert counted(world) == before


def test_every_move_says_who_why_and_by_which_voucher(world: World) -> None:
    """A Move has both ends, evidence, actor and both dates, and names the voucher of its unit."""
    with world.runtime.session() as session:
        books.apply(session, [Unit(moves=(hold(1, "asked"),), voucher=loss("with it"))], by(world))

    with world.runtime.reading() as session:
        move = session.scalars(select(Move).where(Move.noun == "invoice", Move.noun_id == 1, Move.version == 2)).one()
        voucher = session.scalars(select(Voucher).where(Voucher.idem_key == "with it")).one()
        assert (move.from_state, move.to_state, move.evidence, move.reason) == ("open", "held", "person", "asked")
        assert (move.actor, move.booked_on, move.recorded_at) == ("anna", TODAY, world.now)
        assert move.voucher_id == voucher.id


def test_a_repeat_without_moves_writes_nothing_again(world: World) -> None:
    """The voucher is booked and the line explained already: neither happens a second time."""
    match = PlannedMatch(1, 5, "rule", "person", TODAY)
    with world.runtime.session() as session:
        books.apply(session, [Unit(voucher=loss("once"))], by(world))
    with world.runtime.session() as session:
        books.apply(session, [Unit(voucher=loss("once"), matches=(match,))], by(world))

    with world.runtime.reading() as session:
        assert session.scalar(select(func.count()).select_from(Match)) == 0


def test_a_move_whose_fact_is_booked_already_is_refused(world: World) -> None:
    """The voucher says that it happened, the state says that it did not: nobody guesses which is right."""
    with world.runtime.session() as session:
        books.apply(session, [Unit(voucher=loss("once"))], by(world))

    with pytest.raises(IntegrityError, match="once is already booked, but its move was not"), world.runtime.session() as session:
        books.apply(session, [Unit(moves=(hold(1),), voucher=loss("once"))], by(world))


def test_a_person_hears_that_another_was_first(world: World) -> None:
    """What must not be lost is not dropped in silence."""
    with world.runtime.session() as session:
        books.apply_all(session, [Unit(moves=(hold(1),))], by(world))
    with pytest.raises(LostRace, match="another worker moved this first"), world.runtime.session() as session:
        books.apply_all(session, [Unit(moves=(hold(1),))], by(world))


def test_another_version_loses(world: World) -> None:
    """The state is the expected one, but somebody moved it to and fro meanwhile."""
    late = Unit(moves=(hold(1, version=3),))
    with world.runtime.session() as session:
        assert books.apply(session, [late], by(world)).lost == [late]


def test_a_move_without_a_reason_has_an_empty_one(world: World) -> None:
    """Never null, and never anything that nobody said."""
    with world.runtime.session() as session:
        books.apply(session, [Unit(moves=(PlannedMove("invoice", 1, 1, "held", "open", "held", "person", TODAY),))], by(world))
    with world.runtime.reading() as session:
        assert session.get_one(Invoice, 1).reason == ""


def test_the_first_move_of_what_is_new(world: World) -> None:
    """It has no state before it, and says who, why and when; without a day of its own it is of the day it was recorded."""
    world.import_mandates(CORE_DEBTOR)
    with world.runtime.reading() as session:
        mandate = {c.name: getattr(session.get_one(Mandate, 1), c.name) for c in Mandate.__table__.c if c.name != "id"}
    other = {name: value for name, value in mandate.items() if name != "reason"} | {"mandate_id": "M-8", "mandate_key": "M-8"}
    told = mandate | {"mandate_id": "M-7", "mandate_key": "M-7", "reason": "asked"}
    told |= {"evidence": "paper", "booked_on": date(2026, 11, 2)}
    with world.runtime.session() as session:
        assert books.admit(session, "mandate", [], by(world), news="signed") == []
        first, second = books.admit(session, "mandate", [told, other], by(world), news="signed")

    with world.runtime.reading() as session:
        of_both = select(Move).where(Move.noun == "mandate", Move.noun_id.in_([first, second])).order_by(Move.noun_id)
        names = [session.get_one(Mandate, number).mandate_id for number in (first, second)]
        said = [
            (m.from_state, m.to_state, m.evidence, m.reason, m.booked_on, m.actor, m.voucher_id) for m in session.scalars(of_both)
        ]
    state = mandate["state"]
    assert names == ["M-7", "M-8"]
    assert said == [
        (None, state, "paper", "asked", date(2026, 11, 2), "anna", None),
        (None, state, "", "", world.now.date(), "anna", None),
    ]


def test_every_voucher_is_balanced_and_knows_its_postings(world: World) -> None:
    """A posting has a debit and a credit side, so debits equal credits; a voucher knows its count and sum."""
    with world.runtime.session() as session:
        books.apply(session, [Unit(voucher=loss("three", 5, postings=3))], by(world))

    with world.runtime.reading() as session:
        voucher = session.scalars(select(Voucher).where(Voucher.idem_key == "three")).one()
        assert (voucher.posting_count, voucher.amount_cents) == (3, 15)
    everything = [sum(world.balance(account).values()) for account in ("Receivable", "Billed", "Loss")]
    assert everything == [30_000 - 15, -30_000, 15]


def test_a_break_is_open_once(world: World) -> None:
    """A Break of one kind and subject is open once; after it was closed, the next is another row."""
    row = ("AMOUNT_DIFF", "entry:7", ASK, ASK)
    opened = []
    for _ in range(2):
        with world.runtime.session() as session:
            opened.append(books.open_breaks(session, [row, row], by(world), TODAY))
    with world.runtime.session() as session:
        closed = books.close_breaks(session, ["entry:7"], by(world), "done")
        opened.append(books.open_breaks(session, [row], by(world), TODAY))

    assert (opened, closed) == ([1, 0, 1], 1)
    with world.runtime.reading() as session:
        rows = session.execute(select(Break.ordinal, Break.resolution).order_by(Break.ordinal)).all()
        assert [tuple(found) for found in rows] == [(1, "done"), (2, None)]


def test_only_what_was_meant_is_closed(world: World) -> None:
    """Of the subject and kind that are named, and only what is open: an earlier answer is not overwritten."""
    row = ("AMOUNT_DIFF", "entry:7", ASK, ASK)
    others = [("UNKNOWN_CREDIT", "entry:7", FIND, FIND), ("AMOUNT_DIFF", "entry:8", ASK, ASK)]
    with world.runtime.session() as session:
        books.open_breaks(session, [row, *others], by(world), TODAY)
        books.close_breaks(session, ["entry:7"], by(world), "first", kinds=["AMOUNT_DIFF"])
        books.open_breaks(session, [row], by(world), TODAY)
    with world.runtime.session() as session:
        assert books.close_breaks(session, ["entry:7"], by(world), "second", kinds=["AMOUNT_DIFF"]) == 1

    with world.runtime.reading() as session:
        rows = session.execute(select(Break.subject, Break.kind, Break.resolution).order_by(Break.id)).all()
    assert sorted(map(str, rows)) == sorted(
        map(
            str,
            [
                ("entry:7", "AMOUNT_DIFF", "first"),
                ("entry:7", "UNKNOWN_CREDIT", None),
                ("entry:8", "AMOUNT_DIFF", None),
                ("entry:7", "AMOUNT_DIFF", "second"),
            ],
        )
    )


def test_a_match_keeps_all_that_it_is_about(world: World) -> None:
    """Its detail, the other line and the match that it takes back, as its voucher keeps the one that it takes back."""
    bank = SimBank(MAIN_IBAN, opening_cents=0)
    bank.foreign_transfer(7_00, "Unbekannt GmbH", "Danke")
    bank.foreign_transfer(5_00, "Unbekannt GmbH", "Danke")
    world.receive("statement.xml", bank.statement(TODAY))
    with world.runtime.reading() as session:
        first, second = session.scalars(select(Entry.id).order_by(Entry.id))
        detail = session.scalars(select(Detail.id).where(Detail.entry_id == first)).one()
    said = PlannedMatch(first, 3_00, "by hand", "person", TODAY, detail_id=detail, other_entry_id=second)
    with world.runtime.session() as session:
        books.apply(session, [Unit(voucher=loss("said"), matches=(said,))], by(world))
        match = session.scalars(select(Match)).one()
        taken_back = replace(said, amount_cents=-3_00, undoes_id=match.id)
        unsaid = replace(loss("unsaid"), reverses_id=match.voucher_id)
        books.apply(session, [Unit(voucher=unsaid, matches=(taken_back,))], by(world))

    with world.runtime.reading() as session:
        rows = session.execute(select(Match.id, Match.detail_id, Match.other_entry_id, Match.undoes_id).order_by(Match.id)).all()
        reversed_by = session.execute(select(Voucher.idem_key, Voucher.reverses_id).order_by(Voucher.id.desc()).limit(2)).all()
        open_cents = session.scalars(select(Entry.open_cents).order_by(Entry.id)).all()
    (one, *about), (_, *undone) = rows
    assert (about, undone) == ([detail, second, None], [detail, second, one])
    assert [key for key, _ in reversed_by] == ["unsaid", "said"]
    assert (reversed_by[0].reverses_id is not None, reversed_by[1].reverses_id) == (True, None)
    assert open_cents == [7_00, 5_00]
