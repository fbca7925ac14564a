"""A SettlementAttested that was read, final and proven, ends the writing of an outcome; one that is not ours is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bridge import rows
from bridge.books import BreakRow
from bridge.model import Attestation, Source
from bridge.records.invoice_log import OUTCOMES, AttestedLog
from bridge.settings import SourceSettings
from bridge.steps.ingest import claims
from bridge.steps.ingest.claims import Told

KIND = "ATTESTED_BY_OTHERS"
NEXT = "find out who else has the settlement role; after a restore it may be an outcome that the bridge itself wrote before"


def end(session: Session, settings: SourceSettings, source: Source, told: Sequence[Told]) -> list[BreakRow]:
    """Mark each outcome final that these logs show. Nothing is told of a source that writes none: others may do it there."""
    logs = [(one, one.said) for one in told if isinstance(one.said, AttestedLog)]
    if not logs or settings.attest is None:
        return []
    known = claims.invoices(session, source, [said.invoice_id for _, said in logs])
    ours = _ours(session, known.values())
    read: set[int] = set()
    breaks: list[BreakRow] = []
    for one, said in logs:
        of_log = ours[known.get(said.invoice_id), said.outcome, said.evidence_hash]
        if not of_log:
            what = f"an outcome of invoice id {claims.claim_id(said.invoice_id)[:10]}... was written, and not by this bridge"
            breaks.append((KIND, f"chain_log:{one.log_id}", what, NEXT))
        else:
            read |= of_log
    for some in rows.among(session, Attestation.id, read):
        on_its_way = update(Attestation).where(some, Attestation.state.in_(("planned", "sent")))
        session.execute(on_its_way.values(state="final"))
    return breaks


def _ours(session: Session, invoice_ids: Iterable[int]) -> dict[tuple[int | None, int, bytes], set[int]]:
    """(invoice, outcome on chain, evidence hash) -> Attestations, of these invoices; several where a statement came again."""
    found: dict[tuple[int | None, int, bytes], set[int]] = defaultdict(set)
    for some in rows.among(session, Attestation.invoice_id, invoice_ids):
        for row in session.scalars(select(Attestation).where(some)):
            found[row.invoice_id, OUTCOMES[row.outcome], row.evidence_hash].add(row.id)
    return found
