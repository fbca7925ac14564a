"""In whose hands a file is: what cutting, approve, export and hand-over share.

Each of them judges every member again, and none sends while the manifest outside the database knows more than the database.
"""

from bridge.custody.at_the_bank import submit
from bridge.custody.files import AT_THE_BANK, NOT_LEFT, files_of, members, named
from bridge.custody.fitness import judge_again
from bridge.custody.manifest import check_manifest, manifest_line, next_manifest_no

__all__ = [
    "AT_THE_BANK",
    "NOT_LEFT",
    "check_manifest",
    "files_of",
    "judge_again",
    "manifest_line",
    "members",
    "named",
    "next_manifest_no",
    "submit",
]
