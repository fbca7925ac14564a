"""Which role may do what. The expected roles are written by hand, role by role, apart from the table."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
import typer

from bridge.acts import hold, mandates
from bridge.cli.main import app
from bridge.model.users import ROLES as STORED_ROLES
from bridge.rules import permissions
from bridge.rules.permissions import ACTS, ROLES, allowed, who_may
from tests.house.code import modules, tree, where

#: commands that open no database, or make it: there is nobody yet to ask
BEFORE_ANYBODY = {"init", "demo", "db upgrade", "db check", "db grant", "sim bank", "show", "validate", "explain"}

MASKED = {
    "status", "check", "doctor", "chain status", "chain verify",
    "invoice list", "invoice show", "mandate list", "batch list", "batch show", "batch check", "calendar",
    "creditor list", "creditor show", "notify list", "notify plan",
    "ledger balance", "ledger journal", "ledger verify", "report reconciliation", "user list", "user token", "reconcile parked",
    "return list", "return show", "report ageing", "report returns", "report forecast", "report batches", "report audit",
    "break list", "break show",
    "metrics",
    "keys status",
}  # fmt: skip
NAMES = {"mandate show", "notify preview", "reconcile queue", "reconcile show"}
RUNNING = {"run", "worker", "beat", "chain sync", "chain replay", "reconcile run", "notify send", "health"}
PREPARING = {
    "notify posted", "notify bounced", "mandate add", "mandate amend", "mandate sign", "mandate print", "creditor amend",
    "import", "mandate import", "mandate pause", "mandate resume", "mandate revoke", "mandate erase", "mandate legal-hold",
    "document destroy",
    "invoice hold", "invoice release",
    "batch create", "batch export", "batch mark-uploaded", "batch undo-upload", "batch withdraw", "batch discard",
    "batch reject", "resolve", "break take",
    "reconcile accept", "reconcile split", "reconcile ignore", "reconcile undo", "reconcile release", "invoice use-credit",
    "invoice give-back-credit", "invoice write-off", "chain unfreeze", "return retry",
}  # fmt: skip
USERS = {"keys rotate", "user add", "user role", "user disable", "user token of others"}
EXPECTED = {
    "viewer": MASKED,
    "auditor": MASKED | NAMES,
    "clerk": MASKED | NAMES | RUNNING | PREPARING,
    "approver": MASKED | NAMES | RUNNING | PREPARING | {"batch approve", "doctor --relearn"},
    "admin": MASKED | RUNNING | USERS | {"doctor --relearn", "db backup", "break take"},
    "service": RUNNING | {"import", "metrics", "db backup"},
}


def commands(group: object, *path: str) -> Iterator[str]:
    """The words of every command that does something."""
    inner = getattr(group, "commands", None)
    if inner is None:
        yield " ".join(path)
        return
    for name, command in inner.items():
        yield from commands(command, *path, name)


@pytest.mark.parametrize("role", EXPECTED)
def test_a_role_may_do_this_and_nothing_else(role: str) -> None:
    """Every act of the table, for every role."""
    assert {act for act in ACTS if allowed(role, act)} == EXPECTED[role]


def test_the_roles_are_those_that_are_stored() -> None:
    """The table of roles, that of the database and the expectation above name the same six."""
    assert set(ROLES) == set(STORED_ROLES) == set(EXPECTED)


def test_every_command_is_in_the_table() -> None:
    """A command that nobody gave a role is found; so is an act that no command and no audit line has."""
    found = set(commands(typer.main.get_command(app))) - BEFORE_ANYBODY
    assert found - set(ACTS) == set()
    assert set(ACTS) - found == {"user token of others", "doctor --relearn"}


def test_every_audited_act_is_in_the_table() -> None:
    """What the audit trail calls an act has a line in the table, so that it can be asked who might have done it."""
    written = {
        word.value: where(f, call)
        for f in modules("acts", "steps")
        for call in ast.walk(tree(f))
        if isinstance(call, ast.Call) and ast.unparse(call.func) in {"audit_trail.note", "_note"}
        for word in [*call.args[3:4], *(keyword.value for keyword in call.keywords if keyword.arg == "act")]
        if isinstance(word, ast.Constant)
    }
    by_news = set(mandates.ACTS.values()) | set(hold.ACTS.values())

    assert {"batch approve", "resolve", "mandate import", "user add", "user token"} <= set(written)
    assert by_news == {"mandate pause", "mandate resume", "mandate revoke", "invoice hold", "invoice release"}
    assert {word: place for word, place in written.items() if word not in ACTS} == {}
    assert by_news - set(ACTS) == set()


@pytest.mark.parametrize(("role", "act"), [("clerk", "batch aprove"), ("boss", "batch approve")])
def test_an_unknown_word_is_a_bug(role: str, act: str) -> None:
    """Neither an act nor a role is made up: both are KeyErrors, not permissions."""
    with pytest.raises(KeyError):
        allowed(role, act)


def test_who_may_is_a_sentence() -> None:
    """The roles of an act as a refusal names them."""
    assert who_may("batch approve") == "approver"
    assert who_may("mandate pause") == "clerk or approver"
    assert who_may("mandate show") == "clerk, approver or auditor"
    assert permissions.DECIDES == "approver"
