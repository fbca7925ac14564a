"""Explain open bank lines, a chunk at a time: load what they may be about, ask the rule, hand the decision to the books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from bridge import books
from bridge.books import BreakRow, PlannedMatch, PlannedMove, PlannedPosting, PlannedVoucher, Recorder, Unit
from bridge.errors import LostRace
from bridge.model import Account, Detail, Entry, Match, Statement
from bridge.rules import lifecycle, matching
from bridge.rules.lifecycle import INVOICE_OF
from bridge.rules.matching import Candidate, DetailFacts, Explained, Line, Part, Pass
from bridge.runtime import Runtime
from bridge.steps.reconcile import candidates

AT_ONCE = 500
Place = tuple[int, int, int]  # account, place of the statement in its chain, place of the line in it


def explain_all(runtime: Runtime, actor: str) -> Counter[str]:
    """One pass over every open line, in the order in which the bank booked them, whenever their statements came."""
    counts: Counter[str] = Counter()
    after: Place | None = None
    while True:
        done, after = runtime.work(partial(_explain_chunk, runtime=runtime, after=after, actor=actor))
        counts += done
        if after is None:
            return counts


def _explain_chunk(session: Session, runtime: Runtime, after: Place | None, actor: str) -> tuple[Counter[str], Place | None]:
    place = tuple_(Account.id, Statement.posted_no, Entry.ordinal)
    open_lines = (
        select(Entry, Account.id, Statement.posted_no)
        .join(Statement, Statement.id == Entry.statement_id)
        .join(Account, Account.id == Statement.account_id)
        .where(Entry.open_cents != 0, Statement.posting == "posted")
        .order_by(Account.id, Statement.posted_no, Entry.ordinal)
        .limit(AT_ONCE)
    )
    rows = session.execute(open_lines if after is None else open_lines.where(place > after)).all()
    entries = [(entry, account_id) for entry, account_id, _ in rows]
    if not entries:
        return Counter(), None
    details = _details(session, [entry.id for entry, _ in entries])
    named = {detail.end_to_end_id.upper() for some in details.values() for detail in some if detail.end_to_end_id}
    by_name = candidates.by_end_to_end(session, named)
    found = Pass(by_name, candidates.open_credits(session, list(by_name.values())))
    numbers = _vouchers_so_far(session, [entry.id for entry, _ in entries])
    lump_sums = _settled_lump_sums(session, [entry.id for entry, _ in entries])
    units: list[Unit] = []
    breaks: list[BreakRow] = []
    taken_back: set[str] = set()
    counts: Counter[str] = Counter()
    for entry, account_id in entries:
        line = _line(session, entry, account_id, details.get(entry.id, ()), by_name, members_settled=entry.id in lump_sums)
        result = matching.explain(line, found)
        breaks += result.opens
        for explained in result.explained:
            numbers[entry.id] += 1
            units.append(_unit(line, explained, numbers[entry.id]))
            breaks += explained.opens
            taken_back |= _taken_back(explained)
            counts += Counter(_word(part) for part in explained.parts)
    by = Recorder(actor, runtime.clock())
    if books.apply(session, units, by).lost:
        raise LostRace("another worker moved what these lines are about; the step looks at them again")
    runtime.fault("reconcile: before commit")
    closed = _closed(session, [entry.id for entry, _ in entries])
    books.close_breaks(session, [f"entry:{entry_id}" for entry_id in closed], by, "the line is explained")
    books.close_breaks(session, taken_back, by, "the bank took the late credit back", kinds=["LATE_CREDIT"])
    still = [row for row in breaks if row[1] not in {f"entry:{entry_id}" for entry_id in closed}]
    counts["breaks"] += books.open_breaks(session, still, by, runtime.today())
    counts["moves"] += len(units)
    last, account_id, posted_no = rows[-1]
    return counts, (account_id, posted_no or 0, last.ordinal)


def _taken_back(explained: Explained) -> set[str]:
    """The invoices whose late credits this explanation takes back to the cent."""
    return {
        f"invoice:{part.candidate.invoice_id}"
        for part in explained.parts
        if part.fact == "late debit" and part.candidate is not None and part.candidate.late_cents + part.cents == 0
    }


def _details(session: Session, entry_ids: Sequence[int]) -> dict[int, list[DetailFacts]]:
    done = set(session.scalars(select(Match.detail_id).where(Match.entry_id.in_(entry_ids), Match.detail_id.is_not(None))))
    found: dict[int, list[DetailFacts]] = {}
    for row in session.scalars(select(Detail).where(Detail.entry_id.in_(entry_ids)).order_by(Detail.entry_id, Detail.ordinal)):
        found.setdefault(row.entry_id, []).append(
            DetailFacts(
                id=row.id,
                amount_cents=row.amount_cents,
                original_cents=row.original_cents,
                end_to_end_id=row.end_to_end_id,
                is_return=row.is_return,
                reason=row.return_reason,
                charges_cents=row.charges_cents,
                done=row.id in done,
            )
        )
    return found


def _vouchers_so_far(session: Session, entry_ids: Sequence[int]) -> Counter[int]:
    rows = session.execute(
        select(Match.entry_id, func.count(Match.voucher_id.distinct()))
        .where(Match.entry_id.in_(entry_ids))
        .group_by(Match.entry_id)
    )
    return Counter({entry_id: count for entry_id, count in rows})


def _settled_lump_sums(session: Session, entry_ids: Sequence[int]) -> set[int]:
    return set(session.scalars(select(Match.entry_id).where(Match.entry_id.in_(entry_ids), Match.rule == "BATCH")))


def _line(
    session: Session,
    entry: Entry,
    account_id: int,
    details: Sequence[DetailFacts],
    by_name: dict[str, Candidate],
    *,
    members_settled: bool,
) -> Line:
    named = any((detail.end_to_end_id or "").upper() in by_name for detail in details)
    names_batch = bool(entry.batch_pmt_inf_id or entry.batch_message_id) and not named and entry.amount_cents > 0
    return Line(
        id=entry.id,
        account_id=account_id,
        amount_cents=entry.amount_cents,
        open_cents=entry.open_cents,
        booked_on=entry.booked_on,
        bank_code=entry.bank_code,
        bank_code_own=entry.bank_code_own,
        charges_cents=entry.charges_cents,
        names_batch=names_batch,
        batch_count=entry.batch_count,
        details=tuple(details),
        members=candidates.of_batch(session, entry) if names_batch and not members_settled else (),
        members_settled=members_settled,
    )


def _unit(line: Line, explained: Explained, number: int) -> Unit:
    """The explanation as one decision: moves, one voucher, and what it takes off the line."""
    moves: list[PlannedMove] = []
    matches: list[PlannedMatch] = []
    cause = f"entry:{line.id}"
    for part in explained.parts:
        moves += _moves(part, explained, cause)
        collection_id = part.candidate.id if part.candidate else None
        matches.append(
            PlannedMatch(
                line.id,
                part.cents,
                explained.rule,
                explained.evidence,
                explained.booked_on,
                explained.detail_id,
                collection_id,
                part.other_entry_id,
            )
        )
        if part.other_entry_id is not None:
            matches.append(
                PlannedMatch(
                    part.other_entry_id,
                    -part.cents,
                    explained.rule,
                    explained.evidence,
                    explained.booked_on,
                    None,
                    collection_id,
                    line.id,
                )
            )
    postings = tuple(_posting(line, part) for part in explained.parts)
    voucher = PlannedVoucher(f"line:{line.id}:{number}", _fact(explained.parts[0]), cause, explained.booked_on, postings)
    return Unit(tuple(moves), voucher, tuple(matches))


def _moves(part: Part, explained: Explained, cause: str) -> list[PlannedMove]:
    """The collection moves, and its invoice with it; a late credit or debit moves at most the invoice."""
    one = part.candidate
    if one is None or part.fact == "line to line":
        return []
    moves = []
    news = part.fact.replace(" ", "_")
    target = _invoice_state(part, one)
    if part.to_state is not None:
        moves.append(
            PlannedMove(
                "collection", one.id, one.version, news, one.state, part.to_state, cause, explained.booked_on, part.reason
            )
        )
    if target != one.invoice_state:
        moves.append(
            PlannedMove(
                "invoice",
                one.invoice_id,
                one.invoice_version,
                news,
                one.invoice_state,
                target,
                cause,
                explained.booked_on,
                part.reason,
            )
        )
    return moves


def _invoice_state(part: Part, one: Candidate) -> str:
    if part.fact == "returned" and one.receivable_cents - part.cents <= 0:
        return "paid"  # a second credit came before: it pays what this one takes back
    if part.to_state is not None:
        return INVOICE_OF[part.to_state]
    if part.fact == "late credit" and one.invoice_state == "open" and one.receivable_cents <= part.cents:
        return "paid"
    if part.fact == "late debit" and one.invoice_state == "paid" and one.state != "settled":
        return "open"
    return one.invoice_state


def _fact(part: Part) -> str:
    return "bank fee given back" if part.fact == "bank fee" and part.cents > 0 else part.fact


def _posting(line: Line, part: Part) -> PlannedPosting:
    """The part's posting, with the subject of each account."""
    debit, credit = lifecycle.POSTINGS[_fact(part)]
    subject = {"Suspense": line.id, "Charges": line.id}
    if part.candidate is not None:
        subject |= {"Clearing": part.candidate.id, "Receivable": part.candidate.invoice_id}
    if part.other_entry_id is not None:  # the credit line gives, the debit line takes
        return PlannedPosting(debit, part.other_entry_id, credit, line.id, abs(part.cents))
    return PlannedPosting(debit, subject[debit], credit, subject[credit], abs(part.cents))


def _word(part: Part) -> str:
    return {"bank fee": "fees"}.get(part.fact, part.fact)


def _closed(session: Session, entry_ids: Sequence[int]) -> set[int]:
    return set(session.scalars(select(Entry.id).where(Entry.id.in_(entry_ids), Entry.open_cents == 0)))
