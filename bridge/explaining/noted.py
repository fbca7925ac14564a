"""What a status report said of a debit while it was credited is heard again once that credit is taken back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import String, cast, func, select, update
from sqlalchemy.orm import Session

from bridge.model import Batch, Block, Break, Collection, Member, StatusReport, StatusReportLine
from bridge.rules.answers import NEGATIVE

IN_ONE_STATEMENT = 500


def hear_again(session: Session, collection_ids: Iterable[int]) -> int:
    """Let every rejection wait that may be about one of these debits, at whatever level it stands; returns how many lines.

    The next reconcile reads their reports anew. A line that has a Break of its own is strange and stays what it is.
    """
    ids, count = sorted(set(collection_ids)), 0
    for start in range(0, len(ids), IN_ONE_STATEMENT):
        places = session.execute(
            select(Batch.message_id, Block.pmt_inf_id, Collection.end_to_end_key)
            .join(Block, Block.batch_id == Batch.id)
            .join(Member, Member.block_id == Block.id)
            .join(Collection, Collection.id == Member.collection_id)
            .where(Collection.id.in_(ids[start : start + IN_ONE_STATEMENT]), Collection.batch_id == Batch.id)
        ).all()
        for line_id in _rejections(session, places):
            session.execute(update(StatusReportLine).where(StatusReportLine.id == line_id).values(outcome="waiting"))
            count += 1
    return count


def _rejections(session: Session, places: Sequence[Any]) -> list[int]:
    """The lines of reports about these (file, block, debit) that reject one of them."""
    files, blocks, debits = ({place[n].upper() for place in places} for n in range(3))
    own = select(Break.id).where(Break.subject == "status_report_line:" + cast(StatusReportLine.id, String)).exists()
    rows = session.execute(
        select(StatusReportLine)
        .join(StatusReport, StatusReport.id == StatusReportLine.report_id)
        .where(func.upper(StatusReport.original_message_id).in_(files))
        .where(StatusReportLine.status.in_(NEGATIVE), StatusReportLine.outcome.in_(("noted", "ignored", "break")), ~own)
    )
    return [row.id for (row,) in rows if _about(row, blocks, debits)]


def _about(row: StatusReportLine, blocks: set[str], debits: set[str]) -> bool:
    if row.level == "debit":
        return (row.end_to_end_id or "").upper() in debits
    return row.level == "group" or (row.pmt_inf_id or "").upper() in blocks
