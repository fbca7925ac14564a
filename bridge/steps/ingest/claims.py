"""What a stored log says about an invoice, and which invoice that is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import rows
from bridge.model import Invoice, Source
from bridge.records.invoice_log import Decoded


@dataclass(frozen=True, slots=True)
class Told:
    """A stored log: what it says (None where it was refused), and the day of its block."""

    log_id: int
    on: date
    said: Decoded | None


def claim_id(invoice_id: bytes) -> str:
    """An invoice's id on chain as it is stored."""
    return "0x" + invoice_id.hex()


def invoices(session: Session, source: Source, invoice_ids: Iterable[bytes]) -> dict[bytes, int]:
    """The invoices of this contract with these ids on chain: id on chain -> id of the row."""
    wanted = {claim_id(one): one for one in invoice_ids}
    found: dict[bytes, int] = {}
    named = select(Invoice.claim_id, Invoice.id).where(Invoice.chain_id == source.chain_id, Invoice.contract == source.contract)
    for some in rows.among(session, Invoice.claim_id, wanted):
        found |= {wanted[claim]: number for claim, number in session.execute(named.where(some))}
    return found
