"""A file that left and that a restored backup does not know: its rows made again from the bytes in the outbox.

The chain and the mandates give its debits back first: the bytes only say which of them stand in the file. Amount, mandate, hash
and EndToEndIds must be the same in the file, the manifest and the rows.
"""

from __future__ import annotations

import re
from datetime import date
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from bridge import archive, books
from bridge.books import PlannedMove, Recorder, Unit
from bridge.custody import discards, files, manifest
from bridge.errors import BadInput
from bridge.formats import pain008_reader
from bridge.model import Account, BankAccount, Batch, Block, Collection, Creditor, Document, Mandate, Member
from bridge.model.identifiers import creditor_key
from bridge.records.pain008 import DebitFile, DebitLine
from bridge.rules import lifecycle
from bridge.runtime import Runtime
from bridge.transport.folder import ManifestLine

FREE = ("pending", "held", "batched")
CUT = re.compile(r".+-(\d{8})-(\d{3})-[0-9A-F]{6}")


def remade(session: Session, runtime: Runtime, actor: str, line: ManifestLine, place: Path | None) -> Batch:
    """A file that left and of which the database has no row: Document, Batch, Blocks and Members from its bytes, as exported.

    Raises BadInput, which says what is missing; nothing is stored then.
    """
    body, file = _read(line, place)
    account, creditor = _owners(session, runtime, file)
    collections = _collections(session, file)
    by = Recorder(actor, runtime.clock())
    _set_free(session, runtime, by, file, collections)
    document = archive.known(session, line.sha256) or archive.keep(
        session, runtime.keys, body, direction="sent", kind="pain.008", name=f"{file.message_id}.xml", actor=actor, at=by.at
    )
    batch_id = books.admit(
        session,
        "batch",
        [_row(runtime, line, file, account, creditor, document, actor, len(body))],
        by,
        news="relearned",
        evidence="manifest",
    )[0]
    _stand_in(session, runtime, by, batch_id, account, file)
    return session.get_one(Batch, batch_id)


def _read(line: ManifestLine, place: Path | None) -> tuple[bytes, DebitFile]:
    """The bytes that left, and what they say."""
    if place is None:
        raise BadInput(
            f"its bytes are lost: get the file from the bank's portal (SHA-256 {line.sha256}) and put it into the outbox as "
            f"{line.message_id}.xml"
        )
    body = place.read_bytes()
    if sha256(body).hexdigest() != line.sha256:
        raise BadInput(f"{place} is not the file that left; get it from the bank's portal (SHA-256 {line.sha256})")
    try:
        file = pain008_reader.read(BytesIO(body))
    except BadInput as problem:
        raise BadInput(f"{place} cannot be read: {problem}") from problem
    keys = [debit.end_to_end_id.upper() for block in file.blocks for debit in block.debits]
    if file.message_id != line.message_id or manifest.digest(keys) != line.end_to_end_digest:
        raise BadInput(f"{place} holds other debits than the manifest says; restore the manifest from your backup")
    return body, file


def _owners(session: Session, runtime: Runtime, file: DebitFile) -> tuple[Account, Creditor]:
    head = file.blocks[0]
    iban = runtime.keys.digest("iban", head.creditor_iban)
    account = session.scalar(
        select(Account).join(BankAccount, BankAccount.id == Account.bank_account_id).where(BankAccount.iban_digest == iban)
    )
    creditor = session.scalar(select(Creditor).where(Creditor.key == creditor_key(head.creditor_id)))
    if account is None or creditor is None:
        raise BadInput("bridge.toml does not declare its account or its creditor; bring the configuration of that time back")
    return account, creditor


def _collections(session: Session, file: DebitFile) -> dict[str, Collection]:
    """The debits of the file as the chain and the mandates give them, by EndToEndId in upper case; each must be free."""
    debits = {debit.end_to_end_id.upper(): debit for block in file.blocks for debit in block.debits}
    found: dict[str, tuple[Collection, str]] = {}
    for some in files.slices(sorted(debits)):
        rows = session.execute(
            select(Collection, Mandate.mandate_id)
            .join(Mandate, Mandate.id == Collection.mandate_id)
            .where(Collection.end_to_end_key.in_(some))
        )
        found |= {collection.end_to_end_key: (collection, mandate_id) for collection, mandate_id in rows}
    missing = [debit.end_to_end_id for key, debit in debits.items() if key not in found]
    if missing:
        raise BadInput(
            f"{len(missing)} of its debits are not known yet ({missing[0]}): import the mandates of that time, let 'bridge run' "
            "read the chain, then try again"
        )
    for key, debit in debits.items():
        _fits(debit, *found[key])
    return {key: collection for key, (collection, _) in found.items()}


def _fits(debit: DebitLine, collection: Collection, mandate_id: str) -> None:
    if debit.amount_cents != collection.amount_cents:
        raise BadInput(f"{debit.end_to_end_id} has another amount in the file than by its log on chain; find out why first")
    if debit.mandate_id != mandate_id:
        raise BadInput(f"{debit.end_to_end_id} stands under another mandate in the file; import the mandates of that time")
    if collection.state not in FREE:
        raise BadInput(f"{debit.end_to_end_id} is {collection.state} here; restore the newest backup")


def _set_free(session: Session, runtime: Runtime, by: Recorder, file: DebitFile, collections: dict[str, Collection]) -> None:
    """A newer file that never left gives these debits back, and what a rule or a person held is in the file all the same."""
    standing = {c.batch_id: c.end_to_end_id for c in collections.values() if c.state == "batched"}
    for batch_id, name in standing.items():
        batch = session.get_one(Batch, batch_id)
        if batch.state not in files.NOT_LEFT:
            raise BadInput(f"{name} stands in {batch.message_id}, which left too; restore the newest backup")
        why = f"{name} left in {file.message_id}"
        discards.give_up(session, runtime, batch, actor=by.actor, evidence="rule", reason=why)
    held = [c for c in collections.values() if c.state == "held"]
    moves = [
        PlannedMove("collection", c.id, c.version, "released", "held", "pending", "manifest", runtime.today(), c.reason)
        for c in held
    ]
    books.apply_all(session, [Unit(moves=(move,)) for move in moves], by)
    session.expire_all()


def _row(
    runtime: Runtime,
    line: ManifestLine,
    file: DebitFile,
    account: Account,
    creditor: Creditor,
    document: Document,
    actor: str,
    size: int,
) -> dict[str, object]:
    cut = CUT.fullmatch(file.message_id)
    if cut is None:
        raise BadInput("its name is none that we give; restore the manifest from your backup")
    return {
        "message_id": file.message_id,
        "account_id": account.id,
        "creditor_id": creditor.id,
        "document_id": document.id,
        "scheme": file.blocks[0].scheme,
        "cut_on": date.fromisoformat(cut[1]),
        "cut_no": int(cut[2]),
        "created_at": file.created_at,
        "created_by": actor,
        "profile": runtime.profile(account.bank).name,
        "collections": file.count,
        "control_sum_cents": file.control_sum_cents,
        "sha256": line.sha256,
        "file_name": f"{file.message_id}.xml",
        "bytes": size,
        "manifest_no": line.sequence,
        "state": lifecycle.BATCH_NEWS["relearned"][1],
        "booked_on": runtime.today(),
    }


def _stand_in(session: Session, runtime: Runtime, by: Recorder, batch_id: int, account: Account, file: DebitFile) -> None:
    """Blocks and members as the bytes have them; every collection is batched again."""
    collections = _collections(session, file)
    moves = []
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
        inside = [collections[debit.end_to_end_id.upper()] for debit in block.debits]
        members = [{"block_id": row.id, "collection_id": c.id, "ordinal": n} for n, c in enumerate(inside)]
        session.execute(insert(Member), members)
        sets = (("batch_id", batch_id), ("account_id", account.id), ("due_on", block.due_on))
        moves += [_batched(c, f"batch:{file.message_id}", runtime.today(), sets) for c in inside]
    books.apply_all(session, [Unit(moves=tuple(moves))], by)


def _batched(collection: Collection, cause: str, today: date, sets: tuple[tuple[str, object], ...]) -> PlannedMove:
    state = lifecycle.step("collection", collection.end_to_end_id, collection.state, "batched")
    return PlannedMove(
        "collection", collection.id, collection.version, "batched", collection.state, state, cause, today, sets=sets
    )
