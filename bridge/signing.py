"""Loads what the rule of signatures asks for: who signed a file, who made it what it is, and what the users table says of them.

Approve and export ask here. What they read is locked until they are done: of an export and a disabled signer, or an edited
mandate, one comes after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import books, identity
from bridge.books import PlannedMove, Recorder, Unit
from bridge.model import Approval, Batch, Block, Collection, Creditor, Mandate, Member, Move
from bridge.rules import lifecycle, signatures
from bridge.rules.signatures import Hands
from bridge.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Signatures:
    """What stands under a file: everybody who signed, who of them counts now, and how many are needed."""

    given: tuple[str, ...]
    counting: tuple[str, ...]
    needed: int

    @property
    def missing(self) -> int:
        return max(0, self.needed - len(self.counting))

    @property
    def sentence(self) -> str:
        """What a Move says of them; the check reads it again."""
        return f"signed by {', '.join(self.counting)}" if self.counting else ""


def under(session: Session, runtime: Runtime, batch: Batch) -> Signatures:
    """The signatures under this file, judged now."""
    rows = select(Approval.actor).where(Approval.batch_id == batch.id, Approval.sha256 == batch.sha256).order_by(Approval.id)
    given, needed = tuple(session.scalars(rows)), _needed(session, runtime, batch)
    standing = identity.standing(session, given)
    return Signatures(given, signatures.counting(given, hands(session, batch), standing, needed=needed), needed)


def why_not(session: Session, runtime: Runtime, batch: Batch, actor: str) -> str:
    """Why this person may not sign this file; "" where he may."""
    standing = identity.standing(session, [actor])
    return signatures.why_not(actor, hands(session, batch), standing, needed=_needed(session, runtime, batch))


def refuse_unsigned(session: Session, runtime: Runtime, batch: Batch, *, actor: str) -> str:
    """ "" where an approved file still has its signatures; otherwise it goes back to be signed, and the answer says why."""
    found = under(session, runtime, batch)
    if not found.missing or batch.state != "approved":
        return ""
    gone = [name for name in found.given if name not in found.counting]
    words = "; ".join(f"{name} {why_not(session, runtime, batch, name)}" for name in gone)
    why = f"{len(found.counting)} of {found.needed} signatures count" + (f": {words}" if words else "")
    state = lifecycle.step("batch", batch.message_id, batch.state, "unapproved")
    move = PlannedMove("batch", batch.id, batch.version, "unapproved", batch.state, state, "rule", runtime.today(), why)
    books.apply_all(session, [Unit(moves=(move,))], Recorder(actor, runtime.clock()))
    session.refresh(batch)
    return f"{batch.message_id} may not leave: {why}; it waits for another signature"


def hands(session: Session, batch: Batch) -> Hands:
    """Who made the file what it is."""
    inside = (
        select(Collection.id)
        .join(Member, Member.collection_id == Collection.id)
        .join(Block, Block.id == Member.block_id)
        .where(Block.batch_id == batch.id)
    )
    mandates = (
        select(Mandate.edited_by, Mandate.warning_accepted_by)
        .where(Mandate.id.in_(inside.with_only_columns(Collection.mandate_id)))
        .with_for_update(read=True)
    )
    edited = {name for pair in session.execute(mandates) for name in pair if name}
    released = select(Move.actor).where(
        Move.noun == "collection", Move.news == "released", Move.evidence == "person", Move.noun_id.in_(inside)
    )
    return Hands(batch.created_by, tuple(sorted(edited)), tuple(sorted(set(session.scalars(released)))))


def _needed(session: Session, runtime: Runtime, batch: Batch) -> int:
    creditor = session.get_one(Creditor, batch.creditor_id)
    return signatures.SIGNATURES[runtime.settings.rules_for(creditor.creditor_id).approval]
