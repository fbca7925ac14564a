"""In whose hands a file is: what cutting, approve, export, hand-over and the bank's answers share.

Each of them judges every member again, none sends while the manifest outside the database knows more than the database, and what
the bank names is at the bank.
"""

from bridge.custody.at_the_bank import UNCLEAR, Word, submit, undo
from bridge.custody.discards import tidy
from bridge.custody.files import AT_THE_BANK, NOT_LEFT, files_of, members, named, slices
from bridge.custody.fitness import FROZEN, frozen, refuse_frozen, unfit
from bridge.custody.freed import discard, judge_again
from bridge.custody.leftovers import purge
from bridge.custody.manifest import Compared, check_manifest, compare, digest, manifest_line, next_manifest_no, remember
from bridge.custody.mentions import Evidence, by_the_bank, evidence_for, evidence_of_upload
from bridge.custody.remade import remade

__all__ = [
    "AT_THE_BANK",
    "FROZEN",
    "NOT_LEFT",
    "UNCLEAR",
    "Compared",
    "Evidence",
    "Word",
    "by_the_bank",
    "check_manifest",
    "compare",
    "digest",
    "discard",
    "evidence_for",
    "evidence_of_upload",
    "files_of",
    "frozen",
    "judge_again",
    "manifest_line",
    "members",
    "named",
    "next_manifest_no",
    "purge",
    "refuse_frozen",
    "remade",
    "remember",
    "slices",
    "submit",
    "tidy",
    "undo",
    "unfit",
]
