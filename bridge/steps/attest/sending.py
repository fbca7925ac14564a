"""From planned to the chain: follow what was sent, then send what is planned, in the order of nonces.

A call is stored with its nonce before anybody sees it. What is not in a block is broadcast again as it is; the first in line,
once it waited too long, is signed again with the same nonce for more. Where something else used the nonce it gets another one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from sqlalchemy import Select, Update, exists, func, select, update
from sqlalchemy.orm import Session

from bridge.chain import decoders
from bridge.chain.attester import Attester, NotAccepted, Signed
from bridge.explaining.written import UNSENT
from bridge.model import Attestation, ChainLog, Invoice
from bridge.observed import stands
from bridge.records.invoice_log import OUTCOMES
from bridge.runtime import Runtime
from bridge.settings import AttestSettings, SourceSettings

IN_FLIGHT_MAX = 50  # a node's pool holds 64 of one account in order (go-ethereum, txpool.accountqueue)
REFUSALS_MAX = 5  # in one run: where the role is missing, every call is refused
GWEI = 10**9
Trouble = tuple[str, str, str]  # kind, what, next


@dataclass(frozen=True, slots=True)
class Outcome:
    """An Attestation and its invoice, as plain values."""

    id: int
    invoice_id: int
    claim_id: str
    number: str
    outcome: str
    evidence_hash: bytes


@dataclass(frozen=True, slots=True)
class Sent:
    """An outcome that is on its way, as its call was last signed."""

    outcome: Outcome
    call: Signed
    at: datetime


@dataclass(slots=True)
class Work:
    """One source's turn. ``troubles`` are for people."""

    runtime: Runtime
    settings: SourceSettings
    source_id: int
    attester: Attester
    counts: Counter[str] = field(default_factory=Counter)
    troubles: list[Trouble] = field(default_factory=list)

    @property
    def rules(self) -> AttestSettings:
        assert self.settings.attest is not None  # else there is no attester
        return self.settings.attest


def run(runtime: Runtime, settings: SourceSettings, source_id: int, attester: Attester) -> tuple[Counter[str], list[Trouble]]:
    """Returns how many were sent and sent again, and what people must be told. Raises Unavailable."""
    work = Work(runtime, settings, source_id, attester)
    with runtime.reading() as session:
        busy = session.execute(_rows(source_id, "planned", "sent").limit(1)).first() is not None
    if busy:  # else no node is asked
        mined = attester.mined()
        _follow(work, mined)
        _send(work, mined)
    return work.counts, work.troubles


# ---- what is on its way


def _follow(work: Work, mined: int) -> None:
    with work.runtime.reading() as session:
        sent = sorted(_sent(session, work.source_id), key=lambda one: one.call.nonce)
    passed = [one for one in sent if one.call.nonce < mined]
    worked = work.attester.worked([one.call.tx_hash for one in passed])
    for one in passed:
        of = one.outcome
        # else by a call of the same nonce that was sent for less
        if one.call.tx_hash in worked or work.attester.is_written(of.claim_id, of.outcome, of.evidence_hash):
            continue  # in a block; ingest will read its log
        _plan_again(work, one)
    waiting = [one for one in sent if one.call.nonce >= mined]
    patience = timedelta(minutes=work.rules.patience_minutes)
    if waiting and work.runtime.clock() - waiting[0].at >= patience and _send_for_more(work, waiting[0]):
        waiting = waiting[1:]
    for one in waiting:
        _broadcast(work, one.call)


def _sent(session: Session, source_id: int) -> Iterator[Sent]:
    for row, invoice in session.execute(_rows(source_id, "sent")):
        assert row.sent_at is not None
        yield Sent(_plain(row, invoice), _call(row), row.sent_at)


def _call(row: Attestation) -> Signed:
    """The stored call of a row that is sent: it has one, and all of it."""
    assert row.nonce is not None
    assert row.fee_wei is not None
    assert row.raw_call is not None
    assert row.tx_hash is not None
    return Signed(row.nonce, row.fee_wei, row.raw_call, row.tx_hash)


def _plan_again(work: Work, one: Sent) -> None:
    """Its nonce was used by something else, or the contract refused it: it is as if it had not been sent."""
    work.runtime.work(partial(_unsent, one=one))
    work.counts["again"] += 1


def _unsent(session: Session, one: Sent) -> None:
    """Planned again, unless the invoice's next outcome waits already: then that is what became of it."""
    later = (Attestation.invoice_id == one.outcome.invoice_id, Attestation.id > one.outcome.id, Attestation.state == "planned")
    state = "overtaken" if session.scalar(select(exists().where(*later))) else "planned"
    session.execute(_still(one).values(state=state, **UNSENT))


def _send_for_more(work: Work, one: Sent) -> bool:
    """Sign it again with the same nonce for an eighth more at least, as nodes ask (go-ethereum: a tenth)."""
    fee = max(one.call.fee_wei + one.call.fee_wei // 8 + 1, work.attester.fee_wei())
    signed = _signed(work, one.outcome, one.call.nonce, fee) if _affordable(work, fee) else None
    if signed is None or not work.runtime.work(lambda session: _store(session, _still(one), signed, work)):
        return False
    work.runtime.fault("attest: signed for more")
    work.counts["again"] += 1
    _broadcast(work, signed)
    return True


# ---- what is planned


def _send(work: Work, mined: int) -> None:
    with work.runtime.reading() as session:
        waiting = _waiting(session, work.source_id)
        in_flight, nonce = _in_flight(session, work.source_id, mined)
    fee = work.attester.fee_wei() if waiting and in_flight < IN_FLIGHT_MAX else None
    if fee is None or not _affordable(work, fee):
        return
    for outcome in waiting:
        if in_flight == IN_FLIGHT_MAX or len(work.troubles) >= REFUSALS_MAX:
            return
        if work.attester.is_written(outcome.claim_id, outcome.outcome, outcome.evidence_hash):
            work.runtime.work(partial(_final_if_read, source_id=work.source_id, outcome=outcome))
            continue
        signed = _signed(work, outcome, nonce, fee)
        if signed is None:
            continue
        work.runtime.fault("attest: signed")
        if not work.runtime.work(partial(_take, work=work, outcome=outcome, signed=signed)):
            return  # another worker sends; the next run goes on
        work.runtime.fault("attest: stored")
        work.counts["sent"] += 1
        in_flight, nonce = in_flight + 1, nonce + 1
        _broadcast(work, signed)


def _waiting(session: Session, source_id: int) -> list[Outcome]:
    """The planned ones, oldest first; none of an invoice of which another is on its way."""
    under_way = select(Attestation.invoice_id).where(Attestation.state == "sent")
    rows = _rows(source_id, "planned").where(Attestation.invoice_id.not_in(under_way))
    return [_plain(row, invoice) for row, invoice in session.execute(rows.order_by(Attestation.id).limit(2 * IN_FLIGHT_MAX))]


def _in_flight(session: Session, source_id: int, mined: int) -> tuple[int, int]:
    """How many are sent and not in a block, and the nonce of the next."""
    nonces = [_call(row).nonce for row, _ in session.execute(_rows(source_id, "sent"))]
    return sum(nonce >= mined for nonce in nonces), max([mined, *(nonce + 1 for nonce in nonces)])


def _take(session: Session, work: Work, outcome: Outcome, signed: Signed) -> bool:
    """Store the signed call; lost where another worker has taken the row.

    Two rows with one nonce would only cost time: one call is mined, and the other outcome gets the next nonce.
    """
    return _store(session, update(Attestation).where(Attestation.id == outcome.id, Attestation.state == "planned"), signed, work)


def _final_if_read(session: Session, source_id: int, outcome: Outcome) -> None:
    """The chain says it already (the database was restored): final where its log was read, else ingest will read it."""
    logs = select(func.count(ChainLog.id)).where(
        ChainLog.source_id == source_id,
        ChainLog.topics == decoders.SETTLEMENT_ATTESTED_TOPIC + bytes.fromhex(outcome.claim_id.removeprefix("0x")),
        ChainLog.data == OUTCOMES[outcome.outcome].to_bytes(32, "big") + outcome.evidence_hash,
        stands(),
    )
    if session.scalar(logs):
        mine = (Attestation.id == outcome.id, Attestation.state == "planned")
        session.execute(update(Attestation).where(*mine).values(state="final"))


# ---- both


def _signed(work: Work, outcome: Outcome, nonce: int, fee: int) -> Signed | None:
    try:
        return work.attester.signed(outcome.claim_id, outcome.outcome, outcome.evidence_hash, nonce=nonce, fee_wei=fee)
    except NotAccepted as refusal:
        what = f"the contract does not take the outcome of invoice {outcome.number} ({outcome.outcome}): {refusal}"
        then = f"give the settlement role to {work.attester.address}, and no other; nothing is lost meanwhile"
        work.troubles.append(("ATTEST_REFUSED", what, then))
        return None


def _affordable(work: Work, fee: int) -> bool:
    if fee <= work.rules.fee_gwei_max * GWEI:
        return True
    what = f"one gas costs {Decimal(fee) / GWEI:.3f} gwei now; source {work.settings.name} pays {work.rules.fee_gwei_max} at most"
    work.troubles.append(("ATTEST_TOO_DEAR", what, "outcomes wait until it is cheaper; or set attest.fee_gwei_max higher"))
    return False


def _broadcast(work: Work, call: Signed) -> None:
    try:
        work.attester.broadcast(call.raw, call.tx_hash)
    except NotAccepted as refusal:
        what = f"no node of source {work.settings.name} takes the signed call: {refusal}"
        then = f"see whether {work.attester.address} has the means to pay for it; the same call is sent again by every run"
        work.troubles.append(("ATTEST_NOT_TAKEN", what, then))


def _store(session: Session, statement: Update, signed: Signed, work: Work) -> bool:
    values = {"state": "sent", "nonce": signed.nonce, "fee_wei": signed.fee_wei, "tx_hash": signed.tx_hash}
    values |= {"raw_call": signed.raw, "sent_at": work.runtime.clock()}
    return session.execute(statement.values(values).returning(Attestation.id)).first() is not None


def _still(one: Sent) -> Update:
    """An UPDATE of the row, lost where another worker has moved it or signed it anew."""
    mine = (Attestation.id == one.outcome.id, Attestation.state == "sent", Attestation.tx_hash == one.call.tx_hash)
    return update(Attestation).where(*mine)


def _rows(source_id: int, *states: str) -> Select[Attestation, Invoice]:
    """The source's outcomes in these states, each with its invoice."""
    both = select(Attestation, Invoice).join(Invoice, Invoice.id == Attestation.invoice_id)
    return both.where(Invoice.source_id == source_id, Attestation.state.in_(states))


def _plain(row: Attestation, invoice: Invoice) -> Outcome:
    return Outcome(row.id, row.invoice_id, invoice.claim_id, invoice.number, row.outcome, row.evidence_hash)
