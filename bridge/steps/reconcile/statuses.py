"""Hear what status reports say about the members of our files."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from bridge import books, rows
from bridge.books import BreakRow, PlannedMove, PlannedPosting, PlannedVoucher, Recorder, Unit
from bridge.custody import AT_THE_BANK
from bridge.explaining import debts
from bridge.explaining.units import invoice_moves
from bridge.model import Batch, Block, Collection, Member, Move, StatusReport, StatusReportLine
from bridge.rules import answers, lifecycle
from bridge.rules.answers import Reading, ReportLine, Said
from bridge.rules.debts import Debt, attempt_over
from bridge.rules.lifecycle import ELSEWHERE, Verdict
from bridge.runtime import Runtime


def hear_all(runtime: Runtime, actor: str) -> Counter[str]:
    """Every report with an unread or waiting line, one unit of work each."""
    counts: Counter[str] = Counter()
    for report_id in runtime.work(_unread):
        counts += runtime.work(partial(_hear, runtime=runtime, report_id=report_id, actor=actor))
    return counts


def _unread(session: Session) -> list[int]:
    wanted = select(StatusReportLine.report_id).where(StatusReportLine.outcome.in_(("new", "waiting"))).distinct()
    return list(session.scalars(wanted.order_by(StatusReportLine.report_id)))


def _hear(session: Session, runtime: Runtime, report_id: int, actor: str) -> Counter[str]:
    report = session.get_one(StatusReport, report_id)
    batch, stored, members, reading = _read(session, report)
    by = Recorder(actor, runtime.clock())
    if batch.state not in AT_THE_BANK:
        return _wait(session, runtime, batch, stored, by)
    outcome: dict[int, str] = {row.id: "ignored" for row in stored}
    breaks: list[BreakRow] = []
    for line_id, kind, what in reading.strange:
        outcome[line_id] = "break"
        breaks.append((kind, f"status_report_line:{line_id}", what, "ask the bank; nothing was moved because of it"))
    units, counts = _decide(session, report, batch, members, reading.said, outcome, breaks)
    applied = books.apply(session, units, by)
    if units and batch.state == "submitted":
        answered = PlannedMove(
            "batch", batch.id, batch.version, "answered", "submitted", "answered", f"status_report:{report.id}", runtime.today()
        )
        books.apply(session, [Unit(moves=(answered,))], by)
    waited = any(row.outcome == "waiting" for row in stored)
    _note(session, stored, outcome)
    if waited and "waiting" not in outcome.values():
        books.close_breaks(session, [f"batch:{batch.message_id}"], by, "its news is heard", kinds=["OLD_FILE"])
    counts["breaks"] += books.open_breaks(session, breaks, by, runtime.today())
    counts["moves"] += len(applied.done)
    return counts


def _wait(session: Session, runtime: Runtime, batch: Batch, stored: Sequence[StatusReportLine], by: Recorder) -> Counter[str]:
    """A file that left would have been proven by now: this one never did, or the database is older than the bank's word."""
    _note(session, stored, {row.id: "waiting" for row in stored})
    what = f"the bank answers about {batch.message_id}, which is {batch.state} and never left"
    then = "ask the bank where it has it from; if the database was restored: bridge doctor"
    found = ("NEVER_SENT", f"batch:{batch.message_id}", what, then)
    return Counter(breaks=books.open_breaks(session, [found], by, runtime.today()))


def _note(session: Session, stored: Sequence[StatusReportLine], outcome: Mapping[int, str]) -> None:
    """Write down what came of each line; one that is a Break stays one."""
    for row in stored:
        if row.outcome not in (outcome[row.id], "break"):
            session.execute(update(StatusReportLine).where(StatusReportLine.id == row.id).values(outcome=outcome[row.id]))


def rejected_after_credit(session: Session, report_id: int) -> list[tuple[int, Collection]]:
    """(line id, collection) of every noted rejection, at whatever level it stands: the collection was settled already."""
    _, stored, members, reading = _read(session, session.get_one(StatusReport, report_id))
    noted = {row.id for row in stored if row.outcome == "noted"}
    return [
        (one.line_id, members[one.end_to_end_key][0]) for one in reading.said if one.line_id in noted and one.news == "rejected"
    ]


def _read(
    session: Session, report: StatusReport
) -> tuple[Batch, list[StatusReportLine], dict[str, tuple[Collection, str]], Reading]:
    """A report's file, stored lines and members, and what it says about each of these."""
    batch = session.scalars(select(Batch).where(func.upper(Batch.message_id) == report.original_message_id.upper())).one()
    stored = list(
        session.scalars(
            select(StatusReportLine).where(StatusReportLine.report_id == report.id).order_by(StatusReportLine.ordinal)
        )
    )
    members = _members(session, batch)
    lines = [ReportLine(row.id, row.level, row.pmt_inf_id, row.end_to_end_id, row.status, row.reason) for row in stored]
    return batch, stored, members, answers.read(lines, {key: block for key, (_, block) in members.items()})


def _members(session: Session, batch: Batch) -> dict[str, tuple[Collection, str]]:
    """EndToEndId in upper case -> the collection and its PmtInfId in upper case."""
    rows = session.execute(
        select(Collection, Block.pmt_inf_id)
        .join(Member, Member.collection_id == Collection.id)
        .join(Block, Block.id == Member.block_id)
        .where(Block.batch_id == batch.id)
        .order_by(Block.id, Member.ordinal)
    )
    return {collection.end_to_end_key: (collection, pmt_inf_id.upper()) for collection, pmt_inf_id in rows}


def _decide(
    session: Session,
    report: StatusReport,
    batch: Batch,
    members: Mapping[str, tuple[Collection, str]],
    said: Sequence[Said],
    outcome: dict[int, str],
    breaks: list[BreakRow],
) -> tuple[list[Unit], Counter[str]]:
    """What each status does to its collection; fills in the outcome of each line and the Breaks."""
    counts: Counter[str] = Counter()
    units: list[Unit] = []
    heard: dict[int, list[Verdict]] = defaultdict(list)
    elsewhere = 0
    moving = [members[one.end_to_end_key][0] for one in said]
    moved_on = _moved_on(session, moving)
    owed = debts.load(session, [members[one.end_to_end_key][0].invoice_id for one in said if one.news == "rejected"])
    for one in said:
        collection = members[one.end_to_end_key][0]
        if collection.batch_id != batch.id:  # it stands in another file by now; if that did not go, this one's news counts
            frozen = collection.state == "batched"
            heard[one.line_id].append(lifecycle.hear(ELSEWHERE, one.news).verdict if frozen else Verdict.BREAK)
            elsewhere += 1
            continue
        decision = lifecycle.hear(collection.state, one.news)
        heard[one.line_id].append(decision.verdict)
        if decision.verdict is Verdict.MOVE:
            units.append(_unit(report, one, collection, decision.to_state or "", moved_on, owed))
            counts[one.news] += 1
        elif decision.verdict is Verdict.BREAK:
            what = f"the bank says {collection.end_to_end_id} was {one.news}, but it is {collection.state}"
            breaks.append(
                (
                    decision.kind or "NEVER_SENT",
                    f"status_report_line:{one.line_id}",
                    what,
                    "ask the bank where it has this debit from",
                )
            )
    for line_id, verdicts in heard.items():
        outcome[line_id] = _outcome(verdicts)
    if elsewhere:
        what = f"the bank answers about {batch.message_id}, whose collections stand in another file by now"
        breaks.append(("OLD_FILE", f"batch:{batch.message_id}", what, "do not upload the newer file before this is clear"))
    return units, counts


def _outcome(verdicts: Sequence[Verdict]) -> str:
    for verdict, word in ((Verdict.BREAK, "break"), (Verdict.WAIT, "waiting"), (Verdict.NOTE, "noted"), (Verdict.MOVE, "moved")):
        if verdict in verdicts:
            return word
    return "ignored"


def _moved_on(session: Session, collections: Sequence[Collection]) -> dict[int, date]:
    """The date of each one's last move: nothing about it is booked before its hand-over."""
    last = (
        select(Move.noun_id, Move.booked_on)
        .join(Collection, (Collection.id == Move.noun_id) & (Collection.version == Move.version))
        .where(Move.noun == "collection")
    )
    return dict(rows.sought(session, last, Move.noun_id, [collection.id for collection in collections]))


def _unit(
    report: StatusReport,
    one: Said,
    collection: Collection,
    to_state: str,
    moved_on: Mapping[int, date],
    owed: Mapping[int, Debt],
) -> Unit:
    cause = f"status_report_line:{one.line_id}"
    booked_on = max(report.dated_on, moved_on[collection.id])
    moves = [
        PlannedMove(
            "collection", collection.id, collection.version, one.news, collection.state, to_state, cause, booked_on, one.reason
        )
    ]
    if to_state != "rejected":
        return Unit(moves=tuple(moves))
    debt = owed[collection.invoice_id]
    moves += invoice_moves(debt, attempt_over(debt, collection.amount_cents), one.news, cause, booked_on, one.reason)
    debit, credit = lifecycle.POSTINGS["rejected"]
    posting = PlannedPosting(debit, collection.invoice_id, credit, collection.id, collection.amount_cents)
    voucher = PlannedVoucher(f"rej:{collection.end_to_end_id}:1", "rejected", cause, booked_on, (posting,))
    return Unit(moves=tuple(moves), voucher=voucher)
