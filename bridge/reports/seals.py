"""The voucher chain, computed anew from the rows: whole or not, what is wrong where, and the head to note elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from bridge import voucher_chain
from bridge.model import Audit, Voucher
from bridge.rules.links import NOTHING_BEFORE

#: a unit of work that was open while the last seal was made may have booked an earlier time than it committed
OPEN_MINUTES_MAX = 60
COVERED: dict[str, voucher_chain.Covered] = {"voucher": Voucher, "act": Audit}


@dataclass(frozen=True, slots=True)
class Chain:
    """What was found. ``head_known`` answers whether the hash that was asked for is a link; None where none was."""

    ok: bool
    links: int
    not_sealed_yet: int
    number: int
    head: str
    head_known: bool | None
    problems: list[str]


def verify(session: Session, head: str | None = None) -> Chain:
    """Recompute every link from number 1. ``head`` is one that was noted earlier: it must be a link still."""
    problems, hashes, last, count = [], set(), None, 0
    for link, wrong in _walk(session):
        problems += wrong
        count, last = count + 1, link
        if link.hash == head:
            hashes.add(head)
    problems += _left_out(session, last)
    known = None if head is None else head in hashes
    if known is False:
        problems.append(f"head {head} was noted earlier, and no link has it now: links were cut off or made anew")
    return Chain(
        ok=not problems,
        links=count,
        not_sealed_yet=sum(voucher_chain.waiting(session, noun) for noun in COVERED.values()),
        number=last.number if last else 0,
        head=last.hash if last else NOTHING_BEFORE,
        head_known=known,
        problems=problems,
    )


def _walk(session: Session) -> Iterator[tuple[voucher_chain.Link, list[str]]]:
    """Every link with what is wrong with it. A link that is wrong is named once: the next is compared with what stands there."""
    before, expected = NOTHING_BEFORE, 1
    for link in voucher_chain.links(session):
        wrong = []
        if link.number != expected:
            wrong.append(
                f"link {expected} is missing" + (f", and so on to {link.number - 1}" if link.number > expected + 1 else "")
            )
        if link.prev_hash != before:
            wrong.append(f"link {link.number} does not follow the link before it")
        if link.gone:
            wrong.append(f"link {link.number} covers {link.covers}, which is gone")
        elif link.recomputed != link.hash:
            wrong.append(f"link {link.number}: {_named(link)} or the link are not what was sealed")
        yield link, wrong
        before, expected = link.hash, link.number + 1


def _named(link: voucher_chain.Link) -> str:
    return link.covers if link.voucher is None else f"voucher {link.voucher['idem_key']}, its postings"


def _left_out(session: Session, last: voucher_chain.Link | None) -> list[str]:
    """Vouchers and acts that the last run of the sealer must have found, by their time, and that have no link."""
    if last is None:
        return []
    latest = last.sealed_at - timedelta(minutes=OPEN_MINUTES_MAX)
    counts = {word: voucher_chain.waiting(session, noun, latest) for word, noun in COVERED.items()}
    return [
        f"{n} {word}(s) older than link {last.number} have no link; 'bridge run' seals them" for word, n in counts.items() if n
    ]
