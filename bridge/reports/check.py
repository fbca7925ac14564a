"""Every invariant, recomputed from the rows. Sums are never netted: one subject's error does not cancel another's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import ScalarSelect, func, select, text
from sqlalchemy.orm import Session, aliased

from bridge import archive, balances
from bridge.balances import View
from bridge.errors import BridgeError
from bridge.model import Batch, Block, Collection, Document, Entry, Invoice, Member, Move, Posting, Statement, Voucher
from bridge.model.collection import IN_FLIGHT_STATES
from bridge.model.triggers import names as trigger_names
from bridge.reports import evidence, reconciliation
from bridge.runtime import Runtime
from bridge.transport import folder

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant: ``detail`` says what breaks it, or how much was looked at."""

    id: str
    title: str
    ok: bool
    detail: str


def run(session: Session, runtime: Runtime, view: View = balances.NOW) -> list[Check]:
    """Recompute everything; a check that cannot be computed has failed. A view of the past has the checks of IN_THE_PAST."""
    if view == balances.NOW:
        return [_one(session, runtime, check_id, title, look) for check_id, (title, look) in CHECKS.items()]
    return [_one(session, runtime, check_id, CHECKS[check_id][0], _seen(look, view)) for check_id, look in IN_THE_PAST.items()]


def _seen(look: Callable[[Session, Runtime, View], Iterator[str]], view: View) -> Callable[[Session, Runtime], Iterator[str]]:
    def in_view(session: Session, runtime: Runtime) -> Iterator[str]:
        return look(session, runtime, view)

    return in_view


def _one(
    session: Session, runtime: Runtime, check_id: str, title: str, look: Callable[[Session, Runtime], Iterator[str]]
) -> Check:
    try:
        problems = list(look(session, runtime))
    except BridgeError as problem:
        problems = [str(problem)]
    more = f" (and {len(problems) - SHOWN} more)" if len(problems) > SHOWN else ""
    return Check(check_id, title, not problems, "; ".join(problems[:SHOWN]) + more)


def _bank(session: Session, runtime: Runtime) -> Iterator[str]:
    ledger = balances.by_subject(session, "Bank")
    for account_id, cents in session.execute(
        select(Statement.account_id, Statement.closing_cents)
        .where(Statement.posting == "posted")
        .where(Statement.posted_no == _last_posted())
    ):
        booked = 0 if account_id is None else ledger.pop(account_id, 0)
        if booked != cents:
            yield f"account {account_id}: the ledger and the closing balance of the last booked statement differ"
    for account_id in ledger:
        yield f"account {account_id}: the ledger has a balance, but no statement was booked"


def _last_posted() -> ScalarSelect[int | None]:
    """The highest ``posted_no`` of the account of the statement that is looked at."""
    other = aliased(Statement)
    return (
        select(func.max(other.posted_no))
        .where(other.account_id == Statement.account_id, other.posting == "posted")
        .scalar_subquery()
    )


def _clearing(session: Session, runtime: Runtime) -> Iterator[str]:
    clearing = balances.by_subject(session, "Clearing")
    for row_id, name, amount in session.execute(
        select(Collection.id, Collection.end_to_end_id, Collection.amount_cents).where(Collection.state.in_(IN_FLIGHT_STATES))
    ):
        if clearing.pop(row_id, 0) != amount:
            yield f"{name} is in flight with another amount than its own"
    names = {
        row_id: name
        for row_id, name in session.execute(select(Collection.id, Collection.end_to_end_id).where(Collection.id.in_(clearing)))
    }
    for row_id in clearing:
        yield f"{names.get(row_id, row_id)} is not in flight, but Clearing holds a balance for it"


def _suspense(session: Session, runtime: Runtime) -> Iterator[str]:
    suspense = balances.by_subject(session, "Suspense")
    rows = session.execute(
        select(Entry.id, Entry.open_cents)
        .join(Statement, Statement.id == Entry.statement_id)
        .where(Statement.posting == "posted", Entry.open_cents != 0)
    )
    for entry_id, open_cents in rows:
        if suspense.pop(entry_id, 0) != -open_cents:
            yield f"line {entry_id}: Suspense is not its unexplained rest"
    for entry_id in suspense:
        yield f"line {entry_id}: it is explained, but Suspense holds a balance for it"


def _proof(session: Session, runtime: Runtime) -> Iterator[str]:
    report = reconciliation.build(session, runtime, balances.NOW)
    if report.difference_invoices_cents:
        yield f"invoices miss {report.difference_invoices_cents} cents"
    if report.difference_accounts_cents:
        yield f"accounts miss {report.difference_accounts_cents} cents"
    if report.difference_lines_cents:
        yield f"lines miss {report.difference_lines_cents} cents"
    if report.difference_clearing_cents:
        yield f"what is in flight misses {report.difference_clearing_cents} cents"


def _complete(session: Session, runtime: Runtime) -> Iterator[str]:
    for source in reconciliation.build(session, runtime, balances.NOW).sources:
        if source.completeness == "not proven":
            yield f"source {source.name}: the stored logs are not what the contract counts"


def _one_file(session: Session, runtime: Runtime) -> Iterator[str]:
    rows = session.execute(
        select(Collection.end_to_end_id, func.count())
        .join(Member, Member.collection_id == Collection.id)
        .join(Block, Block.id == Member.block_id)
        .join(Batch, Batch.id == Block.batch_id)
        .where(Batch.state != "discarded")
        .group_by(Collection.end_to_end_id)
        .having(func.count() > 1)
    )
    for name, count in rows:
        yield f"{name} stands in {count} files that were not discarded"


def _documents(session: Session, runtime: Runtime) -> Iterator[str]:
    for document in session.scalars(select(Document).order_by(Document.id).execution_options(yield_per=50)):
        try:
            archive.fetch(session, runtime.keys, document)
        except BridgeError as problem:
            yield str(problem)
    wrong = select(Batch.message_id).join(Document, Document.id == Batch.document_id).where(Document.sha256 != Batch.sha256)
    for message_id in session.scalars(wrong):
        yield f"{message_id}: its bytes are not those that were sealed"


def _manifest(session: Session, runtime: Runtime) -> Iterator[str]:
    exported = {
        m: (n, s)
        for m, n, s in session.execute(
            select(Batch.message_id, Batch.manifest_no, Batch.sha256).where(Batch.manifest_no.is_not(None))
        )
    }
    lines = {line.message_id: (line.sequence, line.sha256) for line in folder.manifest(runtime.settings.folder("outbox"))}
    for message_id in sorted(set(exported) | set(lines)):
        if exported.get(message_id) != lines.get(message_id):
            yield f"{message_id}: the manifest in the outbox and the database do not say the same"


def _vouchers(session: Session, runtime: Runtime) -> Iterator[str]:
    counted = (
        select(Posting.voucher_id, func.count().label("n"), func.sum(Posting.amount_cents).label("cents"))
        .group_by(Posting.voucher_id)
        .subquery()
    )
    rows = session.execute(
        select(Voucher.idem_key, Voucher.posting_count, Voucher.amount_cents, counted.c.n, counted.c.cents).outerjoin(
            counted, counted.c.voucher_id == Voucher.id
        )
    )
    for key, count, cents, found, found_cents in rows:
        if (count, cents) != (found, int(found_cents or 0)):
            yield f"voucher {key} does not have the postings it was booked with"
    homeless = (
        select(func.count()).select_from(Posting).where(~select(Voucher.id).where(Voucher.id == Posting.voucher_id).exists())
    )
    if session.scalar(homeless):
        yield "a posting has no voucher"
    orphans = (
        select(func.count())
        .select_from(Move)
        .where(Move.voucher_id.is_not(None), ~select(Voucher.id).where(Voucher.id == Move.voucher_id).exists())
    )
    if session.scalar(orphans):
        yield "a move names a voucher that is gone"


def _moves(session: Session, runtime: Runtime) -> Iterator[str]:
    for noun, table, name in (
        ("invoice", Invoice, Invoice.number),
        ("collection", Collection, Collection.end_to_end_id),
        ("batch", Batch, Batch.message_id),
    ):
        last = (
            select(Move.to_state)
            .where(Move.noun == noun, Move.noun_id == table.id, Move.version == table.version)
            .scalar_subquery()
        )
        for what, state, by_move in session.execute(select(name, table.state, last)):
            if state != by_move:
                yield f"{noun} {what} is {state}, its last move says {by_move}"


def _past_bank(session: Session, runtime: Runtime, view: View) -> Iterator[str]:
    for line in reconciliation.build(session, runtime, view).accounts:
        if line.ledger_cents != line.statement_cents:
            yield f"account {line.name}: the ledger and the statement differ"


def _past_clearing(session: Session, runtime: Runtime, view: View) -> Iterator[str]:
    clearing = balances.by_subject(session, "Clearing", view)
    state = evidence.states(session, view, "collection")
    for row_id, name, amount in session.execute(select(Collection.id, Collection.end_to_end_id, Collection.amount_cents)):
        expected = amount if state.get(row_id) in IN_FLIGHT_STATES else 0
        if clearing.get(row_id, 0) != expected:
            yield f"{name}: Clearing is not what was in flight"


def _past_suspense(session: Session, runtime: Runtime, view: View) -> Iterator[str]:
    missing = reconciliation.build(session, runtime, view).difference_lines_cents
    if missing:
        yield f"lines miss {missing} cents"


def _past_proof(session: Session, runtime: Runtime, view: View) -> Iterator[str]:
    missing = reconciliation.build(session, runtime, view).difference_invoices_cents
    if missing:
        yield f"invoices miss {missing} cents"


def _triggers(session: Session, runtime: Runtime) -> Iterator[str]:
    sqlite = session.get_bind().dialect.name == "sqlite"
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if sqlite
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
    )
    present = set(session.scalars(text(query)))
    for name in trigger_names():
        if name not in present:
            yield f"trigger {name} is missing; 'bridge db upgrade' sets all of them"


CHECKS: dict[str, tuple[str, Callable[[Session, Runtime], Iterator[str]]]] = {
    "bank": ("Bank equals the closing balance of the last booked statement, per account", _bank),
    "clearing": ("Clearing equals what is in flight, per collection", _clearing),
    "suspense": ("Suspense equals the unexplained rest, per line", _suspense),
    "proof": ("every invoice's amount is where its parts say", _proof),
    "complete": ("the stored logs are all that the contract counts", _complete),
    "one-file": ("no EndToEndId stands in two files", _one_file),
    "documents": ("every stored file hashes to what it was", _documents),
    "manifest": ("the manifest and the database know the same files", _manifest),
    "vouchers": ("every voucher has the postings it was booked with", _vouchers),
    "moves": ("every state is the one its last move says", _moves),
    "triggers": ("the triggers that protect rows of money are there", _triggers),
}
#: what can be asked of a past date or time: everything that is read from vouchers, matches and moves
IN_THE_PAST: dict[str, Callable[[Session, Runtime, View], Iterator[str]]] = {
    "bank": _past_bank,
    "clearing": _past_clearing,
    "suspense": _past_suspense,
    "proof": _past_proof,
}
