"""What people do day by day: mark uploads, explain lines, refund, retry, repair mandates, write off. Drawn from the seed.

They know what a line really is, because the simulator does; what they say goes through the product's own acts, and is written
down as truth only where the act took it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from sqlalchemy import text

from bridge.acts import (
    accept,
    amend_mandate,
    hold,
    ignore,
    import_mandates,
    mandates,
    retry,
    split,
    undo,
    use_credit,
    withdraw,
    write_off,
)
from bridge.errors import BridgeError, NotAllowed
from bridge.explaining.by_hand import Named
from tests.worlds import World
from tests.year.bank import Bank, Unclear
from tests.year.business import Business, Debtor
from tests.year.second import Second
from tests.year.truth import Event, Place, Truth, bank_day_after

ENTRY = """
SELECT entry.id FROM entry JOIN statement ON statement.id = entry.statement_id JOIN account ON account.id = statement.account_id
WHERE statement.posting = 'posted' AND account.name = :account AND entry.booked_on = :day AND entry.bank_ref = :reference
"""
FAILED = """
SELECT collection.end_to_end_id FROM collection JOIN invoice ON invoice.id = collection.invoice_id
WHERE invoice.state = 'open' AND collection.state IN ('rejected', 'returned', 'withdrawn') ORDER BY collection.id
"""
HELD = """
SELECT invoice.number FROM collection JOIN invoice ON invoice.id = collection.invoice_id WHERE collection.state = 'held'
AND (collection.reason LIKE '%limit%' OR collection.reason LIKE '%usual%' OR collection.reason LIKE '%the same debtor%')
ORDER BY collection.id
"""
PAUSED = "SELECT mandate_id FROM mandate WHERE state = 'paused' ORDER BY id"


@dataclass(slots=True)
class People:
    """Clara works; Anna and Ben are the two where two are needed. ``mistaken``: lines explained by the wrong invoice."""

    rng: Random
    world: World
    bank: Bank
    business: Business
    truth: Truth
    second: Second
    mistaken: list[tuple[Unclear, str]] = field(default_factory=list)
    refunding: set[str] = field(default_factory=set)
    done: dict[str, int] = field(default_factory=dict)  # act -> how often it was taken

    def work(self, today: date, *, quiet: bool) -> None:
        """A day's work. ``quiet``: the bank has written nothing that has not come, so what is open really is open."""
        self._withdraw()
        self._undo_mistakes()
        for one in list(self.bank.unclear):
            entry = self._entry(one.place)
            if entry is not None and self.rng.random() < 0.6:
                self._explain(one, entry, today)
        self._mandates(today)
        for number in self._column(HELD):
            self._try("release", 0.4, lambda number=number: hold.run(self.world.runtime, "clara", number, "released", "seen"))
        for debit in self._column(FAILED):
            self._try("retry", 0.2, lambda debit=debit: retry.run(self.world.runtime, "clara", debit))
        self.second.hear(self.truth)
        if quiet:
            self._credits(today)
            self._write_off(today)

    # --- bank lines ------------------------------------------------------------------------------------------------------------

    def _explain(self, one: Unclear, entry: int, today: date) -> None:
        """Say what a line is, as the simulator knows it."""
        self.second.hear(self.truth)
        known = {
            "invoice": self._invoice,
            "two invoices": self._two,
            "refund": self._refund,
            "not ours": self._not_ours,
            "send back": self._send_back,
            "sent back": self._sent_back,
        }[one.means](one, entry, today)
        if known:
            self.bank.unclear.remove(one)
            self._count(one.means)

    def _invoice(self, one: Unclear, entry: int, today: date) -> bool:
        ((number, cents),) = one.about
        wrong = self.rng.choice(list(self.business.invoices)) if self.rng.random() < 0.05 else number
        if wrong != number and not self.second.loss(wrong) and wrong not in self.business.cancelled:
            self.mistaken.append((one, wrong))
            number = wrong
        accept.run(self.world.runtime, "clara", entry, Named(f"invoice:{number}"))
        self.truth.note(Event("transfer", cents, number, line=one.place))
        return True

    def _two(self, one: Unclear, entry: int, today: date) -> bool:
        split.run(self.world.runtime, "clara", entry, [Named(f"invoice:{number}", cents) for number, cents in one.about])
        for number, cents in one.about:
            self.truth.note(Event("transfer", cents, number, line=one.place))
        return True

    def _refund(self, one: Unclear, entry: int, today: date) -> bool:
        """Only what is the customer's is ever refunded: the act must say so exactly where it is."""
        ((number, cents),) = one.about
        taken = True
        try:
            accept.run(self.world.runtime, "clara", entry, Named(f"refund:{number}"))
        except NotAllowed:
            taken = False
        if taken:
            assert self.second.credit(number) >= cents, f"{cents} of invoice {number} were refunded, and are not the customer's"
            self.truth.note(Event("refund", -cents, number, line=one.place))
            self.refunding.discard(number)
        return taken

    def _not_ours(self, one: Unclear, entry: int, today: date) -> bool:
        ignore.run(self.world.runtime, "clara", entry, "nobody claims it")
        self.truth.note(Event("not ours", one.cents, line=one.place))
        return True

    def _send_back(self, one: Unclear, entry: int, today: date) -> bool:
        """The line waits for the one that takes it off."""
        self.bank.transfer(one.place[0], bank_day_after(today, 1), -one.cents, "sent back", ("\t".join(one.place), one.cents))
        return True

    def _sent_back(self, one: Unclear, entry: int, today: date) -> bool:
        ((words, _),) = one.about
        account, day, reference = words.split("\t")
        first = self._entry((account, day, reference))
        if first is None:
            return False
        accept.run(self.world.runtime, "clara", entry, Named(f"line:{first}"))
        self.truth.note(Event("taken off", one.cents, line=one.place, counterpart=(account, day, reference)))
        return True

    def _undo_mistakes(self) -> None:
        """On the next day somebody sees it."""
        for one, wrong in self.mistaken:
            entry = self._entry(one.place)
            assert entry is not None
            undo.run(self.world.runtime, "clara", entry, "another customer's")
            self.truth.note(Event("transfer", one.cents, wrong, line=one.place, undone=True))
            self.bank.unclear.append(one)
            self._count("undo")
        self.mistaken = []

    # --- debits and mandates ---------------------------------------------------------------------------------------------------

    def _withdraw(self) -> None:
        """Two people write down the bank's word about a debit that it took back."""
        for file, debit in list(self.bank.to_withdraw):
            if self._try("withdraw", 0.8, lambda file=file, debit=debit: self._both_withdraw(file, debit)):
                self.bank.to_withdraw.remove((file, debit))
                self.bank.withdrawn(debit)

    def _both_withdraw(self, file: str, debit: str) -> None:
        for actor in ("anna", "ben"):
            withdraw.run(self.world.runtime, actor, file, reference=f"camt.029 about {debit}", only=[debit])

    def _mandates(self, today: date) -> None:
        """Debtors revoke, name another account, sign anew."""
        by_id = {one.mandate_id: one for one in self.business.debtors}
        for mandate_id in self._column(PAUSED):
            debtor = by_id.get(mandate_id)
            if debtor is None or self.rng.random() > 0.15:
                continue
            if self.rng.random() < 0.7:
                self._try("amend", 1.0, lambda debtor=debtor: self._amend(debtor))
            if self.rng.random() < 0.85:
                self._try("resume", 1.0, lambda one=mandate_id: mandates.run(self.world.runtime, "clara", one, "resumed", ""))
            else:
                self._revoke(debtor)
        if self.rng.random() < 0.04:
            debtor = self.rng.choice(self.business.debtors)
            if debtor.mandate and not debtor.revoked:
                self._revoke(debtor)
        for debtor in self.business.debtors:
            if (debtor.revoked or not debtor.mandate) and self.rng.random() < 0.03:
                debtor.mandate, debtor.revoked = debtor.mandate + 1, False
                self.sign([debtor], today)

    def _amend(self, debtor: Debtor) -> None:
        iban = self.business.iban()
        amend_mandate.run(self.world.runtime, "clara", debtor.mandate_id, {"iban": iban})
        debtor.iban = iban

    def _revoke(self, debtor: Debtor) -> None:
        if self._try(
            "revoke", 1.0, lambda: mandates.run(self.world.runtime, "clara", debtor.mandate_id, "revoked", "his letter")
        ):
            debtor.revoked = True

    def sign(self, debtors: Sequence[Debtor], today: date) -> None:
        """Import these debtors' mandates, signed yesterday."""
        signed = (today - timedelta(days=1)).isoformat()
        rows = ["mandate_id;debtor_ref;signed_on;debtor_name;iban;scheme;b2b_confirmed_on"]
        for one in debtors:
            confirmed = signed if one.scheme == "B2B" else ""
            rows.append(f"{one.mandate_id};{one.reference};{signed};{one.name};{one.iban};{one.scheme};{confirmed}")
        outcome = import_mandates.run(self.world.runtime, "clara", ("\n".join(rows) + "\n").encode(), dry_run=False)
        assert outcome.bad == (), outcome.bad

    # --- what customers have with us, and what nobody pays ---------------------------------------------------------------------

    def _credits(self, today: date) -> None:
        """A customer's credit pays another invoice of his, or goes back to him."""
        wrong = {number for _, number in self.mistaken}
        for number, one in list(self.business.invoices.items()):
            cents = self.second.credit(number)
            if not cents or number in self.refunding | wrong or self.rng.random() > 0.3:
                continue
            others = [
                other
                for other, another in self.business.invoices.items()
                if another.debtor is one.debtor and other not in {number, *wrong} and self.second.receivable(other) > 0
            ]
            if others and self.rng.random() < 0.5:
                used = use_credit.run(self.world.runtime, "clara", number, others[0])
                most = min(cents, self.second.receivable(others[0]) + self.second.loss(others[0]))
                assert used.cents == most, f"{used.cents} of {number} were used for {others[0]}, {most} can be"
                self.truth.note(Event("credit used", used.cents, number, other=others[0]))
                self.second.hear(self.truth)
                self._count("credit used")
            else:
                self.refunding.add(number)
                self.bank.transfer("main", bank_day_after(today, 1), -cents, "refund", (number, cents))

    def _write_off(self, today: date) -> None:
        """Two people give up what has been open for long."""
        wrong = {number for _, number in self.mistaken}
        for number, one in self.business.invoices.items():
            old = (today - one.due_on).days > 60
            if not old or self.second.receivable(number) <= 0 or self.second.in_flight(number) or number in wrong:
                continue
            if self._try("write off", 0.04, lambda number=number: self._both_write_off(number)):
                self.truth.note(Event("written off", invoice=number))
                self.second.hear(self.truth)

    def _both_write_off(self, number: str) -> None:
        for actor in ("anna", "ben"):
            written = write_off.run(self.world.runtime, actor, number, "nobody pays")
        assert written.missing == 0

    # --- how it is done --------------------------------------------------------------------------------------------------------

    def _try(self, what: str, chance: float, act: Callable[[], Any]) -> bool:
        """Do it by chance; False where not, or where the product refuses it."""
        if self.rng.random() > chance:
            return False
        try:
            act()
        except BridgeError:
            self._count(f"{what} refused")
            return False
        self._count(what)
        return True

    def _count(self, what: str) -> None:
        self.done[what] = self.done.get(what, 0) + 1

    def _entry(self, place: Place) -> int | None:
        account, day, reference = place
        with self.world.runtime.reading() as session:
            found = session.execute(text(ENTRY), {"account": account, "day": date.fromisoformat(day), "reference": reference})
            return found.scalar()

    def _column(self, statement: str) -> list[str]:
        with self.world.runtime.reading() as session:
            return list(session.scalars(text(statement)))
