"""A bank with every habit: what it does with each debit is drawn from the seed, and written down as truth when it happens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from bridge.sim import bank_files
from tests.year import papers
from tests.year.papers import Paper, Shape
from tests.year.truth import Event, Part, Place, Truth, bank_day_after, bank_day_before, invoice_of, is_bank_day

Debit = dict[str, Any]
AT_ONCE = ("AC01", "AC04", "AG01", "MD01", "MS03", "AM04", "DNOR", "RR02", "FF05")
RETURNED = ("MS03", "MS03", "MS03", "AM04", "AC04", "AC06", "MD07", "MS02", "SL01")
STYLES = ("net", "net", "gross", "single", "detailed", "nameless")
#: of a thousand debits; "slow" is credited late and alone, "withdrawn" taken back in writing before it is booked
WRONG = {
    "rejected": 50, "rejected late": 20, "returned": 80, "refunded": 40, "disputed": 20, "withdrawn": 12, "slow": 12,
}  # fmt: skip
CORE_ONLY = ("refunded", "disputed")
PLAIN = Shape()
FEE_SHAPES = ("none", "apart", "inside", "beside", "silent")


@dataclass(frozen=True, slots=True)
class Booking:
    """A line to be booked: as the bank's files write it, and as what it really is."""

    drawn: tuple[dict[str, Any], ...]
    parts: tuple[Part, ...] = ()
    fee_cents: int = 0
    interchange_cents: int = 0  # of the fee: what the debtor's bank takes, which only a file with charges apart says
    shape: Shape = PLAIN
    means: str = ""  # of a transfer: what a person would find out
    about: tuple[tuple[str, int], ...] = ()  # invoices with cents

    @property
    def cents(self) -> int:
        return sum(line["amount_cents"] for line in self.drawn)


@dataclass(frozen=True, slots=True)
class Unclear:
    """A line that only a person can explain, and what he would find out."""

    place: Place
    cents: int
    means: str
    about: tuple[tuple[str, int], ...]


@dataclass(slots=True)
class Bank:
    """Our accounts at a bank. ``days`` is when what will be booked."""

    rng: Random
    ibans: dict[str, str] = field(repr=False)
    balances: dict[str, int]
    truth: Truth
    trouble: float = 1.0  # times as often as usual a debit goes wrong
    days: dict[tuple[str, date], list[Booking]] = field(default_factory=lambda: defaultdict(list))
    replies: dict[date, list[Paper]] = field(default_factory=lambda: defaultdict(list))
    debits: dict[str, str] = field(default_factory=dict)  # EndToEndId -> taken, rejected, withdrawn, credited, back
    refused: dict[date, list[str]] = field(default_factory=lambda: defaultdict(list))  # day -> rejected in its evening
    unclear: list[Unclear] = field(default_factory=list)
    to_withdraw: list[tuple[str, str]] = field(default_factory=list)  # file, debit: the bank's written word
    numbers: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    reports: int = 0
    taking_back: dict[str, date] = field(default_factory=dict)  # debit that is rejected after its credit -> day of its debit
    last: dict[str, date] = field(default_factory=dict)

    def take(self, xml: bytes, day: date) -> str:
        """Take a file on a day and draw what will become of it; returns its MsgId."""
        file = bank_files.parse(xml)
        name, rng = file["message_id"], self.rng
        whole = rng.choice(("FF01", "BE05")) if rng.random() < 0.02 * self.trouble else None
        rejected: list[Debit] = []
        everyone: list[Debit] = []
        for block in file["blocks"]:
            block["reason"] = rng.choice(("AG01", "RC01")) if rng.random() < 0.03 * self.trouble and not whole else None
            debits = [self._debit(one, block, name, whole or block["reason"]) for one in block["debits"]]
            everyone += debits
            rejected += [one for one in debits if one["fate"] == "rejected"]
            self._plan(block, debits, day)
        for one in everyone:
            self.truth.note(Event("sent", one["cents"], invoice_of(one["e2e"]), debit=one["e2e"]))
        self.refused[day] += [one["e2e"] for one in rejected]
        if rejected or rng.random() < 0.7:
            self._report(name, file["blocks"], everyone, day, whole=whole)
        if rng.random() < 0.05:
            self._report(name, file["blocks"], everyone, day, whole=None, again=True)
        return str(name)

    def transfer(self, account: str, day: date, cents: int, means: str, *about: tuple[str, int], names: str = "") -> None:
        """Somebody pays in on a day (below zero: is paid)."""
        line = _line("transfer", cents, name="Jemand", text="Danke", iban="AT611904300234573201")
        shape = Shape(names=names)
        self.days[account, bank_day_after(day, 0)].append(Booking((line,), shape=shape, means=means, about=about))

    def fee(self, account: str, day: date, cents: int) -> None:
        """The bank charges the account."""
        self.days[account, bank_day_after(day, 0)].append(Booking((_line("fee", -cents, text="Kontofuehrung"),), fee_cents=cents))

    def withdrawn(self, debit: str) -> None:
        """People recorded the bank's word."""
        self.debits[debit] = "withdrawn"
        self.truth.note(Event("withdrawn", debit=debit))

    def half_told(self, today: date) -> list[str]:
        """Debits that the bank has rejected although it credited them, before they leave the account again.

        What is known of them depends on which paper came first.
        """
        return [debit for debit, gone in self.taking_back.items() if bank_day_before(gone) < today <= gone]

    def evening(self, day: date) -> Iterator[Paper]:
        """Book the day; gives the papers of the evening: reports, statements, advices."""
        for debit in self.refused.pop(day, []):
            self.truth.note(Event("rejected", debit=debit))
        yield from self.replies.pop(day, [])
        for account in self.ibans:
            bookings = self.days.pop((account, day), [])
            if is_bank_day(day) and (bookings or self.rng.random() < 0.3):
                yield from self._statement(account, day, bookings)

    # --- what becomes of a debit -----------------------------------------------------------------------------------------------

    def _debit(self, one: Debit, block: dict[str, Any], file: str, refused: str | None) -> Debit:
        """The debit with its fate. Only a debtor's Core debit is refunded (EPC222-07 knows no refund)."""
        wrong = {fate: weight for fate, weight in WRONG.items() if block["scheme"] == "CORE" or fate not in CORE_ONLY}
        weights = [self.trouble * weight for weight in wrong.values()]
        (fate,) = self.rng.choices([*wrong, "paid"], [*weights, 1000 - sum(weights)])
        fate = "rejected" if refused else fate
        reason = {
            "rejected": self.rng.choice(AT_ONCE), "rejected late": self.rng.choice(AT_ONCE),
            "returned": self.rng.choice(RETURNED), "refunded": "MD06", "disputed": "MD01",
        }.get(fate)  # fmt: skip
        where = {key: block[key] for key in ("pmt_inf_id", "due_on", "scheme", "creditor")}
        self.debits[one["e2e"]] = "rejected" if fate == "rejected" else "taken"
        state = "rejected" if fate == "rejected" else "taken"
        return {**one, **where, "message_id": file, "fate": fate, "reason": refused or reason, "state": state}

    def _plan(self, block: dict[str, Any], debits: list[Debit], day: date) -> None:
        """When and how the block is credited, and what leaves the account again."""
        rng, due = self.rng, max(date.fromisoformat(block["due_on"]), day + timedelta(days=1))
        on = bank_day_after(due, 0 if rng.random() < 0.9 else rng.randint(1, 4))
        style = rng.choice(STYLES) if block["batch_booking"] is not False else "single"
        slow = [one for one in debits if one["fate"] == "slow"]
        bad = [one for one in debits if one["fate"] == "rejected"]
        for one in debits:
            if one["fate"] == "withdrawn":
                self.to_withdraw.append((one["message_id"], one["e2e"]))
        held = [one for one in debits if one["fate"] not in ("rejected", "withdrawn", "slow")]
        lump = style in ("net", "gross") and not slow and all(one["fate"] != "withdrawn" for one in debits)
        if not lump and style in ("net", "gross"):
            style = "single"
        if style == "gross" and held and bad and not block["reason"]:
            self._credit(on, block, debits, "gross")
            back_on = bank_day_after(on, rng.choice((0, 0, 1)))
            for one in bad:
                self._back(back_on, one, "none")
        elif held:
            self._credit(on, block, held, style)
        for one in slow:
            self._credit(bank_day_after(on, rng.randint(4, 12)), block, [one], "single")
        self._returns(on, held)

    def _returns(self, on: date, held: list[Debit]) -> None:
        rng = self.rng
        gone: dict[date, list[Debit]] = defaultdict(list)
        for one in held:
            if one["fate"] in ("returned", "rejected late"):
                gone[bank_day_after(on, rng.randint(1, 5) if one["fate"] == "returned" else 2)].append(one)
            elif one["fate"] == "refunded":
                gone[bank_day_after(on + timedelta(days=rng.randint(5, 50)), 1)].append(one)
            elif one["fate"] == "disputed":
                gone[bank_day_after(on + timedelta(days=rng.randint(20, 200)), 1)].append(one)
            if one["fate"] == "rejected late":
                self.taking_back[one["e2e"]] = bank_day_after(on, 2)
                self.replies[bank_day_after(on, 1)].append(self._late_report(one, bank_day_after(on, 1)))
        for day, some in gone.items():
            if len(some) > 1 and rng.random() < 0.5:
                self._back_together(day, some)
            else:
                for one in some:
                    self._back(day, one, rng.choice(FEE_SHAPES))

    def _credit(self, on: date, block: dict[str, Any], held: list[Debit], style: str) -> None:
        about = {"message_id": held[0]["message_id"], "pmt_inf_id": block["pmt_inf_id"], "value_on": block["due_on"]}
        if style == "single":
            for one in held:
                line = _line("credit", one["cents"], debits=[one], **about)
                self.days["main", on].append(Booking((line,), (Part(one["e2e"], one["cents"]),)))
            return
        shown = style in ("detailed", "nameless")
        line = _line("batch", sum(one["cents"] for one in held), debits=held, shown=shown, **about)
        parts = tuple(Part(one["e2e"], one["cents"]) for one in held)
        self.days["main", on].append(Booking((line,), parts, shape=Shape(nameless=style == "nameless")))

    def _back(self, on: date, one: Debit, shape: str) -> None:
        """A debit leaves the account again, with its fee in one of the shapes."""
        fee = self.rng.randint(1, 9_00) if shape != "none" else 0
        line, inside = _returned(one, fee, shape)
        theirs = inside // 2 if shape == "apart" else 0
        self.days["main", on].append(Booking((line,), (Part(one["e2e"], -one["cents"]),), inside, theirs))
        if shape == "beside":
            own = _line("fee", -fee, text="Entgelt Ruecklastschrift")
            self.days["main", on].append(Booking((own,), fee_cents=fee))

    def _back_together(self, on: date, some: list[Debit]) -> None:
        """Several returns as one line, each with the fee that the bank states."""
        shape = self.rng.choice(("inside", "apart"))
        drawn, fees = zip(*(_returned(one, self.rng.randint(1, 5_00), shape) for one in some), strict=True)
        theirs = sum(fee // 2 for fee in fees) if shape == "apart" else 0
        parts = tuple(Part(one["e2e"], -one["cents"]) for one in some)
        self.days["main", on].append(Booking(drawn, parts, sum(fees), theirs, Shape(together=len(some))))

    # --- papers ----------------------------------------------------------------------------------------------------------------

    def _report(
        self, name: str, blocks: list[dict[str, Any]], debits: list[Debit], day: date, *, whole: str | None, again: bool = False
    ) -> None:
        """A pain.002 about a file; ``again``: it was uploaded twice, and the second one is called a copy."""
        self.reports += 1
        upload = {"message_id": name, "duplicate": again}
        file = {"blocks": blocks, "reason": whole}
        body = bank_files.status_report(upload, file, debits, number=self.reports, created_on=day)
        self.replies[day].append(Paper(f"pain.002-{self.reports:05d}.xml", body))

    def _late_report(self, one: Debit, day: date) -> Paper:
        """The bank rejects what it has credited; its debit follows on the next bank day."""
        self.reports += 1
        block = {"pmt_inf_id": one["pmt_inf_id"], "due_on": one["due_on"], "reason": None}
        others = {**one, "e2e": "-", "state": "taken"}  # the report counts the block's debits; only the rejected one is listed
        body = bank_files.status_report(
            {"message_id": one["message_id"], "duplicate": False},
            {"blocks": [block], "reason": None},
            [{**one, "state": "rejected"}, others],
            number=self.reports,
            created_on=day,
        )
        return Paper(f"pain.002-{self.reports:05d}.xml", body)

    def _statement(self, account: str, day: date, bookings: list[Booking]) -> Iterator[Paper]:
        self.rng.shuffle(bookings)
        bookings.sort(key=lambda one: any(part.cents < 0 for part in one.parts))  # a bank credits before it takes back
        opening = self.balances[account]
        if account not in self.last:
            self.truth.note(Event("opened", opening, account=account))
        drawn = [line for booking in bookings for line in booking.drawn]
        for ordinal, line in enumerate(drawn):
            line |= {"ordinal": ordinal}
            line.setdefault("value_on", day.isoformat())
        closing = opening + sum(booking.cents for booking in bookings)
        number = self.numbers[account, day.year] = self.numbers[account, day.year] + 1
        before = self.last.get(account, day - timedelta(days=1))
        plain = bank_files.statement(
            drawn, iban=self.ibans[account], sequence=number, opened_on=before.isoformat(), day=day, opening_cents=opening,
            closing_cents=closing,
        )  # fmt: skip
        body, references = papers.shaped(plain, [booking.shape for booking in bookings])
        for booking, reference in zip(bookings, references, strict=True):
            self._happened(booking, (account, day.isoformat(), reference))
        self.balances[account], self.last[account] = closing, day
        yield from self._papers(f"{account}-{day}", body, bookings, references)

    def _papers(self, name: str, body: bytes, bookings: list[Booking], references: list[str]) -> Iterator[Paper]:
        nameless = [reference for one, reference in zip(bookings, references, strict=True) if one.shape.nameless]
        if nameless:
            kind = self.rng.choice(tuple(papers.ADVICES))
            yield Paper(f"{kind}-{name}.xml", papers.advice(body, kind, nameless))
        elif references and self.rng.random() < 0.15:
            kind = self.rng.choice(tuple(papers.ADVICES))
            yield Paper(f"{kind}-{name}.xml", papers.advice(body, kind), original=False)
        yield Paper(f"camt.053-{name}.xml", papers.without_names(body, nameless) if nameless else body)

    def _happened(self, booking: Booking, place: Place) -> None:
        for part in booking.parts:
            if self.debits[part.debit] != "rejected":
                self.debits[part.debit] = "credited" if part.cents > 0 else "back"
        costs = {"fee_cents": booking.fee_cents, "interchange_cents": booking.interchange_cents}
        self.truth.note(Event("booked", booking.cents, line=place, parts=booking.parts, **costs))
        if booking.means:
            self.unclear.append(Unclear(place, booking.cents, booking.means, booking.about))


def _returned(one: Debit, fee: int, shape: str) -> tuple[dict[str, Any], int]:
    """The line of a return, and the fee inside it."""
    inside = 0 if shape == "beside" else fee
    about = {"message_id": None, "pmt_inf_id": one["pmt_inf_id"], "reason": one["reason"], "shape": shape}
    return _line("return", -one["cents"] - inside, debits=[one], fee_cents=inside, **about), inside


def _line(kind: str, cents: int, *, debits: list[Debit] | None = None, fee_cents: int = 0, **more: Any) -> dict[str, Any]:
    """A line as ``bank_files`` writes it."""
    return {"kind": kind, "amount_cents": cents, "fee_cents": fee_cents, "debits": debits or [], **more}
