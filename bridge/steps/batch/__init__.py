"""Put what is due into files that two writers agree on, and seal them.

A file is rendered from rows, measured, checked by the schema, by the scheme rules, by a second reader that counts, and by
sepaxml, which builds the same collections on its own. Bytes, SHA-256, Batch, Blocks, Members and the Moves of the collections are
one commit; after that the bytes are never rendered again. What is due is cut in windows, each a unit of work of its own: a cut
that is killed has lost no more than one, and the next run goes on with it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from tempfile import TemporaryFile
from typing import Any, BinaryIO, NamedTuple

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from bridge import announcing, archive, books, custody, judging, rows, shards
from bridge.books import PlannedMove, Recorder, Unit
from bridge.custody import soundness
from bridge.errors import BadInput, BridgeError, LostRace, SealRefused, Unavailable
from bridge.formats import pain008
from bridge.model import Account, Batch, Block, Collection, Creditor, Document, Member
from bridge.records.pain008 import DebitFile
from bridge.records.profile import BankProfile
from bridge.rules import batching, calendar, scheme
from bridge.rules.batching import Due, PlannedFile
from bridge.runtime import Runtime
from bridge.steps.batch import debits, earlier, firsts, preflight, schedule, windows
from bridge.steps.batch.windows import Window

ACTOR = schedule.ACTOR
PROBLEMS_SHOWN = 10


def run(runtime: Runtime) -> dict[str, int]:
    """Cut the files that are due by the schedule: once a bank day and account, after ``batch_at``."""
    return cut(runtime, actor=ACTOR, scheduled=True)


def cut(runtime: Runtime, *, actor: str, scheduled: bool) -> dict[str, int]:
    """Cut files now. Raises SealRefused where a file fails a check; then nothing of its window is stored, all else is cut.

    Raises IntegrityError for a restored backup: it would cut again, under the same name, what left already. Raises Unavailable,
    after all else was cut, where a source could not be asked whether its invoices are still there, or where a person asks for
    files that another process is cutting.
    """
    custody.check_manifest(runtime)
    barred, failed = preflight.run(runtime)
    order = Order(runtime, actor, scheduled, barred)
    counts: Counter[str] = Counter()
    refused: list[BridgeError] = []
    for account_id, creditor_id, name in runtime.work(_creditors):
        with shards.claimed(runtime, ACTOR, account_id) as ours:  # the files of an account are numbered one after the other
            if ours:
                counts += _cut_creditor(order, creditor_id, refused)
            elif not scheduled:
                failed.append(Unavailable(f"another process is cutting the files of {name}'s account; ask again when it is done"))
    if refused:
        raise SealRefused("; ".join(str(problem) for problem in refused))
    if failed:
        raise Unavailable("its debits wait: " + "; ".join(str(problem) for problem in failed))
    return {name: counts[name] for name in ("batches", "collections", "held", "redated", "waiting")}


class Order(NamedTuple):
    """Who cuts, by the schedule or not, and the sources of which nothing is cut now."""

    runtime: Runtime
    actor: str
    scheduled: bool
    barred: frozenset[int]


class Made(NamedTuple):
    """Of a file: when, as which of its day and account, and by whom."""

    created_at: datetime
    cut_no: int
    actor: str


def _creditors(session: Session) -> Sequence[Row[int, int, str]]:
    """Each creditor's account, row id and identifier."""
    listed = select(Creditor.account_id, Creditor.id, Creditor.creditor_id)
    return session.execute(listed.order_by(Creditor.account_id, Creditor.id)).all()


def _cut_creditor(order: Order, creditor_id: int, refused: list[BridgeError]) -> Counter[str]:
    """Cut a creditor's windows, each a unit of work; what refuses one is noted, and the others are cut."""
    counts: Counter[str] = Counter()
    for window in order.runtime.work(partial(_windows, order=order, creditor_id=creditor_id)):
        try:
            cut_one = partial(_cut_window, order=order, creditor_id=creditor_id, window=window)
            counts += order.runtime.work(cut_one, isolation="snapshot")  # the export judges its debits again
        except (SealRefused, BadInput) as problem:
            refused.append(problem)
    order.runtime.fault("batch: before finish")
    if order.scheduled and not refused:
        order.runtime.work(partial(_finish, order=order, creditor_id=creditor_id))
    return counts


def _windows(session: Session, order: Order, creditor_id: int) -> list[Window]:
    creditor = session.get_one(Creditor, creditor_id)
    if order.scheduled and not schedule.time_to_cut(session, order.runtime, creditor):
        return []
    profile = order.runtime.profile(session.get_one(Account, creditor.account_id).bank)
    return windows.windows(session, creditor, order.barred, profile.transactions_max)


def _cut_window(session: Session, order: Order, creditor_id: int, window: Window) -> Counter[str]:
    runtime = order.runtime
    session.connection()  # begun, so on SQLite nobody else writes from here on
    created_at = runtime.clock().astimezone(UTC)
    with runtime.reading() as view:  # before the first look: a file that is not seen there takes this number, and we lose
        owner = view.get_one(Creditor, creditor_id)
        if order.scheduled and not schedule.time_to_cut(view, runtime, owner):
            return Counter()  # another worker finished meanwhile
        cut_no = schedule.next_cut_no(view, runtime, owner.account_id)
    creditor = session.get_one(Creditor, creditor_id, with_for_update={"read": True})  # who amends it waits
    account = session.get_one(Account, creditor.account_id)
    profile = runtime.profile(account.bank)
    due, counts = _due(session, runtime, creditor, profile, order.barred, window)
    runtime.fault("batch: read")
    made = Made(created_at, cut_no, order.actor)
    counts += _seal_all(session, runtime, account, profile, batching.plan(due, profile), made)
    runtime.fault("batch: before commit")
    return counts


def _finish(session: Session, order: Order, creditor_id: int) -> None:
    creditor = session.get_one(Creditor, creditor_id)
    if schedule.time_to_cut(session, order.runtime, creditor):
        schedule.finish(session, order.runtime, creditor)


def _seal_all(
    session: Session, runtime: Runtime, account: Account, profile: BankProfile, files: list[PlannedFile], first: Made
) -> Counter[str]:
    """Seal them all, numbered from the first on; a number that another worker takes as well is his, and this is repeated."""
    counts: Counter[str] = Counter()
    while files:
        file = files.pop(0)
        made = first._replace(cut_no=first.cut_no + counts["batches"])
        sealed = _seal(session, runtime, account, profile, file, made)
        if isinstance(sealed, Batch):
            counts += Counter(batches=1, collections=sealed.collections)
        else:
            files = sealed + files
            counts["held"] += len(file.members) - sum(len(part.members) for part in sealed)
    return counts


def _due(
    session: Session, runtime: Runtime, creditor: Creditor, profile: BankProfile, barred: frozenset[int], window: Window
) -> tuple[list[Due], Counter[str]]:
    """Of a window, the pending collections whose presentation window is open; one whose has passed gets a later date first.

    They go to the account the creditor has now, whichever it had when they were formed.
    """
    now = runtime.clock().astimezone(runtime.zone)
    of_window = windows.pending(creditor, barred, Collection).where(Collection.mandate_id.between(*window))
    pending: list[Collection] = list(session.scalars(of_window.order_by(Collection.id)))
    dates = {c.id: calendar.due_on(c.due_on, now, profile) for c in pending}
    unknown = {*announcing.why_not(session, pending, runtime.settings.rules_for(creditor.creditor_id), dates)}
    unknown |= earlier.unanswered(session, pending)
    open_now = [c for c in pending if c.id not in unknown and calendar.presentation_window(dates[c.id], profile)[0] <= now.date()]
    reasons = judging.why_not_sent(session, open_now, runtime.settings.rules_for(creditor.creditor_id))
    by = Recorder(ACTOR, runtime.clock())
    books.apply(
        session,
        [
            Unit(
                moves=(
                    PlannedMove("collection", c.id, c.version, "held", "pending", "held", "rule", runtime.today(), reasons[c.id]),
                )
            )
            for c in open_now
            if c.id in reasons
        ],
        by,
    )
    fit = sorted((c for c in open_now if c.id not in reasons), key=lambda c: (dates[c.id], c.id))
    marks = firsts.sequences(session, fit, profile)
    going = [c for c in fit if c.id in marks]
    due = [
        Due(c.id, c.end_to_end_id, c.amount_cents, dates[c.id], creditor.account_id, creditor.id, c.scheme, marks[c.id])
        for c in going
    ]
    redated = sum(dates[c.id] != c.due_on for c in going)
    return due, Counter(held=len(reasons), redated=redated, waiting=len(fit) - len(going) + len(unknown))


def _seal(
    session: Session, runtime: Runtime, account: Account, profile: BankProfile, plan: PlannedFile, made: Made
) -> Batch | list[PlannedFile]:
    """Render, measure, check and store one file.

    Gives other plans instead where the bytes are over the bank's limit (two halves), or where single debits break a scheme rule
    (the rest without them; these are held, and a person releases them).
    """
    creditor = session.get_one(Creditor, plan.creditor_id)
    cut_on = runtime.today()
    created_at, cut_no, actor = made
    message_id = batching.message_id(creditor.name, cut_on, cut_no, plan)
    file = debits.debit_file(session, runtime, account, creditor, profile, plan, message_id, created_at)
    wrong = _wrong_debits(file, profile)
    if wrong:
        return _without(session, runtime, plan, profile, wrong, actor)
    document = _kept(session, runtime, profile, plan, creditor, file, actor)
    if not isinstance(document, Document):
        return document
    runtime.fault("batch: rendered")
    batch_id = books.admit(
        session,
        "batch",
        [
            {
                "message_id": message_id,
                "account_id": account.id,
                "creditor_id": creditor.id,
                "document_id": document.id,
                "scheme": plan.scheme,
                "cut_on": cut_on,
                "cut_no": cut_no,
                "created_at": created_at,
                "created_by": actor,
                "profile": profile.name,
                "collections": file.count,
                "control_sum_cents": file.control_sum_cents,
                "sha256": document.sha256,
                "file_name": f"{message_id}.xml",
                "bytes": document.bytes,
                "manifest_no": None,
                "state": "sealed",
                "booked_on": cut_on,
                "evidence": f"document:{document.sha256}",
            }
        ],
        Recorder(actor, runtime.clock()),
        news="sealed",
    )[0]
    _members(session, plan, file, batch_id)
    _batched(session, runtime, plan, batch_id, message_id, actor)
    return session.get_one(Batch, batch_id)


def _wrong_debits(file: DebitFile, profile: BankProfile) -> dict[str, str]:
    """EndToEndId -> what is wrong with this debit alone, by the rules of the scheme and of the bank."""
    wrong: dict[str, str] = {}
    for finding in [*scheme.check(file), *scheme.of_bank.check(file, profile)]:
        place = re.match(r"block\[(\d+)\]/debit\[(\d+)\]", finding.path)
        if place:
            debit = file.blocks[int(place[1]) - 1].debits[int(place[2]) - 1]
            wrong.setdefault(debit.end_to_end_id, f"{finding.id}: {finding.message}")
    return wrong


def _without(
    session: Session, runtime: Runtime, plan: PlannedFile, profile: BankProfile, wrong: dict[str, str], actor: str
) -> list[PlannedFile]:
    """Hold the wrong ones, each with its reason, and plan the file anew without them: one bad debit never stops the others."""
    bad = [member for member in plan.members if member.end_to_end_id in wrong]
    versions = _versions(session, [member.id for member in bad])
    moves = [
        PlannedMove(
            "collection", m.id, versions[m.id], "held", "pending", "held", "scheme", runtime.today(), wrong[m.end_to_end_id]
        )
        for m in bad
    ]
    books.apply_all(session, [Unit(moves=(move,)) for move in moves], Recorder(actor, runtime.clock()))
    good = [member for member in plan.members if member.end_to_end_id not in wrong]
    return batching.plan(good, profile)


def _versions(session: Session, collection_ids: Sequence[int]) -> dict[int, int]:
    return dict(rows.sought(session, select(Collection.id, Collection.version), Collection.id, collection_ids))


def _kept(
    session: Session, runtime: Runtime, profile: BankProfile, plan: PlannedFile, creditor: Creditor, file: DebitFile, actor: str
) -> Document | list[PlannedFile]:
    """The file's bytes, rendered to disk, checked and stored; two halves of the plan instead where they are too much."""
    most = runtime.settings.rules_for(creditor.creditor_id).batch_max_cents
    name, at = f"{file.message_id}.xml", runtime.clock()
    with _scratch() as body:
        pain008.write(file, body)
        too_large = body.tell() > profile.bytes_max or (most and file.control_sum_cents > most)
        if too_large and len(plan.members) > 1:
            return batching.halves(plan)
        _check(file, body, profile)
        return archive.keep(session, runtime.keys, body, direction="sent", kind="pain.008", name=name, actor=actor, at=at)


@contextmanager
def _scratch() -> Iterator[BinaryIO]:
    """A file on disk until the end of the block: a large one is never in memory as a whole. Raises Unavailable without room."""
    try:
        with TemporaryFile() as body:
            yield body
    except OSError as problem:
        if problem.filename is not None:
            raise  # about another file: this one has no name
        raise Unavailable(f"no temporary file can be written ({problem.strerror}); make room in /tmp, or in TMPDIR") from problem


def _check(file: DebitFile, body: BinaryIO, profile: BankProfile) -> None:
    """Everything that must hold before a file is sealed; raises SealRefused with every reason."""
    found = soundness.of_record(file, body, profile)
    if found:
        problems = [f"{finding.id} {finding.path}: {finding.message}" for finding in found[:PROBLEMS_SHOWN]]
        raise SealRefused(f"{file.message_id} was not sealed: " + "; ".join(problems))


def _members(session: Session, plan: PlannedFile, file: DebitFile, batch_id: int) -> None:
    ids = {member.end_to_end_id: member.id for member in plan.members}
    for block in file.blocks:
        stored = Block(
            batch_id=batch_id,
            pmt_inf_id=block.pmt_inf_id,
            sequence=block.sequence,
            due_on=block.due_on,
            collections=len(block.debits),
            control_sum_cents=block.control_sum_cents,
        )
        session.add(stored)
        session.flush()
        places = {ids[debit.end_to_end_id]: place for place, debit in enumerate(block.debits)}
        members = [{"block_id": stored.id, "collection_id": one, "ordinal": place} for one, place in places.items()]
        rows.insert(session, Member, members)


def _batched(session: Session, runtime: Runtime, plan: PlannedFile, batch_id: int, message_id: str, actor: str) -> None:
    """Every member moves from pending to batched, or the whole file is undone."""
    members = {member.id: member for member in plan.members}
    versions = _versions(session, list(members))
    moves = tuple(
        PlannedMove(
            "collection", member.id, versions[member.id], "batched", "pending", "batched", f"batch:{message_id}", runtime.today(),
            sets=tuple({**_decided(member), "batch_id": batch_id}.items()),
        )
        for member in members.values()
    )  # fmt: skip
    applied = books.apply(session, [Unit(moves=moves)], Recorder(actor, runtime.clock()))
    if applied.lost:
        raise LostRace(f"{message_id}: its collections were moved by another worker")


def _decided(member: Due) -> dict[str, Any]:
    """What the cut decided anew about a collection."""
    return {"account_id": member.account_id, "due_on": member.due_on, "sequence": member.sequence}
