"""Every invariant, recomputed from the rows. Sums are never netted: one subject's error does not cancel another's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import Session, aliased

from bridge import archive, balances
from bridge.balances import View
from bridge.errors import BridgeError
from bridge.model import Batch, Collection, Document, Entry, Move, Posting, Statement, Voucher
from bridge.model.collection import IN_FLIGHT_STATES
from bridge.reports import evidence, reconciliation, seals
from bridge.reports.checks import Reading, billed, booked, files, moved, statements, triggers
from bridge.reports.reconciliation import Reconciliation
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


@dataclass(frozen=True)
class Past:
    """One view of the books; the reconciliation in it is worked out once."""

    session: Session
    runtime: Runtime
    view: View

    @cached_property
    def report(self) -> Reconciliation:
        """The reconciliation in this view."""
        return reconciliation.build(self.session, self.runtime, self.view)


def run(session: Session, runtime: Runtime, view: View = balances.NOW) -> list[Check]:
    """Recompute everything; a check that cannot be computed has failed. A view of the past has the checks of IN_THE_PAST."""
    if view == balances.NOW:
        now = Reading(session, runtime)
        return [_one(check_id, title, partial(look, now)) for check_id, (title, look) in CHECKS.items()]
    return _in_view(Past(session, runtime, view))


def of_a_report(past: Past) -> list[Check]:
    """The checks that an auditor takes away: those of the past in this view, and those that nothing but a change past us breaks.

    The latter are asked of the rows and bytes as they are today: they answer alike for ever, or something was altered. What also
    fails while work waits (a source that lags, a line that nobody looked at) is left to ``bridge check``.
    """
    now = Reading(past.session, past.runtime)
    altered = [_one(check_id, CHECKS[check_id][0], partial(CHECKS[check_id][1], now)) for check_id in UNALTERED]
    return _in_view(past) + altered


def _in_view(past: Past) -> list[Check]:
    return [_one(check_id, CHECKS[check_id][0], partial(look, past)) for check_id, look in IN_THE_PAST.items()]


def _one(check_id: str, title: str, look: Callable[[], Iterator[str]]) -> Check:
    try:
        problems = list(look())
    except BridgeError as problem:
        problems = [str(problem)]
    except Exception as problem:  # noqa: BLE001 - rows that no code of ours wrote may break any code; its words may hold data
        problems = [f"it could not be worked out ({type(problem).__name__}): a row is not as this version writes it"]
    more = f" (and {len(problems) - SHOWN} more)" if len(problems) > SHOWN else ""
    return Check(check_id, title, not problems, "; ".join(problems[:SHOWN]) + more)


def _bank(now: Reading) -> Iterator[str]:
    ledger = balances.by_subject(now.session, "Bank")
    for account_id, cents in now.session.execute(
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


def _clearing(now: Reading) -> Iterator[str]:
    clearing = balances.by_subject(now.session, "Clearing")
    for row_id, name, amount in now.session.execute(
        select(Collection.id, Collection.end_to_end_id, Collection.amount_cents).where(Collection.state.in_(IN_FLIGHT_STATES))
    ):
        if clearing.pop(row_id, 0) != amount:
            yield f"{name} is in flight with another amount than its own"
    names = {
        row_id: name
        for row_id, name in now.session.execute(
            select(Collection.id, Collection.end_to_end_id).where(Collection.id.in_(clearing))
        )
    }
    for row_id in clearing:
        yield f"{names.get(row_id, row_id)} is not in flight, but Clearing holds a balance for it"


def _suspense(now: Reading) -> Iterator[str]:
    suspense = balances.by_subject(now.session, "Suspense")
    rows = now.session.execute(
        select(Entry.id, Entry.open_cents)
        .join(Statement, Statement.id == Entry.statement_id)
        .where(Statement.posting == "posted", Entry.open_cents != 0)
    )
    for entry_id, open_cents in rows:
        if suspense.pop(entry_id, 0) != -open_cents:
            yield f"line {entry_id}: Suspense is not its unexplained rest"
    for entry_id in suspense:
        yield f"line {entry_id}: it is explained, but Suspense holds a balance for it"


def _proof(now: Reading) -> Iterator[str]:
    report = now.report
    if report.difference_invoices_cents:
        yield f"invoices miss {report.difference_invoices_cents} cents"
    if report.difference_accounts_cents:
        yield f"accounts miss {report.difference_accounts_cents} cents"
    if report.difference_lines_cents:
        yield f"lines miss {report.difference_lines_cents} cents"
    if report.difference_clearing_cents:
        yield f"what is in flight misses {report.difference_clearing_cents} cents"


def _complete(now: Reading) -> Iterator[str]:
    for source in now.report.sources:
        if source.completeness == "not proven":
            yield f"source {source.name}: the stored logs are not what the contract counts"


def _documents(now: Reading) -> Iterator[str]:
    yield from archive.faults(now.session, now.runtime.keys)
    wrong = select(Batch.message_id).join(Document, Document.id == Batch.document_id).where(Document.sha256 != Batch.sha256)
    for message_id in now.session.scalars(wrong):
        yield f"{message_id}: its bytes are not those that were sealed"


def _manifest(now: Reading) -> Iterator[str]:
    exported = {
        m: (n, s)
        for m, n, s in now.session.execute(
            select(Batch.message_id, Batch.manifest_no, Batch.sha256).where(Batch.manifest_no.is_not(None))
        )
    }
    lines = {line.message_id: (line.sequence, line.sha256) for line in folder.manifest(now.runtime.settings.folder("outbox"))}
    for message_id in sorted(set(exported) | set(lines)):
        if exported.get(message_id) != lines.get(message_id):
            yield f"{message_id}: the manifest in the outbox and the database do not say the same"


def _vouchers(now: Reading) -> Iterator[str]:
    counted = (
        select(Posting.voucher_id, func.count().label("n"), func.sum(Posting.amount_cents).label("cents"))
        .group_by(Posting.voucher_id)
        .subquery()
    )
    rows = now.session.execute(
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
    if now.session.scalar(homeless):
        yield "a posting has no voucher"
    orphans = (
        select(func.count())
        .select_from(Move)
        .where(Move.voucher_id.is_not(None), ~select(Voucher.id).where(Voucher.id == Move.voucher_id).exists())
    )
    if now.session.scalar(orphans):
        yield "a move names a voucher that is gone"


def _voucher_chain(now: Reading) -> Iterator[str]:
    yield from seals.verify(now.session).problems


def _past_bank(past: Past) -> Iterator[str]:
    for line in past.report.accounts:
        if line.ledger_cents != line.statement_cents:
            yield f"account {line.name}: the ledger and the statement differ"


def _past_clearing(past: Past) -> Iterator[str]:
    clearing = balances.by_subject(past.session, "Clearing", past.view)
    state = evidence.states(past.session, past.view, "collection")
    for row_id, name, amount in past.session.execute(select(Collection.id, Collection.end_to_end_id, Collection.amount_cents)):
        expected = amount if state.get(row_id) in IN_FLIGHT_STATES else 0
        if clearing.get(row_id, 0) != expected:
            yield f"{name}: Clearing is not what was in flight"


def _past_suspense(past: Past) -> Iterator[str]:
    missing = past.report.difference_lines_cents
    if missing:
        yield f"lines miss {missing} cents"


def _past_proof(past: Past) -> Iterator[str]:
    missing = past.report.difference_invoices_cents
    if missing:
        yield f"invoices miss {missing} cents"


CHECKS: dict[str, tuple[str, Callable[[Reading], Iterator[str]]]] = {
    "bank": ("Bank equals the closing balance of the last booked statement, per account", _bank),
    "clearing": ("Clearing equals what is in flight, per collection", _clearing),
    "suspense": ("Suspense equals the unexplained rest, per line", _suspense),
    "proof": ("every invoice's amount is where its parts say", _proof),
    "complete": ("the stored logs are all that the contract counts", _complete),
    "cursor": ("what was counted while reading is what is stored", billed.cursors),
    "invoices": ("every invoice says what its log on chain says", billed.invoices),
    "cancelled": ("what its contract cancelled or a reorganisation took, and nothing else, is taken back", billed.cancellations),
    "tokens": ("what was paid in tokens is what the logs on chain say", billed.payments),
    "written-back": ("every outcome on chain stands for what became of its invoice", billed.outcomes),
    "amounts": ("every debit collects the amount of its invoice and of the log", billed.amounts),
    "customer-credit": (
        "all that customers paid beyond an invoice has an open break",
        moved.beyond(lambda one: one.customer_credit_cents, "the customer's, paid beyond the amount"),
    ),
    "not-owed": (
        "all that is collected beyond what is owed has an open break",
        moved.beyond(lambda one: one.in_flight_not_owed_cents, "in flight and not owed"),
    ),
    "reclaim": (
        "all that was given back beyond what came has an open break",
        moved.beyond(lambda one: one.reclaim_cents, "to be reclaimed"),
    ),
    "one-file": ("no EndToEndId stands in two files that count, unless a discard was proven void", files.one_file),
    "members": ("every file states the count and sum of the debits in it", files.members),
    "sealed": ("the sealed bytes hold the debits that the rows say", files.sealed),
    "signatures": ("every file left with the signatures that it needs", files.signatures),
    "documents": ("every stored file hashes to what it was", _documents),
    "manifest": ("the manifest and the database know the same files", _manifest),
    "statements": ("every booked statement adds up to its closing balance", statements.sums),
    "statement-chain": ("booked statements follow each other without a gap", statements.chain),
    "advices": ("what tells about a line is an advice of that line, and books nothing itself", statements.advices),
    "references": ("every row that another row names is there", statements.references),
    "vouchers": ("every voucher has the postings it was booked with", _vouchers),
    "voucher-chain": ("the voucher chain is whole, and covers what the last seal must have found", _voucher_chain),
    "payloads": ("every voucher hashes to what was booked", booked.payloads),
    "accounts": ("every posting moves money between the accounts of its fact", booked.accounts),
    "matches": ("every line is explained by what the bank says in it", booked.matches),
    "undone": ("what was taken back was taken back as a whole", booked.undone),
    "lines": ("every line that waits too long has an open break", moved.waiting_lines),
    "written-off": ("two people gave their word for each write-off", booked.written_off),
    "nothing-open": ("an invoice that is paid or written off owes nothing more", moved.nothing_open),
    "moves": ("every state is the one its last move says", moved.states),
    "histories": (
        "every history of moves is whole, each from where the last one ended by a move that the rules allow",
        moved.histories,
    ),
    "triggers": ("the triggers that protect rows of money are there, as we set them", triggers.present),
}
#: what can be asked of a past date or time: everything that is read from vouchers, matches and moves
IN_THE_PAST: dict[str, Callable[[Past], Iterator[str]]] = {
    "bank": _past_bank,
    "clearing": _past_clearing,
    "suspense": _past_suspense,
    "proof": _past_proof,
}
#: what only a change behind our back can break
UNALTERED = (
    "invoices", "amounts", "members", "sealed", "signatures", "documents", "statements", "statement-chain", "references",
    "vouchers", "voucher-chain", "payloads", "accounts", "matches", "undone", "written-off", "moves", "histories", "triggers",
)  # fmt: skip
