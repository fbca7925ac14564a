"""How the bank's papers reach us: late, in any order, twice, as copies, several in one file, in a ZIP. Drawn from the seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from random import Random

from tests.year import papers
from tests.year.papers import Paper


@dataclass(frozen=True, slots=True)
class Underway:
    """A file that will lie in the inbox on a day; ``holds`` are the papers that are missing until then."""

    on: date
    name: str
    body: bytes = field(repr=False)
    holds: tuple[str, ...] = ()


@dataclass(slots=True)
class Post:
    """What is under way, and where it goes."""

    rng: Random
    inbox: Path
    late: float  # of the papers come one to four days late; a statement among them leaves a gap
    underway: list[Underway] = field(default_factory=list)
    names: count[int] = field(default_factory=lambda: count(1))
    tricks: dict[str, int] = field(default_factory=dict)  # how often each was played

    def send(self, sent: list[Paper], day: date) -> None:
        """The papers of an evening; most lie in the inbox on the next morning."""
        rng, morning = self.rng, day + timedelta(days=1)
        on_time: list[Paper] = []
        for paper in sent:
            if paper.original and rng.random() < self.late:
                self._play("late")
                self._lay(morning + timedelta(days=rng.randint(1, 4)), paper.name, paper.body, (paper.name,))
            else:
                on_time.append(paper)
            self._again(paper, morning)
        statements = [one for one in on_time if one.name.startswith("camt.053")]
        if len(statements) > 1 and rng.random() < 0.3:
            self._play("several in one message")
            holds = tuple(one.name for one in statements)
            self._lay(morning, "camt.053-all.xml", papers.in_one([one.body for one in statements]), holds)
            on_time = [one for one in on_time if one not in statements]
        if len(on_time) > 1 and rng.random() < 0.2:
            self._play("ZIP")
            self._lay(morning, "all.zip", papers.zipped({one.name: one.body for one in on_time}), _names(on_time))
        elif len(on_time) > 1 and rng.random() < 0.1:
            self._play("behind one another")
            self._lay(morning, "all.xml", b"\n".join(one.body for one in on_time), _names(on_time))
        else:
            for one in on_time:
                self._lay(morning, one.name, one.body, (one.name,) if one.original else ())

    def deliver(self, today: date) -> int:
        """Put what is due into the inbox, under names that sort in any order; returns how many files."""
        due = [one for one in self.underway if one.on <= today]
        self.underway = [one for one in self.underway if one.on > today]
        for one in due:
            number = next(self.names)
            (self.inbox / f"{self.rng.randrange(10**6):06d}-{number:06d}-{one.name}").write_bytes(one.body)
        return len(due)

    def missing(self) -> list[str]:
        """The papers that the bank has written and that have not come."""
        return sorted({name for one in self.underway for name in one.holds})

    def _again(self, paper: Paper, morning: date) -> None:
        """The same once more, some day, before or after the first."""
        rng = self.rng
        later = morning + timedelta(days=rng.randint(0, 6))
        if rng.random() < 0.06:
            self._play("the same twice")
            self._lay(later, paper.name, paper.body)
        if rng.random() < 0.05:
            self._play("the same in other bytes")
            self._lay(later, paper.name, papers.in_other_bytes(paper.body))
        if paper.name.startswith("camt.053") and rng.random() < 0.05:
            self._play("a copy")
            self._lay(later, f"copy-{paper.name}", papers.copy(paper.body))

    def _play(self, trick: str) -> None:
        self.tricks[trick] = self.tricks.get(trick, 0) + 1

    def _lay(self, on: date, name: str, body: bytes, holds: tuple[str, ...] = ()) -> None:
        self.underway.append(Underway(on, name, body, holds))


def _names(sent: list[Paper]) -> tuple[str, ...]:
    return tuple(one.name for one in sent if one.original)
