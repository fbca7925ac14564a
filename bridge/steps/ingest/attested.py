"""A SettlementAttested that was read, final and proven, ends the writing of an outcome; one that is not ours is told."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

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
    breaks: list[BreakRow] = []
    for one, said in logs:
        outcome = next((name for name, number in OUTCOMES.items() if number == said.outcome), "")
        its = Attestation.invoice_id == known.get(said.invoice_id)
        mine = (its, Attestation.outcome == outcome, Attestation.evidence_hash == said.evidence_hash)
        if session.scalars(select(Attestation.id).where(*mine)).first() is None:
            what = f"an outcome of invoice id {claims.claim_id(said.invoice_id)[:10]}... was written, and not by this bridge"
            breaks.append((KIND, f"chain_log:{one.log_id}", what, NEXT))
        on_its_way = update(Attestation).where(*mine, Attestation.state.in_(("planned", "sent")))
        session.execute(on_its_way.values(state="final"))
    return breaks
