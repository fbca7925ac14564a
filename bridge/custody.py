"""In whose hands a file is: what approve, export and hand-over share.

Each of them judges every member again, and none sends while the manifest outside the database knows more than the database.
"""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import books, judging
from bridge.books import PlannedMove, PlannedPosting, PlannedVoucher, Recorder, Unit
from bridge.errors import IntegrityError, NotAllowed
from bridge.model import Account, Batch, Block, Collection, Creditor, Member
from bridge.rules import calendar, lifecycle
from bridge.runtime import Runtime
from bridge.transport import folder
from bridge.transport.folder import ManifestLine


def members(session: Session, batch: Batch) -> list[Collection]:
    """The collections that stand in a file, in the order of the file."""
    return list(
        session.scalars(
            select(Collection)
            .join(Member, Member.collection_id == Collection.id)
            .join(Block, Block.id == Member.block_id)
            .where(Block.batch_id == batch.id)
            .order_by(Block.id, Member.ordinal)
        )
    )


def judge_again(session: Session, runtime: Runtime, batch: Batch) -> None:
    """Raise NotAllowed where a member may not go out any more, or the bank's latest presentation has passed."""
    inside = members(session, batch)
    creditor = session.get_one(Creditor, batch.creditor_id)
    reasons = judging.why_not(session, inside, runtime.settings.rules_for(creditor.creditor_id))
    if reasons:
        names = {collection.id: collection.end_to_end_id for collection in inside}
        first = next(iter(sorted(reasons)))
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        raise NotAllowed(
            f"{batch.message_id} may not leave: {names[first]}: {reasons[first]}{more}; discard it and cut a new one"
        )
    profile = runtime.profile(session.get_one(Account, batch.account_id).bank)
    latest = min(calendar.presentation_window(collection.due_on, profile)[1] for collection in inside)
    if runtime.clock() > latest:
        raise NotAllowed(f"{batch.message_id}: the bank took it until {latest:%Y-%m-%d %H:%M %Z}; discard it and cut a new one")


def manifest_line(session: Session, batch: Batch) -> ManifestLine:
    """The line that the manifest keeps of a file: ids and hashes only."""
    ids = sorted(collection.end_to_end_key for collection in members(session, batch))
    assert batch.manifest_no is not None
    return ManifestLine(batch.manifest_no, batch.message_id, batch.sha256, sha256("\n".join(ids).encode()).hexdigest())


def check_manifest(runtime: Runtime) -> None:
    """Raise IntegrityError where the outbox remembers a file that the database does not: then this is a restored backup."""
    lines = folder.manifest(runtime.settings.folder("outbox"))
    if not lines:
        return
    with runtime.reading() as session:
        known = {
            found: digest
            for found, digest in session.execute(select(Batch.message_id, Batch.sha256).where(Batch.manifest_no.is_not(None)))
        }
    ahead = [line.message_id for line in lines if known.get(line.message_id) != line.sha256]
    if ahead:
        raise IntegrityError(
            f"the outbox remembers {len(ahead)} file(s) that this database does not know as sent ({ahead[0]}); "
            "it is probably a restored backup: nothing is sent until the newer one is back"
        )


def submit(session: Session, runtime: Runtime, message_id: str, *, actor: str, evidence: str, reason: str = "") -> int:
    """The file is at the bank: every member moves to submitted, and the money from Receivable to Clearing, in one voucher.

    Returns 1, or 0 where it was submitted before.
    """
    batch = session.scalars(select(Batch).where(Batch.message_id == message_id)).one()
    if batch.state in ("submitted", "answered", "booked"):
        return 0
    state = lifecycle.step("batch", message_id, batch.state, "submitted")
    today = runtime.today()
    inside = members(session, batch)
    cause = f"batch:{message_id}"
    debit, credit = lifecycle.POSTINGS["submitted"]
    moves = [PlannedMove("batch", batch.id, batch.version, "submitted", batch.state, state, evidence, today, reason)]
    moves += [
        PlannedMove(
            "collection",
            c.id,
            c.version,
            "submitted",
            c.state,
            lifecycle.step("collection", c.end_to_end_id, c.state, "submitted"),
            cause,
            today,
        )
        for c in inside
    ]
    postings = tuple(PlannedPosting(debit, c.id, credit, c.invoice_id, c.amount_cents) for c in inside)
    voucher = PlannedVoucher(f"sub:{message_id}:1", "submitted", cause, today, postings)
    books.apply_all(session, [Unit(moves=tuple(moves), voucher=voucher)], Recorder(actor, runtime.clock()))
    return 1


def next_manifest_no(session: Session) -> int:
    return 1 + (session.scalar(select(func.max(Batch.manifest_no))) or 0)
