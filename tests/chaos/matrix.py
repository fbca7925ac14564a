"""What can be killed where, while which fault of the bank or the chain is about; drawn in an order that a seed says. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from random import Random

#: fault points of the product on the way from a log to a bank line that is explained, in their order
STEPS = (
    "ingest: read",
    "ingest: before the cursor",
    "collect: read",
    "collect: before commit",
    "batch: read",
    "batch: rendered",
    "batch: before commit",
    "batch: before finish",
    "handover: read",
    "export: before the manifest",
    "export: before the file",
    "export: before the rename",
    "export: after the file",
    "handover: before commit",
    "receive: read",
    "receive: stored",
    "receive: before commit",
    "reconcile: read",
    "reconcile: before commit",
    "seal: read",
    "seal: after a chunk",
)
#: and where people move files (people.py); no worker does that, so none is killed there
ACTS = (
    "approve: before commit",
    "mark uploaded: before commit",
    "undo upload: before commit",
    "discard: before the database",
    "discard: before the file",
)
POINTS = STEPS + ACTS
#: who gets kill -9; CREW belongs to Celery, which takes longer
FORKED = ("the process", "PostgreSQL")
CREW = ("a worker", "beat", "Redis", "Redis with what it kept")
VICTIMS = FORKED * 8 + CREW
FAULTS = (
    "none",
    "a file twice",
    "files in another order",
    "a truncated file",
    "a return before its credit",
    "a status report twice",
    "a repeated log",
    "a claim that is finalized again",
    "a cancelled invoice",
    "a block that is gone",
    "a chain that does not answer",
    "yesterday's dump",
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One crash. ``number`` counts from 1 in the order of its seed."""

    seed: int
    number: int
    point: str
    victim: str
    fault: str

    def __str__(self) -> str:
        return f"{self.number:03d} of seed {self.seed}, {self.victim} at {self.point!r}, {self.fault}"


def scenarios(seed: int) -> Iterator[Scenario]:
    """Each point with each fault, the victim as the seed says; the first ones have every point, victim and fault among them."""
    rng = Random(seed)
    pairs = list(product(POINTS, FAULTS))
    rng.shuffle(pairs)
    pairs = _spread(pairs)
    victims: list[str] = []
    for number, (point, fault) in enumerate(pairs, 1):
        victims = victims or rng.sample(VICTIMS, len(VICTIMS))
        yield Scenario(seed, number, point, rng.choice(FORKED) if point in ACTS else victims.pop(), fault)


def _spread(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """In rounds: a round uses no point and no fault a second time."""
    found: list[tuple[str, str]] = []
    while pairs:
        points, faults, rest = set(POINTS), set(FAULTS), []
        for point, fault in pairs:
            if point in points and fault in faults:
                points.remove(point)
                faults.remove(fault)
                found.append((point, fault))
            else:
                rest.append((point, fault))
        pairs = rest
    return found
