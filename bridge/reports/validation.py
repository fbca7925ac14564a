"""What is wrong with a file: anybody's bank file, and a sealed one of ours as a list of named checks before it is signed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge import archive
from bridge.custody import files, fitness, soundness
from bridge.errors import BadInput, UnknownName
from bridge.formats import detect, pain008, pain008_reader, second_opinion
from bridge.model import Account, Batch, Block, Document, Member
from bridge.records.profile import BankProfile
from bridge.rules import scheme
from bridge.rules.scheme import Finding
from bridge.runtime import Runtime

OWN_CHECKS = {
    "SEAL": "The stored bytes have the SHA-256 under which the file was sealed.",
    "TWICE": "None of its debits stands in another file that was not discarded.",
    "FIT": "Every debit may still be collected, and the bank still takes the file.",
}


@dataclass(frozen=True, slots=True)
class Validation:
    """``kind`` of the file ("pain.008"), and every finding; an empty list is a sound file.

    ``debits`` and ``control_sum_cents`` are counted, in a sound pain.008 alone.
    """

    ok: bool
    kind: str
    findings: list[Finding]
    debits: int | None = None
    control_sum_cents: int | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A named check of a file of ours; ``detail`` says the first thing found and how many more there are."""

    id: str
    title: str
    ok: bool
    detail: str


def validate(body: bytes, profile: BankProfile) -> Validation:
    """Look at a pain.008 by every rule, at a bank's answer by reading it whole. Raises BadInput for what is no bank file."""
    kind = detect.detect(BytesIO(body))
    findings = soundness.of_bytes(body, profile) if kind == "pain.008" else _readable(kind, body)
    if findings or kind != "pain.008":
        return Validation(not findings, kind, findings)
    facts = pain008.count(BytesIO(body))
    return Validation(ok=True, kind=kind, findings=[], debits=facts.counted, control_sum_cents=facts.counted_sum_cents)


def accounts(body: bytes) -> list[str]:
    """The creditor's IBANs that a pain.008 names, in order; none in another file, or as far as it cannot be read."""
    found: list[str] = []
    try:
        for part, leaves, _ in pain008_reader.parts(BytesIO(body)):
            found += [text for path, text in leaves if part == "PmtInf" and path == "PmtInf/CdtrAcct/Id/IBAN"]
    except BadInput:
        pass  # validate says what is wrong with it
    return found


def _readable(kind: str, body: bytes) -> list[Finding]:
    try:
        for _ in detect.read(kind)(BytesIO(body)):
            pass
    except BadInput as problem:
        return [Finding("READ", "file", str(problem))]
    return []


def of_batch(session: Session, runtime: Runtime, message_id: str) -> list[Check]:
    """Every check of a sealed file, those of its bytes made anew. Raises UnknownName."""
    batch = session.scalar(select(Batch).where(Batch.message_id == message_id))
    if batch is None:
        raise UnknownName(f"batch {message_id!r} is not one that is stored; 'bridge batch list' shows them")
    body = archive.fetch(session, runtime.keys, session.get_one(Document, batch.document_id))
    profile = runtime.profile(session.get_one(Account, batch.account_id).bank)
    found: dict[str, list[str]] = defaultdict(list)
    for finding in soundness.of_bytes(body, profile):
        found[finding.id].append(f"{finding.path}: {finding.message}")
    found["SECOND"] = second_opinion.compare_with_sepaxml(pain008_reader.read(BytesIO(body)), body)
    found["SEAL"] = [] if sha256(body).hexdigest() == batch.sha256 else ["the bytes were changed; do not send this file"]
    found["TWICE"] = _twice(session, batch)
    found["FIT"] = [why for why in [_unfit(session, runtime, batch)] if why]
    return [Check(id, title, not found[id], _said(found[id])) for id, title in titles().items()]


def titles() -> dict[str, str]:
    """Every check by its id, in the order in which people read them."""
    others = {id: title for id, title in soundness.OTHER_CHECKS.items() if id != "PLAN"}
    return {**OWN_CHECKS, **others, **{id: scheme.RULES[id].sentence for id in sorted(scheme.RULES)}}


def _unfit(session: Session, runtime: Runtime, batch: Batch) -> str:
    """Why the file may not go to the bank; "" where it may, or is there already."""
    return fitness.unfit(session, runtime, batch) if batch.state in (*files.NOT_LEFT, "exported") else ""


def _twice(session: Session, batch: Batch) -> list[str]:
    """Debits of this file that stand in another one, too."""
    own = select(Member.collection_id).join(Block, Block.id == Member.block_id).where(Block.batch_id == batch.id)
    others = (
        select(func.count())
        .select_from(Member)
        .join(Block, Block.id == Member.block_id)
        .join(Batch, Batch.id == Block.batch_id)
        .where(Member.collection_id.in_(own), Batch.id != batch.id, Batch.state != "discarded")
    )
    count = session.scalar(others) or 0
    return [f"{count} of its debits stand in another file that was not discarded"] if count else []


def _said(found: list[str]) -> str:
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{found[0]}{more}" if found else "ok"
