"""The chain over all vouchers and acts: appended by one sealer after the fact, read again by whoever verifies.

Numbers drawn inside the commits of the vouchers would serialise every worker; so a voucher is sealed some time after it was
booked, and an act after it was noted, in whatever order they are found. From then on nothing of it can be changed, taken out or
put in between without the hash of every later link being another. Whoever rewrites all of them is found by who noted an earlier
head elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Select, exists, func, insert, select, text
from sqlalchemy.orm import Session

from bridge.model import Audit, Posting, Voucher, VoucherSeal
from bridge.rules.links import NOTHING_BEFORE, act_hash, link_hash
from bridge.runtime import Runtime

IN_ONE_UNIT = 500
ROWS_AT_ONCE = 1_000
#: a run looks for at most so many; the next one goes on
AT_MOST = 100_000
#: held by the one who appends, on PostgreSQL; any number that nobody else uses
SEALER = 0x5DD_C4A1
Covered = type[Voucher] | type[Audit]


@dataclass(frozen=True, slots=True)
class Head:
    """The last link: what to note elsewhere."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it stands in the database, with what it should cover; ``voucher`` and ``act`` are None where that is gone."""

    number: int
    voucher_id: int | None
    audit_id: int | None
    prev_hash: str
    hash: str
    sealed_at: datetime
    voucher: dict[str, Any] | None
    postings: list[dict[str, Any]]
    act: dict[str, Any] | None

    @property
    def gone(self) -> bool:
        """Whether what it covers is not there any more."""
        return self.voucher is None and self.act is None

    @property
    def covers(self) -> str:
        """What it covers, by its row: "voucher 7" or "act 7"."""
        return f"voucher {self.voucher_id}" if self.voucher_id is not None else f"act {self.audit_id}"

    @property
    def recomputed(self) -> str:
        place: dict[str, Any] = {"number": self.number, "sealed_at": self.sealed_at}
        if self.act is not None:
            return act_hash(self.prev_hash, **place, act=self.act)
        return link_hash(self.prev_hash, **place, voucher=self.voucher or {}, postings=self.postings)


def unsealed(session: Session, noun: Covered) -> list[int]:
    """Ids of the vouchers, or of the acts, that no link covers yet, in their order; AT_MOST of them."""
    return list(session.scalars(_unsealed(noun, noun.id).order_by(noun.id).limit(AT_MOST)))


def head(session: Session, known_at: datetime | None = None) -> Head | None:
    """The last link, or the last one that was there at a time."""
    last = select(VoucherSeal.number, VoucherSeal.hash).order_by(VoucherSeal.number.desc()).limit(1)
    if known_at is not None:
        last = last.where(VoucherSeal.recorded_at <= known_at)
    found = session.execute(last).first()
    return Head(found.number, found.hash) if found else None


def append(session: Session, runtime: Runtime, noun: Covered, ids: Sequence[int]) -> int:
    """Append a link for each of these that has none yet; returns how many. None where another one is appending just now."""
    if not _alone(session):
        return 0
    wanted = list(session.scalars(_unsealed(noun, noun.id).where(noun.id.in_(ids)).order_by(noun.id)))
    found = {row["id"]: dict(row) for row in session.execute(_columns(noun).where(noun.id.in_(wanted))).mappings()}
    postings = _postings(session, wanted) if noun is Voucher else {}
    last, at = head(session), runtime.clock()
    number, before = (last.number, last.hash) if last else (0, NOTHING_BEFORE)
    links = []
    for one in wanted:
        number += 1
        place: dict[str, Any] = {"number": number, "sealed_at": at}
        if noun is Voucher:
            made = link_hash(before, **place, voucher=found[one], postings=postings.get(one, []))
        else:
            made = act_hash(before, **place, act=found[one])
        covered = {"voucher_id": None, "audit_id": None} | {f"{noun.__tablename__}_id": one}
        links.append({"number": number, **covered, "prev_hash": before, "hash": made, "recorded_at": at})
        before = made
    if links:
        session.execute(insert(VoucherSeal), links)
    return len(links)


def _postings(session: Session, voucher_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Of each of these vouchers, in their order."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    in_order = _columns(Posting).where(Posting.voucher_id.in_(voucher_ids)).order_by(Posting.voucher_id, Posting.ordinal)
    for row in session.execute(in_order).mappings():
        found[row["voucher_id"]].append(dict(row))
    return found


def links(session: Session) -> Iterator[Link]:
    """Every link by its number, with its voucher and postings, or its act, as they are now; a stream."""
    tables = {"s_": VoucherSeal.__table__.c, "v_": Voucher.__table__.c, "p_": Posting.__table__.c, "a_": Audit.__table__.c}
    columns = [column.label(f"{prefix}{column.name}") for prefix, table in tables.items() for column in table]
    rows = session.execute(
        select(*columns)
        .select_from(VoucherSeal)
        .outerjoin(Voucher, Voucher.id == VoucherSeal.voucher_id)
        .outerjoin(Posting, Posting.voucher_id == VoucherSeal.voucher_id)
        .outerjoin(Audit, Audit.id == VoucherSeal.audit_id)
        .order_by(VoucherSeal.number, Posting.ordinal)
        .execution_options(yield_per=ROWS_AT_ONCE)
    )
    for _, group in groupby(rows, key=attrgetter("s_number")):
        found = [row._mapping for row in group]  # noqa: SLF001 - SQLAlchemy's own name for a row's columns
        first = found[0]
        yield Link(
            number=first["s_number"],
            voucher_id=first["s_voucher_id"],
            audit_id=first["s_audit_id"],
            prev_hash=first["s_prev_hash"],
            hash=first["s_hash"],
            sealed_at=first["s_recorded_at"],
            voucher=_part(first, "v_") if first["v_id"] is not None else None,
            postings=[_part(row, "p_") for row in found if row["p_voucher_id"] is not None],
            act=_part(first, "a_") if first["a_id"] is not None else None,
        )


def waiting(session: Session, noun: Covered, recorded_before: datetime | None = None) -> int:
    """How many vouchers, or acts, no link covers; those recorded before a time, if given."""
    counted = _unsealed(noun, func.count())
    if recorded_before is not None:
        counted = counted.where(noun.recorded_at < recorded_before)
    return session.scalar(counted) or 0


def _unsealed(noun: Covered, what: Any) -> Select[Any]:
    link = VoucherSeal.voucher_id if noun is Voucher else VoucherSeal.audit_id
    return select(what).select_from(noun).where(~exists().where(link == noun.id))


def _columns(noun: Covered | type[Posting]) -> Select[Any]:
    return select(*noun.__table__.c)


def _part(row: Any, prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix)}


def _alone(session: Session) -> bool:
    """Whether nobody else appends until this unit of work ends. SQLite has one writer anyway."""
    if session.get_bind().dialect.name != "postgresql":
        return True
    return bool(session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": SEALER}))
