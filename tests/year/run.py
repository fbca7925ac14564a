"""Runs the business day by day on a world of the product, and holds both computations together after each of them.

From a seed everything follows; the same seed gives the same year.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import text

from bridge.acts import confirm_upload, discard
from bridge.sim import bank_files
from tests import worlds
from tests.worlds import World
from tests.year.bank import Bank
from tests.year.business import Business
from tests.year.people import People
from tests.year.post import Post
from tests.year.second import Second, differences, differing_parts, read_books
from tests.year.truth import Truth, invoice_of, is_bank_day

FIRST = date(2026, 11, 23)
MORNING, NOON = time(7, 0, tzinfo=UTC), time(11, 0, tzinfo=UTC)
RULES = """\
approval = "none"
handover = "{handover}"
batch_at = ""
prenotification_agreement = "the terms"
retry = {{ reasons = ["AM04", "MS03"], retries_max = 1, days_min = 3 }}
"""
LIVE = ("taken", "credited")


@dataclass(frozen=True, slots=True)
class Kind:
    """``daily`` invoices a day, due after ``days_max`` at the latest; ``trouble`` times as often as usual a debit goes wrong.

    ``late`` of the papers come late. ``weekends``: days on which the bank is closed are lived too. ``parts_each``: days between
    two looks at the parts of every invoice.
    """

    daily: float
    days_max: int
    trouble: float
    late: float
    weekends: bool
    parts_each: int


KINDS = {
    "weeks": Kind(daily=5, days_max=5, trouble=2.5, late=0.08, weekends=False, parts_each=1),
    "year": Kind(daily=2, days_max=14, trouble=1, late=0.12, weekends=True, parts_each=7),
}


@dataclass(slots=True)
class Year:
    """A business from its seed. Odd seeds upload by hand, even ones by folder."""

    folder: Path
    seed: int
    kind: str = "year"
    world: World = field(init=False)
    truth: Truth = field(default_factory=Truth)
    second: Second = field(default_factory=Second)
    bank: Bank = field(init=False)
    post: Post = field(init=False)
    business: Business = field(init=False)
    people: People = field(init=False)
    today: date = FIRST
    taken: set[str] = field(default_factory=set)  # files that the bank has, or that were given up
    unmarked: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    compared: int = 0
    _rng: Random = field(init=False)

    def __post_init__(self) -> None:
        rng = [Random(f"{self.seed}:{part}") for part in ("bank", "post", "business", "people", "office")]
        self._rng, kind = rng[4], KINDS[self.kind]
        handover = "portal" if self.by_hand else "folder"
        self.world = worlds.make(self.folder, now=datetime.combine(FIRST, MORNING), collection=RULES.format(handover=handover))
        ibans = {"main": worlds.MAIN_IBAN, "other": worlds.OTHER_IBAN}
        self.bank = Bank(rng[0], ibans, {"main": 10_000_00, "other": -2_500_00}, self.truth, kind.trouble)
        self.post = Post(rng[1], self.folder / "inbox", kind.late)
        self.business = Business(rng[2], self.folder / "logs.jsonl", self.truth, self.bank, kind.daily, kind.days_max)
        self.people = People(rng[3], self.world, self.bank, self.business, self.truth, self.second)
        self.people.sign([one for one in self.business.founded(30) if one.mandate], FIRST)

    @property
    def by_hand(self) -> bool:
        """Whether a person uploads the files and says so."""
        return self.seed % 2 == 1

    def live(self, days: int) -> None:
        """So many days; after each of them everything holds. What comes on a day that is not lived lies there on the next one."""
        kind = KINDS[self.kind]
        for number in range(days):
            if kind.weekends or is_bank_day(self.today):
                self._one_day(parts=number % kind.parts_each == 0)
            self.today += timedelta(days=1)

    def settle(self, days: int = 30) -> None:
        """The business rests until everything that the bank wrote has come; then both computations must agree."""
        self.business.daily = self.post.late = 0
        compared = self.compared
        for _ in range(days):
            if is_bank_day(self.today):
                self._one_day(parts=True)
            self.today += timedelta(days=1)
            if self.compared > compared:
                return
        raise AssertionError(self.said("still outstanding", self.outstanding()))

    def _one_day(self, *, parts: bool) -> None:
        try:
            self.day()
            self.look(parts=parts)
        except Exception as problem:
            problem.add_note(self.said("it went wrong here", []))
            raise

    def day(self) -> None:
        """A day: the chain and the inbox in the morning, the pipeline, people, the bank's evening."""
        self.world.now = datetime.combine(self.today, MORNING)
        self.second.hear(self.truth)
        self.business.day(self.today, self.second)
        self.post.deliver(self.today)
        self.world.run()
        self.world.now = datetime.combine(self.today, NOON)
        self._office()
        self.second.hear(self.truth)
        self.people.work(self.today, quiet=self.quiet())
        self.second.hear(self.truth)

    def outstanding(self) -> list[str]:
        """What happened and cannot be known yet: papers that have not come, uploads that nobody marked, the bank's word."""
        withdrawn = [debit for _, debit in self.bank.to_withdraw]
        return [*self.post.missing(), *self.unmarked, *withdrawn, *self.bank.half_told(self.today)]

    def quiet(self) -> bool:
        return not self.outstanding()

    def look(self, *, parts: bool) -> None:
        """All checks hold; and where nothing is outstanding both computations agree. Then the bank's evening comes."""
        failed = [f"{one.id}: {one.detail}" for one in self.world.failed_checks()]
        assert not failed, self.said("checks that do not hold", failed)
        if self.quiet():
            with self.world.runtime.reading() as session:
                books = read_books(lambda statement: session.execute(text(statement)).all())
            found = differences(books, self.second)
            found += differing_parts(self.world.parts_by_invoice(), self.second) if parts and not found else []
            assert not found, self.said("the books and what happened differ", found)
            self.compared += 1
        self.post.send(list(self.bank.evening(self.today)), self.today)

    def said(self, what: str, found: list[str]) -> str:
        """A difference, with the seed, the day, and how to run it alone."""
        more = [f"... and {len(found) - 12} more"] if len(found) > 12 else []
        which = f"YEAR_KIND={self.kind} YEAR_SEEDS={self.seed} YEAR_DAYS={(self.today - FIRST).days + 1}"
        lines = [
            f"seed {self.seed}, {self.today}: {what}",
            *found[:12],
            *more,
            f"alone: {which} .venv/bin/python -m pytest tests/year -k seed",
        ]
        return "\n  ".join(lines)

    # --- the files that go out -------------------------------------------------------------------------------------------------

    def _office(self) -> None:
        """Upload what stands in the outbox; sometimes nobody marks it, or nobody uploads it and two people say so later."""
        self._late_words()
        for path in sorted((self.folder / "outbox").glob("*.xml")):
            body = path.read_bytes()
            file = bank_files.parse(body)
            if file["message_id"] in self.taken:
                continue
            self.taken.add(file["message_id"])
            chance = self._rng.random() if self.by_hand else 1.0
            if chance < 0.07:
                self.given_up.append(file["message_id"])
                continue
            self._may_go(file)
            self.bank.take(body, self.today)
            if 0.07 <= chance < 0.17:
                self.unmarked.append(file["message_id"])
            elif self.by_hand:
                confirm_upload.run(self.world.runtime, "clara", file["message_id"], reference="portal")

    def _late_words(self) -> None:
        """What people say some days later of a file: that it was not uploaded, or that it was."""
        for message_id in [one for one in self.given_up if self._rng.random() < 0.5]:
            for actor in ("anna", "ben"):
                discard.run(self.world.runtime, actor, message_id, "the portal was down", not_uploaded=True)
            self.given_up.remove(message_id)
        for message_id in [one for one in self.unmarked if self._rng.random() < 0.4]:
            confirm_upload.run(self.world.runtime, "clara", message_id)
            self.unmarked.remove(message_id)

    def _may_go(self, file: dict[str, Any]) -> None:
        """Nothing is collected twice, nor another amount, nor what was cancelled or revoked: by what really happened."""
        revoked = {one.mandate_id for one in self.business.debtors if one.revoked}
        wrong: list[str] = []
        for debit in (one for block in file["blocks"] for one in block["debits"]):
            name, number = debit["e2e"], invoice_of(debit["e2e"])
            one = self.business.invoices[number]
            live = [other for other, state in self.bank.debits.items() if state in LIVE and invoice_of(other) == number]
            wrong += [f"{name} is collected, and {other} is {self.bank.debits[other]}" for other in live]
            wrong += [f"{name} was in a file before"] if name in self.bank.debits else []
            wrong += [f"{name} collects {debit['cents']}, billed are {one.cents}"] if debit["cents"] != one.cents else []
            wrong += [f"{name}: its invoice was cancelled"] if number in self.business.cancelled else []
            wrong += [f"{name}: {debit['mandate']} was revoked"] if debit["mandate"] in revoked else []
            wrong += [f"{name}: {self.second.money(number)} was paid already"] if self.second.money(number) else []
        assert not wrong, self.said("a debit that must not go", wrong)
