"""The heart: what news, from which state, to which state, with which posting. Pure.

Every pair of state and bank news is decided here: it moves, is ignored, is noted, waits, or is refused into a Break. A test walks
all pairs. Source: ARCHITECTURE.md, "The life of a Collection"; the scheme's R-transactions are EPC016-06 (Core) and EPC222-07
(B2B).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bridge.errors import IllegalMove

PATIENCE_DAYS = 5  # TARGET days: the longest time a return takes between banks (EPC016-06, Core: D+5)


class Verdict(StrEnum):
    MOVE = "move"  # to another state, or a posting in the same one
    IGNORE = "ignore"  # a repeat, or overtaken by what came later
    NOTE = "note"  # kept with its reason; becomes a Break if nothing follows
    WAIT = "wait"  # the line stays open until its counterpart arrives
    BREAK = "break"  # a person must look


@dataclass(frozen=True, slots=True)
class Decision:
    """What a piece of news does to a collection. ``kind`` names the Break, also one that is opened beside a move."""

    verdict: Verdict
    to_state: str | None = None
    kind: str | None = None


def _to(state: str) -> Decision:
    return Decision(Verdict.MOVE, state)


_IGNORE = Decision(Verdict.IGNORE)
_NOTE = Decision(Verdict.NOTE)
_WAIT = Decision(Verdict.WAIT)
_NOT_SENT = Decision(Verdict.WAIT, kind="NEVER_SENT")  # it may still leave, or a restored backup does not know that it did
_NEVER_SENT = Decision(Verdict.BREAK, kind="NEVER_SENT")
_OLD_FILE = Decision(Verdict.WAIT, kind="OLD_FILE")
_LATE = Decision(Verdict.MOVE, kind="LATE_CREDIT")
_LATE_DEBIT = Decision(Verdict.MOVE, kind="LATE_DEBIT")

#: as which the bank's news finds a debit that is batched in a file which left, while another file with it is at the bank
ELSEWHERE = "elsewhere"

#: What the bank says about a collection. Every state has a line for every news. A file that the bank names is proven to be there
#: before its news is heard: what finds a debit ``batched`` names no file, or one of two of which nobody knows which was uploaded.
BANK_NEWS: dict[str, dict[str, Decision]] = {
    # pain.002 ACTC, ACCP, ACSP ...: not money
    "accepted": {
        "pending": _NEVER_SENT,
        "held": _NEVER_SENT,
        "batched": _NOT_SENT,
        ELSEWHERE: _OLD_FILE,
        "submitted": _to("accepted"),
        "accepted": _IGNORE,
        "settled": _IGNORE,
        "cancelled": _NEVER_SENT,
        "rejected": _IGNORE,
        "returned": _IGNORE,
        "reversed": _IGNORE,
        "withdrawn": _IGNORE,
    },
    # pain.002 RJCT or CANC for the file it stands in
    "rejected": {
        "pending": _NEVER_SENT,
        "held": _NEVER_SENT,
        "batched": _NOT_SENT,
        ELSEWHERE: _OLD_FILE,
        "submitted": _to("rejected"),
        "accepted": _to("rejected"),
        "settled": _NOTE,  # some banks report a return by pain.002: its debit must follow
        "cancelled": _NEVER_SENT,
        "rejected": _IGNORE,
        "returned": _IGNORE,
        "reversed": _IGNORE,
        "withdrawn": _IGNORE,
    },
    # a credit of a camt.053 that names the collection
    "settled": {
        "pending": _NEVER_SENT,
        "held": _NEVER_SENT,
        "batched": _NOT_SENT,
        ELSEWHERE: _LATE,
        "submitted": _to("settled"),
        "accepted": _to("settled"),
        "settled": _LATE,
        "cancelled": _LATE,
        "rejected": _WAIT,  # some banks book a reject as credit and debit: Entry to Entry
        "returned": _LATE,
        "reversed": _LATE,
        "withdrawn": _WAIT,
    },
    # a debit of a camt.053 that names the collection and is a return
    "returned": {
        "pending": _NEVER_SENT,
        "held": _NEVER_SENT,
        "batched": _NOT_SENT,
        ELSEWHERE: _LATE_DEBIT,
        "submitted": _WAIT,  # a debit before its credit waits for it
        "accepted": _WAIT,
        "settled": _to("returned"),
        "cancelled": _LATE_DEBIT,  # of a late credit; beyond that a person
        "rejected": _WAIT,  # for the credit of the rejected member
        "returned": _LATE_DEBIT,
        "reversed": _LATE_DEBIT,
        "withdrawn": _WAIT,
    },
}

#: What we do ourselves, by a rule or by a person: from which states, to which.
OWN_NEWS: dict[str, tuple[tuple[str, ...], str]] = {
    "held": (("pending",), "held"),
    "released": (("held",), "pending"),
    "cancelled": (("pending", "held"), "cancelled"),
    "batched": (("pending",), "batched"),
    "unbatched": (("batched",), "pending"),
    "submitted": (("batched",), "submitted"),
    # a bank answer names its file, which nobody marked as uploaded; pending and held: the file had been discarded
    "proven": (("batched", "pending", "held"), "submitted"),
    "handover_undone": (("submitted",), "batched"),
    "withdrawn": (("submitted", "accepted"), "withdrawn"),
    "unsettled": (("settled",), "submitted"),
    "unreturned": (("returned",), "settled"),
    # the transfer that cancelled it was none; a person lets it go on
    "uncancelled": (("cancelled",), "held"),
}

#: news -> the news that takes it back
TAKEN_BACK_BY = {"settled": "unsettled", "returned": "unreturned", "cancelled": "uncancelled"}

#: What a collection's state means for its invoice.
INVOICE_OF = {
    "pending": "collecting",
    "held": "collecting",
    "batched": "collecting",
    "submitted": "collecting",
    "accepted": "collecting",
    "settled": "paid",
    "cancelled": "open",
    "rejected": "open",
    "returned": "open",
    "reversed": "held",
    "withdrawn": "open",
}

#: what its issuer or the chain said of an invoice for good: no news about a collection changes it
KEPT = ("cancelled", "orphaned")

INVOICE_NEWS: dict[str, tuple[tuple[str, ...], str]] = {
    "collecting": (("open",), "collecting"),
    "held": (("open",), "held"),
    "released": (("held",), "open"),
    "written_off": (("open", "held", "collecting"), "written_off"),  # collecting: its attempt was never sent
    "cancelled": (("open", "held", "collecting", "paid", "written_off"), "cancelled"),  # by its issuer, on chain
    "orphaned": (("open", "held", "collecting", "paid", "written_off"), "orphaned"),  # its log is on the chain no more
}

_OVER, _MONEY = ("open", "paid", "written_off"), ("open", "collecting", "paid", "written_off")
#: news after which an invoice follows what is on it -> the states that rules/debts may find then; one that is KEPT stays so
INVOICE_FOLLOWS: dict[str, tuple[str, ...]] = {
    "settled": ("paid",),
    **dict.fromkeys(("rejected", "returned", "withdrawn", "cancelled"), _OVER),  # its attempt is over
    **dict.fromkeys(
        ("late_credit", "late_debit", "transfer", "refund", "refund_bounced", "credit_used", "paid_on_chain"), _MONEY
    ),
    "undone": (*_MONEY, "held"),  # also what cancelled or orphaned it; one that a person held is held again
}

MANDATE_NEWS: dict[str, tuple[tuple[str, ...], str]] = {
    "printed": (("draft",), "signature_pending"),
    "signed": (("draft", "signature_pending"), "active"),
    "paused": (("active",), "paused"),
    "resumed": (("paused",), "active"),
    "revoked": (("draft", "signature_pending", "active", "paused"), "revoked"),
    "expired": (("active", "paused"), "expired"),  # 36 months without a debit presented (EPC016-06)
    "replaced": (("active", "paused"), "replaced"),  # by another mandate of the same debtor
    "spent": (("active", "paused"), "expired"),  # its FNAL was presented
}

BATCH_NEWS: dict[str, tuple[tuple[str, ...], str]] = {
    "approved": (("sealed",), "approved"),
    "unapproved": (("approved",), "sealed"),
    "exported": (("approved",), "exported"),
    "submitted": (("exported",), "submitted"),
    "answered": (("submitted",), "answered"),
    "booked": (("submitted", "answered"), "booked"),
    # custody adds: after the first export two people, and no bank news about it
    "discarded": (("sealed", "approved", "exported"), "discarded"),
    "proven": (("exported", "discarded"), "submitted"),
    "handover_undone": (("submitted",), "exported"),
    "relearned": (("sealed", "approved"), "exported"),
    "reopened": (("booked",), "answered"),
}

#: noun -> news by which we move it ourselves
NOUN_NEWS = {"collection": OWN_NEWS, "invoice": INVOICE_NEWS, "mandate": MANDATE_NEWS, "batch": BATCH_NEWS}

#: noun -> news of a new one -> the states in which it may begin
FIRST_NEWS: dict[str, dict[str, tuple[str, ...]]] = {
    "collection": {"opened": ("pending", "held")},
    "invoice": {"final": ("open",)},
    "mandate": dict.fromkeys(("imported", "added"), ("draft", "active", "paused")),
    "batch": {"sealed": ("sealed",), "relearned": ("exported",)},
}

#: fact -> (debit account, credit account); the subjects of each account are model.ledger.SUBJECTS
POSTINGS: dict[str, tuple[str, str]] = {
    "invoice final": ("Receivable", "Billed"),
    "invoice cancelled": ("Billed", "Receivable"),
    "invoice orphaned": ("Billed", "Receivable"),
    "paid on chain": ("Token", "Receivable"),
    "opening": ("Bank", "Opening"),
    "opening, overdrawn": ("Opening", "Bank"),
    "bank credit": ("Bank", "Suspense"),
    "bank debit": ("Suspense", "Bank"),
    "submitted": ("Clearing", "Receivable"),
    "rejected": ("Receivable", "Clearing"),
    "settled": ("Suspense", "Clearing"),
    "returned": ("Receivable", "Suspense"),
    "late credit": ("Suspense", "Receivable"),
    "late debit": ("Receivable", "Suspense"),
    "bank fee": ("Charges", "Suspense"),
    "bank fee given back": ("Suspense", "Charges"),
    "interchange": ("Interchange", "Suspense"),  # the debtor bank's charge, where the bank states it apart from its own
    "interchange given back": ("Suspense", "Interchange"),
    "line to line": ("Suspense", "Suspense"),
    "transfer": ("Suspense", "Receivable"),
    "refund": ("Receivable", "Suspense"),
    "refund bounced": ("Suspense", "Receivable"),
    "not ours": ("Suspense", "NotOurs"),
    "not ours, paid": ("NotOurs", "Suspense"),
    "withdrawn": ("Receivable", "Clearing"),
    "credit used": ("Receivable", "Receivable"),
    "written off": ("Loss", "Receivable"),
    "loss made good": ("Receivable", "Loss"),
}
#: what a person may take back: the opposite of the whole voucher, as a fact of its own
UNDOABLE = (
    "submitted", "settled", "returned", "late credit", "late debit", "bank fee", "bank fee given back", "interchange",
    "interchange given back", "line to line",
    "transfer", "refund", "refund bounced", "not ours", "not ours, paid", "credit used", "loss made good",
    "invoice cancelled", "invoice orphaned", "paid on chain",
)  # fmt: skip
POSTINGS |= {f"{fact} undone": (credit, debit) for fact in UNDOABLE for debit, credit in [POSTINGS[fact]]}


def hear(state: str, news: str) -> Decision:
    """What a bank's ``news`` does to a collection in ``state`` (or ELSEWHERE). The table is total; an unknown word is a bug."""
    return BANK_NEWS[news][state]


def invoice_after(before: str, collection_state: str) -> str:
    """The state of an invoice that was ``before``, once its collection is in this state."""
    return before if before in KEPT else INVOICE_OF[collection_state]


def step(noun: str, what: str, state: str, news: str) -> str:
    """The state after our own ``news``. Raises IllegalMove naming ``what`` (the thing's own name), state and news."""
    sources, target = NOUN_NEWS[noun][news]
    if state not in sources:
        raise IllegalMove(f"{what} is {state}; only one that is {' or '.join(sources)} can be {news}")
    return target


def allows(noun: str, from_state: str | None, to_state: str, news: str) -> bool:
    """Whether a stored move of ``noun`` is one that the tables know: our own, the bank's, or an invoice that follows.

    ``from_state`` is None for the first one. A word that no table knows is no bug here, but a row that no code of ours wrote.
    """
    if from_state is None:
        return to_state in FIRST_NEWS[noun].get(news, ())
    sources, target = NOUN_NEWS[noun].get(news, ((), ""))
    if from_state in sources and to_state == target:
        return True
    if noun == "collection":
        heard = BANK_NEWS.get(news, {}).get(from_state)
        return heard is not None and heard.to_state == to_state
    return noun == "invoice" and to_state in INVOICE_FOLLOWS.get(news, ()) and (from_state not in KEPT or news == "undone")
