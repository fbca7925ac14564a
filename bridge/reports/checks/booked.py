"""Vouchers, their postings and their matches: the content that was hashed, the accounts of the fact, the lines they explain."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, union_all
from sqlalchemy.orm import aliased

from bridge.books import PlannedPosting, PlannedVoucher
from bridge.model import Amendment, Collection, Consent, Detail, Entry, Invoice, Mandate, Match, Posting, Voucher
from bridge.reports.checks import ROWS_AT_ONCE, Reading
from bridge.rules.lifecycle import POSTINGS
from bridge.rules.naming import NOT_PROVIDED
from bridge.rules.people import person

#: facts of a bank line; a fee may stand beside them in the same voucher
LINE_FACTS = ("settled", "returned", "late credit", "late debit", "line to line")
FEES = ("bank fee", "bank fee given back", "interchange", "interchange given back")
#: facts that may take a written-off invoice below zero; the loss made good stands in the same voucher
CREDITS = ("late credit", "transfer", "refund bounced", "credit used", "invoice cancelled", "paid on chain")
UNDONE = " undone"


def payloads(now: Reading) -> Iterator[str]:
    """Every voucher's hash, taken anew from its fact and postings."""
    rows = now.session.execute(
        select(
            Voucher.idem_key,
            Voucher.payload_sha256,
            Voucher.fact,
            Voucher.evidence,
            Voucher.booked_on,
            Posting.debit_account,
            Posting.debit_subject,
            Posting.credit_account,
            Posting.credit_subject,
            Posting.amount_cents,
        )
        .join(Posting, Posting.voucher_id == Voucher.id)
        .order_by(Voucher.id, Posting.ordinal)
        .execution_options(yield_per=ROWS_AT_ONCE)
    )
    for _, group in groupby(rows, key=itemgetter(0)):
        found = list(group)
        key, booked, fact, evidence, booked_on = found[0][:5]
        postings = tuple(PlannedPosting(*tuple(row)[5:]) for row in found)
        if PlannedVoucher(key, fact, evidence, booked_on, postings).payload_sha256 != booked:
            yield f"voucher {key}: its fact or postings are not those that were hashed when it was booked"


def accounts(now: Reading) -> Iterator[str]:
    """Each posting moves money between the two accounts of its voucher's fact; a fee may stand beside another line fact."""
    rows = now.session.execute(
        select(Voucher.fact, Posting.debit_account, Posting.credit_account, func.min(Voucher.idem_key), func.count())
        .join(Posting, Posting.voucher_id == Voucher.id)
        .group_by(Voucher.fact, Posting.debit_account, Posting.credit_account)
        .order_by(Voucher.fact, Posting.debit_account, Posting.credit_account)
    )
    for fact, debit, credit, key, count in rows:
        if fact not in POSTINGS:
            yield f"voucher {key} (of {count} like it) books {fact!r}, which is no known fact"
        elif (debit, credit) not in _allowed(fact):
            yield f"voucher {key} (of {count} like it) books {fact!r} as {debit} / {credit}"
    pairs = [POSTINGS[fee] for fee in FEES]
    fee = or_(*(and_(Posting.debit_account == debit, Posting.credit_account == credit) for debit, credit in pairs))
    more = select(Posting.voucher_id).where(Posting.voucher_id == Voucher.id, ~fee).exists()
    theirs = [*FEES, *(fact + UNDONE for fact in FEES)]
    for key in now.session.scalars(select(Voucher.idem_key).where(Voucher.fact.not_in(theirs), ~more).order_by(Voucher.id)):
        yield f"voucher {key} has nothing but fees, which is not its fact"


def _allowed(fact: str) -> set[tuple[str, str]]:
    if fact.endswith(UNDONE):
        return {(credit, debit) for debit, credit in _allowed(fact.removesuffix(UNDONE))}
    beside = (*(FEES if fact in LINE_FACTS else ()), *(("loss made good",) if fact in CREDITS else ()))
    overdrawn = ("opening, overdrawn",) if fact == "opening" else ()  # an opening below zero is booked the other way round
    return {POSTINGS[one] for one in (fact, *beside, *overdrawn)}


def _found_without_a_name() -> ColumnElement[bool]:
    """What rules.naming may say of a detail without an EndToEndId: the bank's mandate, if it gives one, and the amount."""
    nameless = func.coalesce(func.upper(Detail.end_to_end_id), NOT_PROVIDED) == NOT_PROVIDED
    given = func.upper(Detail.mandate_id)
    of_mandate = exists().where(Mandate.id == Collection.mandate_id, Mandate.mandate_key == given)
    of_former = exists().where(Amendment.mandate_id == Collection.mandate_id, func.upper(Amendment.was) == given)
    by_text = (Match.rule == "TEXT") & Detail.mandate_id.is_(None)
    fee = func.abs(Detail.amount_cents) - Collection.amount_cents
    exact = or_(fee == 0, fee == Detail.charges_cents, fee == -Detail.charges_cents)
    return nameless & exact & or_((Match.rule == "MANDATE") & or_(of_mandate, of_former), by_text)


def matches(now: Reading) -> Iterator[str]:
    """A match is about the debit that the bank's line names, and takes off the line what its voucher takes off Suspense."""
    foreign = (
        select(Match.entry_id, Collection.end_to_end_id)
        .join(Detail, Detail.id == Match.detail_id)
        .join(Collection, Collection.id == Match.collection_id)
        .where(func.coalesce(func.upper(Detail.end_to_end_id), "") != Collection.end_to_end_key, ~_found_without_a_name())
        .order_by(Match.id)
    )
    for entry_id, name in now.session.execute(foreign):
        yield f"line {entry_id} is explained by {name}, but the bank names another debit there"
    elsewhere = (
        select(Match.entry_id)
        .join(Detail, Detail.id == Match.detail_id)
        .join(Entry, Entry.id == Match.entry_id)
        .where(Detail.entry_id != Entry.id, Detail.entry_id.is_distinct_from(Entry.told_by_id))
    )
    for entry_id in now.session.scalars(elsewhere.order_by(Match.id)):
        yield f"line {entry_id} is explained by a part of another line"
    both = union_all(
        select(Match.voucher_id, Match.entry_id, Match.amount_cents.label("cents")),
        select(Posting.voucher_id, Posting.debit_subject, -Posting.amount_cents).where(
            Posting.debit_account == "Suspense", Posting.credit_account != "Bank"
        ),
        select(Posting.voucher_id, Posting.credit_subject, Posting.amount_cents).where(
            Posting.credit_account == "Suspense", Posting.debit_account != "Bank"
        ),
    ).subquery()
    off = (
        select(Voucher.idem_key, both.c.entry_id)
        .join(Voucher, Voucher.id == both.c.voucher_id)
        .group_by(Voucher.idem_key, both.c.voucher_id, both.c.entry_id)
        .having(func.sum(both.c.cents) != 0)
        .order_by(both.c.voucher_id, both.c.entry_id)
    )
    for key, entry_id in now.session.execute(off):
        yield f"voucher {key}: what it takes off line {entry_id} in Suspense is not what its matches explain"


def undone(now: Reading) -> Iterator[str]:
    """What takes a voucher back is the opposite of all of it, posting by posting, and takes back all that it explained."""
    taken = aliased(Voucher)
    facts = now.session.execute(
        select(Voucher.idem_key, Voucher.fact, taken.fact)
        .outerjoin(taken, taken.id == Voucher.reverses_id)
        .where(or_(Voucher.reverses_id.is_not(None), Voucher.fact.endswith(UNDONE, autoescape=True)))
        .order_by(Voucher.id)
    )
    for key, fact, of in facts:
        if fact != f"{of}{UNDONE}":
            yield f"voucher {key} books {fact!r}, but takes back {of!r}"
    yield from _not_opposite(now)
    yield from _not_taken_back(now)


def written_off(now: Reading) -> Iterator[str]:
    """Two people gave their word for each write-off, about the invoice as it was, before it was booked."""
    words: dict[tuple[str, str], list[tuple[str, datetime]]] = defaultdict(list)
    given = select(Consent.object, Consent.digest, Consent.actor, Consent.recorded_at).where(Consent.act == "invoice write-off")
    for about, digest, actor, at in now.session.execute(given):
        words[(about, digest)].append((person(actor), at))
    rows = now.session.execute(
        select(Voucher.idem_key, Voucher.recorded_at, Invoice.number)
        .join(Posting, Posting.voucher_id == Voucher.id)
        .join(Invoice, Invoice.id == Posting.debit_subject)
        .where(Voucher.fact == "written off")
        .order_by(Invoice.id, Voucher.id)
    ).all()
    needed: Counter[str] = Counter()
    for key, at, number in rows:
        needed[number] += 1  # each needs a pair of its own: what they agree on has the state of the invoice in it
        pairs = [said for (about, _), said in words.items() if about == f"invoice:{number}" and _two(said, at)]
        if len(pairs) < needed[number]:
            yield f"voucher {key} writes off invoice {number} without the word of two people"


def _two(said: list[tuple[str, datetime]], at: datetime) -> bool:
    return len({who for who, given_at in said if given_at <= at}) > 1


def _not_opposite(now: Reading) -> Iterator[str]:
    """Each pair of a voucher and the one that takes it back, whose postings do not cancel out side by side."""
    own, taken = aliased(Posting), aliased(Posting)
    cancels = (
        select(taken.voucher_id)
        .where(
            taken.voucher_id == Voucher.reverses_id,
            taken.ordinal == own.ordinal,
            taken.debit_account == own.credit_account,
            taken.debit_subject == own.credit_subject,
            taken.credit_account == own.debit_account,
            taken.credit_subject == own.debit_subject,
            taken.amount_cents == own.amount_cents,
        )
        .exists()
    )
    odd = select(own.voucher_id).where(own.voucher_id == Voucher.id, ~cancels).exists()
    other = aliased(Voucher)
    fewer = select(other.id).where(other.id == Voucher.reverses_id, other.posting_count != Voucher.posting_count).exists()
    for key in now.session.scalars(
        select(Voucher.idem_key).where(Voucher.reverses_id.is_not(None), or_(odd, fewer)).order_by(Voucher.id)
    ):
        yield f"voucher {key} is not the opposite of the voucher that it takes back"


def _not_taken_back(now: Reading) -> Iterator[str]:
    """Matches that take back something else than the voucher does, and those that it leaves standing."""
    taken, voucher = aliased(Match), aliased(Voucher)
    crooked = (
        select(Match.entry_id)
        .join(taken, taken.id == Match.undoes_id)
        .join(voucher, voucher.id == Match.voucher_id)
        .where(
            or_(
                taken.amount_cents != -Match.amount_cents,
                taken.entry_id != Match.entry_id,
                taken.collection_id.is_distinct_from(Match.collection_id),
                voucher.reverses_id.is_distinct_from(taken.voucher_id),
            )
        )
        .order_by(Match.id)
    )
    for entry_id in now.session.scalars(crooked):
        yield f"line {entry_id}: what takes an explanation back is not its opposite"
    taker = aliased(Match)
    left = (
        select(Match.entry_id)
        .join(voucher, voucher.reverses_id == Match.voucher_id)
        .where(~select(taker.id).where(taker.undoes_id == Match.id, taker.voucher_id == voucher.id).exists())
        .order_by(Match.id)
    )
    for entry_id in now.session.scalars(left):
        yield f"line {entry_id}: its explanation stands, but its voucher was taken back"
