"""What a status report (pain.002) says about each collection of a file. Pure.

A rejection explains itself at exactly one level, which need not be the one that has the status, and is inherited downwards; PART
is not. Only RJCT and CANC are negative; ACTC, ACCP, ACSP ... are not money; what is not listed is not confirmed. Codes DUPL,
DU01-DU05 and AM05 concern a copy of a file and never move a collection, whatever status stands beside them. Source: ISO 20022
pain.002, EPC130-08.
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
    heard = [line for line in lines if line.id not in passed_over]
    usable = {_name(line): line for line in heard if line.status in NEGATIVE | POSITIVE}
    own_word = {_name(line) for line in lines if line.level != "group" and (line.status or _is_copy(line))}
    reasons = _reasons(heard)
    said = []
    for key, block in members.items():
        levels = ("debit", key), ("block", block), ("group", "")
        line = next((usable.get(level) for level in levels if level in usable or level in own_word), None)
        if line is None:
            continue
        if line.status in NEGATIVE:
            why = next((reasons[level] for level in levels if level in reasons), "")
            said.append(Said(line.id, key, "rejected", why))
        else:
            said.append(Said(line.id, key, "accepted", line.reason or ""))
    return Reading(tuple(said), tuple(strange))


def _name(line: ReportLine) -> tuple[str, str]:
    """What a line is about: its level, and the debit's or the block's id as it compares."""
    return line.level, line.debit_key if line.level == "debit" else line.block_key if line.level == "block" else ""


def _reasons(lines: Sequence[ReportLine]) -> dict[tuple[str, str], str]:
    """The reason that each level gives for a rejection, its own or one below; a level that takes, or is PART, gives none."""
    said: dict[tuple[str, str], str] = {}
    for line in lines:
        if line.reason and (line.status is None or line.status in NEGATIVE):
            said[_name(line)] = line.reason
    return said


def _is_copy(line: ReportLine) -> bool:
    return line.reason in COPY_REASONS


def _below_a_copy(lines: Sequence[ReportLine]) -> set[int]:
    """The lines that speak of a copy too: below a file or block that is called one, or explained only by one above or below."""
    copies = [line for line in lines if _is_copy(line)]
    whole = [line for line in copies if line.status is None or line.status in NEGATIVE]  # of PART another part may be none
    file, file_in_part = (any(line.level == "group" for line in some) for some in (whole, copies))
    blocks, blocks_in_part = ({line.block_key for line in some if line.level == "block"} for some in (whole, copies))
    touched = {line.block_key for line in copies}
    found = set()
    for line in lines:
        in_block = line.block_key if line.level == "debit" else None
        unexplained = line.status in NEGATIVE and line.reason is None
        above = (line.level == "group" and copies) or (line.level == "block" and line.block_key in touched)
        if file or in_block in blocks or (unexplained and (above or file_in_part or in_block in blocks_in_part)):
            found.add(line.id)
    return found


def _unsaid(lines: Sequence[ReportLine]) -> set[int]:
    """The lines that give a reason and no status, where no rejection above or below them is what the reason explains."""
    rejected = [line for line in lines if line.status in NEGATIVE]
    all_of_it = any(line.level == "group" for line in rejected)
    blocks = {line.block_key: line.status for line in lines if line.level == "block"}
    blocks_with_rejects = {line.block_key for line in rejected}
    spoken = {_name(line) for line in lines if line.status}
    found = set()
    for line in lines:
        if line.status is not None or line.reason is None or _name(line) in spoken:
            continue
        above = blocks.get(line.block_key) if line.level == "debit" else None
        inherits = above in NEGATIVE or (above is None and all_of_it)
        explains = rejected if line.level == "group" else line.level == "block" and line.block_key in blocks_with_rejects
        if not inherits and not explains:
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
    contradicted, unsaid = _contradicted(lines), _unsaid(lines)
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
        elif line.id in unsaid:
            name = line.end_to_end_id or line.pmt_inf_id or "the file"
            yield line.id, "UNKNOWN_STATUS", f"the bank gives {name} the reason {line.reason}, and no status"
