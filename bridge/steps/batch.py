"""Put what is due into files that two writers agree on, and seal them.

A file is rendered from rows, measured, checked by the schema, by the scheme rules, by a second reader that counts, and by
sepaxml, which builds the same collections on its own. Bytes, SHA-256, Batch, Blocks, Members and the Moves of the collections are
one commit; after that the bytes are never rendered again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from functools import partial
from hashlib import sha256
from io import BytesIO

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from bridge import archive, books, judging
from bridge.books import PlannedMove, Recorder, Unit
from bridge.errors import SealRefused
from bridge.formats import pain008, schema, second_opinion
from bridge.model import Account, BankAccount, Batch, Block, Collection, Creditor, DataKey, Invoice, Mandate, Member, Person
from bridge.model.identifiers import in_eea
from bridge.model.parties import open_address, open_iban, open_name, open_ultimate_debtor
from bridge.model.sealed import Key
from bridge.records.pain008 import Address, DebitBlock, DebitFile, DebitLine
from bridge.records.profile import BankProfile
from bridge.rules import batching, calendar, scheme, text
from bridge.rules.batching import Due, PlannedFile
from bridge.runtime import Runtime

ACTOR = "batch"
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
NAME_MAX, REMITTANCE_MAX = 70, 140  # AT-P001, AT-T009 (EPC130-08)


@dataclass(frozen=True, slots=True)
class Party:
    """What a debit says about the debtor, opened for rendering only."""

    name: str
    iban: str
    line: Mandate
    person: Person
    key: Key
    bic: str | None


def run(runtime: Runtime) -> dict[str, int]:
    """Cut the files that are due by the schedule: once a bank day and account, after ``batch_at``."""
    return cut(runtime, actor=ACTOR, scheduled=True)


def cut(runtime: Runtime, *, actor: str, scheduled: bool) -> dict[str, int]:
    """Cut files now. Raises SealRefused where a file fails a check; then nothing of that file is stored."""
    counts: Counter[str] = Counter()
    for account_id in runtime.work(_account_ids):
        cut_one = partial(_cut_account, runtime=runtime, account_id=account_id, actor=actor, scheduled=scheduled)
        counts += runtime.work(cut_one)
    return {name: counts[name] for name in ("batches", "collections", "held", "redated")}


def _account_ids(session: Session) -> list[int]:
    return list(session.scalars(select(Account.id).order_by(Account.id)))


def _cut_account(session: Session, runtime: Runtime, account_id: int, *, actor: str, scheduled: bool) -> Counter[str]:
    account = session.get_one(Account, account_id)
    profile = runtime.profile(account.bank)
    counts: Counter[str] = Counter()
    due: list[Due] = []
    for creditor in session.scalars(select(Creditor).where(Creditor.account_id == account_id).order_by(Creditor.id)).all():
        rules = runtime.settings.rules_for(creditor.creditor_id)
        if scheduled and not _time_to_cut(session, runtime, account, creditor, rules.batch_at):
            continue
        found, more = _due(session, runtime, creditor, profile)
        due += found
        counts += more
    files = batching.plan(due, transactions_max=profile.transactions_max)
    while files:
        file = files.pop(0)
        body_or_halves = _seal(session, runtime, account, profile, file, actor)
        if isinstance(body_or_halves, list):
            files = body_or_halves + files
            continue
        counts += Counter(batches=1, collections=len(file.members))
    runtime.fault("batch: before commit")
    return counts


def _time_to_cut(session: Session, runtime: Runtime, account: Account, creditor: Creditor, batch_at: str) -> bool:
    """Whether the schedule cuts now: a bank day, after ``batch_at``, and nothing cut today that still stands."""
    now = runtime.clock().astimezone(runtime.zone)
    if not batch_at:
        return True
    if not calendar.is_target_day(now.date()) or now.time() < time.fromisoformat(batch_at):
        return False
    cut_today = select(Batch.id).where(
        Batch.account_id == account.id,
        Batch.creditor_id == creditor.id,
        Batch.cut_on == now.date(),
        Batch.created_by == ACTOR,
        Batch.state != "discarded",
    )
    return session.scalar(cut_today.limit(1)) is None


def _due(session: Session, runtime: Runtime, creditor: Creditor, profile: BankProfile) -> tuple[list[Due], Counter[str]]:
    """The pending collections whose presentation window is open; one whose window has passed gets a later date first.

    They go to the account the creditor has now, whichever it had when they were formed.
    """
    now = runtime.clock().astimezone(runtime.zone)
    pending = list(
        session.scalars(
            select(Collection)
            .join(Invoice, Invoice.id == Collection.invoice_id)
            .where(Collection.state == "pending", Invoice.creditor_id == creditor.id)
            .order_by(Collection.id)
        )
    )
    dates = {c.id: calendar.due_on(c.due_on, now, profile) for c in pending}
    open_now = [c for c in pending if calendar.presentation_window(dates[c.id], profile)[0] <= now.date()]
    reasons = judging.why_not(session, open_now, runtime.settings.rules_for(creditor.creditor_id))
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
    going = [c for c in open_now if c.id not in reasons]
    due = [
        Due(c.id, c.end_to_end_id, c.amount_cents, dates[c.id], creditor.account_id, creditor.id, c.scheme, c.sequence)
        for c in going
    ]
    redated = sum(dates[c.id] != c.due_on for c in going)
    return due, Counter(held=len(reasons), redated=redated)


def _seal(
    session: Session, runtime: Runtime, account: Account, profile: BankProfile, plan: PlannedFile, actor: str
) -> Batch | list[PlannedFile]:
    """Render, measure, check and store one file; gives two halves instead where its bytes are over the bank's limit."""
    creditor = session.get_one(Creditor, plan.creditor_id)
    cut_on = runtime.today()
    cut_no = 1 + (
        session.scalar(select(func.max(Batch.cut_no)).where(Batch.account_id == account.id, Batch.cut_on == cut_on)) or 0
    )
    message_id = batching.message_id(creditor.name, cut_on, cut_no, plan)
    created_at = runtime.clock().astimezone(UTC).replace(microsecond=0)
    file = _debit_file(session, runtime, account, creditor, profile, plan, message_id, created_at)
    body = _rendered(file, profile)
    if len(body) > profile.bytes_max and len(plan.members) > 1:
        return batching.halves(plan)
    _check(file, body, profile)
    document = archive.keep(
        session, runtime.keys, body, direction="sent", kind="pain.008", name=f"{message_id}.xml", actor=actor, at=runtime.clock()
    )
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
                "sha256": sha256(body).hexdigest(),
                "file_name": f"{message_id}.xml",
                "bytes": len(body),
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


def _rendered(file: DebitFile, profile: BankProfile) -> bytes:
    out = BytesIO()
    pain008.write(file, out, version=profile.version)
    return out.getvalue()


def _check(file: DebitFile, body: bytes, profile: BankProfile) -> None:
    """Everything that must hold before a file is sealed; raises SealRefused with every reason."""
    problems = [f"{finding.id} {finding.path}: {finding.message}" for finding in scheme.check(file)]
    problems += [f"schema: {error}" for error in schema.validate(body, f"{NAMESPACE}{profile.version}")]
    facts = pain008.count(BytesIO(body))
    if (facts.counted, facts.counted_sum_cents) != (file.count, file.control_sum_cents):
        problems.append(
            f"the bytes hold {facts.counted} debits of {facts.counted_sum_cents} cents, "
            f"the plan {file.count} of {file.control_sum_cents}"
        )
    if (facts.stated_count, facts.stated_sum_cents) != (facts.counted, facts.counted_sum_cents):
        problems.append("the head of the file states another count or sum than its debits add up to")
    if any((b.stated_count, b.stated_sum_cents) != (b.counted, b.counted_sum_cents) for b in facts.blocks):
        problems.append("a block states another count or sum than its debits add up to")
    problems += second_opinion.compare_with_sepaxml(file, body)
    if problems:
        raise SealRefused(f"{file.message_id} was not sealed: " + "; ".join(problems[:10]))


def _debit_file(
    session: Session,
    runtime: Runtime,
    account: Account,
    creditor: Creditor,
    profile: BankProfile,
    plan: PlannedFile,
    message_id: str,
    created_at: datetime,
) -> DebitFile:
    own = session.get_one(BankAccount, account.bank_account_id)
    own_iban = open_iban(_key(session, runtime, own.key_uid), own)
    parties = _parties(session, runtime, [member.id for member in plan.members])
    numbers = _invoice_texts(session, [member.id for member in plan.members])
    name = text.sepa_text(creditor.name, limit=NAME_MAX)
    blocks = tuple(
        DebitBlock(
            pmt_inf_id=batching.pmt_inf_id(message_id, number),
            scheme=plan.scheme,
            sequence=block.sequence,
            due_on=block.due_on,
            creditor_name=name,
            creditor_iban=own_iban,
            creditor_bic=own.bic,
            creditor_id=creditor.creditor_id,
            batch_booking=profile.batch_booking,
            debits=tuple(_debit(member, parties[member.id], numbers[member.id]) for member in block.members),
        )
        for number, block in enumerate(plan.blocks, 1)
    )
    return DebitFile(message_id, created_at, name, blocks)


def _debit(member: Due, party: Party, remittance: str) -> DebitLine:
    country = party.iban[:2]
    ultimate = open_ultimate_debtor(party.key, party.person)
    return DebitLine(
        end_to_end_id=member.end_to_end_id,
        amount_cents=member.amount_cents,
        mandate_id=party.line.mandate_id,
        signed_on=party.line.signed_on,
        debtor_name=text.sepa_text(party.name, limit=NAME_MAX),
        debtor_iban=party.iban,
        remittance=text.sepa_text(remittance, limit=REMITTANCE_MAX),
        debtor_bic=None if in_eea(country) else party.bic,
        debtor_address=None if in_eea(country) else _printed(open_address(party.key, party.person)),
        ultimate_debtor=text.sepa_text(ultimate, limit=NAME_MAX) if ultimate else None,
    )


def _printed(address: Address | None) -> Address | None:
    """An address in the bank's characters."""
    if address is None:
        return None
    parts = {name: getattr(address, name) for name in scheme.ADDRESS_LIMITS}
    shown = {name: text.sepa_text(part, limit=scheme.ADDRESS_LIMITS[name]) if part else None for name, part in parts.items()}
    return replace(address, **shown)


def _parties(session: Session, runtime: Runtime, collection_ids: Sequence[int]) -> dict[int, Party]:
    found: dict[int, Party] = {}
    keys: dict[str, Key] = {}
    for start in range(0, len(collection_ids), 500):
        some = collection_ids[start : start + 500]
        rows = session.execute(
            select(Collection.id, Mandate, Person, BankAccount)
            .join(Mandate, Mandate.id == Collection.mandate_id)
            .join(Person, Person.id == Mandate.person_id)
            .join(BankAccount, BankAccount.id == Mandate.bank_account_id)
            .where(Collection.id.in_(some))
        ).all()
        wanted = {uid for _, _, person, account in rows for uid in (person.key_uid, account.key_uid)} - set(keys)
        keys |= {row.uid: runtime.keys.unwrap(row) for row in session.scalars(select(DataKey).where(DataKey.uid.in_(wanted)))}
        for collection_id, mandate, person, account in rows:
            key = keys[person.key_uid]
            iban = open_iban(keys[account.key_uid], account)
            found[collection_id] = Party(open_name(key, person), iban, mandate, person, key, account.bic)
    return found


def _invoice_texts(session: Session, collection_ids: Sequence[int]) -> dict[int, str]:
    """What the debtor reads: invoice number and period."""
    texts: dict[int, str] = {}
    for start in range(0, len(collection_ids), 500):
        some = collection_ids[start : start + 500]
        rows = session.execute(
            select(Collection.id, Invoice.number, Invoice.period_start, Invoice.period_end)
            .join(Invoice, Invoice.id == Collection.invoice_id)
            .where(Collection.id.in_(some))
        )
        texts |= {found: f"Invoice {number} usage {start:%Y-%m-%d} to {end:%Y-%m-%d}" for found, number, start, end in rows}
    return texts


def _key(session: Session, runtime: Runtime, uid: str) -> Key:
    return runtime.keys.unwrap(session.get_one(DataKey, uid))


def _members(session: Session, plan: PlannedFile, file: DebitFile, batch_id: int) -> None:
    ids = {member.end_to_end_id: member.id for member in plan.members}
    for block in file.blocks:
        row = Block(
            batch_id=batch_id,
            pmt_inf_id=block.pmt_inf_id,
            sequence=block.sequence,
            due_on=block.due_on,
            collections=len(block.debits),
            control_sum_cents=block.control_sum_cents,
        )
        session.add(row)
        session.flush()
        session.execute(
            insert(Member),
            [
                {"block_id": row.id, "collection_id": ids[debit.end_to_end_id], "ordinal": n}
                for n, debit in enumerate(block.debits)
            ],
        )


def _batched(session: Session, runtime: Runtime, plan: PlannedFile, batch_id: int, message_id: str, actor: str) -> None:
    """Every member moves from pending to batched, or the whole file is undone."""
    members = {member.id: member for member in plan.members}
    versions: dict[int, int] = {}
    ids = list(members)
    for start in range(0, len(ids), 500):
        rows = session.execute(select(Collection.id, Collection.version).where(Collection.id.in_(ids[start : start + 500])))
        versions |= {found: version for found, version in rows}
    moves = tuple(
        PlannedMove(
            "collection", member.id, versions[member.id], "batched", "pending", "batched", f"batch:{message_id}", runtime.today(),
            sets=(("batch_id", batch_id), ("account_id", member.account_id), ("due_on", member.due_on)),
        )
        for member in members.values()
    )  # fmt: skip
    applied = books.apply(session, [Unit(moves=moves)], Recorder(actor, runtime.clock()))
    if applied.lost:
        raise SealRefused(f"{message_id}: its collections were moved by another worker; the next run cuts again")
