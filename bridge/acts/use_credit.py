"""A customer paid one invoice beyond its amount: his credit pays another invoice of his."""

from __future__ import annotations

from sqlalchemy.orm import Session

from bridge import audit_trail
from bridge.books import Recorder
from bridge.explaining import credit
from bridge.explaining.credit import Used
from bridge.runtime import Runtime


def run(runtime: Runtime, actor: str, giving: str, taking: str, cents: int | None = None) -> Used:
    """Use the credit of invoice ``giving`` for invoice ``taking``: this much, or as much as is there and open.

    Raises UnknownName, and NotAllowed for another customer, without a credit, or for more than is open.
    """
    return runtime.work(lambda session: _use(session, runtime, actor, giving, taking, cents))


def _use(session: Session, runtime: Runtime, actor: str, giving: str, taking: str, cents: int | None) -> Used:
    one, other = credit.pair(session, giving, taking)
    used = credit.use(session, one, other, cents, by=Recorder(actor, runtime.clock()), today=runtime.today())
    detail = f"{used.cents} cents for {used.taking}"
    audit_trail.note(
        session, at=runtime.clock(), actor=actor, act="invoice use-credit", object=f"invoice:{used.giving}", detail=detail
    )
    return used
