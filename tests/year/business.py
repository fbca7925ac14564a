"""The business: who is billed what, who pays by himself, who revokes his mandate. Drawn from the seed.

A debtor has a mandate or none; what he does about an invoice follows from what really is open, not from our books.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random

from tests.year.bank import Bank
from tests.year.second import Second
from tests.year.truth import Event, Truth

CONTRACT = "0x00000000000000000000000000000000000000c0"
# topic 0 of InvoiceFinalized and InvoiceCancelled of the reference contract
FINALIZED = "0xdd70e00b35e2d27bc3c0ed11327442befbf342cb9a4558756b3bffa699eb9b64"
CANCELLED = "0x30c4014d0bfba4f03e9950084eb53cbc78cccb6aa39e40d0c7f860ee80910ec8"
EUR = int.from_bytes(b"EUR" + bytes(29), "big")
BANK_CODES = ("10050000", "76026000", "10011001", "50060400")  # banks whose account numbers have no check digit of their own
DOUBTFUL = "37040044"  # a bank whose numbers have one, which most that are drawn miss: such a mandate waits for a person


@dataclass(slots=True)
class Debtor:
    """Who is billed. ``mandate`` is the number of his last one, 0 for none; ``revoked``: it is over."""

    name: str
    scheme: str
    iban: str = field(repr=False)
    mandate: int = 0
    revoked: bool = False

    @property
    def reference(self) -> str:
        """As on chain."""
        return "0x" + sha256(self.name.encode()).hexdigest()

    @property
    def mandate_id(self) -> str:
        return f"MND-{self.name}-{self.mandate}"


@dataclass(frozen=True, slots=True)
class Billed:
    """An invoice on the chain."""

    number: str
    id: int
    cents: int
    debtor: Debtor
    due_on: date


@dataclass(slots=True)
class Business:
    """``pays``: what a debtor will look at on a day, to pay it himself."""

    rng: Random
    logs: Path
    truth: Truth
    bank: Bank
    daily: float  # invoices a day, on average
    days_max: int  # until one is due
    debtors: list[Debtor] = field(default_factory=list)
    invoices: dict[str, Billed] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    pays: dict[date, list[str]] = field(default_factory=dict)
    block: int = 0

    def founded(self, how_many: int) -> list[Debtor]:
        """The debtors on the first day; one in ten has no mandate."""
        for number in range(how_many):
            scheme = "B2B" if self.rng.random() < 0.25 else "CORE"
            self.debtors.append(Debtor(f"debtor{number:03d}", scheme, self.iban(), 0 if number % 10 == 9 else 1))
        return self.debtors

    def iban(self) -> str:
        """Another German account, its check digits by ISO 7064."""
        code = DOUBTFUL if self.rng.random() < 0.05 else self.rng.choice(BANK_CODES)
        account = f"{code}{self.rng.randrange(10**10):010d}"
        return f"DE{98 - int(account + '131400') % 97:02d}{account}"

    def day(self, today: date, second: Second) -> None:
        """What is finalized and cancelled on this day, and what customers and strangers pay."""
        rng = self.rng
        lines = [self._finalize(today) for _ in range(self._count(today))]
        if rng.random() < 0.06 and self.invoices:
            chosen = rng.choice(list(self.invoices)[-60:])
            if chosen not in self.cancelled:
                lines.append(self._cancel(chosen, today))
        with self.logs.open("a", encoding="utf-8") as file:
            file.writelines(lines)
        for day in sorted(day for day in self.pays if day <= today):
            for number in self.pays.pop(day):
                self._customer(number, today, second)
        self._strangers(today)

    def _count(self, today: date) -> int:
        """How many invoices: hardly any on a weekend."""
        most = self.daily * (0.2 if today.weekday() > 4 else 1.3)
        return int(most) + (self.rng.random() < most % 1)

    def _finalize(self, today: date) -> str:
        rng, number = self.rng, len(self.invoices) + 1
        debtor = rng.choice(self.debtors)
        cents = (
            rng.randint(60_000_00, 90_000_00)
            if rng.random() < 0.01
            else rng.choice((rng.randint(1, 50_00), rng.randint(50_00, 900_00)))
        )
        one = Billed(f"plant-1-{number:06d}", number, cents, debtor, today + timedelta(days=rng.randint(2, self.days_max)))
        self.invoices[one.number] = one
        self.truth.note(Event("billed", cents, one.number))
        if rng.random() < (0.5 if not debtor.mandate or debtor.revoked else 0.03):
            self._later(today + timedelta(days=rng.randint(1, 25)), one.number)
        self._later(one.due_on + timedelta(days=rng.randint(15, 45)), one.number)
        finalized = int(datetime.combine(today, datetime.min.time(), UTC).timestamp()) + number % 3600
        due = int(datetime.combine(one.due_on, datetime.min.time(), UTC).timestamp()) + 12 * 3600
        words = (number, cents, EUR, finalized - 86_400, finalized, due, 4, 0)
        topics = [FINALIZED, f"0x{number:064x}", debtor.reference, f"0x{number % 7 + 10_000:064x}"]
        return self._log(finalized, topics, words)

    def _cancel(self, number: str, today: date) -> str:
        self.cancelled.add(number)
        self.truth.note(Event("cancelled", invoice=number))
        at = int(datetime.combine(today, datetime.min.time(), UTC).timestamp()) + 4000
        return self._log(at, [CANCELLED, f"0x{self.invoices[number].id:064x}"], (0,))

    def _log(self, at: int, topics: list[str], words: tuple[int, ...]) -> str:
        """One line as eth_getLogs returns it, of a block of its own."""
        self.block += 1
        line = {
            "address": CONTRACT,
            "topics": topics,
            "data": "0x" + "".join(f"{word:064x}" for word in words),
            "blockNumber": hex(self.block),
            "blockHash": f"0x{self.block + 100_000:064x}",
            "blockTimestamp": hex(at),
            "transactionHash": f"0x{self.block + 200_000:064x}",
            "transactionIndex": "0x0",
            "logIndex": "0x0",
            "removed": False,
        }
        return json.dumps(line) + "\n"

    def _later(self, day: date, number: str) -> None:
        self.pays.setdefault(day, []).append(number)

    def _customer(self, number: str, today: date, second: Second) -> None:
        """A customer looks at an invoice: he pays what is open, too much, too little, two at once, or what he paid already."""
        rng, one, how = self.rng, self.invoices[number], self.rng.random()
        open_cents = max(0, second.receivable(number)) + second.loss(number)
        if not open_cents:
            if how < 0.03 and number not in self.cancelled:
                self.bank.transfer("main", today, one.cents, "invoice", (number, one.cents))  # a second time, by mistake
            return
        if how < 0.35:  # later, or never
            if how < 0.2:
                self._later(today + timedelta(days=rng.randint(10, 60)), number)
            return
        others = [
            other
            for other in list(self.invoices)[-40:]
            if other != number and self.invoices[other].debtor is one.debtor and second.receivable(other) > 0
        ]
        if how > 0.9 and others:
            more = rng.choice(others)
            rest = second.receivable(more)
            self.bank.transfer("main", today, open_cents + rest, "two invoices", (number, open_cents), (more, rest))
            return
        cents = open_cents + rng.randint(1, 20_00) if how < 0.45 else max(1, open_cents // 2) if how < 0.6 else open_cents
        account = "other" if rng.random() < 0.2 else "main"
        names = f"{number}-1" if rng.random() < 0.1 else ""
        self.bank.transfer(account, today, cents, "invoice", (number, cents), names=names)
        if cents < open_cents:
            self._later(today + timedelta(days=rng.randint(10, 40)), number)

    def _strangers(self, today: date) -> None:
        rng = self.rng
        if rng.random() < 0.08:
            self.bank.transfer(
                rng.choice(("main", "other")), today, rng.randint(1, 400_00), rng.choice(("not ours", "send back"))
            )
        if rng.random() < 0.03:
            self.bank.transfer(rng.choice(("main", "other")), today, -rng.randint(1, 400_00), "not ours")
        if rng.random() < 0.06:
            self.bank.fee(rng.choice(("main", "other")), today, rng.randint(1, 12_90))
