"""Which role may do what: one table, act by act, in the words of the command line and of the audit trail. Pure.

Source: ARCHITECTURE.md, "People and their data". An act that is not in the table is a KeyError, a bug: nothing is allowed by
being forgotten. Steps are no acts: they run as themselves (``people.MACHINES``), count as nobody, and sign nothing.
"""

from __future__ import annotations

#: role -> what it is for
ROLES = {
    "viewer": "reads reports; no name of a debtor",
    "clerk": "prepares: imports, mandates, holds, files, uploads; proposes where two are needed",
    "approver": "also signs files, and is the one of two who lets a thing happen",
    "admin": "users, tokens, the machine; signs nothing and moves no money",
    "auditor": "reads everything and verifies; changes nothing",
    "service": "a machine that runs steps and counts as nobody",
}
READ = ("viewer", "clerk", "approver", "admin", "auditor")
SEE_NAMES = ("clerk", "approver", "auditor")
HANDS = ("clerk", "approver")
RUN = ("clerk", "approver", "admin", "service")

#: act -> the roles that may do it
ACTS: dict[str, tuple[str, ...]] = {
    # reading
    "status": READ,
    "check": READ,
    "doctor": READ,
    "chain status": READ,
    "chain verify": READ,
    "invoice list": READ,
    "invoice show": READ,
    "mandate list": READ,
    "creditor list": READ,
    "creditor show": READ,
    "notify list": READ,
    "notify plan": READ,
    "notify preview": SEE_NAMES,
    "mandate show": SEE_NAMES,
    "batch list": READ,
    "batch show": READ,
    "batch check": READ,
    "calendar": READ,
    "reconcile queue": SEE_NAMES,
    "reconcile show": SEE_NAMES,
    "reconcile parked": READ,
    "return list": READ,
    "return show": READ,
    "ledger balance": READ,
    "ledger journal": READ,
    "ledger verify": READ,
    "report reconciliation": READ,
    "report ageing": READ,
    "report returns": READ,
    "report forecast": READ,
    "report batches": READ,
    "report audit": READ,
    "break list": READ,
    "break show": READ,
    "user list": READ,
    "metrics": (*READ, "service"),
    "keys status": READ,
    # steps, rung by hand
    "run": RUN,
    "worker": RUN,
    "beat": RUN,
    "health": RUN,
    "chain sync": RUN,
    "notify send": RUN,
    "chain replay": RUN,
    "reconcile run": RUN,
    # preparing
    "import": (*HANDS, "service"),
    "mandate import": HANDS,
    "notify posted": HANDS,
    "notify bounced": HANDS,
    "mandate add": HANDS,
    "mandate amend": HANDS,
    "mandate sign": HANDS,
    "mandate print": HANDS,
    "creditor amend": HANDS,
    "mandate pause": HANDS,
    "mandate resume": HANDS,
    "mandate revoke": HANDS,
    "mandate legal-hold": HANDS,
    "mandate erase": HANDS,  # two people
    "document destroy": HANDS,  # two people
    "invoice hold": HANDS,
    "invoice release": HANDS,
    "batch create": HANDS,
    "batch export": HANDS,
    "batch mark-uploaded": HANDS,
    "batch undo-upload": HANDS,
    "batch withdraw": HANDS,
    "batch discard": HANDS,
    "batch reject": HANDS,
    "resolve": HANDS,
    "break take": (*HANDS, "admin"),
    "reconcile accept": HANDS,
    "reconcile split": HANDS,
    "reconcile ignore": HANDS,
    "reconcile undo": HANDS,
    "reconcile release": HANDS,
    "return retry": HANDS,
    "invoice use-credit": HANDS,
    "invoice give-back-credit": HANDS,
    "invoice write-off": HANDS,  # two people
    "chain unfreeze": HANDS,  # two people
    # deciding
    "batch approve": ("approver",),
    # backups, and after one was restored
    "db backup": ("admin", "service"),
    "doctor --relearn": ("approver", "admin"),
    # keys
    "keys rotate": ("admin",),
    # users
    "user add": ("admin",),
    "user role": ("admin",),
    "user disable": ("admin",),
    "user token": READ,  # each for himself
    "user token of others": ("admin",),
}
#: of two people who let a thing happen one has this role; the other may have proposed it
DECIDES = "approver"


def allowed(role: str, act: str) -> bool:
    """Whether somebody with this role may do this. An unknown act or role is a KeyError, a bug."""
    _ = ROLES[role]
    return role in ACTS[act]


def who_may(act: str) -> str:
    """The roles that may do this, for a sentence: "clerk or approver"."""
    *more, last = ACTS[act]
    return f"{', '.join(more)} or {last}" if more else last
