"""The second computation: every balance and every invoice's parts from what really happened, and nothing else.

Standard library only, and of the tests only ``truth``. What is compared with it is read from the rows by plain SQL. Accounts,
their sides and the order of the parts are those of ARCHITECTURE.md, "Postings", written here a second time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.year.truth import Event, Place, Truth, invoice_of

Subject = tuple[str, str]  # ledger account, and whom it is about
OWED = ("held", "returned_open", "open")  # three words for what is open; here it is one sum

BOTH_SIDES = """
SELECT account, subject, SUM(cents) FROM (
    SELECT debit_account AS account, debit_subject AS subject, amount_cents AS cents FROM posting
    UNION ALL SELECT credit_account, credit_subject, -amount_cents FROM posting
) AS sides GROUP BY account, subject HAVING SUM(cents) <> 0
"""
NAMES = {
    "account": "SELECT id, name FROM account",
    "invoice": "SELECT id, number FROM invoice",
    "collection": "SELECT id, end_to_end_id FROM collection",
    "entry": """SELECT entry.id, account.name || ' ' || entry.booked_on || ' ' || entry.bank_ref FROM entry
                JOIN statement ON statement.id = entry.statement_id JOIN account ON account.id = statement.account_id""",
}
ABOUT = {
    "Bank": "account", "Opening": "account", "Billed": "invoice", "Receivable": "invoice", "Loss": "invoice", "Token": "invoice",
    "Clearing": "collection", "Suspense": "entry", "Charges": "entry", "Interchange": "entry", "NotOurs": "entry",
}  # fmt: skip


@dataclass(slots=True)
class Second:
    """The balances after all events that were heard. ``books``: debits less credits, by account and subject."""

    books: Counter[Subject] = field(default_factory=Counter)
    debits: dict[str, str] = field(default_factory=dict)  # EndToEndId -> sent, rejected, withdrawn, credited, back
    amounts: dict[str, int] = field(default_factory=dict)  # EndToEndId -> cents
    billed: dict[str, int] = field(default_factory=dict)
    taken_back: Counter[str] = field(default_factory=Counter)
    by_debit: Counter[str] = field(default_factory=Counter)  # invoice -> what direct debits brought
    by_transfer: Counter[str] = field(default_factory=Counter)  # invoice -> what transfers and credit brought
    waiting: dict[str, Place] = field(default_factory=dict)  # rejected debit -> the line that credits it all the same
    heard: int = 0

    def hear(self, truth: Truth) -> None:
        """Hear what happened since the last time."""
        for event in truth.since(self.heard):
            HEARING[event.what](self, event)
            self.heard += 1

    def receivable(self, invoice: str) -> int:
        """What is open of an invoice; below zero it is the customer's, or a debit is under way."""
        return self.books["Receivable", invoice]

    def in_flight(self, invoice: str) -> int:
        """What is at the bank for an invoice."""
        return sum(self.amounts[debit] for debit in self._of(invoice) if self.debits[debit] == "sent")

    def loss(self, invoice: str) -> int:
        return self.books["Loss", invoice]

    def money(self, invoice: str) -> int:
        """What came for an invoice, less what went back."""
        return self.by_debit[invoice] + self.by_transfer[invoice]

    def credit(self, invoice: str) -> int:
        """What the customer paid beyond what is billed: all that may be refunded, or used for another invoice."""
        return max(0, self.money(invoice) - self.billed[invoice] + self.taken_back[invoice])

    def open_of(self, line: Place) -> int:
        """What of a bank line nobody has explained yet, signed as the line."""
        return -self.books["Suspense", " ".join(line)]

    def parts(self, invoice: str) -> dict[str, int]:
        """An invoice's amount over its parts; the three kinds of open as one sum."""
        rest = self.billed[invoice] - self.taken_back[invoice]
        money = max(0, min(self.money(invoice), rest))
        found = {"cancelled": self.taken_back[invoice]}
        for part, cents in (("paid_direct_debit", self.by_debit[invoice]), ("paid_transfer", self.by_transfer[invoice])):
            found[part] = max(0, min(cents, money))
            money -= found[part]
            rest -= found[part]
        found["in_flight"] = min(self.in_flight(invoice), rest)
        found["written_off"] = min(self.loss(invoice), rest - found["in_flight"])
        found["owed"] = rest - found["in_flight"] - found["written_off"]
        return {part: cents for part, cents in found.items() if cents}

    def balances(self) -> dict[Subject, int]:
        """Every balance that is not zero."""
        return {subject: cents for subject, cents in self.books.items() if cents}

    def _of(self, invoice: str) -> Iterator[str]:
        number = 1
        while f"{invoice}-{number}" in self.debits or number == 1:
            if f"{invoice}-{number}" in self.debits:
                yield f"{invoice}-{number}"
            number += 1

    def _move(self, debit: Subject, credit: Subject, cents: int) -> None:
        """So many cents from the credit to the debit account; below zero the other way round."""
        self.books[debit] += cents
        self.books[credit] -= cents
        for account, subject in (debit, credit):
            if account == "Receivable":
                self._make_good(subject)

    def _make_good(self, invoice: str) -> None:
        """What takes a written-off invoice below zero makes the loss good."""
        owed = self.books["Receivable", invoice] + self.in_flight(invoice)
        good = min(-owed, self.books["Loss", invoice])
        if good > 0:
            self.books["Receivable", invoice] += good
            self.books["Loss", invoice] -= good

    def _billed(self, event: Event) -> None:
        self.billed[event.invoice] = event.cents
        self._move(("Receivable", event.invoice), ("Billed", event.invoice), event.cents)

    def _cancelled(self, event: Event) -> None:
        cents = self.billed[event.invoice] - self.taken_back[event.invoice]
        self.taken_back[event.invoice] += cents
        self._move(("Billed", event.invoice), ("Receivable", event.invoice), cents)

    def _sent(self, event: Event) -> None:
        self.debits[event.debit], self.amounts[event.debit] = "sent", event.cents
        self._move(("Clearing", event.debit), ("Receivable", invoice_of(event.debit)), event.cents)

    def _failed(self, event: Event) -> None:
        """Rejected or withdrawn before it was credited. Where the bank credits it all the same its line waits for the debit."""
        self.debits[event.debit] = event.what
        self._move(("Receivable", invoice_of(event.debit)), ("Clearing", event.debit), self.amounts[event.debit])

    def _opened(self, event: Event) -> None:
        self._move(("Bank", event.account), ("Opening", event.account), event.cents)

    def _booked(self, event: Event) -> None:
        line = " ".join(event.line)
        self._move(("Bank", event.line[0]), ("Suspense", line), event.cents)
        self._move(("Interchange", line), ("Suspense", line), event.interchange_cents)
        self._move(("Charges", line), ("Suspense", line), event.fee_cents - event.interchange_cents)
        for part in event.parts:
            self._part(event.line, part.debit, part.cents)

    def _part(self, place: Place, debit: str, cents: int) -> None:
        line, invoice, state = ("Suspense", " ".join(place)), invoice_of(debit), self.debits[debit]
        if state in ("rejected", "withdrawn"):
            if cents > 0:
                self.waiting[debit] = place
            else:
                self._move(("Suspense", " ".join(self.waiting.pop(debit))), line, -cents)
        elif cents > 0:
            self.debits[debit] = "credited"
            self.by_debit[invoice] += cents
            self._move(line, ("Clearing", debit), cents)
        else:
            self.debits[debit] = "back"
            self.by_debit[invoice] += cents
            self._move(("Receivable", invoice), line, -cents)

    def _transfer(self, event: Event) -> None:
        """The customer's own payment, or (below zero) what went back to him."""
        cents = -event.cents if event.undone else event.cents
        self.by_transfer[event.invoice] += cents
        self._move(("Suspense", " ".join(event.line)), ("Receivable", event.invoice), cents)

    def _not_ours(self, event: Event) -> None:
        cents, line = -event.cents if event.undone else event.cents, " ".join(event.line)
        self._move(("Suspense", line), ("NotOurs", line), cents)

    def _taken_off(self, event: Event) -> None:
        cents = -event.cents if event.undone else event.cents
        self._move(("Suspense", " ".join(event.line)), ("Suspense", " ".join(event.counterpart)), cents)

    def _credit_used(self, event: Event) -> None:
        self.by_transfer[event.invoice] -= event.cents
        self.by_transfer[event.other] += event.cents
        self._move(("Receivable", event.invoice), ("Receivable", event.other), event.cents)

    def _written_off(self, event: Event) -> None:
        self._move(("Loss", event.invoice), ("Receivable", event.invoice), self.receivable(event.invoice))


HEARING: dict[str, Callable[[Second, Event], None]] = {
    "billed": Second._billed,
    "cancelled": Second._cancelled,
    "sent": Second._sent,
    "rejected": Second._failed,
    "withdrawn": Second._failed,
    "opened": Second._opened,
    "booked": Second._booked,
    "transfer": Second._transfer,
    "refund": Second._transfer,
    "not ours": Second._not_ours,
    "taken off": Second._taken_off,
    "credit used": Second._credit_used,
    "written off": Second._written_off,
}


def read_books(rows: Callable[[str], Iterable[Any]]) -> dict[Subject, int]:
    """What the posting table says, by account and the subject's name. ``rows`` runs one statement of SQL."""
    names = {noun: {row_id: name for row_id, name in rows(statement)} for noun, statement in NAMES.items()}
    found: dict[Subject, int] = defaultdict(int)
    for account, subject, cents in rows(BOTH_SIDES):
        found[account, names[ABOUT[account]].get(subject, f"{ABOUT[account]} {subject}")] += int(cents)
    return dict(found)


def differences(books: dict[Subject, int], second: Second) -> list[str]:
    """Every balance of which the books and the second computation say different things, in words."""
    mine = second.balances()
    both = {subject: (books.get(subject, 0), mine.get(subject, 0)) for subject in sorted({*books, *mine})}
    return [
        f"{account} of {name}: the books hold {held}, what happened makes {made}"
        for (account, name), (held, made) in both.items()
        if held != made
    ]


def differing_parts(reported: dict[str, Counter[str]], second: Second) -> list[str]:
    """The invoices whose reported parts are others than those that follow from what happened."""
    found = []
    for invoice in sorted({*reported, *second.billed}):
        told = {part: cents for part, cents in reported.get(invoice, Counter()).items() if cents and part not in OWED}
        owed = sum(reported.get(invoice, Counter())[part] for part in OWED)
        told |= {"owed": owed} if owed else {}
        if told != second.parts(invoice):
            found.append(f"parts of {invoice}: reported {told}, what happened makes {second.parts(invoice)}")
    return found
