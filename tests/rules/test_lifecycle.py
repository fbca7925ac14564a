"""The table of news and states, pair by pair, against ARCHITECTURE.md, "The life of a Collection"."""

from __future__ import annotations

import pytest

from bridge.errors import IllegalMove
from bridge.model.batch import BATCH_STATES
from bridge.model.collection import FINAL_STATES, LIVE_STATES
from bridge.model.invoice import INVOICE_STATES
from bridge.model.ledger import SUBJECTS
from bridge.model.mandate import MANDATE_STATES
from bridge.rules import debts, lifecycle
from bridge.rules.lifecycle import BANK_NEWS, ELSEWHERE, INVOICE_OF, OWN_NEWS, POSTINGS, Verdict

STATES = (*LIVE_STATES, *FINAL_STATES)
#: what each state does on hearing: accepted, rejected, a credit (settled), a debit (returned)
TABLE = """
pending     break:NEVER_SENT           break:NEVER_SENT           break:NEVER_SENT           break:NEVER_SENT
held        break:NEVER_SENT           break:NEVER_SENT           break:NEVER_SENT           break:NEVER_SENT
batched     wait:NEVER_SENT            wait:NEVER_SENT            wait:NEVER_SENT            wait:NEVER_SENT
elsewhere   wait:OLD_FILE              wait:OLD_FILE              stay:LATE_CREDIT           stay:LATE_DEBIT
submitted   ->accepted                 ->rejected                 ->settled                  wait
accepted    ignore                     ->rejected                 ->settled                  wait
settled     ignore                     note                       stay:LATE_CREDIT           ->returned
cancelled   break:NEVER_SENT           break:NEVER_SENT           stay:LATE_CREDIT           stay:LATE_DEBIT
rejected    ignore                     ignore                     wait                       wait
returned    ignore                     ignore                     stay:LATE_CREDIT           stay:LATE_DEBIT
reversed    ignore                     ignore                     stay:LATE_CREDIT           stay:LATE_DEBIT
withdrawn   ignore                     ignore                     wait                       wait
"""
NEWS = ("accepted", "rejected", "settled", "returned")
PAIRS = [
    (news, row.split()[0], row.split()[1 + column]) for row in TABLE.strip().splitlines() for column, news in enumerate(NEWS)
]


@pytest.mark.parametrize(("news", "state", "expected"), PAIRS)
def test_every_pair(news: str, state: str, expected: str) -> None:
    """Each state does on each news what the architecture says."""
    decision = lifecycle.hear(state, news)

    if decision.to_state is not None:
        said = f"->{decision.to_state}"
    else:
        word = "stay" if decision.verdict is Verdict.MOVE else decision.verdict.value
        said = f"{word}:{decision.kind}" if decision.kind else word
    assert said == expected


def test_the_table_is_total() -> None:
    """No news and no state is missing, and none is there that does not exist."""
    found = (*STATES, ELSEWHERE)
    assert {(news, state) for news, state, _ in PAIRS} == {(news, state) for news in BANK_NEWS for state in found}
    assert all(set(row) == set(found) for row in BANK_NEWS.values())
    assert set(INVOICE_OF) == set(STATES)
    assert set(INVOICE_OF.values()) <= set(INVOICE_STATES)


def test_what_a_state_means_for_the_invoice() -> None:
    """Every state of a collection, and the state its invoice is in by it."""
    assert {
        **dict.fromkeys(("pending", "held", "batched", "submitted", "accepted"), "collecting"),
        **dict.fromkeys(("cancelled", "rejected", "returned", "withdrawn"), "open"),
        "settled": "paid",
        "reversed": "held",
    } == INVOICE_OF


@pytest.mark.parametrize(("before", "after"), [("collecting", "paid"), ("cancelled", "cancelled"), ("orphaned", "orphaned")])
def test_what_was_taken_back_stays_so(before: str, after: str) -> None:
    """A debit that is credited makes its invoice paid, but not one that its issuer or the chain took back."""
    assert lifecycle.invoice_after(before, "settled") == after


def test_what_takes_news_back() -> None:
    """A settlement, a return and a cancellation each have the news that undoes them, and nothing else has."""
    assert lifecycle.TAKEN_BACK_BY == {"settled": "unsettled", "returned": "unreturned", "cancelled": "uncancelled"}


def test_unknown_news_is_a_bug() -> None:
    """A word that is not in the table is an error, never a default."""
    with pytest.raises(KeyError):
        lifecycle.hear("submitted", "misheard")
    with pytest.raises(KeyError):
        lifecycle.hear("somewhere", "settled")


def test_no_news_of_the_bank_leaves_a_final_state() -> None:
    """A final collection never reopens: trying again is a new collection."""
    assert [(n, s) for n, row in BANK_NEWS.items() for s, d in row.items() if s in FINAL_STATES and d.to_state] == []


LEGAL: dict[str, dict[str, tuple[str, ...]]] = {
    "collection": {
        "held": ("pending>held",),
        "released": ("held>pending",),
        "cancelled": ("pending>cancelled", "held>cancelled"),
        "batched": ("pending>batched",),
        "unbatched": ("batched>pending",),
        "submitted": ("batched>submitted",),
        "proven": ("batched>submitted", "pending>submitted", "held>submitted"),
        "handover_undone": ("submitted>batched",),
        "withdrawn": ("submitted>withdrawn", "accepted>withdrawn"),
        "unsettled": ("settled>submitted",),
        "unreturned": ("returned>settled",),
        "uncancelled": ("cancelled>held",),
    },
    "invoice": {
        "collecting": ("open>collecting",),
        "held": ("open>held",),
        "released": ("held>open",),
        "written_off": ("open>written_off", "held>written_off", "collecting>written_off"),
        "cancelled": tuple(f"{state}>cancelled" for state in ("open", "held", "collecting", "paid", "written_off")),
        "orphaned": tuple(f"{state}>orphaned" for state in ("open", "held", "collecting", "paid", "written_off")),
    },
    "mandate": {
        "paused": ("active>paused",),
        "resumed": ("paused>active",),
        "revoked": ("draft>revoked", "signature_pending>revoked", "active>revoked", "paused>revoked"),
        "printed": ("draft>signature_pending",),
        "signed": ("draft>active", "signature_pending>active"),
        "expired": ("active>expired", "paused>expired"),
        "spent": ("active>expired", "paused>expired"),
        "replaced": ("active>replaced", "paused>replaced"),
    },
    "batch": {
        "approved": ("sealed>approved",),
        "unapproved": ("approved>sealed",),
        "exported": ("approved>exported",),
        "submitted": ("exported>submitted",),
        "answered": ("submitted>answered",),
        "booked": ("submitted>booked", "answered>booked"),
        "discarded": ("sealed>discarded", "approved>discarded", "exported>discarded"),
        "proven": ("exported>submitted", "discarded>submitted"),
        "handover_undone": ("submitted>exported",),
        "relearned": ("sealed>exported", "approved>exported"),
        "reopened": ("booked>answered",),
    },
}
OF_NOUN: dict[str, tuple[str, ...]] = {
    "collection": STATES,
    "invoice": INVOICE_STATES,
    "mandate": MANDATE_STATES,
    "batch": BATCH_STATES,
}
OWN_PAIRS = [(noun, news, state) for noun, table in LEGAL.items() for news in table for state in OF_NOUN[noun]]


@pytest.mark.parametrize(("noun", "news", "state"), OWN_PAIRS)
def test_what_we_do_ourselves(noun: str, news: str, state: str) -> None:
    """Each of our own moves starts where it may; anywhere else it is refused, and the refusal names both ends."""
    targets = [pair.split(">")[1] for pair in LEGAL[noun][news] if pair.split(">")[0] == state]

    if targets:
        assert lifecycle.step(noun, "INV-7-1", state, news) == targets[0]
    else:
        with pytest.raises(IllegalMove) as refusal:
            lifecycle.step(noun, "INV-7-1", state, news)
        assert f"INV-7-1 is {state}" in str(refusal.value)
        assert str(refusal.value).endswith(f"can be {news}")


def test_no_own_move_is_left_out() -> None:
    """The lists above hold every own move there is."""
    known: dict[str, dict[str, tuple[tuple[str, ...], str]]] = {
        "collection": OWN_NEWS,
        "invoice": lifecycle.INVOICE_NEWS,
        "mandate": lifecycle.MANDATE_NEWS,
        "batch": lifecycle.BATCH_NEWS,
    }
    assert {noun: set(table) for noun, table in known.items()} == {noun: set(table) for noun, table in LEGAL.items()}


#: beyond those above and the arrows of TABLE: how each noun begins, and where an invoice goes with what is on it
BEGINS = {
    "collection": {"opened": ("pending", "held")},
    "invoice": {"final": ("open",)},
    "mandate": {"imported": ("draft", "active", "paused"), "added": ("draft", "active", "paused")},
    "batch": {"sealed": ("sealed",), "relearned": ("exported",)},
}
GOES_WITH: dict[str, str] = {
    "settled": "paid",
    **dict.fromkeys(("rejected", "returned", "withdrawn", "cancelled"), "open paid written_off"),
    **dict.fromkeys(
        ("late_credit", "late_debit", "transfer", "refund", "refund_bounced", "credit_used", "paid_on_chain"),
        "open collecting paid written_off",
    ),
    "undone": "open collecting paid written_off held",
}
FOR_GOOD = ("cancelled", "orphaned")


def _legal(noun: str) -> set[tuple[str | None, str, str]]:
    """Every move of a noun as (from, to, news), by the lists of this file."""
    found: set[tuple[str | None, str, str]] = {(None, to, news) for news, states in BEGINS[noun].items() for to in states}
    found |= {(*pair.split(">"), news) for news, pairs in LEGAL[noun].items() for pair in pairs}  # type: ignore[misc]
    if noun == "collection":
        found |= {(state, said[2:], news) for news, state, said in PAIRS if said.startswith("->")}
    if noun == "invoice":
        goes = [(state, to, news) for news, targets in GOES_WITH.items() for to in targets.split() for state in INVOICE_STATES]
        found |= {(state, to, news) for state, to, news in goes if state not in FOR_GOOD or news == "undone"}
    return found


@pytest.mark.parametrize("noun", LEGAL)
def test_which_stored_moves_are_allowed(noun: str) -> None:
    """Of all moves between all states, by all news there is and one that there is not, those of the lists and no other."""
    said = {news for of_noun in LEGAL for _, _, news in _legal(of_noun)} | {"misheard"}
    states = OF_NOUN[noun]

    allowed = {
        (before, after, news)
        for before in (None, *states)
        for after in states
        for news in said
        if lifecycle.allows(noun, before, after, news)
    }
    assert allowed == _legal(noun)


def test_where_an_invoice_goes_with_what_is_on_it() -> None:
    """No state that rules/debts finds is missing from the moves that are allowed after money came or went, or was taken back."""
    lives = (None, *LIVE_STATES)
    found = {
        debts.state_after(was, live, owed, lost) for was in INVOICE_STATES for live in lives for owed in (0, 1) for lost in (0, 1)
    }

    assert found - set(FOR_GOOD) == set(GOES_WITH["undone"].split())
    ended = {debts.state_after("collecting", None, owed, lost) for owed in (0, 1) for lost in (0, 1)}
    assert ended == set(GOES_WITH["returned"].split())


def test_postings_are_those_of_the_page() -> None:
    """Each fact's debit and credit, as ARCHITECTURE.md lists them; every account has a subject."""
    facts = {fact: pair for fact, pair in POSTINGS.items() if not fact.endswith(" undone")}
    assert facts == {
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
        "interchange": ("Interchange", "Suspense"),
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
    assert {account for pair in POSTINGS.values() for account in pair} <= set(SUBJECTS)


def test_no_bank_line_is_booked_to_revenue() -> None:
    """What the chain says of an invoice alone touches Billed; whatever a bank line is, it has an account of its own kind."""
    assert {fact.removesuffix(" undone") for fact, pair in POSTINGS.items() if "Billed" in pair} == {
        "invoice final",
        "invoice cancelled",
        "invoice orphaned",
    }


def test_what_is_undone_is_the_opposite() -> None:
    """A hand-over, what explains a bank line and what the chain may take back: debit for credit; what the bank booked never."""
    undone = {fact.removesuffix(" undone"): pair for fact, pair in POSTINGS.items() if fact.endswith(" undone")}

    assert undone == {fact: (POSTINGS[fact][1], POSTINGS[fact][0]) for fact in undone}
    never = {
        "invoice final",
        "opening",
        "opening, overdrawn",
        "bank credit",
        "bank debit",
        "rejected",
        "withdrawn",
        "written off",
    }
    assert set(undone) == {fact for fact in POSTINGS if not fact.endswith(" undone")} - never
