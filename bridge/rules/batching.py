"""Which collections stand in which file and block, and what these are called. Pure.

A file is one account, creditor and scheme ("mixing of different Local Instrument values is not allowed in the same message",
EPC130-08); a block is one sequence and due date. Names are derived from what is in the file: never random, never reused.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from bridge.records.profile import BankProfile
from bridge.rules.text import transliterate

SHORT_NAME_MAX = 10


@dataclass(frozen=True, slots=True)
class Due:
    """A collection that may go out now; ids are row ids."""

    id: int
    end_to_end_id: str
    amount_cents: int
    due_on: date
    account_id: int
    creditor_id: int
    scheme: str
    sequence: str


@dataclass(frozen=True, slots=True)
class PlannedBlock:
    sequence: str
    due_on: date
    members: tuple[Due, ...]


@dataclass(frozen=True, slots=True)
class PlannedFile:
    account_id: int
    creditor_id: int
    scheme: str
    blocks: tuple[PlannedBlock, ...]

    @property
    def members(self) -> tuple[Due, ...]:
        return tuple(member for block in self.blocks for member in block.members)


def plan(due: Iterable[Due], profile: BankProfile) -> list[PlannedFile]:
    """Group what is due into files as the bank takes them, about equally full, and these into blocks."""
    groups: dict[tuple[int, int, str, str, str], list[Due]] = defaultdict(list)
    for item in due:
        due_on = str(item.due_on) if profile.one_due_date or profile.one_block else ""
        sequence = item.sequence if profile.one_block else ""
        groups[(item.account_id, item.creditor_id, item.scheme, due_on, sequence)].append(item)
    return [
        PlannedFile(account_id, creditor_id, scheme, tuple(_blocks(part)))
        for (account_id, creditor_id, scheme, _, _), items in sorted(groups.items())
        for part in _split(sorted(items, key=_order), profile.transactions_max)
    ]


def halves(file: PlannedFile) -> list[PlannedFile]:
    """The same file as two, for one whose bytes are over the bank's limit."""
    members = sorted(file.members, key=_order)
    middle = len(members) // 2
    parts = (members[:middle], members[middle:])
    return [PlannedFile(file.account_id, file.creditor_id, file.scheme, tuple(_blocks(part))) for part in parts if part]


def message_id(creditor_name: str, cut_on: date, cut_no: int, file: PlannedFile) -> str:
    """MsgId: short name, date, number of the cut on that day, digest of what is in it; at most 30 of A-Z 0-9 and '-'."""
    rows = ";".join(f"{member.end_to_end_id}:{member.amount_cents}:{member.due_on}" for member in file.members)
    digest = sha256(rows.encode()).hexdigest()[:6].upper()
    return f"{short_name(creditor_name)}-{cut_on:%Y%m%d}-{cut_no:03d}-{digest}"


def pmt_inf_id(message_id: str, number: int) -> str:
    """PmtInfId of a file's ``number``-th block (1, 2 ...): unique for ever, because the MsgId is."""
    return f"{message_id}-{number:03d}"


def short_name(name: str) -> str:
    """The first word of a name, in A-Z and 0-9: what a person recognises in a file name."""
    words = re.findall(r"[A-Z0-9]+", transliterate(name).upper())
    return (words[0] if words else "SDD")[:SHORT_NAME_MAX]


def remittance(number: str, first: date, last: date, machine: str = "") -> str:
    """What the debtor reads: invoice number, the days of use, both included, and the machine where it has a name."""
    return f"Invoice {number} usage {first} to {last} {machine}".rstrip()


def _order(item: Due) -> tuple[date, str, str]:
    return item.due_on, item.sequence, item.end_to_end_id


def _split(items: Sequence[Due], most: int) -> Iterator[Sequence[Due]]:
    files = -(-len(items) // most)
    start = 0
    for number in range(files):
        size = len(items) // files + (number < len(items) % files)
        yield items[start : start + size]
        start += size


def _blocks(items: Sequence[Due]) -> Iterator[PlannedBlock]:
    groups: dict[tuple[date, str], list[Due]] = defaultdict(list)
    for item in items:
        groups[(item.due_on, item.sequence)].append(item)
    for (due_on, sequence), members in sorted(groups.items()):
        yield PlannedBlock(sequence, due_on, tuple(members))
