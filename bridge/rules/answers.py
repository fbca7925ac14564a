"""What a status report (pain.002) says about each collection of a file. Pure.

A rejection explains itself at exactly one level and is inherited downwards; PART is not. Only RJCT and CANC are negative; ACTC,
ACCP, ACSP ... are not money; what is not listed is not confirmed. Source: ISO 20022 pain.002, EPC130-08; codes DUPL, DU01-DU05
and AM05 concern a copy of a file and never move a collection.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

NEGATIVE = frozenset({"RJCT", "CANC"})
POSITIVE = frozenset({"ACTC", "ACCP", "ACSP", "ACSC", "ACWC", "ACCC"})
#: received, in work, partly: nothing is decided; RCVC ... RVMC are payee verification, for credit transfers only
NOTHING_YET = frozenset({"RCVD", "PDNG", "PART", "RCVC", "RVCM", "RVNC", "RVNA", "RVNM", "RVMC", "RCVM"})
COPY_REASONS = frozenset({"DUPL", "DU01", "DU02", "DU03", "DU04", "DU05", "AM05"})


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One stored status; ids of other files compare in upper case."""

    id: int
    level: str
    pmt_inf_id: str | None
    end_to_end_id: str | None
    status: str | None
    reason: str | None

    @property
    def block_key(self) -> str:
        """The PmtInfId as it compares; "" without one, which is no block's."""
        return (self.pmt_inf_id or "").upper()

    @property
    def debit_key(self) -> str:
        """The EndToEndId as it compares; "" without one, which is no debit's."""
        return (self.end_to_end_id or "").upper()


@dataclass(frozen=True, slots=True)
class Said:
    """What one line says about one collection (by its EndToEndId in upper case)."""

    line_id: int
    end_to_end_key: str
    news: str  # "accepted" or "rejected"
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """``said`` about members; ``strange`` are (line id, Break kind, sentence) for a person."""

    said: tuple[Said, ...]
    strange: tuple[tuple[int, str, str], ...]


def read(lines: Sequence[ReportLine], members: Mapping[str, str]) -> Reading:
    """Read a report about one file. ``members`` maps each EndToEndId (upper case) of the file to its PmtInfId (upper case)."""
    strange = list(_strange(lines, members))
    passed_over = {line_id for line_id, _, _ in strange} | _below_a_copy(lines)
    usable = [line for line in lines if line.id not in passed_over and line.status in NEGATIVE | POSITIVE]
    group = [line for line in usable if line.level == "group"]
    blocks = {line.block_key: line for line in usable if line.level == "block"}
    debits = {line.debit_key: line for line in usable if line.level == "debit"}
    own_word = {line.debit_key for line in lines if line.level == "debit" and line.status}
    block_word = {line.block_key for line in lines if line.level == "block" and line.status}
    said = []
    for key, block in members.items():
        line = debits.get(key)
        if line is None and key not in own_word:
            line = blocks.get(block)
            if line is None and block not in block_word:
                line = group[0] if group else None
        if line is not None:
            said.append(Said(line.id, key, "rejected" if line.status in NEGATIVE else "accepted", line.reason or ""))
    return Reading(tuple(said), tuple(strange))


def _is_copy(line: ReportLine) -> bool:
    return line.reason in COPY_REASONS and line.status in NEGATIVE


def _below_a_copy(lines: Sequence[ReportLine]) -> set[int]:
    """The lines that speak of a copy too: below a file or block that is called one, or above one and explained only by it."""
    copies = [line for line in lines if _is_copy(line)]
    blocks = {line.block_key for line in copies if line.level == "block"}
    touched = {line.block_key for line in copies}
    whole = any(line.level == "group" for line in copies)
    found = set()
    for line in lines:
        unexplained = line.status in NEGATIVE and line.reason is None
        below = whole or (line.level == "debit" and line.block_key in blocks)
        above = (line.level == "group" and copies) or (line.level == "block" and line.block_key in touched)
        if below or (unexplained and above):
            found.add(line.id)
    return found


def _contradicted(lines: Sequence[ReportLine]) -> set[int]:
    """Lines about one debit or block of which some reject it and some take it: the last word is no better than the first."""
    said: dict[tuple[str, str], list[ReportLine]] = defaultdict(list)
    for line in lines:
        name = line.debit_key if line.level == "debit" else line.block_key
        if name and line.status in NEGATIVE | POSITIVE:
            said[(line.level, name)].append(line)
    return {line.id for some in said.values() if len({one.status in NEGATIVE for one in some}) > 1 for line in some}


def _strange(lines: Sequence[ReportLine], members: Mapping[str, str]) -> Iterable[tuple[int, str, str]]:
    blocks = set(members.values())
    contradicted = _contradicted(lines)
    for line in lines:
        if line.id in contradicted:
            yield line.id, "CONTRADICTION", f"the report both takes and rejects {line.end_to_end_id or line.pmt_inf_id}"
        elif _is_copy(line):
            yield line.id, "COPY_REJECTED", f"the bank calls it a copy ({line.reason}); the first file stands as it was"
        elif line.status is not None and line.status not in NEGATIVE | POSITIVE | NOTHING_YET:
            yield line.id, "UNKNOWN_STATUS", f"the bank gives status {line.status}, which is not known"
        elif line.level == "debit" and line.debit_key not in members:
            yield (
                line.id,
                "NOT_IN_THIS_FILE",
                f"{line.end_to_end_id or 'a debit without EndToEndId'} does not stand in the file that the report is about",
            )
        elif line.level == "block" and line.block_key not in blocks:
            yield line.id, "NOT_IN_THIS_FILE", f"block {line.pmt_inf_id} does not stand in the file that the report is about"
