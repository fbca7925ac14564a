"""The lock files name versions and hashes, and nothing of the machine that made them."""

from __future__ import annotations

import re

import pytest

from tests.house.code import ROOT

LOCKS = ["requirements.lock", "requirements-test.lock", "tools/pip.lock"]
PIN = re.compile(r"^([A-Za-z0-9][\w.\[\]-]*)==(\S+)", re.MULTILINE)


@pytest.mark.parametrize("name", LOCKS)
def test_no_trace_of_a_machine(name: str) -> None:
    """No path, no address of an index, no option: only pins, markers, hashes and comments."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    shape = re.compile(r"^(#.*|[A-Za-z0-9][\w.\[\]-]*==[^\s/]+( ; [^/]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?)$")
    assert [line for line in lines if line and not shape.match(line)] == []


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_a_hash(name: str) -> None:
    """Each package is followed by at least one hash."""
    text = (ROOT / name).read_text(encoding="utf-8")
    assert len(PIN.findall(text)) == len(re.findall(r" \\\n    --hash=sha256:", re.sub(r"(--hash=\S+) \\", r"\1", text)))


def test_tests_run_on_what_users_run() -> None:
    """Every version of requirements.lock is the one of requirements-test.lock."""
    shipped = set(PIN.findall((ROOT / LOCKS[0]).read_text(encoding="utf-8")))
    assert shipped <= set(PIN.findall((ROOT / LOCKS[1]).read_text(encoding="utf-8")))
