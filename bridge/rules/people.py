"""Who counts as a person where people must differ. Pure.

Source: ARCHITECTURE.md, "People and their data": four eyes are two different named people; a machine counts as nobody.
"""

from __future__ import annotations

import unicodedata

#: actors of our own steps and shells, and the usual names of accounts that programs run under
MACHINES = frozenset(
    {
        "attest", "batch", "beat", "bridge", "collect", "config", "cron", "handover", "import", "ingest", "init", "notify",
        "receive", "reconcile", "root", "seal", "service", "system", "worker",
    }
)  # fmt: skip


def person(actor: str) -> str:
    """A name as it counts: "Anna", "anna " and the same in wide letters are one person."""
    return " ".join(unicodedata.normalize("NFKC", actor).split()).casefold()


def is_machine(actor: str) -> bool:
    """Whether this actor counts as nobody by its name alone; a user with the role "service" does so too."""
    return person(actor) in MACHINES
